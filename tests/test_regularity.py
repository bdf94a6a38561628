"""Exponents against functions and maps whose answers are known."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import fft, irfft

from mollify import checks, objectives, regularity
from mollify.regularity import EvidenceError


def fractional_brownian(hurst, n, rng):
    """A path of n + 1 points of fractional Brownian motion on [0, n], by circulant embedding.

    The covariance of its increments is exact: the circulant matrix of size 2 n that continues it
    has non-negative eigenvalues, and their square roots colour white noise.
    """
    k = np.arange(n + 1.0)
    cov = ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + np.abs(k - 1) ** (2 * hurst)) / 2
    eigenvalues = fft(np.concatenate([cov, cov[-2:0:-1]])).real
    assert eigenvalues.min() > -1e-9
    half = np.sqrt(np.maximum(eigenvalues[: n + 1], 0) * n)
    white = rng.standard_normal(n + 1) + 1j * rng.standard_normal(n + 1)
    white[[0, -1]] = np.sqrt(2) * white[[0, -1]].real
    return np.concatenate([[0.0], np.cumsum(irfft(half * white, 2 * n)[:n])])


def test_circulant_embedding_has_the_variance_of_fractional_brownian_motion():
    rng, hurst = np.random.default_rng(0), 0.3
    paths = np.array([fractional_brownian(hurst, 64, rng) for _ in range(4000)])
    for lag in (1, 8, 64):
        measured = np.mean((paths[:, lag] - paths[:, 0]) ** 2)
        expected = lag ** (2 * hurst)
        assert abs(measured - expected) < 4 * expected * np.sqrt(2 / 4000)


@pytest.mark.parametrize("hurst", [0.2, 0.5, 0.8])
def test_fractional_brownian_exponent_within_four_standard_errors(hurst):
    rng = np.random.default_rng(1)
    for _ in range(5):
        path = fractional_brownian(hurst, 2**14, rng)
        got = regularity.holder_exponent(path, 1.0, low=1, high=64)
        assert 0 < got.standard_error < 0.05
        assert abs(got.value - hurst) < 4 * got.standard_error
        assert (got.low, got.high) == (1, 64)


def test_standard_error_of_a_fractional_brownian_path_is_calibrated():
    """At 0.9, first differences would make it three times too small."""
    rng = np.random.default_rng(2)
    for hurst in (0.4, 0.9):
        fits = [
            regularity.holder_exponent(fractional_brownian(hurst, 2**12, rng), 1.0, low=1, high=32)
            for _ in range(60)
        ]
        z = np.array([(fit.value - hurst) / fit.standard_error for fit in fits])
        assert abs(z.mean()) < 0.6
        assert 0.6 < z.std() < 1.5


@pytest.mark.parametrize(("decay", "ratio"), [(0.5, 3.0), (0.7, 2.0), (0.9, 2.5)])
@pytest.mark.parametrize("moment", [2.0, np.inf])
def test_weierstrass_exponent(decay, ratio, moment):
    g = objectives.Weierstrass(decay, ratio, terms=18)
    n = 2**16
    spacing = 2 * np.pi / n
    values = g.value(spacing * np.arange(n))
    # Whole periods of the function's own scale invariance.
    low = 4 * spacing
    got = regularity.holder_exponent(
        values,
        spacing,
        low=low,
        high=low * ratio ** int(np.log(500) / np.log(ratio)),
        moment=moment,
    )
    assert abs(got.value - g.exponent) < max(4 * got.standard_error, 0.01)
    assert abs(got.value - g.exponent) < 0.06


def test_smoother_than_holder_is_told_apart():
    x = np.linspace(0, 6, 20_001)
    for path, exponent in [(np.sin(x), 2.0), (np.abs(np.sin(40 * x)), 1.0 + 1 / 2)]:
        got = regularity.holder_exponent(path, x[1], low=2 * x[1], high=16 * x[1])
        assert got.value == pytest.approx(exponent, abs=0.05)
    largest = regularity.holder_exponent(
        np.abs(np.sin(40 * x)), x[1], low=2 * x[1], high=16 * x[1], moment=np.inf
    )
    assert largest.value == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("alpha", [0.05, 0.5, 0.9])
def test_cusp_at_a_point(alpha):
    d = np.geomspace(1e-9, 1, 400)
    got = regularity.pointwise_holder_exponent(d, 3 - 2 * d**alpha, 3.0, low=1e-6, high=1e-1)
    assert got.value == pytest.approx(alpha, abs=0.02)
    assert got.low == 1e-6
    assert got.high <= 1e-1


def test_weierstrass_at_a_point():
    g = objectives.Weierstrass(0.5, 2.0, terms=40)
    d = np.geomspace(1e-8, 1, 4000)
    for centre in (0.0, 1.0):
        got = regularity.pointwise_holder_exponent(
            d, g.value(centre + d), float(g.value(centre)), low=1e-6, high=1e-1
        )
        assert abs(got.value - 1.0) < max(4 * got.standard_error, 0.1)
    rough = objectives.Weierstrass(0.8, 3.0, terms=28)
    got = regularity.pointwise_holder_exponent(
        d, rough.value(1 + d), float(rough.value(1.0)), low=1e-6, high=1e-1
    )
    assert abs(got.value - rough.exponent) < max(4 * got.standard_error, 0.03)


def test_noise_that_the_caller_knows_of_is_respected():
    d = np.geomspace(1e-12, 1, 300)
    values = np.sqrt(d)
    regularity.pointwise_holder_exponent(d, values, 0.0, low=1e-10, high=1e-2)
    with pytest.raises(EvidenceError, match=r"noise 0\.001") as caught:
        regularity.pointwise_holder_exponent(d, values, 0.0, low=1e-10, high=1e-2, noise=1e-3)
    assert len(caught.value.scales) == len(caught.value.increments) > 5


def test_logistic_map_at_four_has_exponent_log_two():
    rng = np.random.default_rng(3)
    starts = rng.uniform(0.05, 0.95, (64, 1))
    got = regularity.tangent_lyapunov(
        lambda s: 4 * s * (1 - s),
        lambda s, v: 4 * (1 - 2 * s) * v,
        starts,
        steps=2000,
        discard=100,
    )
    assert 0 < got.standard_error < 0.01
    assert abs(got.value - np.log(2)) < 4 * got.standard_error
    assert (got.first, got.last, got.samples) == (100, 2000, 64)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5])
def test_skew_tent_map_has_the_entropy_as_exponent(p):
    rng = np.random.default_rng(4)

    def step(s):
        # The tiny mixing keeps binary orbits of the p = 1/2 map from dying on a finite grid.
        image = np.where(s <= p, s / p, (1 - s) / (1 - p))
        return np.clip(image, 0, 1) * (1 - 1e-12) + 1e-13 * rng.uniform(size=s.shape)

    got = regularity.tangent_lyapunov(
        step,
        lambda s, v: np.where(s <= p, v / p, -v / (1 - p)),
        rng.uniform(size=(32, 1)),
        steps=1500,
        discard=10,
    )
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    assert abs(got.value - entropy) <= 4 * got.standard_error + 1e-9


def test_one_long_orbit_is_cut_into_blocks():
    got = regularity.tangent_lyapunov(
        lambda s: 4 * s * (1 - s),
        lambda s, v: 4 * (1 - 2 * s) * v,
        [[0.3]],
        steps=20_000,
        discard=100,
    )
    assert got.samples == 16
    assert abs(got.value - np.log(2)) < 4 * got.standard_error < 0.05


def test_linear_system_has_the_largest_eigenvalue():
    matrix = np.array([[1.1, 0.7, 0.0], [0.0, 0.8, 0.3], [0.0, 0.0, 0.5]])
    got = regularity.tangent_lyapunov(
        lambda s: s * 0, lambda s, v: v @ matrix.T, np.ones((20, 3)), steps=400, discard=150
    )
    assert got.value == pytest.approx(np.log(1.1), abs=1e-12)
    contracting = regularity.tangent_lyapunov(
        lambda s: s * 0, lambda s, v: 0.5 * v @ matrix.T, np.ones((20, 3)), steps=400, discard=150
    )
    assert contracting.value == pytest.approx(np.log(0.55), abs=1e-12)


def linear_pairs(rate, pairs, steps, gap, rng):
    """Orbits of s' = rate s + drive and neighbours a gap away."""
    drive = rng.normal(size=(pairs, steps, 2))
    states = np.zeros((2, pairs, steps + 1, 2))
    states[1, :, 0] = gap
    for t in range(steps):
        states[:, :, t + 1] = rate * states[:, :, t] + drive[:, t]
    return states


