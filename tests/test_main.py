import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mollify import experiments, store
from mollify.__main__ import main

NOT_COUNTS = st.one_of(
    st.integers(max_value=0).map(str),
    st.floats().map(str),
    st.text(alphabet="abcxyz.+*", min_size=1, max_size=4),
)


def run_main(words, capsys):
    try:
        status = main(words)
    except SystemExit as leaving:
        status = leaving.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_list_names_every_experiment(capsys):
    status, out, _ = run_main(["list"], capsys)
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == list(experiments.catalogue())


@settings(max_examples=40)
@given(option=st.sampled_from(["--seeds", "--workers"]), value=NOT_COUNTS)
def test_bad_counts_give_one_line_and_status_two(option, value):
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr("argparse.ArgumentParser._print_message", lambda self, m, f: lines.append(m))
        with pytest.raises(SystemExit) as leaving:
            main(["run", "hopper-stand", f"{option}={value}"])
    assert leaving.value.code == 2
    assert len(lines) == 1 and lines[0].count("\n") == 1
    assert option in lines[0] and "1 or above" in lines[0]


def test_an_unknown_experiment_is_named_with_those_allowed(capsys):
    status, _, errors = run_main(["run", "hoper"], capsys)
    assert status == 2
    assert errors.count("\n") == 1 and "'hoper'" in errors and "hopper-stand" in errors


def test_verify_refuses_a_folder_without_results(tmp_path, capsys):
    status, _, errors = run_main(["verify", str(tmp_path)], capsys)
    assert status == 2
    assert errors.count("\n") == 1 and "holds no results" in errors


def test_verify_refuses_a_changed_byte_by_name(tmp_path, capsys):
    manifest = store.begin(tmp_path, "sample", {}, "command", 1)
    store.add_unit(tmp_path, manifest, "unit", {"x": np.ones(3)}, 0.0, 0.0, 0.0)
    path = tmp_path / "unit.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    status, _, errors = run_main(["verify", str(tmp_path)], capsys)
    assert status == 2
    assert errors.count("\n") == 1 and "unit.npz was changed" in errors


def test_the_committed_results_are_sound(capsys):
    status, out, errors = run_main(["verify"], capsys)
    assert status == 0, errors
    names = {line.split(":")[0] for line in out.splitlines()}
    assert names <= set(experiments.catalogue())
    assert {"hopper-stand", "double-pendulum", "quadrotor-training"} <= names


@pytest.mark.slow
def test_a_quick_run_prints_progress_with_time_left(tmp_path):
    command = [sys.executable, "-m", "mollify", "run", "hopper-stand", "--quick"]
    done = subprocess.run(
        [*command, "--seeds", "1", "--workers", "2", "--out", tmp_path / "out"],
        **dict(capture_output=True, text=True, timeout=300),
    )
    assert done.returncode == 0, done.stderr
    assert "2/2" in done.stderr and "<" in done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["settings"]["seeds"] == 1
    assert sorted(manifest["units"]) == ["sigma-0.05_seed-0", "sigma-0.5_seed-0"]
