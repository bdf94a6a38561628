"""What the paper says about the hopper, recomputed from the stored runs."""

import contextlib

import gymnasium
import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from mollify import statistics, store
from mollify.diagnostics import closed_loop_lyapunov
from mollify.experiments import hopper_integrators, hopper_readings, hopper_steps, mechanism
from mollify.rollout import rollout
from mollify.systems import hopper
from mollify.training import initial_generator


def hopper_units(sigma):
    units = store.load("hopper-stand").units
    return [units[f"sigma-{sigma:g}_seed-{seed}"] for seed in range(5)]


def test_fig_6a_the_smallest_sigma_fails_and_varies_most():
    assert all(unit["deterministic_stands"].mean() < 0.5 for unit in hopper_units(0.005))
    spread = {
        sigma: np.median([unit["returns"].mean(axis=1).std() for unit in hopper_units(sigma)])
        for sigma in (0.005, 0.05, 0.5, 5.0)
    }
    assert max(spread, key=spread.get) == 0.005
    assert spread[0.005] > 2 * spread[0.05]
    dense = store.load("hopper-reading-main")
    found = {}
    for sigma in spread:
        paths = [dense.units[f"seed-{k}_sigma-{sigma:g}"]["returns"] for k in range(20)]
        found[sigma] = statistics.bootstrap(np.std(paths, axis=1), np.random.default_rng(0))
    assert max(found, key=lambda sigma: found[sigma].value) == 0.005
    assert found[0.05].low < found[0.005].low < found[0.05].high
    assert max(found[0.5].high, found[5.0].high) < 0.2 * found[0.005].low


def test_fig_6b_c_d_how_many_seeds_stand():
    def standing(sigma, kind):
        return sum(unit[f"{kind}_stands"].mean() > 0.5 for unit in hopper_units(sigma))

    assert [standing(s, "deterministic") for s in (0.005, 0.05, 0.5, 5.0)] == [0, 1, 3, 5]
    assert [standing(s, "stochastic") for s in (0.005, 0.05, 0.5, 5.0)] == [0, 2, 3, 5]
    intervals = {0: (0.0, 0.43), 1: (0.04, 0.62), 2: (0.12, 0.77), 3: (0.23, 0.88), 5: (0.57, 1.0)}
    for wins, (low, high) in intervals.items():
        rate = statistics.rate(np.arange(5) < wins)
        assert (round(rate.low, 2), round(rate.high, 2)) == (low, high)
    late = [unit["checkpoint_stands"][-2].mean() > 0.5 for unit in hopper_units(0.5)]
    assert sum(late) == 4


def test_fig_6c_more_seeds_on_the_stock_step_stand_as_on_the_coarse_one():
    between = store.load("hopper-integrators")
    for physics in ("rk4-2ms", "euler-2ms", "rk4-8ms"):
        for judged in ("deterministic", "stochastic"):
            found = hopper_integrators.outcomes(between, physics, judged)
            assert found.stands.shape == (1, 8) and (found.stands > 0.5).all()
    published = sum(unit["deterministic_stands"].mean() > 0.5 for unit in hopper_units(0.5))
    assert published + 8 == 11
    stock = statistics.rate(np.arange(13) < 11)
    assert (round(stock.low, 2), round(stock.high, 2)) == (0.58, 0.96)
    assert standing("deterministic")[0.5] == 20
    assert stats.fisher_exact([[11, 2], [20, 0]]).pvalue == pytest.approx(0.15, abs=0.005)


def standing(judged, reading="main"):
    """How many seeds stand, by sigma, in one sweep: of 20 in the main reading, of 8 in others."""
    found = hopper_readings.outcomes(store.load(f"hopper-reading-{reading}"), judged)
    return dict(zip(found.sigmas, (found.stands > 0.5).sum(axis=1), strict=True))


