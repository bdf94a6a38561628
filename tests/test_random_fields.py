"""Random fields against their own law."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from mollify import checks, random_fields
from mollify.random_fields import RoughField


@given(st.floats(0.05, 0.95), st.integers(1, 200))
def test_constant_is_half_a_moment_of_the_distance(alpha, m):
    density = special.gammaln(m / 2 + alpha) - special.gammaln(m / 2)
    wanted = 4**alpha * math.exp(density) / 2
    assert RoughField(alpha, m).constant == pytest.approx(wanted, rel=1e-10)


def test_fractional_field_has_its_structure_function():
    field, rng = RoughField(0.35, 3, 0.8), np.random.default_rng(8)
    points = np.array([[0.0, 0, 0], [0.1, 0, 0.2], [2.0, -1, 0.5], [2.0, -1.001, 0.5]])
    draws = random_fields.fractional_field(np.tile(points, (20_000, 1, 1)), field, rng)
    for i in range(4):
        for j in range(i):
            gap = np.linalg.norm(points[i] - points[j])
            squares = (draws[:, i] - draws[:, j]) ** 2
            wanted = 0.64 * gap**0.7
            assert abs(squares.mean() - wanted) < 5 * squares.std() / math.sqrt(len(squares))


def test_fourier_field_has_its_structure_function_over_many_scales():
    field, rng = RoughField(0.5, 2, 1.5), np.random.default_rng(9)
    waves = random_fields.fourier_field(field, (1e-5, 1e6), 100, rng, 3000)
    for gap in (1e-2, 1.0):
        points = np.zeros((3000, 2, 2))
        points[:, 1, 0] = gap
        values = waves.mollified(points)
        squares = (values[:, 1] - values[:, 0]) ** 2
        wanted = 2.25 * gap
        assert abs(squares.mean() - wanted) < 4.5 * squares.std() / math.sqrt(len(squares))


def test_fourier_field_gradient_is_the_slope_of_its_mollification():
    waves = random_fields.fourier_field(RoughField(0.5, 3), (0.1, 10), 20, np.random.default_rng(0))
    x, h = np.array([[[0.2, -0.4, 1.0]]]), 1e-5
    found = waves.gradient(x, 0.04)[0, 0]
    for axis in range(3):
        e = h * np.eye(3)[axis]
        slope = (waves.mollified(x + e, 0.04) - waves.mollified(x - e, 0.04))[0, 0] / (2 * h)
        assert found[axis] == pytest.approx(slope, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RoughField(1.0), "exponent must be below 1"),
        (lambda: RoughField(0.5, 0), "dimension must"),
        (lambda: RoughField(0.5, 1, -1.0), "roughness must"),
        (
            lambda: random_fields.fractional_field(
                np.zeros((4, 2)), RoughField(0.5, 3), np.random.default_rng(0)
            ),
            "points must have shape",
        ),
        (
            lambda: random_fields.fourier_field(
                RoughField(0.5), (1.0, 1.0), 4, np.random.default_rng(0)
            ),
            "band must rise",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(checks.ArgumentError, match=message):
        call()
