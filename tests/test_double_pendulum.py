"""The double pendulum against printed matrices, numpy, energy and convergence order."""

import functools

import numpy as np
import pytest
from numba import njit

from mollify import benchmark, checks
from mollify.experiments import double_pendulum as experiment
from mollify.gradients import Estimator
from mollify.rollout import rollout
from mollify.systems import double_pendulum as pendulum
from mollify.systems import lanes

NO_GAIN = np.zeros(8)
MAIN = experiment.MAIN


def swing(integrator, time_step, seconds=1.0):
    """An unforced swing from one generic state; states (H + 1, 4)."""
    system = pendulum.double_pendulum(time_step, integrator, upright=False)
    start = np.array([[1.0, -0.7, 0.5, 2.0]])
    steps = round(seconds / time_step)
    return rollout(system, NO_GAIN, start, sigma=0, horizon=steps).states[0]


def inertia_matrix(angle2):
    """M(q) as printed."""
    coupling = pendulum.MASS * pendulum.LENGTH * pendulum.CENTRE * np.cos(angle2)
    one = 2 * pendulum.INERTIA + pendulum.MASS * pendulum.LENGTH**2 + 2 * coupling
    both = pendulum.INERTIA + coupling
    return np.array([[one, both], [both, pendulum.INERTIA]])


def energy(state):
    """Kinetic plus potential energy of the hanging pendulum."""
    angles, rates = state[:2], state[2:]
    weight = pendulum.MASS * pendulum.GRAVITY
    first = weight * pendulum.CENTRE * np.cos(angles[0])
    second = weight * (pendulum.LENGTH * np.cos(angles[0]) + pendulum.CENTRE * np.cos(angles.sum()))
    return rates @ inertia_matrix(angles[1]) @ rates / 2 - first - second


def step_matrix(upright, gain_sign):
    """Jacobian of one Euler step of the closed loop at 0, by central differences."""
    system = pendulum.double_pendulum(upright=upright)
    theta, width = pendulum.initial_theta(gain_sign), 1e-6
    ahead = rollout(system, theta, width * np.eye(4), sigma=0, horizon=1).states[:, 1]
    behind = rollout(system, theta, -width * np.eye(4), sigma=0, horizon=1).states[:, 1]
    return ((ahead - behind) / (2 * width)).T


@pytest.mark.parametrize("scale", [1.5, 100.0, 1e6])
def test_sine_cosine_match_the_c_library(scale):
    @njit
    def both(x):
        sines, cosines = np.empty_like(x), np.empty_like(x)
        for i in range(x.size):
            sines[i], cosines[i] = lanes.sine_cosine(x[i])
        return sines, cosines

    x = np.random.default_rng(0).uniform(-scale, scale, 20_000)
    sines, cosines = both(x)
    assert np.abs(sines - np.sin(x)).max() < 5e-16
    assert np.abs(cosines - np.cos(x)).max() < 5e-16
    mirrored = both(-x)
    assert np.array_equal(mirrored[0], -sines)
    assert np.array_equal(mirrored[1], cosines)


@pytest.mark.parametrize("upright", [True, False])
def test_one_step_solves_the_printed_equation(upright):
    rng = np.random.default_rng(1)
    starts, noise = rng.normal(size=(20, 4)), rng.normal(size=(20, 1, 2))
    system = pendulum.double_pendulum(upright=upright)
    states = rollout(system, NO_GAIN, starts, sigma=1.0, noise=noise).states
    ml = pendulum.MASS * pendulum.LENGTH * pendulum.CENTRE
    mg = pendulum.MASS * pendulum.GRAVITY
    for before, after, torque in zip(states[:, 0], states[:, 1], noise[:, 0], strict=True):
        q, rates = before[:2], before[2:]
        twist = ml * np.sin(q[1])
        coriolis = np.array([[-2 * twist * rates[1], -twist * rates[1]], [twist * rates[0], 0]])
        tip = mg * pendulum.CENTRE * np.sin(q.sum())
        tau = -np.array([mg * (pendulum.CENTRE + pendulum.LENGTH) * np.sin(q[0]) + tip, tip])
        tau = -tau if upright else tau
        expected = np.linalg.solve(inertia_matrix(q[1]), tau + torque - coriolis @ rates)
        assert (after[2:] - rates) / system.time_step == pytest.approx(expected, abs=1e-11)
        assert after[:2] == pytest.approx(q + system.time_step * rates, abs=1e-15)


