"""What is the heat kernel, and what does flowing forward do to a function?

The flow is 2 u_t = Laplacian of u with datum g (equation (5) of the paper), its solution
u(mu, t) = E g(mu + sqrt(t) eps) with eps standard normal (equation (6)), and t = sigma^2.
Four ways to compute it, each for its own kind of g:

====================  =============================  =====================================
function              for                            error
====================  =============================  =====================================
`gauss_hermite`       smooth g, dimension 1 or 2     bound there; g must vary little in sigma
`adaptive`            kinks and jumps, dimension 1   estimated in the result's `error`
`fourier`             values on a uniform grid       bound there; exact for periodic g
`monte_carlo`         anything, any dimension        carried along as standard error
====================  =============================  =====================================

Closed forms are in `mollify.objectives`. With the method that suits it, each of them is met for
sigma from 0.01 to 10 to 1e-10 of the largest |g| on the line and to 1e-8 in the plane.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, integrate, special

from mollify import checks

Function = Callable[[NDArray], ArrayLike]

# A standard normal leaves this many deviations with probability 4e-33, beyond double precision
# even when g grows a million million times on the way.
REACH = 12.0


class Solution(NamedTuple):
    """u, its gradient in mu, and its derivative in t, at the same points."""

    value: NDArray
    gradient: NDArray
    time_derivative: NDArray


class BoundedSolution(NamedTuple):
    """`Solution` with `error`, the quadrature's own estimate of the absolute error of all three.

    It lies far above the true error unless g has a feature that all nodes step over (`adaptive`).
    """

    value: NDArray
    gradient: NDArray
    time_derivative: NDArray
    error: NDArray


class Estimate(NamedTuple):
    """A Monte Carlo mean and its standard error, of the same shape."""

    mean: NDArray
    standard_error: NDArray


class EstimatedSolution(NamedTuple):
    """u, its gradient in mu, and its derivative in t, each an `Estimate`."""

    value: Estimate
    gradient: Estimate
    time_derivative: Estimate


def heat_kernel(x: ArrayLike, t: float, dimension: int = 1) -> NDArray:
    """Phi(x, t) = (2 pi t)^(-m/2) exp(-|x|^2 / 2t), the kernel of equation (6).

    x: any shape for m = 1, else (..., m). Raises ArgumentError on a bad x, t or dimension.
    """
    t = checks.positive("t", t)
    m = checks.count("dimension", dimension)
    x = _points("x", x, m)
    squared = x**2 if m == 1 else np.sum(x**2, axis=-1)
    return (2 * np.pi * t) ** (-m / 2) * np.exp(-squared / (2 * t))


def kernel_tail(distance: ArrayLike, t: float) -> NDArray:
    """Probability that sqrt(t) eps lies further than `distance` from 0 (one dimension).

    The weight that the kernel gives to what lies beyond: bounds what an edge at that distance can
    do to u, per unit of g. Raises ArgumentError on a negative distance or t.
    """
    t = checks.positive("t", t)
    distance = _points("distance", distance, 1)
    if (distance < 0).any():
        raise checks.ArgumentError("distance must be 0 or above everywhere")
    return 2 * special.ndtr(-distance / math.sqrt(t))


def low_pass(frequency: ArrayLike, t: float) -> NDArray:
    """exp(-k^2 t / 2): what the flow does to cos(k x) and sin(k x) in time t.

    frequency: any shape, in radians per unit of x. The paper prints exp(-k^2 t) in Section 4, which
    belongs to u_t = Laplacian of u. Raises ArgumentError on a bad frequency or a negative t.
    """
    t = checks.non_negative("t", t)
    return np.exp(-(_points("frequency", frequency, 1) ** 2) * t / 2)


def gauss_hermite(
    g: Function, mu: ArrayLike, t: float, *, dimension: int = 1, order: int = 80
) -> Solution:
    """u, its mu-gradient and t-derivative by Gauss-Hermite quadrature with the score identities.

        grad u = E[g(mu + sigma eps) eps] / sigma
        u_t    = E[g(mu + sigma eps) (|eps|^2 - m)] / (2 t)

    g: maps (..., ) to (...) for dimension 1 and (..., 2) to (...) for dimension 2, where a tensor
    rule of order^2 nodes is used. mu: any shape, or (..., 2). Polynomials of degree up to
    2 order - 3 come out exact. On the line the error of u is at most

        order! / (2 order)! * t^order * sup |derivative 2 order of g|,

    so for a wave cos(k x) at order 80 below 1e-13 while k sigma <= 9. Beyond such a range (a bump
    much narrower than sigma, say) the rule steps over g without a warning: compare two orders, or
    use `fourier`. A kink or a jump slows convergence to a crawl: use `adaptive`.
    Returns arrays of shape mu.shape (dimension 1), or (...), (..., 2), (...).
    Raises ArgumentError on bad arguments and when g returns something else than one finite number
    per point.
    """
    t = checks.positive("t", t)
    m = checks.count("dimension", dimension)
    if m > 2:
        raise checks.ArgumentError(f"dimension must be 1 or 2, got {m}: use monte_carlo beyond")
    order = checks.count("order", order, least=2)
    mu = _points("mu", mu, m)
    sigma = math.sqrt(t)
    nodes, weights = special.roots_hermitenorm(order)
    weights = weights / weights.sum()
    if m == 1:
        values = _evaluate(g, mu[..., None] + sigma * nodes, 1)
        return Solution(
            values @ weights,
            values @ (weights * nodes) / sigma,
            values @ (weights * (nodes**2 - 1)) / (2 * t),
        )
    eps = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = np.outer(weights, weights).ravel()
    values = _evaluate(g, mu[..., None, :] + sigma * eps, 2)
    score = np.sum(eps**2, axis=-1) - m
    return Solution(
        values @ weights,
        values @ (weights[:, None] * eps) / sigma,
        values @ (weights * score) / (2 * t),
    )


def adaptive(
    g: Function,
    mu: ArrayLike,
    t: float,
    *,
    breakpoints: Sequence[float] = (),
    tolerance: float = 1e-12,
) -> BoundedSolution:
    """u, its mu-gradient and t-derivative in one dimension, for g with kinks or jumps.

    Adaptive quadrature over mu +- 12 sigma, cut at `breakpoints`: the places where g jumps, bends,
    or has features narrower than sigma / 50 (which it could otherwise step over without a trace in
    `error`). What lies beyond 12 sigma carries a weight of 4e-33 and is left out: g must not grow
    so fast as to be felt there.
    g: maps an array to an array of its shape; mu: any shape. `tolerance` is relative to the largest
    value of g times the kernel. Returns arrays of mu's shape; `error` is the Gauss-Kronrod estimate
    for the worst of the three, usually far above the true error. Raises ArgumentError on bad
    arguments, and when the tolerance is missed by more than a factor of 100.
    """
    t = checks.positive("t", t)
    tolerance = checks.positive("tolerance", tolerance)
    mu = _points("mu", mu, 1)
    cuts = np.empty(0)
    if len(breakpoints):
        cuts = checks.finite_array("breakpoints", breakpoints, (None,))
    sigma = math.sqrt(t)
    rows = [
        _adaptive_at(g, centre, sigma, (cuts - centre) / sigma, tolerance) for centre in mu.flat
    ]
    u, first, second, error = np.array(rows).reshape(*mu.shape, 4).transpose(-1, *range(mu.ndim))
    scale = max(1.0, 1 / sigma, 1 / (2 * t))
    return BoundedSolution(u, first / sigma, second / (2 * t), error * scale)


def fourier(
    values: ArrayLike,
    spacing: float,
    t: float,
    *,
    padding: str = "reflect",
    reach: float = REACH,
) -> NDArray:
    """u on a uniform grid in 1 or 2 dimensions: multiply each frequency by exp(-|k|^2 t / 2).

    values: (n,) or (n1, n2), samples of g at distance `spacing`. Returns u on the same grid.
    `padding` says what g is outside the grid:

    - `periodic`: the samples are one full period (the point after the last equals the first);
    - `reflect`: mirrored in the end samples, which keeps g continuous;
    - `zero`: 0.

    The last two are carried out to `reach` sigma beyond each edge, so nothing wraps around.

    Error. (1) Edges: if the true g differs from its continuation by at most D, the error at a
    distance d from the nearest edge is at most D `kernel_tail`(d, t) per axis. (2) Grid: a periodic
    g whose frequencies lie below pi/spacing comes out exact to rounding. Otherwise the frequencies
    above that fold. From sigma = 3 spacings on, the fold is the error of the trapezoidal rule: a
    jump of size H is felt as if it were moved by up to half a spacing, which costs at most
    H spacing / (2 sqrt(2 pi) sigma), and a smooth g loses nothing visible. (A bump of width w has
    a share exp(-(pi w / spacing)^2 / 2) of its amplitudes above pi/spacing: 1e-13 from w = 2.5
    spacings on.)
    Raises ArgumentError on bad arguments, a negative t (backward heat) included.
    """
    values = np.asarray(values)
    if values.ndim not in (1, 2):
        raise checks.ArgumentError(f"values must have 1 or 2 axes, got shape {values.shape}")
    values = checks.finite_array("values", values, (None,) * values.ndim)
    if min(values.shape) < 2:
        raise checks.ArgumentError(f"values needs 2 points or more per axis, got {values.shape}")
    spacing = checks.positive("spacing", spacing)
    t = checks.non_negative("t", t)
    reach = checks.positive("reach", reach)
    checks.choice("padding", padding, ("periodic", "reflect", "zero"))
    width = 0 if padding == "periodic" else math.ceil(reach * math.sqrt(t) / spacing)
    kept = tuple(slice(width, width + n) for n in values.shape)
    if width:
        after = [fft.next_fast_len(n + 2 * width, real=True) - n - width for n in values.shape]
        mode = {"reflect": "reflect", "zero": "constant"}[padding]
        values = np.pad(values, [(width, extra) for extra in after], mode=mode)
    k = [2 * np.pi * fft.fftfreq(n, spacing) for n in values.shape[:-1]]
    k.append(2 * np.pi * fft.rfftfreq(values.shape[-1], spacing))
    filtered = fft.rfftn(values)
    for axis, frequencies in enumerate(k):
        shape = [-1 if i == axis else 1 for i in range(values.ndim)]
        filtered = filtered * low_pass(frequencies, t).reshape(shape)
    return fft.irfftn(filtered, s=values.shape)[kept]


def monte_carlo(
    g: Function,
    mu: ArrayLike,
    t: float,
    samples: int,
    rng: np.random.Generator,
    *,
    baseline: float = 0.0,
) -> EstimatedSolution:
    """u, its mu-gradient and t-derivative by sampling a = mu + sigma eps: needs g, not its slope.

        grad u ~ mean of (g(a) - b) eps / sigma
        u_t    ~ mean of (g(a) - b) (|eps|^2 - m) / (2 t)

    mu: a number, or shape (m,); g maps (n,) to (n,), or (n, m) to (n,). The constant `baseline` b
    changes no mean, only the spread. Returns estimates of shape (), mu.shape, ().
    Raises ArgumentError on bad arguments and when g returns something else than one finite number
    per sample.
    """
    t = checks.positive("t", t)
    samples = checks.count("samples", samples, least=2)
    mu = _points("mu", mu, 1)
    if mu.ndim > 1:
        raise checks.ArgumentError(f"mu must be one point, a number or (m,), got shape {mu.shape}")
    baseline = float(checks.finite_array("baseline", baseline, ()))
    m = max(mu.size, 1)
    sigma = math.sqrt(t)
    eps = rng.standard_normal((samples, *mu.shape))
    values = _evaluate(g, mu + sigma * eps, 1 if mu.ndim == 0 else 2)
    centred = values - baseline
    squared = eps**2 if mu.ndim == 0 else np.sum(eps**2, axis=-1)
    slope = centred * eps if mu.ndim == 0 else centred[:, None] * eps
    return EstimatedSolution(
        _mean(values), _mean(slope / sigma), _mean(centred * (squared - m) / (2 * t))
    )


def _mean(samples: NDArray) -> Estimate:
    error = samples.std(axis=0, ddof=1) / math.sqrt(len(samples))
    return Estimate(samples.mean(axis=0), np.asarray(error))


def _adaptive_at(
    g: Function, centre: float, sigma: float, cuts: NDArray, tolerance: float
) -> tuple[float, ...]:
    def weighted(z: float) -> float:
        value = float(_evaluate(g, np.asarray(centre + sigma * z), 1))
        return value * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    def integrand(z: float) -> NDArray:
        return weighted(z) * np.array([1.0, z, z * z - 1])

    # Pieces of 2 sigma: in longer ones a feature of width sigma / 50 can hide between the nodes.
    inside = [*cuts[abs(cuts) < REACH], *range(-8, 9, 2)]
    # Odd places, so that the look at the size of g does not land on a pole at a round number.
    scale = max(abs(weighted(z)) for z in np.linspace(-7.77, 7.91, 64))
    allowed = tolerance * max(scale, np.finfo(float).tiny)
    total, error = integrate.quad_vec(
        integrand,
        -REACH,
        REACH,
        epsabs=allowed,
        epsrel=tolerance,
        norm="max",
        limit=500,
        points=inside,
    )
    if error > 100 * max(allowed, tolerance * abs(total).max()):
        raise checks.ArgumentError(
            f"g could not be integrated to tolerance {tolerance:g} around mu = {centre:g} (error "
            f"about {error:.1e}): give the places where it jumps or bends as breakpoints"
        )
    return (*total, error)


def _points(name: str, value: ArrayLike, dimension: int) -> NDArray:
    """A finite array of points: any shape on the line, last axis `dimension` in space."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise checks.ArgumentError(f"{name} must be an array of real numbers, got {value!r}")
    shape = (None,) * array.ndim if dimension == 1 else (None,) * (array.ndim - 1) + (dimension,)
    return checks.finite_array(name, array, shape)


def _evaluate(g: Function, points: NDArray, axes: int) -> NDArray:
    wanted = points.shape if axes == 1 else points.shape[:-1]
    values = np.asarray(g(points))
    if values.shape != wanted:
        raise checks.ArgumentError(
            f"g must return one number per point, shape {wanted}, got shape {values.shape}"
        )
    return checks.finite_array("g(points)", values, (None,) * values.ndim)
