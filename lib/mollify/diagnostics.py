"""What does an estimated gradient know, and how rough is the ground it was estimated on?

Training curves say that a sigma works or does not. These measures say why: whether independent
estimates of one gradient agree, whether they agree with the direction that matters, how far the
objective they climb is from the one that counts, and how the closed loop treats a small change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mollify import checks
from mollify.heat import Estimate
from mollify.regularity import (
    ROUNDING,
    EvidenceError,
    HolderExponent,
    LyapunovExponent,
    neighbour_lyapunov,
    pointwise_holder_exponent,
)
from mollify.rollout import rollout
from mollify.systems import System


def agreement(estimates: ArrayLike) -> Estimate:
    """Mean pairwise cosine of K independent gradient estimates (K, P), K >= 3, with its error.

    1 if they are all alike, 0 if they are noise. A high value does not say that the direction is
    useful: on a rough field, large batches agree on a direction that holds next door only.
    """
    units = _unit(_estimates(estimates))

    def mean_cosine(kept: NDArray) -> float:
        count = len(kept)
        return float((np.sum(kept.sum(axis=0) ** 2) - count) / (count * (count - 1)))

    return _jackknife(mean_cosine, units)


def signal_to_noise(estimates: ArrayLike) -> Estimate:
    """|E g| / sqrt(trace Cov g) of one estimate g, from K independent ones (K, P), K >= 3.

    |E g|^2 is estimated without bias, by the mean of g_i . g_j over pairs; where noise makes that
    negative the ratio is 0.
    """

    def ratio(kept: NDArray) -> float:
        count = len(kept)
        squares = np.sum(kept**2)
        signal = (np.sum(kept.sum(axis=0) ** 2) - squares) / (count * (count - 1))
        noise = squares / count - signal
        return float(np.sqrt(max(signal, 0.0) / noise))

    return _jackknife(ratio, _estimates(estimates))


def alignment(estimates: ArrayLike, direction: ArrayLike) -> Estimate:
    """Mean cosine between each of K estimates (K, P) and a direction (P,), with its error."""
    estimates = _estimates(estimates)
    direction = checks.finite_array("direction", direction, (estimates.shape[1],))
    if not direction.any():
        raise checks.ArgumentError("direction must not be 0")
    cosines = _unit(estimates) @ (direction / np.linalg.norm(direction))
    return Estimate(float(cosines.mean()), float(cosines.std(ddof=1) / np.sqrt(len(cosines))))


class Roughness(NamedTuple):
    """How the deterministic return changes around a policy.

    distances (D,); increments (D, M): J(theta + d v) - J(theta) along M random directions v.
    """

    distances: NDArray
    increments: NDArray
    centre: float

    def exponent(self, low: float, high: float, noise: float | None = None) -> HolderExponent:
        """The pointwise Hölder exponent between two distances (see mollify.regularity)."""
        return pointwise_holder_exponent(
            np.repeat(self.distances, self.increments.shape[1]),
            self.centre + self.increments.ravel(),
            self.centre,
            low=low,
            high=high,
            noise=noise,
        )


def roughness(
    value: Callable[[NDArray], NDArray],
    theta: NDArray,
    rng: np.random.Generator,
    *,
    distances: ArrayLike,
    directions: int,
) -> Roughness:
    """Increments of value(thetas (B, P)) -> (B,) around theta along random unit vectors."""
    theta = checks.finite_array("theta", theta, (None,))
    distances = checks.finite_array("distances", distances, (None,))
    directions = checks.count("directions", directions)
    unit = _unit(rng.standard_normal((directions, len(theta))))
    shifts = (distances[:, None, None] * unit).reshape(-1, len(theta))
    values = value(np.concatenate([theta[None], theta + shifts]))
    return Roughness(distances, (values[1:] - values[0]).reshape(len(distances), -1), values[0])


def closed_loop_lyapunov(
    system: System,
    theta: NDArray,
    starts: NDArray,
    rng: np.random.Generator,
    *,
    size: float = 1e-9,
    ceiling: float = 1e-3,
    first: int = 10,
    horizon: int | None = None,
) -> LyapunovExponent:
    """Finite-time Lyapunov exponent of the deterministic closed loop, in nats a decision.

    Pairs start `size` apart, in random directions, from `starts` (B, n) with B >= 4. The window
    ends where the first pair is further apart than `ceiling` or has met up to rounding.
    Raises ArgumentError, and EvidenceError if the window is shorter than 10 decisions.
    """
    nudges = size * _unit(rng.standard_normal(np.shape(starts)))
    paths, others = (
        rollout(system, theta, s, sigma=0.0, horizon=horizon).states
        for s in (starts, starts + nudges)
    )
    apart = np.linalg.norm(others - paths, axis=-1)
    floor = 4 * ROUNDING * np.linalg.norm(paths, axis=-1)
    usable = ((apart < ceiling) & (apart > floor)).all(axis=0)
    usable[: first + 1] = True
    last = int(np.argmin(usable)) - 1 if not usable.all() else len(usable) - 1
    if last - first < 10:
        raise EvidenceError(
            f"the pairs must stay within {ceiling:g} for {first + 10} decisions, got {last}",
            np.arange(apart.shape[1]),
            np.exp(np.log(np.maximum(apart, 1e-300)).mean(axis=0)),
        )
    return neighbour_lyapunov(paths, others, first=first, last=last, ceiling=ceiling)


def _estimates(estimates: ArrayLike) -> NDArray:
    estimates = checks.finite_array("estimates", estimates, (None, None))
    if len(estimates) < 3 or not estimates.any(axis=1).all():
        raise checks.ArgumentError(
            f"estimates must hold 3 gradients or more, none of them 0, got {len(estimates)}"
        )
    return estimates


def _unit(vectors: NDArray) -> NDArray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _jackknife(statistic: Callable[[NDArray], float], rows: NDArray) -> Estimate:
    """The statistic of all rows, and its standard error from leaving out one at a time."""
    count = len(rows)
    left = np.array([statistic(np.delete(rows, k, axis=0)) for k in range(count)])
    error = np.sqrt((count - 1) / count * np.sum((left - left.mean()) ** 2))
    return Estimate(statistic(rows), float(error))
