"""Fig. 2 of the paper: how rough is the landscape of a random neural policy?

The paper shows one landscape of a double and one of a single pendulum and says nothing of the
policies. Here networks are drawn at random, and each is judged in the same way for both systems:
the return along a random line in the space of its weights, at two scales, and the growth of
small errors along its trajectories.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mollify import regularity, store
from mollify.experiments import Experiment, Settings
from mollify.rollout import rollout
from mollify.systems import System
from mollify.systems.neural_pendulum import TIME_STEP, TRAINING, neural_pendulum

POLICY_STREAM = 6
NUDGE = 1e-6
SEGMENT = 50
COARSEST_LAG = 8
"""Exponents are fitted over distances from one spacing to this many."""


def draw(system: System, index: int, scale: float) -> tuple[NDArray, NDArray]:
    """Random policy number `index` and two orthonormal directions: (P,) and (2, P)."""
    rng = np.random.default_rng(np.random.SeedSequence(index, spawn_key=(POLICY_STREAM,)))
    theta = system.policy.initial(rng, scale)
    directions, _ = np.linalg.qr(rng.standard_normal((len(theta), 2)))
    return theta, directions.T


def returns(system: System, thetas: NDArray, horizon: int) -> NDArray:
    """Discounted return of each deterministic policy (B, P); shape (B,)."""
    starts = system.start(np.random.default_rng(0), len(thetas))
    sample = rollout(system, thetas, starts, sigma=0.0, horizon=horizon)
    return sample.returns(system.training.discount)


def exponent(values: NDArray, spacing: float, moment: float, blocks: int) -> tuple[float, float]:
    """Hölder exponent of a line and its standard error; NaN where there is no evidence.

    Lines without evidence are those that vary by rounding noise only: smooth ones.
    """
    window = dict(low=spacing, high=COARSEST_LAG * spacing, moment=moment, blocks=blocks)
    try:
        found = regularity.holder_exponent(values, spacing, **window)
    except regularity.EvidenceError:
        return math.nan, math.nan
    return found.value, found.standard_error


def jacobians(system: System, states: NDArray, theta: NDArray) -> NDArray:
    """DF(s) of one step of the closed loop, for states (B, n); shape (B, n, n)."""
    n = states.shape[1]
    nudges = NUDGE * np.concatenate([np.eye(n), -np.eye(n)])
    starts = (states[:, None] + nudges).reshape(-1, n)
    after = rollout(system, theta, starts, sigma=0.0, horizon=1).states[:, 1]
    ahead, behind = after.reshape(len(states), 2, n, n).swapaxes(0, 1)
    return (ahead - behind).swapaxes(1, 2) / (2 * NUDGE)


def growth_rates(steps: NDArray) -> dict[str, float]:
    """Rates at which small errors grow along orbits; steps (orbits, T, n, n), nats per step.

    finite: over the whole horizon, for the middle orbit. window: the largest over any two
    neighbouring segments (100 steps) of any orbit. single: the largest over one step.
    """
    orbits, horizon, n, _ = steps.shape
    pieces = steps.reshape(orbits, horizon // SEGMENT, SEGMENT, n, n)
    segments = pieces[:, :, 0]
    for k in range(1, SEGMENT):
        segments = pieces[:, :, k] @ segments
    pairs = segments[:, 1:] @ segments[:, :-1]
    product, log_growth = np.eye(n), 0.0
    for segment in segments[orbits // 2]:
        product = segment @ product
        size = np.linalg.norm(product, 2)
        product, log_growth = product / size, log_growth + math.log(size)

    def largest(matrices: NDArray) -> float:
        return math.log(np.linalg.norm(matrices, 2, axis=(-2, -1)).max())

    return {
        "finite": log_growth / horizon,
        "window": largest(pairs) / (2 * SEGMENT),
        "single": largest(steps),
    }


def judge(
    settings: Settings, system: System, index: int, scale: float, spacings: list[float]
) -> dict[str, Any]:
    """Everything that is recorded of one random policy, on a line at each of the spacings."""
    theta, (direction, _) = draw(system, index, scale)
    horizon, points = settings["horizon"], settings["points"]
    offsets = np.arange(points) - points // 2
    found: dict[str, Any] = {"norm": np.linalg.norm(theta)}
    exponents = np.empty((len(spacings), 2, 2))
    spans, jumps = np.empty((2, len(spacings)))
    for k, spacing in enumerate(spacings):
        line = returns(system, theta + spacing * offsets[:, None] * direction, horizon)
        for m, moment in enumerate((2.0, math.inf)):
            exponents[k, m] = exponent(line, spacing, moment, settings["blocks"])
        spans[k] = np.ptp(line)
        jumps[k] = np.abs(np.diff(line)).max()
        if k == 0:
            found["line"] = line.astype(np.float32)
    found |= {"exponents": exponents, "spans": spans, "jumps": jumps}
    orbits = (
        theta
        + settings["spacings"][0]
        * direction
        * np.linspace(offsets[0], offsets[-1], settings["orbits"])[:, None]
    )
    starts = system.start(np.random.default_rng(0), len(orbits))
    states = rollout(system, orbits, starts, sigma=0.0, horizon=horizon).states[:, :-1]
    steps = [jacobians(system, each, own) for each, own in zip(states, orbits, strict=True)]
    return found | growth_rates(np.array(steps))


def _roughness(
    settings: Settings, links: int, scale: float, first: int, count: int
) -> dict[str, NDArray]:
    system = neural_pendulum(links, settings["time_step"])
    # What is smooth at the coarse scale needs no finer one.
    spacings = settings["spacings"][:links]
    indices = range(first, first + count)
    judged = [judge(settings, system, index, scale, spacings) for index in indices]
    return {name: np.array([each[name] for each in judged]) for name in judged[0]}


def _roughness_units(settings: Settings) -> dict[str, dict[str, Any]]:
    count = settings["block"]
    blocks = range(0, settings["policies"], count)
    return {
        f"links-{links}_from-{first}": {
            **{"links": links, "scale": settings["scale"], "first": first, "count": count}
        }
        for first, links in itertools.product(blocks, (2, 1))
    }


SIZE: dict[str, Any] = {
    "horizon": TRAINING.horizon,
    "time_step": TIME_STEP,
    "spacings": [1e-3, 1e-6],
    "points": 257,
    "blocks": 8,
    "orbits": 5,
}
QUICK = {"policies": 2, "block": 1, "horizon": 100}
ROUGHNESS = Experiment(
    name="random-policies",
    summary="Hölder and Lyapunov exponents of random neural policies, double and single pendulum.",
    items="Fig. 2; Prop. 3.1",
    settings={"policies": 500, "block": 50, "scale": 1.0, **SIZE},
    quick=QUICK,
    units=_roughness_units,
    compute=_roughness,
)
STRONG = ROUGHNESS._replace(
    name="random-policies-strong",
    summary="The same for networks with weights three times as large.",
    settings={"policies": 100, "block": 50, "scale": 3.0, **SIZE},
)


def gather(name: str, links: int) -> dict[str, NDArray]:
    """Every policy of a stored roughness experiment in order: name -> (policies, ...)."""
    results = store.load(name)
    keys = [key for key in _roughness_units(results.settings) if key.startswith(f"links-{links}_")]
    units = [results.units[key] for key in keys]
    return {field: np.concatenate([unit[field] for unit in units]) for field in units[0]}


def ranked(name: str, links: int, window: int = 0) -> NDArray:
    """Indices of the policies from the surely roughest to the smoothest line at one scale.

    The order is that of the exponent plus two standard errors, so that one jump in an otherwise
    smooth line does not count as rough.
    """
    value, error = gather(name, links)["exponents"][:, window, 0].T
    sure = value + 2 * error
    return np.argsort(np.where(np.isnan(sure), np.inf, sure), kind="stable")


def _plane(settings: Settings, links: int, quantile: float) -> dict[str, NDArray]:
    order = ranked("random-policies", links)
    index = int(order[min(round(quantile * len(order)), len(order) - 1)])
    system = neural_pendulum(links, settings["time_step"])
    theta, directions = draw(system, index, 1.0)
    axis = np.linspace(-1, 1, settings["grid"]) * settings["reach"]
    rows = [
        returns(
            system, theta + axis[:, None] * directions[0] + b * directions[1], settings["horizon"]
        )
        for b in axis
    ]
    return {"axis": axis, "returns": np.array(rows, dtype=np.float32), "index": np.array(index)}


PLANES = Experiment(
    name="random-policies-landscape",
    summary="Return over a plane of weights for policies of given ranks of roughness.",
    items="Fig. 2",
    settings={
        **{"quantiles": [0.0, 0.1, 0.5], "grid": 81, "reach": 0.128},
        **{name: SIZE[name] for name in ("horizon", "time_step")},
    },
    quick={"grid": 3, "horizon": 100},
    units=lambda settings: {
        f"links-{links}_quantile-{q:g}": {"links": links, "quantile": q}
        for links, q in itertools.product((2, 1), settings["quantiles"])
    },
    compute=_plane,
    reads=("random-policies",),
)

EXPERIMENTS = (ROUGHNESS, STRONG, PLANES)
