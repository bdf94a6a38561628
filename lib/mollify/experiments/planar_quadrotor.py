"""The planar quadrotor's experiments: Fig. 8, in the readings that show the spike and not."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from mollify.experiments import Experiment, Settings
from mollify.experiments.repeats import repeat
from mollify.gradients import Estimator
from mollify.rollout import rollout
from mollify.systems import System
from mollify.systems.planar_quadrotor import (
    POLICY,
    PRINTED_GAIN,
    PRINTED_OFFSET,
    SIGMA,
    THRUST_LIMIT,
    TRAINING,
    closed_loop_eigenvalues,
    initial_theta,
    lqr_gain,
    planar_quadrotor,
)

PLANE_STREAM, DIRECTION_STREAM, NOISE_STREAM = 3, 4, 5
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


def _landscape_units(settings: Settings) -> dict[str, dict[str, Any]]:
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
        returns_around(np.stack([axis, np.full_like(axis, b)], axis=1) @ directions.T, **shared)
        for b in axis
    ]
    along, along_whole = returns_around(line[:, None] * directions[:, 0], **shared)
    return {
        "axis": axis,
        "discounted": np.array([row[0] for row in rows]),
        "undiscounted": np.array([row[1] for row in rows]),
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
    units=_landscape_units,
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

ANTISYMMETRIC = np.repeat([0.0, 1.0, -1.0], [12, 1, 1]) / np.sqrt(2)
"""The direction (14,) in which one propeller pushes more and the other less; no gain changes."""

FAMILIES = {
    "step": [0.0896, 0.09, 0.091, 0.0925, 0.095, 0.0975, 0.1, 0.105, 0.11, 0.12],
    "held": [0.073, 0.075, 0.0775, 0.08, 0.085, 0.09, 0.1],
    "weight": [0.02, 0.03, 0.04, 0.05, 0.07, 0.085, 0.1, 0.11],
    "scale": [0.93, 0.95, 0.975, 1.0, 1.05, 1.1, 1.2, 1.4],
}
"""What varies in each family: the sampling step with Euler's method; the same with the physics
solved between the samples (RK4); the action weight of the LQR gain; the printed gain's factor."""


def family_member(family: str, value: float) -> tuple[float, str, NDArray]:
    """Sampling step, integrator and gain (2, 6) of one member of a family."""
    gain = PRINTED_GAIN
    if family == "weight":
        gain = lqr_gain(action_weight=value)
    elif family == "scale":
        gain = value * PRINTED_GAIN
    step = value if family in ("step", "held") else 0.1
    return step, "rk4" if family == "held" else "euler", gain


def growth(family: str, value: float) -> float:
    """What one step multiplies a small departure from hover by, in one member of a family."""
    step, integrator, gain = family_member(family, value)
    sampling = "exact" if integrator == "rk4" else "euler"
    return float(abs(closed_loop_eigenvalues(step, sampling, gain)[0]))


