"""A stored execution is dropped exactly when something that its chapter reads has changed."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn

import book_build
import book_freshness

FRONT = "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n\n# Title\n\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of two chapters: `one` reads heat (and through it, checks) and data/runs."""
    toc = "root: chapters/one\nparts:\n- chapters:\n  - file: chapters/two\n"
    write(tmp_path / "_toc.yml", toc)
    cell = "```{{code-cell}} python\n{}\n```\n"
    one = cell.format('%matplotlib inline\nfrom mollify import heat, store\nstore.load("runs")')
    two = cell.format("import mollify.systems.hopper")
    write(tmp_path / "chapters" / "one.md", FRONT + one)
    write(tmp_path / "chapters" / "two.md", FRONT + two)
    write(tmp_path / "requirements.txt", "numpy\n")
    package = tmp_path / "lib" / "mollify"
    write(package / "__init__.py", "")
    write(package / "heat.py", "from . import checks\n")
    write(package / "checks.py", "import numpy\n")
    write(package / "store.py", "")
    write(package / "unused.py", "")
    write(package / "systems" / "__init__.py", "")
    write(package / "systems" / "hopper.py", "from ..policies import linear\n")
    write(package / "policies.py", "linear = None\n")
    write(tmp_path / "data" / "runs" / "manifest.json", "{}")
    write(tmp_path / "data" / "other" / "manifest.json", "{}")
    return tmp_path


def names(paths: list[Path], root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in paths}


def test_dependencies_follow_imports_and_data(book: Path) -> None:
    one, two = book_freshness.chapters(book)
    assert names(book_freshness.dependencies(one, book), book) == {
        "lib/mollify/__init__.py",
        "lib/mollify/heat.py",
        "lib/mollify/checks.py",
        "lib/mollify/store.py",
        "data/runs/manifest.json",
    }
    assert names(book_freshness.dependencies(two, book), book) == {
        "lib/mollify/__init__.py",
        "lib/mollify/systems/__init__.py",
        "lib/mollify/systems/hopper.py",
        "lib/mollify/policies.py",
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('store.load("runs")', {"runs"}),
        ('open("data/other/manifest.json")', {"other"}),
        ("store.load(name)", {"runs", "other"}),
        ('store.load(f"{name}")', {"runs", "other"}),
        ("print(1)", set()),
    ],
)
def test_data_entries(book: Path, source: str, expected: set[str]) -> None:
    assert book_freshness.data_entries(ast.parse(source), book / "data") == expected


def test_data_loaded_by_a_module_counts(book: Path) -> None:
    one, two = book_freshness.chapters(book)
    write(book / "lib" / "mollify" / "policies.py", 'results = store.load("other")\n')
    assert "data/other/manifest.json" in names(book_freshness.dependencies(two, book), book)
    assert "data/other/manifest.json" not in names(book_freshness.dependencies(one, book), book)


def store_executions(book: Path, cache: Path) -> None:
    """Put an execution of each chapter into the cache."""
    for number, chapter in enumerate(book_freshness.chapters(book)):
        cell = nbformat.v4.new_code_cell(f"print({number})", execution_count=1)
        bundle = CacheBundleIn(nbformat.v4.new_notebook(cells=[cell]), str(chapter))
        get_cache(cache).cache_notebook_bundle(bundle, overwrite=True)


def stored(cache: Path) -> set[str]:
    return {Path(record.uri).stem for record in get_cache(cache).list_cache_records()}


@pytest.mark.parametrize(
    ("changed", "outdated"),
    [
        ("lib/mollify/checks.py", {"one"}),
        ("lib/mollify/policies.py", {"two"}),
        ("lib/mollify/__init__.py", {"one", "two"}),
        ("lib/mollify/unused.py", set()),
        ("data/runs/manifest.json", {"one"}),
        ("data/runs/new.csv", {"one"}),
        ("data/other/manifest.json", set()),
        ("requirements.txt", {"one", "two"}),
    ],
)
def test_change_drops_the_executions_that_depend_on_it(
    book: Path, changed: str, outdated: set[str]
) -> None:
    cache = book / "_build" / ".jupyter_cache"
    book_freshness.forget_outdated(book, cache)
    store_executions(book, cache)
    assert book_freshness.forget_outdated(book, cache) == []
    assert stored(cache) == {"one", "two"}
    write(book / changed, "# changed\n")
    assert set(book_freshness.forget_outdated(book, cache)) == outdated
    assert stored(cache) == {"one", "two"} - outdated


@pytest.mark.parametrize("changed", ["chapters/one.md", "lib/mollify/heat.py", "_config.yml"])
def test_sources_digest_sees_every_source(book: Path, changed: str) -> None:
    before = book_build.sources_digest(book)
    assert book_build.sources_digest(book) == before
    write(book / changed, "# changed\n")
    assert book_build.sources_digest(book) != before


def test_fresh_book_is_not_built_again(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def build(command: list[str], cwd: Path, check: bool) -> None:
        calls.append(command)
        write(cwd / "_build" / "html" / "index.html", "")

    monkeypatch.setattr(book_build.subprocess, "run", build)
    book_build.ensure_book(book)
    book_build.ensure_book(book)
    assert len(calls) == 1
    write(book / "lib" / "mollify" / "heat.py", "# changed\n")
    book_build.ensure_book(book)
    assert len(calls) == 2


def test_what_a_run_compiles_is_no_source(tmp_path: Path) -> None:
    """A chapter that compiles a loop while it runs must not make itself out of date."""
    (tmp_path / "module.py").write_text("x = 1\n")
    before = book_freshness.files_under(tmp_path)
    stored = tmp_path / "__pycache__" / "loops-0"
    stored.mkdir(parents=True)
    (stored / "loop.nbi").write_text("compiled")
    assert book_freshness.files_under(tmp_path) == before == [tmp_path / "module.py"]
