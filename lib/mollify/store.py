"""How are results kept, checked, resumed, and traced to a command, seeds and versions?

A finished experiment is a folder: one .npz file a unit of work, and a manifest.json with the
settings, the runs that made them, and the SHA-256 of every file. Files are replaced atomically
and the manifest after them, so a run killed at any moment leaves a folder that can be resumed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mollify.checks import BookError

FORMAT = 1
MANIFEST = "manifest.json"
TEMPORARY = ".unfinished-"
DATA = Path(__file__).resolve().parents[2] / "data"
TRACKED_PACKAGES = ("mollify", "numpy", "scipy", "numba", "mujoco", "gymnasium", "joblib")


class StoreError(BookError):
    """A results folder cannot be read, trusted or written."""


class Results(NamedTuple):
    """The results of one experiment, every file checked against its hash.

    settings: what the run was asked for.
    units: unit key -> name -> array.
    manifest: the manifest as stored.
    """

    settings: dict[str, Any]
    units: dict[str, dict[str, NDArray]]
    manifest: dict[str, Any]


def load(experiment: str, folder: Path | None = None) -> Results:
    """Read a finished experiment from `folder` (data/<experiment> by default).

    Raises StoreError naming the folder or file that is missing, foreign, older or changed.
    """
    folder = DATA / experiment if folder is None else Path(folder)
    manifest = read_manifest(folder)
    _check_experiment(folder, manifest, experiment)
    units = {key: _read_unit(folder, entry) for key, entry in manifest["units"].items()}
    return Results(manifest["settings"], units, manifest)


def load_unit(experiment: str, key: str) -> dict[str, NDArray]:
    """One unit of the experiment in data/, finished or not.

    Raises StoreError naming the folder or the unit that is missing, or the file that was changed.
    """
    folder = DATA / experiment
    manifest = read_manifest(folder)
    _check_experiment(folder, manifest, experiment)
    if key not in manifest["units"]:
        raise StoreError(f"{folder} has no unit {key} yet; run python -m mollify run {experiment}")
    return _read_unit(folder, manifest["units"][key])


def begin(
    folder: Path, experiment: str, settings: Mapping[str, Any], command: str, workers: int
) -> dict[str, Any]:
    """Open `folder` for a run and return its manifest, with this run noted in it.

    A new folder is made; a folder of the same experiment and settings is resumed, its files
    checked first. Raises StoreError, leaving everything in place, if the folder holds anything
    else.
    """
    settings = json.loads(json.dumps(settings))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(p.name for p in folder.iterdir())
    except OSError as error:
        raise StoreError(f"cannot use {folder} for results: {error.strerror}") from None
    if MANIFEST in found:
        manifest = read_manifest(folder)
        _check_experiment(folder, manifest, experiment)
        _check_settings(folder, manifest["settings"], settings)
        for entry in manifest["units"].values():
            _read_bytes(folder, entry)
    elif any(not name.startswith(TEMPORARY) for name in found):
        raise StoreError(
            f"{folder} holds files but no {MANIFEST} ({found[0]}, ...); give an empty folder"
        )
    else:
        manifest = {"format": FORMAT, "experiment": experiment, "settings": settings}
        manifest |= {"runs": [], "units": {}}
    for path in folder.glob(f"{TEMPORARY}*"):
        path.unlink()
    manifest["runs"].append(
        {
            "command": command,
            "revision": _revision(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "seconds": 0.0,
            "workers": workers,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "packages": {name: _version(name) for name in TRACKED_PACKAGES},
        }
    )
    return manifest


def add_unit(
    folder: Path,
    manifest: dict[str, Any],
    key: str,
    arrays: Mapping[str, NDArray],
    seconds: float,
    peak_mebibytes: float,
    run_seconds: float,
) -> None:
    """Write one unit's arrays and then the manifest that vouches for them.

    seconds: what the unit took; peak_mebibytes: the most memory its process ever held;
    run_seconds: what this run took so far.
    Raises StoreError if the disk refuses; the units written before stay valid.
    """
    content = encode(arrays)
    name = f"{key}.npz"
    _replace(folder / name, content)
    manifest["units"][key] = {
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "seconds": round(seconds, 3),
        "peak_mebibytes": round(peak_mebibytes, 1),
        "run": len(manifest["runs"]) - 1,
    }
    manifest["units"] = dict(sorted(manifest["units"].items()))
    manifest["runs"][-1]["seconds"] = round(run_seconds, 3)
    write_manifest(folder, manifest)


def encode(arrays: Mapping[str, NDArray]) -> bytes:
    """The .npz bytes of named arrays; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of `folder`, checked against its own checksum.

    Raises StoreError if it is missing, changed, or of another format.
    """
    path = Path(folder) / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StoreError(f"{folder} holds no results: there is no {MANIFEST}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}") from None
    try:
        manifest = json.loads(text)
        version = manifest["format"]
    except (json.JSONDecodeError, TypeError, KeyError):
        raise StoreError(f"{path} was changed: it is not a manifest any more") from None
    if version != FORMAT:
        raise StoreError(f"{path} has format {version!r}; this version reads format {FORMAT}")
    if text != _manifest_text(manifest):
        raise StoreError(f"{path} was changed: its checksum does not match its content")
    return manifest


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest of `folder`, with a checksum over its own content."""
    _replace(folder / MANIFEST, _manifest_text(manifest).encode())


