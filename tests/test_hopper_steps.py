"""The experiments on the length of a step train with the step of the unit."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mollify import checks, experiments, store
from mollify.experiments import hopper_readings, hopper_steps
from mollify.gradients import Estimator
from mollify.systems.hopper import hopper
from mollify.training import initial_generator, train

NAMES = ("hopper-step-size", "hopper-many-small-steps")


def test_equal_ratios_are_compared_at_every_step():
    experiment = experiments.catalogue()["hopper-step-size"]
    units = experiment.units(experiment.settings).values()
    for step in experiment.settings["steps"]:
        ratios = sorted({unit["sigma"] / step for unit in units if unit["step"] == step})
        np.testing.assert_allclose(ratios, experiment.settings["ratios"], rtol=0.005)


def test_a_unit_trains_with_its_own_step_and_keeps_the_way():
    experiment = experiments.catalogue()["hopper-step-size"]
    settings = dict(experiment.settings) | experiment.quick
    found = experiment.compute(settings, step=0.316, sigma=0.158, seed=1)
    same = hopper_readings.train_and_judge({**settings, "step": 0.316}, 0.158, 1)
    np.testing.assert_array_equal(found["returns"], same["returns"])
    assert found["ways"][0] == 0 and found["ways"][1] == pytest.approx(0.316)
    assert "thetas" not in found
    longer = experiment.compute(settings, step=3.16, sigma=0.158, seed=1)
    assert longer["ways"][1] == pytest.approx(3.16)


def test_outcomes_have_one_row_for_each_ratio():
    settings = {"steps": [0.1, 1.0], "ratios": [0.5, 5.0], "seeds": 2}
    units = {
        hopper_steps.key(step, hopper_steps.sigma_at(step, ratio), k): {
            "stochastic_stands": np.array([True, k == 1]),
            "stochastic_returns": np.array([-step * ratio, -k]),
        }
        for step in settings["steps"]
        for ratio in settings["ratios"]
        for k in range(2)
    }
    results = store.Results(settings, units, {})
    found = hopper_steps.outcomes(results, 0.1, "stochastic")
    np.testing.assert_array_equal(found.sigmas, [0.05, 0.5])
    np.testing.assert_array_equal(found.stands, [[0.5, 1.0]] * 2)
    np.testing.assert_allclose(found.returns, [[-0.025, -0.525], [-0.25, -0.75]])
    with pytest.raises(checks.ArgumentError, match=r"step must be one of 0\.1, 1, got '0\.2'"):
        hopper_steps.outcomes(results, 0.2, "stochastic")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_first_epochs_of_stored_units_run_again_to_the_same_bits(name, seed):
    experiment = experiments.catalogue()[name]
    settings = experiment.settings
    step, ratio = settings["steps"][-1], settings["ratios"][-1]
    sigma = hopper_steps.sigma_at(step, ratio)
    stored = store.load_unit(name, hopper_steps.key(step, sigma, seed))
    system = hopper(
        settings["time_step"], settings["frame_skip"], integrator=settings["integrator"]
    )
    with threadpool_limits(limits=1):
        history = train(
            system,
            system.policy.initial(initial_generator(seed)),
            estimator=Estimator(**settings["estimator"]),
            **dict(sigma=sigma, seed=seed, step=step, epochs=3, batch=32, horizon=1000),
        )
    np.testing.assert_array_equal(history.returns.mean(axis=1), stored["returns"][:3])
