"""Intervals against closed forms and against how often they cover the truth."""

import numpy as np
import pytest

from mollify import statistics
from mollify.checks import ArgumentError


def wilson(k, n, z=1.959963984540054):
    """The score interval, written from Wilson's quadratic."""
    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return centre - half, centre + half


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 5), (20, 20), (7, 20)])
def test_rate_is_wilsons_interval(k, n):
    found = statistics.rate(np.arange(n) < k)
    assert found.value == k / n
    assert (found.low, found.high) == pytest.approx(wilson(k, n), abs=1e-12)


def test_wilson_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    p, n = 0.3, 20
    draws = rng.random((2000, n)) < p
    found = [statistics.rate(row) for row in draws]
    covered = np.mean([each.low <= p <= each.high for each in found])
    assert 0.92 < covered < 0.99


def test_bootstrap_covers_the_mean_of_a_symmetric_law_and_repeats_its_bits():
    rng = np.random.default_rng(1)
    draws = rng.normal(3.0, 2.0, (200, 20))
    found = [statistics.bootstrap(row, np.random.default_rng(5)) for row in draws]
    covered = np.mean([each.low <= 3.0 <= each.high for each in found])
    assert 0.86 < covered <= 0.99
    assert found[0] == statistics.bootstrap(draws[0], np.random.default_rng(5))


def test_interquartile_mean_forgets_the_outliers():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, -1e9])
    assert statistics.interquartile_mean(values) == pytest.approx(np.mean([2, 3, 4, 5]))


def test_difference_knows_which_is_better():
    rng = np.random.default_rng(2)
    low, high = rng.normal(0, 1, 20), rng.normal(3, 1, 20)
    found = statistics.difference(high, low, np.random.default_rng(0))
    assert found.low > 0 and found.low < 3 < found.high


def test_performance_profile_falls_from_one_to_zero():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    found = statistics.performance_profile(values, [0.0, 1.5, 2.0, 9.0])
    assert found.tolist() == [1.0, 0.75, 0.5, 0.0]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: statistics.rate([]), "successes"),
        (lambda: statistics.rate([0.5, 1.0]), "successes"),
        (lambda: statistics.bootstrap([1.0, 2.0], np.random.default_rng(0)), "values"),
        (lambda: statistics.bootstrap([1, 2, 3, np.nan], np.random.default_rng(0)), "values"),
        (lambda: statistics.performance_profile([1, 2, 3, 4], [np.inf]), "thresholds"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ArgumentError, match=named):
        call()
