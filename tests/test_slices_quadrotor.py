"""A slice of each of the quadrotor's experiments, run again, against what is stored."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mollify import experiments, store
from mollify.experiments import quadrotor_spike

CATALOGUE = experiments.catalogue()


def test_quadrotor_cuts_run_again_to_the_same_bits():
    results = store.load("quadrotor-cuts")
    small = results.settings | {"directions": 4}
    with threadpool_limits(limits=1):
        fresh = quadrotor_spike._cuts(small, "hover", 0.1)
    stored = results.units["hover_step-0.1"]
    np.testing.assert_array_equal(fresh["undiscounted"], stored["undiscounted"][:4])


@pytest.mark.parametrize("smoothing", quadrotor_spike.SMOOTHINGS)
def test_one_sigma_of_quadrotor_mollified_runs_again_to_the_same_bits(smoothing):
    results, number = store.load("quadrotor-mollified"), 6
    stored = results.units["hover_step-0.1"]
    kind = quadrotor_spike.SMOOTHINGS.index(smoothing)
    key = (quadrotor_spike.NOISE_STREAM, kind, number)
    rng = np.random.default_rng(np.random.SeedSequence(results.settings["seed"], spawn_key=key))
    shared = {name: results.settings[name] for name in ("samples", "horizon")}
    with threadpool_limits(limits=1):
        lost = quadrotor_spike.mollified_losses(
            "hover", 0.1, smoothing, stored["sigma"][number], rng, **shared
        )
    name = smoothing.replace(" ", "_")
    # The stored means are over the middle axis of a stack, these over the first of one: the order
    # of the sum differs, the samples do not.
    np.testing.assert_allclose(lost.mean(axis=0), stored[f"{name}_mean"][number], rtol=1e-13)
    np.testing.assert_array_equal(np.median(lost, axis=0), stored[f"{name}_median"][number])


def test_quadrotor_cusp_runs_again_to_the_same_bits():
    results = store.load("quadrotor-cusp")
    place = results.settings["families"]["step"].index(0.1)
    small = results.settings | {"families": {"step": [0.1]}, "directions": 2}
    with threadpool_limits(limits=1):
        fresh = quadrotor_spike._cusp(small, "step", "hover")
    stored = results.units["step_start-hover"]
    np.testing.assert_array_equal(fresh["loss"][0], stored["loss"][place, :3])
    np.testing.assert_array_equal(fresh["growth"][0], stored["growth"][place])


@pytest.mark.parametrize(("name", "unit"), [
    ("quadrotor-delta", "main_delta-0.01"),
    ("quadrotor-delta", "parameter_delta-0.1"),
    ("quadrotor-long", "delta-0.001"),
    ("quadrotor-sigma", "main_delta-0.03_sigma-0.1"),
    ("quadrotor-sigma", "clipped-score_delta-0.03_sigma-1"),
])  # fmt: skip
def test_two_epochs_of_a_quadrotor_unit_run_again(name, unit):
    results, experiment = store.load(name), CATALOGUE[name]
    small = results.settings | {"seeds": 1, "other_seeds": 1, "epochs": 2}
    arguments = experiment.units(results.settings)[unit]
    if "epochs" in arguments:
        arguments |= {"epochs": 2}
    with threadpool_limits(limits=1):
        fresh = experiment.compute(small, **arguments)
    stored = results.units[unit]
    np.testing.assert_array_equal(fresh["stochastic"][0, 0], stored["stochastic"][0, 0])
    np.testing.assert_array_equal(fresh["deterministic"][0, 0], stored["deterministic"][0, 0])
    np.testing.assert_allclose(fresh["distance"][0], stored["distance"][0, :3], rtol=1e-6)
    np.testing.assert_allclose(fresh["stochastic"][0, 1], stored["stochastic"][0, 1], rtol=1e-6)