def test_neighbours_of_a_linear_system_part_at_its_rate():
    states, neighbours = linear_pairs(1.05, 12, 200, 1e-6, np.random.default_rng(5))
    got = regularity.neighbour_lyapunov(states, neighbours, first=20, last=120, ceiling=1.0)
    assert got.value == pytest.approx(np.log(1.05), abs=1e-5)
    assert (got.first, got.last, got.samples) == (20, 120, 12)


def test_neighbours_of_the_logistic_map_part_at_log_two():
    rng = np.random.default_rng(6)
    start = rng.uniform(0.05, 0.95, 2000)
    states = np.empty((2, 2000, 23, 1))
    states[:, :, 0, 0] = start, start + 1e-11
    for t in range(22):
        states[:, :, t + 1] = 4 * states[:, :, t] * (1 - states[:, :, t])
    # From the middle on, where the start is forgotten and no pair has left yet.
    close = np.abs(states[1] - states[0])[:, :, 0].max(axis=1) < 0.01
    got = regularity.neighbour_lyapunov(
        states[0][close], states[1][close], first=4, last=16, ceiling=0.01
    )
    assert abs(got.value - np.log(2)) < 4 * got.standard_error + 0.01


def test_constant_path_is_refused_with_its_increments():
    with pytest.raises(EvidenceError, match="constant") as caught:
        regularity.holder_exponent(np.full(4096, 2.5), 0.1, low=0.1, high=6.4)
    assert caught.value.scales[0] == pytest.approx(0.1)
    assert (caught.value.increments == 0).all()
    assert isinstance(caught.value, checks.BookError)


