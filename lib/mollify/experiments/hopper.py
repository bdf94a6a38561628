"""The hopper's experiments: Figs 4, 5, 6a-f, 10-13 and Tables 1-2 of the paper."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mollify import store
from mollify.experiments import Experiment, Settings
from mollify.gradients import Estimator
from mollify.rollout import Rollout, rollout
from mollify.systems import System
from mollify.systems.hopper import FRAME_SKIP, SIGMAS, STOCK_TIME_STEP, TRAINING, hopper, stands
from mollify.training import initial_generator, train

# Streams of a run's seed: 0 and 1 belong to mollify.training.
EVALUATION_STREAM = 2
PLANE_STREAM = 3


def _system(settings: Settings) -> System:
    return hopper(settings["time_step"], settings["frame_skip"])


def evaluate(
    system: System, theta: NDArray, *, sigma: float, seed: int, epoch: int, trajectories: int,
    horizon: int,
) -> Rollout:  # fmt: skip
    """Drive `theta` from fresh starts; sigma = 0 judges the deterministic policy."""
    sequence = np.random.SeedSequence(seed, spawn_key=(EVALUATION_STREAM, epoch))
    rng = np.random.default_rng(sequence)
    starts = system.start(rng, trajectories)
    noise = rng.standard_normal((trajectories, horizon, len(system.action_names)))
    return rollout(system, theta, starts, sigma=sigma, noise=noise)


def _stand_units(settings: Settings) -> dict[str, dict[str, Any]]:
    pairs = itertools.product(settings["sigmas"], range(settings["seeds"]))
    return {f"sigma-{s:g}_seed-{k}": {"sigma": s, "seed": k} for s, k in pairs}


def _stand(settings: Settings, sigma: float, seed: int) -> dict[str, NDArray]:
    """Train one policy and judge it at checkpoints and at the end."""
    system = _system(settings)
    horizon, epochs = settings["horizon"], settings["epochs"]
    theta = system.policy.initial(initial_generator(seed), settings["initial_scale"])
    history = train(
        system,
        theta,
        sigma=sigma,
        seed=seed,
        estimator=Estimator(**settings["estimator"]),
        batch=settings["batch"],
        epochs=epochs,
        horizon=horizon,
        step=settings["step"],
    )
    arrays = history._asdict()

    shared = dict(seed=seed, horizon=horizon)
    checkpoints = np.arange(0, epochs + 1, settings["checkpoint_every"])
    arrays["checkpoints"] = checkpoints
    few = settings["checkpoint_trajectories"]
    judged = [
        evaluate(system, history.thetas[k], sigma=0.0, epoch=int(k), trajectories=few, **shared)
        for k in checkpoints
    ]
    arrays["checkpoint_returns"] = np.array([sample.returns() for sample in judged])
    arrays["checkpoint_stands"] = np.array([stands(sample.states) for sample in judged])

    for label, spread in (("deterministic", 0.0), ("stochastic", sigma)):
        many = settings["final_trajectories"]
        sample = evaluate(
            system, history.thetas[-1], sigma=spread, epoch=epochs + 1, trajectories=many, **shared
        )
        arrays[f"{label}_returns"] = sample.returns()
        arrays[f"{label}_stands"] = stands(sample.states)
        arrays[f"{label}_faults"] = sample.faults
        arrays[f"{label}_path"] = sample.states[0, :, :6].astype(np.float32)
    return arrays


STAND = Experiment(
    name="hopper-stand",
    summary="Train the hopper to stand at four sigmas; judge every policy by return and posture.",
    items="Figs 4, 5, 6a-d, 10-13; Tables 1-2",
    settings={
        "sigmas": list(SIGMAS),
        "seeds": 5,
        "batch": TRAINING.batch,
        "epochs": TRAINING.epochs,
        "horizon": TRAINING.horizon,
        "step": TRAINING.step,
        "estimator": Estimator("reward_to_go", "time", outer_discount=False)._asdict(),
        "initial_scale": 1.0,
        "time_step": STOCK_TIME_STEP,
        "frame_skip": FRAME_SKIP,
        "checkpoint_every": 10,
        "checkpoint_trajectories": 8,
        "final_trajectories": 32,
    },
    quick={
        "sigmas": [0.05, 0.5],
        "seeds": 2,
        "batch": 4,
        "epochs": 3,
        "horizon": 50,
        "checkpoint_every": 1,
        "checkpoint_trajectories": 2,
        "final_trajectories": 2,
    },
    units=_stand_units,
    compute=_stand,
)


def _landscape_units(settings: Settings) -> dict[str, dict[str, Any]]:
    return {name: {"unit": unit, "epoch": epoch} for name, unit, epoch in settings["policies"]}


def plane(settings: Settings, parameter_count: int) -> tuple[NDArray, NDArray, NDArray]:
    """The offsets (G,) and two orthonormal random directions (P,) of the landscape's plane."""
    sequence = np.random.SeedSequence(settings["seed"], spawn_key=(PLANE_STREAM,))
    draws = np.random.default_rng(sequence).standard_normal((parameter_count, 2))
    first, second = np.linalg.qr(draws)[0].T
    offsets = np.linspace(-settings["reach"], settings["reach"], settings["grid"])
    return offsets, first, second


def _landscape(settings: Settings, unit: str, epoch: int) -> dict[str, NDArray]:
    """The deterministic policy's return on a plane around a policy of the training run."""
    system = _system(settings)
    theta = store.load("hopper-stand").units[unit]["thetas"][epoch]
    offsets, first, second = plane(settings, len(theta))
    sequence = np.random.SeedSequence(settings["seed"], spawn_key=(EVALUATION_STREAM,))
    start = system.start(np.random.default_rng(sequence), 1)

    def returns(shifts: NDArray) -> tuple[NDArray, NDArray]:
        starts = np.repeat(start, len(shifts), axis=0)
        sample = rollout(system, theta + shifts, starts, sigma=0.0, horizon=settings["horizon"])
        return sample.returns(), stands(sample.states)

    rows = [returns(a * first + offsets[:, None] * second) for a in offsets]
    reach = settings["line_reach"]
    line = np.linspace(-reach, reach, settings["line_points"])
    line_returns, line_stands = returns(line[:, None] * first)
    return {
        "offsets": offsets,
        "returns": np.array([row[0] for row in rows]),
        "stands": np.array([row[1] for row in rows]),
        "line": line,
        "line_returns": line_returns,
        "line_stands": line_stands,
    }


LANDSCAPE = Experiment(
    name="hopper-landscape",
    summary="The deterministic return on a plane around a first, a last and a failed policy.",
    items="Fig. 6e-f",
    settings={
        # Seed 3 stands at sigma = 0.05 and fails at 0.005, from the same first policy.
        "policies": [
            ["first", "sigma-0.05_seed-3", 0],
            ["last", "sigma-0.05_seed-3", 100],
            ["failed", "sigma-0.005_seed-3", 100],
        ],
        "seed": 0,
        "reach": 0.1,
        "grid": 41,
        "line_reach": 0.001,
        "line_points": 401,
        "horizon": TRAINING.horizon,
        "time_step": STOCK_TIME_STEP,
        "frame_skip": FRAME_SKIP,
    },
    quick={"grid": 3, "line_points": 5, "horizon": 50},
    units=_landscape_units,
    compute=_landscape,
    reads=("hopper-stand",),
)

EXPERIMENTS = (STAND, LANDSCAPE)
