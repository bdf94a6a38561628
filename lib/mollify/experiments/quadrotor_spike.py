"""How sharp is the quadrotor's spike, and what does noise leave of it?

Over gains, clocks and directions: Fig. 8a of the paper and the claims around it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mollify.experiments import Experiment, Settings
from mollify.experiments.planar_quadrotor import (
    STARTS,
    landscape_units,
    returns_around,
)
from mollify.rollout import rollout
from mollify.systems import System
from mollify.systems.planar_quadrotor import (
    POLICY,
    PRINTED_GAIN,
    PRINTED_OFFSET,
    TRAINING,
    closed_loop_eigenvalues,
    initial_theta,
    lqr_gain,
    planar_quadrotor,
)

# Streams of an experiment's seed; 3 belongs to the landscape's plane.
DIRECTION_STREAM, NOISE_STREAM = 4, 5

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
    units=landscape_units,
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
    units=landscape_units,
    compute=_mollified,
)


# Training again: step sizes, long runs, and readings against sigma.

EXPERIMENTS = (CUSP, CUTS, MOLLIFIED)