@pytest.mark.parametrize("integrator", lanes.INTEGRATORS)
@pytest.mark.parametrize("upright", [True, False])
def test_kernel_matches_numpy(integrator, upright):
    system = pendulum.double_pendulum(integrator=integrator, upright=upright)
    rng = np.random.default_rng(2)
    starts, noise = system.start(rng, 11), rng.normal(size=(11, 400, 2))
    theta = pendulum.initial_theta()
    ours = rollout(system, theta, starts, sigma=3.0, noise=noise)
    gravity = 1.0 if upright else -1.0
    reference = benchmark.PENDULUM._replace(
        derivative=functools.partial(benchmark.pendulum_derivative, gravity=gravity)
    )
    rk4 = integrator == "rk4"
    plain = benchmark.numpy_rollout(reference, system, theta, starts, noise, 3.0, rk4)
    for name in ("states", "actions", "rewards"):
        assert np.allclose(getattr(ours, name), getattr(plain, name), rtol=0, atol=1e-11), name
    assert not ours.faults.any()
    clipped = np.abs(ours.actions) > pendulum.TORQUE_LIMIT
    assert 0 < clipped.mean() < 1


@pytest.mark.parametrize(("integrator", "order"), [("euler", 1), ("rk4", 4)])
def test_integrators_converge_at_their_order(integrator, order):
    truth = swing("rk4", 1 / 4000)[-1]
    steps = np.array([1 / 100, 1 / 200, 1 / 400])
    errors = [np.abs(swing(integrator, h)[-1] - truth).max() for h in steps]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.15)


def test_unforced_swing_conserves_energy():
    states = swing("rk4", 0.001, seconds=5.0)
    energies = np.array([energy(state) for state in states[::50]])
    assert np.ptp(states[:, 0]) > 1
    assert np.ptp(energies) < 1e-8


def test_refused_steps_are_counted_and_hold_the_state():
    system = pendulum.double_pendulum()
    starts = np.array([[lanes.STATE_LIMIT - 1, 0, 500.0, 0], [-0.2, 0.2, 0, 0]])
    batch = rollout(system, NO_GAIN, starts, sigma=0, horizon=7)
    assert batch.faults.tolist() == [7, 0]
    assert np.array_equal(batch.states[0], np.tile(starts[0], (8, 1)))
    overflow = rollout(system, np.full(8, 1e308), starts[1:], sigma=0, horizon=300)
    assert np.isfinite(overflow.states).all()


def test_actions_keep_the_sample_and_the_cost_takes_what_acts():
    system = pendulum.double_pendulum()
    noise = np.array([[[30.0, -40.0]], [[10.0, -10.0]]])
    batch = rollout(system, NO_GAIN, system.start(None, 2), sigma=1.0, noise=noise)
    assert np.array_equal(batch.actions, noise)
    assert np.array_equal(batch.states[0], batch.states[1])
    expected = -(5 * (0.2**2 + 0.2**2) + 0.00005 * (10.0**2 + 10.0**2))
    assert batch.rewards[:, 0] == pytest.approx([expected, expected], rel=1e-14)
    assert pendulum.reward(batch.states[:, :-1], batch.actions) == pytest.approx(batch.rewards)


def test_only_the_chosen_signs_are_close_to_stabilising_yet_unstable():
    moduli = {
        (upright, sign): np.sort(np.abs(np.linalg.eigvals(step_matrix(upright, sign))))
        for upright in (True, False)
        for sign in (1, -1)
    }
    chosen = moduli[True, 1]
    assert 1.0001 < chosen[-1] < 1.001
    assert (chosen[:-1] < 0.97).all()
    assert moduli[False, 1][-1] < 1
    assert moduli[True, -1][-1] > 1.5
    assert moduli[False, -1][-1] > 1.5


