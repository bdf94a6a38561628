"""Rollouts do not depend on threads or on the cut of the batch; bad arguments are named."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from mollify import checks
from mollify.rollout import rollout
from mollify.systems import double_pendulum, hopper, planar_quadrotor

PENDULUM = double_pendulum.double_pendulum()
SYSTEMS = {
    "double_pendulum": (PENDULUM, 0.5, 120),
    "double_pendulum rk4": (double_pendulum.double_pendulum(integrator="rk4"), 0.5, 120),
    "planar_quadrotor": (planar_quadrotor.planar_quadrotor(), 0.1, 120),
    "planar_quadrotor rk4": (planar_quadrotor.planar_quadrotor(integrator="rk4"), 0.1, 120),
    "hopper": (hopper.hopper(), 0.5, 60),
}


@pytest.fixture(params=SYSTEMS)
def case(request):
    """A system with a batch of 19 policies, starts and noises of its own."""
    system, sigma, horizon = SYSTEMS[request.param]
    rng = np.random.default_rng(5)
    m, n = len(system.action_names), len(system.state_names)
    starts = system.start(rng, 19) + 1e-3 * rng.normal(size=(19, n))
    thetas = rng.normal(size=(19, system.policy.parameter_count))
    return system, thetas, starts, sigma, rng.normal(size=(19, horizon, m))


def assert_same_bits(one, other):
    for name, a, b in zip(one._fields, one, other, strict=True):
        assert np.array_equal(a, b), name


@pytest.mark.parametrize("threads", [2, 3, 50])
def test_threads_do_not_change_a_bit(case, threads):
    system, thetas, starts, sigma, noise = case
    for theta in (thetas[0], thetas):
        one = rollout(system, theta, starts, sigma=sigma, noise=noise)
        other = rollout(system, theta, starts, sigma=sigma, noise=noise, threads=threads)
        assert_same_bits(one, other)


def test_a_trajectory_does_not_depend_on_its_batch(case):
    system, thetas, starts, sigma, noise = case
    whole = rollout(system, thetas, starts, sigma=sigma, noise=noise)
    for part in (slice(0, 1), slice(3, 12), slice(18, 19)):
        alone = rollout(system, thetas[part], starts[part], sigma=sigma, noise=noise[part])
        assert_same_bits(alone, type(whole)(*(array[part] for array in whole)))
    single = rollout(system, thetas[4], starts[4:5], sigma=sigma, noise=noise[4:5])
    assert np.array_equal(single.states[0], whole.states[4])


def test_actions_are_the_policy_plus_noise(case):
    system, thetas, starts, sigma, noise = case
    batch = rollout(system, thetas[0], starts, sigma=sigma, noise=noise)
    mean = system.policy.mean(thetas[0], system.observe(batch.states[:, :-1]))
    assert np.allclose(batch.actions, mean + sigma * noise, rtol=1e-12, atol=1e-12)
    assert np.array_equal(batch.states[:, 0], starts)


def test_without_noise_the_policy_is_deterministic_over_the_systems_horizon():
    batch = rollout(PENDULUM, double_pendulum.initial_theta(), PENDULUM.start(None, 2), sigma=0)
    assert batch.states.shape == (2, 1001, 4)
    assert not batch.noise.any()
    assert np.array_equal(batch.states[0], batch.states[1])


def test_returns_are_discounted_sums():
    batch = rollout(
        PENDULUM, double_pendulum.initial_theta(), PENDULUM.start(None, 2), sigma=0, horizon=3
    )
    r = batch.rewards[0]
    assert batch.returns()[0] == pytest.approx(r.sum())
    assert batch.returns(0.5)[0] == pytest.approx(r[0] + 0.5 * r[1] + 0.25 * r[2])
    with pytest.raises(checks.ArgumentError, match="discount"):
        batch.returns(1.5)


def call(**changes):
    arguments = {
        "theta": np.zeros(8),
        "starts": np.zeros((3, 4)),
        "sigma": 0.1,
        "noise": np.zeros((3, 5, 2)),
        "threads": 1,
    } | changes
    return rollout(PENDULUM, **arguments)


NOT_FINITE = st.sampled_from([float("nan"), float("inf"), -float("inf")])
NEGATIVE = st.floats(max_value=0, exclude_max=True, allow_infinity=False)
NOT_A_NUMBER = st.one_of(st.none(), st.booleans(), st.text(max_size=5))
NOT_A_COUNT = st.one_of(st.integers(max_value=0), st.floats(), NOT_A_NUMBER)
SHAPES = st.lists(st.integers(0, 6), max_size=3).map(tuple)


def refuses(name, **changes):
    with pytest.raises(checks.ArgumentError, match=f"^{name} ") as error:
        call(**changes)
    assert "\n" not in str(error.value)


@hypothesis.given(sigma=st.one_of(NEGATIVE, NOT_FINITE, NOT_A_NUMBER))
def test_bad_sigma_is_named(sigma):
    refuses("sigma", sigma=sigma)


@hypothesis.given(threads=NOT_A_COUNT)
def test_bad_threads_are_named(threads):
    refuses("threads", threads=threads)


@hypothesis.given(horizon=NOT_A_COUNT.filter(lambda value: value is not None))
def test_bad_horizon_is_named(horizon):
    refuses("horizon", sigma=0, noise=None, horizon=horizon)


@hypothesis.given(shape=SHAPES)
def test_bad_shapes_are_named(shape):
    array = np.zeros(shape)
    if shape not in {(8,), (3, 8)}:
        refuses("theta", theta=array)
    if not (len(shape) == 2 and shape[0] > 0 and shape[1] == 4):
        refuses("starts", starts=array)
    if not (len(shape) == 3 and shape[0] == 3 and shape[1] > 0 and shape[2] == 2):
        refuses("noise", noise=array)


@hypothesis.given(value=NOT_FINITE, index=st.integers(0, 7))
def test_values_that_are_not_finite_are_named(value, index):
    refuses("theta", theta=np.where(np.arange(8) == index, value, 0.0))
    refuses("starts", starts=np.where(np.arange(12).reshape(3, 4) == index, value, 0.0))
    refuses("noise", noise=np.where(np.arange(30).reshape(3, 5, 2) == index, value, 0.0))


def test_noise_is_needed_above_sigma_zero():
    refuses("noise", noise=None)
