"""A sweep on a cluster gives the bits of a local one, whatever happens to the cluster.

The clusters here are real: a scheduler and workers, each its own process, on loopback.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from distributed import Client
from hypothesis import given
from hypothesis import strategies as st

from mollify import checks, cluster, experiments, store
from mollify.__main__ import main

# Seconds. The machine may be busy; nothing below waits this long when all is well.
PATIENCE = 180
EXPERIMENT = "hopper-stand"
SEEDS = 12
RUN = ["run", EXPERIMENT, "--quick", "--seeds", str(SEEDS)]
CATALOGUE = experiments.catalogue()
SETTINGS = experiments.settings_for(CATALOGUE[EXPERIMENT], seeds=SEEDS, quick=True)
UNITS = set(CATALOGUE[EXPERIMENT].units(SETTINGS))


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE} s for {what}")


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """A test that hangs fails."""

    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"the test took more than {4 * PATIENCE} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(4 * PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class Site(NamedTuple):
    """A scheduler and its workers, each its own process."""

    address: str
    scheduler: subprocess.Popen
    workers: dict[str, subprocess.Popen]
    start: Callable[..., subprocess.Popen]

    def start_worker(self, name: str, threads: int = 1, **variables: str) -> None:
        words = (self.address, "--name", name, "--nthreads", threads, "--no-nanny")
        command = ("distributed.cli.dask_worker", *words, "--no-dashboard")
        self.workers[name] = self.start(name, *command, **variables)

    def kill(self, name: str) -> None:
        self.workers[name].kill()
        self.workers.pop(name).wait(timeout=PATIENCE)


@contextlib.contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A scheduler on a free port of loopback; everything started is killed at the end."""
    with contextlib.ExitStack() as ending:

        def start(name: str, *words: object, **variables: str) -> subprocess.Popen:
            log = ending.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", *map(str, words)],
                **dict(stdout=log, stderr=subprocess.STDOUT, cwd=folder),
                env=os.environ | {"DASK_TEMPORARY_DIRECTORY": str(folder)} | variables,
            )
            ending.callback(process.wait, timeout=PATIENCE)
            ending.callback(process.kill)
            return process

        card = folder / "scheduler.json"
        words = ("--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", card)
        scheduler = start("scheduler", "distributed.cli.dask_scheduler", *words)

        def listening() -> str:
            assert scheduler.poll() is None, (folder / "scheduler.log").read_text()
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return json.loads(card.read_text())["address"].removeprefix("tcp://")
            return ""

        yield Site(wait_for(listening, "the scheduler"), scheduler, {}, start)


@contextlib.contextmanager
def watch(place: Site) -> Iterator[Client]:
    """A client of the test's own, to see what the cluster does."""
    with Client(place.address, set_as_default=False, timeout=PATIENCE) as client:
        yield client


def worker_addresses(client: Client) -> dict[str, str]:
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return {worker["name"]: address for address, worker in workers.items()}


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as place:
        yield place


@pytest.fixture
def place(shared_site: Site) -> Site:
    """A cluster of two workers, one and two; those a test killed are started again."""
    for name in {"one", "two"} - shared_site.workers.keys():
        shared_site.start_worker(name)
    with watch(shared_site) as client:
        wait_for(lambda: sorted(worker_addresses(client)) == ["one", "two"], "two workers")
    return shared_site


@contextlib.contextmanager
def running(out: Path, *words: str) -> Iterator[subprocess.Popen]:
    # What a shell starts in the background ignores Ctrl-C, and so do its children.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        [sys.executable, "-m", "mollify", *RUN, "--out", out, *words],
        **dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def on_cluster(address: str) -> list[str]:
    return ["--backend", "dask", "--address", address]


def units_of(folder: Path) -> dict[str, str]:
    """Unit -> SHA-256 as the manifest has it; empty before the first is written."""
    with contextlib.suppress(store.StoreError):
        units = store.read_manifest(folder)["units"]
        return {key: unit["sha256"] for key, unit in units.items()}
    return {}


