"""What do the integrator and its time step decide for the hopper?

Sweeps train on one Euler step of 8 ms a decision, Gymnasium's model takes four Runge-Kutta steps
of 2 ms. At sigma = 0.5 the published grid stands less often than the sweep. This experiment trains
more seeds on the stock model, and others with the integrator or the time step of the sweep alone.
"""

from __future__ import annotations

import itertools
from typing import Any

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
from mollify.systems.hopper import FRAME_SKIP, STOCK_TIME_STEP

COARSE_TIME_STEP = SHARED["time_step"]
# How a decision of 8 ms is integrated; the fourth, one Euler step, is that of the sweeps.
PHYSICS: dict[str, dict[str, Any]] = {
    "rk4-2ms": {"integrator": "rk4", "time_step": STOCK_TIME_STEP, "frame_skip": FRAME_SKIP},
    "euler-2ms": {"integrator": "euler", "time_step": STOCK_TIME_STEP, "frame_skip": FRAME_SKIP},
    "rk4-8ms": {"integrator": "rk4", "time_step": COARSE_TIME_STEP, "frame_skip": 1},
}


def key(physics: str, sigma: float, seed: int) -> str:
    """The name of a unit."""
    return f"{physics}_sigma-{sigma:g}_seed-{seed}"


def seeds(settings: Settings) -> range:
    """The first seeds belong to the published grid."""
    return range(settings["first_seed"], settings["first_seed"] + settings["seeds"])


def outcomes(results: store.Results, physics: str, judged: str) -> Outcomes:
    """What `judged`, "deterministic" or "stochastic" evaluation, says of every sigma and seed."""
    settings = results.settings
    checks.choice("physics", physics, tuple(settings["physics"]))
    sigmas = settings["sigmas"]
    units = [[results.units[key(physics, s, k)] for k in seeds(settings)] for s in sigmas]
    return gather(sigmas, units, judged)


def _units(settings: Settings) -> dict[str, dict[str, Any]]:
    grid = itertools.product(settings["physics"], settings["sigmas"], seeds(settings))
    return {key(p, s, k): {"physics": p, "sigma": s, "seed": k} for p, s, k in grid}


def _train(settings: Settings, physics: str, sigma: float, seed: int) -> dict[str, NDArray]:
    """Train on the named physics and judge as the readings do."""
    return train_and_judge({**settings, **settings["physics"][physics]}, sigma, seed)


# The physics belongs to a unit here.
FIXED = {name: value for name, value in SHARED.items() if name not in PHYSICS["rk4-2ms"]}

EXPERIMENTS = (
    Experiment(
        name="hopper-integrators",
        summary="The hopper at sigma = 0.5: more seeds on the stock model, and the steps between.",
        items="Figs 6c and 12; the check of the coarse step",
        settings={
            **FIXED,
            "physics": PHYSICS,
            "sigmas": [0.5],
            "first_seed": 5,
            "seeds": OTHER_SEEDS,
        },
        quick=QUICK,
        units=_units,
        compute=_train,
    ),
)
