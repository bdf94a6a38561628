"""The repository's address stands in one place; what is derived from it is right."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

import book_freshness
import book_site


def repository_address(root: Path) -> str:
    return yaml.safe_load((root / "_config.yml").read_text())["repository"]["url"]


def test_address_stands_in_one_place(root: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    address = repository_address(root).encode()
    files = [name for name in listed if (root / name).is_file()]
    assert [name for name in files if address in (root / name).read_bytes()] == ["_config.yml"]


def test_colab_notebook_starts_by_fetching_the_book(root: Path) -> None:
    chapter = next(
        path for path in book_freshness.chapters(root) if book_freshness.is_executed(path)
    )
    notebook = book_site.colab_notebook(chapter, "https://example.org/owner/name", "main")
    first, *rest = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert "git clone --quiet --depth 1 --branch main https://example.org/owner/name" in first
    assert rest == book_freshness.code_cells(chapter)


def test_mathjax_is_installed() -> None:
    folder = book_site.mathjax_folder()
    assert all((folder / part).exists() for part in book_site.MATHJAX_PARTS)
