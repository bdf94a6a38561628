"""The planar quadrotor's experiments: Fig. 8, in the readings that show the spike and not."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mollify.experiments import Experiment, Settings
from mollify.experiments.repeats import repeat
from mollify.gradients import Estimator
from mollify.rollout import rollout
from mollify.systems.planar_quadrotor import (
    SIGMA,
    TRAINING,
    initial_theta,
    planar_quadrotor,
)

PLANE_STREAM = 3
BALANCED_PLACE, BALANCED_ANGLE = 0.5, 0.2
FLIES = -20.0
"""A policy whose return over 1000 steps is above this flies without chattering."""
STARTS = {"hover": [0.0, 0.0], "above": [0.0, 0.5], "aside": [0.5, 0.0]}


def settled(states: NDArray) -> NDArray:
    """Success: within 0.5 m of hover and 0.2 rad of level throughout; (B, T, 6) -> (B,)."""
    near = (np.abs(states[..., [0, 2]]) < BALANCED_PLACE).all(axis=(1, 2))
    return near & (np.abs(states[..., 4]) < BALANCED_ANGLE).all(axis=1)


def plane(seed: int) -> NDArray:
    """Two orthonormal random directions in parameter space, as columns (14, 2)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PLANE_STREAM,)))
    return np.linalg.qr(rng.standard_normal((len(initial_theta()), 2)))[0]


def returns_around(
    shifts: NDArray, *, time_step: float, offset: list[float], horizon: int
) -> tuple[NDArray, NDArray]:
    """Discounted and undiscounted return of theta* + shifts (B, 14), both (B,)."""
    system = planar_quadrotor(time_step, offset=offset)
    starts = system.start(np.random.default_rng(0), len(shifts))
    sample = rollout(system, initial_theta() + shifts, starts, sigma=0.0, horizon=horizon)
    return sample.returns(system.training.discount), sample.returns()


def landscape_units(settings: Settings) -> dict[str, dict[str, Any]]:
    """One unit for each start and time step."""
    pairs = itertools.product(settings["starts"], settings["time_steps"])
    return {
        f"{start}_step-{time_step:g}": {"start": start, "time_step": time_step}
        for start, time_step in pairs
    }


def _landscape(settings: Settings, start: str, time_step: float) -> dict[str, NDArray]:
    directions = plane(settings["seed"])
    # An odd grid has theta* itself in its centre, where the spike stands.
    axis = np.linspace(-settings["reach"], settings["reach"], settings["grid"])
    distances = np.logspace(*settings["decades"], settings["line_points"])
    line = np.concatenate([-distances[::-1], [0.0], distances])
    shared = dict(offset=STARTS[start], time_step=time_step, horizon=settings["horizon"])
    rows = [
        returns_around(np.stack([axis, np.full_like(axis, b)], axis=1) @ directions.T, **shared)[1]
        for b in axis
    ]
    along, along_whole = returns_around(line[:, None] * directions[:, 0], **shared)
    return {
        "axis": axis,
        "undiscounted": np.array(rows),
        "line": line,
        "line_discounted": along,
        "line_undiscounted": along_whole,
    }


LANDSCAPE = Experiment(
    name="quadrotor-landscape",
    summary="The return around the printed gain, for three starts and two sampling steps.",
    items="Fig. 8a",
    settings={
        "starts": list(STARTS),
        "time_steps": [0.1, 0.01],
        "seed": 0,
        "reach": 0.5,
        "grid": 151,
        "decades": [-12, 0],
        "line_points": 241,
        "horizon": TRAINING.horizon,
    },
    quick={"grid": 5, "line_points": 7, "horizon": 100},
    units=landscape_units,
    compute=_landscape,
)


def _training_units(settings: Settings) -> dict[str, dict[str, Any]]:
    grid = itertools.product(
        settings["starts"], settings["time_steps"], settings["estimators"], settings["steps"]
    )
    return {
        f"{start}_step-{time_step:g}_{Estimator(**estimator).label}_delta-{step:g}": {
            **{"start": start, "time_step": time_step, "estimator": estimator, "step": step}
        }
        for start, time_step, estimator, step in grid
    }


def _train(
    settings: Settings, start: str, time_step: float, estimator: dict, step: float
) -> dict[str, NDArray]:
    return repeat(
        planar_quadrotor(time_step, offset=STARTS[start]),
        initial_theta(),
        estimator=Estimator(**estimator),
        step=step,
        settled=settled,
        **{name: settings[name] for name in ("sigma", "seeds", "batch", "epochs", "horizon")},
    )


MAIN = Estimator("reward_to_go", "time", outer_discount=False)
ESTIMATORS = (MAIN, Estimator("total_return", "batch"), Estimator("parameter", "batch"))

TRAIN = Experiment(
    name="quadrotor-training",
    summary="Train the quadrotor from the printed gain, for each start, sampling step and delta.",
    items="Fig. 8b; Table 1",
    settings={
        "starts": list(STARTS),
        "time_steps": [0.1, 0.01],
        "estimators": [estimator._asdict() for estimator in ESTIMATORS],
        "steps": [TRAINING.step, 0.03, 1.0],
        "sigma": SIGMA,
        "seeds": 20,
        "batch": TRAINING.batch,
        "epochs": TRAINING.epochs,
        "horizon": TRAINING.horizon,
    },
    quick={
        **{"starts": ["hover"], "time_steps": [0.1], "estimators": [MAIN._asdict()]},
        **{"steps": [TRAINING.step], "seeds": 2, "epochs": 3, "horizon": 100},
    },
    units=_training_units,
    compute=_train,
)

# The cusp over a family of gains and clocks.

EXPERIMENTS = (LANDSCAPE, TRAIN)
