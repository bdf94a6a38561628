import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mollify import checks
from mollify.checks import ArgumentError

ANYTHING = st.one_of(
    *(st.floats(), st.integers(), st.text(max_size=3), st.none(), st.booleans()),
    st.complex_numbers(),
)


def is_real(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@given(ANYTHING)
def test_positive_takes_finite_numbers_above_zero_only(value):
    if is_real(value) and math.isfinite(value) and value > 0:
        assert checks.positive("sigma", value) == value
    else:
        with pytest.raises(ArgumentError, match="sigma must be a finite number above 0"):
            checks.positive("sigma", value)


@given(ANYTHING)
def test_fraction_takes_numbers_above_zero_and_at_most_one_only(value):
    if is_real(value) and 0 < value <= 1:
        assert checks.fraction("discount", value) == value
    else:
        with pytest.raises(ArgumentError, match="discount must be"):
            checks.fraction("discount", value)


@given(ANYTHING, st.integers(0, 3))
def test_count_takes_whole_numbers_from_the_least_on_only(value, least):
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        assert checks.count("batch", value, least) == value
    else:
        with pytest.raises(ArgumentError, match=f"batch must be a whole number, {least} or above"):
            checks.count("batch", value, least)


@given(st.lists(st.floats(), max_size=4))
def test_finite_array_names_what_is_wrong(values):
    if len(values) != 3:
        with pytest.raises(ArgumentError, match=r"theta must have shape \(3\), got"):
            checks.finite_array("theta", values, (3,))
    elif np.isfinite(values).all():
        np.testing.assert_array_equal(checks.finite_array("theta", values, (3,)), values)
    else:
        with pytest.raises(ArgumentError, match="theta must be finite"):
            checks.finite_array("theta", values, (3,))


@pytest.mark.parametrize("value", ["letters", ["1"], [1j], [[1], [1, 2]], None])
def test_finite_array_refuses_what_is_no_array(value):
    with pytest.raises(ArgumentError, match="theta must"):
        checks.finite_array("theta", value, (None,))
