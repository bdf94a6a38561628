"""How fast are the rollouts beside what a reader would otherwise use?

Every contest is run in interleaved rounds, so that a busy machine slows both sides alike, and
compares medians. The hopper's closed loop meets `mujoco.rollout`, which plays given actions, and
Gymnasium's SyncVectorEnv with the policy in numpy. Pendulum and quadrotor meet `numpy_rollout`,
which is also the tests' oracle for them.
"""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import gymnasium
import joblib
import mujoco
import mujoco.rollout
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mollify import checks
from mollify.gradients import Estimator
from mollify.rollout import Rollout, rollout
from mollify.systems import System, double_pendulum, hopper, planar_quadrotor
from mollify.systems.lanes import STATE_LIMIT
from mollify.training import sample_epoch

BATCHES = (16, 1024)
HOPPER_BATCH = 32
HOPPER_SIGMA = 0.05
LINEAR_SIGMA = 0.1
SHORTEST_ROUND = 0.02
"""Seconds: a contestant quicker than this is run several times a round."""


class Reference(NamedTuple):
    """What `numpy_rollout` needs of a system.

    derivative: derivative(states (n, B), applied (m, B), out (n, B)) fills out with s'.
    reward: reward(states (..., n), actions (..., m)).
    low, high: where the actuators saturate.
    """

    derivative: Callable[[NDArray, NDArray, NDArray], None]
    reward: Callable[[NDArray, NDArray], NDArray]
    low: float
    high: float


def pendulum_derivative(states, applied, out, gravity: float = 1.0) -> None:
    """s' of Appendix F.2; gravity is +1 with theta = 0 upright, -1 with theta = 0 hanging."""
    p = double_pendulum
    angle1, angle2, rate1, rate2 = states
    coupling = p.COUPLING * np.cos(angle2)
    twist = p.COUPLING * np.sin(angle2)
    cross = p.INERTIA + coupling
    own = p.FIRST_INERTIA + 2 * coupling
    tip = gravity * p.SECOND_WEIGHT * np.sin(angle1 + angle2)
    f1 = gravity * p.FIRST_WEIGHT * np.sin(angle1) + tip + applied[0]
    f1 += twist * (2 * rate1 + rate2) * rate2
    f2 = tip + applied[1] - twist * rate1 * rate1
    scale = 1 / (own * p.INERTIA - cross * cross)
    out[:2] = states[2:]
    out[2] = (p.INERTIA * f1 - cross * f2) * scale
    out[3] = (own * f2 - cross * f1) * scale


def quadrotor_derivative(states, applied, out) -> None:
    """s' of Appendix F.3."""
    p = planar_quadrotor
    thrust = (applied[0] + applied[1]) / p.MASS
    out[0::2] = states[1::2]
    out[1] = -thrust * np.sin(states[4])
    out[3] = thrust * np.cos(states[4]) - p.GRAVITY
    out[5] = p.ARM / p.INERTIA * (applied[0] - applied[1])


PENDULUM = Reference(
    pendulum_derivative,
    double_pendulum.reward,
    -double_pendulum.TORQUE_LIMIT,
    double_pendulum.TORQUE_LIMIT,
)
QUADROTOR = Reference(
    quadrotor_derivative, planar_quadrotor.reward, 0.0, planar_quadrotor.THRUST_LIMIT
)


def numpy_rollout(
    reference: Reference,
    system: System,
    theta: NDArray,
    starts: NDArray,
    noise: NDArray,
    sigma: float,
    rk4: bool = False,
) -> Rollout:
    """The rollout of one linear policy, vectorised over the batch, in numpy alone.

    theta (P,), starts (B, n), noise (B, H, m). In memory time comes first and the batch last, so
    that every operation runs along contiguous memory; noise laid out so is used without a copy.
    """
    noise = np.ascontiguousarray(noise.transpose(1, 2, 0))
    horizon, m, batch = noise.shape
    n = starts.shape[1]
    gain, offset = system.policy.unpack(theta)
    offset = offset[:, None]
    h = system.time_step
    states = np.empty((horizon + 1, n, batch))
    actions = np.empty((horizon, m, batch))
    faults = np.zeros(batch, dtype=np.int64)
    slopes = np.empty((4, n, batch))
    k1, k2, k3, k4 = slopes
    states[0] = starts.T
    for t in range(horizon):
        s, new = states[t], states[t + 1]
        actions[t] = offset - gain @ s + sigma * noise[t]
        applied = np.clip(actions[t], reference.low, reference.high)
        reference.derivative(s, applied, k1)
        if rk4:
            reference.derivative(s + h / 2 * k1, applied, k2)
            reference.derivative(s + h / 2 * k2, applied, k3)
            reference.derivative(s + h * k3, applied, k4)
            k1[:] = (k1 + 2 * k2 + 2 * k3 + k4) / 6
        np.multiply(k1, h, out=new)
        new += s
        if not np.abs(new).max() <= STATE_LIMIT:
            refused = ~(np.abs(new).max(axis=0) <= STATE_LIMIT)
            new[:, refused] = s[:, refused]
            faults += refused
    rewards = reference.reward(np.moveaxis(states[:-1], 1, -1), np.moveaxis(actions, 1, -1))
    return Rollout(
        states=states.transpose(2, 0, 1),
        actions=actions.transpose(2, 0, 1),
        noise=noise.transpose(2, 0, 1),
        rewards=rewards.T,
        faults=faults,
    )


