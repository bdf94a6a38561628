"""How rough, how chaotic? Hölder exponents of functions, Lyapunov exponents of maps, with errors.

Both are slopes on a logarithmic axis: a Hölder exponent is the slope of the log of an increment
over distance h against log h, a Lyapunov exponent the slope of the log distance of two neighbours
against the number of steps. A slope means something over a range of scales only, so every
function takes the range from the caller and returns it beside the estimate. Data that cannot
carry the slope are refused with an `EvidenceError`, which holds what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mollify import checks

LEAST_SCALES = 5
SCALES_PER_OCTAVE = 4
ROUNDING = 64 * np.finfo(float).eps
"""An increment is called rounding noise when it is below this times the largest value."""


class EvidenceError(checks.BookError):
    """The data cannot support an estimate.

    scales, increments: what could be measured, two arrays of one length (empty if nothing could):
    distances and increments for a Hölder exponent, step numbers and distances for a Lyapunov one.
    """

    def __init__(self, message: str, scales: ArrayLike = (), increments: ArrayLike = ()) -> None:
        super().__init__(message)
        self.scales = np.asarray(scales, dtype=float)
        self.increments = np.asarray(increments, dtype=float)


class HolderExponent(NamedTuple):
    """A Hölder exponent, fitted over distances from `low` to `high` (in units of x).

    scales, increments (n,): the points of the fit.
    """

    value: float
    standard_error: float
    low: float
    high: float
    scales: NDArray
    increments: NDArray


class LyapunovExponent(NamedTuple):
    """A finite-time Lyapunov exponent in nats per step, over steps `first` to `last`.

    samples: how many independent pieces (orbits, or blocks of one) the standard error rests on.
    """

    value: float
    standard_error: float
    first: int
    last: int
    samples: int


def structure_function(values: ArrayLike, lags: ArrayLike, moment: float = 2.0) -> NDArray:
    """Typical size of f(x + h) - 2 f(x) + f(x - h) for each lag: (mean |.|^q)^(1/q), (lags,).

    values (n,): f on a uniform grid; lags: whole numbers from 1 to (n - 1)/2; moment: q above 0,
    or infinity for the largest increment. Second differences grow like h^alpha exactly when first
    ones do (0 < alpha < 1), but they forget a trend, and those of a random path forget its past:
    first differences of a path with an exponent above 3/4 are correlated over any distance, which
    ruins the standard error. Raises ArgumentError.
    """
    values = checks.finite_array("values", values, (None,))
    moment = _moment(moment)
    lags = np.asarray(lags)
    if lags.ndim != 1 or lags.size == 0 or lags.dtype.kind not in "iu":
        raise checks.ArgumentError(f"lags must be a list of whole numbers, got {lags!r}")
    most = (len(values) - 1) // 2
    if lags.min() < 1 or lags.max() > most:
        raise checks.ArgumentError(
            f"lags must lie between 1 and {most}, got {lags.min()} to {lags.max()}"
        )
    return np.array(
        [
            _size(np.abs(values[2 * lag :] - 2 * values[lag:-lag] + values[: -2 * lag]), moment)
            for lag in lags
        ]
    )


def holder_exponent(
    values: ArrayLike,
    spacing: float,
    *,
    low: float,
    high: float,
    moment: float = 2.0,
    blocks: int = 16,
) -> HolderExponent:
    """The Hölder exponent of a path as a whole: slope of its structure function.

    A value of 1 or more (2 at most) says that the path is Lipschitz at these distances, and how
    smooth its slope is: 2 for a bounded second derivative.

    values (n,): f on a grid of the given spacing. low, high: the distances of the fit.
    moment: q of the structure function; infinity weighs the roughest places only and so estimates
    the largest alpha with |f(x) - f(y)| <= K |x - y|^alpha.
    The standard error adds in quadrature the scatter of the slope over `blocks` pieces of the
    path and the regression's own (how far the points are from a straight line). With 16 blocks it
    follows a t distribution with 15 degrees of freedom.

    Raises ArgumentError, and EvidenceError if a value is not finite, the path is constant, the
    range holds fewer than 5 lags or spans less than a factor of 8, the pieces are shorter than
    four times `high`, or an increment is rounding noise.
    """
    spacing, low = checks.positive("spacing", spacing), checks.positive("low", low)
    high, moment = checks.positive("high", high), _moment(moment)
    blocks = checks.count("blocks", blocks, least=2)
    if low < spacing * (1 - 1e-9) or high <= low:
        raise checks.ArgumentError(
            f"low and high must satisfy spacing <= low < high, got {low:g} and {high:g} "
            f"with a spacing of {spacing:g}"
        )
    values = _path(values)
    octaves = math.log2(high / low)
    grid = np.geomspace(low, high, math.ceil(octaves * SCALES_PER_OCTAVE) + 1) / spacing
    lags = np.unique(np.round(grid).astype(int))
    lags = lags[2 * lags < len(values)]
    scales = lags * spacing
    size = np.array([])
    if len(lags):
        size = structure_function(values, lags, moment)
    if len(lags) < LEAST_SCALES or lags[-1] < 8 * lags[0]:
        raise EvidenceError(
            f"the range must hold {LEAST_SCALES} lags and span a factor of 8, "
            f"got {len(lags)} lags from {low:g} to {high:g}",
            scales,
            size,
        )
    length = len(values) // blocks
    if length < 4 * lags[-1]:
        raise EvidenceError(
            f"values must have {4 * blocks * lags[-1]} points or more for increments up to "
            f"{high:g} in {blocks} blocks, got {len(values)}",
            scales,
            size,
        )
    _refuse_noise(scales, size, ROUNDING * np.abs(values).max(), np.ptp(values) == 0)
    slope, misfit = _line(np.log(scales), np.log(size))
    pieces = values[: blocks * length].reshape(blocks, length)
    with np.errstate(divide="ignore"):
        logs = np.log([structure_function(piece, lags, moment) for piece in pieces])
    if not np.isfinite(logs).all():
        raise EvidenceError("values must vary in every block, got a constant block", scales, size)
    scatter = np.std([_line(np.log(scales), row)[0] for row in logs], ddof=1) / math.sqrt(blocks)
    error = math.hypot(scatter, misfit)
    return HolderExponent(slope, error, float(scales[0]), float(scales[-1]), scales, size)


def pointwise_holder_exponent(
    distances: ArrayLike,
    values: ArrayLike,
    reference: float,
    *,
    low: float,
    high: float,
    noise: float | None = None,
) -> HolderExponent:
    """The Hölder exponent at one point x0: slope of the oscillation sup |f(x) - f(x0)|.

    distances, values (n,): |x - x0| above 0 and f(x), in any order; reference: f(x0).
    low, high: the distances of the fit, which takes the oscillation at one distance an octave.
    noise: absolute error of a value; by default what rounding does to the largest one. Give more
    where the computation of f amplifies rounding, as long rollouts of an unstable system do.
    The standard error is the regression's own.

    Raises ArgumentError, and EvidenceError if a value is not finite, all are equal, the range
    holds fewer than 5 octaves, an octave holds no distance, or an increment is below the noise.
    """
    distances = checks.finite_array("distances", distances, (None,))
    low, high = checks.positive("low", low), checks.positive("high", high)
    if distances.min() <= 0:
        raise checks.ArgumentError(f"distances must be above 0, got {distances.min():g}")
    if high <= low:
        raise checks.ArgumentError(f"high must be above low, got {high:g} and {low:g}")
    values = _path(np.append(values, reference))
    values, reference = values[:-1], values[-1]
    if len(values) != len(distances):
        raise checks.ArgumentError(
            f"values must have shape ({len(distances)},), got ({len(values)},)"
        )
    order = np.argsort(distances)
    sorted_distances = distances[order]
    oscillation = np.maximum.accumulate(np.abs(values - reference)[order])
    scales = low * 2.0 ** np.arange(int(math.log2(high / low) * (1 + 1e-12)) + 1)
    last = np.searchsorted(sorted_distances, scales * (1 + 1e-12), side="right") - 1
    occupied = (last >= 0) & (sorted_distances[np.maximum(last, 0)] > scales / 2 * (1 + 1e-12))
    size = oscillation[np.maximum(last, 0)]
    if len(scales) < LEAST_SCALES + 1 or not occupied.all():
        raise EvidenceError(
            f"the range must span {LEAST_SCALES} octaves with a distance in each, got "
            f"{occupied.sum()} of {len(scales)} occupied from {low:g} to {high:g}",
            scales[occupied],
            size[occupied],
        )
    floor = ROUNDING * max(np.abs(values).max(), abs(reference))
    floor = floor if noise is None else max(floor, checks.non_negative("noise", noise))
    _refuse_noise(scales, size, floor, oscillation[-1] == 0)
    slope, misfit = _line(np.log(scales), np.log(size))
    return HolderExponent(slope, misfit, float(scales[0]), float(scales[-1]), scales, size)


def tangent_lyapunov(
    step: Callable[[NDArray], NDArray],
    tangent: Callable[[NDArray, NDArray], NDArray],
    starts: ArrayLike,
    *,
    steps: int,
    discard: int = 0,
) -> LyapunovExponent:
    """The largest Lyapunov exponent of a map, from the growth of tangent vectors.

    step(states) -> next states, tangent(states, vectors) -> DF(state) vector, all (B, n).
    starts (B, n). Vectors are scaled back to length one after each step; the logarithms of the
    factors are averaged over steps `discard` to `steps`. The standard error comes from the B
    orbits, each cut into blocks so that there are 16 pieces or more.

    Raises ArgumentError, and EvidenceError if a state is not finite or a vector vanishes (there
    the exponent is minus infinity).
    """
    states = checks.finite_array("starts", starts, (None, None))
    discard = _whole("discard", discard)
    steps = checks.count("steps", steps)
    batch, n = states.shape
    per_orbit = math.ceil(16 / batch)
    if steps - discard < per_orbit:
        raise checks.ArgumentError(
            f"steps must exceed discard by {per_orbit} or more, got {steps} and {discard}"
        )
    vectors = np.tile(np.arange(1.0, n + 1) / np.linalg.norm(np.arange(1.0, n + 1)), (batch, 1))
    growth = np.empty((steps, batch))
    for k in range(steps):
        vectors = tangent(states, vectors)
        states = step(states)
        factor = np.linalg.norm(vectors, axis=1)
        if not np.isfinite(states).all() or not np.isfinite(factor).all() or (factor == 0).any():
            trouble = "vector vanished" if (factor == 0).any() else "state was not finite"
            raise EvidenceError(
                f"a tangent vector must stay finite and nonzero: a {trouble} at step {k + 1}",
                np.arange(1, k + 1),
                np.exp(growth[:k].mean(axis=1)),
            )
        growth[k] = np.log(factor)
        vectors = vectors / factor[:, None]
    kept = growth[discard:]
    kept = kept[: len(kept) // per_orbit * per_orbit]
    pieces = kept.reshape(per_orbit, -1, batch).mean(axis=1).ravel()
    error = pieces.std(ddof=1) / math.sqrt(len(pieces))
    return LyapunovExponent(float(kept.mean()), float(error), discard, steps, len(pieces))


def neighbour_lyapunov(
    states: ArrayLike,
    neighbours: ArrayLike,
    *,
    first: int,
    last: int,
    ceiling: float,
) -> LyapunovExponent:
    """The rate at which pairs of rollouts part, from step `first` to step `last`.

    states, neighbours (B, T + 1, n): B pairs that started close together. ceiling: the distance
    up to which a pair counts as close; beyond it the distance saturates and measures nothing.
    Each pair gives log(d_last / d_first) / (last - first); the standard error is over the pairs.

    Raises ArgumentError, and EvidenceError if there are fewer than 4 pairs, a state is not finite,
    a distance in the window is rounding noise, or one is above the ceiling.
    """
    first, last = _whole("first", first), checks.count("last", last)
    ceiling = checks.positive("ceiling", ceiling)
    states, neighbours = np.asarray(states, dtype=float), np.asarray(neighbours, dtype=float)
    if states.ndim != 3 or states.shape != neighbours.shape:
        raise checks.ArgumentError(
            f"states and neighbours must share one shape (pairs, steps + 1, n), "
            f"got {states.shape} and {neighbours.shape}"
        )
    if not first < last < states.shape[1]:
        raise checks.ArgumentError(
            f"first and last must satisfy first < last <= {states.shape[1] - 1}, "
            f"got {first} and {last}"
        )
    window = slice(first, last + 1)
    with np.errstate(invalid="ignore"):
        distance = np.linalg.norm(neighbours[:, window] - states[:, window], axis=-1)
    steps = np.arange(first, last + 1)
    with np.errstate(divide="ignore"):
        typical = np.exp(np.log(distance).mean(axis=0))
    if not np.isfinite(distance).all():
        raise EvidenceError("states must be finite in the window", steps, typical)
    if len(distance) < 4:
        raise EvidenceError(
            f"states must hold 4 pairs or more for a standard error, got {len(distance)}",
            steps,
            typical,
        )
    size = np.linalg.norm(states[:, window], axis=-1)
    noisy = (distance <= ROUNDING * size) | (distance == 0)
    if noisy.any():
        raise EvidenceError(
            f"distances must be above rounding noise, got {distance.min():.2g} in the window",
            steps,
            typical,
        )
    if distance.max() > ceiling:
        late = int(steps[(distance > ceiling).any(axis=0)][0])
        raise EvidenceError(
            f"distances must stay below the ceiling {ceiling:g}, got {distance.max():.2g}; "
            f"the first pair leaves at step {late}",
            steps,
            typical,
        )
    rates = np.log(distance[:, -1] / distance[:, 0]) / (last - first)
    error = rates.std(ddof=1) / math.sqrt(len(rates))
    return LyapunovExponent(float(rates.mean()), float(error), first, last, len(rates))


def holder_bound(rate: float, discount: float) -> float:
    """The exponent that Proposition 3.1 (corrected) guarantees: min(1, -log gamma / rate).

    rate: a *uniform* growth rate in nats per step. Below the threshold -log gamma the value is
    Lipschitz and the exponent is 1. Raises ArgumentError.
    """
    discount = checks.fraction("discount", discount)
    rate = float(checks.finite_array("rate", rate, ()))
    threshold = -math.log(discount)
    return 1.0 if rate <= threshold else threshold / rate


def _path(values: ArrayLike) -> NDArray:
    """A 1-D float array; values that are not finite are a matter of evidence, not of arguments."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" or array.ndim != 1 or array.size == 0:
        raise checks.ArgumentError(
            f"values must be a list of real numbers, got shape {array.shape} of {array.dtype}"
        )
    array = array.astype(float)
    if not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise EvidenceError(f"values must be finite, got {bad} of {array.size} that are not")
    return array


def _moment(moment: float) -> float:
    return moment if moment == math.inf else checks.positive("moment", moment)


def _whole(name: str, value: int) -> int:
    return checks.count(name, value, least=0)


def _size(increments: NDArray, moment: float) -> float:
    largest = float(increments.max())
    if moment == math.inf or largest == 0:
        return largest
    return largest * float(np.mean((increments / largest) ** moment)) ** (1 / moment)


def _refuse_noise(scales: NDArray, size: NDArray, floor: float, constant: bool) -> None:
    if constant:
        raise EvidenceError("values must vary, got a constant", scales, size)
    if size.min() <= floor:
        raise EvidenceError(
            f"increments must be above the noise {floor:.2g}, got {size.min():.2g} "
            f"at distance {scales[size.argmin()]:.2g}",
            scales,
            size,
        )


def _line(x: NDArray, y: NDArray) -> tuple[float, float]:
    """Slope of the least-squares line and its standard error."""
    x = x - x.mean()
    spread = np.sum(x**2)
    slope = np.sum(x * y) / spread
    rest = y - y.mean() - slope * x
    return float(slope), float(np.sqrt(np.sum(rest**2) / (len(x) - 2) / spread))
