"""Stored results against a slice run afresh: the code that made them still makes them."""

import re
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import linear_quadratic as lq
from mollify import experiments, store
from mollify.experiments import double_pendulum, hopper, planar_quadrotor
from mollify.experiments.repeats import repeat
from mollify.gradients import Estimator
from mollify.rollout import rollout
from mollify.systems.double_pendulum import double_pendulum as pendulum_system
from mollify.systems.planar_quadrotor import planar_quadrotor as quadrotor_system
from mollify.training import epoch_generator, normalised_step, sample_epoch

CATALOGUE = experiments.catalogue()
CHAPTERS = store.DATA.parent / "chapters"


@pytest.mark.parametrize("name", CATALOGUE)
def test_stored_results_are_the_whole_published_grid(name):
    """A sweep still on its way may be stored in part, as long as no page leans on it."""
    experiment, folder = CATALOGUE[name], store.DATA / name
    pages = [path.read_text() for path in [store.DATA / "ledger.yml", *CHAPTERS.glob("*.md")]]
    if not folder.exists():
        assert not any(re.search(rf"\b{name}\b", page) for page in pages)
        pytest.skip(f"{name} is not stored yet")
    results = store.load(name)
    assert results.settings == experiments.settings_for(experiment, seeds=None, quick=False)
    missing = set(experiment.units(results.settings)) - set(results.units)
    assert set(results.units) <= set(experiment.units(results.settings))
    assert not missing or not any(re.search(rf"\b{name}\b", page) for page in pages)


@pytest.mark.parametrize("name", CATALOGUE)
def test_unit_keys_are_distinct_file_names(name):
    keys = list(CATALOGUE[name].units(CATALOGUE[name].settings))
    assert len(set(keys)) == len(keys)
    assert all(set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.") for key in keys)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["sigma-0.05_seed-0", "sigma-5_seed-3"])
@pytest.mark.parametrize("epoch", [0, 57])
def test_hopper_epoch_runs_again_to_the_same_bits(unit, epoch):
    results = store.load("hopper-stand")
    settings, stored = results.settings, results.units[unit]
    arguments = CATALOGUE["hopper-stand"].units(settings)[unit]
    system = hopper._system(settings)
    with threadpool_limits(limits=1):
        sample, gradient = sample_epoch(
            *(system, stored["thetas"][epoch], epoch_generator(arguments["seed"], epoch)),
            Estimator(**settings["estimator"]),
            **dict(sigma=arguments["sigma"], batch=settings["batch"], threads=2),
            horizon=settings["horizon"],
        )
    np.testing.assert_array_equal(sample.returns(), stored["returns"][epoch])
    after = normalised_step(stored["thetas"][epoch], gradient.value, settings["step"])
    np.testing.assert_allclose(after, stored["thetas"][epoch + 1], rtol=0, atol=1e-12)


def test_hopper_initial_policies_do_not_depend_on_sigma():
    units = store.load("hopper-stand").units
    for seed in range(5):
        first = [units[f"sigma-{s:g}_seed-{seed}"]["thetas"][0] for s in hopper.SIGMAS]
        assert all((theta == first[0]).all() for theta in first)


@pytest.mark.slow
def test_hopper_landscape_centre_is_the_trained_policy():
    results, trained = store.load("hopper-landscape"), store.load("hopper-stand")
    system = hopper._system(results.settings)
    sequence = np.random.SeedSequence(results.settings["seed"], spawn_key=(2,))
    start = system.start(np.random.default_rng(sequence), 1)
    for which, unit, epoch in results.settings["policies"]:
        middle = results.settings["grid"] // 2
        theta = trained.units[unit]["thetas"][epoch]
        fresh = rollout(system, theta, start, sigma=0.0).returns()[0]
        # Sums over a batch of one and of many may differ in the last bit.
        assert results.units[which]["returns"][middle, middle] == pytest.approx(fresh, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "key"), [
    ("double-pendulum", "euler_reward-to-go-time_sigma-0.3"),
    ("double-pendulum", "rk4_parameter-batch_sigma-1"),
    ("quadrotor-training", "hover_step-0.1_reward-to-go-time_delta-0.001"),
    ("quadrotor-training", "aside_step-0.01_parameter-batch_delta-1"),
])  # fmt: skip
def test_one_seed_of_a_unit_runs_again(name, key):
    results, experiment = store.load(name), CATALOGUE[name]
    arguments = experiment.units(results.settings)[key]
    with threadpool_limits(limits=1):
        fresh = experiment.compute(results.settings | {"seeds": 1, "epochs": 2}, **arguments)
    stored = results.units[key]
    np.testing.assert_array_equal(fresh["stochastic"][0, 0], stored["stochastic"][0, 0])
    np.testing.assert_allclose(fresh["thetas"][0, 1], stored["thetas"][0, 1], rtol=0, atol=1e-12)