def measure(
    rounds: int = 5, horizon: int = 1000, hopper_horizon: int = 200, threads: int | None = None
) -> dict[str, dict[str, float]]:
    """How many times faster the library is, for each system and contestant.

    Arguments as for `rates`. Returns {"hopper": {"vs_mujoco_rollout", "vs_sync_vector_env"},
    "double_pendulum": {"vs_numpy_16", "vs_numpy_1024"}, "planar_quadrotor": {the same two}}.
    """
    return ratios(rates(rounds, horizon, hopper_horizon, threads))


def rates(
    rounds: int = 5, horizon: int = 1000, hopper_horizon: int = 200, threads: int | None = None
) -> dict[str, dict[str, float]]:
    """Control steps per second of every contestant: medians over interleaved rounds.

    rounds: counted rounds; one more comes first and is thrown away.
    horizon: steps a pendulum or quadrotor trajectory; hopper_horizon: a hopper's, at most 1000.
    threads: for the hopper and for `mujoco.rollout`; every core by default. Pendulum, quadrotor,
    numpy and SyncVectorEnv run on one.
    Raises ArgumentError.
    """
    rounds, horizon = checks.count("rounds", rounds), checks.count("horizon", horizon)
    hopper_horizon = checks.count("hopper_horizon", hopper_horizon)
    threads = joblib.cpu_count() if threads is None else checks.count("threads", threads)
    found = {"hopper": _hopper_rates(rounds, hopper_horizon, threads)}
    for system, theta, reference in (
        (double_pendulum.double_pendulum(), double_pendulum.initial_theta(), PENDULUM),
        (planar_quadrotor.planar_quadrotor(), planar_quadrotor.initial_theta(), QUADROTOR),
    ):
        found[system.name] = {}
        for batch in BATCHES:
            found[system.name] |= _linear_rates(system, theta, reference, rounds, batch, horizon)
    return found


