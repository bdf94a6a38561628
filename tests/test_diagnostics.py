"""Diagnostics on gradients, landscapes and loops whose answers are known."""

import numpy as np
import pytest

from mollify import diagnostics, regularity
from mollify.checks import ArgumentError
from mollify.policies import LinearPolicy
from mollify.systems import System, Training


def batch_of(mean, noise, count, size, seed=0):
    """`count` estimates: a fixed vector of length `mean` plus noise of total size `noise`."""
    rng = np.random.default_rng(seed)
    signal = np.zeros(size)
    signal[0] = mean
    return signal + noise / np.sqrt(size) * rng.standard_normal((count, size))


def test_agreement_is_one_for_equal_and_zero_for_independent_gradients():
    assert diagnostics.agreement(np.tile([1.0, 2.0], (5, 1))).mean == pytest.approx(1)
    found = diagnostics.agreement(batch_of(0.0, 1.0, 40, 50))
    assert abs(found.mean) < 4 * found.standard_error < 0.1


@pytest.mark.parametrize("ratio", [0.3, 1.0, 3.0])
def test_signal_to_noise_recovers_the_ratio_it_was_given(ratio):
    found = diagnostics.signal_to_noise(batch_of(ratio, 1.0, 400, 30))
    assert found.mean == pytest.approx(ratio, abs=4 * found.standard_error + 0.02)
    # In many dimensions |g|^2 concentrates, so that the cosine is ratio^2 / (1 + ratio^2).
    cosine = diagnostics.agreement(batch_of(ratio, 1.0, 400, 3000))
    expected = ratio**2 / (1 + ratio**2)
    assert cosine.mean == pytest.approx(expected, abs=4 * cosine.standard_error + 0.01)


def test_the_jackknife_errors_match_the_scatter_over_repetitions():
    runs = [diagnostics.agreement(batch_of(1.0, 1.0, 20, 10, seed)) for seed in range(200)]
    scatter = np.std([run.mean for run in runs])
    assert np.mean([run.standard_error for run in runs]) == pytest.approx(scatter, rel=0.25)


def test_alignment_is_the_cosine_with_the_direction():
    found = diagnostics.alignment(batch_of(1.0, 1e-9, 5, 4), [1.0, 1.0, 0.0, 0.0])
    assert found.mean == pytest.approx(np.sqrt(0.5), abs=1e-6)


@pytest.mark.parametrize("exponent", [0.2, 0.5, 0.8])
def test_roughness_recovers_the_exponent_of_a_cusp(exponent):
    found = diagnostics.roughness(
        lambda thetas: -(np.linalg.norm(thetas - 1.0, axis=1) ** exponent),
        np.ones(6),
        np.random.default_rng(0),
        **dict(distances=2.0 ** np.arange(-28, -2), directions=4),
    )
    fit = found.exponent(2.0**-26, 2.0**-6)
    assert fit.value == pytest.approx(exponent, abs=1e-6)


def doubling(factor):
    """s' = factor s in every coordinate, whatever the policy does."""

    def drive(weights, starts, noise, sigma, states, actions, rewards, faults):
        states[:, 0] = starts
        for t in range(noise.shape[1]):
            states[:, t + 1] = factor * states[:, t]
        actions[:], rewards[:] = 0, 0

    return System(
        name="linear map",
        state_names=("a", "b"),
        action_names=("u",),
        time_step=1.0,
        policy=LinearPolicy(2, 1),
        training=Training(batch=4, epochs=1, horizon=60, discount=0.9, step=1.0),
        start=lambda rng, batch: rng.uniform(1, 2, (batch, 2)) * 1e-3,
        observe=lambda states: states,
        drive=drive,
    )


@pytest.mark.parametrize("factor", [1.2, 0.9])
def test_lyapunov_exponent_of_a_linear_loop_is_the_log_of_its_factor(factor):
    system, rng = doubling(factor), np.random.default_rng(0)
    starts = system.start(rng, 6)
    found = diagnostics.closed_loop_lyapunov(system, np.zeros(3), starts, rng)
    assert found.value == pytest.approx(np.log(factor), abs=1e-6)


def test_lyapunov_refuses_a_loop_that_parts_too_fast():
    system, rng = doubling(5.0), np.random.default_rng(0)
    with pytest.raises(regularity.EvidenceError, match="must stay within"):
        diagnostics.closed_loop_lyapunov(system, np.zeros(3), system.start(rng, 6), rng)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: diagnostics.agreement([[1.0, 0.0], [0.0, 1.0]]), "estimates"),
        (lambda: diagnostics.signal_to_noise(np.zeros((4, 2))), "estimates"),
        (lambda: diagnostics.alignment(np.ones((4, 2)), [0.0, 0.0]), "direction"),
        (lambda: diagnostics.alignment(np.ones((4, 2)), [1.0]), "direction"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ArgumentError, match=named):
        call()
