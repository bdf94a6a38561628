"""A slice of each of the pendulum's experiments, run again, against what is stored."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mollify import experiments, store

CATALOGUE = experiments.catalogue()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "key", "fewer"),
    [
        ("double-pendulum-readings", "main_sigma-0.3", {"seeds": 1}),
        ("double-pendulum-readings", "bias_sigma-1", {"other_seeds": 1}),
        ("double-pendulum-readings", "parameter-noise_sigma-5.6", {"other_seeds": 1}),
        ("double-pendulum-starts", "distance-12", {"seeds": 2}),
        ("double-pendulum-landscapes", "last_sigma-0.3", {"seeds": 1}),
    ],
)
def test_first_seeds_of_a_pendulum_unit_run_again_to_the_same_bits(name, key, fewer):
    results, experiment = store.load(name), CATALOGUE[name]
    settings = results.settings | fewer
    with threadpool_limits(limits=1):
        fresh = experiment.compute(settings, **experiment.units(settings)[key])
    stored = results.units[key]
    assert set(fresh) == set(stored)
    for field, values in fresh.items():
        kept = stored[field] if field == "axis" else stored[field][: len(values)]
        np.testing.assert_array_equal(values, kept, err_msg=field)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("random-policies", "links-2_from-0"),
        ("random-policies", "links-1_from-450"),
        ("random-policies-strong", "links-2_from-50"),
    ],
)
def test_first_random_policies_of_a_unit_run_again_to_the_same_bits(name, key):
    results, experiment = store.load(name), CATALOGUE[name]
    arguments = experiment.units(results.settings)[key] | {"count": 2}
    with threadpool_limits(limits=1):
        fresh = experiment.compute(results.settings, **arguments)
    for field, values in fresh.items():
        np.testing.assert_array_equal(values, results.units[key][field][:2], err_msg=field)


@pytest.mark.slow
def test_a_plane_of_random_policies_runs_again_to_the_same_bits():
    name, key = "random-policies-landscape", "links-2_quantile-0.5"
    results, experiment = store.load(name), CATALOGUE[name]
    with threadpool_limits(limits=1):
        fresh = experiment.compute(results.settings, **experiment.units(results.settings)[key])
    for field, values in fresh.items():
        np.testing.assert_array_equal(values, results.units[key][field], err_msg=field)


def test_pendulum_sweep_contains_the_stored_main_reading():
    sweep, stored = store.load("double-pendulum-readings"), store.load("double-pendulum")
    for sigma in stored.settings["sigmas"]:
        ours = sweep.units[f"main_sigma-{sigma:g}"]
        theirs = stored.units[f"euler_reward-to-go-time_sigma-{sigma:g}"]
        np.testing.assert_array_equal(ours["theta"], theirs["thetas"][:, -1])
        np.testing.assert_array_equal(ours["success"], theirs["success"])
