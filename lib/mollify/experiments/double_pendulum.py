"""The double pendulum's experiments: Fig. 7 of the paper, over the readings it leaves open."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mollify import store
from mollify.experiments import Experiment, Settings
from mollify.experiments.repeats import repeat
from mollify.gradients import Estimator
from mollify.rollout import rollout
from mollify.systems.double_pendulum import (
    START,
    TIME_STEP,
    TORQUE_LIMIT,
    TRAINING,
    double_pendulum,
    initial_theta,
)

UPRIGHT_ANGLE = 0.1


def settled(states: NDArray) -> NDArray:
    """Success: both angles within 0.1 rad of upright throughout; states (B, T, 4) -> (B,)."""
    return (np.abs(states[..., :2]) < UPRIGHT_ANGLE).all(axis=(1, 2))


def _units(settings: Settings) -> dict[str, dict[str, Any]]:
    grid = itertools.product(settings["integrators"], settings["estimators"], settings["sigmas"])
    return {
        f"{integrator}_{Estimator(**estimator).label}_sigma-{sigma:g}": {
            **{"integrator": integrator, "estimator": estimator, "sigma": sigma}
        }
        for integrator, estimator, sigma in grid
    }


def _train(settings: Settings, integrator: str, estimator: dict, sigma: float) -> dict:
    return repeat(
        double_pendulum(settings["time_step"], integrator),
        initial_theta(),
        sigma=sigma,
        estimator=Estimator(**estimator),
        settled=settled,
        **{name: settings[name] for name in ("seeds", "batch", "epochs", "horizon", "step")},
    )


MAIN = Estimator("reward_to_go", "time", outer_discount=False)
ESTIMATORS = (
    MAIN,
    Estimator("reward_to_go", "time", outer_discount=True),
    Estimator("reward_to_go", "batch", outer_discount=False),
    Estimator("total_return", "batch"),
    Estimator("total_return", "none"),
    Estimator("parameter", "batch"),
)

TRAIN = Experiment(
    name="double-pendulum",
    summary="Train the double pendulum under each integrator, estimator and sigma.",
    items="Fig. 7a; Table 1",
    settings={
        "integrators": ["euler", "rk4"],
        "estimators": [estimator._asdict() for estimator in ESTIMATORS],
        "sigmas": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
        "seeds": 20,
        "batch": TRAINING.batch,
        "epochs": TRAINING.epochs,
        "horizon": TRAINING.horizon,
        "step": TRAINING.step,
        "time_step": TIME_STEP,
    },
    quick={
        **{"integrators": ["euler"], "estimators": [MAIN._asdict()], "sigmas": [0.1]},
        **{"seeds": 2, "epochs": 3, "horizon": 300},
    },
    units=_units,
    compute=_train,
)


def action_landscape(theta: NDArray, actions: NDArray, *, time_step: float, horizon: int) -> dict:
    """Q^pi(s_0, a) for actions (B, 2): take a once, then follow the deterministic policy.

    Returns "discounted" and "undiscounted", both (B,).
    """
    system = double_pendulum(time_step)
    starts = system.start(np.random.default_rng(0), len(actions))
    # The first action is a = mu(s_0) + 1 * noise; without later noise the rest is the policy's.
    noise = np.zeros((len(actions), horizon, 2))
    noise[:, 0] = actions - system.policy.mean(theta, START)
    sample = rollout(system, theta, starts, sigma=1.0, noise=noise)
    return {
        "discounted": sample.returns(system.training.discount),
        "undiscounted": sample.returns(),
    }


def _landscape(settings: Settings, which: str) -> dict[str, NDArray]:
    thetas = store.load("double-pendulum").units[settings["unit"]]["thetas"]
    theta = thetas[settings["seed"], 0 if which == "first" else -1]
    axis = np.linspace(-TORQUE_LIMIT, TORQUE_LIMIT, settings["grid"])
    shared = dict(time_step=settings["time_step"], horizon=settings["horizon"])
    rows = [
        action_landscape(theta, np.stack([axis, np.full_like(axis, second)], axis=1), **shared)
        for second in axis
    ]
    stacked = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {"axis": axis, "theta": theta, **stacked}


LANDSCAPE = Experiment(
    name="double-pendulum-landscape",
    summary="Q(s0, a) over the first action, for the first and the last policy.",
    items="Fig. 7b",
    settings={
        "unit": f"euler_{MAIN.label}_sigma-0.3",
        "seed": 0,
        "grid": 101,
        "horizon": TRAINING.horizon,
        "time_step": TIME_STEP,
    },
    quick={"grid": 5, "horizon": 200},
    units=lambda settings: {which: {"which": which} for which in ("first", "last")},
    compute=_landscape,
)

EXPERIMENTS = (TRAIN, LANDSCAPE)
