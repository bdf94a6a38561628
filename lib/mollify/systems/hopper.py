"""The hopper of Gymnasium (Hopper-v5) in MuJoCo, asked to stand (Section 6, Appendix F.1).

The closed loop is compiled by numba and calls `mj_step` through its symbol, so that a whole
trajectory runs without the interpreter. Three exact changes make the stock model cheaper; none
alters a bit of a trajectory (the tests replay recorded actions through Hopper-v5):

- the pairs of geoms that can touch are listed, which spares the broad phase;
- islands, camera and light are left out: the hopper is one island and nobody looks at it here;
- the engine's profiling clock is switched off.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import math
import threading
from pathlib import Path

import gymnasium
import llvmlite.binding
import mujoco
import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from mollify import checks
from mollify.policies import TanhPolicy
from mollify.systems import System, Training

STOCK_TIME_STEP = 0.002
FRAME_SKIP = 4
RESET_NOISE = 5e-3
VELOCITY_LIMIT = 10.0
TORQUE_LIMIT = 1.0
TRAINING = Training(batch=32, epochs=100, horizon=1000, discount=0.99, step=1.0)
SIGMAS = (0.005, 0.05, 0.5, 5.0)
POSITIONS = 6
ACTUATORS = 3

STATE_NAMES = (
    *("x", "height", "torso angle", "thigh angle", "leg angle", "foot angle"),
    *("x velocity", "vertical velocity", "torso rate", "thigh rate", "leg rate", "foot rate"),
)
ACTION_NAMES = ("thigh torque", "leg torque", "foot torque")

INTEGRATORS = {
    "rk4": mujoco.mjtIntegrator.mjINT_RK4,
    "euler": mujoco.mjtIntegrator.mjINT_EULER,
}

STANDING_HEIGHT = 0.7
STANDING_ANGLE = 0.2


class LibraryError(checks.BookError):
    """The MuJoCo library lacks a symbol the closed loop calls."""


@functools.cache
def library() -> ctypes.CDLL:
    """Load libmujoco, check its symbols, silence its clock and its log file."""
    folder = Path(mujoco.__file__).parent
    names = [*folder.glob("libmujoco.so*"), *folder.glob("libmujoco*.dylib")]
    names += folder.glob("mujoco*.dll")
    if not names:
        raise LibraryError(f"MuJoCo {mujoco.__version__} has no shared library beside its package")
    found = ctypes.CDLL(str(names[0]))
    for symbol in ("mj_step", "mj_forward", "mj_resetData", "mjcb_time", "mju_user_warning"):
        if not hasattr(found, symbol):
            raise LibraryError(
                f"MuJoCo {mujoco.__version__} has no symbol {symbol}; "
                "requirements.txt names a version that has it"
            )
    llvmlite.binding.load_library_permanently(str(names[0]))
    ctypes.c_void_p.in_dll(found, "mjcb_time").value = None
    # Warnings are counted after each trajectory; without a handler MuJoCo logs them to a file.
    handler = ctypes.cast(_ignore_warning, ctypes.c_void_p).value
    ctypes.c_void_p.in_dll(found, "mju_user_warning").value = handler
    return found


@ctypes.CFUNCTYPE(None, ctypes.c_char_p)
def _ignore_warning(message: bytes) -> None:
    del message


_mj_step = types.ExternalFunction("mj_step", types.void(types.intp, types.intp))
_mj_forward = types.ExternalFunction("mj_forward", types.void(types.intp, types.intp))
_mj_reset_data = types.ExternalFunction("mj_resetData", types.void(types.intp, types.intp))


def model_path() -> Path:
    """The model file of Gymnasium's Hopper-v5."""
    return Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "hopper.xml"


@functools.cache
def lean_model(
    time_step: float = STOCK_TIME_STEP, integrator: str = "rk4", clipped: bool = True
) -> mujoco.MjModel:
    """Gymnasium's hopper with the same physics and less bookkeeping (see the module's text)."""
    spec = mujoco.MjSpec.from_file(str(model_path()))
    stock = spec.compile()
    for a, b in itertools.combinations(range(stock.ngeom), 2):
        if _can_touch(stock, a, b):
            pair = spec.add_pair(geomname1=stock.geom(a).name, geomname2=stock.geom(b).name)
            pair.condim = int(max(stock.geom_condim[a], stock.geom_condim[b]))
            pair.margin = stock.geom_margin[a] + stock.geom_margin[b]
            pair.solimp, pair.solref = stock.geom_solimp[a], stock.geom_solref[a]
            slide, spin, roll = np.maximum(stock.geom_friction[a], stock.geom_friction[b])
            pair.friction = [slide, slide, spin, roll, roll]
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
    for unseen in [*spec.cameras, *spec.lights]:
        spec.delete(unseen)
    model = spec.compile()
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND
    model.opt.timestep = time_step
    model.opt.integrator = INTEGRATORS[integrator]
    if not clipped:
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CLAMPCTRL
    return model