def test_path_of_rounding_noise_is_refused_with_its_increments():
    rng = np.random.default_rng(7)
    path = 1.0 + 1e-16 * np.cumsum(rng.normal(size=4096))
    with pytest.raises(EvidenceError, match="noise") as caught:
        regularity.holder_exponent(path, 1.0, low=1, high=64)
    assert len(caught.value.increments) == len(caught.value.scales) >= 5


@pytest.mark.parametrize(
    ("points", "high", "words"),
    [(100, 64, "points or more"), (6, 64, "5 lags"), (4096, 6, "5 lags")],
)
def test_too_few_points_or_too_short_a_range_is_refused(points, high, words):
    path = np.cumsum(np.random.default_rng(8).normal(size=points))
    with pytest.raises(EvidenceError, match=words) as caught:
        regularity.holder_exponent(path, 1.0, low=1, high=high)
    assert len(caught.value.scales) == len(caught.value.increments)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    path = np.cumsum(np.ones(4096))
    path[17] = bad
    with pytest.raises(EvidenceError, match="1 of 4096"):
        regularity.holder_exponent(path, 1.0, low=1, high=64)
    with pytest.raises(EvidenceError, match="finite"):
        regularity.pointwise_holder_exponent(path[:10] + 1, path[:10], bad, low=1, high=8)
    states = np.zeros((4, 9, 1))
    states[0, 3] = bad
    with pytest.raises(EvidenceError, match="finite"):
        regularity.neighbour_lyapunov(states, states + 1, first=0, last=8, ceiling=2)


def test_an_octave_without_a_distance_is_refused():
    d = np.concatenate([np.geomspace(1e-6, 1e-4, 30), np.geomspace(1e-2, 1, 30)])
    with pytest.raises(EvidenceError, match="occupied"):
        regularity.pointwise_holder_exponent(d, np.sqrt(d), 0.0, low=1e-6, high=1)


