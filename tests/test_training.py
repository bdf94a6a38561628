import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

import linear_quadratic as lq
from mollify.checks import ArgumentError
from mollify.gradients import Estimator
from mollify.training import epoch_generator, normalised_step, sample_epoch, train

THETA = np.array([0.1])
BAD_NUMBERS = st.one_of(st.floats(max_value=0), st.sampled_from([float("nan"), float("inf")]))
BAD_COUNTS = st.one_of(st.integers(max_value=0), st.floats(), st.booleans(), st.text(max_size=3))


def test_ascent_reaches_the_optimum_of_the_closed_form():
    best = minimize_scalar(lambda k: -lq.expected_return(k, 0.3), bounds=(0, 2), method="bounded")
    history = train(
        *(lq.SYSTEM, THETA),
        **dict(sigma=0.3, seed=0, batch=512, epochs=60, step=0.05),
        estimator=Estimator("reward_to_go", "time", outer_discount=True),
    )
    assert abs(history.thetas[-10:].mean() - best.x) < 0.06


def test_every_step_has_the_length_asked_for():
    history = train(lq.SYSTEM, THETA, sigma=0.3, seed=0, epochs=5, step=0.07)
    np.testing.assert_allclose(np.abs(np.diff(history.thetas[:, 0])), 0.07, rtol=1e-12)


@pytest.mark.parametrize("kind", ["reward_to_go", "parameter"])
def test_any_epoch_can_be_run_again_alone(kind):
    estimator = Estimator(kind, "batch")
    history = train(lq.SYSTEM, THETA, sigma=0.3, seed=4, epochs=5, estimator=estimator)
    sample, gradient = sample_epoch(
        *(lq.SYSTEM, history.thetas[3], epoch_generator(4, 3), estimator),
        **dict(sigma=0.3, batch=16, horizon=lq.HORIZON),
    )
    np.testing.assert_array_equal(sample.returns(), history.returns[3])
    step = lq.SYSTEM.training.step
    np.testing.assert_array_equal(
        normalised_step(history.thetas[3], gradient.value, step), history.thetas[4]
    )


def test_same_seed_same_bits_and_another_seed_other_bits():
    one, two = (train(lq.SYSTEM, THETA, sigma=0.3, seed=1, threads=n) for n in (1, 3))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    other = train(lq.SYSTEM, THETA, sigma=0.3, seed=2)
    assert (one.returns != other.returns).any()


def test_a_zero_gradient_moves_nothing():
    np.testing.assert_array_equal(normalised_step(THETA, np.zeros(1), 1.0), THETA)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_refused(bad):
    with pytest.raises(ArgumentError, match="gradient must be finite"):
        normalised_step(THETA, np.array([bad]), 1.0)


@settings(max_examples=30)
@given(st.sampled_from(["sigma", "step"]), BAD_NUMBERS)
def test_bad_numbers_are_refused_before_any_work(name, value):
    with pytest.raises(ArgumentError, match=f"{name} must be"):
        train(lq.SYSTEM, THETA, **{"sigma": 0.3, "seed": 0, name: value})


@settings(max_examples=30)
@given(st.sampled_from(["batch", "epochs", "horizon", "threads"]), BAD_COUNTS)
def test_bad_counts_are_refused_before_any_work(name, value):
    with pytest.raises(ArgumentError, match=f"{name} must be"):
        train(lq.SYSTEM, THETA, **{"sigma": 0.3, "seed": 0, name: value})