def test_quadrotor_landscape_runs_again_to_the_same_bits():
    results = store.load("quadrotor-landscape")
    small = results.settings | {"grid": 1, "reach": 0.0}
    with threadpool_limits(limits=1):
        fresh = planar_quadrotor._landscape(small, "hover", 0.1)
    stored = results.units["hover_step-0.1"]
    np.testing.assert_array_equal(fresh["line_discounted"], stored["line_discounted"])


def test_action_landscape_at_the_policys_own_action_is_its_value():
    system = pendulum_system()
    theta = double_pendulum.initial_theta()
    own = system.policy.mean(theta, double_pendulum.START)
    got = double_pendulum.action_landscape(theta, own[None], time_step=0.01, horizon=300)
    plain = rollout(system, theta, system.start(None, 1), sigma=0.0, horizon=300)
    assert got["undiscounted"][0] == pytest.approx(plain.returns()[0], rel=1e-12)


def test_settled_means_what_it_says():
    states = np.zeros((2, 5, 4))
    states[1, 3, 1] = 0.11
    assert double_pendulum.settled(states).tolist() == [True, False]
    states = np.zeros((3, 5, 6))
    states[1, 0, 2], states[2, 4, 4] = 0.51, -0.21
    assert planar_quadrotor.settled(states).tolist() == [True, False, False]


def test_repeat_keeps_deterministic_and_stochastic_apart():
    shared = dict(sigma=0.4, seeds=3, estimator=Estimator("reward_to_go", "time", True))
    got = repeat(
        *(lq.SYSTEM, np.array([0.1])),
        **shared | dict(batch=400, epochs=4, horizon=lq.HORIZON, step=0.05),
        settled=lambda states: (np.abs(states[:, -1, 0]) < 1).reshape(-1),
    )
    for seed in range(3):
        for epoch in range(4):
            k = got["thetas"][seed, epoch, 0]
            exact = lq.expected_return(k, 0.0)
            assert got["deterministic_discounted"][seed, epoch] == pytest.approx(exact, rel=1e-12)
            noisy = lq.expected_return(k, 0.4)
            assert got["stochastic_discounted"][seed, epoch] == pytest.approx(noisy, rel=0.05)
            assert abs(noisy - exact) > 0.1 * abs(exact)


def test_quadrotor_plane_is_orthonormal():
    directions = planar_quadrotor.plane(0)
    np.testing.assert_allclose(directions.T @ directions, np.eye(2), atol=1e-14)
    assert directions.shape[0] == quadrotor_system().policy.parameter_count


def test_a_unit_records_the_most_memory_its_process_held(tmp_path):
    def compute(settings, size):
        return {"sum": np.ones(size * 2**17).sum()}

    sample = experiments.Experiment(
        "sample", "", "", {}, {}, lambda settings: {"unit": {"size": 300}}, compute
    )
    experiments.run(sample, {}, tmp_path, command="", workers=1, show_progress=False)
    recorded = store.read_manifest(tmp_path)["units"]["unit"]["peak_mebibytes"]
    assert recorded > 300
    status = Path("/proc/self/status")
    if status.exists():
        kibibytes = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])
        assert recorded == pytest.approx(kibibytes / 2**10, rel=0.05)
