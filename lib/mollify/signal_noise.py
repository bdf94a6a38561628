"""How much of a score-function gradient is signal, on a landscape with a rough part?

The model is y = g(mu + sigma eps) + xi with eps ~ N(0, I_m), Var xi = tau^2 and g = S + R: a
smooth basin S, whose mollified slope is the signal, and a random field R with stationary
increments and the two-sided law

    E|R(x) - R(y)|^2 = K^2 |x - y|^(2 alpha).

Every variance here is a trace (summed over the m components of the gradient) and an average over
the field. Each formula is proved in the chapter on the optimal variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mollify import checks
from mollify.heat import Estimate
from mollify.random_fields import RoughField, fourier_field, fractional_field

ESTIMATORS = ("leave_one_out", "mean", "value", "none", "antithetic")


class Moments(NamedTuple):
    """What the rough part adds to the gradient: B^2 = E|grad R_sigma|^2, and the sampling trace."""

    field: NDArray
    sampling: NDArray


def rough_moments(
    field: RoughField, sigma: ArrayLike, samples: int, estimator: str = "leave_one_out"
) -> Moments:
    """B^2 and the sampling trace-covariance of the score-function gradient of the rough part.

    sigma: any shape; samples: N evaluations of y. Estimators, with c = C K^2 sigma^(2 alpha - 2):

    - `leave_one_out` (baseline: the others' mean): (m + alpha) c / (N - 1);
    - `mean` (baseline: the exact average R_sigma(mu)): (m + alpha) c / N;
    - `value` (baseline: R(mu), the return of the noiseless action):
      [2^(1 - alpha) (m + 2 alpha) - alpha] c / N;
    - `antithetic` (N/2 pairs +eps, -eps): [2^alpha (m + 2 alpha) - 2 alpha] c / N.

    The field part is alpha c for all of them. Raises ArgumentError on bad arguments, and on "none":
    without a baseline the answer depends on the size of R, see `offset_variance`.
    """
    sigma = _sigmas(sigma)
    samples = _samples(samples, estimator)
    alpha, m = field.exponent, field.dimension
    c = field.constant * field.roughness**2 * sigma ** (2 * alpha - 2)
    factors = {
        "leave_one_out": (m + alpha) / max(samples - 1, 1),
        "mean": (m + alpha) / samples,
        "value": (2 ** (1 - alpha) * (m + 2 * alpha) - alpha) / samples,
        "antithetic": (2**alpha * (m + 2 * alpha) - 2 * alpha) / samples,
    }
    checks.choice("estimator", estimator, factors)
    return Moments(alpha * c, factors[estimator] * c)


def structure_moments(
    structure: Callable[[NDArray], ArrayLike],
    sigma: ArrayLike,
    dimension: int,
    samples: int,
    *,
    active: int | None = None,
) -> Moments:
    """B^2 and the leave-one-out sampling trace for any isotropic structure function D(r).

        B^2 = E[D(sigma |u|) (|u|^2 - 2m)] / (8 sigma^2)
        V   = E[D(sigma |u|) (|u|^2 + 2m)] / (8 sigma^2 (N - 1)),   u ~ N(0, 2 I_m)

    structure: maps distances (...) to D (...). `active`: the field depends on this many of the m
    coordinates only (all of them by default); u then counts those alone in D.
    The expectation over |u| is a trapezoidal sum in log |u|, good to 1e-9 relative for D that are
    smooth in log r. Raises ArgumentError on bad arguments and on a D that is not finite.
    """
    sigma = _sigmas(sigma)
    m = checks.count("dimension", dimension)
    samples = _samples(samples, "leave_one_out")
    d = m if active is None else checks.count("active", active)
    if d > m:
        raise checks.ArgumentError(f"active must be at most dimension = {m}, got {d}")
    centre = math.log(d / 2) / 2
    log_size = np.linspace(centre - 45 / d - 3, centre + 3, 2001)
    weights = np.exp(d * (log_size - centre) - np.exp(2 * log_size) + d / 2)
    weights /= weights.sum()
    size = 2 * np.exp(log_size)
    distances = sigma[..., None] * size
    values = checks.finite_array("structure(r)", structure(distances), distances.shape)
    # |u|^2 over all coordinates; the idle ones are independent of D and have mean 2 (m - d).
    squared = size**2 + 2 * (m - d)
    scale = 8 * sigma**2
    return Moments(
        (values * (squared - 2 * m)) @ weights / scale,
        (values * (squared + 2 * m)) @ weights / scale / (samples - 1),
    )


def return_variance(
    sigma: ArrayLike, dimension: int, samples: int, noise: float, estimator: str = "leave_one_out"
) -> NDArray:
    """m tau^2 / (sigma^2 (N - 1)): what independent noise of size tau in the returns adds.

    Without baseline, with a fixed one, and with antithetic pairs, N stands instead of N - 1.
    Raises ArgumentError on bad arguments.
    """
    sigma = _sigmas(sigma)
    m = checks.count("dimension", dimension)
    samples = _samples(samples, estimator)
    tau = checks.non_negative("noise", noise)
    free = samples - 1 if estimator == "leave_one_out" else samples
    return m * tau**2 / (sigma**2 * free)


def offset_variance(sigma: ArrayLike, dimension: int, samples: int, offset: float) -> NDArray:
    """m c^2 / (sigma^2 N): what a constant c in the returns adds when no baseline removes it.

    Raises ArgumentError on bad arguments.
    """
    sigma = _sigmas(sigma)
    m = checks.count("dimension", dimension)
    samples = checks.count("samples", samples)
    c = float(checks.finite_array("offset", offset, ()))
    return m * c**2 / (sigma**2 * samples)


def best_sigma_cosine(width: float, decay: float) -> float:
    """w sqrt(p / 2): the sigma that maximises exp(-sigma^2/w^2) sigma^p.

    width: w, for a basin sum_i cos(x_i / w); decay: p, for noise like sigma^(-p): 2 - 2 alpha for
    roughness, 2 for noise in the returns. Raises ArgumentError on bad arguments.
    """
    return checks.positive("width", width) * math.sqrt(checks.positive("decay", decay) / 2)


def best_sigma_bump(width: float, decay: float, dimension: int, distance: float = 0.0) -> float:
    """The sigma of largest signal-to-noise on a hill exp(-|x|^2 / 2 w^2), seen from a distance.

    With t = sigma^2 and noise like sigma^(-p), the positive root of

        (2 (m + 2) - p) t^2 + 2 ((m + 2 - p) w^2 - distance^2) t - p w^4 = 0.

    decay: p, below 2 (m + 2); distance: |mu|, 0 standing for "close to the top".
    Raises ArgumentError on bad arguments.
    """
    w = checks.positive("width", width)
    p = checks.positive("decay", decay)
    m = checks.count("dimension", dimension)
    r = checks.non_negative("distance", distance)
    a = 2 * (m + 2) - p
    if a <= 0:
        raise checks.ArgumentError(f"decay must be below 2 (dimension + 2) = {2 * (m + 2)}")
    half = (m + 2 - p) * w**2 - r**2
    root = math.hypot(half, math.sqrt(a * p) * w**2)
    # Two forms of the same root; each avoids subtracting nearly equal numbers.
    t = p * w**4 / (half + root) if half > 0 else (root - half) / a
    return math.sqrt(t)


def kept_gain(step: ArrayLike, sigma: float, field: RoughField) -> NDArray:
    """1F1(1 - alpha; 1 + m/2; -delta^2 / 4 sigma^2): share of the linear gain that a step keeps.

    A step of length delta along the exact mollified gradient of a Gaussian rough field raises the
    field by this share of delta |grad R_sigma| on average. step: delta, any shape, 0 or above.
    Raises ArgumentError on bad arguments.
    """
    sigma = checks.positive("sigma", sigma)
    step = checks.finite_array("step", step, (None,) * np.ndim(step))
    if (step < 0).any():
        raise checks.ArgumentError(f"step must be 0 or above everywhere, got {step.min():g}")
    z = (step / (2 * sigma)) ** 2
    return special.hyp1f1(1 - field.exponent, 1 + field.dimension / 2, -z)


def expected_cosine(ratio: ArrayLike, dimension: int) -> NDArray:
    """Mean cosine between the signal and signal plus isotropic normal noise.

    ratio: |signal| / sqrt(trace of the noise covariance), any shape, 0 or above. About
    ratio / sqrt(1 + ratio^2) in many dimensions. Raises ArgumentError on bad arguments.
    """
    m = checks.count("dimension", dimension)
    ratio = checks.finite_array("ratio", ratio, (None,) * np.ndim(ratio))
    if (ratio < 0).any():
        raise checks.ArgumentError(f"ratio must be 0 or above everywhere, got {ratio.min():g}")
    z = m * ratio**2 / 2
    factor = 1 / (math.sqrt(2) * special.poch((m + 1) / 2, 0.5))
    return factor * np.sqrt(2 * z) * special.hyp1f1(0.5, m / 2 + 1, -z)


def batch_gradient(
    values: NDArray, directions: NDArray, sigma: float, estimator: str = "leave_one_out"
) -> NDArray:
    """The score-function gradient of each batch: (..., m).

    values: y, (..., N); directions: eps, (..., N, m). "none" takes y as it is, "leave_one_out"
    subtracts the others' mean. "antithetic" takes y at +eps in the first half of the values, y at
    -eps in the second, with N/2 directions. For a fixed baseline subtract it and use "none".
    Raises ArgumentError on bad arguments.
    """
    sigma = checks.positive("sigma", sigma)
    checks.choice("estimator", estimator, ("leave_one_out", "none", "antithetic"))
    samples = _samples(values.shape[-1], estimator)
    if estimator == "antithetic":
        half = samples // 2
        values, samples = values[..., :half] - values[..., half:], samples
    elif estimator == "leave_one_out":
        values, samples = values - values.mean(axis=-1, keepdims=True), samples - 1
    if values.shape != directions.shape[:-1]:
        raise checks.ArgumentError(
            f"directions must have shape {values.shape} and one more axis, got {directions.shape}"
        )
    return np.einsum("...n,...nm->...m", values, directions) / (samples * sigma)


def measured_moments(first: NDArray, second: NDArray) -> tuple[Estimate, Estimate]:
    """B^2 and the sampling trace from two gradients per field, taken with independent samples.

    E<first, second> = B^2 and E|first - second|^2 / 2 = V. first, second: (fields, m).
    Returns two estimates with standard errors. Raises ArgumentError on shapes that do not fit.
    """
    first = checks.finite_array("first", first, (None, None))
    second = checks.finite_array("second", second, first.shape)
    common = np.sum(first * second, axis=-1)
    spread = np.sum((first - second) ** 2, axis=-1) / 2
    return tuple(
        Estimate(x.mean(), np.asarray(x.std(ddof=1) / math.sqrt(len(x)))) for x in (common, spread)
    )


def simulated_moments(
    field: RoughField,
    sigma: float,
    samples: int,
    fields: int,
    rng: np.random.Generator,
    *,
    estimator: str = "leave_one_out",
    noise: float = 0.0,
    band: tuple[float, float] | None = None,
    waves: int = 64,
) -> tuple[Estimate, Estimate]:
    """B^2 and the sampling trace by simulation: two independent batches on each of many fields.

    Fields are exact Gaussian draws (`fractional_field`), or random waves over `band` if it is given
    (`fourier_field`). noise: tau, of normal noise in the returns. Estimators as in `rough_moments`;
    "mean" needs a band. Raises ArgumentError on bad arguments.
    """
    sigma = checks.positive("sigma", sigma)
    samples = _samples(samples, estimator)
    tau = checks.non_negative("noise", noise)
    fields = checks.count("fields", fields, 2)
    if estimator == "mean" and band is None:
        raise checks.ArgumentError("estimator must not be 'mean' without a band")
    paired = estimator == "antithetic"
    m, directions = field.dimension, samples // 2 if paired else samples
    eps = rng.standard_normal((fields, 2, directions, m))
    points = sigma * (np.concatenate([eps, -eps], axis=2) if paired else eps)
    points = points.reshape(fields, 2 * samples, m)
    if band is None:
        values = fractional_field(points, field, rng)
    else:
        drawn = fourier_field(field, band, waves, rng, fields)
        origin = np.zeros((fields, 1, m))
        values = drawn.mollified(points)
        values = values - drawn.mollified(origin, sigma**2 if estimator == "mean" else 0.0)
    values = values.reshape(fields, 2, samples)
    values = values + tau * rng.standard_normal(values.shape)
    kind = "none" if estimator in ("mean", "value") else estimator
    gradients = batch_gradient(values, eps, sigma, kind)
    return measured_moments(gradients[:, 0], gradients[:, 1])


def _sigmas(value: ArrayLike) -> NDArray:
    sigma = checks.finite_array("sigma", value, (None,) * np.ndim(value))
    if (sigma <= 0).any():
        raise checks.ArgumentError(f"sigma must be above 0 everywhere, got {sigma.min():g}")
    return sigma


def _samples(value: int, estimator: str) -> int:
    checks.choice("estimator", estimator, ESTIMATORS)
    least = 2 if estimator in ("leave_one_out", "antithetic") else 1
    samples = checks.count("samples", value, least)
    if estimator == "antithetic" and samples % 2:
        raise checks.ArgumentError(f"samples must be even for antithetic pairs, got {samples}")
    return samples
