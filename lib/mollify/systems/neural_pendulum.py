"""A double pendulum, or the single one that a locked joint leaves, under neural policies (Fig. 2).

Fig. 2 of the paper compares the landscapes of a double and of a single pendulum under
deterministic neural policies and prints neither the systems nor the policies. Here both are the
pendulum of `mollify.systems.double_pendulum`, upright, with its reward and torque limit. With one
link the second joint is locked straight: what is left is a rigid pendulum with the same mass, the
same first motor and the same network, which sees the locked angle and rate as zero. So one
parameter vector drives both, and they differ in the second joint alone.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mollify import checks
from mollify.policies import TanhPolicy
from mollify.systems import System
from mollify.systems.double_pendulum import (
    ACTION_NAMES,
    COUPLING,
    FIRST_INERTIA,
    FIRST_WEIGHT,
    SECOND_WEIGHT,
    START,
    STATE_NAMES,
    TIME_STEP,
    TORQUE_LIMIT,
    TRAINING,
    acceleration,
    observe,
)
from mollify.systems.lanes import LANES, STATE_LIMIT, sine_cosine

POLICY = TanhPolicy(observation_size=4, action_size=2)
RIGID_INERTIA = FIRST_INERTIA + 2 * COUPLING
RIGID_WEIGHT = FIRST_WEIGHT + SECOND_WEIGHT

E2, E3, E4, E5, E6, E7, E8, E9, E10 = (1 / math.factorial(k) for k in range(2, 11))


def neural_pendulum(links: int = 2, time_step: float = TIME_STEP) -> System:
    """The pendulum with 2 links, or with its second joint locked (1), driven by a tanh network.

    The integrator is RK4: Euler's method feeds energy into a pendulum that swings freely.
    Raises ArgumentError.
    """
    if links not in (1, 2):
        raise checks.ArgumentError(f"links must be 1 or 2, got {links!r}")
    return System(
        name="neural_pendulum",
        state_names=STATE_NAMES,
        action_names=ACTION_NAMES,
        time_step=checks.positive("time_step", time_step),
        policy=POLICY,
        training=TRAINING,
        start=functools.partial(start, links),
        observe=observe,
        drive=functools.partial(_drive, float(time_step), links == 1),
        lanes=LANES,
    )


def start(links: int, rng: np.random.Generator, batch: int) -> NDArray:
    """s_0 of Section 6, with the second joint straight for one link; shape (batch, 4)."""
    del rng
    first = START if links == 2 else START * [1, 0, 1, 0]
    return np.tile(first, (checks.count("batch", batch), 1))


def _drive(time_step, locked, weights, starts, noise, sigma, states, actions, rewards, faults):
    closed_loop(time_step, locked, *weights, starts, noise, sigma, states, actions, rewards, faults)


@njit(inline="always", error_model="numpy")
def hyperbolic_tangent(x):
    """tanh x in plain arithmetic, right to about 1e-15; tanh(-x) is exactly -tanh(x).

    Like `lanes.sine_cosine`: vector instructions, and the same bits on every machine. With
    e = exp(-2|x|) - 1, tanh|x| = -e/(2 + e); e comes from a series for exp(-|x|/32) - 1 and six
    times exp(2y) - 1 = e(2 + e).
    """
    r = -min(abs(x), 20.0) / 32
    e = E9 + r * E10
    for term in (E8, E7, E6, E5, E4, E3, E2, 1.0):
        e = term + r * e
    e = e * r
    for _ in range(6):
        e = e * (2 + e)
    tangent = -e / (2 + e)
    return tangent if x >= 0 else -tangent


@njit(inline="always", error_model="numpy")
def push(locked, angle1, angle2, rate1, rate2, torque1, torque2):
    """q'' of both joints; with a locked second joint, of the rigid pendulum and 0."""
    if locked:
        s, _ = sine_cosine(angle1)
        return (RIGID_WEIGHT * s + torque1) / RIGID_INERTIA, 0.0 * angle2
    return acceleration(1.0, angle1, angle2, rate1, rate2, torque1, torque2)


@njit(nogil=True, cache=True, error_model="numpy")
def closed_loop(
    time_step, locked, first, second, starts, noise, sigma, states, actions, rewards, faults,
):  # fmt: skip
    """Drive the batch, LANES trajectories side by side; see `double_pendulum.closed_loop`."""
    batch, horizon, _ = noise.shape
    width = first.shape[1]
    h = time_step
    # Rows: state 0-3, torque 4-5, reward, refused steps, a hidden unit, then 6 weights a unit.
    lane = np.zeros((9 + 6 * width, LANES))
    for begin in range(0, batch, LANES):
        for j in range(LANES):
            i = min(begin + j, batch - 1)
            own = i if first.shape[0] > 1 else 0
            for k in range(4):
                lane[k, j] = starts[i, k]
            for w in range(width):
                for k in range(4):
                    lane[9 + 6 * w + k, j] = first[own, w, k]
                for k in range(2):
                    lane[13 + 6 * w + k, j] = second[own, k, w]
            lane[7, j] = 0
        for t in range(horizon):
            for j in range(LANES):
                i = min(begin + j, batch - 1)
                for k in range(4):
                    states[i, t, k] = lane[k, j]
                lane[4, j], lane[5, j] = sigma * noise[i, t, 0], sigma * noise[i, t, 1]
            for w in range(width):
                at = 9 + 6 * w
                for j in range(LANES):
                    z = (lane[at, j] * lane[0, j] + lane[at + 1, j] * lane[1, j]) + (
                        lane[at + 2, j] * lane[2, j] + lane[at + 3, j] * lane[3, j]
                    )
                    lane[8, j] = hyperbolic_tangent(z)
                for j in range(LANES):
                    lane[4, j] += lane[at + 4, j] * lane[8, j]
                    lane[5, j] += lane[at + 5, j] * lane[8, j]
            for j in range(LANES):
                p1, p2, v1, v2 = lane[0, j], lane[1, j], lane[2, j], lane[3, j]
                u1 = min(max(lane[4, j], -TORQUE_LIMIT), TORQUE_LIMIT)
                u2 = min(max(lane[5, j], -TORQUE_LIMIT), TORQUE_LIMIT)
                lane[6, j] = -(
                    5 * (p1 * p1 + p2 * p2)
                    + 0.5 * (v1 * v1 + v2 * v2)
                    + 0.00005 * (u1 * u1 + u2 * u2)
                )
                c1, c2 = push(locked, p1, p2, v1, v2, u1, u2)
                x1, x2 = v1 + h / 2 * c1, v2 + h / 2 * c2
                e1, e2 = push(locked, p1 + h / 2 * v1, p2 + h / 2 * v2, x1, x2, u1, u2)
                y1, y2 = v1 + h / 2 * e1, v2 + h / 2 * e2
                f1, f2 = push(locked, p1 + h / 2 * x1, p2 + h / 2 * x2, y1, y2, u1, u2)
                w1, w2 = v1 + h * f1, v2 + h * f2
                g1, g2 = push(locked, p1 + h * y1, p2 + h * y2, w1, w2, u1, u2)
                q1 = p1 + h * ((v1 + 2 * x1 + 2 * y1 + w1) / 6)
                q2 = p2 + h * ((v2 + 2 * x2 + 2 * y2 + w2) / 6)
                r1 = v1 + h * ((c1 + 2 * e1 + 2 * f1 + g1) / 6)
                r2 = v2 + h * ((c2 + 2 * e2 + 2 * f2 + g2) / 6)
                sound = (
                    (abs(q1) <= STATE_LIMIT) & (abs(q2) <= STATE_LIMIT)
                    & (abs(r1) <= STATE_LIMIT) & (abs(r2) <= STATE_LIMIT)
                )  # fmt: skip
                lane[0, j] = q1 if sound else p1
                lane[1, j] = q2 if sound else p2
                lane[2, j] = r1 if sound else v1
                lane[3, j] = r2 if sound else v2
                lane[7, j] += 0.0 if sound else 1.0
            for j in range(LANES):
                i = min(begin + j, batch - 1)
                actions[i, t, 0], actions[i, t, 1] = lane[4, j], lane[5, j]
                rewards[i, t] = lane[6, j]
        for j in range(LANES):
            i = min(begin + j, batch - 1)
            for k in range(4):
                states[i, horizon, k] = lane[k, j]
            faults[i] = int(lane[7, j])
