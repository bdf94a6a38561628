"""What the paper says about the pendulums, recomputed from the stored runs."""

import numpy as np
from scipy.linalg import solve_discrete_are

from mollify import regularity, statistics, store
from mollify.experiments import random_policies
from mollify.rollout import rollout
from mollify.systems import double_pendulum as pendulum

# double pendulum


def pendulum_jacobian(theta, time_step=0.01, upright=True):
    system = pendulum.double_pendulum(time_step, upright=upright)
    nudge = 1e-6 * np.concatenate([np.eye(4), -np.eye(4)])
    after = rollout(system, theta, nudge, sigma=0.0, horizon=1).states[:, 1]
    return (after[:4] - after[4:]).T / 2e-6


def settled_at_last(name, reading="main"):
    results = store.load(name)
    return {
        sigma: results.units[f"{reading}_sigma-{sigma:g}"]["success"][:, -1]
        for sigma in results.settings["sigmas"]
    }


def test_fig_7a_every_seed_settles_in_the_main_reading():
    results = store.load("double-pendulum")
    for integrator in ("euler", "rk4"):
        for sigma in results.settings["sigmas"]:
            unit = results.units[f"{integrator}_reward-to-go-time_sigma-{sigma:g}"]
            assert not unit["success"][:, 0].any()
            assert unit["success"][:, -1].all()
            without = results.units[f"{integrator}_total-return-none_sigma-{sigma:g}"]
            assert 5 <= without["success"][:, -1].sum() <= 13
    sweep = settled_at_last("double-pendulum-readings")
    won = np.concatenate([success for sigma, success in sweep.items() if sigma <= 3])
    assert len(won) == 260
    assert won.all()
    assert round(statistics.rate(won).low, 3) == 0.985


def test_fig_7b_last_policies_have_smooth_landscapes():
    units = store.load("double-pendulum-landscapes").units
    assert units["first"]["quadratic_share"].min() > 0.999999
    trained = [unit for name, unit in units.items() if name != "first"]
    share = np.concatenate([unit["quadratic_share"] for unit in trained])
    exponents = np.concatenate([unit["exponents"] for unit in trained])
    assert len(share) == 60
    assert round(share.min(), 2) == 0.97
    assert (exponents[..., 0] > 1).all()
    assert round(statistics.rate((exponents[..., 0] > 1).all(axis=1)).low, 2) == 0.94


def test_fig_9b_theta_0_is_upright():
    weight = pendulum.MASS * pendulum.GRAVITY
    angles = np.linspace(-np.pi, np.pi, 181)
    first, second = np.meshgrid(angles, angles)
    height = pendulum.CENTRE * np.cos(first) + pendulum.LENGTH * np.cos(first)
    energy = weight * (height + pendulum.CENTRE * np.cos(first + second))
    highest = np.unravel_index(energy.argmax(), energy.shape)
    assert abs(first[highest]) < 1e-9
    assert abs(second[highest]) < 1e-9
    still = np.zeros((1, 4))
    push = 1e-3 * np.array([[1.0, 1.0, 0.0, 0.0]])
    system = pendulum.double_pendulum()
    after = rollout(system, np.zeros(8), np.concatenate([still, push]), sigma=0.0, horizon=1)
    assert not after.states[0].any()
    assert after.states[1, -1, 2] > 0


def test_claim_pendulum_signs_only_one_pair_is_unstable_and_trainable():
    rates = {
        (upright, sign): np.abs(
            np.linalg.eigvals(pendulum_jacobian(pendulum.initial_theta(sign), upright=upright))
        ).max()
        for upright in (True, False)
        for sign in (1, -1)
    }
    assert 1 < rates[True, 1] < 1.001
    assert rates[False, 1] < 1
    assert min(rates[True, -1], rates[False, -1]) > 1.4
    results = store.load("double-pendulum-readings")
    names = {"main": 1.0, "upright-minus": 0.0, "hanging-plus": 1.0, "hanging-minus": 0.0}
    for name, share in names.items():
        units = [results.units[f"{name}_sigma-{s:g}"] for s in results.settings["sigmas"][:9]]
        after = np.concatenate([unit["success"][:8, -1] for unit in units])
        before = np.concatenate([unit["success"][:8, 0] for unit in units])
        assert len(after) == 72
        assert after.mean() == share
        assert before.mean() == (name == "hanging-plus")


