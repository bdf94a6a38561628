"""The choices that the hopper's readings vary do what their names say."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mollify import benchmark, checks, experiments, store
from mollify.experiments import hopper_readings
from mollify.experiments.hopper import evaluate
from mollify.gradients import Estimator
from mollify.rollout import rollout
from mollify.systems.hopper import STOCK_TIME_STEP, fallen, hopper, reward, stands
from mollify.training import epoch_generator, initial_generator, sample_epoch


@pytest.fixture(scope="module")
def start():
    system = hopper(0.008, 1, integrator="euler")
    rng = np.random.default_rng(3)
    theta = system.policy.initial(initial_generator(0), 1.0)
    return theta, system.start(rng, 3), rng.standard_normal((3, 120, 3))


def test_an_episode_that_ended_earns_and_scores_nothing_and_moves_the_same(start):
    theta, starts, noise = start
    shared = dict(sigma=0.5, noise=noise)
    free = rollout(hopper(0.008, 1, integrator="euler"), theta, starts, **shared)
    ending = hopper(0.008, 1, integrator="euler", terminates=True)
    cut = rollout(ending, theta, starts, **shared)
    np.testing.assert_array_equal(cut.states, free.states)
    for i in range(len(starts)):
        over = np.flatnonzero(fallen(free.states[i, :-1]))
        assert len(over), "the sample must fall, or it tests nothing"
        end = over[0]
        assert end > 0
        np.testing.assert_array_equal(cut.rewards[i, :end], free.rewards[i, :end])
        np.testing.assert_array_equal(cut.noise[i, :end], noise[i, :end])
        assert not cut.rewards[i, end:].any()
        assert not cut.noise[i, end:].any()


def test_without_a_torque_limit_the_whole_action_acts_and_is_paid_for(start):
    theta, starts, noise = start
    uncut = hopper(0.008, 1, integrator="euler", torque_limit=None)
    wide = rollout(uncut, theta, starts, sigma=2.0, noise=noise)
    cut = rollout(hopper(0.008, 1, integrator="euler"), theta, starts, sigma=2.0, noise=noise)
    assert not np.array_equal(wide.states, cut.states)
    for sample, limit in ((wide, np.inf), (cut, 1.0)):
        paid = reward(sample.states[:, :-1], sample.actions, torque_limit=limit)
        np.testing.assert_allclose(sample.rewards, paid, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"torque_limit": 2.0}, "torque_limit must be at most 1"),
        ({"torque_limit": 0.0}, "torque_limit"),
        ({"integrator": "leapfrog"}, "integrator"),
    ],
)
def test_bad_choices_are_named(arguments, named):
    with pytest.raises(checks.ArgumentError, match=named):
        hopper(STOCK_TIME_STEP, **arguments)


def test_outcomes_have_one_row_for_each_sigma():
    units = {
        f"seed-{k}_sigma-{s:g}": {
            "deterministic_stands": np.array([True, k == 1]),
            "deterministic_returns": np.array([-s, -s - 2.0 * k]),
        }
        for k in (0, 1)
        for s in (0.1, 1.0, 10.0)
    }
    settings = {"sigmas": [0.1, 1.0, 10.0], "seeds": 2}
    found = hopper_readings.outcomes(store.Results(settings, units, {}), "deterministic")
    assert found.stands.tolist() == [[0.5, 1.0]] * 3
    np.testing.assert_allclose(found.returns, [[-s, -s - 1] for s in (0.1, 1.0, 10.0)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "checkpoint"), [("seed-3_sigma-0.5", 1), ("seed-6_sigma-0.05", 3)]
)
@pytest.mark.parametrize("reading", hopper_readings.READINGS)
def test_stored_readings_run_again_to_the_same_bits(reading, unit, checkpoint):
    experiment = experiments.catalogue()[f"hopper-reading-{reading}"]
    folder, settings = store.DATA / experiment.name, experiment.settings
    if not folder.exists() or unit not in store.read_manifest(folder)["units"]:
        pytest.skip(f"{experiment.name} is not stored yet")
    stored = store.load_unit(experiment.name, unit)
    arguments = experiment.units(settings)[unit]
    epoch = stored["checkpoints"][checkpoint]
    choices = {name: settings[name] for name in ("integrator", "torque_limit", "terminates")}
    with threadpool_limits(limits=1):
        sample, gradient = sample_epoch(
            hopper(settings["time_step"], settings["frame_skip"], **choices),
            stored["thetas"][checkpoint],
            epoch_generator(arguments["seed"], epoch),
            Estimator(**settings["estimator"]),
            **dict(sigma=arguments["sigma"], batch=32, horizon=1000),
        )
    assert sample.returns().mean() == stored["returns"][epoch]
    length = np.linalg.norm(gradient.value)
    assert length == pytest.approx(stored["gradient_norms"][epoch], rel=1e-9)


@pytest.mark.slow
def test_the_verdict_on_a_seed_comes_from_the_stock_model():
    unit = store.load_unit("hopper-reading-main", "seed-3_sigma-0.5")
    with threadpool_limits(limits=1):
        shared = dict(seed=3, epoch=101, trajectories=16, horizon=1000)
        sample = evaluate(hopper(), unit["thetas"][-1], sigma=0.0, **shared)
    np.testing.assert_array_equal(stands(sample.states), unit["deterministic_stands"])
    np.testing.assert_array_equal(sample.returns(), unit["deterministic_returns"])


@pytest.mark.slow
def test_shares_of_time_make_a_whole_and_the_hopper_is_physics():
    found = benchmark.shares(rounds=3, horizon=100)
    for share in found.values():
        assert share["physics"] + share["loop"] + share["python"] == pytest.approx(1)
    # Well below the 0.99 of a quiet machine: a neighbour on the same core doubles times at will.
    assert found["hopper"]["physics"] > 0.5
    assert found["double_pendulum"]["python"] > found["double_pendulum"]["physics"]