def test_fig_6_dense_where_success_begins_and_that_it_does_not_end():
    for judged in ("deterministic", "stochastic"):
        counts = standing(judged)
        assert [counts[s] for s in (0.005, 0.05, 0.5, 5.0)] == [0, 2, 20, 20]
        assert all(count == 0 for s, count in counts.items() if s < 0.03)
        assert [counts[s] for s in (0.0889, 0.158, 0.281)] == [10, 15, 18]
        assert all(count == 20 for s, count in counts.items() if s >= 0.5)
    for wins, low, high in ((0, 0.0, 0.16), (2, 0.03, 0.30), (20, 0.84, 1.0)):
        rate = statistics.rate(np.arange(20) < wins)
        assert (round(rate.low, 2), round(rate.high, 2)) == (low, high)


def test_fig_6d_large_sigma_fails_where_actions_are_not_cut():
    counts = standing("deterministic", "unclipped")
    assert [counts[s] for s in (0.281, 0.5, 0.889, 1.58, 2.81, 5.0)] == [6, 6, 6, 4, 2, 0]
    assert all(count == 0 for s, count in counts.items() if s < 0.06)
    noisy = standing("stochastic", "unclipped")
    assert [noisy[s] for s in (0.5, 5.0)] == [5, 0]
    rate = statistics.rate(np.zeros(8, dtype=bool))
    assert (rate.low, round(rate.high, 2)) == (0, 0.32)
    assert stats.fisher_exact([[20, 0], [0, 8]]).pvalue < 1e-6


def test_hopper_readings_decide_the_verdicts():
    expected = {
        "main": (93, 100, 0.86, 0.97),
        "unclipped": (24, 40, 0.45, 0.74),
        "no-baseline": (2, 40, 0.01, 0.17),
        "batch-baseline": (15, 40, 0.24, 0.53),
        "total-return": (8, 40, 0.10, 0.35),
        "small-step": (33, 40, 0.68, 0.91),
        "small-weights": (39, 40, 0.87, 1.00),
        "outer-discount": (38, 40, 0.83, 0.99),
        "parameter-noise": (23, 40, 0.42, 0.71),
        "termination": (0, 40, 0.00, 0.09),
    }
    for reading, (count, runs, low, high) in expected.items():
        found = hopper_readings.outcomes(store.load(f"hopper-reading-{reading}"), "deterministic")
        good = found.stands[(found.sigmas > 0.15) & (found.sigmas < 2)].ravel() > 0.5
        rate = statistics.rate(good)
        assert (good.sum(), good.size) == (count, runs)
        assert (round(rate.low, 2), round(rate.high, 2)) == (low, high)
    bare = standing("deterministic", "no-baseline")
    assert sum(bare.values()) == 3 and bare[0.5] == 1
    assert all(count == 0 for s, count in bare.items() if s < 0.4)
    whole = standing("deterministic", "total-return")
    assert all((count == 0) if s < 0.4 else (2 <= count <= 3) for s, count in whole.items())
    batch = standing("deterministic", "batch-baseline")
    assert [count for s, count in batch.items() if s > 0.2] == [1, 3, 6, 5, 7, 7]
    assert sum(count for s, count in batch.items() if s < 0.2) == 0
    fine = standing("deterministic", "small-step")
    assert [fine[s] for s in (0.005, 0.05, 0.5, 5.0)] == [2, 6, 8, 0]
    assert sum(count for s, count in fine.items() if s < 0.02) == 10 == 17 - fine[0.0281]
    assert sum(count for s, count in fine.items() if 0.02 < s < 0.1) == 20
    assert all(count == 8 for s, count in fine.items() if 0.15 < s < 1)
    assert sum(count for s, count in fine.items() if s > 1) == 1
    shaken = standing("deterministic", "parameter-noise")
    assert all(count >= 5 if s < 0.6 else count == 0 for s, count in shaken.items())
    assert shaken[0.005] == 5 and sum(count for s, count in shaken.items() if s < 0.3) == 55
    assert standing("stochastic", "parameter-noise")[0.5] == 3 and shaken[0.5] == 7
    assert sum(standing("deterministic", "termination").values()) == 0
    outer = standing("deterministic", "outer-discount")
    assert sum(outer[s] for s in (0.05, 0.0889)) == 1 and outer[5.0] == 4
    main = standing("deterministic", "main")
    assert sum(main[s] for s in (0.05, 0.0889)) == 12
    assert sum(count for s, count in main.items() if s < 0.02) == 0
    assert sum(count for s, count in main.items() if 0.02 < s < 0.1) == 12
    small = standing("deterministic", "small-weights")
    assert all((count == 0) if s < 0.06 else (count >= 5) for s, count in small.items())