def test_training_starts_at_the_printed_state_with_k_minus_k0():
    system = pendulum.double_pendulum()
    assert system.start(None, 3).tolist() == [[-0.2, 0.2, 0.0, 0.0]] * 3
    mean = system.policy.mean(pendulum.initial_theta(), pendulum.START)
    assert mean == pytest.approx(pendulum.PRINTED_GAIN @ pendulum.START)
    assert np.array_equal(pendulum.initial_theta(-1), -pendulum.initial_theta(1))
    assert system.training == (16, 50, 1000, 0.99, 1.0)


def test_readings_build_what_they_name():
    assert set(experiment.READINGS) == {"main"} | {
        name for name, change in experiment.READINGS.items() if change
    }
    for name, change in experiment.READINGS.items():
        reading = experiment.MAIN_READING | change
        assert set(reading) == set(experiment.MAIN_READING), name
        system, theta = experiment.build(reading)
        assert len(theta) == system.policy.parameter_count == (10 if name == "bias" else 8)
        assert system.time_step == reading["time_step"]
        sample = rollout(system, 0 * theta, np.array([[0.1, 0.0, 0.0, 0.0]]), sigma=0, horizon=5)
        falls = abs(sample.states[0, -1, 0]) > 0.1
        assert falls == (not name.startswith("hanging")), name
        assert np.array_equal(theta[:8], pendulum.initial_theta(-1 if "minus" in name else 1))


def test_displaced_starts_lie_at_their_distance_in_different_directions():
    moves = [experiment.displaced(12.0, seed) - pendulum.initial_theta() for seed in range(3)]
    assert np.linalg.norm(moves, axis=1) == pytest.approx(12.0)
    cosines = np.corrcoef(moves)[np.triu_indices(3, 1)]
    assert (np.abs(cosines) < 0.95).all()


def test_judging_with_noise_tells_a_steady_policy_from_a_shaken_one():
    system, steady = pendulum.double_pendulum(), np.array([[40.0, 20, 15, 5, 20, 20, 5, 5]])
    settings = {"trajectories": 8, "horizon": 600}
    quiet, shaken = (
        experiment.judge_with_noise(system, steady, MAIN, sigma=s, settings=settings)
        for s in (0.01, 30.0)
    )
    plain = rollout(system, steady[0], system.start(None, 1), sigma=0, horizon=600)
    assert quiet["noisy_success"].tolist() == [1.0]
    assert quiet["noisy_return"] == pytest.approx(plain.returns(), rel=0.01)
    assert shaken["noisy_success"].tolist() == [0.0]
    assert shaken["noisy_return"] < 10 * quiet["noisy_return"]
    moved = experiment.judge_with_noise(
        system, steady, Estimator("parameter", "batch"), sigma=1e-9, settings=settings
    )
    assert moved["noisy_return"] == pytest.approx(plain.returns(), rel=1e-6)


def test_quadratic_share_of_a_quadratic_and_of_noise():
    x, y = np.linspace(-1, 1, 21), np.linspace(-2, 2, 31)
    grid = 3 - x + 2 * np.outer(y, x) + y[:, None] ** 2
    assert experiment.quadratic_share(x, y, grid) == pytest.approx(1, abs=1e-12)
    noise = np.random.default_rng(0).normal(size=grid.shape)
    assert experiment.quadratic_share(x, y, noise) < 0.05


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: pendulum.double_pendulum(time_step=0), "time_step"),
        (lambda: pendulum.double_pendulum(time_step=float("nan")), "time_step"),
        (lambda: pendulum.double_pendulum(integrator="rk5"), "integrator"),
        (lambda: pendulum.initial_theta(0), "gain_sign"),
        (lambda: pendulum.start(None, 0), "batch"),
    ],
)
def test_bad_arguments_are_named(call, word):
    with pytest.raises(checks.ArgumentError, match=word) as error:
        call()
    assert "\n" not in str(error.value)
