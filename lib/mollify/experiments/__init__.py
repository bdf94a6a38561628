"""Which function regenerates which figure and table?

An experiment is a grid of independent units. Each unit is a pure function of the settings and
of its own key, so units can run anywhere and in any order, and a run can stop between them.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from mollify import checks, store

if TYPE_CHECKING:
    from mollify.cluster import Cluster

Settings = Mapping[str, Any]


class Experiment(NamedTuple):
    """One experiment of the book.

    name: its name on the command line and its folder under data/.
    items: the paper's figures and tables it regenerates.
    settings: the published size (or larger), all that its results depend on.
    quick: what --quick changes in them.
    units: settings -> key of each unit -> its arguments.
    compute: compute(settings, **arguments) -> named arrays.
    reads: experiments whose stored results compute reads.
    """

    name: str
    summary: str
    items: str
    settings: dict[str, Any]
    quick: dict[str, Any]
    units: Callable[[Settings], dict[str, dict[str, Any]]]
    compute: Callable[..., dict[str, NDArray]]
    reads: tuple[str, ...] = ()


def catalogue() -> dict[str, Experiment]:
    """Every experiment by name."""
    from mollify.experiments import (
        double_pendulum,
        hopper,
        hopper_integrators,
        hopper_readings,
        hopper_steps,
        mechanism,
        planar_quadrotor,
        quadrotor_spike,
        quadrotor_sweeps,
    )

    modules = (
        hopper,
        hopper_integrators,
        hopper_readings,
        hopper_steps,
        hopper_integrators,
        double_pendulum,
        planar_quadrotor,
        quadrotor_spike,
        quadrotor_sweeps,
        mechanism,
    )
    found = [experiment for module in modules for experiment in module.EXPERIMENTS]
    return {experiment.name: experiment for experiment in found}


def settings_for(experiment: Experiment, *, seeds: int | None, quick: bool) -> dict[str, Any]:
    """The experiment's settings as asked for; `seeds` counts the seeds 0, 1, ..."""
    settings = dict(experiment.settings) | (experiment.quick if quick else {})
    if seeds is not None:
        settings["seeds"] = checks.count("seeds", seeds)
    return settings


def run(
    experiment: Experiment,
    settings: Settings,
    folder: Path,
    *,
    command: str,
    workers: int | None = None,
    cluster: Cluster | None = None,
    show_progress: bool = True,
) -> int:
    """Compute what is missing in `folder`; return how many units that was.

    workers: processes of this machine that share the units (all cores by default).
    cluster: a connection from `mollify.cluster.connect`, whose workers share them instead.
    Raises ArgumentError or StoreError before any work if an argument or the folder is wrong.
    """
    if workers is None:
        workers = cluster.workers if cluster else os.cpu_count() or 1
    workers = checks.count("workers", workers)
    units = experiment.units(settings)
    manifest = store.begin(folder, experiment.name, settings, command, workers)
    missing = {key: arguments for key, arguments in units.items() if key not in manifest["units"]}
    began = time.perf_counter()
    jobs = {
        key: delayed(_compute)(experiment, settings, key, arguments)
        for key, arguments in missing.items()
    }
    if cluster:
        results = cluster.completed(jobs)
    else:
        results = Parallel(n_jobs=workers, return_as="generator_unordered")(jobs.values())
    bar = tqdm(
        results,
        desc=experiment.name,
        total=len(units),
        initial=len(units) - len(missing),
        unit="unit",
        disable=not show_progress,
    )
    for key, arrays, seconds, memory in bar:
        spent = time.perf_counter() - began
        store.add_unit(folder, manifest, key, arrays, seconds, memory, spent)
    return len(missing)


def _compute(
    experiment: Experiment, settings: Settings, key: str, arguments: Mapping[str, Any]
) -> tuple[str, dict[str, NDArray], float, float]:
    began = time.perf_counter()
    # One BLAS thread: its sums must not depend on how many cores a machine has.
    with threadpool_limits(limits=1):
        arrays = experiment.compute(settings, **arguments)
    return key, arrays, time.perf_counter() - began, _peak_mebibytes()


def _peak_mebibytes() -> float:
    """The most memory this process has held so far; Linux counts it in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
