"""Pendulums under networks, and the roughness statistics of Fig. 2, against plain numpy."""

import math

import numpy as np
import pytest
from numba import njit

from mollify import checks
from mollify.experiments import random_policies
from mollify.rollout import rollout
from mollify.systems import double_pendulum as pendulum
from mollify.systems import neural_pendulum
from mollify.systems.neural_pendulum import POLICY

RNG = np.random.default_rng(3)
THETA = POLICY.initial(RNG, 2.0)


def derivative(links, state, torque):
    """(q', q'') from M(q) q'' + C(q, q') q' = tau(q) + u; the rigid pendulum for one link."""
    q, rates = state[:2], state[2:]
    coupling = pendulum.COUPLING * np.cos(q[1])
    both, own = pendulum.INERTIA + coupling, pendulum.FIRST_INERTIA + 2 * coupling
    mass = np.array([[own, both], [both, pendulum.INERTIA]])
    tip = pendulum.SECOND_WEIGHT * np.sin(q.sum())
    tau = np.array([pendulum.FIRST_WEIGHT * np.sin(q[0]) + tip, tip])
    twist = pendulum.COUPLING * np.sin(q[1])
    coriolis = np.array([[-2 * twist * rates[1], -twist * rates[1]], [twist * rates[0], 0]])
    if links == 1:
        return np.array([rates[0], 0, (tau[0] + torque[0]) / own, 0])
    return np.concatenate([rates, np.linalg.solve(mass, tau + torque - coriolis @ rates)])


def plain_rollout(links, system, theta, steps):
    """States and rewards of the deterministic policy by RK4, one step at a time."""
    state, h = system.start(None, 1)[0], system.time_step
    states, rewards = [state], []
    for _ in range(steps):
        u = np.clip(POLICY.mean(theta, state), -pendulum.TORQUE_LIMIT, pendulum.TORQUE_LIMIT)
        rewards.append(float(pendulum.reward(state, u)))
        a = derivative(links, state, u)
        b = derivative(links, state + h / 2 * a, u)
        c = derivative(links, state + h / 2 * b, u)
        d = derivative(links, state + h * c, u)
        state = state + h * (a + 2 * b + 2 * c + d) / 6
        states.append(state)
    return np.array(states), np.array(rewards)


def test_hyperbolic_tangent_matches_numpy():
    @njit
    def each(x):
        out = np.empty_like(x)
        for i in range(x.size):
            out[i] = neural_pendulum.hyperbolic_tangent(x[i])
        return out

    x = RNG.normal(size=20_000) * np.geomspace(1e-8, 200, 20_000)
    np.testing.assert_allclose(each(x), np.tanh(x), rtol=2e-15, atol=0)
    assert np.array_equal(each(-x), -each(x))


@pytest.mark.parametrize("links", [1, 2])
def test_kernel_matches_numpy(links):
    system = neural_pendulum.neural_pendulum(links)
    ours = rollout(system, THETA, system.start(None, 11), sigma=0.0, horizon=200)
    states, rewards = plain_rollout(links, system, THETA, 200)
    np.testing.assert_allclose(ours.states[10], states, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.rewards[10], rewards, rtol=1e-9)
    assert np.ptp(states[:, 0]) > 0.05


def test_noise_moves_the_action_and_each_trajectory_has_its_own_network():
    system = neural_pendulum.neural_pendulum()
    thetas = np.stack([THETA, -THETA, 0 * THETA])
    noise = RNG.normal(size=(3, 5, 2))
    sample = rollout(system, thetas, system.start(None, 3), sigma=0.7, noise=noise)
    for theta, states, actions, own in zip(
        thetas, sample.states, sample.actions, noise, strict=True
    ):
        expected = POLICY.mean(theta, states[:-1]) + 0.7 * own
        np.testing.assert_allclose(actions, expected, rtol=0, atol=1e-13)


def test_a_locked_joint_stays_locked_and_keeps_the_energy():
    system = neural_pendulum.neural_pendulum(1, time_step=0.001)
    states = rollout(system, 0 * THETA, system.start(None, 1), sigma=0.0, horizon=5000).states[0]
    assert not states[:, [1, 3]].any()
    inertia = pendulum.FIRST_INERTIA + 2 * pendulum.COUPLING
    weight = pendulum.FIRST_WEIGHT + pendulum.SECOND_WEIGHT
    energy = inertia * states[:, 2] ** 2 / 2 + weight * np.cos(states[:, 0])
    assert np.ptp(states[:, 0]) > 5
    assert np.ptp(energy) < 1e-9


def test_links_other_than_one_or_two_are_refused():
    with pytest.raises(checks.ArgumentError, match="links"):
        neural_pendulum.neural_pendulum(3)
    with pytest.raises(checks.ArgumentError, match="time_step"):
        neural_pendulum.neural_pendulum(2, time_step=0.0)


def test_growth_rates_of_matrices_with_known_exponents():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    steps = np.tile(np.diag([np.exp(0.02), np.exp(-0.3)]), (3, 200, 1, 1))
    steps[0, 100:] = np.exp(0.05) * turn
    steps[2, 17] = np.diag([1.0, np.exp(0.9)])
    found = random_policies.growth_rates(steps)
    assert found["finite"] == pytest.approx(0.02, rel=1e-12)
    assert found["window"] == pytest.approx(0.05, rel=1e-12)
    assert found["single"] == pytest.approx(0.9, rel=1e-12)


def test_jacobians_predict_how_a_neighbour_moves():
    system = neural_pendulum.neural_pendulum()
    states = rollout(system, THETA, system.start(None, 1), sigma=0.0, horizon=20).states[0]
    steps = random_policies.jacobians(system, states[:-1], THETA)
    gap = 1e-7 * RNG.normal(size=4)
    other = rollout(system, THETA, (states[0] + gap)[None], sigma=0.0, horizon=20).states[0]
    for step in steps:
        gap = step @ gap
    np.testing.assert_allclose(other[-1] - states[-1], gap, rtol=1e-3, atol=1e-12)


def test_exponent_of_a_known_line_and_of_no_evidence():
    x = np.arange(257) / 256
    found, error = random_policies.exponent(np.cumsum(RNG.normal(size=257)), 1 / 256, 2.0, 8)
    assert abs(found - 0.5) < 4 * error < 0.5
    assert random_policies.exponent(x**2, 1 / 256, 2.0, 8)[0] == pytest.approx(2, abs=1e-6)
    assert math.isnan(random_policies.exponent(np.full(257, 7.0), 1 / 256, 2.0, 8)[0])


def test_random_policies_are_the_same_for_both_systems():
    one, two = (neural_pendulum.neural_pendulum(links) for links in (1, 2))
    for index in (0, 7):
        ours, theirs = (random_policies.draw(s, index, 1.0) for s in (one, two))
        assert np.array_equal(ours[0], theirs[0])
        np.testing.assert_allclose(ours[1] @ ours[1].T, np.eye(2), atol=1e-14)
