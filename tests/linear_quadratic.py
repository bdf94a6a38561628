"""A scalar linear system whose expected return is a closed form: the tests' oracle.

x' = 0.9 x + 0.5 u, R = -(x^2 + 0.1 u^2), u = -k x + sigma eps, x_0 = 1.
"""

import numpy as np

from mollify.policies import LinearPolicy
from mollify.systems import System, Training

A, B, Q, START = 0.9, 0.5, 0.1, 1.0
HORIZON, DISCOUNT = 6, 0.8


def _drive(weights, starts, noise, sigma, states, actions, rewards, faults):
    gain, offset = weights
    states[:, 0] = starts
    for t in range(noise.shape[1]):
        x = states[:, t, 0]
        u = offset[:, 0] - gain[:, 0, 0] * x + sigma * noise[:, t, 0]
        actions[:, t, 0] = u
        rewards[:, t] = -(x**2 + Q * u**2)
        states[:, t + 1, 0] = A * x + B * u


SYSTEM = System(
    name="linear-quadratic",
    state_names=("x",),
    action_names=("u",),
    time_step=1.0,
    policy=LinearPolicy(observation_size=1, action_size=1, bias=False),
    training=Training(batch=16, epochs=20, horizon=HORIZON, discount=DISCOUNT, step=0.05),
    start=lambda rng, batch: np.full((batch, 1), START),
    observe=lambda states: states,
    drive=_drive,
)


def expected_rewards(gains, sigma):
    """E r_t for the gain k_t used at time t, by propagating E x^2."""
    second, rewards = START**2, []
    for k in gains:
        rewards.append(-(second + Q * (k**2 * second + sigma**2)))
        second = (A - B * k) ** 2 * second + B**2 * sigma**2
    return np.array(rewards)


def expected_return(k, sigma, discount=DISCOUNT):
    """J(k) of the Gaussian policy with one gain at all times."""
    return expected_rewards([k] * HORIZON, sigma) @ discount ** np.arange(HORIZON)


def derivative(function, at, step=1e-30):
    """Derivative of a real-analytic function by a complex step: exact to rounding."""
    return np.imag(function(at + 1j * step)) / step


def reward_to_go_target(k, sigma, discount=DISCOUNT):
    """sum_t d/dk_t E sum_{j >= t} gamma^{j-t} r_j: what the estimate without gamma^t means."""
    total = 0.0
    for t in range(HORIZON):

        def tail(k_t, t=t):
            gains = [k] * t + [k_t] + [k] * (HORIZON - t - 1)
            return expected_rewards(gains, sigma)[t:] @ discount ** np.arange(HORIZON - t)

        total += derivative(tail, k)
    return total
