"""What does a chapter depend on, and which stored executions are out of date?

The execution cache compares a chapter's cells only. A chapter also depends on the modules it
imports, on what these import in turn, on the folders of `data/` and the interactive figures it
names, and on the pinned packages. `digest` sums all of that up in one hash per chapter;
`forget_outdated` removes the stored executions of the chapters whose hash changed, and Jupyter
Book then runs them again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import jupytext
import yaml
from jupyter_cache import get_cache

PACKAGE = "mollify"
MAGICS = ("%", "!", "?")


def chapters(root: Path) -> list[Path]:
    """The source files named in `_toc.yml`, in the book's order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))

    def names(entry: dict) -> Iterator[str]:
        yield from (entry[key] for key in ("root", "file") if key in entry)
        for key in ("parts", "chapters", "sections"):
            for child in entry.get(key, []):
                yield from names(child)

    return [root / f"{name}.md" for name in names(toc)]


def code_cells(chapter: Path) -> list[str]:
    """The sources of a chapter's code cells."""
    return [cell.source for cell in jupytext.read(chapter).cells if cell.cell_type == "code"]


def is_executed(chapter: Path) -> bool:
    """Whether the chapter has a kernel and at least one cell."""
    front = chapter.read_text(encoding="utf-8").split("---", 2)[1:2]
    return "kernelspec" in "".join(front) and bool(code_cells(chapter))


def parse_cell(source: str) -> ast.Module:
    """The syntax tree of a cell, lines that are IPython's left out."""
    lines = source.splitlines()
    kept = ["pass" if line.lstrip().startswith(MAGICS) else line for line in lines]
    return ast.parse("\n".join(kept))


def module_files(library: Path) -> dict[str, Path]:
    """Dotted name -> file, for every module of the package under `library`."""
    files = {}
    for path in sorted(library.joinpath(PACKAGE).rglob("*.py")):
        parts = path.relative_to(library).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def imported_modules(tree: ast.AST, module: str | None, files: dict[str, Path]) -> set[str]:
    """Modules of the package imported anywhere in `tree`, with the packages around them.

    `module` is the dotted name of the file that `tree` was read from, None for a cell.
    """
    named: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                if module is None:
                    continue
                package = module.split(".")
                if files[module].name != "__init__.py":
                    package = package[:-1]
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, base] if base else package)
            named.add(base)
            named.update(f"{base}.{alias.name}" for alias in node.names)
    parts = [name.split(".") for name in named]
    ancestors = {".".join(name[:end]) for name in parts for end in range(1, len(name) + 1)}
    return ancestors & files.keys()


def data_entries(tree: ast.AST, data: Path) -> set[str]:
    """Entries of `data/` that `tree` names in a string, or all when a name is computed.

    A call `store.<function>(x)` whose x is no literal may read anything.
    """
    entries = {path.name for path in data.iterdir()} if data.is_dir() else set()
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.update({node.value.split("/")[0], node.value.removeprefix("data/").split("/")[0]})
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "store"
            and node.args
            and not isinstance(node.args[0], ast.Constant)
        ):
            return entries
    return used & entries


def loaded_entries(tree: ast.AST, data: Path) -> set[str]:
    """Entries of `data/` that a module of the library loads by name: `store.load("entry")`."""
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "load"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
        and (data / node.args[0].value).exists()
    }


def dependencies(chapter: Path, root: Path) -> list[Path]:
    """Every file outside the chapter that its cells may read, sorted."""
    library, data = root / "lib", root / "data"
    files = module_files(library)
    cells = [parse_cell(source) for source in code_cells(chapter)]
    entries = set().union(*(data_entries(tree, data) for tree in cells))
    waiting = set().union(*(imported_modules(tree, None, files) for tree in cells))
    modules: set[str] = set()
    while waiting:
        module = waiting.pop()
        modules.add(module)
        tree = ast.parse(files[module].read_text(encoding="utf-8"))
        waiting |= imported_modules(tree, module, files) - modules
        entries |= loaded_entries(tree, data)
    paths = [files[module] for module in modules]
    if modules:  # style sheets, models and the like: any module may read them
        paths += files_under(library / PACKAGE, exclude=(".py", ".pyc"))
    for entry in entries:
        paths += files_under(data / entry)
    if f"{PACKAGE}.explorables" in modules:
        paths += figure_files(cells, library / "explorables")
    return sorted(set(paths))


def figure_files(cells: Iterable[ast.AST], folder: Path) -> list[Path]:
    """What the interactive figures named in `cells` are made of: their modules and shared parts."""
    named = {
        node.value
        for tree in cells
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    shared = [path for path in folder.iterdir() if path.name not in ("tests", "fixtures")]
    return [
        file
        for path in sorted(shared)
        if path.suffix != ".js" or path.stem in named
        for file in files_under(path)
    ]


def files_under(path: Path, exclude: tuple[str, ...] = (".pyc",)) -> list[Path]:
    """All files under `path` (or `path` itself, if it is a file), sorted, without `exclude`."""
    found = [path] if path.is_file() else path.rglob("*")
    return sorted(
        file
        for file in found
        # Compiled loops are stored under __pycache__ while a chapter runs; they are no source.
        if file.is_file() and file.suffix not in exclude and "__pycache__" not in file.parts
    )


def digest(paths: Iterable[Path], root: Path) -> str:
    """SHA-256 over names and contents of `paths`, in the given order, and Python's version."""
    total = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for path in paths:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root)} {content}\n".encode())
    return total.hexdigest()


def forget_outdated(root: Path, cache_folder: Path) -> list[str]:
    """Drop stored executions whose dependencies changed; return the chapters' names.

    The new hashes are written after the removal, so an interruption at any point leaves either
    the old hash (removed again next time) or no stored execution.
    """
    record = cache_folder / "dependencies.json"
    known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    pins = root / "requirements.txt"
    current = {
        chapter.stem: digest([pins, *dependencies(chapter, root)], root)
        for chapter in chapters(root)
        if chapter.exists() and is_executed(chapter)
    }
    outdated = [name for name, value in current.items() if known.get(name) != value]
    cache = get_cache(cache_folder)
    for stored in cache.list_cache_records():
        if Path(stored.uri).stem in outdated:
            cache.remove_cache(stored.pk)
    cache_folder.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(current, indent=1) + "\n", encoding="utf-8")
    return [name for name in outdated if name in known]