def _can_touch(model: mujoco.MjModel, a: int, b: int) -> bool:
    """MuJoCo's own filter: not the same body, nor parent and child, unless one is the world."""
    one, two = int(model.geom_bodyid[a]), int(model.geom_bodyid[b])
    related = model.body_parentid[one] == two or model.body_parentid[two] == one
    return one != two and (not related or 0 in (one, two))


def observe(states: NDArray) -> NDArray:
    """Hopper-v5's observation s_1..s_11 of states (..., 12): no x, velocities cut at +-10."""
    velocity = np.clip(states[..., POSITIONS:], -VELOCITY_LIMIT, VELOCITY_LIMIT)
    return np.concatenate([states[..., 1:POSITIONS], velocity], axis=-1)


def reward(states: NDArray, actions: NDArray, *, torque_limit: float = TORQUE_LIMIT) -> NDArray:
    """R(s, a) of Appendix F.1 for states (..., 12) and actions (..., 3), in plain numpy.

    The action cost takes the torque the actuators apply, that is the clipped action.
    """
    s = observe(states)
    clipped = np.clip(actions, -torque_limit, torque_limit)
    angles, rates = s[..., 1:5], s[..., 5:11]
    return -((angles**2).sum(-1) + 0.1 * (rates**2).sum(-1)) - 0.001 * np.sqrt((clipped**2).sum(-1))


def start(rng: np.random.Generator, batch: int) -> NDArray:
    """Hopper-v5's initial states: rest pose plus uniform noise of 0.005; shape (batch, 12)."""
    batch = checks.count("batch", batch)
    rest = np.concatenate([lean_model().qpos0, np.zeros(POSITIONS)])
    return rest + rng.uniform(-RESET_NOISE, RESET_NOISE, (batch, 2 * POSITIONS))


def stands(states: NDArray, last: int = 200) -> NDArray:
    """Success by posture, for states (B, H + 1, 12); shape (B,), bool.

    The torso stays higher than 0.7 m and within 0.2 rad of upright over the `last` steps, the
    limits inside which Hopper-v5 itself calls a hopper healthy.
    """
    return ~fallen(states[:, -last:]).any(axis=1)


def fallen(states: NDArray) -> NDArray:
    """Whether each of the states (..., 12) is outside the healthy limits; shape (...,), bool."""
    return ~((states[..., 1] > STANDING_HEIGHT) & (np.abs(states[..., 2]) < STANDING_ANGLE))


def hopper(
    time_step: float = STOCK_TIME_STEP,
    frame_skip: int = FRAME_SKIP,
    *,
    integrator: str = "rk4",
    torque_limit: float | None = TORQUE_LIMIT,
    terminates: bool = False,
) -> System:
    """The hopper stand task.

    time_step, frame_skip: the integrator's step in seconds and how many of them one decision
    lasts; integrator: "rk4" or "euler". Gymnasium's are 0.002, 4 and "rk4".
    torque_limit: actuators apply the action cut at this size (1 in Gymnasium); None: uncut.
    terminates: an episode ends where the hopper falls, as in Hopper-v5 (the paper's does not).
    Raises ArgumentError, or LibraryError if MuJoCo lacks a symbol.
    """
    time_step = checks.positive("time_step", time_step)
    frame_skip = checks.count("frame_skip", frame_skip)
    checks.choice("integrator", integrator, INTEGRATORS)
    limit = np.inf if torque_limit is None else checks.positive("torque_limit", torque_limit)
    if TORQUE_LIMIT < limit < np.inf:
        raise checks.ArgumentError(
            f"torque_limit must be at most {TORQUE_LIMIT:g}, where the actuators cut, or None, "
            f"got {limit:g}"
        )
    return System(
        name="hopper",
        state_names=STATE_NAMES,
        action_names=ACTION_NAMES,
        time_step=time_step * frame_skip,
        policy=TanhPolicy(observation_size=11, action_size=ACTUATORS, width=16),
        training=TRAINING,
        start=start,
        observe=observe,
        drive=functools.partial(_drive, (time_step, integrator, limit < np.inf), frame_skip, limit),
        ended=fallen if terminates else None,
    )


