"""Closed forms against quadrature, against each other, and against the heat equation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mollify import checks, heat, objectives

SMOOTH = {
    "cosine": objectives.Cosine(frequency=1.7, amplitude=2.0, phase=0.4),
    "quadratic": objectives.Quadratic(curvature=-2.0, centre=0.3),
    "bumps": objectives.Bumps([1.0, -0.4], [1.0, 0.6], [0.5, -1.0]),
}
ROUGH = {
    "step": objectives.Step(height=-2.0, location=0.2),
    "absolute value": objectives.AbsoluteValue(slope=-1.5, location=0.2),
    "spike": objectives.Spike(height=3.0, width=0.3, location=-0.4),
    "sum": objectives.Sum((objectives.Step(), objectives.Spike(width=0.2)), (0.5, 2.0)),
}
LINE = SMOOTH | ROUGH | {"weierstrass": objectives.Weierstrass(terms=4)}
PLANE = {
    "quadratic": objectives.Quadratic(curvature=1.5, centre=[0.3, -0.2]),
    "bumps": objectives.Bumps([1.0, 0.5], [1.0, 0.7], [[0.5, 0.0], [-1.0, 0.4]]),
    "stretched bumps": objectives.Bumps(
        [1.0, 0.5], [[1.5, 0.6], [0.8, 0.9]], [[0.5, 0.0], [-1.0, 0.4]]
    ),
}
MU = np.array([-1.3, -0.2, 0.2, 0.75, 2.0])


def assert_relative(found, wanted, tolerance):
    """Error relative to the largest value: honest where a single value passes through 0."""
    assert np.shape(found) == np.shape(wanted)
    assert np.max(np.abs(found - wanted)) <= tolerance * np.max(np.abs(wanted))


@pytest.mark.parametrize("name", LINE)
@pytest.mark.parametrize("t", [0.01, 0.5, 3.0])
def test_closed_form_equals_adaptive_quadrature(name, t):
    g = LINE[name]
    numeric = heat.adaptive(g.value, MU, t, breakpoints=g.breakpoints, tolerance=1e-13)
    assert_relative(numeric.value, g.mollified(MU, t), 1e-10)
    assert_relative(numeric.gradient, g.gradient(MU, t), 1e-10)
    assert_relative(numeric.time_derivative, g.time_derivative(MU, t), 1e-10)


@pytest.mark.parametrize("name", PLANE)
@pytest.mark.parametrize("t", [0.05, 0.3])
def test_closed_form_equals_tensor_quadrature_in_the_plane(name, t):
    g = PLANE[name]
    mu = np.stack([MU, MU[::-1]], axis=-1)
    numeric = heat.gauss_hermite(g.value, mu, t, dimension=2, order=70)
    assert_relative(numeric.value, g.mollified(mu, t), 1e-10)
    assert_relative(numeric.gradient, g.gradient(mu, t), 1e-10)
    assert_relative(numeric.time_derivative, g.time_derivative(mu, t), 1e-10)


@pytest.mark.parametrize("name", LINE)
def test_time_derivative_is_half_the_laplacian(name):
    g, t, h = LINE[name], 0.4, 1e-4
    laplacian = (g.gradient(MU + h, t) - g.gradient(MU - h, t)) / (2 * h)
    rise = (g.mollified(MU, t + h) - g.mollified(MU, t - h)) / (2 * h)
    np.testing.assert_allclose(g.time_derivative(MU, t), laplacian / 2, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(g.time_derivative(MU, t), rise, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dimension", [3, 8])
def test_time_derivative_is_half_the_laplacian_in_space(dimension):
    t, h = 0.3, 1e-4
    rng = np.random.default_rng(5)
    for g in (
        objectives.Bumps([1.0, 2.0], [0.8, 1.3], rng.normal(size=(2, dimension))),
        objectives.Quadratic(-1.2, rng.normal(size=dimension)),
    ):
        mu = rng.normal(size=(4, dimension))
        steps = h * np.eye(dimension)
        near = g.gradient(mu[:, None] + steps, t) - g.gradient(mu[:, None] - steps, t)
        laplacian = np.einsum("nii->n", near) / (2 * h)
        slope = (g.mollified(mu[:, None] + steps, t) - g.mollified(mu[:, None] - steps, t)) / 2 / h
        np.testing.assert_allclose(g.gradient(mu, t), slope, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(g.time_derivative(mu, t), laplacian / 2, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", LINE)
def test_the_flow_starts_at_the_objective(name):
    g = LINE[name]
    at_zero = g.mollified(MU, 0.0)
    np.testing.assert_array_equal(at_zero, g.value(MU))
    np.testing.assert_allclose(g.mollified(MU, 1e-14), at_zero, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LINE)
def test_semigroup(name):
    """Flowing for s and then for t is flowing for s + t."""
    g, s, t = LINE[name], 0.6, 0.3
    later = heat.gauss_hermite(lambda x: g.mollified(x, s), MU, t, order=160).value
    assert_relative(later, g.mollified(MU, s + t), 1e-10)


def test_bumps_in_one_coordinate_agree_with_bumps_on_the_line():
    line = objectives.two_bumps()
    space = objectives.Bumps(line.heights, line.widths, line.centres[:, None])
    np.testing.assert_array_equal(space.mollified(MU[:, None], 0.2), line.mollified(MU, 0.2))
    np.testing.assert_array_equal(space.gradient(MU[:, None], 0.2)[:, 0], line.gradient(MU, 0.2))


def test_times_broadcast_against_points():
    t = np.array([0.0, 0.1, 1.0])
    for g in LINE.values():
        rows = np.stack([g.mollified(MU, one) for one in t])
        np.testing.assert_allclose(g.mollified(MU, t[:, None]), rows, rtol=1e-13, atol=1e-15)
        assert g.gradient(MU, t[1:, None]).shape == (2, len(MU))
        assert g.time_derivative(MU, t[1:, None]).shape == (2, len(MU))
    plane = PLANE["bumps"]
    mu = np.zeros((5, 2))
    assert plane.mollified(mu, t[:, None]).shape == (3, 5)
    assert plane.gradient(mu, t[1:, None]).shape == (2, 5, 2)
    assert PLANE["quadratic"].time_derivative(mu, t[1:, None]).shape == (2, 5)


@given(st.floats(-300, 300), st.floats(1e-3, 30), st.floats(1e-3, 30))
@settings(max_examples=100, deadline=None)
def test_spike_neither_overflows_nor_leaves_its_range(mu, width, sigma):
    u = objectives.Spike(width=width).mollified(mu, sigma**2)
    assert 0 <= u <= 1


def test_spike_far_from_its_tip():
    """Far out on a flank the spike is an exponential, multiplied by exp(t / 2 width^2)."""
    g, mu, t = objectives.Spike(width=0.5), 40.0, 0.3
    wanted = np.exp(t / (2 * 0.5**2) - mu / 0.5)
    np.testing.assert_allclose(g.mollified(mu, t), wanted, rtol=1e-12)


def test_weierstrass_has_its_hoelder_exponent():
    """Increments over h shrink like h^exponent: the slope of their logarithms gives it back."""
    g = objectives.Weierstrass(decay=0.5, ratio=3.0)
    x = np.random.default_rng(2).uniform(0, 2 * np.pi, 8_000)
    h = 3.0 ** -np.arange(3, 12)
    sizes = [np.mean(np.abs(g.value(x + step) - g.value(x))) for step in h]
    slope = np.polyfit(np.log(h), np.log(sizes), 1)[0]
    assert abs(slope - g.exponent) < 0.02
    assert g.exponent == pytest.approx(np.log(2) / np.log(3))


def test_sum_collects_breakpoints_and_dimensions():
    g = ROUGH["sum"]
    assert g.breakpoints == (0.0,)
    assert g.dimension == 1
    with pytest.raises(checks.ArgumentError, match="same dimension"):
        objectives.Sum((objectives.Step(), PLANE["bumps"]))
    with pytest.raises(checks.ArgumentError, match="parts"):
        objectives.Sum(())


bad_number = st.sampled_from([np.nan, np.inf, -np.inf, "1", None, 1j, [1.0, np.nan]])


@given(bad_number, st.sampled_from(sorted(LINE)))
@settings(max_examples=30, deadline=None)
def test_bad_points_and_times_are_named(bad, name):
    g = LINE[name]
    for call in (g.mollified, g.gradient, g.time_derivative):
        with pytest.raises(checks.ArgumentError, match=r"^(mu|x) must"):
            call(bad, 1.0)
        with pytest.raises(checks.ArgumentError, match=r"^t must"):
            call(MU, bad)
        with pytest.raises(checks.ArgumentError, match=r"^t must be .*, got -0.5"):
            call(MU, -0.5)
    with pytest.raises(checks.ArgumentError, match=r"^x must|^mu must"):
        g.value(bad)


@given(arrays.arrays(float, st.integers(1, 4).map(lambda n: (3, n + 2)), elements=st.floats(-2, 2)))
@settings(max_examples=20, deadline=None)
def test_points_of_the_wrong_dimension_are_refused(mu):
    with pytest.raises(checks.ArgumentError, match=r"^mu must have 2 as last axis"):
        PLANE["bumps"].mollified(mu, 1.0)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: objectives.Cosine(frequency=0.0), "frequency"),
        (lambda: objectives.Cosine(amplitude=np.nan), "amplitude"),
        (lambda: objectives.Step(location=np.inf), "location"),
        (lambda: objectives.AbsoluteValue(slope=np.nan), "slope"),
        (lambda: objectives.Spike(width=-1.0), "width"),
        (lambda: objectives.Weierstrass(decay=1.5), "decay"),
        (lambda: objectives.Weierstrass(decay=1.0), "decay"),
        (lambda: objectives.Weierstrass(ratio=1.0), "ratio"),
        (lambda: objectives.Weierstrass(terms=0), "terms"),
        (lambda: objectives.Weierstrass(ratio=10.0, terms=17), "terms"),
        (lambda: objectives.Quadratic(centre=[[0.0]]), "centre"),
        (lambda: objectives.Bumps([1.0], [0.0], [0.0]), "widths"),
        (lambda: objectives.Bumps([1.0], [1.0, 2.0], [0.0]), "widths"),
        (lambda: objectives.Bumps([1.0, 2.0], [1.0, 1.0], [0.0]), "centres"),
        (lambda: objectives.Sum((objectives.Step(),), (1.0, 2.0)), "weights"),
    ],
)
def test_bad_parameters_are_named(make, name):
    with pytest.raises(checks.ArgumentError, match=name):
        make()


def test_times_that_do_not_fit_the_points_are_refused():
    with pytest.raises(checks.ArgumentError, match=r"^t must broadcast"):
        objectives.Cosine().mollified(np.zeros(3), np.ones(2))
