"""The double pendulum's experiments: Fig. 7 of the paper, over the readings it leaves open.

The landscapes of random policies (Fig. 2) are in `mollify.experiments.random_policies`.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mollify import regularity, store
from mollify.experiments import Experiment, Settings, random_policies
from mollify.experiments.repeats import TAIL, repeat
from mollify.gradients import Estimator
from mollify.policies import LinearPolicy
from mollify.rollout import rollout
from mollify.systems import System
from mollify.systems.double_pendulum import (
    POLICY,
    START,
    TIME_STEP,
    TORQUE_LIMIT,
    TRAINING,
    double_pendulum,
    initial_theta,
)
from mollify.training import train

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
    reads=("double-pendulum",),
)

SIGMAS = (
    *(0.003, 0.0056, 0.01, 0.018, 0.03, 0.056, 0.1, 0.18, 0.3, 0.56),
    *(1.0, 1.8, 3.0, 5.6, 10.0),
)
# What each reading changes in the main one.
READINGS: dict[str, dict[str, Any]] = {
    "main": {},
    "rk4": {"integrator": "rk4"},
    "outer-discount": {"estimator": ESTIMATORS[1]._asdict()},
    "batch-baseline": {"estimator": ESTIMATORS[2]._asdict()},
    "no-baseline": {"estimator": Estimator("reward_to_go", "none")._asdict()},
    "total-return": {"estimator": ESTIMATORS[3]._asdict()},
    "total-return-no-baseline": {"estimator": ESTIMATORS[4]._asdict()},
    "parameter-noise": {"estimator": ESTIMATORS[5]._asdict()},
    "step-0.1": {"step": 0.1},
    "step-10": {"step": 10.0},
    "bias": {"bias": True},
    "time-step-0.005": {"time_step": 0.005},
    "time-step-0.02": {"time_step": 0.02},
    "time-step-0.03": {"time_step": 0.03},
    "upright-minus": {"gain_sign": -1},
    "hanging-plus": {"upright": False},
    "hanging-minus": {"upright": False, "gain_sign": -1},
}
EVALUATION_STREAM = 3


def build(reading: dict[str, Any]) -> tuple[System, NDArray]:
    """The system of a reading and the theta_0 its training starts from."""
    system = double_pendulum(reading["time_step"], reading["integrator"], reading["upright"])
    theta = initial_theta(reading["gain_sign"])
    if not reading["bias"]:
        return system, theta
    with_bias = LinearPolicy(observation_size=4, action_size=2)
    return system._replace(policy=with_bias), np.concatenate([theta, np.zeros(2)])


def judge_with_noise(
    system: System, thetas: NDArray, estimator: Estimator, *, sigma: float, settings: Settings
) -> dict[str, NDArray]:
    """Drive each policy of thetas (S, P) with the noise it was trained with, on fresh draws.

    Returns the share of settled trajectories and the mean return, both (S,).
    """
    batch, horizon = settings["trajectories"], settings["horizon"]
    shares, returns = [], []
    for seed, theta in enumerate(thetas):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(EVALUATION_STREAM,)))
        starts = system.start(rng, batch)
        if estimator.kind == "parameter":
            shifted = theta + sigma * rng.standard_normal((batch, len(theta)))
            sample = rollout(system, shifted, starts, sigma=0.0, horizon=horizon)
        else:
            noise = rng.standard_normal((batch, horizon, 2))
            sample = rollout(system, theta, starts, sigma=sigma, noise=noise)
        shares.append(settled(sample.states[:, -TAIL:]).mean())
        returns.append(sample.returns().mean())
    return {"noisy_success": np.array(shares), "noisy_return": np.array(returns)}


def slim(arrays: dict[str, NDArray]) -> dict[str, NDArray]:
    """What the figures need of `repeat`: curves in single precision, the last policies."""
    curves = ("deterministic", "deterministic_discounted", "stochastic")
    return {name: arrays[name].astype(np.float32) for name in curves} | {
        "success": arrays["success"],
        "theta": arrays["thetas"][:, -1],
        "faults": arrays["faults"],
    }


def _train_reading(settings: Settings, name: str, sigma: float) -> dict[str, NDArray]:
    reading = settings["main"] | settings["readings"][name]
    system, theta = build(reading)
    estimator = Estimator(**reading["estimator"])
    arrays = repeat(
        system,
        theta,
        sigma=sigma,
        seeds=settings["seeds"] if name == "main" else settings["other_seeds"],
        estimator=estimator,
        settled=settled,
        step=reading["step"],
        **{name: settings[name] for name in ("batch", "epochs", "horizon")},
    )
    last = arrays["thetas"][:, -1]
    noisy = judge_with_noise(system, last, estimator, sigma=sigma, settings=settings)
    return slim(arrays) | noisy


def _reading_units(settings: Settings) -> dict[str, dict[str, Any]]:
    grid = itertools.product(settings["readings"], settings["sigmas"])
    return {f"{name}_sigma-{sigma:g}": {"name": name, "sigma": sigma} for name, sigma in grid}


SIZE = {"batch": TRAINING.batch, "epochs": TRAINING.epochs, "horizon": TRAINING.horizon}
MAIN_READING = {
    "estimator": MAIN._asdict(),
    "integrator": "euler",
    "time_step": TIME_STEP,
    "step": TRAINING.step,
    "bias": False,
    "upright": True,
    "gain_sign": 1,
}
READING_SWEEP = Experiment(
    name="double-pendulum-readings",
    summary="Train the double pendulum under every reading over a dense grid of sigma.",
    items="Fig. 7a",
    settings={
        "main": MAIN_READING,
        "readings": READINGS,
        "sigmas": list(SIGMAS),
        "seeds": 20,
        "other_seeds": 8,
        "trajectories": 16,
        **SIZE,
    },
    quick={
        **{"readings": {"main": {}, "bias": READINGS["bias"]}, "sigmas": [0.3], "seeds": 2},
        **{"other_seeds": 2, "epochs": 3, "horizon": 300},
    },
    units=_reading_units,
    compute=_train_reading,
)

COARSE = READING_SWEEP._replace(
    name="double-pendulum-coarse",
    summary="The main reading with a time step at which theta_0 is violently unstable.",
    items="Remark 5.3",
    settings=READING_SWEEP.settings
    | {"main": MAIN_READING | {"time_step": 0.03}, "readings": {"main": {}}},
    quick=READING_SWEEP.quick | {"readings": {"main": {}}},
)


def displaced(distance: float, seed: int) -> NDArray:
    """theta_0 moved by `distance` in a random direction of the eight gains."""
    direction = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(4,))).normal(size=8)
    return initial_theta() + distance * direction / np.linalg.norm(direction)


def _train_displaced(settings: Settings, distance: float) -> dict[str, NDArray]:
    system = double_pendulum(settings["time_step"])
    size = {name: settings[name] for name in ("sigma", "step", *SIZE)}
    seeds = range(settings["seeds"])
    runs = [train(system, displaced(distance, k), seed=k, estimator=MAIN, **size) for k in seeds]
    thetas = np.array([[run.thetas[0], run.thetas[-1]] for run in runs])
    starts = system.start(np.random.default_rng(0), 2 * len(runs))
    sample = rollout(system, thetas.reshape(-1, 8), starts, sigma=0.0, horizon=settings["horizon"])
    return {
        "thetas": thetas,
        "deterministic": sample.returns().reshape(-1, 2),
        "success": settled(sample.states[:, -TAIL:]).reshape(-1, 2),
        "faults": sample.faults.reshape(-1, 2),
    }


STARTS = Experiment(
    name="double-pendulum-starts",
    summary="Train from gains moved away from K0 by a random direction of a given length.",
    items="Section 6",
    settings={
        "distances": [0.0, 3.0, 6.0, 12.0, 25.0, 50.0, 100.0],
        "seeds": 40,
        "sigma": 0.3,
        "step": TRAINING.step,
        "time_step": TIME_STEP,
        **SIZE,
    },
    quick={"distances": [0.0, 25.0], "seeds": 2, "epochs": 3, "horizon": 300},
    units=lambda settings: {f"distance-{d:g}": {"distance": d} for d in settings["distances"]},
    compute=_train_displaced,
)


def quadratic_share(x: NDArray, y: NDArray, values: NDArray) -> float:
    """Share of the variation of values (rows, columns) that a quadratic in (x, y) explains."""
    x, y = np.meshgrid(x, y)
    terms = np.stack([x**0, x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    flat = values.ravel()
    rest = flat - terms @ np.linalg.lstsq(terms, flat, rcond=None)[0]
    return float(1 - rest.var() / flat.var())


def _landscapes(settings: Settings, unit: str, which: str) -> dict[str, NDArray]:
    thetas = store.load("double-pendulum").units[unit]["thetas"]
    thetas = thetas[: settings["seeds"], -1] if which == "last" else thetas[:1, 0]
    shared = dict(time_step=settings["time_step"], horizon=settings["horizon"])
    axis = np.linspace(-TORQUE_LIMIT, TORQUE_LIMIT, settings["grid"])
    line = np.linspace(-TORQUE_LIMIT, TORQUE_LIMIT, settings["points"])
    plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    grids, shares, exponents = [], [], []
    for theta in thetas:
        grid = action_landscape(theta, plane, **shared)["undiscounted"].reshape(len(axis), -1)
        grids.append(grid.astype(np.float32))
        shares.append(quadratic_share(axis, axis, grid))
        own = np.clip(POLICY.mean(theta, START), -TORQUE_LIMIT, TORQUE_LIMIT)
        for joint in range(2):
            actions = np.tile(own, (len(line), 1))
            actions[:, joint] = line
            values = action_landscape(theta, actions, **shared)["undiscounted"]
            spacing = line[1] - line[0]
            found = regularity.holder_exponent(values, spacing, low=spacing, high=8 * spacing)
            exponents.append((found.value, found.standard_error))
    return {
        "axis": axis,
        "grids": np.array(grids),
        "quadratic_share": np.array(shares),
        "exponents": np.array(exponents).reshape(-1, 2, 2),
    }


def _landscape_units(settings: Settings) -> dict[str, dict[str, Any]]:
    units = {
        f"last_sigma-{sigma:g}": {"unit": f"euler_{MAIN.label}_sigma-{sigma:g}", "which": "last"}
        for sigma in settings["sigmas"]
    }
    return {"first": {"unit": f"euler_{MAIN.label}_sigma-0.3", "which": "first"}} | units


LANDSCAPES = Experiment(
    name="double-pendulum-landscapes",
    summary="Q(s0, a) of the last policies of every seed, how quadratic and how rough.",
    items="Fig. 7b",
    settings={
        **{"sigmas": [0.01, 0.3, 3.0], "seeds": 20, "grid": 41, "points": 513},
        **{"horizon": TRAINING.horizon, "time_step": TIME_STEP},
    },
    quick={"sigmas": [0.3], "seeds": 1, "grid": 5, "horizon": 200},
    units=_landscape_units,
    compute=_landscapes,
    reads=("double-pendulum",),
)

EXPERIMENTS = (
    *(TRAIN, LANDSCAPE, READING_SWEEP, COARSE, STARTS, LANDSCAPES),
    *random_policies.EXPERIMENTS,
)
