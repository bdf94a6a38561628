"""What the paper says about the quadrotor, recomputed from the stored runs."""

import numpy as np
from scipy import special, stats

from mollify import statistics, store
from mollify.experiments import quadrotor_spike, quadrotor_sweeps
from mollify.experiments.planar_quadrotor import FLIES, MAIN, returns_around
from mollify.rollout import rollout
from mollify.systems import planar_quadrotor
from mollify.training import epoch_generator, normalised_step, sample_epoch

HOVER = "hover_step-0.1_reward-to-go-time"


def shares(unit, kind="deterministic"):
    """How many seeds' last policy flies, and the rate with its interval."""
    flies = unit[kind][:, -1] > FLIES
    return int(flies.sum()), statistics.rate(flies)


def two(interval):
    return tuple(round(number, 2) for number in interval[1:])


def cusp_law():
    """Growth, predicted and measured exponents (mean, error, odd direction), symmetric or not."""
    cusp = store.load("quadrotor-cusp")
    rows = []
    for name, unit in cusp.units.items():
        for growth, lost in zip(unit["growth"], unit["loss"], strict=True):
            for k, discount in enumerate(cusp.settings["discounts"]):
                pair = np.repeat(lost[:1, :, k], 2, axis=0)
                rows.append((
                    "aside" not in name,
                    growth,
                    -np.log(discount) / np.log(growth),
                    *quadrotor_spike.exponents(unit["distance"], lost[1:, :, k]),
                    quadrotor_spike.exponents(unit["distance"], pair, 1e-6, 1e-3)[0],
                ))  # fmt: skip
    symmetric, growth, alpha, mean, error, odd = np.array(rows).T
    return symmetric.astype(bool), growth, alpha, mean, error, odd


def test_fig_8a_spike_only_at_the_coarse_step_and_symmetric_starts():
    units = store.load("quadrotor-landscape").units
    for name in ("hover", "above", "aside"):
        for step in ("0.1", "0.01"):
            unit = units[f"{name}_step-{step}"]
            values, middle = unit["undiscounted"], len(unit["axis"]) // 2
            spike = values[middle, middle] - values[middle, middle + 1] > 600
            assert spike == (step == "0.1" and name != "aside")
    line, value = units["hover_step-0.1"]["line"], units["hover_step-0.1"]["line_discounted"]
    centre = len(line) // 2
    window = (line > 1e-10) & (line < 1e-4)
    slope = np.polyfit(np.log(line[window]), np.log(value[centre] - value[window]), 1)[0]
    growth = abs(planar_quadrotor.closed_loop_eigenvalues(0.1, "euler")[0])
    assert round(growth, 3) == 1.234
    assert round(slope, 4) == round(-np.log(0.99) / np.log(growth), 4) == 0.0478


def test_claim_quadrotor_spike_along_forty_lines():
    for name in ("hover", "above"):
        unit = store.load("quadrotor-cuts").units[f"{name}_step-0.1"]
        values, middle = unit["undiscounted"], len(unit["axis"]) // 2
        falls = values[:, middle] - values[:, [middle - 1, middle + 1]].max(axis=1) > 600
        assert falls.sum() == 40
        assert two(statistics.rate(falls)) == (0.91, 1.0)
        assert np.median(np.abs(np.diff(values, axis=1))) < 0.7
    flat = store.load("quadrotor-cuts").units["hover_step-0.01"]["undiscounted"]
    assert np.abs(np.diff(flat, axis=1)).max() < 1


def test_claim_quadrotor_best_policies_from_hover_are_a_flat_space():
    system = planar_quadrotor.planar_quadrotor(0.1)
    thetas = np.tile(planar_quadrotor.initial_theta(), (202, 1))
    thetas[2:, :12] = 10 * np.random.default_rng(0).standard_normal((200, 12))
    thetas[1, :12] = 0
    returns = rollout(system, thetas, system.start(None, 202), sigma=0.0).returns()
    assert len(set(returns[:21])) == 1
    assert np.ptp(returns) < 1e-9
    assert round(returns[0], 2) == -4.81


