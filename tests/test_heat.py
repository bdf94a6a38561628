"""The four ways to flow, against closed forms, each other and the heat equation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from mollify import checks, heat, objectives

MU = np.array([-1.3, -0.2, 0.2, 0.75, 2.0])


@pytest.mark.parametrize("t", [0.01, 1.0, 40.0])
def test_kernel_has_mass_one_and_variance_t(t):
    reach = 12 * np.sqrt(t)
    mass = integrate.quad(lambda x: heat.heat_kernel(x, t), -reach, reach, epsabs=1e-13)[0]
    spread = integrate.quad(lambda x: x * x * heat.heat_kernel(x, t), -reach, reach, epsabs=0)[0]
    assert mass == pytest.approx(1, abs=1e-12)
    assert spread == pytest.approx(t, rel=1e-9)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_kernel_solves_the_heat_equation(dimension):
    t, h = 0.7, 1e-3
    x = np.random.default_rng(0).normal(size=(6, dimension))
    point = x[:, 0] if dimension == 1 else x

    def kernel(y, s):
        return heat.heat_kernel(y[..., 0] if dimension == 1 else y, s, dimension)

    centre = heat.heat_kernel(point, t, dimension)
    steps = h * np.eye(dimension)
    around = kernel(x[:, None] + steps, t) + kernel(x[:, None] - steps, t)
    laplacian = np.sum(around - 2 * centre[:, None], axis=1) / h**2
    rate = (kernel(x, t + h) - kernel(x, t - h)) / (2 * h)
    np.testing.assert_allclose(2 * rate, laplacian, rtol=1e-4, atol=1e-6)


def test_kernel_is_a_product_over_coordinates():
    x = np.random.default_rng(1).normal(size=(7, 3))
    product = np.prod(heat.heat_kernel(x, 0.6), axis=-1)
    np.testing.assert_allclose(heat.heat_kernel(x, 0.6, 3), product, rtol=1e-13)


@given(st.floats(0, 8), st.floats(1e-3, 1e3))
def test_kernel_tail_is_the_mass_beyond(deviations, t):
    found = heat.kernel_tail(deviations * np.sqrt(t), t)
    beyond = integrate.quad(lambda x: heat.heat_kernel(x, 1.0), deviations, np.inf)[0]
    assert found == pytest.approx(2 * beyond, rel=1e-6, abs=1e-14)


@pytest.mark.parametrize("order", [3, 10, 60, 200])
def test_gauss_hermite_is_exact_for_polynomials(order):
    """Degree 2 order - 3 at most, against the normal's moments: 3 x^3 - x^2 + 4."""
    mu, t = MU, 0.6
    u = heat.gauss_hermite(lambda x: 3 * x**3 - x**2 + 4, mu, t, order=order)
    np.testing.assert_allclose(u.value, 3 * (mu**3 + 3 * mu * t) - mu**2 - t + 4, rtol=1e-12)
    np.testing.assert_allclose(u.gradient, 9 * (mu**2 + t) - 2 * mu, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(u.time_derivative, 9 * mu - 1, rtol=1e-11, atol=1e-11)


def test_gauss_hermite_does_not_converge_at_a_jump_but_adaptive_does():
    """Why there are two quadratures: the smooth rule must fail here, and it does."""
    g, mu = objectives.Step(location=0.1), np.array([0.33])
    closed = g.mollified(mu, 1.0)
    smooth = heat.gauss_hermite(g.value, mu, 1.0, order=80).value
    split = heat.adaptive(g.value, mu, 1.0, breakpoints=g.breakpoints).value
    assert abs(smooth - closed) > 1e-4
    assert abs(split - closed) < 1e-13


def test_adaptive_reports_what_it_achieved():
    u = heat.adaptive(np.abs, MU, 0.25, breakpoints=[0.0])
    closed = objectives.AbsoluteValue()
    for found, wanted in (
        (u.value, closed.mollified(MU, 0.25)),
        (u.gradient, closed.gradient(MU, 0.25)),
        (u.time_derivative, closed.time_derivative(MU, 0.25)),
    ):
        assert (np.abs(found - wanted) <= u.error + 1e-15).all()
    assert (u.error < 1e-10).all()


def test_adaptive_finds_a_feature_far_narrower_than_sigma_at_a_breakpoint():
    g = objectives.Spike(width=1e-6, location=0.123)
    u = heat.adaptive(g.value, 0.5, 1.0, breakpoints=[0.123, 0.123 - 4e-5, 0.123 + 4e-5])
    np.testing.assert_allclose(u.value, g.mollified(0.5, 1.0), rtol=1e-9)


# Accuracy of the flow against every closed form, for sigma from 0.01 to 10.

SIGMAS = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
LINE = np.linspace(-4, 4, 5) + 0.05
PLANE = np.stack(np.meshgrid(LINE, LINE), axis=-1)


def hermite(g, t):
    mu = LINE if g.dimension == 1 else PLANE
    return mu, heat.gauss_hermite(g.value, mu, t, dimension=g.dimension).value


def cut(g, t):
    return LINE, heat.adaptive(g.value, LINE, t, breakpoints=g.breakpoints).value


def padded(g, t):
    axis, h = np.linspace(-12, 12, {1: 481, 2: 121}[g.dimension], retstep=True)
    mu = axis if g.dimension == 1 else np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    return mu, heat.fourier(g.value(mu), h, t, padding="zero")


def periodic(g, t, periods=1):
    x, h = np.linspace(0, 2 * np.pi * periods, 8192 * periods, endpoint=False, retstep=True)
    x -= np.pi * periods
    near = np.flatnonzero(abs(x) < 8)
    return x[near], heat.fourier(g.value(x), h, t, padding="periodic")[near]


def long_period(g, t):
    """40 periods: copies of the hills are 240 away or more, 23 of their widths at sigma 10."""
    return periodic(g, t, periods=40)


def first_eight(g):
    """What a grid can carry: from the ninth on the waves keep a share below e^-2000 at 0.01."""
    if isinstance(g, objectives.Sum):
        return objectives.Sum([first_eight(part) for part in g.parts], g.weights)
    if isinstance(g, objectives.Weierstrass):
        return objectives.Weierstrass(g.decay, g.ratio, terms=8)
    return g


TILTED = objectives.Bumps([1.0, 0.5], [[1.5, 0.6], [0.8, 0.9]], [[0.5, 0.0], [-1.0, 0.4]])
ROUND = objectives.Bumps([1.0, 0.5], [1.0, 0.7], [[0.5, 0.0], [-1.0, 0.4]])
ACCURACY = {
    "cosine": (objectives.Cosine(3.0, 2.0, 0.4), periodic),
    "step": (objectives.Step(-2.0, 0.2), cut),
    "absolute value": (objectives.AbsoluteValue(-1.5, 0.2), cut),
    "spike": (objectives.Spike(3.0, 0.3, -0.4), cut),
    "Weierstrass": (objectives.Weierstrass(), periodic),
    "quadratic": (objectives.Quadratic(-2.0, 0.3), hermite),
    "two bumps": (objectives.two_bumps(), padded),
    "two bumps, cut": (objectives.two_bumps(), cut),
    "sum of kinks": (objectives.Sum((objectives.Step(), objectives.Spike()), (0.5, 2.0)), cut),
    "rugged hills": (objectives.rugged_hills(), long_period),
    "quadratic in the plane": (objectives.Quadratic(1.5, [0.3, -0.2]), hermite),
    "round bumps": (ROUND, padded),
    "stretched bumps": (TILTED, padded),
    "sum in the plane": (objectives.Sum((ROUND, TILTED), (1.0, -0.5)), padded),
}
WAVES = ("cosine", "Weierstrass")


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("name", ACCURACY)
def test_flow_agrees_with_the_closed_form(name, sigma):
    """To 1e-10 on the line and 1e-8 in the plane, relative to sup |g| over the points compared.

    Relative to sup |u| too, except for pure waves: at sigma 10 nothing of them is left above the
    rounding of g.
    """
    g, method = ACCURACY[name]
    sampled = first_eight(g)
    mu, u = method(sampled, sigma**2)
    tolerance = {1: 1e-10, 2: 1e-8}[g.dimension]
    closed = g.mollified(mu, sigma**2)
    error = np.max(np.abs(u - closed))
    assert error <= tolerance * np.max(np.abs(sampled.value(mu)))
    assert name in WAVES or error <= tolerance * np.max(np.abs(closed))


def test_accuracy_covers_every_objective():
    kinds = {
        kind
        for kind in vars(objectives).values()
        if isinstance(kind, type) and hasattr(kind, "mollified")
    } - {objectives.Objective}
    assert {type(g) for g, _ in ACCURACY.values()} == kinds
    spatial = {objectives.Quadratic, objectives.Bumps, objectives.Sum}
    assert {type(g) for g, _ in ACCURACY.values() if g.dimension == 2} == spatial


@pytest.mark.parametrize("k_sigma", [3.0, 9.0, 12.0])
def test_gauss_hermite_keeps_its_stated_error_for_waves(k_sigma):
    order = 80
    u = heat.gauss_hermite(lambda x: np.cos(k_sigma * x), LINE, 1.0, order=order).value
    error = np.max(np.abs(u - np.cos(k_sigma * LINE) * np.exp(-(k_sigma**2) / 2)))
    logarithm = special.gammaln(order + 1) - special.gammaln(2 * order + 1)
    bound = np.exp(logarithm + 2 * order * np.log(k_sigma))
    assert error <= bound + 1e-14
    assert (bound < 1e-13) == (k_sigma <= 9)
    assert error > 1e-10 or k_sigma <= 9  # the rule does fail where the bound says nothing


def test_adaptive_sees_features_of_a_fiftieth_of_sigma():
    """Hidden on a slope, wherever they lie between the nodes: it missed them with longer pieces."""
    g = objectives.Sum((objectives.Quadratic(0.01, 5.0), objectives.Bumps([1.0], [0.02], [-0.1])))
    mu = np.linspace(-6.5, -5, 4) + 0.0123
    u = heat.adaptive(g.value, mu, 1.0)
    assert np.max(np.abs(u.value - g.mollified(mu, 1.0))) < 1e-10


@pytest.mark.parametrize("sigma", [0.05, 0.5, 2.0])
def test_semigroup_on_a_periodic_grid(sigma):
    x, h = np.linspace(-np.pi, np.pi, 256, endpoint=False, retstep=True)
    g, t = np.sign(np.sin(x)) + np.abs(x), sigma**2
    twice = heat.fourier(
        heat.fourier(g, h, t / 3, padding="periodic"), h, 2 * t / 3, padding="periodic"
    )
    once = heat.fourier(g, h, t, padding="periodic")
    np.testing.assert_allclose(twice, once, atol=1e-13)


def test_fourier_is_exact_for_band_limited_periodic_data():
    g = objectives.Sum((objectives.Cosine(3.0), objectives.Cosine(20.0, 0.5, 0.3)))
    x, h = np.linspace(0, 2 * np.pi, 64, endpoint=False, retstep=True)
    for t in (0.0, 1e-3, 0.1, 5.0):
        u = heat.fourier(g.value(x), h, t, padding="periodic")
        np.testing.assert_allclose(u, g.mollified(x, t), atol=1e-14)


def test_fourier_factor_is_half_of_what_the_paper_prints():
    x, h = np.linspace(0, 2 * np.pi, 64, endpoint=False, retstep=True)
    k, t = 5, 0.08
    kept = heat.fourier(np.cos(k * x), h, t, padding="periodic")[0]
    assert kept == pytest.approx(np.exp(-(k**2) * t / 2), rel=1e-12)
    assert kept == pytest.approx(float(heat.low_pass(k, t)), rel=1e-12)
    assert abs(kept - np.exp(-(k**2) * t)) > 0.2


@pytest.mark.parametrize("padding", ["zero", "reflect"])
def test_fourier_keeps_its_stated_error_near_edges(padding):
    """A bump cut off by the grid: the error stays below D times the tail of the kernel."""
    g = objectives.Bumps([1.0], [1.0], [0.0])
    x, h = np.linspace(-1.5, 4, 551, retstep=True)
    for sigma in (0.1, 0.4, 1.0):
        u = heat.fourier(g.value(x), h, sigma**2, padding=padding)
        tails = sum(heat.kernel_tail(d, sigma**2) / 2 for d in (x - x[0], x[-1] - x))
        error = np.abs(u - g.mollified(x, sigma**2))
        assert (error <= tails + 1e-6).all()
        assert error.max() > 1e-3  # the edge is felt, so the bound says something


def test_fourier_keeps_its_stated_error_at_a_jump():
    h, sigma = 0.02, 0.2
    x = np.arange(-300, 301) * h
    for location in np.linspace(0, h, 7):
        g = objectives.Step(location=location)
        u = heat.fourier(g.value(x), h, sigma**2)
        bound = h / (2 * np.sqrt(2 * np.pi) * sigma)
        assert np.abs(u - g.mollified(x, sigma**2)).max() <= 1.001 * bound


def test_fourier_in_the_plane():
    g = objectives.Bumps([1.0, 0.5], [0.8, 0.5], [[0.5, 0.0], [-1.0, 0.4]])
    a, h = np.linspace(-9, 9, 121, retstep=True)
    b = np.linspace(-8.4, 8.4, 113)
    grid = np.stack(np.meshgrid(a, b, indexing="ij"), axis=-1)
    u = heat.fourier(g.value(grid), h, 0.3, padding="zero")
    np.testing.assert_allclose(u, g.mollified(grid, 0.3), atol=1e-10)


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_monte_carlo_agrees_with_the_closed_form_within_four_standard_errors(baseline):
    rng = np.random.default_rng(11)
    bumps = objectives.Bumps([1.0, 0.5], [1.0, 0.7], [[0.5, 0.0], [-1.0, 0.4]])
    cases = [(objectives.Step(), 0.3), (objectives.two_bumps(), -0.6), (bumps, [0.2, 0.1])]
    for g, mu in cases:
        for t in (0.04, 1.0):
            u = heat.monte_carlo(g.value, mu, t, 100_000, rng, baseline=baseline)
            for estimate, wanted in zip(
                u,
                (g.mollified(mu, t), g.gradient(mu, t), g.time_derivative(mu, t)),
                strict=True,
            ):
                assert estimate.mean.shape == np.shape(wanted)
                assert (np.abs(estimate.mean - wanted) <= 4 * estimate.standard_error).all()
                assert (estimate.standard_error > 0).all()


def test_monte_carlo_standard_error_is_the_spread_of_repetitions():
    rng = np.random.default_rng(3)
    g = objectives.Step()
    runs = [heat.monte_carlo(g.value, 0.1, 0.5, 400, rng).gradient for _ in range(400)]
    means = np.array([run.mean for run in runs])
    claimed = np.mean([run.standard_error for run in runs])
    assert means.std(ddof=1) == pytest.approx(claimed, rel=0.15)


def test_monte_carlo_baseline_only_lowers_the_spread():
    g = objectives.Step()
    raw, centred = (
        heat.monte_carlo(g.value, 0.0, 0.01, 20_000, np.random.default_rng(4), baseline=b).gradient
        for b in (0.0, 0.5)
    )
    assert centred.standard_error < 0.75 * raw.standard_error
    assert abs(raw.mean - centred.mean) < 4 * raw.standard_error


not_positive = st.sampled_from([0, -1.0, np.nan, np.inf, "1", None, True])


@given(not_positive)
def test_bad_times_are_named(bad):
    rng = np.random.default_rng(0)
    for call in (
        lambda: heat.heat_kernel(MU, bad),
        lambda: heat.kernel_tail(MU**2, bad),
        lambda: heat.gauss_hermite(np.cos, MU, bad),
        lambda: heat.adaptive(np.cos, MU, bad),
        lambda: heat.monte_carlo(np.cos, 0.0, bad, 10, rng),
    ):
        with pytest.raises(checks.ArgumentError, match=r"^t must be a finite number above 0"):
            call()


@given(st.floats(max_value=-1e-300, allow_nan=False))
def test_backward_heat_is_refused(t):
    with pytest.raises(checks.ArgumentError, match=r"^t must be a finite number, 0 or above"):
        heat.fourier(np.zeros(8), 0.1, t)
    with pytest.raises(checks.ArgumentError, match=r"^t must be a finite number, 0 or above"):
        heat.low_pass(1.0, t)


@given(st.sampled_from([np.nan, np.inf, "a", None, [0.0, np.nan]]))
@settings(deadline=None)
def test_bad_points_are_named(bad):
    rng = np.random.default_rng(0)
    for call, name in (
        (lambda: heat.heat_kernel(bad, 1.0), "x"),
        (lambda: heat.low_pass(bad, 1.0), "frequency"),
        (lambda: heat.kernel_tail(bad, 1.0), "distance"),
        (lambda: heat.gauss_hermite(np.cos, bad, 1.0), "mu"),
        (lambda: heat.adaptive(np.cos, bad, 1.0), "mu"),
        (lambda: heat.monte_carlo(np.cos, bad, 1.0, 10, rng), "mu"),
        (lambda: heat.adaptive(np.cos, 0.0, 1.0, breakpoints=[np.nan]), "breakpoints"),
    ):
        with pytest.raises(checks.ArgumentError, match=f"^{name} must"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: heat.gauss_hermite(np.cos, MU, 1.0, order=1), "order must"),
        (lambda: heat.gauss_hermite(np.cos, MU, 1.0, dimension=3), "dimension must be 1 or 2"),
        (lambda: heat.gauss_hermite(lambda x: 1.0, MU, 1.0), "g must return one number per point"),
        (lambda: heat.gauss_hermite(lambda x: x / 0 * 0, MU, 1.0), r"g\(points\) must be finite"),
        (lambda: heat.heat_kernel(np.zeros((4, 3)), 1.0, 2), "x must have shape"),
        (lambda: heat.fourier(np.zeros((2, 2, 2)), 0.1, 1.0), "values must have 1 or 2 axes"),
        (lambda: heat.fourier([1.0], 0.1, 1.0), "values needs 2 points"),
        (lambda: heat.fourier([1.0, np.nan], 0.1, 1.0), "values must be finite"),
        (lambda: heat.fourier([1.0, 2.0], 0.0, 1.0), "spacing must"),
        (lambda: heat.fourier([1.0, 2.0], 0.1, 1.0, padding="wrap"), "padding must be one of"),
        (lambda: heat.kernel_tail(-1.0, 1.0), "distance must be 0 or above"),
        (
            lambda: heat.monte_carlo(np.cos, 0.0, 1.0, 1, np.random.default_rng(0)),
            "samples must be a whole number, 2 or above",
        ),
        (
            lambda: heat.adaptive(lambda x: np.heaviside(np.sin(3e3 * x), 0.5), 0.0, 1.0),
            "g could not be integrated",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_bad_arguments_are_named(call, message):
    with pytest.raises(checks.ArgumentError, match=message):
        call()
