"""What does the quadrotor's training depend on: step, epochs, sigma, and the unprinted choices?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from mollify.experiments import Experiment, Settings
from mollify.experiments.planar_quadrotor import (
    ESTIMATORS,
    FLIES,
    MAIN,
    STARTS,
    settled,
)
from mollify.experiments.repeats import repeat
from mollify.gradients import Estimator
from mollify.systems import System
from mollify.systems.planar_quadrotor import (
    POLICY,
    PRINTED_GAIN,
    SIGMA,
    THRUST_LIMIT,
    TRAINING,
    closed_loop_eigenvalues,
    initial_theta,
    planar_quadrotor,
)

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
    items="Sections 5 and 6 for the quadrotor",
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

EXPERIMENTS = (DELTA, LONG, SIGMA_SWEEP)
