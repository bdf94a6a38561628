"""The torque-driven double pendulum, to be held upright (Section 6, Appendix F.2).

Its equation is M(q) q'' + C(q, q') q' = tau(q) + u, with both joints driven. Appendix F.2 is read
as follows; `double_pendulum` and `initial_theta` keep the printed signs within reach:

- tau(q): with the printed sign theta = 0 hangs; the text wants it upright, so the sign is flipped;
- u = -K s with the printed, negative K0 pushes away from 0: training starts at K = -K0, that is
  u = +K0 s. Of the four pairs of signs only this one is close to stabilising, yet unstable;
- the reward is printed positive: its negative is taken, as the text says;
- Section 6 gives the policy a bias, Appendix F.2 gives none: there is none;
- K0 is the optimum of no linear-quadratic problem that we could find: it is taken as given;
- one mass is printed, m = 0.15, and both links have it;
- the integrator is not printed: Euler with the printed step, or RK4.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mollify import checks
from mollify.policies import LinearPolicy
from mollify.systems import System, Training
from mollify.systems.lanes import INTEGRATORS, LANES, STATE_LIMIT, sine_cosine

INERTIA = 0.1
MASS = 0.15
GRAVITY = 9.81
LENGTH = 0.5
CENTRE = 0.25
TORQUE_LIMIT = 10.0
TIME_STEP = 0.01
TRAINING = Training(batch=16, epochs=50, horizon=1000, discount=0.99, step=1.0)
START = np.array([-0.2, 0.2, 0.0, 0.0])
PRINTED_GAIN = np.array(
    [[-20.0, -20.0854, -21.4826, -10.0516], [-18.22, -19.143, -9.2905, -6.6695]]
)
POLICY = LinearPolicy(observation_size=4, action_size=2, bias=False)

STATE_NAMES = ("first angle", "second angle", "first rate", "second rate")
ACTION_NAMES = ("first torque", "second torque")

# M(q) = [[2 I + m l^2 + 2 c, I + c], [I + c, I]] with c = COUPLING cos(theta_2).
COUPLING = MASS * LENGTH * CENTRE
FIRST_INERTIA = 2 * INERTIA + MASS * LENGTH**2
FIRST_WEIGHT = MASS * GRAVITY * (CENTRE + LENGTH)
SECOND_WEIGHT = MASS * GRAVITY * CENTRE


def double_pendulum(
    time_step: float = TIME_STEP, integrator: str = "euler", upright: bool = True
) -> System:
    """The double pendulum stabilisation task.

    time_step: seconds between two decisions, and the integrator's step.
    integrator: "euler" or "rk4"; the torque is held over the step.
    upright: True puts theta = 0 at the top, as the text says; False takes tau(q) as printed.
    Raises ArgumentError.
    """
    time_step = checks.positive("time_step", time_step)
    checks.choice("integrator", integrator, INTEGRATORS)
    gravity = 1.0 if upright else -1.0
    return System(
        name="double_pendulum",
        state_names=STATE_NAMES,
        action_names=ACTION_NAMES,
        time_step=time_step,
        policy=POLICY,
        training=TRAINING,
        start=start,
        observe=observe,
        drive=functools.partial(_drive, time_step, integrator == "rk4", gravity),
        lanes=LANES,
    )


def initial_theta(gain_sign: int = 1) -> NDArray:
    """theta_0 (8,): u = +K0 s for gain_sign +1 (where training starts), u = -K0 s for -1."""
    if gain_sign not in (1, -1):
        raise checks.ArgumentError(f"gain_sign must be 1 or -1, got {gain_sign!r}")
    return POLICY.pack(-gain_sign * PRINTED_GAIN)


def start(rng: np.random.Generator, batch: int) -> NDArray:
    """s_0 of Section 6, the same for every trajectory; shape (batch, 4)."""
    del rng
    return np.tile(START, (checks.count("batch", batch), 1))


def observe(states: NDArray) -> NDArray:
    """What the policy sees: the state itself."""
    return states


def reward(states: NDArray, actions: NDArray) -> NDArray:
    """R(s, a) of Appendix F.2, negated, for states (..., 4) and actions (..., 2).

    The action cost takes the torque that acts, that is the clipped action.
    """
    clipped = np.clip(actions, -TORQUE_LIMIT, TORQUE_LIMIT)
    angles, rates = states[..., :2], states[..., 2:]
    return -(5 * (angles**2).sum(-1) + 0.5 * (rates**2).sum(-1) + 0.00005 * (clipped**2).sum(-1))


def _drive(
    time_step, rk4, gravity, weights, starts, noise, sigma, states, actions, rewards, faults
) -> None:
    closed_loop(
        *(time_step, rk4, gravity, *weights),
        *(starts, noise, sigma, states, actions, rewards, faults),
    )


@njit(inline="always", error_model="numpy")
def acceleration(gravity, angle1, angle2, rate1, rate2, torque1, torque2):
    """q'' = M(q)^-1 (tau(q) + u - C(q, q') q')."""
    s1, c1 = sine_cosine(angle1)
    s2, c2 = sine_cosine(angle2)
    coupling = COUPLING * c2
    cross = INERTIA + coupling
    own = FIRST_INERTIA + 2 * coupling
    tip = gravity * SECOND_WEIGHT * (s1 * c2 + c1 * s2)
    f1 = gravity * FIRST_WEIGHT * s1 + tip + torque1 + COUPLING * s2 * (2 * rate1 + rate2) * rate2
    f2 = tip + torque2 - COUPLING * s2 * rate1 * rate1
    scale = 1 / (own * INERTIA - cross * cross)
    return (INERTIA * f1 - cross * f2) * scale, (own * f2 - cross * f1) * scale


@njit(nogil=True, cache=True, error_model="numpy")
def closed_loop(
    time_step, rk4, gravity, gain, offset,
    starts, noise, sigma, states, actions, rewards, faults,
):  # fmt: skip
    """Drive the batch, LANES trajectories side by side.

    All lanes live in one array, so that the compiler sees they do not overlap. Where the batch
    runs out, the last trajectory is driven in several lanes; they write the same numbers.
    """
    batch, horizon, _ = noise.shape
    h = time_step
    # Rows: state 0-3, gain 4-11, offset 12-13, noise 14-15, action 16-17, reward, refused steps.
    lane = np.zeros((20, LANES))
    for first in range(0, batch, LANES):
        for j in range(LANES):
            i = min(first + j, batch - 1)
            own = i if gain.shape[0] > 1 else 0
            for k in range(4):
                lane[k, j] = starts[i, k]
                lane[4 + k, j] = gain[own, 0, k]
                lane[8 + k, j] = gain[own, 1, k]
            lane[12, j], lane[13, j] = offset[own, 0], offset[own, 1]
            lane[19, j] = 0
        for t in range(horizon):
            for j in range(LANES):
                i = min(first + j, batch - 1)
                for k in range(4):
                    states[i, t, k] = lane[k, j]
                lane[14, j], lane[15, j] = noise[i, t, 0], noise[i, t, 1]
            for j in range(LANES):
                p1, p2, v1, v2 = lane[0, j], lane[1, j], lane[2, j], lane[3, j]
                z1 = lane[4, j] * p1 + lane[5, j] * p2 + lane[6, j] * v1 + lane[7, j] * v2
                z2 = lane[8, j] * p1 + lane[9, j] * p2 + lane[10, j] * v1 + lane[11, j] * v2
                a1 = lane[12, j] - z1 + sigma * lane[14, j]
                a2 = lane[13, j] - z2 + sigma * lane[15, j]
                u1 = min(max(a1, -TORQUE_LIMIT), TORQUE_LIMIT)
                u2 = min(max(a2, -TORQUE_LIMIT), TORQUE_LIMIT)
                lane[16, j], lane[17, j] = a1, a2
                lane[18, j] = -(
                    5 * (p1 * p1 + p2 * p2)
                    + 0.5 * (v1 * v1 + v2 * v2)
                    + 0.00005 * (u1 * u1 + u2 * u2)
                )
                c1, c2 = acceleration(gravity, p1, p2, v1, v2, u1, u2)
                d1, d2 = v1, v2
                if rk4:
                    x1, x2 = v1 + h / 2 * c1, v2 + h / 2 * c2
                    e1, e2 = acceleration(gravity, p1 + h / 2 * v1, p2 + h / 2 * v2, x1, x2, u1, u2)
                    y1, y2 = v1 + h / 2 * e1, v2 + h / 2 * e2
                    f1, f2 = acceleration(gravity, p1 + h / 2 * x1, p2 + h / 2 * x2, y1, y2, u1, u2)
                    w1, w2 = v1 + h * f1, v2 + h * f2
                    g1, g2 = acceleration(gravity, p1 + h * y1, p2 + h * y2, w1, w2, u1, u2)
                    d1 = (v1 + 2 * x1 + 2 * y1 + w1) / 6
                    d2 = (v2 + 2 * x2 + 2 * y2 + w2) / 6
                    c1 = (c1 + 2 * e1 + 2 * f1 + g1) / 6
                    c2 = (c2 + 2 * e2 + 2 * f2 + g2) / 6
                q1, q2, r1, r2 = p1 + h * d1, p2 + h * d2, v1 + h * c1, v2 + h * c2
                sound = (
                    (abs(q1) <= STATE_LIMIT) & (abs(q2) <= STATE_LIMIT)
                    & (abs(r1) <= STATE_LIMIT) & (abs(r2) <= STATE_LIMIT)
                )  # fmt: skip
                lane[0, j] = q1 if sound else p1
                lane[1, j] = q2 if sound else p2
                lane[2, j] = r1 if sound else v1
                lane[3, j] = r2 if sound else v2
                lane[19, j] += 0.0 if sound else 1.0
            for j in range(LANES):
                i = min(first + j, batch - 1)
                actions[i, t, 0], actions[i, t, 1] = lane[16, j], lane[17, j]
                rewards[i, t] = lane[18, j]
        for j in range(LANES):
            i = min(first + j, batch - 1)
            for k in range(4):
                states[i, horizon, k] = lane[k, j]
            faults[i] = int(lane[19, j])
