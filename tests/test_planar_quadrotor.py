"""The planar quadrotor against numpy, its mirror image, free fall and linear control."""

import numpy as np
import pytest

from mollify import benchmark, checks
from mollify.experiments import quadrotor_spike, quadrotor_sweeps
from mollify.experiments.planar_quadrotor import returns_around
from mollify.rollout import rollout
from mollify.systems import lanes
from mollify.systems import planar_quadrotor as quadrotor


def tumble(integrator, time_step, seconds=1.0):
    """A flight under two constant, unequal thrusts; the last state (6,)."""
    system = quadrotor.planar_quadrotor(time_step, integrator)
    theta = system.policy.pack(np.zeros((2, 6)), [5.3, 4.7])
    start = np.array([[0.1, 0.2, -0.3, 0.4, 0.5, -1.0]])
    steps = round(seconds / time_step)
    return rollout(system, theta, start, sigma=0, horizon=steps).states[0, -1]


def step_matrix(time_step, integrator):
    """Jacobian of one step of the closed loop at hover, by central differences."""
    system = quadrotor.planar_quadrotor(time_step, integrator)
    theta, width = quadrotor.initial_theta(), 1e-6
    ahead = rollout(system, theta, width * np.eye(6), sigma=0, horizon=1).states[:, 1]
    behind = rollout(system, theta, -width * np.eye(6), sigma=0, horizon=1).states[:, 1]
    return ((ahead - behind) / (2 * width)).T


@pytest.mark.parametrize("integrator", lanes.INTEGRATORS)
@pytest.mark.parametrize(("time_step", "horizon"), [(0.1, 15), (0.02, 600)])
def test_kernel_matches_numpy(integrator, time_step, horizon):
    system = quadrotor.planar_quadrotor(time_step, integrator, offset=(0.3, -0.4))
    rng = np.random.default_rng(0)
    starts, noise = system.start(rng, 13), rng.normal(size=(13, horizon, 2))
    theta = quadrotor.initial_theta()
    ours = rollout(system, theta, starts, sigma=2.0, noise=noise)
    plain = benchmark.numpy_rollout(
        benchmark.QUADROTOR, system, theta, starts, noise, 2.0, integrator == "rk4"
    )
    for name in ("states", "actions", "rewards"):
        assert np.allclose(getattr(ours, name), getattr(plain, name), rtol=0, atol=1e-9), name
    clipped = (ours.actions < 0) | (ours.actions > quadrotor.THRUST_LIMIT)
    assert 0 < clipped.mean() < 1


@pytest.mark.parametrize("integrator", lanes.INTEGRATORS)
def test_mirror_symmetry_is_exact(integrator):
    system = quadrotor.planar_quadrotor(integrator=integrator)
    rng = np.random.default_rng(1)
    starts, noise = rng.normal(size=(9, 6)), rng.normal(size=(9, 1000, 2))
    theta = quadrotor.initial_theta()
    one = rollout(system, theta, starts, sigma=0.1, noise=noise)
    mirrored = starts * quadrotor.MIRRORED_STATE
    other = rollout(system, theta, mirrored, sigma=0.1, noise=noise[..., ::-1].copy())
    assert np.array_equal(other.states, one.states * quadrotor.MIRRORED_STATE)
    assert np.array_equal(other.actions, one.actions[..., ::-1])
    assert np.array_equal(other.rewards, one.rewards)
    assert np.abs(one.states[..., 4]).max() > 0.1


@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.0, 0.7)])
def test_a_mirror_symmetric_start_never_tilts(offset):
    system = quadrotor.planar_quadrotor(offset=offset)
    batch = rollout(system, quadrotor.initial_theta(), system.start(None, 1), sigma=0)
    assert not batch.states[..., [0, 1, 4, 5]].any()
    assert np.abs(batch.states[0, -1, 2:4]).max() < 1e-12


def test_a_start_beside_the_axis_loses_hover_at_the_printed_step():
    lost = quadrotor.planar_quadrotor(offset=(0.01, 0.0))
    kept = quadrotor.planar_quadrotor(time_step=0.05, offset=(0.01, 0.0))
    theta = quadrotor.initial_theta()
    assert np.abs(rollout(lost, theta, lost.start(None, 1), sigma=0).states[0, -200:, 5]).max() > 1
    assert np.abs(rollout(kept, theta, kept.start(None, 1), sigma=0).states[0, -1]).max() < 1e-6


def test_printed_gain_is_the_lqr_gain_to_the_printed_digits():
    assert np.abs(quadrotor.lqr_gain() - quadrotor.PRINTED_GAIN).max() <= 0.5e-4
    other = quadrotor.lqr_gain(1.0, 0.0001)
    assert np.abs(other - quadrotor.PRINTED_GAIN).max() > 1


def test_linearisation_matches_the_kernel():
    a, b = quadrotor.linearisation()
    closed = np.eye(6) + 0.1 * (a - b @ quadrotor.PRINTED_GAIN)
    assert step_matrix(0.1, "euler") == pytest.approx(closed, abs=1e-8)