def test_claim_pendulum_start_grows_by_a_few_percent_a_second():
    growth = np.log(np.abs(np.linalg.eigvals(pendulum_jacobian(pendulum.initial_theta()))))
    growth = np.sort(growth) / 0.01
    assert round(growth[-1], 3) == 0.025
    assert growth[-2] < -3
    starts = store.load("double-pendulum-starts").units["distance-3"]["success"]
    assert starts[:, 0].sum() == 14
    assert len(starts) == 40


def test_claim_pendulum_lqr_is_nearly_reached_and_not_beaten_and_is_not_k0():
    system = pendulum.double_pendulum()
    plant = pendulum_jacobian(np.zeros(8))
    push = 1e-3 * np.eye(2)[:, None]
    after = rollout(system, np.zeros(8), np.zeros((2, 4)), sigma=1.0, noise=push).states[:, 1]
    inputs = after.T / 1e-3
    cost, effort = np.diag([5, 5, 0.5, 0.5]), 0.00005 * np.eye(2)
    p = solve_discrete_are(plant, inputs, cost, effort)
    gain = np.linalg.solve(effort + inputs.T @ p @ inputs, inputs.T @ p @ plant)
    theta = pendulum.POLICY.pack(gain)
    best = rollout(system, theta, system.start(None, 1), sigma=0.0).returns()[0]
    assert np.linalg.norm(theta - pendulum.initial_theta()) > np.linalg.norm(pendulum.PRINTED_GAIN)
    assert round(best, 2) == -13.26
    unit = store.load("double-pendulum-readings").units["main_sigma-0.3"]
    found = statistics.bootstrap(unit["deterministic"][:, -1], np.random.default_rng(0))
    assert round(found.value, 1) == -13.8
    assert 1 < found.value / best < 1.05
    readings = store.load("double-pendulum-readings")
    main = [readings.units[f"main_sigma-{s:g}"] for s in readings.settings["sigmas"]]
    assert max(unit["deterministic"].max() for unit in main) < best


def test_claim_pendulum_readings_small_sigma_fails_without_a_good_baseline():
    groups = {"small": 0.1, "large": 3.0}
    expected = {
        "total-return-no-baseline": (12, 25),
        "no-baseline": (22, 43),
        "batch-baseline": (16, 48),
        "main": (140, 120),
        "total-return": (56, 48),
        "outer-discount": (56, 48),
        "parameter-noise": (56, 48),
        "rk4": (56, 48),
        "bias": (56, 48),
        "step-0.1": (56, 48),
    }
    for reading, counts in expected.items():
        won = settled_at_last("double-pendulum-readings", reading)
        small = sum(int(w.sum()) for sigma, w in won.items() if sigma <= groups["small"])
        large = sum(int(w.sum()) for sigma, w in won.items() if 0.1 < sigma <= groups["large"])
        assert (small, large) == counts, reading


def test_claim_pendulum_large_sigma_finds_another_optimum():
    results = store.load("double-pendulum-readings")
    won = settled_at_last("double-pendulum-readings")
    assert (won[3.0].sum(), won[5.6].sum(), won[10.0].sum()) == (20, 7, 6)
    units = {s: results.units[f"main_sigma-{s:g}"] for s in (0.3, 3.0, 5.6, 10.0)}
    for sigma, unit in units.items():
        flips = [np.linalg.eigvals(pendulum_jacobian(t)).real.min() < -1 for t in unit["theta"]]
        assert sum(flips) == (20 if sigma > 3 else 0)
    system = pendulum.double_pendulum()
    noise = np.random.default_rng(1).standard_normal((16, 1000, 2))

    def judged(theta, sigma):
        starts = system.start(None, 16)
        return rollout(system, theta, starts, sigma=sigma, noise=noise).returns().mean()

    for sigma in (5.6, 10.0):
        own = np.array([judged(theta, sigma) for theta in units[sigma]["theta"]])
        other = np.array([judged(theta, sigma) for theta in units[0.3]["theta"]])
        assert statistics.difference(own, other, np.random.default_rng(0)).low > 100
        without = units[sigma]["deterministic"][:, -1]
        assert without.max() < units[0.3]["deterministic"][:, -1].min() - 100


