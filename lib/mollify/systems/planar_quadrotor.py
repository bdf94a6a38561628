"""The planar quadrotor, to be balanced where it hovers (Section 6, Appendix F.3).

Two propellers push u_1 and u_2 along the body's own vertical. Appendix F.3 is read as follows:

- y_1' = x_2 is a slip of the pen for y_1' = y_2;
- gravity enters y_2' as -g; the printed -m g says the same only because m = 1;
- the start s_0 is not printed: hover, or hover moved by `offset`. Moved in y alone it keeps the
  mirror symmetry x -> -x, and the spike of Fig. 8 with it; moved in x it keeps neither;
- K0 is the optimum of the linear-quadratic problem with Q = I and R = 0.1 I (`lqr_gain`), to the
  printed digits; those are neither the reward's weights nor is it an optimum under saturation;
- sampled every 0.1 s, as printed, K0 does not hold the hover (`closed_loop_eigenvalues`);
- the integrator is not printed: Euler with the printed step, or RK4.

Training starts from the printed four digits, not from a fresh Riccati solution. The solution is
mirror symmetric up to rounding only, and the closed loop amplifies that to order one.
The arithmetic below is mirror symmetric to the last bit.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from mollify import checks
from mollify.policies import LinearPolicy
from mollify.systems import System, Training
from mollify.systems.lanes import INTEGRATORS, LANES, STATE_LIMIT, sine_cosine

MASS = 1.0
INERTIA = 0.1
ARM = 0.5
GRAVITY = 9.81
THRUST_LIMIT = 10.0
TIME_STEP = 0.1
SIGMA = 0.1
TRAINING = Training(batch=16, epochs=50, horizon=1000, discount=0.99, step=0.001)
PRINTED_GAIN = np.array(
    [
        [-2.2361, -3.3404, 2.2361, 2.69, 13.5092, 2.7752],
        [2.2361, 3.3404, 2.2361, 2.69, -13.5092, -2.7752],
    ]
)
PRINTED_OFFSET = np.array([4.905, 4.905])
POLICY = LinearPolicy(observation_size=6, action_size=2)
SAMPLINGS = ("euler", "exact")

STATE_NAMES = ("x", "x velocity", "y", "y velocity", "angle", "angular rate")
ACTION_NAMES = ("first thrust", "second thrust")
MIRRORED_STATE = np.array([-1.0, -1.0, 1.0, 1.0, -1.0, -1.0])
"""The mirror image of a state s is MIRRORED_STATE * s, with the two propellers exchanged."""


def planar_quadrotor(
    time_step: float = TIME_STEP,
    integrator: str = "euler",
    offset: ArrayLike = (0.0, 0.0),
) -> System:
    """The planar quadrotor balance task.

    time_step: seconds between two decisions, and the integrator's step.
    integrator: "euler" or "rk4"; the thrusts are held over the step.
    offset: where s_0 lies in the plane, (x, y) in metres from hover.
    Raises ArgumentError.
    """
    time_step = checks.positive("time_step", time_step)
    checks.choice("integrator", integrator, INTEGRATORS)
    x, y = checks.finite_array("offset", offset, (2,))
    return System(
        name="planar_quadrotor",
        state_names=STATE_NAMES,
        action_names=ACTION_NAMES,
        time_step=time_step,
        policy=POLICY,
        training=TRAINING,
        start=functools.partial(start, offset=(float(x), float(y))),
        observe=observe,
        drive=functools.partial(_drive, time_step, integrator == "rk4"),
        lanes=LANES,
    )


def initial_theta() -> NDArray:
    """theta_0 = [K0, b0] (14,) as printed: mu(s) = -K0 s + b0."""
    return POLICY.pack(PRINTED_GAIN, PRINTED_OFFSET)


def start(
    rng: np.random.Generator, batch: int, offset: tuple[float, float] = (0.0, 0.0)
) -> NDArray:
    """Hover at rest, moved by `offset`, the same for every trajectory; shape (batch, 6)."""
    del rng
    x, y = offset
    return np.tile([x, 0.0, y, 0.0, 0.0, 0.0], (checks.count("batch", batch), 1))


def observe(states: NDArray) -> NDArray:
    """What the policy sees: the state itself."""
    return states


def reward(states: NDArray, actions: NDArray) -> NDArray:
    """R(s, a) of Appendix F.3 for states (..., 6) and actions (..., 2).

    The action cost takes the thrust that acts, that is the clipped action.
    """
    clipped = np.clip(actions, 0, THRUST_LIMIT)
    places, rates = states[..., 0::2], states[..., 1::2]
    return -((places**2).sum(-1) + 0.1 * (rates**2).sum(-1) + 0.0001 * (clipped**2).sum(-1))


def linearisation() -> tuple[NDArray, NDArray]:
    """A (6, 6) and B (6, 2) of s' = A s + B (u - b0) about hover."""
    a = np.zeros((6, 6))
    a[0, 1] = a[2, 3] = a[4, 5] = 1
    a[1, 4] = -GRAVITY
    b = np.zeros((6, 2))
    b[3] = 1 / MASS
    b[5] = ARM / INERTIA, -ARM / INERTIA
    return a, b