@pytest.mark.parametrize("sampling", quadrotor.SAMPLINGS)
def test_printed_gain_holds_hover_up_to_a_twentieth_of_a_second(sampling):
    def radius(time_step):
        return abs(quadrotor.closed_loop_eigenvalues(time_step, sampling)[0])

    assert radius(0.1) > 1.2
    assert all(radius(h) < 1 for h in (0.05, 0.02, 0.01, 0.001))


def test_eigenvalues_match_the_kernel():
    euler = np.abs(np.linalg.eigvals(step_matrix(0.1, "euler"))).max()
    assert euler == pytest.approx(abs(quadrotor.closed_loop_eigenvalues(0.1, "euler")[0]), abs=1e-6)
    # About hover the linear equation is nilpotent of index 4, so that RK4 samples it exactly.
    rk4 = np.abs(np.linalg.eigvals(step_matrix(0.1, "rk4"))).max()
    assert rk4 == pytest.approx(abs(quadrotor.closed_loop_eigenvalues(0.1)[0]), abs=1e-6)


def test_free_fall_is_exact():
    system = quadrotor.planar_quadrotor(integrator="rk4")
    start = np.array([[0.0, 1.0, 0.0, 2.0, 0.0, 3.0]])
    last = rollout(system, np.zeros(14), start, sigma=0, horizon=20).states[0, -1]
    fallen = 2.0 * 2 - quadrotor.GRAVITY * 2.0**2 / 2
    expected = [2.0, 1.0, fallen, 2 - 2 * quadrotor.GRAVITY, 6.0, 3.0]
    assert last == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("integrator", "order"), [("euler", 1), ("rk4", 4)])
def test_integrators_converge_at_their_order(integrator, order):
    truth = tumble("rk4", 1 / 2000)
    steps = np.array([1 / 25, 1 / 50, 1 / 100])
    errors = [np.abs(tumble(integrator, h) - truth).max() for h in steps]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(order, abs=0.15)


def test_refused_steps_are_counted_and_hold_the_state():
    system = quadrotor.planar_quadrotor()
    starts = np.zeros((2, 6))
    starts[0, :2] = 999_999.0, 500.0
    batch = rollout(system, np.zeros(14), starts, sigma=0, horizon=5)
    assert batch.faults.tolist() == [5, 0]
    assert np.array_equal(batch.states[0], np.tile(starts[0], (6, 1)))


def test_actions_keep_the_sample_and_the_cost_takes_what_acts():
    system = quadrotor.planar_quadrotor(offset=(0.5, -0.25))
    noise = np.array([[[30.0, -40.0]], [[10.0, 0.0]]])
    batch = rollout(system, np.zeros(14), system.start(None, 2), sigma=1.0, noise=noise)
    assert np.array_equal(batch.actions, noise)
    assert np.array_equal(batch.states[0], batch.states[1])
    expected = -(0.5**2 + 0.25**2 + 0.0001 * 10.0**2)
    assert batch.rewards[:, 0] == pytest.approx([expected, expected], rel=1e-14)
    assert quadrotor.reward(batch.states[:, :-1], batch.actions) == pytest.approx(batch.rewards)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: quadrotor.planar_quadrotor(time_step=-1), "time_step"),
        (lambda: quadrotor.planar_quadrotor(integrator="exact"), "integrator"),
        (lambda: quadrotor.planar_quadrotor(offset=(0.0,)), "offset"),
        (lambda: quadrotor.planar_quadrotor(offset=(0.0, float("inf"))), "offset"),
        (lambda: quadrotor.lqr_gain(action_weight=0), "action_weight"),
        (lambda: quadrotor.closed_loop_eigenvalues(sampling="rk4"), "sampling"),
        (lambda: quadrotor.closed_loop_eigenvalues(gain=np.zeros(6)), "gain"),
    ],
)
def test_bad_arguments_are_named(call, word):
    with pytest.raises(checks.ArgumentError, match=word) as error:
        call()
    assert "\n" not in str(error.value)


def test_every_member_of_the_families_loses_hover_as_its_kernel_does():
    for family, values in quadrotor_spike.FAMILIES.items():
        for value in (min(values), max(values)):
            step, integrator, gain = quadrotor_spike.family_member(family, value)
            system = quadrotor.planar_quadrotor(step, integrator)
            theta, width = quadrotor.POLICY.pack(gain, quadrotor.PRINTED_OFFSET), 1e-6
            starts = np.concatenate([np.eye(6), -np.eye(6)]) * width
            ahead, behind = np.split(
                rollout(system, theta, starts, sigma=0, horizon=1).states[:, 1], 2
            )
            slope = (ahead - behind).T / (2 * width)
            found = np.abs(np.linalg.eigvals(slope)).max()
            assert quadrotor_spike.growth(family, value) == pytest.approx(found, abs=1e-6)
            assert found > 1


def test_exponents_recover_a_power_law_with_an_honest_error():
    distances = np.logspace(-10, -2, 49)
    rng = np.random.default_rng(0)
    clean = 3.0 * distances ** np.array([[0.3], [0.5]])
    value, error = quadrotor_spike.exponents(distances, clean)
    assert value == pytest.approx(0.4)
    assert error == pytest.approx(0.1)
    noisy = distances**0.25 * np.exp(0.1 * rng.standard_normal((400, 49)))
    value, error = quadrotor_spike.exponents(distances, noisy)
    assert abs(value - 0.25) < 4 * error
    assert error < 1e-3


