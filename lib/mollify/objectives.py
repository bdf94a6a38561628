"""Which landscapes have closed-form mollifications?

Every objective is a frozen dataclass with the methods of `Objective`. On the line (`dimension` 1)
points are arrays of any shape, taken number by number; in m dimensions their last axis has length
m. Times t = sigma^2 broadcast against the points (without that last axis), so
`objective.mollified(mu, t[:, None])` is the whole heat solution on a grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mollify import checks


class Objective(Protocol):
    """A landscape g and its heat flow u(mu, t) = E g(mu + sqrt(t) eps), in closed form.

    All methods raise ArgumentError on points or times that are not finite, times below 0, or shapes
    that do not fit; `gradient` and `time_derivative` also at t = 0.
    """

    @property
    def dimension(self) -> int:
        """The number m of coordinates of a point."""

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Where g jumps or bends; for `heat.adaptive`."""

    def value(self, x: ArrayLike) -> NDArray:
        """g(x)."""

    def mollified(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        """u(mu, t); g itself at t = 0."""

    def gradient(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        """The derivative of u in mu, of the shape of mu (broadcast against t)."""

    def time_derivative(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        """The derivative of u in t = sigma^2, equal to half the Laplacian of u in mu."""


@dataclass(frozen=True)
class Cosine:
    """g(x) = amplitude cos(frequency x + phase). Frequency above 0, in radians per unit of x."""

    frequency: float = 1.0
    amplitude: float = 1.0
    phase: float = 0.0
    dimension = 1
    breakpoints = ()

    def __post_init__(self) -> None:
        checks.positive("frequency", self.frequency)
        _finite(amplitude=self.amplitude, phase=self.phase)

    def value(self, x: ArrayLike) -> NDArray:
        return self.amplitude * np.cos(self.frequency * _numbers("x", x) + self.phase)

    def mollified(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t)
        return self.value(mu) * np.exp(-(self.frequency**2) * t / 2)

    def gradient(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        k = self.frequency
        return -self.amplitude * k * np.sin(k * mu + self.phase) * np.exp(-(k**2) * t / 2)

    def time_derivative(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        return -(self.frequency**2) / 2 * self.mollified(mu, t)


@dataclass(frozen=True)
class Step:
    """g(x) = 0 left of `location`, `height` right of it, height/2 at it."""

    height: float = 1.0
    location: float = 0.0
    dimension = 1

    def __post_init__(self) -> None:
        _finite(height=self.height, location=self.location)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        return (self.location,)

    def value(self, x: ArrayLike) -> NDArray:
        return self.height * np.heaviside(_numbers("x", x) - self.location, 0.5)

    def mollified(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t)
        smooth = self.height * special.ndtr((mu - self.location) / np.sqrt(_some(t)))
        return np.where(t > 0, smooth, self.value(mu))

    def gradient(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        return self.height * _normal(mu - self.location, t)

    def time_derivative(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        y = mu - self.location
        return -self.height * y / (2 * t) * _normal(y, t)


@dataclass(frozen=True)
class AbsoluteValue:
    """g(x) = slope |x - location|; a negative slope makes a peak."""

    slope: float = 1.0
    location: float = 0.0
    dimension = 1

    def __post_init__(self) -> None:
        _finite(slope=self.slope, location=self.location)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        return (self.location,)

    def value(self, x: ArrayLike) -> NDArray:
        return self.slope * np.abs(_numbers("x", x) - self.location)

    def mollified(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t)
        y, some = mu - self.location, _some(t)
        smooth = y * special.erf(y / np.sqrt(2 * some)) + 2 * some * _normal(y, some)
        return np.where(t > 0, self.slope * smooth, self.value(mu))

    def gradient(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        return self.slope * special.erf((mu - self.location) / np.sqrt(2 * t))

    def time_derivative(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        return self.slope * _normal(mu - self.location, t)


@dataclass(frozen=True)
class Spike:
    """g(x) = height exp(-|x - location| / width): a cusp, with no slope at its tip."""

    height: float = 1.0
    width: float = 1.0
    location: float = 0.0
    dimension = 1

    def __post_init__(self) -> None:
        checks.positive("width", self.width)
        _finite(height=self.height, location=self.location)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        return (self.location,)

    def value(self, x: ArrayLike) -> NDArray:
        y = np.abs(_numbers("x", x) - self.location)
        return self.height * np.exp(-y / self.width)

    def mollified(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t)
        falling, rising = self._flanks(mu, _some(t))
        return np.where(t > 0, falling + rising, self.value(mu))

    def gradient(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        falling, rising = self._flanks(mu, t)
        return (rising - falling) / self.width

    def time_derivative(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        falling, rising = self._flanks(mu, t)
        bend = 2 * self.height / self.width * _normal(mu - self.location, t)
        return ((falling + rising) / self.width**2 - bend) / 2

    def _flanks(self, mu: NDArray, t: NDArray) -> tuple[NDArray, NDArray]:
        """The parts of the expectation from the right flank of the spike and from the left one."""
        y, sigma = (mu - self.location) / np.sqrt(t), np.sqrt(t) / self.width
        return tuple(self.height / 2 * _flank(sigma, z) for z in (y, -y))


@dataclass(frozen=True)
class Weierstrass:
    """g(x) = sum over n < terms of decay^n cos(ratio^n x), mollified term by term.

    0 < decay < 1 < ratio. When decay * ratio >= 1 the full series is nowhere differentiable, with
    Hölder exponent `exponent`. What the finite sum leaves out is at most decay^terms / (1 - decay).
    Rounding in ratio^n x limits the value: keep ratio^terms below 1e14 or so.
    """

    decay: float = 0.5
    ratio: float = 3.0
    terms: int = 28
    dimension = 1
    breakpoints = ()

    def __post_init__(self) -> None:
        checks.fraction("decay", self.decay)
        checks.positive("ratio", self.ratio)
        checks.count("terms", self.terms)
        if self.decay == 1 or self.ratio <= 1:
            raise checks.ArgumentError(
                "decay must be below 1 and ratio above 1, "
                f"got decay={self.decay:g} and ratio={self.ratio:g}"
            )
        if self.terms * math.log(self.ratio) > math.log(1e16):
            raise checks.ArgumentError(
                f"ratio^terms must not exceed 1e16, got {self.ratio:g}^{self.terms}"
            )

    @property
    def exponent(self) -> float:
        """The Hölder exponent -log(decay) / log(ratio) of the full series, if below 1."""
        return -math.log(self.decay) / math.log(self.ratio)

    @property
    def amplitudes(self) -> NDArray:
        """decay^n, shape (terms,)."""
        return float(self.decay) ** np.arange(self.terms)

    @property
    def frequencies(self) -> NDArray:
        """ratio^n, shape (terms,)."""
        return float(self.ratio) ** np.arange(self.terms)

    def value(self, x: ArrayLike) -> NDArray:
        return self.mollified(x, 0.0)

    def mollified(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t)
        k, faded = self._faded(t)
        return np.sum(faded * np.cos(k * mu[..., None]), axis=-1)

    def gradient(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        k, faded = self._faded(t)
        return -np.sum(faded * k * np.sin(k * mu[..., None]), axis=-1)

    def time_derivative(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        mu, t = _line(mu, t, later=True)
        k, faded = self._faded(t)
        return -np.sum(faded * k**2 / 2 * np.cos(k * mu[..., None]), axis=-1)

    def _faded(self, t: NDArray) -> tuple[NDArray, NDArray]:
        k = self.frequencies
        return k, self.amplitudes * np.exp(-(k**2) * t[..., None] / 2)


@dataclass(frozen=True, eq=False)
class Quadratic:
    """g(x) = curvature |x - centre|^2 / 2; a negative curvature makes a hill.

    centre: a number for the line, or shape (m,) for points of shape (..., m).
    """

    curvature: float = 1.0
    centre: ArrayLike = 0.0
    breakpoints = ()

    def __post_init__(self) -> None:
        _finite(curvature=self.curvature)
        axes = min(np.ndim(self.centre), 1)
        _freeze(self, "centre", checks.finite_array("centre", self.centre, (None,) * axes))

    @property
    def dimension(self) -> int:
        return self.centre.size

    def value(self, x: ArrayLike) -> NDArray:
        return self.mollified(x, 0.0)

    def mollified(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        y, t = self._from_centre(mu, t)
        squared = np.sum(y**2, axis=-1)
        return self.curvature * (squared + self.dimension * t) / 2

    def gradient(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        y, _ = self._from_centre(mu, t, later=True)
        slope = self.curvature * y
        return slope[..., 0] if self.centre.ndim == 0 else slope

    def time_derivative(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        _, t = self._from_centre(mu, t, later=True)
        return np.full(t.shape, self.curvature * self.dimension / 2)

    def _from_centre(
        self, mu: ArrayLike, t: ArrayLike, later: bool = False
    ) -> tuple[NDArray, NDArray]:
        mu, t = _space(mu, t, self.centre.ndim, self.dimension, later)
        return mu - self.centre, t


@dataclass(frozen=True, eq=False)
class Bumps:
    """A mixture of Gaussian bumps: the sum over i of

        heights_i exp(-sum_j (x_j - centres_ij)^2 / (2 widths_ij^2)).

    heights: (bumps,); centres: (bumps,) on the line or (bumps, m); widths above 0: (bumps,), or
    (bumps, m) for one width per axis. Points are numbers in the first case, (..., m) in the second.
    A bump of width w is a heat kernel at time w^2, so the flow
    only adds t to each w^2 and lowers the height to keep the mass.
    """

    heights: ArrayLike
    widths: ArrayLike
    centres: ArrayLike
    breakpoints = ()

    def __post_init__(self) -> None:
        heights = checks.finite_array("heights", self.heights, (None,))
        n, centres = len(heights), np.asarray(self.centres)
        on_line = centres.ndim < 2
        centres = checks.finite_array("centres", centres, (n,) if on_line else (n, None))
        widths = np.asarray(self.widths)
        shape = (n,) if on_line or widths.ndim < 2 else centres.shape
        widths = checks.finite_array("widths", widths, shape)
        if (widths <= 0).any():
            raise checks.ArgumentError(f"widths must be above 0, got {widths.min():g}")
        _freeze(self, "heights", heights)
        _freeze(self, "centres", centres)
        _freeze(self, "widths", widths)

    @property
    def dimension(self) -> int:
        return 1 if self.centres.ndim == 1 else self.centres.shape[1]

    def value(self, x: ArrayLike) -> NDArray:
        return self.mollified(x, 0.0)

    def mollified(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        return np.sum(self._parts(mu, t)[0], axis=-1)

    def gradient(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        parts, y, spread = self._parts(mu, t, later=True)
        slope = -np.sum(parts[..., None] * y / spread, axis=-2)
        return slope[..., 0] if self.centres.ndim == 1 else slope

    def time_derivative(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        parts, y, spread = self._parts(mu, t, later=True)
        return np.sum(parts * np.sum(y**2 / spread**2 - 1 / spread, axis=-1), axis=-1) / 2

    def _parts(
        self, mu: ArrayLike, t: ArrayLike, later: bool = False
    ) -> tuple[NDArray, NDArray, NDArray]:
        """The mollified bumps (..., bumps), mu - centre and widths^2 + t, both (..., bumps, m)."""
        n, m = len(self.heights), self.dimension
        mu, t = _space(mu, t, self.centres.ndim - 1, m, later)
        squares = np.broadcast_to(self.widths.reshape(n, -1) ** 2, (n, m))
        y = mu[..., None, :] - self.centres.reshape(n, m)
        spread = squares + t[..., None, None]
        lowered = self.heights * np.prod(np.sqrt(squares / spread), axis=-1)
        return lowered * np.exp(-np.sum(y**2 / spread, axis=-1) / 2), y, spread


@dataclass(frozen=True)
class Sum:
    """A weighted sum of objectives of one dimension: the heat flow is linear."""

    parts: tuple[Objective, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if len({part.dimension for part in self.parts}) != 1:
            raise checks.ArgumentError("parts must be one or more objectives of the same dimension")
        weights = [1.0] * len(self.parts) if self.weights is None else self.weights
        weights = checks.finite_array("weights", weights, (len(self.parts),))
        object.__setattr__(self, "weights", tuple(weights.tolist()))

    @property
    def dimension(self) -> int:
        return self.parts[0].dimension

    @property
    def breakpoints(self) -> tuple[float, ...]:
        return tuple(sorted({point for part in self.parts for point in part.breakpoints}))

    def value(self, x: ArrayLike) -> NDArray:
        return self._total(lambda part: part.value(x))

    def mollified(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        return self._total(lambda part: part.mollified(mu, t))

    def gradient(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        return self._total(lambda part: part.gradient(mu, t))

    def time_derivative(self, mu: ArrayLike, t: ArrayLike) -> NDArray:
        return self._total(lambda part: part.time_derivative(mu, t))

    def _total(self, term) -> NDArray:
        return sum(w * term(part) for w, part in zip(self.weights, self.parts, strict=True))


def two_bumps() -> Bumps:
    """A high wide bump at 2 beside a low narrow one at -1: the book's standard example."""
    return Bumps(heights=[1.0, 0.5], widths=[1.0, 0.3], centres=[2.0, -1.0])


def rugged_hills() -> Sum:
    """A narrow high hill at 1.5, a wide lower one at -3.5, fractal ripples on both.

    The landscape of the book's first picture: small noise is caught by the ripples, large noise
    wipes out the high hill.
    """
    hills = Bumps(heights=[1.0, 0.75], widths=[0.45, 2.2], centres=[1.5, -3.5])
    return Sum((hills, Weierstrass(decay=0.55, ratio=3.0, terms=20)), (1.0, 0.1))


def _normal(y: NDArray, t: NDArray) -> NDArray:
    return np.exp(-(y**2) / (2 * t)) / np.sqrt(2 * np.pi * t)


def _flank(s: NDArray, z: NDArray) -> NDArray:
    """exp(s^2/2 - s z) erfc((s - z)/sqrt 2) without overflow (s above 0)."""
    a = (s - z) / math.sqrt(2)
    near = np.exp(-(z**2) / 2) * special.erfcx(np.maximum(a, 0))
    far = np.exp(np.minimum(s * (s / 2 - z), 0)) * special.erfc(np.minimum(a, 0))
    return np.where(a >= 0, near, far)


def _some(t: NDArray) -> NDArray:
    """t, with a harmless 1 where it is 0."""
    return np.where(t > 0, t, 1.0)


def _finite(**numbers: float) -> None:
    for name, number in numbers.items():
        checks.finite_array(name, number, ())


def _freeze(owner: object, name: str, array: NDArray) -> None:
    array = array.copy()
    array.flags.writeable = False
    object.__setattr__(owner, name, array)


def _numbers(name: str, value: ArrayLike) -> NDArray:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise checks.ArgumentError(f"{name} must be an array of real numbers, got {value!r}")
    return checks.finite_array(name, array, (None,) * array.ndim)


def _times(t: ArrayLike, later: bool) -> NDArray:
    t = _numbers("t", t)
    if (t < 0).any() or (later and (t == 0).any()):
        allowed = "above 0" if later else "0 or above"
        raise checks.ArgumentError(f"t must be {allowed}, got {t.min():g}")
    return t


def _line(mu: ArrayLike, t: ArrayLike, later: bool = False) -> tuple[NDArray, NDArray]:
    """mu and t, checked and broadcast against each other."""
    return _broadcast(_numbers("mu", mu), _times(t, later))


def _space(
    mu: ArrayLike, t: ArrayLike, axes: int, dimension: int, later: bool
) -> tuple[NDArray, NDArray]:
    """mu (..., m) and t (...), checked and broadcast; with axes = 0, mu comes number by number."""
    mu = _numbers("mu", mu)
    if axes == 0:
        mu = mu[..., None]
    elif mu.ndim == 0 or mu.shape[-1] != dimension:
        raise checks.ArgumentError(f"mu must have {dimension} as last axis, got shape {mu.shape}")
    t = _times(t, later)
    index, t = _broadcast(np.empty(mu.shape[:-1]), t)
    return np.broadcast_to(mu, (*index.shape, dimension)), t


def _broadcast(mu: NDArray, t: NDArray) -> tuple[NDArray, NDArray]:
    try:
        return np.broadcast_arrays(mu, t)
    except ValueError:
        raise checks.ArgumentError(
            f"t must broadcast against the points, got shapes {t.shape} and {mu.shape}"
        ) from None