def test_claim_quadrotor_cusp_law_over_gains_and_clocks():
    symmetric, growth, alpha, mean, error, odd = cusp_law()
    sharp = symmetric & (alpha < 1)
    gap = np.abs(mean - alpha)
    assert sharp.sum() == 206
    assert round(alpha[sharp].min(), 4) == 0.0036
    assert gap[sharp].max() < 0.0041
    assert gap[sharp & (growth < 1.3)].max() < 0.002
    assert (gap[sharp] < np.maximum(2 * error[sharp], 1e-3)).mean() > 0.98
    # The Lipschitz side: 1 in random directions, min(alpha, 2) in the odd one.
    flat = symmetric & (alpha > 2.5)
    assert np.abs(mean[flat] - 1).max() < 0.01
    assert np.abs(odd[flat] - 2).max() < 0.01
    between = symmetric & (alpha > 1) & (alpha < 1.7)
    assert np.abs(odd - alpha)[between].max() < 0.02
    # From aside the law has nothing to say.
    aside = ~symmetric & (growth < 1.3) & (alpha < 0.5)
    assert np.abs(mean[aside] - 1).max() < 0.01


def test_claim_quadrotor_chatter_closes_up_at_the_printed_step_and_parts_at_011():
    rates = {}
    for step in (0.1, 0.11):
        system = planar_quadrotor.planar_quadrotor(step, offset=(0.5, 0.0))
        theta = planar_quadrotor.initial_theta()
        flight = rollout(system, theta, system.start(None, 1), sigma=0.0, horizon=500)
        pairs = np.tile(flight.states[0, -1], (17, 1))
        pairs[1:] += 1e-10 * np.random.default_rng(0).standard_normal((16, 6))
        after = rollout(system, theta, pairs, sigma=0.0, horizon=50).states
        gaps = np.linalg.norm(after[1:] - after[0], axis=-1)
        rates[step] = np.log(gaps[:, 40] / gaps[:, 20]).mean() / 20
    assert rates[0.1] < -0.05
    assert rates[0.11] > 0.1


def mollified_law(sigmas, kappa):
    """The loss of eq-cusp-noise, its amplitude from noiseless flights."""
    cusp = store.load("quadrotor-cusp")
    unit = cusp.units["step_start-hover"]
    place = cusp.settings["families"]["step"].index(0.1)
    root = planar_quadrotor.closed_loop_eigenvalues(0.1, "euler")[0].real
    alpha = -np.log(0.99) / np.log(-root)
    lost = unit["loss"][place, 0, :, cusp.settings["discounts"].index(0.99)]
    inside = unit["distance"] < 1e-4
    amplitude = np.exp(np.mean(np.log(lost / unit["distance"] ** alpha)[inside]))
    moment = 2 ** (alpha / 2) * special.gamma((1 + alpha) / 2) / np.sqrt(np.pi)
    return amplitude * moment * (kappa(root) * sigmas) ** alpha


def test_quadrotor_noise_law_over_six_decades():
    noisy = store.load("quadrotor-mollified").units["hover_step-0.1"]
    small = noisy["sigma"] < 0.02
    for name, kappa in (
        ("first_action", lambda root: (1 - root) / -root),
        ("every_action", lambda root: (1 - root) / np.sqrt(root**2 - 1)),
        ("parameters", lambda root: 1.0),
    ):
        mean, error = (noisy[f"{name}_{part}"][small, 0] for part in ("mean", "error"))
        score = (mean - mollified_law(noisy["sigma"][small], kappa)) / error
        assert len(score) == 19
        # The sum of squares of 19 normal scores: the law may be wrong by less than the noise.
        assert stats.chi2(19).cdf(np.sum(score**2)) < 0.995


def test_claim_quadrotor_any_noise_removes_the_spike():
    units = store.load("quadrotor-mollified").units
    noisy, fine = units["hover_step-0.1"], units["hover_step-0.01"]
    loss, error = noisy["every_action_mean"][:, 0], noisy["every_action_error"][:, 0]
    assert round(loss[0], 1) == 26.1
    assert error[0] < 0.05
    assert round(loss[0] / loss[noisy["sigma"] < 1].max(), 2) == 0.46
    smooth = fine["every_action_mean"][:, 0]
    at = np.argmin(np.abs(fine["sigma"] - 0.1))
    assert round(smooth[at], 4) == 0.0020
    tenfold = smooth[at + 3] / smooth[at]
    assert 90 < tenfold < 115


def test_claim_quadrotor_slight_deviation():
    unit = store.load("quadrotor-cusp").units["step_start-hover"]
    place = int(np.argmin(np.abs(unit["growth"] - 1.2342)))
    smallest = unit["loss"][place, 1:, 0, 4]
    assert unit["distance"][0] == 1e-10
    assert [round(float(loss), 1) for loss in (smallest.min(), smallest.max())] == [17.1, 19.9]


