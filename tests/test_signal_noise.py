"""The variance law against simulation, closed forms and plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, special

from mollify import checks, random_fields, signal_noise
from mollify.random_fields import RoughField

FIELDS = [RoughField(alpha, m, 1.3) for m in (1, 8, 64) for alpha in (0.3, 0.7)]
names = pytest.mark.parametrize("field", FIELDS, ids=lambda f: f"m{f.dimension}-a{f.exponent}")


def agrees(estimate, wanted, deviations=4.5):
    mean, error = estimate
    assert 0 < error < 0.2 * wanted, "the simulation is too small to say anything"
    assert abs(mean - wanted) < deviations * error


@names
@pytest.mark.parametrize("estimator", ["leave_one_out", "value", "antithetic"])
def test_rough_moments_match_exact_gaussian_fields(field, estimator):
    rng, samples = np.random.default_rng(1), 8
    fields = 500 if field.dimension > 1 else 2000
    found = signal_noise.simulated_moments(field, 0.4, samples, fields, rng, estimator=estimator)
    wanted = signal_noise.rough_moments(field, 0.4, samples, estimator)
    agrees(found[1], wanted.sampling)
    if field.dimension < 64:  # the field part drowns in 64 dimensions at this size
        agrees(found[0], wanted.field)


@pytest.mark.parametrize("sigma", [0.02, 0.5])
@pytest.mark.parametrize("estimator", ["leave_one_out", "mean"])
def test_rough_moments_match_random_waves_at_different_sigma(sigma, estimator):
    field, rng = RoughField(0.6, 8, 0.7), np.random.default_rng(2)
    found = signal_noise.simulated_moments(
        field, sigma, 12, 200, rng, estimator=estimator, band=(1e-4, 1e5)
    )
    wanted = signal_noise.rough_moments(field, sigma, 12, estimator)
    agrees(found[0], wanted.field)
    agrees(found[1], wanted.sampling)


def test_return_noise_adds_its_own_variance():
    field, rng, tau = RoughField(0.5, 8, 0.01), np.random.default_rng(3), 0.4
    for estimator in ("leave_one_out", "value", "antithetic"):
        found = signal_noise.simulated_moments(
            field, 0.3, 8, 800, rng, estimator=estimator, noise=tau
        )
        rough = signal_noise.rough_moments(field, 0.3, 8, estimator).sampling
        noise = signal_noise.return_variance(0.3, 8, 8, tau, estimator)
        assert noise > 100 * rough
        agrees(found[1], rough + noise)


def test_a_constant_costs_what_offset_variance_says_and_nothing_with_a_baseline():
    rng, sigma, m, n, c = np.random.default_rng(4), 0.2, 3, 10, 2.0
    eps = rng.standard_normal((4000, n, m))
    values = np.full((4000, n), c)
    plain = np.sum(signal_noise.batch_gradient(values, eps, sigma, "none") ** 2, axis=-1)
    error = plain.std() / math.sqrt(len(plain))
    assert abs(plain.mean() - signal_noise.offset_variance(sigma, m, n, c)) < 4 * error
    np.testing.assert_allclose(signal_noise.batch_gradient(values, eps, sigma), 0, atol=1e-12)


@names
def test_structure_moments_agree_with_the_power_law(field):
    sigma = np.array([1e-3, 0.2, 5.0])
    found = signal_noise.structure_moments(
        lambda r: field.roughness**2 * r ** (2 * field.exponent), sigma, field.dimension, 16
    )
    wanted = signal_noise.rough_moments(field, sigma, 16)
    np.testing.assert_allclose(found.field, wanted.field, rtol=1e-9)
    np.testing.assert_allclose(found.sampling, wanted.sampling, rtol=1e-9)


def test_structure_moments_of_a_plane_and_of_white_noise():
    """D = r^2 is a random plane with E|G|^2 = m; D = 2v is independent noise of variance v."""
    plane = signal_noise.structure_moments(lambda r: r**2, 0.3, 5, 9)
    assert plane.field == pytest.approx(5, rel=1e-9)
    assert plane.sampling == pytest.approx((5 + 1) * 5 / 8, rel=1e-9)
    noise = signal_noise.structure_moments(lambda r: np.full_like(r, 2 * 0.7**2), 0.3, 5, 9)
    assert noise.field == pytest.approx(0, abs=1e-9)
    assert noise.sampling == pytest.approx(signal_noise.return_variance(0.3, 5, 9, 0.7), rel=1e-9)


def test_roughness_in_few_coordinates_keeps_their_constant():
    """In d of m coordinates: (m + alpha) C_d, not (m + alpha) C_m."""
    alpha, m, d, n = 0.4, 32, 2, 12
    found = signal_noise.structure_moments(lambda r: r ** (2 * alpha), 0.5, m, n, active=d)
    c = RoughField(alpha, d).constant * 0.5 ** (2 * alpha - 2)
    assert found.field == pytest.approx(alpha * c, rel=1e-9)
    assert found.sampling == pytest.approx((m + alpha) * c / (n - 1), rel=1e-9)


@given(st.floats(0.1, 10), st.floats(0.1, 2))
def test_best_sigma_of_the_cosine_is_the_maximum(width, decay):
    found = optimize.minimize_scalar(
        lambda z: math.exp(2 * z) / width**2 - decay * z,
        bracket=(math.log(width) - 1, math.log(width)),
    )
    wanted = signal_noise.best_sigma_cosine(width, decay)
    assert math.exp(found.x) == pytest.approx(wanted, rel=1e-5)


@given(st.floats(0.3, 3), st.floats(0.1, 2), st.integers(1, 64), st.floats(0, 30))
def test_best_sigma_of_the_bump_is_the_maximum(width, decay, m, distance):
    def log_snr(log_sigma):
        s = np.exp(2 * log_sigma)
        q = width**2 + s
        return -(m + 2) * np.log(q) - distance**2 / q + decay * log_sigma

    grid = np.linspace(math.log(width) - 6, math.log(width + distance) + 4, 40001)
    best = math.exp(grid[np.argmax(log_snr(grid))])
    wanted = signal_noise.best_sigma_bump(width, decay, m, distance)
    assert wanted == pytest.approx(best, rel=3e-3)


def test_best_sigma_of_the_bump_has_the_limits_of_the_chapter():
    m, alpha = 2000, 0.4
    near = signal_noise.best_sigma_bump(1.0, 2 - 2 * alpha, m)
    assert near == pytest.approx(math.sqrt((1 - alpha) / m), rel=2e-3)
    flank = signal_noise.best_sigma_bump(1.0, 2 - 2 * alpha, m, math.sqrt(m))
    assert flank == pytest.approx(((1 - alpha) / m) ** 0.25, rel=3e-2)
    assert near < 0.2 * flank


@names
def test_kept_gain_is_the_slope_of_the_mollified_structure_function(field):
    """Against a finite difference of E|delta e + sigma u|^(2 alpha), the moment by simulation-free
    quadrature in one dimension and by its known series in more."""
    sigma, alpha, m = 0.3, field.exponent, field.dimension

    def structure(delta):
        return special.hyp1f1(-alpha, m / 2, -(delta**2) / (4 * sigma**2))

    h = 1e-4 * sigma
    curvature = 2 * (structure(h) - structure(0.0)) / h**2
    for delta in (0.2, 1.0, 4.0):
        slope = (structure(delta + h) - structure(delta - h)) / (2 * h)
        share = signal_noise.kept_gain(delta, sigma, field)
        assert share == pytest.approx(slope / (delta * curvature), rel=1e-4)


def test_mollified_structure_function_series_is_the_integral():
    """The series used above, against quadrature in one dimension."""
    alpha, sigma, delta = 0.3, 0.4, 0.7
    integral = integrate.quad(
        lambda z: abs(delta + sigma * math.sqrt(2) * z) ** (2 * alpha)
        * math.exp(-z * z / 2) / math.sqrt(2 * math.pi),
        -12, 12, points=[-delta / sigma / math.sqrt(2)], epsabs=1e-11, limit=200,
    )[0]  # fmt: skip
    series = (4 * sigma**2) ** alpha * special.poch(0.5, alpha)
    series *= special.hyp1f1(-alpha, 0.5, -(delta**2) / (4 * sigma**2))
    assert integral == pytest.approx(series, rel=1e-8)


@pytest.mark.parametrize("m", [1, 8, 64])
def test_kept_gain_matches_steps_on_random_waves(m):
    # Many more waves than dimensions, or the field is far from Gaussian.
    fields, number = (300, 200) if m < 64 else (60, 1500)
    field, rng, sigma = RoughField(0.5, m), np.random.default_rng(5), 0.3
    waves = random_fields.fourier_field(field, (0.003, 20.0), number, rng, fields)
    origin = np.zeros((fields, 1, m))
    slope = waves.gradient(origin, sigma**2)
    size = np.linalg.norm(slope, axis=-1)
    for factor in (0.5, 3.0):
        delta = factor * sigma * math.sqrt(m)
        moved = delta * slope / size[..., None]
        gain = (waves.mollified(moved, sigma**2) - waves.mollified(origin, sigma**2))[:, 0]
        share = signal_noise.kept_gain(delta, sigma, field)
        difference = gain - share * delta * size[:, 0]
        assert abs(difference.mean()) < 4.5 * difference.std() / math.sqrt(fields)


@pytest.mark.parametrize("m", [1, 2, 8, 64])
def test_expected_cosine_matches_normal_draws(m):
    rng = np.random.default_rng(6)
    for ratio in (0.1, 1.0, 3.0):
        draws = rng.standard_normal((20_000, m)) / math.sqrt(m)
        draws[:, 0] += ratio
        cosines = draws[:, 0] / np.linalg.norm(draws, axis=-1)
        error = cosines.std() / math.sqrt(len(cosines))
        found = signal_noise.expected_cosine(ratio, m)
        assert abs(cosines.mean() - found) < 4.5 * error


def test_expected_cosine_in_many_dimensions():
    ratio = np.array([0.0, 0.2, 1.0, 5.0])
    found = signal_noise.expected_cosine(ratio, 5000)
    np.testing.assert_allclose(found, ratio / np.sqrt(1 + ratio**2), atol=2e-4)


def test_batch_gradient_is_the_plain_loop():
    rng, n, m, sigma = np.random.default_rng(10), 6, 3, 0.7
    y, eps = rng.standard_normal(n), rng.standard_normal((n, m))
    others = [sum(y[j] for j in range(n) if j != i) / (n - 1) for i in range(n)]
    loop = sum((y[i] - others[i]) * eps[i] for i in range(n)) / (n * sigma)
    np.testing.assert_allclose(signal_noise.batch_gradient(y, eps, sigma), loop, rtol=1e-12)
    pairs = sum((y[i] - y[i + 3]) * eps[i] / 2 for i in range(3)) / (3 * sigma)
    found = signal_noise.batch_gradient(y, eps[:3], sigma, "antithetic")
    np.testing.assert_allclose(found, pairs, rtol=1e-12)


bad_numbers = st.sampled_from([0, -1.0, np.nan, np.inf, "1", None])


@given(bad_numbers)
def test_bad_sigmas_are_named(bad):
    field, rng = RoughField(0.5), np.random.default_rng(0)
    for call in (
        lambda: signal_noise.rough_moments(field, bad, 8),
        lambda: signal_noise.return_variance(bad, 1, 8, 0.1),
        lambda: signal_noise.structure_moments(np.square, bad, 1, 8),
        lambda: signal_noise.kept_gain(0.1, bad, field),
        lambda: signal_noise.batch_gradient(np.zeros(4), np.zeros((4, 1)), bad),
        lambda: signal_noise.simulated_moments(field, bad, 8, 10, rng),
    ):
        with pytest.raises(checks.ArgumentError, match=r"^sigma must"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: signal_noise.rough_moments(RoughField(0.5), 1.0, 1), "samples must"),
        (lambda: signal_noise.rough_moments(RoughField(0.5), 1.0, 8, "none"), "estimator must"),
        (
            lambda: signal_noise.rough_moments(RoughField(0.5), 1.0, 7, "antithetic"),
            "samples must be even",
        ),
        (
            lambda: signal_noise.structure_moments(np.square, 1.0, 2, 8, active=3),
            "active must be at most",
        ),
        (
            lambda: signal_noise.structure_moments(lambda r: r * np.nan, 1.0, 2, 8),
            r"structure\(r\) must be finite",
        ),
        (lambda: signal_noise.best_sigma_bump(1.0, 6.0, 1), "decay must be below"),
        (lambda: signal_noise.best_sigma_cosine(0.0, 1.0), "width must"),
        (lambda: signal_noise.kept_gain(-1.0, 1.0, RoughField(0.5)), "step must"),
        (lambda: signal_noise.expected_cosine(-1.0, 2), "ratio must"),
        (
            lambda: signal_noise.batch_gradient(np.zeros(4), np.zeros((3, 1)), 1.0),
            "directions must have shape",
        ),
        (
            lambda: signal_noise.simulated_moments(
                RoughField(0.5), 1.0, 4, 4, np.random.default_rng(0), estimator="mean"
            ),
            "estimator must not be 'mean'",
        ),
        (
            lambda: signal_noise.measured_moments(np.zeros((4, 2)), np.zeros((4, 3))),
            "second must have shape",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(checks.ArgumentError, match=message):
        call()
