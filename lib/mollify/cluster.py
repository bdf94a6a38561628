"""Where do the units run? On the workers of a Dask cluster, if these give the bits we would.

The bits of a unit depend on more than its settings: on the book's code and stored results, on
the packages, and on how the processor and its libraries round. A worker that differs in any of
these is refused, before the first unit and again before each one it is given.

joblib has a backend for Dask too. It streams results and outlives a killed worker, but (joblib
1.6) it waits for ever once Dask gives a unit up, because an error of Dask's own never reaches
`return_as="generator_unordered"`, and it leaves its units on the cluster when interrupted. So
Dask's own `as_completed` stands here, behind the same list of joblib's delayed calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import importlib.metadata
import json
import logging
import platform
import signal
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from distributed import (
    CancelledError,
    Client,
    KilledWorker,
    Worker,
    as_completed,
    get_worker,
    rpc,
)
from distributed.comm import CommClosedError
from distributed.versions import VersionMismatchWarning
from threadpoolctl import threadpool_limits

from mollify import store
from mollify.checks import ArgumentError, BookError
from mollify.systems.hopper import hopper
from mollify.training import initial_generator, train

PACKAGES = (*store.TRACKED_PACKAGES, "dask", "distributed")

# Taken when the module is imported, for that is the code a long-lived worker goes on with.
_SOURCES = sorted(Path(__file__).parent.rglob("*.py"))
_SOURCE = hashlib.sha256(b"".join(path.read_bytes() for path in _SOURCES)).hexdigest()[:12]

# Seconds that a scheduler has to answer.
TIMEOUT = 10.0

_ROUNDING = threading.Lock()

Job = tuple[Callable[..., Any], tuple, dict[str, Any]]


class ClusterError(BookError):
    """A cluster cannot be reached, trusted or used any further."""


class Cluster(NamedTuple):
    """A checked connection.

    workers: how many there were when it was made; others may come and go.
    needs: what every worker must have, as `environment` describes it.
    """

    client: Client
    workers: int
    needs: dict[str, str]

    def completed(self, jobs: Mapping[str, Job]) -> Iterator[Any]:
        """Run joblib's delayed calls on the workers; yield what they return as they finish.

        A call whose worker dies is made again on another. Calls that did not finish are
        cancelled when the iterator is closed, whatever closes it.
        Raises ClusterError if the scheduler is lost, if a call ends worker after worker, or if
        a worker that joined later is not as it needs to be; what a call raises comes as it is.
        """
        # One group for Dask: it then keeps what nobody computes yet to itself.
        group = f"units-{uuid.uuid4().hex}"
        pending = {
            self.client.submit(functools.partial(_guarded, self.needs, job), key=(group, key))
            for key, job in jobs.items()
        }
        try:
            with _interrupts() as noted:
                for future in as_completed(pending, loop=self.client.loop):
                    if noted:
                        raise KeyboardInterrupt
                    # Without a future that asks for it, the worker forgets the result.
                    pending.discard(future)
                    yield future.result()
        except KilledWorker as error:
            raise ClusterError(
                f"unit {error.task[1]} ended {error.allowed_failures + 1} workers, one after the "
                "other (too little memory?); what is stored is kept"
            ) from None
        except (CancelledError, CommClosedError):
            raise ClusterError(
                "the scheduler is gone or dropped the units; what is stored is kept, and the same "
                "command goes on from there"
            ) from None
        finally:
            if self.client.status == "running":
                self.client.cancel(list(pending))


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Note every Ctrl-C besides raising it: what is raised inside a finaliser, Python drops."""
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.default_int_handler(number, frame)

    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield noted
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def connect(address: str, reads: tuple[str, ...] = ()) -> Iterator[Cluster]:
    """Connect to the scheduler at HOST:PORT and check every worker.

    reads: experiments whose stored results the units read; workers need the same.
    Raises ArgumentError if the address is no address, ClusterError if nothing answers, if there
    are no workers, or if one differs from this machine in what the results depend on.
    """
    address = checked_address(address)
    # What Dask would log, the errors below say in one line.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
    try:
        # A thread of its own, for a notebook has an event loop in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _greet(address)).result()
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except Exception:  # what another program answers can break Dask's protocol anywhere
        raise ClusterError(
            f"no Dask scheduler answers at {address}; start one with `dask scheduler`"
        ) from None
    try:
        needs = environment(reads) | {"threads": "1"}
        found = client.run(_describe, reads, on_error="return")
        if not found:
            raise ClusterError(
                f"the scheduler at {address} has no workers; start some with "
                f"`dask worker {address} --nthreads 1`"
            )
        wrong = {worker: differences(needs, has) for worker, has in sorted(found.items())}
        wrong = {worker: text for worker, text in wrong.items() if text}
        if wrong:
            first, text = next(iter(wrong.items()))
            others = f" ({len(wrong) - 1} more differ)" if len(wrong) > 1 else ""
            raise ClusterError(f"worker {first} {text}{others}")
        yield Cluster(client, len(found), needs)
    finally:
        client.close()