def test_fig_8b_drop_and_return():
    units = store.load("quadrotor-training").units
    coarse = units[f"{HOVER}_delta-0.001"]["deterministic"]
    assert (coarse[:, 0] > -5).all()
    assert (coarse[:, 1:] < -500).all()
    fine = units["hover_step-0.01_reward-to-go-time_delta-0.001"]["deterministic"]
    assert (np.abs(fine - fine[:, :1]) < 0.1).all()
    longer = units[f"{HOVER}_delta-0.03"]["deterministic"]
    assert (longer[:, -1] > FLIES).all()


def test_claim_quadrotor_drop_needs_no_gradient():
    coarse = store.load("quadrotor-training").units[f"{HOVER}_delta-0.001"]["deterministic"]
    drop = statistics.bootstrap(coarse[:, 1], np.random.default_rng(0))
    assert [round(number) for number in drop] == [-636, -637, -634]
    _, blind = returns_around(
        1e-3 * quadrotor_spike.random_directions(0, 40),
        **dict(time_step=0.1, offset=[0.0, 0.0], horizon=1000),
    )
    assert abs(blind.mean() - coarse[:, 1].mean()) < 3


def test_claim_quadrotor_drop_comes_from_the_asymmetric_part_of_the_estimate():
    printed, system = planar_quadrotor.initial_theta(), planar_quadrotor.planar_quadrotor(0.1)
    shared = dict(sigma=planar_quadrotor.SIGMA, batch=16, horizon=1000)
    for seed in range(3):
        _, found = sample_epoch(system, printed, epoch_generator(seed, 0), MAIN, **shared)
        gain, push = planar_quadrotor.POLICY.unpack(found.value)
        even = planar_quadrotor.POLICY.pack(
            (gain + gain[::-1] * planar_quadrotor.MIRRORED_STATE) / 2, (push + push[::-1]) / 2
        )
        steps = [normalised_step(printed, part, 1e-3) for part in (even, found.value - even)]
        returns = rollout(system, np.array(steps), system.start(None, 2), sigma=0.0).returns()
        assert returns[0] > -4.82 and returns[1] < -630
        assert np.linalg.norm(even) > 0.9 * np.linalg.norm(found.value)


def test_claim_quadrotor_never_returns_below_the_border_of_the_budget():
    runs = store.load("quadrotor-delta")
    shortest = quadrotor_sweeps.distance_to_stability()
    border = shortest / runs.settings["epochs"]
    assert round(shortest, 4) == 0.2526
    assert round(border, 4) == 0.0051
    for reading in ("main", "parameter"):
        counts = {
            delta: shares(runs.units[f"{reading}_delta-{delta:g}"])[0]
            for delta in runs.settings["deltas"]
        }
        assert all(counts[delta] == 0 for delta in counts if delta < border)
        assert all(counts[delta] == 20 for delta in counts if 0.01 <= delta <= 0.6)
    main = runs.units["main_delta-0.005623"]
    assert shares(main) == (1, statistics.rate(np.arange(20) == 0))
    assert shares(runs.units["main_delta-0.01"], "stochastic")[0] == 20
    assert shares(runs.units["parameter_delta-0.01"], "stochastic")[0] == 0
    # Seeds that fly have stable gains, seeds that do not have unstable ones.
    for delta in runs.settings["deltas"][:6]:
        unit = runs.units[f"main_delta-{delta:g}"]
        flies = unit["deterministic"][:, -1] > FLIES
        assert ((unit["radius"][:, -1] < 1.005) == flies).all()


def test_claim_quadrotor_epochs_needed():
    runs = store.load("quadrotor-long")
    shortest = quadrotor_sweeps.distance_to_stability()
    for delta, _ in runs.settings["budgets"]:
        unit = runs.units[f"delta-{delta:g}"]
        first = quadrotor_sweeps.first_return(unit["deterministic"])
        assert shares(unit)[0] == 8
        assert (first * delta >= shortest).all()
        assert (first * delta < 0.32).all()
        if delta == 0.001:
            assert (first.min(), first.max()) == (285, 294)


def test_claim_quadrotor_neither_flips_nor_falls():
    unit = store.load("quadrotor-training").units[f"{HOVER}_delta-0.001"]
    stays = unit["success"][:, -1]
    assert stays.sum() == 20
    assert two(statistics.rate(stays)) == (0.84, 1.0)
    assert np.abs(unit["path"][-200:, 4]).max() < 0.2


