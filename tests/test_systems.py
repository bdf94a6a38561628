"""The hopper's fast path against Gymnasium's Hopper-v5, and what every system promises."""

import gymnasium
import mujoco
import numpy as np
import pytest

from mollify import checks
from mollify.rollout import rollout
from mollify.systems import double_pendulum, hopper, planar_quadrotor

FLOOR = 0


@pytest.fixture(scope="module")
def driven():
    """Four trajectories of 1000 steps under four policies, and the system that drove them."""
    system = hopper.hopper()
    rng = np.random.default_rng(3)
    thetas = np.array([system.policy.initial(rng) for _ in range(4)])
    noise = rng.standard_normal((4, 1000, 3))
    return rollout(system, thetas, system.start(rng, 4), sigma=0.5, noise=noise, threads=2)


def test_replay_through_gymnasium_is_equal_to_the_last_bit(driven):
    environment = gymnasium.make(
        "Hopper-v5", terminate_when_unhealthy=False, disable_env_checker=True
    ).unwrapped
    environment.reset(seed=0)
    self_contacts = np.zeros(len(driven.states), dtype=int)
    for i, (states, actions) in enumerate(zip(driven.states, driven.actions, strict=True)):
        mujoco.mj_resetData(environment.model, environment.data)
        environment.set_state(states[0, :6], states[0, 6:])
        for t, action in enumerate(actions):
            observation, *_ = environment.step(action)
            data = environment.data
            assert np.array_equal(np.r_[data.qpos, data.qvel], states[t + 1]), (i, t)
            assert np.array_equal(observation, hopper.observe(states[t + 1])), (i, t)
            self_contacts[i] += (data.contact.geom != FLOOR).all(axis=1).any()
    environment.close()
    assert (self_contacts > 10).sum() >= 2, self_contacts
    assert not driven.faults.any()


def test_hopper_rewards_match_the_formula(driven):
    plain = hopper.reward(driven.states[:, :-1], driven.actions)
    assert np.allclose(driven.rewards, plain, rtol=1e-13, atol=0)
    s, a = hopper.observe(driven.states[0, 500]), np.clip(driven.actions[0, 500], -1, 1)
    by_hand = -((s[1:5] ** 2).sum() + 0.1 * (s[5:] ** 2).sum()) - 0.001 * np.linalg.norm(a)
    assert hopper.reward(driven.states[0, 500], driven.actions[0, 500]) == pytest.approx(by_hand)
    assert (np.abs(driven.actions) > 1).any()


def test_lean_model_keeps_the_stock_physics():
    stock, lean = mujoco.MjModel.from_xml_path(str(hopper.model_path())), hopper.lean_model()
    for field in ("body_mass", "body_inertia", "dof_damping", "dof_armature", "jnt_range"):
        assert np.array_equal(getattr(stock, field), getattr(lean, field)), field
    for field in ("actuator_gear", "actuator_ctrlrange", "qpos0", "geom_size"):
        assert np.array_equal(getattr(stock, field), getattr(lean, field)), field
    assert stock.opt.timestep == lean.opt.timestep == hopper.STOCK_TIME_STEP
    assert stock.opt.integrator == lean.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4
    assert (stock.ngeom, stock.npair) == (5, 0)
    # Four geoms against the floor, and of the six pairs the three that are no neighbours.
    assert lean.npair == 4 + 3


def test_a_diverging_hopper_is_counted():
    system = hopper.hopper(time_step=0.5)
    rng = np.random.default_rng(0)
    theta, noise = system.policy.initial(rng), rng.standard_normal((2, 50, 3))
    assert rollout(system, theta, system.start(rng, 2), sigma=1, noise=noise).faults.all()


def test_starts_are_hopper_v5s():
    starts = hopper.start(np.random.default_rng(0), 500)
    rest = np.r_[0, 1.25, np.zeros(10)]
    assert np.abs(starts - rest).max() <= hopper.RESET_NOISE
    assert np.abs(starts.mean(axis=0) - rest).max() < 1e-3
    assert starts.std() > 0


def test_standing_is_judged_by_posture():
    states = np.zeros((4, 301, 12))
    states[..., 1] = 1.25
    states[1, 250, 1] = 0.6
    states[2, 250, 2] = -0.3
    states[3, :50, 1] = 0.1
    assert hopper.stands(states).tolist() == [True, False, False, True]


def test_a_missing_library_symbol_is_one_line(monkeypatch):
    monkeypatch.setattr(hopper.ctypes, "CDLL", lambda path: object())
    with pytest.raises(hopper.LibraryError, match="no symbol mj_step") as error:
        hopper.library.__wrapped__()
    assert "\n" not in str(error.value)
    assert isinstance(error.value, checks.BookError)


def test_a_missing_library_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(mujoco, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(hopper.LibraryError, match="no shared library") as error:
        hopper.library.__wrapped__()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "system",
    [hopper.hopper(), double_pendulum.double_pendulum(), planar_quadrotor.planar_quadrotor()],
    ids=lambda system: system.name,
)
def test_every_system_is_consistent(system):
    starts = system.start(np.random.default_rng(0), 3)
    assert starts.shape == (3, len(system.state_names))
    assert system.observe(starts).shape == (3, system.policy.observation_size)
    assert len(system.action_names) == system.policy.action_size
    assert (system.training.horizon, system.training.discount) == (1000, 0.99)
    table = {"hopper": (32, 100), "double_pendulum": (16, 50), "planar_quadrotor": (16, 50)}
    assert (system.training.batch, system.training.epochs) == table[system.name]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: hopper.hopper(time_step=0), "time_step"),
        (lambda: hopper.hopper(frame_skip=0.5), "frame_skip"),
        (lambda: hopper.start(np.random.default_rng(0), -1), "batch"),
    ],
)
def test_bad_arguments_are_named(call, word):
    with pytest.raises(checks.ArgumentError, match=word):
        call()