def wait_for_units(out: Path, process: subprocess.Popen, count: int = 1) -> None:
    def enough() -> bool:
        stored = len(units_of(out)) >= count
        assert stored or process.poll() is None, process.stderr.read()
        return stored

    wait_for(enough, f"{count} stored units")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the same command without a cluster leaves."""
    out = tmp_path_factory.mktemp("local") / "out"
    with running(out, "--workers", "1") as process:
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert set(units_of(out)) == UNITS
    return units_of(out)


@pytest.mark.parametrize("address", ["10.0.0.5:8786", "node-7.example.org:1", "[::1]:65535"])
def test_an_address_is_host_and_port(address: str) -> None:
    assert cluster.checked_address(address) == address


@pytest.mark.parametrize("address", [
    "", "8786", ":8786", "host", "host:", "host:port", "host:0", "host:65536", "host:-1",
    "host:1.5", "host:٣", "tcp://host:8786", "a b:1", "user@host:1", "::1:8786", "[::1:8786",
    "[]:1", "[host]:1", "host:8786:1", "host:8786/", "host\n:1",
])  # fmt: skip
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(checks.ArgumentError, match="--address must be HOST:PORT") as caught:
        cluster.checked_address(address)
    assert str(caught.value).isprintable()


@given(host=st.text(st.characters(exclude_characters="[]:/@ "), min_size=1), port=st.integers())
def test_a_port_is_from_1_to_65535(host: str, port: int) -> None:
    if host.isprintable() and 1 <= port <= 65535:
        assert cluster.checked_address(f"{host}:{port}") == f"{host}:{port}"
    else:
        with pytest.raises(checks.ArgumentError):
            cluster.checked_address(f"{host}:{port}")


NEEDS = {"python": "3.11.7", "numpy": "2.4.6", "source": "aa", "rounding": "bb", "threads": "1"}


@pytest.mark.parametrize(("has", "text"), [
    ({}, ""),
    ({"numpy": "2.3.1"}, "differs from this machine: numpy 2.3.1 (here 2.4.6)"),
    ({"numpy": "2.3.1", "rounding": "cc"}, "differs from this machine: numpy 2.3.1 (here 2.4.6)"),
    ({"python": "3.12.1", "source": "dd"},
     "differs from this machine: python 3.12.1 (here 3.11.7), source dd (here aa)"),
    ({"rounding": "cc"},
     "differs from this machine: rounding cc (here bb); another kind of processor?"),
    ({"threads": "4"}, "has 4 threads, start it with --nthreads 1"),
])  # fmt: skip
def test_a_difference_is_named_with_both_values(has: dict[str, str], text: str) -> None:
    assert cluster.differences(NEEDS, NEEDS | has) == text


def test_what_a_worker_lacks_is_a_difference() -> None:
    assert "numpy None" in cluster.differences(NEEDS, {k: "x" for k in NEEDS if k != "numpy"})
    text = cluster.differences(NEEDS, ModuleNotFoundError("No module\nnamed 'mollify'"))
    assert text == "cannot run the book's code: No module named 'mollify'"


def test_all_that_a_manifest_records_is_compared(tmp_path: Path) -> None:
    run = store.begin(tmp_path, "sample", {}, "command", 1)["runs"][0]
    described = cluster.environment()
    assert run["packages"].items() <= described.items()
    assert (run["python"], run["machine"]) == (described["python"], described["machine"])


def test_stored_results_are_described_by_their_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(store, "DATA", tmp_path)

    def described() -> str:
        return cluster.environment(("sample",))["data/sample"]

    seen = [described()]
    assert seen == ["missing"]
    manifest = store.begin(tmp_path / "sample", "sample", {}, "command", 1)
    for value in (1.0, 2.0):
        store.add_unit(tmp_path / "sample", manifest, "unit", {"x": [value]}, 0.1, 9.0, 0.1)
        seen.append(described())
    store.add_unit(tmp_path / "sample", manifest, "unit", {"x": [value]}, 0.2, 9.0, 0.2)
    assert described() == seen[-1]
    assert len(set(seen)) == 3


@pytest.mark.parametrize("experiment", CATALOGUE.values(), ids=CATALOGUE)
def test_what_an_experiment_reads_is_declared(experiment: experiments.Experiment) -> None:
    """Its settings may name other experiments, and its module loads some by name."""
    named = {value for value in experiment.settings.values() if isinstance(value, str)}
    assert named & CATALOGUE.keys() <= set(experiment.reads) <= CATALOGUE.keys()
    module = sys.modules[experiment.compute.__module__]
    beside = [other for other in module.EXPERIMENTS if other.compute.__module__ == module.__name__]
    loaded = re.findall(r"""store\.load(?:_unit)?\(["']([^"']+)""", inspect.getsource(module))
    assert set(loaded) <= {name for other in beside for name in other.reads}


def refuse(words: list[str], out: Path, capsys: pytest.CaptureFixture) -> str:
    """Run the command; it must end with one line and leave no folder. Returns the line."""
    assert main([*RUN, "--out", str(out), *words]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("mollify: ") and errors.count("\n") == 1
    assert not out.exists()
    return errors


@pytest.mark.parametrize(("words", "text"), [
    (["--address", "127.0.0.1:8786"], "--address is for a cluster; add --backend dask"),
    (["--backend", "dask"], "--backend dask needs the scheduler's --address HOST:PORT"),
    (["--backend", "dask", "--address", "localhost"], "must be HOST:PORT"),
    (["--backend", "dask", "--address", "h:1", "--workers", "2"], "--workers counts processes"),
])  # fmt: skip
def test_options_that_contradict_are_refused(words, text, tmp_path, capsys) -> None:
    assert text in refuse(words, tmp_path / "out", capsys)


def test_a_port_where_nobody_listens_is_refused(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = refuse(on_cluster(address), tmp_path / "out", capsys)
    assert f"no Dask scheduler answers at {address}; start one" in text


ANSWERS = {
    "nothing": b"",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "http": b"HTTP/1.0 400 Bad Request\r\n\r\n",
    "zeros": bytes(64),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_port_where_another_program_listens_is_refused(
    answer, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    program = (
        "import socket, sys\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "print(server.getsockname()[1], flush=True)\n"
        "kept = []\n"
        "while True:\n"
        "    kept.append(server.accept()[0])\n"
        f"    kept[-1].sendall({answer!r})\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as other:
        try:
            address = f"127.0.0.1:{int(other.stdout.readline())}"
            text = refuse(on_cluster(address), tmp_path / "out", capsys)
        finally:
            other.kill()
    assert f"no Dask scheduler answers at {address}; start one" in text


def changed_source(folder: Path) -> Path:
    """A copy of the library that differs in a comment."""
    shutil.copytree(Path(cluster.__file__).parent, folder / "mollify",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    with (folder / "mollify" / "heat.py").open("a") as file:
        file.write("# changed\n")
    return folder


def other_version(folder: Path) -> Path:
    """Metadata that say another version of gymnasium is installed."""
    metadata = folder / "gymnasium-0.0.1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gymnasium\nVersion: 0.0.1\n")
    return folder


def no_cluster_module(folder: Path) -> Path:
    """A library from before there was a module for clusters."""
    (folder / "mollify").mkdir(parents=True)
    (folder / "mollify" / "__init__.py").write_text("")
    return folder


@pytest.mark.slow
def test_a_cluster_that_would_give_other_bits_is_refused(tmp_path, capsys) -> None:
    expected = {
        "threads": "has 2 threads, start it with --nthreads 1",
        "source": "differs from this machine: source ",
        "version": "differs from this machine: gymnasium 0.0.1 (here ",
        "older": "cannot run the book's code: ",
    }
    options = {
        "threads": {"threads": 2},
        "source": {"PYTHONPATH": str(changed_source(tmp_path / "source"))},
        "version": {"PYTHONPATH": str(other_version(tmp_path / "version"))},
        "older": {"PYTHONPATH": str(no_cluster_module(tmp_path / "older"))},
    }
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        # The kernels OpenBLAS has for a processor of 2008 add in another order.
        options["processor"] = {"OPENBLAS_CORETYPE": "Nehalem"}
        expected["processor"] = "differs from this machine: rounding "
    out = tmp_path / "out"
    with site(tmp_path) as place, watch(place) as client:
        text = refuse(on_cluster(place.address), out, capsys)
        assert f"{place.address} has no workers; start some with `dask worker " in text

        for name, words in options.items():
            place.start_worker(name, **words)
        wait_for(lambda: len(client.nthreads()) == len(options), "the workers")
        needs = cluster.environment() | {"threads": "1"}
        found = client.run(cluster._describe, (), on_error="return")
        named = {address: name for name, address in worker_addresses(client).items()}
        for address, has in found.items():
            assert cluster.differences(needs, has).startswith(expected[named[address]])

        text = refuse(on_cluster(place.address), out, capsys)
        first = min(found)
        assert f"worker {first} {expected[named[first]]}" in text
        assert f"({len(found) - 1} more differ)" in text
        # Nobody was given anything to compute.
        assert not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))


@pytest.mark.slow
def test_results_arrive_as_they_are_made_and_errors_as_they_are(tmp_path, place) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    waiting = ["timeout", str(PATIENCE), "cat", str(pipe)]
    jobs = {
        "waits": (subprocess.check_output, (waiting,), {}),
        "goes": (max, ([1, -2],), {"key": abs}),
    }
    with cluster.connect(place.address) as found:
        assert found.workers == 2
        results = found.completed(jobs)
        assert next(results) == -2
        pipe.write_bytes(b"done")
        assert list(results) == [b"done"]
        with pytest.raises(ZeroDivisionError):
            list(found.completed({"wrong": (divmod, (1, 0), {})}))


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(tmp_path, place, local) -> None:
    """kill -9 in the middle of a unit: the other worker computes it, to the same bits."""
    out = tmp_path / "out"
    with watch(place) as client, running(out, *on_cluster(place.address)) as process:
        victim = worker_addresses(client)["one"]
        wait_for_units(out, process, 2)
        broken = wait_for(lambda: client.processing()[victim], "a unit on the worker")
        place.kill("one")
        stored = set(units_of(out))
        wait_for(lambda: victim not in client.nthreads(), "the scheduler to notice")
        output, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    # Results came one by one, and the run was in its midst when the worker died.
    assert 2 <= len(stored) < len(UNITS)
    assert {key for _, key in broken} - stored
    assert f"computed {len(UNITS)} of {len(UNITS)} units" in output
    assert units_of(out) == local
    assert store.verify(out)
    assert store.read_manifest(out)["runs"][0]["workers"] == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_falls_into_a_finaliser_is_not_lost() -> None:
    class Finaliser:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with cluster._interrupts() as noted:
            Finaliser()
            assert noted == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, usual)


@pytest.mark.slow
def test_an_interrupted_run_leaves_the_cluster_free_and_resumes(tmp_path, place, local) -> None:
    # Enough units that a busy machine is not through with them before the signal is there.
    out, more = tmp_path / "out", [*on_cluster(place.address), "--seeds", "60"]
    whole = len(CATALOGUE[EXPERIMENT].units(SETTINGS | {"seeds": 60}))
    with watch(place) as client, running(out, *more) as process:
        wait_for_units(out, process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        line = "mollify: interrupted; the same command goes on from here"
        assert errors.splitlines()[-1] == line
        assert "Traceback" not in errors, errors

        def units_left() -> int:
            return client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))

        wait_for(lambda: not units_left(), "the units to leave the scheduler")
    before = units_of(out)
    assert 1 <= len(before) < whole
    with running(out, *more) as process:
        output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert f"computed {whole - len(before)} of {whole} units" in output
    after = units_of(out)
    assert len(after) == whole
    assert {key: after[key] for key in UNITS} == local
    assert store.verify(out)


@pytest.mark.slow
def test_a_worker_that_joins_with_other_packages_stops_the_run(tmp_path, place, local) -> None:
    out = tmp_path / "out"
    # Far more units than the first two can do before the third is there.
    with running(out, *on_cluster(place.address), "--seeds", "1000") as process:
        wait_for_units(out, process)
        place.start_worker("late", PYTHONPATH=str(other_version(tmp_path / "version")))
        try:
            _, errors = process.communicate(timeout=PATIENCE)
        finally:
            place.kill("late")
    assert process.returncode == 2
    last = errors.splitlines()[-1]
    assert last.startswith("mollify: worker tcp://127.0.0.1:")
    assert "differs from this machine: gymnasium 0.0.1 (here " in last
    assert last.endswith("what is stored is kept")
    assert store.verify(out)
    found = units_of(out)
    assert found and all(found[key] == local[key] for key in found.keys() & local)


@pytest.mark.slow
def test_a_unit_that_ends_its_workers_is_named(place) -> None:
    """joblib's own Dask backend waits here for ever."""

    def allow(failures: int) -> None:
        client.run_on_scheduler(
            lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", failures)
        )

    with watch(place) as client, cluster.connect(place.address) as found:
        allow(0)
        with pytest.raises(cluster.ClusterError, match=r"^unit fatal ended 1 workers.*is kept$"):
            list(found.completed({"fatal": (os._exit, (1,), {})}))
        allow(3)
    for name, process in list(place.workers.items()):
        if process.poll() is not None:
            place.kill(name)


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_run_with_one_line(tmp_path, local) -> None:
    out = tmp_path / "out"
    with site(tmp_path) as place:
        place.start_worker("one")
        with watch(place) as client:
            wait_for(client.nthreads, "a worker")
        with running(out, *on_cluster(place.address)) as process:
            wait_for_units(out, process)
            place.scheduler.kill()
            _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith("mollify: the scheduler is gone")
    assert "Traceback" not in errors
    assert units_of(out) and units_of(out).items() <= local.items()
    assert store.verify(out)
