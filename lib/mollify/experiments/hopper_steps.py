"""What does the length of a training step decide for the hopper?

The paper normalises every gradient and prints one step, 1 (Table 1 and Appendix G). Two
experiments ask what hangs on it. hopper-step-size trains at fixed ratios of sigma to the step:
where success depends on the ratio alone, equal ratios succeed alike. hopper-many-small-steps
trains ten times as long with a tenth of the step, so that the way is as long as it can be with
steps of 1.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mollify import checks, store
from mollify.experiments import Experiment, Settings
from mollify.experiments.hopper_readings import (
    OTHER_SEEDS,
    QUICK,
    SHARED,
    Outcomes,
    gather,
    train_and_judge,
)


def key(step: float, sigma: float, seed: int) -> str:
    """The name of a unit."""
    return f"seed-{seed}_step-{step:g}_sigma-{sigma:g}"


def sigma_at(step: float, ratio: float) -> float:
    """sigma = ratio * step, rounded to the three digits of the grids."""
    return float(f"{ratio * step:.3g}")


def outcomes(results: store.Results, step: float, judged: str) -> Outcomes:
    """What `judged`, "deterministic" or "stochastic" evaluation, says of every ratio and seed."""
    settings = results.settings
    checks.choice("step", f"{step:g}", [f"{each:g}" for each in settings["steps"]])
    sigmas = [sigma_at(step, ratio) for ratio in settings["ratios"]]
    seeds = range(settings["seeds"])
    units = [[results.units[key(step, s, k)] for k in seeds] for s in sigmas]
    return gather(sigmas, units, judged)


def _units(settings: Settings) -> dict[str, dict[str, Any]]:
    grid = itertools.product(range(settings["seeds"]), settings["steps"], settings["ratios"])
    cells = [(step, sigma_at(step, ratio), seed) for seed, step, ratio in grid]
    return {
        key(step, sigma, seed): {"step": step, "sigma": sigma, "seed": seed}
        for step, sigma, seed in cells
    }


def _train(settings: Settings, step: float, sigma: float, seed: int) -> dict[str, NDArray]:
    """Train and judge as the readings do; of the policies, keep how far they have come."""
    arrays = train_and_judge({**settings, "step": step}, sigma, seed)
    thetas = arrays.pop("thetas")
    return arrays | {"ways": np.linalg.norm(thetas - thetas[0], axis=1)}


# The step belongs to a unit here.
FIXED = {name: value for name, value in SHARED.items() if name != "step"}

EXPERIMENTS = (
    Experiment(
        name="hopper-step-size",
        summary="The hopper's training at fixed ratios of sigma to the step, two more steps.",
        items="Appendix G, the step of the hopper",
        settings={
            **FIXED,
            "steps": [0.316, 3.16],
            "ratios": [0.0158, 0.05, 0.0889, 0.158, 0.281, 0.5],
            "seeds": OTHER_SEEDS,
        },
        quick={**QUICK, "ratios": [0.05, 0.5]},
        units=_units,
        compute=_train,
    ),
    Experiment(
        name="hopper-many-small-steps",
        summary="The hopper at sigma = 5: ten times as many steps, each a tenth as long.",
        items="Figs 6(d) and 13, the step of the hopper",
        settings={
            **FIXED,
            "steps": [0.1],
            "ratios": [50.0],
            "epochs": 1000,
            "checkpoint_every": 100,
            "seeds": OTHER_SEEDS,
        },
        quick=QUICK,
        units=_units,
        compute=_train,
    ),
)