def test_vanished_tangent_is_refused_at_its_step():
    """The clip map ends on the flat part: its exponent is minus infinity."""
    with pytest.raises(EvidenceError, match="vanished at step 4") as caught:
        regularity.tangent_lyapunov(
            lambda s: np.clip(2 * s, -1, 1),
            lambda s, v: np.where(np.abs(s) < 0.5, 2.0, 0.0) * v,
            np.full((16, 1), 0.1),
            steps=50,
        )
    np.testing.assert_allclose(caught.value.increments, [2, 2, 2])


def test_overflowing_orbit_is_refused():
    with pytest.raises(EvidenceError, match="not finite"), np.errstate(over="ignore"):
        regularity.tangent_lyapunov(
            lambda s: s**2, lambda s, v: v, np.full((16, 1), 10.0), steps=50
        )


@pytest.mark.parametrize(
    ("gap", "last", "pairs", "words"),
    [(0.0, 50, 6, "rounding"), (1e-2, 190, 6, "ceiling"), (1e-6, 50, 3, "4 pairs")],
)
def test_pairs_that_measure_nothing_are_refused(gap, last, pairs, words):
    states, neighbours = linear_pairs(1.05, pairs, 200, gap, np.random.default_rng(9))
    with pytest.raises(EvidenceError, match=words) as caught:
        regularity.neighbour_lyapunov(states, neighbours, first=10, last=last, ceiling=1.0)
    assert len(caught.value.scales) == len(caught.value.increments) == last - 9


def test_evidence_survives_a_worker_process():
    error = pickle.loads(pickle.dumps(EvidenceError("too few", [1, 2], [3, 4])))
    assert str(error) == "too few"
    assert error.scales.tolist() == [1, 2]
    assert error.increments.tolist() == [3, 4]


@given(st.floats(0.01, 5), st.floats(0.5, 0.999))
def test_holder_bound_is_the_exponent_of_proposition_3_1(rate, discount):
    bound = regularity.holder_bound(rate, discount)
    if rate <= -np.log(discount):
        assert bound == 1
    else:
        assert np.exp(rate * bound) * discount == pytest.approx(1)


PATH = np.cumsum(np.random.default_rng(0).normal(size=2048))


@settings(deadline=None)
@given(st.sampled_from(["spacing", "low", "high", "moment"]), st.sampled_from([0.0, -1.0, np.nan]))
def test_bad_numbers_are_named(name, value):
    arguments = {"spacing": 1.0, "low": 1.0, "high": 64.0, "moment": 2.0, name: value}
    with pytest.raises(checks.ArgumentError, match=name):
        regularity.holder_exponent(PATH, **arguments)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: regularity.holder_exponent(PATH, 1.0, low=0.5, high=64), "low"),
        (lambda: regularity.holder_exponent(PATH, 1.0, low=8, high=4), "low"),
        (lambda: regularity.holder_exponent(PATH[None], 1.0, low=1, high=64), "values"),
        (lambda: regularity.holder_exponent(PATH, 1.0, low=1, high=64, blocks=1), "blocks"),
        (lambda: regularity.structure_function(PATH, [0]), "lags"),
        (lambda: regularity.structure_function(PATH, [1.5]), "lags"),
        (
            lambda: regularity.pointwise_holder_exponent([0, 1], [1, 2], 0, low=1, high=2),
            "distances",
        ),
        (
            lambda: regularity.pointwise_holder_exponent([1, 2], [1, 2, 3], 0, low=1, high=2),
            "values",
        ),
        (lambda: regularity.holder_bound(0.1, 1.5), "discount"),
        (
            lambda: regularity.neighbour_lyapunov(
                np.ones((4, 5, 1)), np.ones((4, 5, 2)), first=0, last=4, ceiling=1
            ),
            "neighbours",
        ),
        (
            lambda: regularity.neighbour_lyapunov(
                np.ones((4, 5, 1)), np.ones((4, 5, 1)), first=3, last=9, ceiling=1
            ),
            "last",
        ),
        (lambda: regularity.tangent_lyapunov(None, None, [[1.0]], steps=3), "steps"),
    ],
)
def test_bad_arguments_are_named(call, word):
    with pytest.raises(checks.ArgumentError, match=word):
        call()
