"""Every chapter has stored text outputs, and nbval really compares them.

The comparison itself is nbval's: `make test` runs it on each notebook in `tests/reference`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import book_freshness
import book_references
from book_build import ROOT

CHAPTERS = [path for path in book_freshness.chapters(ROOT) if book_freshness.is_executed(path)]
REFERENCES = ROOT / "tests" / "reference"


def reference(name: str) -> nbformat.NotebookNode:
    path = REFERENCES / f"{name}.ipynb"
    assert path.exists(), f"{name} has no stored outputs: make references"
    return nbformat.read(path, as_version=4)


def test_no_reference_without_chapter() -> None:
    stored = {path.stem for path in REFERENCES.glob("*.ipynb")}
    assert stored == {chapter.stem for chapter in CHAPTERS}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_reference_has_the_cells_of_its_chapter(chapter: Path) -> None:
    stored = [cell.source for cell in reference(chapter.stem).cells]
    assert stored == book_freshness.code_cells(chapter), "cells changed: make references"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_reference_is_compared(chapter: Path) -> None:
    """nbval compares nothing in a cell that was not run, so each must have been; some print."""
    cells = reference(chapter.stem).cells
    assert all(cell.execution_count is not None for cell in cells)
    assert any(output.output_type == "stream" for cell in cells for output in cell.outputs)


def test_only_text_is_stored() -> None:
    picture = nbformat.v4.new_output(
        "display_data", data={"text/plain": "<Figure>", "image/png": "aGk="}
    )
    html = nbformat.v4.new_output("display_data", data={"text/html": "<b>hi</b>"})
    printed = nbformat.v4.new_output("stream", name="stdout", text="1.25\n")
    cell = nbformat.v4.new_code_cell("draw()", outputs=[picture, html, printed])
    stored = book_references.text_only(nbformat.v4.new_notebook(cells=[cell]))
    outputs = stored.cells[0].outputs
    assert [output.output_type for output in outputs] == ["display_data", "stream"]
    assert outputs[0].data == {"text/plain": "<Figure>"}


@pytest.mark.slow
def test_changed_output_fails(tmp_path: Path) -> None:
    """A reference holds each stream whole, passes as written, fails when one digit is another."""
    chapter = tmp_path / "small.md"
    chapter.write_text(
        "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n"
        "jupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n---\n\n"
        "```{code-cell} python\nimport time\nprint('root', flush=True)\ntime.sleep(0.5)\n"
        "print(round(2**0.5, 2))\n```\n"
    )
    path = book_references.write_reference(chapter, tmp_path)
    assert [out.text for out in nbformat.read(path, 4).cells[0].outputs] == ["root\n1.41\n"]
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts="]
    command += ["--rootdir", str(tmp_path), "--nbval", "--nbval-current-env", str(path)]
    good = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout
    path.write_text(path.read_text().replace("1.41", "1.42"))
    bad = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "Cell outputs differ" in bad.stdout
