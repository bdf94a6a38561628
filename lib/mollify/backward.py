"""What can be recovered of a function from its smoothed version?

The data are values of u(., T) on a periodic grid, with an error; wanted is u(., s) at an earlier
time s of the heat equation 2 u_t = u_xx (equation (10) of the paper with its sign corrected). A
wave of frequency k grows by exp(k^2 (T - s) / 2) on the way, and so does its share of the error.
`flow_back` refuses when that ruins the result, unless one of two regularisations is chosen:

- `SpectralCutOff`: keep the waves up to a band, drop the others;
- `Tikhonov`: the u whose values at time 0 and misfit at time T are small together.

Sizes are root mean squares over the period. When the error of the data is at most delta and
u(., 0) at most E, no method has a worst error at time s below `hoelder_bound` (on a period long
enough), and both regularisations, with the parameter of their `for_noise`, stay below twice that
(Engl, Hanke and Neubauer, Regularization of Inverse Problems, 1996).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from mollify import checks, heat

# Rounding of double precision, relative to the largest value.
ROUNDING = float(np.finfo(float).eps)


class UnresolvableError(checks.ArgumentError):
    """The step back is longer than `longest`, the bound that the grid and the noise allow."""

    def __init__(self, message: str, longest: float) -> None:
        super().__init__(message)
        self.longest = longest


@dataclass(frozen=True)
class SpectralCutOff:
    """Keep frequencies up to `band` (radians per unit of x, 0 or above), drop the others."""

    band: float

    def __post_init__(self) -> None:
        checks.non_negative("band", self.band)

    @classmethod
    def for_noise(cls, noise: float, size: float, start: float) -> SpectralCutOff:
        """The band at which a wave of size E has sunk to the noise: exp(-k^2 T / 2) E = delta."""
        noise, size, start = _problem(noise, size, start)
        return cls(math.sqrt(2 * math.log(size / noise) / start))

    def factor(self, frequency: NDArray, start: float, end: float) -> NDArray:
        """What a wave of the data is multiplied by."""
        edge = self.band * (1 + 8 * ROUNDING)  # a frequency of the grid is off by a few roundings
        kept = np.abs(frequency) <= edge
        return np.where(kept, 1 / heat.low_pass(np.where(kept, frequency, 0), start - end), 0.0)


@dataclass(frozen=True)
class Tikhonov:
    """Minimise |u(., T) - data|^2 + penalty |u(., 0)|^2 (penalty above 0)."""

    penalty: float

    def __post_init__(self) -> None:
        checks.positive("penalty", self.penalty)

    @classmethod
    def for_noise(cls, noise: float, size: float, start: float) -> Tikhonov:
        """The penalty (delta / E)^2, which weighs both terms alike; `start` has no part in it."""
        noise, size, _ = _problem(noise, size, start)
        return cls((noise / size) ** 2)

    def factor(self, frequency: NDArray, start: float, end: float) -> NDArray:
        """What a wave of the data is multiplied by."""
        q = heat.low_pass(frequency, start)
        return heat.low_pass(frequency, end) * q / (q**2 + self.penalty)


def flow_back(
    values: ArrayLike,
    spacing: float,
    start: float,
    end: float = 0.0,
    *,
    regularisation: SpectralCutOff | Tikhonov | None = None,
    noise: float = ROUNDING,
    tolerance: float = 1e-3,
) -> NDArray:
    """u(., end) from values of u(., start) on a periodic grid, shape (n,), 0 <= end < start.

    Without a regularisation every wave on the grid is multiplied by exp(k^2 (start - end) / 2).
    That is allowed while `noise` (the error of the data relative to their size) comes out below
    `tolerance` even at the highest frequency, pi/spacing.
    Raises UnresolvableError, which names that bound, past it; ArgumentError on bad arguments.
    """
    values = checks.finite_array("values", values, (None,))
    if len(values) < 2:
        raise checks.ArgumentError("values needs 2 points or more, got 1")
    spacing = checks.positive("spacing", spacing)
    start, end = _times(start, end)
    highest = math.pi / spacing
    k = 2 * np.pi * fft.rfftfreq(len(values), spacing)
    if regularisation is None:
        longest = resolvable_duration(highest, noise, tolerance)
        if start - end > longest:
            raise UnresolvableError(
                f"start - end must be at most {longest:.3g} on this grid, got {start - end:.3g}: "
                f"at the highest frequency, pi/spacing = {highest:.3g}, a relative error of "
                f"{noise:.1e} would exceed {tolerance:g}; choose a regularisation",
                longest,
            )
        regularisation = SpectralCutOff(highest)
    elif not isinstance(regularisation, SpectralCutOff | Tikhonov):
        raise checks.ArgumentError(
            f"regularisation must be SpectralCutOff, Tikhonov or None, got {regularisation!r}"
        )
    if isinstance(regularisation, SpectralCutOff):
        growth = min(regularisation.band, highest) ** 2 * (start - end) / 2
        if growth > math.log(np.finfo(float).max) / 2:
            raise checks.ArgumentError(
                f"band must be at most {math.sqrt(709 / (start - end)):.3g} to go back by "
                f"{start - end:.3g}, got {regularisation.band:.3g}: the numbers would overflow"
            )
    factor = regularisation.factor(k, start, end)
    return fft.irfft(factor * fft.rfft(values), n=len(values))


def resolvable_duration(
    frequency: float, noise: float = ROUNDING, tolerance: float = 1e-3
) -> float:
    """How far back a wave can be taken before noise exp(k^2 tau / 2) reaches `tolerance`."""
    k = checks.positive("frequency", frequency)
    noise, tolerance = _levels(noise, tolerance)
    return 2 * math.log(tolerance / noise) / k**2


def resolvable_band(duration: float, noise: float = ROUNDING, tolerance: float = 1e-3) -> float:
    """The highest frequency that can be taken back by `duration`: see `resolvable_duration`."""
    duration = checks.positive("duration", duration)
    noise, tolerance = _levels(noise, tolerance)
    return math.sqrt(2 * math.log(tolerance / noise) / duration)


def hoelder_bound(noise: float, size: float, start: float, end: float) -> float:
    """delta^(s/T) E^(1 - s/T): the error at time s that data at time T with error delta allow."""
    noise, size, start = _problem(noise, size, start)
    start, end = _times(start, end)
    return noise ** (end / start) * size ** (1 - end / start)


def _times(start: float, end: float) -> tuple[float, float]:
    start, end = checks.positive("start", start), checks.non_negative("end", end)
    if end >= start:
        raise checks.ArgumentError(f"end must be below start = {start:g}, got {end:g}")
    return start, end


def _levels(noise: float, tolerance: float) -> tuple[float, float]:
    noise, tolerance = checks.positive("noise", noise), checks.positive("tolerance", tolerance)
    if noise >= tolerance:
        raise checks.ArgumentError(f"noise must be below tolerance = {tolerance:g}, got {noise:g}")
    return noise, tolerance


def _problem(noise: float, size: float, start: float) -> tuple[float, float, float]:
    noise, size = checks.positive("noise", noise), checks.positive("size", size)
    if noise >= size:
        raise checks.ArgumentError(f"noise must be below size = {size:g}, got {noise:g}")
    return noise, size, checks.positive("start", start)
