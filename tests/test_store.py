import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mollify import store
from mollify.store import StoreError

SETTINGS = {"seeds": 2, "sigmas": [0.1, 0.2]}


def make(folder, units=2):
    manifest = store.begin(folder, "sample", SETTINGS, "the command", workers=1)
    for k in range(units):
        store.add_unit(folder, manifest, f"unit-{k}", {"x": np.arange(k, k + 3.0)}, 0.1, 9.0, 0.2)
    return folder


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.glob("*.npz")}


def test_what_is_stored_is_what_is_loaded(tmp_path):
    results = store.load("sample", make(tmp_path / "sample"))
    assert results.settings == SETTINGS
    np.testing.assert_array_equal(results.units["unit-1"]["x"], [1, 2, 3])


def test_manifest_traces_the_results(tmp_path):
    run = store.load("sample", make(tmp_path)).manifest["runs"][0]
    assert run["command"] == "the command"
    assert run["packages"]["numpy"] == np.__version__
    assert len(run["revision"]) >= 7


def test_equal_arrays_give_equal_bytes():
    arrays = {"a": np.random.default_rng(0).standard_normal(5)}
    first = store.encode(arrays)
    time.sleep(2.1)
    assert store.encode(arrays) == first


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return make(tmp_path_factory.mktemp("sound"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_is_refused_by_name(sound, data):
    path = data.draw(st.sampled_from(sorted(sound.iterdir())))
    original = path.read_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    mask = data.draw(st.integers(1, 255))
    try:
        path.write_bytes(original[:at] + bytes([original[at] ^ mask]) + original[at + 1 :])
        with pytest.raises(StoreError, match=path.name):
            store.verify(sound)
    finally:
        path.write_bytes(original)
    assert store.verify(sound)


@pytest.mark.parametrize("name", ["unit-0.npz", "manifest.json"])
def test_a_missing_file_is_named(tmp_path, name):
    make(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(StoreError, match=name):
        store.load("sample", tmp_path)


def test_an_unknown_file_is_named(tmp_path):
    make(tmp_path)
    (tmp_path / "stray.npz").write_bytes(b"")
    with pytest.raises(StoreError, match=r"stray\.npz is not in the manifest"):
        store.verify(tmp_path)


def refuse(folder, match, experiment="sample", settings=SETTINGS):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(StoreError, match=match) as caught:
        store.begin(folder, experiment, settings, "again", workers=1)
    assert "\n" not in str(caught.value)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_another_experiments_folder_is_refused_and_kept(tmp_path):
    refuse(make(tmp_path), "holds the experiment sample, not other", experiment="other")


def test_a_changed_grid_is_refused_and_kept(tmp_path):
    refuse(make(tmp_path), "begun with seeds = 2, not 3", settings=SETTINGS | {"seeds": 3})


def test_a_folder_of_other_files_is_refused_and_kept(tmp_path):
    (tmp_path / "letter.txt").write_text("keep me")
    refuse(tmp_path, "holds files but no manifest")


def test_an_older_format_is_refused_and_kept(tmp_path):
    manifest = store.read_manifest(make(tmp_path))
    store.write_manifest(tmp_path, manifest | {"format": 0})
    refuse(tmp_path, "has format 0; this version reads format 1")


def test_a_corrupted_unit_is_refused_before_resuming(tmp_path):
    make(tmp_path)
    (tmp_path / "unit-1.npz").write_bytes(b"noise")
    refuse(tmp_path, r"unit-1\.npz was changed")


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match=r"cannot use .*taken"):
        store.begin(tmp_path / "taken", "sample", SETTINGS, "again", workers=1)


def test_disk_full_keeps_what_was_stored(tmp_path, monkeypatch):
    make(tmp_path)
    manifest = store.read_manifest(tmp_path)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"unit-2\.npz: No space left on device; .* are kept"):
        store.add_unit(tmp_path, manifest, "unit-2", {"x": np.ones(3)}, 0.1, 9.0, 0.2)
    monkeypatch.undo()
    assert sorted(store.load("sample", tmp_path).units) == ["unit-0", "unit-1"]
    assert store.verify(tmp_path)


def run_command(out, *words, **options):
    command = [sys.executable, "-m", "mollify", "run", "hopper-stand", "--quick", "--workers", "1"]
    return subprocess.Popen(
        [*command, "--out", out, *words],
        **dict(stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) | options,
    )


@pytest.mark.slow
def test_a_disk_that_refuses_ends_with_one_line(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    process = run_command(tmp_path / "out", preexec_fn=limit)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith("mollify: cannot write ")


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_bits(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run_command(whole).wait(timeout=120) == 0
    process = run_command(broken)
    deadline = time.monotonic() + 120
    while not (broken / "manifest.json").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = len(json.loads((broken / "manifest.json").read_text())["units"])
    assert 1 <= finished < len(contents(whole))
    assert run_command(broken).wait(timeout=120) == 0
    assert contents(broken) == contents(whole)
    assert store.verify(broken)
    assert len(store.read_manifest(broken)["runs"]) == 2