def test_with_termination_training_learns_to_fall():
    ends = store.load("hopper-reading-termination")
    for s in (each for each in ends.settings["sigmas"] if each > 0.2):
        units = [ends.units[f"seed-{k}_sigma-{s:g}"] for k in range(8)]
        first, last = np.median([unit["returns"][[0, -1]] for unit in units], axis=0)
        whole = np.median([np.median(unit["deterministic_returns"]) for unit in units])
        assert first < -19 and -11 < last < -9 and whole < -3000


def test_small_first_weights_start_on_smooth_ground_and_leave_it():
    system = hopper.hopper(time_step=0.008, frame_skip=1)
    light = store.load("hopper-reading-small-weights")

    def rate(theta, k):
        rng = np.random.default_rng(k)
        return closed_loop_lyapunov(system, theta, system.start(rng, 8), rng).value

    firsts = [system.policy.initial(initial_generator(k)) for k in range(4)]
    paths = [light.units[f"seed-{k}_sigma-0.005"]["thetas"] for k in range(4)]
    for first, path in zip(firsts, paths, strict=True):
        np.testing.assert_array_equal(path[0], 0.1 * first)
    assert all(rate(first, k) > 0.02 for k, first in enumerate(firsts))
    assert all(0 < rate(path[0], k) < 0.004 for k, path in enumerate(paths))
    assert sum(rate(path[1], k) > 0.01 for k, path in enumerate(paths)) == 3
    every = np.array([light.units[f"seed-{k}_sigma-0.005"]["thetas"] for k in range(8)])
    ways = np.median(np.linalg.norm(every[:, 1:] - every[:, :1], axis=2), axis=0)
    np.testing.assert_allclose(ways, np.sqrt([25, 50, 75, 100]), rtol=0.05)


def test_claim_hopper_optimum_is_inside_for_short_trainings_only():
    dense = store.load("hopper-reading-main")
    sigmas, seeds = dense.settings["sigmas"], range(20)

    def count(sigma, checkpoint):
        units = [dense.units[f"seed-{k}_sigma-{sigma:g}"] for k in seeds]
        assert units[0]["checkpoints"][checkpoint] == 25 * checkpoint
        return sum(unit["checkpoint_stands"][checkpoint].mean() > 0.5 for unit in units)

    early = {s: count(s, 1) for s in sigmas}
    assert max(early, key=early.get) == 0.5 and early[0.5] == 11
    assert all(early[s] == 0 for s in sigmas if s < 0.03 or s > 1)
    assert [count(s, 2) for s in (0.281, 0.5, 5.0)] == [18, 20, 2]
    assert [count(s, 4) for s in (0.5, 5.0)] == [20, 19]
    costs = -hopper_readings.outcomes(dense, "deterministic").returns
    middle = dict(zip(sigmas, statistics.interquartile_mean(costs), strict=True))
    assert [round(middle[s]) for s in (0.158, 0.281, 0.5, 0.889, 5.0)] == [12, 11, 12, 50, 70]


def test_claim_hopper_random_walk_at_small_sigma():
    dense = store.load("hopper-reading-main")

    def way(sigma):
        paths = np.array([dense.units[f"seed-{k}_sigma-{sigma:g}"]["thetas"] for k in range(20)])
        return np.median(np.linalg.norm(paths[:, 1:] - paths[:, :1], axis=2), axis=0)

    root = np.sqrt([25, 50, 75, 100])
    for sigma in (s for s in dense.settings["sigmas"] if s < 0.06):
        np.testing.assert_allclose(way(sigma), root, rtol=0.11 if sigma == 0.05 else 0.07)
    assert way(5.0)[-1] > 1.5 * root[-1] > 1.5 * 1.1 * way(0.281)[-1]
    assert way(0.005).round(1).tolist() == [5.0, 7.0, 8.7, 9.8]