def checked_address(address: str) -> str:
    """Return `address` if it has the form HOST:PORT; an IPv6 host stands in brackets.

    Raises ArgumentError otherwise.
    """
    host, _, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        sound = len(host) > 2 and set(host[1:-1]) <= set("0123456789abcdefABCDEF:.")
    else:
        sound = bool(host) and host.isprintable() and not set(host) & set("[]:/@ ")
    if not sound or not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ArgumentError(f"--address must be HOST:PORT, such as 10.0.0.5:8786, got {address!r}")
    return address


def environment(reads: tuple[str, ...] = ()) -> dict[str, str]:
    """All that the bits of a unit depend on in this process, by name.

    reads: experiments whose folders of data/ count, by the files their manifests name.
    """
    found = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    found |= {name: _version(name) for name in PACKAGES}
    found["source"] = _SOURCE
    found |= {f"data/{name}": _contents(name) for name in reads}
    # Two callers at once would undo each other's limit on the threads of BLAS.
    with _ROUNDING:
        found["rounding"] = _rounding()
    return found


def differences(needs: Mapping[str, str], has: Mapping[str, str] | BaseException) -> str:
    """What keeps a worker that describes itself as `has` from being used; empty if nothing."""
    if isinstance(has, BaseException):
        return f"cannot run the book's code: {' '.join(str(has).split()) or type(has).__name__}"
    named = [name for name in needs if has.get(name) != needs[name]]
    if named == ["threads"]:
        return f"has {has['threads']} threads, start it with --nthreads 1"
    # What differs in code or packages explains a different rounding.
    named = [name for name in named if name not in ("threads", "rounding")] or named
    listed = ", ".join(f"{name} {has.get(name)} (here {needs[name]})" for name in named)
    reason = "; another kind of processor?" if named == ["rounding"] else ""
    return f"differs from this machine: {listed}{reason}" if named else ""


async def _greet(address: str) -> None:
    """Raise some exception unless a scheduler answers; Client would wait for it without end."""
    async with asyncio.timeout(TIMEOUT), rpc(f"tcp://{address}") as peer:
        if (await peer.identity())["type"] != "Scheduler":
            raise ConnectionError


async def _describe(reads: tuple[str, ...], dask_worker: Worker) -> dict[str, str]:
    # Loops may have to be compiled first; the worker goes on answering the scheduler.
    return await asyncio.to_thread(_on_worker, reads, dask_worker)


def _on_worker(reads: tuple[str, ...], worker: Worker) -> dict[str, str]:
    return environment(reads) | {"threads": str(worker.state.nthreads)}


def _guarded(needs: Mapping[str, str], job: Job) -> Any:
    worker = get_worker()
    reads = tuple(name.removeprefix("data/") for name in needs if name.startswith("data/"))
    text = differences(needs, _on_worker(reads, worker))
    if text:
        raise ClusterError(f"worker {worker.address} {text}; what is stored is kept")
    function, arguments, named = job
    return function(*arguments, **named)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _contents(name: str) -> str:
    """A digest of the files that data/`name` vouches for, or why there is none."""
    try:
        units = store.read_manifest(store.DATA / name)["units"]
    except store.StoreError:
        return "missing"
    hashes = {key: unit["sha256"] for key, unit in units.items()}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()[:12]


@functools.cache
def _rounding() -> str:
    """A digest of a short training run of the hopper.

    It goes through BLAS, the C library, MuJoCo and compiled loops, and it is chaotic: one bit
    rounded otherwise in any of them, as on another kind of processor, and the digest differs.
    """
    system = hopper()
    theta = system.policy.initial(initial_generator(0))
    with threadpool_limits(limits=1):
        history = train(system, theta, sigma=0.1, seed=0, batch=4, epochs=2, horizon=200)
    return hashlib.sha256(history.thetas.tobytes()).hexdigest()[:12]