def random_directions(seed: int, count: int) -> NDArray:
    """Independent random unit vectors in parameter space, as rows (count, 14)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(DIRECTION_STREAM,)))
    found = rng.standard_normal((count, POLICY.parameter_count))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def losses(system: System, theta: NDArray, shifts: NDArray, horizon: int) -> NDArray:
    """Reward lost at each step by theta + shifts (B, 14) against theta; shape (B, horizon).

    Summed reward by reward, so that a small loss is not the difference of two large returns.
    """
    thetas = theta + np.concatenate([np.zeros((1, len(theta))), shifts])
    starts = system.start(np.random.default_rng(0), len(thetas))
    rewards = rollout(system, thetas, starts, sigma=0.0, horizon=horizon).rewards
    return rewards[0] - rewards[1:]


def _cusp_units(settings: Settings) -> dict[str, dict[str, Any]]:
    units = {
        f"{family}_start-hover": {"family": family, "start": "hover"}
        for family in settings["families"]
    }
    return units | {
        f"step_start-{start}": {"family": "step", "start": start} for start in settings["starts"]
    }


def _cusp(settings: Settings, family: str, start: str) -> dict[str, NDArray]:
    horizon = settings["horizon"]
    directions = random_directions(settings["seed"], settings["directions"])
    directions = np.concatenate([ANTISYMMETRIC[None], directions])
    distances = np.logspace(*settings["decades"], settings["points"])
    discounts = np.array(settings["discounts"])
    weights = discounts[:, None] ** np.arange(horizon)
    values = settings["families"][family]
    lost = np.empty((len(values), len(directions), len(distances), len(discounts)))
    for i, value in enumerate(values):
        step, integrator, gain = family_member(family, value)
        system = planar_quadrotor(step, integrator, offset=STARTS[start])
        theta = POLICY.pack(gain, PRINTED_OFFSET)
        for j, direction in enumerate(directions):
            shifts = distances[:, None] * direction
            lost[i, j] = losses(system, theta, shifts, horizon) @ weights.T
    growths = np.array([growth(family, value) for value in values])
    return {"growth": growths, "distance": distances, "loss": lost.astype(np.float32)}


CUSP = Experiment(
    name="quadrotor-cusp",
    summary="What a small change of the policy costs, over families of gains and clocks.",
    items="Section 6 (the spike of Fig. 8a), Prop. 3.1",
    settings={
        "families": FAMILIES,
        "starts": ["above", "aside"],
        "seed": 0,
        "directions": 16,
        "decades": [-10, -2],
        "points": 49,
        "discounts": [0.8, 0.9, 0.95, 0.98, 0.99, 0.995],
        "horizon": 4000,
    },
    quick={"families": {"step": [0.1]}, "starts": [], "directions": 2, "horizon": 300},
    units=_cusp_units,
    compute=_cusp,
)


def exponents(
    distances: NDArray, lost: NDArray, low: float = 1e-10, high: float = 1e-6
) -> tuple[float, float]:
    """Slope of log loss against log distance, (D,) and (directions, D), with its standard error.

    One least-squares line for each direction over distances from low to high; the standard error
    is that of the mean over the directions. Losses may have either sign: their size counts.
    """
    window = (distances >= low * (1 - 1e-9)) & (distances <= high * (1 + 1e-9))
    logs = np.log(np.abs(lost[:, window].astype(float)))
    slopes = np.polyfit(np.log(distances[window]), logs.T, 1)[0]
    return float(slopes.mean()), float(slopes.std(ddof=1) / np.sqrt(len(slopes)))


# Cuts through the landscape along many directions.


def _cuts(settings: Settings, start: str, time_step: float) -> dict[str, NDArray]:
    axis = np.linspace(-settings["reach"], settings["reach"], settings["grid"])
    shared = dict(offset=STARTS[start], time_step=time_step, horizon=settings["horizon"])
    rows = [
        returns_around(axis[:, None] * direction, **shared)
        for direction in random_directions(settings["seed"], settings["directions"])
    ]
    return {
        "axis": axis,
        "discounted": np.array([row[0] for row in rows], dtype=np.float32),
        "undiscounted": np.array([row[1] for row in rows], dtype=np.float32),
    }


CUTS = Experiment(
    name="quadrotor-cuts",
    summary="The return along many random lines through the printed gain.",
    items="Fig. 8a, its distribution over directions",
    settings={
        "starts": list(STARTS),
        "time_steps": [0.1, 0.01],
        "seed": 0,
        "directions": 40,
        "reach": 0.5,
        "grid": 101,
        "horizon": TRAINING.horizon,
    },
    quick={"directions": 2, "grid": 5, "horizon": 100},
    units=_landscape_units,
    compute=_cuts,
)


# The mollified return at the printed gain.

SMOOTHINGS = ("first action", "every action", "parameters")


def mollified_losses(
    start: str,
    time_step: float,
    smoothing: str,
    sigma: float,
    rng: np.random.Generator,
    *,
    samples: int,
    horizon: int,
) -> NDArray:
    """What noise of size sigma takes from the return of the printed gain, sample by sample.

    smoothing: "first action" perturbs a_0 only (the paper's L_s at the start state), "every
    action" runs the Gaussian policy (J_sigma), "parameters" draws theta* + sigma eps.
    Returns discounted and undiscounted losses, (samples, 2).
    """
    system, theta = planar_quadrotor(time_step, offset=STARTS[start]), initial_theta()
    starts = system.start(rng, samples)
    zero = np.zeros((1, horizon, 2))
    noise = np.zeros((samples, horizon, 2))
    thetas = theta
    if smoothing == "parameters":
        thetas = theta + sigma * rng.standard_normal((samples, len(theta)))
    else:
        steps = 1 if smoothing == "first action" else horizon
        noise[:, :steps] = rng.standard_normal((samples, steps, 2))
    silent = sigma if smoothing != "parameters" else 0.0
    best = rollout(system, theta, starts[:1], sigma=0.0, noise=zero).rewards
    lost = best - rollout(system, thetas, starts, sigma=silent, noise=noise).rewards
    return np.stack([lost @ system.training.discount ** np.arange(horizon), lost.sum(axis=1)], 1)


def _mollified(settings: Settings, start: str, time_step: float) -> dict[str, NDArray]:
    sigmas = np.logspace(*settings["decades"], settings["points"])
    arrays = {"sigma": sigmas}
    for k, smoothing in enumerate(SMOOTHINGS):
        rows = []
        for i, sigma in enumerate(sigmas):
            key = (NOISE_STREAM, k, i)
            rng = np.random.default_rng(np.random.SeedSequence(settings["seed"], spawn_key=key))
            rows.append(
                mollified_losses(
                    *(start, time_step, smoothing, sigma, rng),
                    **{name: settings[name] for name in ("samples", "horizon")},
                )
            )
        lost = np.array(rows)
        name = smoothing.replace(" ", "_")
        arrays[f"{name}_mean"] = lost.mean(axis=1)
        arrays[f"{name}_error"] = lost.std(axis=1, ddof=1) / np.sqrt(lost.shape[1])
        arrays[f"{name}_median"] = np.median(lost, axis=1)
    return arrays


MOLLIFIED = Experiment(
    name="quadrotor-mollified",
    summary="The mollified return at the printed gain, for noise from 1e-8 to 10.",
    items="Section 6 (the spike is filtered by the Gaussian kernel), Section 1",
    settings={
        "starts": list(STARTS),
        "time_steps": [0.1, 0.01],
        "seed": 0,
        "decades": [-8, 1],
        "points": 28,
        "samples": 1024,
        "horizon": TRAINING.horizon,
    },
    quick={"points": 4, "samples": 16, "horizon": 100},
    units=_landscape_units,
    compute=_mollified,
)


# Training again: step sizes, long runs, and readings against sigma.

SIGMAS = [float(f"{sigma:.4g}") for sigma in np.logspace(-3, 1, 13)]
DELTAS = [float(f"{delta:.4g}") for delta in np.logspace(-3, 0, 13)]


def clipped_score(system: System) -> System:
    """The same system for a learner who scores the thrust that acted, not the one it drew.

    The noise of each rollout is replaced by (clip(a) - mu(s))/sigma.
    """

    def drive(weights, starts, noise, sigma, states, actions, rewards, faults) -> None:
        system.drive(weights, starts, noise, sigma, states, actions, rewards, faults)
        if sigma > 0:
            noise += (np.clip(actions, 0, THRUST_LIMIT) - actions) / sigma

    return system._replace(drive=drive)


def spectral_radius(thetas: NDArray, time_step: float, integrator: str) -> NDArray:
    """Growth per step of small departures from hover under policies (..., 14); shape (...)."""
    sampling = "exact" if integrator == "rk4" else "euler"
    gains = POLICY.unpack(thetas)[0].reshape(-1, 2, 6)
    found = [abs(closed_loop_eigenvalues(time_step, sampling, gain)[0]) for gain in gains]
    return np.array(found).reshape(thetas.shape[:-1])


def first_return(deterministic: NDArray) -> NDArray:
    """The first epoch after the start whose policy flies again, (S, E + 1) -> (S,); nan if none."""
    flies = deterministic[:, 1:] > FLIES
    return np.where(flies.any(axis=1), flies.argmax(axis=1) + 1.0, np.nan)


def distance_to_stability(time_step: float = 0.1) -> float:
    """Length of the shortest change of the printed gain that makes hover stable (Euler).

    0 where the printed gain is stable. A local search from the steepest descent of the spectral
    radius; no training run can become stable with a shorter journey through the gains.
    """

    def radius(change: NDArray) -> float:
        gain = PRINTED_GAIN + change.reshape(PRINTED_GAIN.shape)
        return float(abs(closed_loop_eigenvalues(time_step, "euler", gain)[0]))

    here = np.zeros(PRINTED_GAIN.size)
    if radius(here) <= 1:
        return 0.0
    downhill = -optimize.approx_fprime(here, radius, 1e-7)
    guess = (radius(here) - 1) * downhill / (downhill @ downhill)
    stable = {"type": "ineq", "fun": lambda change: 1 - radius(change)}
    found = optimize.minimize(lambda x: x @ x, guess, constraints=stable, method="SLSQP")
    return float(np.sqrt(found.fun))


def _retrain(
    settings: Settings,
    *,
    sigma: float,
    step: float,
    seeds: int,
    epochs: int,
    start: str = "hover",
    time_step: float = 0.1,
    integrator: str = "euler",
    estimator: dict | None = None,
    clipped: bool = False,
) -> dict[str, NDArray]:
    system = planar_quadrotor(time_step, integrator, offset=STARTS[start])
    found = repeat(
        clipped_score(system) if clipped else system,
        initial_theta(),
        estimator=MAIN if estimator is None else Estimator(**estimator),
        settled=settled,
        **dict(sigma=sigma, step=step, seeds=seeds, epochs=epochs),
        **{name: settings[name] for name in ("batch", "horizon")},
    )
    thetas = found["thetas"]
    away = np.linalg.norm(thetas - initial_theta(), axis=-1)
    small = {"distance": away, "deterministic": found["deterministic"]}
    small |= {"stochastic": found["stochastic"]}
    arrays = {name: value.astype(np.float32) for name, value in small.items()}
    # The growth rate where it says why a policy ended where it did: at both ends.
    ends = spectral_radius(thetas[:, [0, -1]], time_step, integrator)
    return arrays | {
        "success": found["success"],
        "radius": ends,
        "last": thetas[:, -1],
        "faults": found["faults"],
    }


def _delta_units(settings: Settings) -> dict[str, dict[str, Any]]:
    return {
        f"{reading}_delta-{step:g}": {"reading": reading, "step": step}
        for reading in settings["readings"]
        for step in settings["deltas"]
    }


def _delta(settings: Settings, reading: str, step: float) -> dict[str, NDArray]:
    shared = dict(sigma=settings["sigma"], epochs=settings["epochs"], seeds=settings["seeds"])
    return _retrain(settings, step=step, **shared, **settings["readings"][reading])


DELTA = Experiment(
    name="quadrotor-delta",
    summary="Train from the printed gain with steps delta from 0.001 to 1, 20 seeds each.",
    items="Fig. 8b (what 'never returns' depends on)",
    settings={
        "readings": {
            "main": {},
            "parameter": {"estimator": ESTIMATORS[2]._asdict()},
            "step-0.01": {"time_step": 0.01},
        },
        "deltas": DELTAS,
        "sigma": SIGMA,
        "seeds": 20,
        "batch": TRAINING.batch,
        "epochs": TRAINING.epochs,
        "horizon": TRAINING.horizon,
    },
    quick={"readings": {"main": {}}, "deltas": [0.001], "seeds": 2, "epochs": 3, "horizon": 200},
    units=_delta_units,
    compute=_delta,
)


def _long_units(settings: Settings) -> dict[str, dict[str, Any]]:
    return {
        f"delta-{step:g}": {"step": step, "epochs": epochs} for step, epochs in settings["budgets"]
    }


def _long(settings: Settings, step: float, epochs: int) -> dict[str, NDArray]:
    shared = dict(sigma=settings["sigma"], seeds=settings["seeds"])
    return _retrain(settings, step=step, epochs=epochs, **shared)


LONG = Experiment(
    name="quadrotor-long",
    summary="Small steps with as many epochs as it takes to travel a distance of 1.5.",
    items="Fig. 8b (epochs needed to return)",
    settings={
        "budgets": [[0.001, 1500], [0.003, 500], [0.01, 150]],
        "sigma": SIGMA,
        "seeds": 8,
        "batch": TRAINING.batch,
        "horizon": TRAINING.horizon,
    },
    quick={"budgets": [[0.01, 4]], "seeds": 2, "horizon": 200},
    units=_long_units,
    compute=_long,
)

READINGS = {
    "total-return": {"estimator": ESTIMATORS[1]._asdict()},
    "outer-discount": {"estimator": Estimator("reward_to_go", "time", True)._asdict()},
    "parameter": {"estimator": ESTIMATORS[2]._asdict()},
    "above": {"start": "above"},
    "aside": {"start": "aside"},
    "step-0.12": {"time_step": 0.12},
    "step-0.01": {"time_step": 0.01},
    "rk4": {"integrator": "rk4"},
    "clipped-score": {"clipped": True},
}


def _sigma_units(settings: Settings) -> dict[str, dict[str, Any]]:
    main = {
        f"main_delta-{step:g}_sigma-{sigma:g}": {"reading": "main", "step": step, "sigma": sigma}
        for step in settings["main_steps"]
        for sigma in settings["sigmas"]
    }
    return main | {
        f"{reading}_delta-{settings['step']:g}_sigma-{sigma:g}": {
            **{"reading": reading, "step": settings["step"], "sigma": sigma}
        }
        for reading in settings["readings"]
        for sigma in settings["sigmas"]
    }


def _sigma(settings: Settings, reading: str, step: float, sigma: float) -> dict[str, NDArray]:
    seeds = settings["seeds" if reading == "main" else "other_seeds"]
    shared = dict(sigma=sigma, step=step, seeds=seeds, epochs=settings["epochs"])
    return _retrain(settings, **shared, **settings["readings"].get(reading, {}))


SIGMA_SWEEP = Experiment(
    name="quadrotor-sigma",
    summary="Train from the printed gain for 13 sigmas and 10 readings of what is not printed.",
    items="Section 6 and Section 5.4 for the quadrotor",
    settings={
        "readings": READINGS,
        "sigmas": SIGMAS,
        "main_steps": [TRAINING.step, 0.03],
        "step": 0.03,
        "seeds": 20,
        "other_seeds": 8,
        "batch": TRAINING.batch,
        "epochs": TRAINING.epochs,
        "horizon": TRAINING.horizon,
    },
    quick={
        **{"readings": {"rk4": {"integrator": "rk4"}}, "sigmas": [0.1], "main_steps": [0.03]},
        **{"seeds": 2, "other_seeds": 2, "epochs": 3, "horizon": 200},
    },
    units=_sigma_units,
    compute=_sigma,
)

EXPERIMENTS = (LANDSCAPE, TRAIN, CUSP, CUTS, MOLLIFIED, DELTA, LONG, SIGMA_SWEEP)
