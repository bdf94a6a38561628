"""The experiment on the integrator trains each unit on the physics that its name says."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mollify import checks, experiments, store
from mollify.experiments import hopper_integrators, hopper_readings
from mollify.gradients import Estimator
from mollify.systems.hopper import hopper
from mollify.training import initial_generator, train

EXPERIMENT = experiments.catalogue()["hopper-integrators"]


def test_every_decision_lasts_eight_milliseconds():
    for physics in hopper_integrators.PHYSICS.values():
        assert physics["time_step"] * physics["frame_skip"] == hopper().time_step


@pytest.mark.parametrize("physics", hopper_integrators.PHYSICS)
def test_a_unit_trains_on_its_own_physics(physics):
    settings = dict(EXPERIMENT.settings) | EXPERIMENT.quick
    found = EXPERIMENT.compute(settings, physics=physics, sigma=0.5, seed=5)
    system = hopper(**hopper_integrators.PHYSICS[physics])
    plain = train(
        system,
        system.policy.initial(initial_generator(5)),
        estimator=Estimator(**settings["estimator"]),
        **dict(sigma=0.5, seed=5, step=1.0),
        **{name: settings[name] for name in ("epochs", "batch", "horizon")},
    )
    np.testing.assert_array_equal(found["returns"], plain.returns.mean(axis=1))
    shared = {**settings, **hopper_readings.SHARED, **EXPERIMENT.quick}
    coarse = hopper_readings.train_and_judge(shared, 0.5, 5)
    assert (found["returns"] != coarse["returns"]).all()


def test_seeds_follow_those_of_the_published_grid():
    published = experiments.catalogue()["hopper-stand"].settings["seeds"]
    assert hopper_integrators.seeds(EXPERIMENT.settings) == range(published, published + 8)


def test_outcomes_are_those_of_one_physics():
    settings = {"physics": ["a", "b"], "sigmas": [0.5], "first_seed": 5, "seeds": 2}
    units = {
        hopper_integrators.key(physics, 0.5, k): {
            "deterministic_stands": np.array([physics == "a", k == 6]),
            "deterministic_returns": np.array([-k, -k]),
        }
        for physics in "ab"
        for k in (5, 6)
    }
    results = store.Results(settings, units, {})
    found = hopper_integrators.outcomes(results, "a", "deterministic")
    np.testing.assert_array_equal(found.stands, [[0.5, 1.0]])
    np.testing.assert_array_equal(found.returns, [[-5, -6]])
    with pytest.raises(checks.ArgumentError, match="physics must be one of a, b, got 'c'"):
        hopper_integrators.outcomes(results, "c", "deterministic")


@pytest.mark.slow
@pytest.mark.parametrize("physics", hopper_integrators.PHYSICS)
def test_the_first_epochs_of_stored_units_run_again_to_the_same_bits(physics):
    settings = EXPERIMENT.settings
    stored = store.load_unit("hopper-integrators", hopper_integrators.key(physics, 0.5, 5))
    system = hopper(**hopper_integrators.PHYSICS[physics])
    with threadpool_limits(limits=1):
        history = train(
            system,
            system.policy.initial(initial_generator(5)),
            estimator=Estimator(**settings["estimator"]),
            **dict(sigma=0.5, seed=5, step=1.0, epochs=2, batch=32, horizon=1000),
        )
    np.testing.assert_array_equal(history.returns.mean(axis=1), stored["returns"][:2])