def verify(root: Path) -> list[str]:
    """Check every results folder under `root`; return one line for each sound one.

    Raises StoreError naming the first file that is missing, changed or unknown.
    """
    root = Path(root)
    manifests = sorted(root.rglob(MANIFEST))
    if not manifests:
        raise StoreError(f"{root} holds no results: there is no {MANIFEST} in or under it")
    lines = []
    for path in manifests:
        folder, manifest = path.parent, read_manifest(path.parent)
        size = sum(len(_read_bytes(folder, entry)) for entry in manifest["units"].values())
        known = {MANIFEST, *(entry["file"] for entry in manifest["units"].values())}
        for other in sorted(folder.iterdir()):
            if other.name not in known and not other.name.startswith(TEMPORARY):
                raise StoreError(f"{other} is not in the manifest beside it")
        count = len(manifest["units"])
        lines.append(f"{manifest['experiment']}: {count} files, {size / 2**20:.1f} MiB, sound")
    return lines


def _manifest_text(manifest: Mapping[str, Any]) -> str:
    body = {key: value for key, value in manifest.items() if key != "checksum"}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return json.dumps(body | {"checksum": digest}, indent=1, sort_keys=True) + "\n"


def _check_experiment(folder: Path, manifest: Mapping[str, Any], experiment: str) -> None:
    if manifest["experiment"] != experiment:
        raise StoreError(
            f"{folder} holds the experiment {manifest['experiment']}, not {experiment}; "
            "give another folder"
        )


def _check_settings(folder: Path, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    for name in sorted(stored.keys() | asked.keys()):
        if stored.get(name) != asked.get(name):
            raise StoreError(
                f"{folder} was begun with {name} = {stored.get(name)!r}, not {asked.get(name)!r}; "
                "resume with the same settings or give another folder"
            )


def _read_bytes(folder: Path, entry: Mapping[str, Any]) -> bytes:
    path = folder / entry["file"]
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise StoreError(f"{path} is missing, though the manifest names it") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise StoreError(f"{path} was changed: its SHA-256 is not the one in the manifest")
    return content


def _read_unit(folder: Path, entry: Mapping[str, Any]) -> dict[str, NDArray]:
    content = io.BytesIO(_read_bytes(folder, entry))
    with np.load(content, allow_pickle=False) as arrays:
        return dict(arrays)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(TEMPORARY + path.name)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StoreError(
            f"cannot write {path}: {error.strerror}; the units stored before it are kept"
        ) from None


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _revision() -> str:
    """The git revision of the code, marked if lib/ differs from it; "unknown" outside git."""
    root = Path(__file__).resolve().parents[2]

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    revision = git("rev-parse", "HEAD") or "unknown"
    return revision + "+changes" if git("status", "--porcelain", "--", "lib/mollify") else revision