def test_claim_pendulum_fractal_start_has_an_interior_optimum_of_sigma():
    growth = np.abs(np.linalg.eigvals(pendulum_jacobian(pendulum.initial_theta(), 0.03))).max()
    assert round(np.log(growth), 3) == 0.272
    won = settled_at_last("double-pendulum-coarse")
    assert won[0.003].sum() == 9
    inside = np.concatenate([w for sigma, w in won.items() if 0.18 <= sigma <= 1])
    above = np.concatenate([w for sigma, w in won.items() if sigma > 1])
    assert inside.all()
    assert len(inside) == 80
    assert not above.any()
    assert statistics.rate(won[0.003]).high < statistics.rate(inside).low
    final = store.load("double-pendulum-coarse").units["main_sigma-0.3"]["theta"][0]
    system, offsets = pendulum.double_pendulum(0.03), 1e-4 * (np.arange(513) - 256)
    for k in range(8):
        direction = np.random.default_rng(k).normal(size=8)
        direction /= np.linalg.norm(direction)
        for centre, is_rough in ((pendulum.initial_theta(), True), (final, False)):
            line = centre + offsets[:, None] * direction
            sample = rollout(system, line, system.start(None, 513), sigma=0.0)
            found = regularity.holder_exponent(sample.returns(0.99), 1e-4, low=1e-4, high=8e-4)
            assert (found.value + 2 * found.standard_error < 0.2) == is_rough
            assert (found.value - 2 * found.standard_error > 1) != is_rough


def test_claim_pendulum_fine_tuning_needs_a_close_start():
    units = store.load("double-pendulum-starts").units
    after = [int(units[f"distance-{d}"]["success"][:, 1].sum()) for d in (0, 3, 6, 12, 25, 50, 100)]
    assert after == [40, 40, 37, 28, 19, 9, 0]


def rough_lines(name, links, window=0):
    """Which random policies have an exponent below 1 by more than two standard errors."""
    value, error = random_policies.gather(name, links)["exponents"][:, window, 0].T
    return value + 2 * error < 1


def test_fig_2_share_of_rough_random_policies():
    double, fine = (rough_lines("random-policies", 2, window) for window in (0, 1))
    single = rough_lines("random-policies", 1)
    assert len(double) == len(fine) == len(single) == 500
    assert (double.sum(), fine.sum(), single.sum()) == (102, 7, 2)
    found = statistics.rate(double)
    assert (round(found.low, 2), round(found.high, 2)) == (0.17, 0.24)
    assert found.low > statistics.rate(single).high
    lines = random_policies.gather("random-policies", 2)["line"].astype(float)
    jitter = np.sqrt(np.mean(np.diff(lines, 2, axis=1) ** 2, axis=1)) / np.ptp(lines, axis=1)
    assert (double & (jitter > 0.01)).sum() == 71
    planes = store.load("random-policies-landscape").units
    order = random_policies.ranked("random-policies", 2)
    assert planes["links-2_quantile-0"]["index"] == order[0]
    assert planes["links-2_quantile-0.5"]["index"] == order[250]


def test_claim_pendulum_exponent_finite_rates_break_the_promise_uniform_ones_keep_it():
    found = random_policies.gather("random-policies", 2)
    value, error = found["exponents"][:, 0, 1].T
    broken = {}
    for rate in ("finite", "window", "single"):
        promise = np.array([regularity.holder_bound(each, 0.99) for each in found[rate]])
        broken[rate] = int((value + 2 * error < promise).sum())
    assert broken == {"finite": 199, "window": 0, "single": 0}
