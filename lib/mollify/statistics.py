"""How sure is a number that comes from a few seeds?

Rates of success get Wilson intervals, returns get interquartile means with bootstrap intervals,
and whole distributions are drawn as performance profiles (Agarwal et al. 2021). scipy computes
them; this module fixes the choices so that every page makes the same ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mollify import checks

LEVEL = 0.95
RESAMPLES = 2000


class Interval(NamedTuple):
    """A number with its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def rate(successes: ArrayLike) -> Interval:
    """Share of successes (S,) of bools, with the Wilson score interval (Wilson 1927).

    Unlike the usual mean plus or minus two standard errors it stays inside [0, 1] and does not
    shrink to a point when all seeds agree. Raises ArgumentError if there is nothing to count.
    """
    successes = np.asarray(successes)
    if successes.dtype != bool or successes.ndim != 1 or successes.size == 0:
        raise checks.ArgumentError(
            "successes must be a list of bools, one a seed, "
            f"got shape {successes.shape} of {successes.dtype}"
        )
    k, n = int(successes.sum()), successes.size
    found = stats.binomtest(k, n).proportion_ci(LEVEL, method="wilson")
    return Interval(k / n, float(found.low), float(found.high))


def interquartile_mean(values: ArrayLike, axis: int = -1) -> NDArray:
    """Mean of the middle half of the values: as robust as a median, as efficient as a mean."""
    return stats.trim_mean(values, 0.25, axis=axis)


def bootstrap(values: ArrayLike, rng: np.random.Generator) -> Interval:
    """Interquartile mean of one value a seed (S,), with a percentile bootstrap interval.

    The interval is a function of the values and of `rng` only. Seeds of one sigma and one reading
    are one stratum: resampling never mixes two settings, which is what "stratified" means.
    Raises ArgumentError for fewer than 4 seeds.
    """
    values = _seeds(values)
    found = stats.bootstrap(
        (values,),
        interquartile_mean,
        n_resamples=RESAMPLES,
        vectorized=True,
        method="percentile",
        confidence_level=LEVEL,
        rng=rng,
    ).confidence_interval
    return Interval(float(interquartile_mean(values)), float(found.low), float(found.high))


def difference(first: ArrayLike, second: ArrayLike, rng: np.random.Generator) -> Interval:
    """Interquartile mean of `first` less that of `second`, resampled within each (strata)."""
    first, second = _seeds(first), _seeds(second)
    found = stats.bootstrap(
        (first, second),
        lambda a, b, axis=-1: interquartile_mean(a, axis) - interquartile_mean(b, axis),
        n_resamples=RESAMPLES,
        vectorized=True,
        method="percentile",
        confidence_level=LEVEL,
        rng=rng,
    ).confidence_interval
    value = float(interquartile_mean(first) - interquartile_mean(second))
    return Interval(value, float(found.low), float(found.high))


def performance_profile(values: ArrayLike, thresholds: ArrayLike) -> NDArray:
    """Share of seeds whose value is above each threshold: values (S,), result (T,)."""
    values = _seeds(values)
    thresholds = checks.finite_array("thresholds", thresholds, (None,))
    return (values[:, None] > thresholds).mean(axis=0)


def _seeds(values: ArrayLike) -> NDArray:
    values = checks.finite_array("values", values, (None,))
    if len(values) < 4:
        raise checks.ArgumentError(f"values must hold 4 seeds or more, got {len(values)}")
    return values