def lqr_gain(state_weight: float = 1.0, action_weight: float = 0.1) -> NDArray:
    """The gain (2, 6) that minimises the integral of state_weight |s|^2 + action_weight |u|^2.

    Continuous time, linearised about hover, no saturation: K = R^-1 B^T P with P from the
    algebraic Riccati equation. The default weights give the printed K0.
    Raises ArgumentError.
    """
    q = checks.positive("state_weight", state_weight) * np.eye(6)
    r = checks.positive("action_weight", action_weight) * np.eye(2)
    a, b = linearisation()
    return linalg.solve(r, b.T @ linalg.solve_continuous_are(a, b, q, r))


def closed_loop_eigenvalues(
    time_step: float = TIME_STEP, sampling: str = "exact", gain: ArrayLike = PRINTED_GAIN
) -> NDArray:
    """Eigenvalues (6,) of one step of the linearised closed loop, largest modulus first.

    sampling: "exact" holds the action over the step and solves the linear equation (which RK4
    approaches), "euler" takes one Euler step. A modulus above 1 means that hover is lost.
    Raises ArgumentError.
    """
    h = checks.positive("time_step", time_step)
    checks.choice("sampling", sampling, SAMPLINGS)
    gain = checks.finite_array("gain", gain, (2, 6))
    a, b = linearisation()
    generator = h * np.block([[a, b], [np.zeros((2, 8))]])
    step = linalg.expm(generator) if sampling == "exact" else np.eye(8) + generator
    values = np.linalg.eigvals(step[:6, :6] - step[:6, 6:] @ gain)
    return values[np.argsort(-np.abs(values))]


def _drive(time_step, rk4, weights, starts, noise, sigma, states, actions, rewards, faults) -> None:
    closed_loop(*(time_step, rk4, *weights, starts, noise, sigma, states, actions, rewards, faults))


@njit(inline="always", error_model="numpy")
def acceleration(angle, thrust):
    """(x_2', y_2') where `thrust` = (u_1 + u_2)/m."""
    sine, cosine = sine_cosine(angle)
    return -thrust * sine, thrust * cosine - GRAVITY


