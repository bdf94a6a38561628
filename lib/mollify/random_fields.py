"""Which random landscapes have one known Hölder exponent?

Gaussian fields with stationary increments and the two-sided law

    E|R(x) - R(y)|^2 = K^2 |x - y|^(2 alpha),

drawn exactly at a few points, or as random waves that are mollified in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mollify import checks


@dataclass(frozen=True)
class RoughField:
    """The law E|R(x) - R(y)|^2 = K^2 |x - y|^(2 alpha) in m dimensions.

    exponent: alpha, above 0 and below 1 (the Hölder exponent in the mean square);
    roughness: K, the root-mean-square difference at distance 1; dimension: m.
    Raises ArgumentError on anything else.
    """

    exponent: float
    dimension: int = 1
    roughness: float = 1.0

    def __post_init__(self) -> None:
        _exponent(self.exponent)
        checks.count("dimension", self.dimension)
        checks.positive("roughness", self.roughness)

    @property
    def constant(self) -> float:
        """C = 2^(2 alpha - 1) Gamma(m/2 + alpha) / Gamma(m/2), half of E|eps - eps'|^(2 alpha)."""
        alpha, m = self.exponent, self.dimension
        return 2 ** (2 * alpha - 1) * float(special.poch(m / 2, alpha))


def fractional_field(points: ArrayLike, field: RoughField, rng: np.random.Generator) -> NDArray:
    """An exact draw of the Gaussian field with this law and R(0) = 0, at the given points.

    points: (..., n, m), a field of its own for each leading index. Returns (..., n). The cost is a
    Cholesky factor of size n per field. Raises ArgumentError on points of another dimension.
    """
    points = np.asarray(points)
    shape = (None,) * max(points.ndim - 1, 1) + (field.dimension,)
    points = checks.finite_array("points", points, shape)
    power = 2 * field.exponent
    size = np.linalg.norm(points, axis=-1) ** power
    gaps = _distances(points) ** power
    covariance = field.roughness**2 * (size[..., :, None] + size[..., None, :] - gaps) / 2
    jitter = 1e-12 * np.trace(covariance, axis1=-2, axis2=-1) / points.shape[-2]
    covariance += jitter[..., None, None] * np.eye(points.shape[-2])
    factor = np.linalg.cholesky(covariance)
    return (factor @ rng.standard_normal((*size.shape, 1)))[..., 0]


@dataclass(frozen=True, eq=False)
class FourierField:
    """R(x) = sum_j amplitudes_j cos(frequencies_j . x + phases_j), mollified in closed form.

    frequencies: (..., waves, m), amplitudes and phases (..., waves); leading indices count fields.
    """

    frequencies: NDArray
    amplitudes: NDArray
    phases: NDArray

    def mollified(self, x: NDArray, t: float = 0.0) -> NDArray:
        """R_sigma at points (..., n, m), t = sigma^2; shape (..., n). R itself for t = 0."""
        angles = x @ np.swapaxes(self.frequencies, -1, -2) + self.phases[..., None, :]
        return np.einsum("...nj,...j->...n", np.cos(angles), self._faded(t))

    def gradient(self, x: NDArray, t: float = 0.0) -> NDArray:
        """The slope of R_sigma at points (..., n, m); same shape."""
        angles = x @ np.swapaxes(self.frequencies, -1, -2) + self.phases[..., None, :]
        return -(np.sin(angles) * self._faded(t)[..., None, :]) @ self.frequencies

    def _faded(self, t: float) -> NDArray:
        return self.amplitudes * np.exp(-t * np.sum(self.frequencies**2, axis=-1) / 2)


def fourier_field(
    field: RoughField,
    band: tuple[float, float],
    waves: int,
    rng: np.random.Generator,
    fields: int = 1,
) -> FourierField:
    """Random waves that follow the law of `field` at distances well inside 1/band.

    The logarithm of the frequency is spread evenly over the band (lowest, highest), one wave per
    stratum, with amplitude^2 proportional to frequency^(-2 alpha) and a random direction. Waves
    below the band are missed like (lowest r)^(2 - 2 alpha), waves above it like
    (highest r)^(-2 alpha), as shares of the structure function at distance r.
    Returns arrays with a leading axis of length `fields`. Raises ArgumentError on bad arguments.
    """
    low, high = (checks.positive("band", edge) for edge in band)
    if low >= high:
        raise checks.ArgumentError(f"band must rise, got {band}")
    waves = checks.count("waves", waves)
    fields = checks.count("fields", fields)
    alpha, m = field.exponent, field.dimension
    decades = math.log(high / low)
    place = (np.arange(waves) + rng.random((fields, waves))) / waves
    size = low * np.exp(place * decades)
    direction = rng.standard_normal((fields, waves, m))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    # E|grad R_sigma|^2 = alpha C K^2 sigma^(2 alpha - 2) fixes the constant in front.
    scale = 4 * alpha * field.constant * field.roughness**2 / special.gamma(1 - alpha)
    amplitudes = np.sqrt(scale * decades / waves) * size ** (-alpha)
    phases = rng.uniform(0, 2 * np.pi, (fields, waves))
    return FourierField(size[..., None] * direction, amplitudes, phases)


def _distances(points: NDArray) -> NDArray:
    """All distances among points (..., n, m); shape (..., n, n)."""
    if points.shape[-1] <= 3:
        return np.linalg.norm(points[..., :, None, :] - points[..., None, :, :], axis=-1)
    # In many dimensions points are far apart, and the short formula loses no digits that matter.
    squared = np.sum(points**2, axis=-1)
    gaps = squared[..., :, None] + squared[..., None, :] - 2 * points @ np.swapaxes(points, -1, -2)
    diagonal = np.arange(points.shape[-2])
    gaps[..., diagonal, diagonal] = 0.0
    return np.sqrt(np.maximum(gaps, 0.0))


def _exponent(value: float) -> float:
    checks.positive("exponent", value)
    if value >= 1:
        raise checks.ArgumentError(f"exponent must be below 1, got {value:g}")
    return float(value)