def without_physics() -> System:
    """The stock closed loop with no physics step in it, to time what the physics costs."""
    physics = (STOCK_TIME_STEP, "rk4", True)
    return hopper()._replace(drive=functools.partial(_drive, physics, 0, TORQUE_LIMIT))


def skeleton(positions: NDArray) -> tuple[NDArray, NDArray]:
    """Where the four capsules are, seen from the side.

    positions (F, 6): the first half of the state. Returns both ends (x, z) of torso, thigh, leg
    and foot in metres, (F, 4, 2, 2), and their diameters (4,).
    """
    positions = checks.finite_array("positions", positions, (None, POSITIONS))
    model = mujoco.MjModel.from_xml_path(str(model_path()))
    data = mujoco.MjData(model)
    capsules = [g for g in range(model.ngeom) if model.geom_bodyid[g] != 0]
    half = model.geom_size[capsules, 1]
    ends = np.empty((len(positions), len(capsules), 2, 2))
    for frame, q in enumerate(positions):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        centre = data.geom_xpos[capsules]
        along = data.geom_xmat[capsules].reshape(-1, 3, 3)[:, :, 2] * half[:, None]
        ends[frame, :, 0], ends[frame, :, 1] = (centre + along)[:, ::2], (centre - along)[:, ::2]
    return ends, 2 * model.geom_size[capsules, 0]


_local = threading.local()


def _simulation(physics: tuple[float, str, bool]) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """The lean model and this thread's own simulation of it."""
    if not hasattr(_local, "simulations"):
        _local.simulations = {}
    if physics not in _local.simulations:
        model = lean_model(*physics)
        _local.simulations[physics] = model, mujoco.MjData(model)
    return _local.simulations[physics]


def _drive(
    physics, frame_skip, limit, weights, starts, noise, sigma, states, actions, rewards, faults
) -> None:
    library()
    model, data = _simulation(physics)
    closed_loop(
        *(model._address, data._address, data.qpos, data.qvel, data.ctrl, data.warning.number),
        *(frame_skip, limit, *weights, starts, noise, sigma, states, actions, rewards, faults),
    )


@njit(nogil=True, cache=True)
def closed_loop(
    model, data, qpos, qvel, ctrl, warnings,
    frame_skip, limit, first, second, starts, noise, sigma, states, actions, rewards, faults,
):  # fmt: skip
    """Drive one simulation through every trajectory of the batch, one after the other."""
    batch, horizon, m = noise.shape
    nq, width = qpos.size, first.shape[1]
    s = np.empty(2 * nq - 1)
    hidden = np.empty(width)
    for i in range(batch):
        w = i if first.shape[0] > 1 else 0
        _mj_reset_data(model, data)
        for k in range(nq):
            qpos[k] = starts[i, k]
            qvel[k] = starts[i, nq + k]
        _mj_forward(model, data)
        for t in range(horizon):
            for k in range(nq):
                states[i, t, k] = qpos[k]
                states[i, t, nq + k] = qvel[k]
                if k > 0:
                    s[k - 1] = qpos[k]
                s[nq - 1 + k] = min(max(qvel[k], -VELOCITY_LIMIT), VELOCITY_LIMIT)
            for h in range(width):
                z = 0.0
                for k in range(s.size):
                    z += first[w, h, k] * s[k]
                hidden[h] = math.tanh(z)
            effort = 0.0
            for j in range(m):
                a = 0.0
                for h in range(width):
                    a += second[w, j, h] * hidden[h]
                a += sigma * noise[i, t, j]
                actions[i, t, j] = a
                ctrl[j] = min(max(a, -limit), limit)
                effort += ctrl[j] ** 2
            cost = 0.0
            for k in range(1, s.size):
                cost += s[k] ** 2 if k < nq - 1 else 0.1 * s[k] ** 2
            rewards[i, t] = -cost - 0.001 * math.sqrt(effort)
            for _ in range(frame_skip):
                _mj_step(model, data)
        for k in range(nq):
            states[i, horizon, k] = qpos[k]
            states[i, horizon, nq + k] = qvel[k]
        for k in range(warnings.size):
            faults[i] += warnings[k]
