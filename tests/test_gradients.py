import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss

import linear_quadratic as lq
from mollify import gradients
from mollify.checks import ArgumentError
from mollify.gradients import Estimator
from mollify.rollout import rollout

K, SIGMA, BATCH = 0.4, 0.5, 20_000
THETA = np.array([K])


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((BATCH, lq.HORIZON, 1))
    starts = lq.SYSTEM.start(rng, BATCH)
    return rollout(lq.SYSTEM, THETA, starts, sigma=SIGMA, noise=noise)


def target(estimator):
    if estimator.kind == "total_return" or estimator.outer_discount:
        return lq.derivative(lambda k: lq.expected_return(k, SIGMA), K)
    return lq.reward_to_go_target(K, SIGMA)


ESTIMATORS = [Estimator("total_return", baseline) for baseline in gradients.BASELINES] + [
    Estimator("reward_to_go", baseline, outer)
    for baseline, outer in itertools.product(gradients.BASELINES, (False, True))
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.label)
def test_estimate_is_within_four_standard_errors(estimator, sample):
    observations = sample.states[:, :-1]
    got = gradients.estimate(
        estimator, lq.SYSTEM.policy, THETA, observations, sample, sigma=SIGMA, discount=lq.DISCOUNT
    )
    assert 0 < got.standard_error[0] < 0.2
    assert abs(got.value[0] - target(estimator)) < 4 * got.standard_error[0]


def test_the_two_targets_differ_by_many_standard_errors(sample):
    outer, plain = Estimator(outer_discount=True), Estimator(outer_discount=False)
    observations = sample.states[:, :-1]
    got = gradients.estimate(
        plain, lq.SYSTEM.policy, THETA, observations, sample, sigma=SIGMA, discount=lq.DISCOUNT
    )
    assert abs(target(plain) - target(outer)) > 8 * got.standard_error[0]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: e.label)
def test_baseline_adds_no_bias_even_for_a_batch_of_two(estimator, sample):
    policy, pairs = lq.SYSTEM.policy, 2000
    values = np.empty(pairs)
    for i in range(pairs):
        part = type(sample)(*(array[2 * i : 2 * i + 2] for array in sample))
        values[i] = gradients.estimate(
            *(estimator, policy, THETA, part.states[:, :-1], part),
            **dict(sigma=SIGMA, discount=lq.DISCOUNT),
        ).value[0]
    error = values.std(ddof=1) / np.sqrt(pairs)
    assert abs(values.mean() - target(estimator)) < 4 * error


@pytest.mark.parametrize("baseline", ["none", "batch"])
def test_parameter_smoothing_is_within_four_standard_errors(baseline):
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((BATCH, 1))
    starts = lq.SYSTEM.start(rng, BATCH)
    shifted = THETA + SIGMA * directions
    sample = rollout(lq.SYSTEM, shifted, starts, sigma=0.0, horizon=lq.HORIZON)
    got = gradients.parameter_smoothing(
        sample.returns(lq.DISCOUNT), directions, sigma=SIGMA, baseline=baseline
    )
    nodes, weights = hermegauss(40)

    def smoothed(k):
        values = np.array([lq.expected_return(k + SIGMA * z, 0.0) for z in nodes])
        return values @ weights / np.sqrt(2 * np.pi)

    assert abs(got.value[0] - lq.derivative(smoothed, K)) < 4 * got.standard_error[0]


def test_discounted_sum_is_the_plain_double_loop():
    rewards = np.random.default_rng(2).standard_normal((3, 5))
    expected = [
        [sum(0.7 ** (k - t) * row[k] for k in range(t, 5)) for t in range(5)] for row in rewards
    ]
    np.testing.assert_allclose(gradients.discounted_sum(rewards, 0.7), expected, rtol=1e-13)


def test_leave_one_out_mean_is_the_mean_of_the_others():
    values = np.random.default_rng(3).standard_normal((4, 2))
    expected = [np.delete(values, i, axis=0).mean(axis=0) for i in range(4)]
    np.testing.assert_allclose(gradients.leave_one_out_mean(values), expected, rtol=1e-13)


def test_a_baseline_needs_two_trajectories():
    with pytest.raises(ArgumentError, match="batch must be 2 or above"):
        gradients.leave_one_out_mean(np.ones((1, 3)))


@given(st.one_of(st.floats(max_value=0), st.just(float("nan")), st.just(float("inf"))))
def test_sigma_outside_its_range_is_refused(sigma):
    with pytest.raises(ArgumentError, match="sigma"):
        gradients.parameter_smoothing(np.ones(2), np.ones((2, 1)), sigma=sigma)


@given(st.floats().filter(lambda x: not 0 < x <= 1))
def test_discount_outside_its_range_is_refused(discount):
    with pytest.raises(ArgumentError, match="discount"):
        gradients.discounted_sum(np.ones((2, 2)), discount)


@given(st.text().filter(lambda word: word not in gradients.BASELINES))
def test_unknown_baseline_is_refused(sample, word):
    with pytest.raises(ArgumentError, match="baseline"):
        gradients.total_return(
            *(lq.SYSTEM.policy, THETA, sample.states[:, :-1], sample),
            **dict(sigma=SIGMA, discount=0.9, baseline=word),
        )