@pytest.mark.slow
def test_claim_hopper_random_walk_short_steps_do_better_than_one():
    """The other half of the verdict: trainings at small sigma against walks of the same length."""
    system = hopper.hopper(time_step=0.008, frame_skip=1)
    walked = np.zeros(32, dtype=bool)
    for k in range(32):
        theta, rng = system.policy.initial(initial_generator(k)), np.random.default_rng([0, k])
        ways = rng.standard_normal((100, theta.size))
        ways *= 0.1 / np.linalg.norm(ways, axis=1, keepdims=True)
        starts = system.start(rng, 4)
        sample = rollout(system, theta + ways.sum(axis=0), starts, sigma=0.0, horizon=1000)
        walked[k] = hopper.stands(sample.states).mean() > 0.5
    counts = standing("deterministic", "small-step")
    trained = sum(count for s, count in counts.items() if s < 0.02)
    assert (walked.sum(), trained) == (0, 10)
    assert stats.fisher_exact([[0, 32], [10, 14]]).pvalue < 1e-4
    low, high = statistics.rate(np.arange(24) < 10)[1:]
    assert (round(low, 2), round(high, 2)) == (0.24, 0.61)
    assert round(statistics.rate(walked).high, 2) == 0.11


def test_hopper_steps_longer_ones_need_more_noise():
    swept = store.load("hopper-step-size")

    def counts(step):
        found = hopper_steps.outcomes(swept, step, "deterministic")
        return (found.stands > 0.5).sum(axis=1).tolist()

    assert counts(0.316) == [2, 5, 6, 8, 8, 8]
    assert counts(3.16) == [0, 0, 0, 0, 1, 5]

    def half(sigmas, shares):
        """The first sigma at which half of the seeds stand, between the grid's values."""
        last = next(i for i, share in enumerate(shares) if share >= 0.5)
        return np.exp(np.interp(0.5, shares[last - 1 : last + 1], np.log(sigmas[last - 1 :][:2])))

    found = {}
    for step in (0.316, 3.16):
        grid = [hopper_steps.sigma_at(step, ratio) for ratio in swept.settings["ratios"]]
        found[step] = half(np.array(grid), np.array(counts(step)) / 8)
    for step, reading, seeds in ((0.1, "small-step", 8), (1.0, "main", 20)):
        row = standing("deterministic", reading)
        found[step] = half(np.array(list(row)), np.array(list(row.values())) / seeds)
    np.testing.assert_allclose(
        [found[step] for step in (0.1, 0.316, 1.0, 3.16)], [0.0074, 0.0107, 0.0889, 1.37], rtol=0.01
    )


def test_hopper_many_small_steps_stand_in_the_end_at_the_largest_sigma():
    patient = store.load("hopper-many-small-steps")
    runs = [patient.units[hopper_steps.key(0.1, 5.0, k)] for k in range(8)]
    upright = sum(unit["checkpoint_stands"].mean(axis=1) > 0.5 for unit in runs)
    assert upright.tolist() == [0, 0, 0, 0, 0, 3, 6, 7, 8, 8, 8]
    come = np.median([unit["ways"] for unit in runs], axis=0)
    np.testing.assert_allclose(come[[5, 7, 8]], [12.9, 15.1, 16.0], atol=0.05)
    for judged in ("deterministic", "stochastic"):
        assert all(unit[f"{judged}_stands"].mean() > 0.5 for unit in runs)
    assert standing("deterministic", "small-step")[5.0] == 0
    dense = store.load("hopper-reading-main")
    coarse = [dense.units[f"seed-{k}_sigma-5"] for k in range(20)]
    stood = sum(unit["checkpoint_stands"].mean(axis=1) > 0.5 for unit in coarse)
    assert stood.tolist() == [0, 0, 2, 8, 19]
    paths = np.array([unit["thetas"] for unit in coarse])
    ways = np.median(np.linalg.norm(paths - paths[:, :1], axis=2), axis=0)
    np.testing.assert_allclose(ways[2:], [12.6, 14.9, 16.6], atol=0.05)


