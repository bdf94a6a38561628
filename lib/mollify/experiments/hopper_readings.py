"""The hopper over everything the paper leaves open: one experiment a reading, a dense sigma grid.

Training uses a coarse physics step (Euler, one step of 8 ms a decision in place of four
Runge-Kutta steps of 2 ms), which is about thirteen times cheaper. The policy it leaves is judged
on the stock model. The experiments hopper-stand and hopper-integrators, trained and judged on the
stock model, are the check that the shortcut does not change a verdict.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mollify import checks, store
from mollify.experiments import Experiment, Settings
from mollify.experiments.hopper import EVALUATION_STREAM, evaluate
from mollify.gradients import Estimator
from mollify.rollout import Rollout, rollout
from mollify.systems import System
from mollify.systems.hopper import (
    FRAME_SKIP,
    STOCK_TIME_STEP,
    TORQUE_LIMIT,
    TRAINING,
    hopper,
    stands,
)
from mollify.training import initial_generator, train

MAIN = {
    "estimator": Estimator("reward_to_go", "time", outer_discount=False)._asdict(),
    "step": TRAINING.step,
    "initial_scale": 1.0,
    "torque_limit": TORQUE_LIMIT,
    "terminates": False,
}
# What each reading changes in the main one.
READINGS: dict[str, dict[str, Any]] = {
    "main": {},
    "total-return": {"estimator": Estimator("total_return", "batch")._asdict()},
    "no-baseline": {"estimator": Estimator("reward_to_go", "none")._asdict()},
    "batch-baseline": {"estimator": Estimator("reward_to_go", "batch")._asdict()},
    "outer-discount": {
        "estimator": Estimator("reward_to_go", "time", outer_discount=True)._asdict()
    },
    "parameter-noise": {"estimator": Estimator("parameter", "batch")._asdict()},
    "small-step": {"step": 0.1},
    "small-weights": {"initial_scale": 0.1},
    "unclipped": {"torque_limit": None},
    "termination": {"terminates": True},
}
MAIN_SEEDS, OTHER_SEEDS = 20, 8

Unit = Mapping[str, NDArray]


class Outcomes(NamedTuple):
    """How the policies of one reading were judged, for S sigmas and K seeds.

    stands (S, K): share of starts from which the policy stands; returns (S, K): median return.
    """

    sigmas: NDArray
    stands: NDArray
    returns: NDArray


def outcomes(results: store.Results, judged: str) -> Outcomes:
    """What `judged`, "deterministic" or "stochastic" evaluation, says of every sigma and seed."""
    sigmas, seeds = results.settings["sigmas"], range(results.settings["seeds"])
    units = [[results.units[f"seed-{k}_sigma-{s:g}"] for k in seeds] for s in sigmas]
    return gather(sigmas, units, judged)


def gather(sigmas: Sequence[float], units: list[list[Unit]], judged: str) -> Outcomes:
    """The outcomes of S rows of K units each, one row for every sigma."""
    checks.choice("judged", judged, ("deterministic", "stochastic"))
    stands = [[unit[f"{judged}_stands"].mean() for unit in row] for row in units]
    returns = [[np.median(unit[f"{judged}_returns"]) for unit in row] for row in units]
    return Outcomes(np.array(sigmas), np.array(stands), np.array(returns))


def _units(settings: Settings) -> dict[str, dict[str, Any]]:
    pairs = itertools.product(range(settings["seeds"]), settings["sigmas"])
    return {f"seed-{k}_sigma-{s:g}": {"sigma": s, "seed": k} for k, s in pairs}


def judge(
    system: System, theta: NDArray, estimator: Estimator, *, sigma: float, seed: int, epoch: int,
    trajectories: int, horizon: int,
) -> Rollout:  # fmt: skip
    """Drive `theta` with the noise it was trained with, in the action or in the parameters."""
    if estimator.kind != "parameter":
        shared = dict(trajectories=trajectories, horizon=horizon)
        return evaluate(system, theta, sigma=sigma, seed=seed, epoch=epoch, **shared)
    sequence = np.random.SeedSequence(seed, spawn_key=(EVALUATION_STREAM, epoch))
    rng = np.random.default_rng(sequence)
    starts = system.start(rng, trajectories)
    shifted = theta + sigma * rng.standard_normal((trajectories, len(theta)))
    return rollout(system, shifted, starts, sigma=0.0, horizon=horizon)


def train_and_judge(settings: Settings, sigma: float, seed: int) -> dict[str, NDArray]:
    """Train on the physics of the settings; judge checkpoints there, the last policy on the stock
    model.
    """
    system = hopper(
        settings["time_step"],
        settings["frame_skip"],
        integrator=settings["integrator"],
        torque_limit=settings["torque_limit"],
        terminates=settings["terminates"],
    )
    stock = hopper(STOCK_TIME_STEP, FRAME_SKIP, torque_limit=settings["torque_limit"])
    epochs, horizon = settings["epochs"], settings["horizon"]
    estimator = Estimator(**settings["estimator"])
    theta = system.policy.initial(initial_generator(seed), settings["initial_scale"])
    history = train(
        system,
        theta,
        sigma=sigma,
        seed=seed,
        estimator=estimator,
        batch=settings["batch"],
        epochs=epochs,
        horizon=horizon,
        step=settings["step"],
    )
    checkpoints = np.arange(0, epochs + 1, settings["checkpoint_every"])
    arrays = {
        "returns": history.returns.mean(axis=1),
        "discounted": history.discounted.mean(axis=1),
        "gradient_norms": history.gradient_norms,
        "training_faults": history.faults.sum(),
        "checkpoints": checkpoints,
        "thetas": history.thetas[checkpoints],
    }
    free = system._replace(ended=None)
    shared = dict(seed=seed, horizon=horizon)
    few, many = settings["checkpoint_trajectories"], settings["final_trajectories"]
    judged = [
        evaluate(free, history.thetas[k], sigma=0.0, epoch=int(k), trajectories=few, **shared)
        for k in checkpoints
    ]
    arrays["checkpoint_returns"] = np.array([sample.returns() for sample in judged])
    arrays["checkpoint_stands"] = np.array([stands(sample.states) for sample in judged])
    for label, spread in (("deterministic", 0.0), ("stochastic", sigma)):
        sample = judge(
            stock,
            history.thetas[-1],
            estimator,
            **dict(sigma=spread, epoch=epochs + 1, trajectories=many, **shared),
        )
        arrays[f"{label}_returns"] = sample.returns()
        arrays[f"{label}_discounted"] = sample.returns(TRAINING.discount)
        arrays[f"{label}_stands"] = stands(sample.states)
        arrays[f"{label}_faults"] = sample.faults
    return arrays


# How every reading trains and judges, at full size and with --quick.
SHARED: dict[str, Any] = {
    "batch": TRAINING.batch,
    "epochs": TRAINING.epochs,
    "horizon": TRAINING.horizon,
    **MAIN,
    "time_step": STOCK_TIME_STEP * FRAME_SKIP,
    "frame_skip": 1,
    "integrator": "euler",
    "checkpoint_every": 25,
    "checkpoint_trajectories": 8,
    "final_trajectories": 16,
}
QUICK: dict[str, Any] = {
    "seeds": 2,
    "batch": 4,
    "epochs": 2,
    "horizon": 50,
    "checkpoint_every": 1,
    "checkpoint_trajectories": 2,
    "final_trajectories": 2,
}


def _reading(name: str) -> Experiment:
    return Experiment(
        name=f"hopper-reading-{name}",
        summary=f"The hopper's dense sigma sweep, reading: {name}.",
        items="Fig. 6; claims of Sections 1 and 6" if name == "main" else "Fig. 6, other readings",
        settings={
            # Four values a decade; the paper has the first, fifth, ninth and last.
            "sigmas": [float(f"{s:.3g}") for s in np.geomspace(0.005, 5, 13)],
            "seeds": MAIN_SEEDS if name == "main" else OTHER_SEEDS,
            **SHARED,
            **READINGS[name],
        },
        quick={"sigmas": [0.05, 0.5], **QUICK},
        units=_units,
        compute=train_and_judge,
    )


EXPERIMENTS = tuple(_reading(name) for name in READINGS)