def test_fig_9a_postures_are_the_stored_flight():
    unit = store.load("quadrotor-training").units[f"{HOVER}_delta-0.001"]
    theta, states = unit["thetas"][0, -1], unit["path"][-6:-1]
    thrusts = np.clip(planar_quadrotor.POLICY.mean(theta, states), 0, 10)
    larger = thrusts[:, 0] > thrusts[:, 1]
    assert (larger[1:] != larger[:-1]).all()
    assert (np.abs(states[:, 4]) < np.radians(8)).all()


def test_claim_quadrotor_fine_clock_trains_without_harm():
    runs = store.load("quadrotor-delta")
    for delta in runs.settings["deltas"]:
        unit = runs.units[f"step-0.01_delta-{delta:g}"]
        assert shares(unit)[0] == 20
    printed = runs.units["step-0.01_delta-0.001"]["deterministic"]
    assert np.abs(printed - printed[:, :1]).max() < 0.002
    trained = store.load("quadrotor-training").units
    for key in ("total-return-batch", "parameter-batch"):
        assert shares(trained[f"hover_step-0.01_{key}_delta-0.001"])[0] == 20


def test_claim_quadrotor_printed_gain_is_lqr_and_not_optimal():
    gain = planar_quadrotor.lqr_gain(1.0, 0.1)
    assert np.abs(gain - planar_quadrotor.PRINTED_GAIN).max() < 0.5e-4
    unit = store.load("quadrotor-training").units["aside_step-0.1_reward-to-go-time_delta-0.03"]
    start, last = unit["deterministic"][0, 0], unit["deterministic"][:, -1]
    assert round(start) == -667
    assert (last > start + 600).all()
    reached = statistics.bootstrap(last, np.random.default_rng(0))
    assert [round(number, 1) for number in reached] == [-7.6, -7.7, -7.6]


def test_quadrotor_profiles_too_little_noise_fails_by_chance_and_too_much_for_all():
    sweep = store.load("quadrotor-sigma")
    cost = {
        sigma: -sweep.units[f"main_delta-0.03_sigma-{sigma:g}"]["deterministic"][:, -1]
        for sigma in sweep.settings["sigmas"]
    }
    smallest = np.sort(cost[0.001])
    assert smallest[13] < 8 and smallest[14] > 500
    big = next(sigma for sigma in cost if sigma > 2)
    assert [round(bound) for bound in (cost[big].min(), cost[big].max())] == [5, 7]
    assert all(cost[sigma].min() > 600 for sigma in cost if sigma > 4)
    noisy = [
        np.median(-sweep.units[f"main_delta-0.03_sigma-{sigma:g}"]["stochastic"][:, -1])
        for sigma in (0.1, 1.0, big)
    ]
    assert [round(value) for value in noisy] == [6, 131, 438]


def test_claim_quadrotor_best_sigma():
    sweep = store.load("quadrotor-sigma")
    sigmas = np.array(sweep.settings["sigmas"])

    def counts(reading, delta, kind="deterministic"):
        keys = [f"{reading}_delta-{delta:g}_sigma-{sigma:g}" for sigma in sigmas]
        return np.array([shares(sweep.units[key], kind)[0] for key in keys])

    assert not counts("main", 0.001).any()
    assert not counts("main", 0.001, "stochastic").any()
    assert counts("main", 0.03).tolist() == [14, 13, 15, 18] + 7 * [20] + [0, 0]
    heard = counts("main", 0.03, "stochastic")
    assert heard.tolist() == [14, 13, 14, 17] + 4 * [20] + 5 * [0]
    small = sweep.units["main_delta-0.03_sigma-0.001"]
    assert two(shares(small)[1]) == (0.48, 0.85)
    # Too large: every reading but the fine clock. Too small: where the landscape is rough.
    for reading in sweep.settings["readings"]:
        found = counts(reading, 0.03)
        assert found[-2:].sum() == (16 if reading == "step-0.01" else 0), reading
        smooth = reading in ("aside", "parameter", "step-0.01")
        assert (found[0] == 8) == smooth, reading
    for reading in ("rk4", "step-0.12"):
        assert not counts(reading, 0.03)[:8].any()
        assert counts(reading, 0.03)[9] == 8
    assert counts("total-return", 0.03)[8:10].tolist() == [8, 8]
    assert not counts("clipped-score", 0.03).any()