def test_claim_hopper_unstable_ends():
    dense = store.load("hopper-reading-main")

    def spread(sigma):
        late = [dense.units[f"seed-{k}_sigma-{sigma:g}"]["returns"][50:] for k in range(20)]
        return statistics.bootstrap(np.std(late, axis=1), np.random.default_rng(0))

    found = {sigma: spread(sigma) for sigma in dense.settings["sigmas"]}
    assert [round(found[s].value) for s in (0.889, 5.0)] == [8, 111]
    assert round(found[0.005].value, -2) == 19300
    quiet = found[0.889]
    assert quiet.value == min(interval.value for interval in found.values())
    assert all(found[s].low > quiet.high for s in found if s < 0.4 or s > 2)


def test_claim_hopper_never_positive():
    largest = -np.inf
    for name in ("hopper-reading-main", "hopper-stand"):
        for unit in store.load(name).units.values():
            largest = max(largest, *(v.max() for k, v in unit.items() if k.endswith("returns")))
    assert round(largest, 2) == -1.18
    states, actions = np.random.default_rng(0).normal(0, 3, (2, 1000, 12))
    assert hopper.reward(states, actions[:, :3]).max() < 0


def test_fig_6e_f_rough_before_smooth_after():
    units, jump = store.load("hopper-landscape").units, {}
    for which, unit in units.items():
        jump[which] = np.median(np.abs(np.diff(unit["line_returns"])))
    assert jump["first"] > 1e4 * jump["last"]
    assert jump["failed"] > 1e4 * jump["last"]
    assert units["last"]["stands"].all()
    # Of a smooth curve two jumps in a row are alike; of a ragged one they are not.
    change = {}
    for which, unit in units.items():
        change[which] = np.median(np.abs(np.diff(unit["line_returns"], 2))) / jump[which]
    assert change["last"] < 3e-5
    assert round(change["first"], 1) == 1.9
    assert round(change["failed"], 1) == 2.2


def test_tab_2_names_the_coordinates_of_the_simulator():
    with contextlib.closing(gymnasium.make("Hopper-v5")) as env:
        env.reset(seed=0)
        simulator = env.unwrapped
        position, velocity = np.arange(1.0, 7.0), np.arange(7.0, 13.0) / 10
        simulator.set_state(position, velocity)
        seen = simulator._get_obs()
        joints = [simulator.model.joint(k).name for k in range(simulator.model.njnt)]
    assert joints == ["rootx", "rootz", "rooty", "thigh_joint", "leg_joint", "foot_joint"]
    ours = dict(zip(hopper.STATE_NAMES, [*position, *velocity], strict=True))
    table = ["height", "torso angle", "thigh angle", "leg angle", "foot angle"]
    table += ["x velocity", "vertical velocity"]
    table += ["torso rate", "thigh rate", "leg rate", "foot rate"]
    assert seen.tolist() == [ours[name] for name in table]


def smooth_and_rough():
    """Hölder exponents after training, for sigma from 0.1 to 0.6 and from 0.8 up."""
    probe = store.load("mechanism-hopper")
    found = {"middle": [], "large": []}
    for sigma in probe.settings["sigmas"]:
        place = "middle" if 0.1 < sigma < 0.6 else "large" if sigma > 0.8 else None
        for seed in range(probe.settings["seeds"]) if place else ():
            ground = mechanism.ground(probe, f"after_seed-{seed}_sigma-{sigma:g}")
            found[place].append(ground.exponent(2.0**-28, 2.0**-6).value)
    return np.array(found["middle"]), np.array(found["large"])


def test_claim_hopper_smooth_region_holds_up_to_the_middle_sigmas_only():
    middle, large = smooth_and_rough()
    assert (len(middle), len(large)) == (12, 16)
    assert middle.min() > 0.95
    assert large.max() < 0.2
    for exponents, low in ((middle, 0.76), (large, 0.81)):
        rate = statistics.rate(np.ones(len(exponents), dtype=bool))
        assert round(rate.low, 2) == low
    # The same relay in the published grid, on the stock model.
    stock, foot = hopper.hopper(), {}
    for sigma in (0.5, 5.0):
        theta = store.load_unit("hopper-stand", f"sigma-{sigma:g}_seed-0")["thetas"][-1]
        starts = stock.start(np.random.default_rng(1), 2)
        foot[sigma] = rollout(stock, theta, starts, sigma=0.0, horizon=300).actions[:, 100:, 2]
    switches = {s: np.mean(np.sign(a[:, 1:]) != np.sign(a[:, :-1])) for s, a in foot.items()}
    assert switches[0.5] < 0.05
    assert switches[5.0] > 0.8