@njit(nogil=True, cache=True, error_model="numpy")
def closed_loop(
    time_step, rk4, gain, offset, starts, noise, sigma, states, actions, rewards, faults
):
    """Drive the batch, LANES trajectories side by side (see `double_pendulum.closed_loop`)."""
    batch, horizon, _ = noise.shape
    h = time_step
    # Rows: state 0-5, gain 6-17, offset 18-19, noise 20-21, action 22-23, reward, refused steps.
    lane = np.zeros((26, LANES))
    for first in range(0, batch, LANES):
        for j in range(LANES):
            i = min(first + j, batch - 1)
            own = i if gain.shape[0] > 1 else 0
            for k in range(6):
                lane[k, j] = starts[i, k]
                lane[6 + k, j] = gain[own, 0, k]
                lane[12 + k, j] = gain[own, 1, k]
            lane[18, j], lane[19, j] = offset[own, 0], offset[own, 1]
            lane[25, j] = 0
        for t in range(horizon):
            for j in range(LANES):
                i = min(first + j, batch - 1)
                for k in range(6):
                    states[i, t, k] = lane[k, j]
                lane[20, j], lane[21, j] = noise[i, t, 0], noise[i, t, 1]
            for j in range(LANES):
                x1, x2, y1 = lane[0, j], lane[1, j], lane[2, j]
                y2, p, w = lane[3, j], lane[4, j], lane[5, j]
                z1 = lane[6, j] * x1 + lane[7, j] * x2 + lane[8, j] * y1
                z1 = z1 + lane[9, j] * y2 + lane[10, j] * p + lane[11, j] * w
                z2 = lane[12, j] * x1 + lane[13, j] * x2 + lane[14, j] * y1
                z2 = z2 + lane[15, j] * y2 + lane[16, j] * p + lane[17, j] * w
                a1 = lane[18, j] - z1 + sigma * lane[20, j]
                a2 = lane[19, j] - z2 + sigma * lane[21, j]
                u1 = min(max(a1, 0.0), THRUST_LIMIT)
                u2 = min(max(a2, 0.0), THRUST_LIMIT)
                lane[22, j], lane[23, j] = a1, a2
                lane[24, j] = -(
                    (x1 * x1 + y1 * y1 + p * p)
                    + 0.1 * (x2 * x2 + y2 * y2 + w * w)
                    + 0.0001 * (u1 * u1 + u2 * u2)
                )
                thrust = (u1 + u2) / MASS
                twist = ARM / INERTIA * (u1 - u2)
                fx, fy = acceleration(p, thrust)
                vx, vy, vp = x2, y2, w
                if rk4:
                    # The twist is constant over the step, so the stages' angles are known at once.
                    middle, end = w + h / 2 * twist, w + h * twist
                    fx2, fy2 = acceleration(p + h / 2 * w, thrust)
                    fx3, fy3 = acceleration(p + h / 2 * middle, thrust)
                    fx4, fy4 = acceleration(p + h * middle, thrust)
                    vx = x2 + h / 6 * (fx + fx2 + fx3)
                    vy = y2 + h / 6 * (fy + fy2 + fy3)
                    vp = (w + 4 * middle + end) / 6
                    fx = (fx + 2 * fx2 + 2 * fx3 + fx4) / 6
                    fy = (fy + 2 * fy2 + 2 * fy3 + fy4) / 6
                n1, n2, n3, n4 = x1 + h * vx, x2 + h * fx, y1 + h * vy, y2 + h * fy
                n5, n6 = p + h * vp, w + h * twist
                sound = (
                    (abs(n1) <= STATE_LIMIT) & (abs(n2) <= STATE_LIMIT)
                    & (abs(n3) <= STATE_LIMIT) & (abs(n4) <= STATE_LIMIT)
                    & (abs(n5) <= STATE_LIMIT) & (abs(n6) <= STATE_LIMIT)
                )  # fmt: skip
                lane[0, j] = n1 if sound else x1
                lane[1, j] = n2 if sound else x2
                lane[2, j] = n3 if sound else y1
                lane[3, j] = n4 if sound else y2
                lane[4, j] = n5 if sound else p
                lane[5, j] = n6 if sound else w
                lane[25, j] += 0.0 if sound else 1.0
            for j in range(LANES):
                i = min(first + j, batch - 1)
                actions[i, t, 0], actions[i, t, 1] = lane[22, j], lane[23, j]
                rewards[i, t] = lane[24, j]
        for j in range(LANES):
            i = min(first + j, batch - 1)
            for k in range(6):
                states[i, horizon, k] = lane[k, j]
            faults[i] = int(lane[25, j])