def test_losses_are_differences_of_returns():
    system, theta = quadrotor.planar_quadrotor(0.01), quadrotor.initial_theta()
    shifts = 0.1 * quadrotor_spike.random_directions(1, 5)
    lost = quadrotor_spike.losses(system, theta, shifts, horizon=200).sum(axis=1)
    _, whole = returns_around(
        np.concatenate([np.zeros((1, 14)), shifts]), time_step=0.01, offset=[0, 0], horizon=200
    )
    assert lost == pytest.approx(whole[0] - whole[1:], abs=1e-12)
    # One by one they keep a loss that the difference of two returns would round away.
    tiny = quadrotor_spike.losses(
        system, theta, 1e-9 * quadrotor_spike.ANTISYMMETRIC[None], 200
    ).sum()
    assert 0 < tiny < 1e-15


def test_random_directions_are_unit_vectors_and_the_odd_one_breaks_the_mirror():
    directions = quadrotor_spike.random_directions(0, 6)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(6))
    assert np.linalg.matrix_rank(directions) == 6
    gain, offset = quadrotor.POLICY.unpack(quadrotor_spike.ANTISYMMETRIC)
    assert not gain.any()
    assert np.array_equal(offset[::-1], -offset)
    assert np.linalg.norm(offset) == pytest.approx(1)


def test_clipped_score_tells_what_acted():
    plain = quadrotor.planar_quadrotor()
    told = quadrotor_sweeps.clipped_score(plain)
    rng = np.random.default_rng(0)
    noise, starts = rng.standard_normal((3, 50, 2)), plain.start(rng, 3)
    theta = quadrotor.initial_theta()
    one = rollout(plain, theta, starts, sigma=5.0, noise=noise.copy())
    other = rollout(told, theta, starts, sigma=5.0, noise=noise.copy())
    assert np.array_equal(one.states, other.states)
    assert np.array_equal(one.actions, other.actions)
    means = quadrotor.POLICY.mean(theta, one.states[:, :-1])
    acted = np.clip(one.actions, 0, quadrotor.THRUST_LIMIT)
    assert means + 5.0 * other.noise == pytest.approx(acted, abs=1e-9)
    assert not np.allclose(other.noise, one.noise)


def test_mollified_losses_perturb_what_they_say():
    def lost(smoothing, horizon=1, sigma=0.5):
        rng = np.random.default_rng(2)
        shared = dict(samples=2000, horizon=horizon)
        return quadrotor_spike.mollified_losses("hover", 0.1, smoothing, sigma, rng, **shared)

    # After one step only the action's own cost has changed: 0.0001 (|b0 + sigma eps|^2 - |b0|^2).
    for smoothing in quadrotor_spike.SMOOTHINGS:
        mean, error = lost(smoothing)[:, 1].mean(), lost(smoothing)[:, 1].std() / np.sqrt(2000)
        assert abs(mean - 0.0001 * 2 * 0.5**2) < 4 * error
    assert np.array_equal(lost("first action"), lost("every action"))
    assert not np.allclose(lost("first action", 5), lost("every action", 5))


def test_shortest_way_to_a_stable_gain_is_shortest():
    shortest = quadrotor_sweeps.distance_to_stability()

    def radius(change):
        gain = quadrotor.PRINTED_GAIN + change.reshape(2, 6)
        return abs(quadrotor.closed_loop_eigenvalues(0.1, "euler", gain)[0])

    rng = np.random.default_rng(0)
    shorter = rng.standard_normal((2000, 12))
    shorter *= 0.999 * shortest / np.linalg.norm(shorter, axis=1, keepdims=True)
    assert min(radius(change) for change in shorter) > 1
    # Both propellers less on the angular rate: nearly the way of steepest descent.
    simple = np.zeros(12)
    simple[[5, 11]] = -1.05 * shortest / np.sqrt(2), 1.05 * shortest / np.sqrt(2)
    assert radius(simple) < 1
    assert quadrotor_sweeps.distance_to_stability(0.05) == 0


def test_spectral_radius_takes_any_number_of_policies():
    thetas = np.stack([quadrotor.initial_theta(), 0.9 * quadrotor.initial_theta()])[None]
    found = quadrotor_sweeps.spectral_radius(thetas, 0.1, "euler")
    assert found.shape == (1, 2)
    assert found[0, 0] > 1 > found[0, 1]
    held = quadrotor_sweeps.spectral_radius(thetas, 0.08, "rk4")
    assert held[0, 0] == pytest.approx(abs(quadrotor.closed_loop_eigenvalues(0.08, "exact")[0]))


def test_first_return_counts_from_the_first_step():
    curves = np.array([[-5.0, -600, -600, -10, -600], [-5.0, -600, -600, -600, -600]])
    assert quadrotor_sweeps.first_return(curves)[0] == 3
    assert np.isnan(quadrotor_sweeps.first_return(curves)[1])
