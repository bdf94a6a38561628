"""The benchmark measures what it says, and the marks hold with room for a busy machine."""

import ctypes

import mujoco
import pytest

from mollify import benchmark, checks
from mollify.systems import hopper

FLOORS = {
    "hopper": {"vs_mujoco_rollout": 0.7, "vs_sync_vector_env": 1.1},
    "double_pendulum": {"vs_numpy_16": 25, "vs_numpy_1024": 2},
    "planar_quadrotor": {"vs_numpy_16": 25, "vs_numpy_1024": 2},
}


@pytest.fixture(scope="module")
def found():
    return benchmark.rates(rounds=3, horizon=100, hopper_horizon=25)


def test_ratios_have_the_published_keys_and_pass_half_the_marks(found):
    ratios = benchmark.ratios(found)
    assert {name: set(own) for name, own in ratios.items()} == {
        name: set(own) for name, own in FLOORS.items()
    }
    for name, own in FLOORS.items():
        for contestant, floor in own.items():
            assert ratios[name][contestant] >= floor, (name, contestant)


def test_ratios_divide_the_right_rates():
    found = {
        "hopper": {"mollify": 6.0, "vs_mujoco_rollout": 3.0, "vs_sync_vector_env": 2.0},
        "double_pendulum": {
            **{"mollify_16": 10.0, "vs_numpy_16": 1.0},
            **{"mollify_1024": 12.0, "vs_numpy_1024": 3.0},
        },
    }
    assert benchmark.ratios(found) == {
        "hopper": {"vs_mujoco_rollout": 2.0, "vs_sync_vector_env": 3.0},
        "double_pendulum": {"vs_numpy_16": 10.0, "vs_numpy_1024": 4.0},
    }


def test_report_has_a_line_a_contest(found):
    lines = benchmark.report(found, threads=2).splitlines()
    assert len(lines) == 1 + 6
    assert "2 on both sides" in lines[1]
    assert "2 against 1" in lines[2]


def test_medians_interleave_the_contestants(monkeypatch):
    calls = []
    contestants = {"one": lambda: calls.append("one"), "two": lambda: calls.append("two")}
    monkeypatch.setattr(benchmark, "SHORTEST_ROUND", 0.0)
    medians = benchmark._medians(contestants, 3)
    assert calls[-6:] == ["one", "two"] * 3
    assert set(medians) == {"one", "two"}


def test_stock_clock_is_lent_and_taken_back():
    slot = ctypes.c_void_p.in_dll(hopper.library(), "mjcb_time")
    assert slot.value is None
    with benchmark.stock_clock():
        assert slot.value is not None
        model = mujoco.MjModel.from_xml_path(str(hopper.model_path()))
        data = mujoco.MjData(model)
        for _ in range(5):
            mujoco.mj_step(model, data)
        assert data.timer.duration[mujoco.mjtTimer.mjTIMER_STEP] > 0
    assert slot.value is None


@pytest.mark.parametrize("name", ["rounds", "horizon", "hopper_horizon", "threads"])
def test_bad_arguments_are_named(name):
    with pytest.raises(checks.ArgumentError, match=f"^{name} "):
        benchmark.measure(**{name: 0})