def test_claim_hopper_guided_from_chaos_to_stability_in_the_middle():
    probe = store.load("mechanism-hopper")

    def rates(low, high):
        sigmas = [s for s in probe.settings["sigmas"] if low < s < high]
        keys = [f"after_seed-{k}_sigma-{s:g}" for s in sigmas for k in range(4)]
        return np.array([probe.units[key]["lyapunov"][0] for key in keys])

    before = np.array([probe.units[f"before_seed-{k}"]["lyapunov"][0] for k in range(4)])
    assert 0.02 < before.min() < before.max() < 0.075
    middle, large = rates(0.1, 0.6), rates(0.8, 6)
    assert [(found <= 0).sum() for found in (before, middle, large)] == [0, 10, 0]
    assert [len(middle), len(large)] == [12, 16]
    assert middle.max() < before.min()
    assert (large.reshape(-1, 4) > before).sum() == 15
    for found, low, high in ((before, 0, 0.49), (middle, 0.55, 0.95), (large, 0, 0.19)):
        rate = statistics.rate(found <= 0)
        assert (round(rate.low, 2), round(rate.high, 2)) == (low, high)


def test_claim_hopper_gradients_agree_at_large_noise_and_not_at_small():
    look = mechanism.looks(store.load("mechanism-hopper"), "before")
    mean = dict(zip(look.sigmas, look.agreement.mean(axis=1), strict=True))
    assert round(mean[5.0], 2) == 0.52
    assert round(mean[0.005], 2) == -0.01
    small = look.sigmas <= 0.1
    assert np.abs(look.agreement[small].mean(axis=1)).max() < 0.06
    # The noise grows like 1/sigma around three of four first policies; one is nearly smooth.
    x = np.log(look.sigmas[look.sigmas < 0.5])
    powers = np.polyfit(x, np.log(look.noise[: len(x)]), 1)[0]
    assert np.sort(np.abs(powers + 1))[:3].max() < 0.15


def test_claim_hopper_without_the_cut_the_gradient_dies_at_both_ends_and_the_ground_is_smooth():
    probe = store.load("mechanism-hopper-unclipped")
    look = mechanism.looks(probe, "before")
    mean = dict(zip(look.sigmas, look.agreement.mean(axis=1), strict=True))
    assert max(mean, key=mean.get) == 0.889
    assert (round(mean[0.889], 2), abs(round(mean[5.0], 2))) == (0.33, 0)
    ratio = dict(zip(look.sigmas, look.signal_to_noise.mean(axis=1), strict=True))
    assert max(ratio, key=ratio.get) == 0.889
    noise = dict(zip(look.sigmas, look.noise.mean(axis=1), strict=True))
    assert noise[5.0] > 3 * noise[0.889] and min(noise, key=noise.get) == 0.889
    ground = [
        mechanism.ground(probe, f"after_seed-{k}_sigma-{s:g}").exponent(2.0**-28, 2.0**-6).value
        for k in range(4)
        for s in (0.5, 0.889, 1.58)
    ]
    assert min(ground) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mechanism-hopper", "mechanism-hopper-unclipped"])
def test_mechanism_gradients_run_again_to_the_same_bits(name):
    probe = store.load(name)
    unit = probe.units["after_seed-1_sigma-0.5"]
    theta = store.load_unit(probe.settings["trained_by"], "seed-1_sigma-0.5")["thetas"][-1]
    system = mechanism._hopper_system(probe.settings)
    few = probe.settings | {"estimates": 3}
    with threadpool_limits(limits=1):
        fresh, returns = mechanism._gradients(system, theta, few, 1, mechanism.GRADIENT_STREAM, 0.5)
    np.testing.assert_array_equal(returns, unit["returns"][0][:3])
    np.testing.assert_allclose(fresh, unit["gradients"][0][:3], rtol=1e-9)
