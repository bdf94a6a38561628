import numpy as np
import pytest
from scipy.optimize import approx_fprime

from mollify.checks import ArgumentError
from mollify.policies import LinearPolicy, TanhPolicy

POLICIES = [LinearPolicy(3, 2), LinearPolicy(3, 2, bias=False), TanhPolicy(3, 2, width=5)]


@pytest.mark.parametrize("policy", POLICIES)
def test_pullback_is_the_transposed_jacobian(policy):
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(policy.parameter_count)
    observations = rng.standard_normal((4, 7, 3))
    cotangent = rng.standard_normal((4, 7, 2))
    got = policy.pullback(theta, observations, cotangent)
    for row in range(4):

        def inner(theta, row=row):
            return (policy.mean(theta, observations[row]) * cotangent[row]).sum()

        expected = approx_fprime(theta, inner, 1e-7)
        np.testing.assert_allclose(got[row], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("policy", POLICIES)
def test_score_is_the_gradient_of_the_log_density(policy):
    rng = np.random.default_rng(1)
    sigma = 0.3
    theta = rng.standard_normal(policy.parameter_count)
    s, noise = rng.standard_normal((1, 1, 3)), rng.standard_normal((1, 1, 2))
    action = policy.mean(theta, s) + sigma * noise

    def log_density(theta):
        return -((action - policy.mean(theta, s)) ** 2).sum() / (2 * sigma**2)

    score = policy.pullback(theta, s, noise / sigma)[0]
    np.testing.assert_allclose(score, approx_fprime(theta, log_density, 1e-7), rtol=1e-4, atol=1e-4)


def test_linear_policy_packs_what_it_unpacks():
    gain, offset = np.arange(6.0).reshape(2, 3), np.array([7.0, 8.0])
    back = LinearPolicy(3, 2).unpack(LinearPolicy(3, 2).pack(gain, offset))
    np.testing.assert_array_equal(back[0], gain)
    np.testing.assert_array_equal(back[1], offset)


def test_initial_weights_fill_the_fan_in_range():
    theta = TanhPolicy(11, 3, width=16).initial(np.random.default_rng(0))
    first, second = TanhPolicy(11, 3, width=16).unpack(theta)
    assert 0.9 < np.abs(first).max() * np.sqrt(11) <= 1
    assert 0.8 < np.abs(second).max() * np.sqrt(16) <= 1


@pytest.mark.parametrize("policy", POLICIES)
def test_parameters_of_another_length_are_named(policy):
    with pytest.raises(ArgumentError, match=f"theta must have {policy.parameter_count} param"):
        policy.mean(np.zeros(policy.parameter_count + 1), np.zeros((1, 3)))
