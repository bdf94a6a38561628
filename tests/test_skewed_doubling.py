"""The skewed doubling map against its closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mollify import checks, skewed_doubling


@given(st.floats(0.02, 0.98), st.floats(0.3, 0.99))
def test_mean_square_exponent_is_below_the_average_one(share, discount):
    alpha = skewed_doubling.mean_square_exponent(
        lambda q: skewed_doubling.log_moment(q, share), discount
    )
    typical = -math.log(discount) / skewed_doubling.lyapunov_exponent(share)
    assert skewed_doubling.log_moment(2 * alpha, share) == pytest.approx(
        -2 * math.log(discount), rel=1e-6
    )
    assert alpha <= typical * (1 + 1e-9)


def test_mean_square_exponent_of_equal_slopes_is_the_average_one():
    alpha = skewed_doubling.mean_square_exponent(lambda q: q * math.log(3), 0.9)
    assert alpha == pytest.approx(-math.log(0.9) / math.log(3), rel=1e-12)


def test_skewed_map_keeps_the_uniform_law_and_its_lyapunov_exponent():
    share, rng = 0.2, np.random.default_rng(7)
    x, logs = rng.random(4000), 0.0
    for _ in range(50):
        logs = logs + np.where(x < share, -math.log(share), -math.log(1 - share))
        x = skewed_doubling.step(x, share)
    rates = logs / 50
    error = rates.std() / math.sqrt(len(rates))
    assert abs(rates.mean() - skewed_doubling.lyapunov_exponent(share)) < 4 * error
    assert abs(x.mean() - 0.5) < 4 * math.sqrt(1 / 12 / len(x))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: skewed_doubling.mean_square_exponent(lambda q: 0.0, 0.9), "log_moment must"),
        (lambda: skewed_doubling.mean_square_exponent(lambda q: q, 1.0), "discount must"),
        (lambda: skewed_doubling.lyapunov_exponent(1.0), "share must be below 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(checks.ArgumentError, match=message):
        call()