def ratios(found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """What `rates` found, as the library's rate over that of each contestant."""
    result = {name: {} for name in found}
    for name, system_rates in found.items():
        for contestant, rate in system_rates.items():
            if contestant.startswith("vs_"):
                size = contestant.rsplit("_", 1)[1]
                ours = system_rates.get(f"mollify_{size}", system_rates.get("mollify"))
                result[name][contestant] = ours / rate
    return result


def shares(rounds: int = 5, horizon: int = 1000) -> dict[str, dict[str, float]]:
    """Where the time of one training epoch goes, on one thread; shares of 1, and its seconds.

    rounds: counted rounds, after two that are thrown away; horizon: steps a trajectory, 1000 in
    the published runs. The batch is the published one.

    physics: the equations of motion. loop: the rest of the compiled closed loop (policy, reward,
    record). python: everything else, that is noise, returns and the gradient, in numpy.
    The hopper's physics is what its loop spares when it takes no physics step. Pendulum and
    quadrotor take one evaluation of the right side a step (Euler), Runge-Kutta four: a third of
    the difference is one evaluation. Medians over interleaved rounds. Raises ArgumentError.
    """
    rounds, horizon = checks.count("rounds", rounds), checks.count("horizon", horizon)
    found = {}
    for system, still, evaluations, theta in (
        (hopper.hopper(), hopper.without_physics(), None, None),
        (
            double_pendulum.double_pendulum(),
            double_pendulum.double_pendulum(integrator="rk4"),
            *(3, double_pendulum.initial_theta()),
        ),
        (
            planar_quadrotor.planar_quadrotor(),
            planar_quadrotor.planar_quadrotor(integrator="rk4"),
            *(3, planar_quadrotor.initial_theta()),
        ),
    ):
        rng = np.random.default_rng(0)
        theta = system.policy.initial(rng) if theta is None else theta
        with threadpool_limits(limits=1):
            found[system.name] = _shares(system, still, evaluations, theta, rounds, horizon)
    return found


def _shares(system, other, evaluations, theta, rounds, horizon) -> dict[str, float]:
    batch = system.training.batch
    rng = np.random.default_rng(0)
    starts = system.start(rng, batch)
    noise = rng.standard_normal((batch, horizon, len(system.action_names)))
    common = dict(sigma=LINEAR_SIGMA, batch=batch, horizon=horizon)
    # Processor time: one thread's share of the work does not depend on what else runs.
    seconds = _medians(
        {
            "epoch": lambda: sample_epoch(
                system, theta, np.random.default_rng(0), Estimator(), **common
            ),
            "loop": lambda: rollout(system, theta, starts, sigma=LINEAR_SIGMA, noise=noise),
            "other": lambda: rollout(other, theta, starts, sigma=LINEAR_SIGMA, noise=noise),
        },
        rounds,
        clock=time.thread_time,
    )
    if evaluations is None:
        physics = seconds["loop"] - seconds["other"]
    else:
        physics = (seconds["other"] - seconds["loop"]) / evaluations
    whole = seconds["epoch"]
    return {
        "physics": physics / whole,
        "loop": (seconds["loop"] - physics) / whole,
        "python": (whole - seconds["loop"]) / whole,
        "epoch_seconds": whole,
    }


def report(found: dict[str, dict[str, float]], threads: int | None = None) -> str:
    """What `rates` found, as a table for people."""
    threads = joblib.cpu_count() if threads is None else threads
    lines = [f"{'system':<18}{'against':<20}{'steps/s':>12}{'mollify':>12}{'ratio':>8}  threads"]
    for name, system_ratios in ratios(found).items():
        for contestant, ratio in system_ratios.items():
            rate = found[name][contestant]
            against = contestant.removeprefix("vs_")
            used = {"mujoco_rollout": f"{threads} on both sides"}.get(
                against, f"{threads} against 1" if name == "hopper" else "1 on both sides"
            )
            lines.append(
                f"{name:<18}{against:<20}{rate:>12,.0f}{rate * ratio:>12,.0f}{ratio:>8.2f}  {used}"
            )
    return "\n".join(lines)


def _medians(
    contestants: dict[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median seconds a call of each contestant, over interleaved rounds."""
    repeats, times = {}, {name: [] for name in contestants}
    for name, call in contestants.items():
        call()
        repeats[name] = 1 + int(SHORTEST_ROUND / _seconds(call, 1, clock))
    for _ in range(rounds):
        for name, call in contestants.items():
            times[name].append(_seconds(call, repeats[name], clock))
    return {name: float(np.median(taken)) for name, taken in times.items()}


def _seconds(call: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    begin = clock()
    for _ in range(repeats):
        call()
    return (clock() - begin) / repeats


def _linear_rates(system, theta, reference, rounds, batch, horizon) -> dict[str, float]:
    rng = np.random.default_rng(0)
    starts = system.start(rng, batch)
    noise = rng.standard_normal((batch, horizon, len(system.action_names)))
    its_noise = np.ascontiguousarray(noise.transpose(1, 2, 0)).transpose(2, 0, 1)
    contestants = {
        f"mollify_{batch}": lambda: rollout(system, theta, starts, sigma=LINEAR_SIGMA, noise=noise),
        f"vs_numpy_{batch}": lambda: numpy_rollout(
            reference, system, theta, starts, its_noise, LINEAR_SIGMA
        ),
    }
    seconds = _medians(contestants, rounds)
    return {name: batch * horizon / taken for name, taken in seconds.items()}


def _hopper_rates(rounds: int, horizon: int, threads: int) -> dict[str, float]:
    system = hopper.hopper()
    rng = np.random.default_rng(0)
    theta = system.policy.initial(rng)
    starts = system.start(rng, HOPPER_BATCH)
    noise = rng.standard_normal((HOPPER_BATCH, horizon, hopper.ACTUATORS))
    closed = rollout(system, theta, starts, sigma=HOPPER_SIGMA, noise=noise, threads=threads)

    # The contestants get the same starts and, step by step, the same torques.
    stock = mujoco.MjModel.from_xml_path(str(hopper.model_path()))
    simulations = [mujoco.MjData(stock) for _ in range(threads)]
    initial = np.concatenate([np.zeros((HOPPER_BATCH, 1)), starts], axis=1)
    control = np.repeat(np.clip(closed.actions, -1, 1), hopper.FRAME_SKIP, axis=1)
    vector = gymnasium.make_vec(
        "Hopper-v5",
        num_envs=HOPPER_BATCH,
        vectorization_mode="sync",
        terminate_when_unhealthy=False,
    )

    def open_loop() -> None:
        with stock_clock():
            pool.rollout(stock, simulations, initial, control)

    def vector_loop() -> None:
        with stock_clock():
            observations, _ = vector.reset(seed=0)
            for t in range(horizon):
                mean = system.policy.mean(theta, observations)
                observations, *_ = vector.step(mean + HOPPER_SIGMA * noise[:, t])

    with mujoco.rollout.Rollout(nthread=threads) as pool, contextlib.closing(vector):
        seconds = _medians(
            {
                "mollify": lambda: rollout(
                    system, theta, starts, sigma=HOPPER_SIGMA, noise=noise, threads=threads
                ),
                "vs_mujoco_rollout": open_loop,
                "vs_sync_vector_env": vector_loop,
            },
            rounds,
        )
    return {name: HOPPER_BATCH * horizon / taken for name, taken in seconds.items()}


@contextlib.contextmanager
def stock_clock() -> Iterator[None]:
    """Give MuJoCo its profiling clock back, which the library's hopper switches off."""
    slot = ctypes.c_void_p.in_dll(hopper.library(), "mjcb_time")
    mujoco.set_mjcb_time(None)
    try:
        yield
    finally:
        slot.value = None
