"""What the paper says about the hopper, recomputed from the stored runs."""

import contextlib

import gymnasium
import numpy as np

from mollify import store
from mollify.systems import hopper


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


def test_fig_6b_c_d_how_many_seeds_stand():
    def standing(sigma, kind):
        return sum(unit[f"{kind}_stands"].mean() > 0.5 for unit in hopper_units(sigma))

    assert [standing(sigma, "deterministic") for sigma in (0.5, 5.0)] == [3, 5]
    assert [standing(sigma, "stochastic") for sigma in (0.05, 0.5, 5.0)] == [2, 3, 5]
    late = [unit["checkpoint_stands"][-2].mean() > 0.5 for unit in hopper_units(0.5)]
    assert sum(late) == 4


def test_fig_6e_f_rough_before_smooth_after():
    units, jump = store.load("hopper-landscape").units, {}
    for which, unit in units.items():
        jump[which] = np.median(np.abs(np.diff(unit["line_returns"])))
    assert jump["first"] > 1e4 * jump["last"]
    assert jump["failed"] > 1e4 * jump["last"]
    assert units["last"]["stands"].all()
    # A smooth curve over 400 intervals jumps by about a 400th of its span.
    line = units["last"]["line_returns"]
    assert abs(jump["last"] / np.ptp(line) * 400 - 1) < 0.5


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
