"""What does the page's hopper need from Python? Policies, a start, the model, and a comparison.

The interactive figure hopper-lab steps Gymnasium's hopper in the reader's browser with MuJoCo's
WebAssembly build. It gets policies of the stored training runs, and what they do here from the
same start.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from mollify import explorables, store
from mollify.rollout import rollout
from mollify.store import Results
from mollify.systems.hopper import POSITIONS, fallen, hopper, model_path

PACKAGE = "@mujoco/mujoco"
START_SEED = 0
POSES = (0, 125, 250, 500, 1000)
ACCOUNT_EVERY = 10
EPOCHS = range(0, 101, 20)


def lab(threads: int = 2) -> dict[str, Any]:
    """What `explorables.show("hopper-lab", data=...)` takes.

    One seed for each sigma, that of the median final return; the policies of EPOCHS. Arrays of
    the S sigmas and E epochs: thetas (S, E, 224), rounded to 32 bits; and of each policy without
    noise, from `start` (12,): poses (S, E, 5, 6) at the decisions `poseAt`, returns so far
    (S, E, 101) after every tenth decision, fell (S, E), the second of the first fall or -1.
    bytes: how much a page loads when MuJoCo is asked for.
    """
    results = store.load("hopper-stand")
    settings = results.settings
    system = hopper(settings["time_step"], settings["frame_skip"])
    sigmas, horizon = settings["sigmas"], settings["horizon"]
    seeds = [typical_seed(results, sigma) for sigma in sigmas]
    runs = [results.units[_unit(*one)] for one in zip(sigmas, seeds, strict=True)]
    # The page gets 32 bits of each parameter; both sides run the same policy.
    thetas = np.array([run["thetas"][list(EPOCHS)] for run in runs], dtype=np.float32)
    flat = thetas.reshape(-1, thetas.shape[-1]).astype(np.float64)

    start = system.start(np.random.default_rng(START_SEED), 1)
    starts = np.repeat(start, len(flat), axis=0)
    sample = rollout(system, flat, starts, sigma=0.0, horizon=horizon, threads=threads)
    earned = np.cumsum(sample.rewards, axis=1)[:, ACCOUNT_EVERY - 1 :: ACCOUNT_EVERY]
    lies = fallen(sample.states)
    fell = np.where(lies.any(axis=1), lies.argmax(axis=1) * system.time_step, -1)
    shape = thetas.shape[:2]
    return {
        "versions": {"python": mujoco.__version__, "page": page_version()},
        "bytes": sum(path.stat().st_size for path in page_files()),
        "xml": licensed_model(),
        "sigmas": sigmas,
        "epochs": list(EPOCHS),
        "seeds": seeds,
        "start": start[0],
        "thetas": thetas,
        "poseAt": list(POSES),
        "poses": _float32(sample.states[:, POSES, :POSITIONS], shape),
        "returns": _float32(np.pad(earned, ((0, 0), (1, 0))), shape),
        "fell": _float32(fell, shape),
    }


def typical_seed(results: Results, sigma: float) -> int:
    """The seed whose final policy has the median of the seeds' median returns."""
    seeds = range(results.settings["seeds"])
    units = [results.units[_unit(sigma, seed)] for seed in seeds]
    finals = [np.median(unit["deterministic_returns"]) for unit in units]
    return int(np.argsort(finals)[len(finals) // 2])


def page_version() -> str:
    """The version of MuJoCo that pages load, from the lock of the interactive figures."""
    lock = json.loads((explorables.SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    return lock["packages"][f"node_modules/{PACKAGE}"]["version"]


def page_files() -> list[Path]:
    """The files of MuJoCo that pages load, as the build makes them."""
    return sorted((explorables.ensure_bundles() / "bundles" / "mujoco").iterdir())


def licensed_model() -> str:
    """Gymnasium's hopper.xml with Gymnasium's licence in front of it."""
    package = metadata.distribution("gymnasium")
    licence = next(file for file in package.files if file.name == "LICENSE")
    notice = f"hopper.xml of Gymnasium {package.version}\n\n{licence.read_text().strip()}"
    return f"<!--\n{notice.replace('--', '- -')}\n-->\n{model_path().read_text(encoding='utf-8')}"


def _unit(sigma: float, seed: int) -> str:
    return f"sigma-{sigma:g}_seed-{seed}"


def _float32(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return values.reshape(*shape, *values.shape[1:]).astype(np.float32)
