"""Write the reference outputs that the tests compare with: `tests/reference/<chapter>.ipynb`.

Each chapter is executed; of its outputs only text is kept (streams and plain text), without
pictures, times or random ids, so that two runs give the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

import book_freshness
from book_build import ROOT

TEXT = "text/plain"
# Tags that tell nbval how to treat a cell; see CONTRIBUTING.md.
TAGS = ("nbval-ignore-output", "nbval-check-output", "nbval-skip", "raises-exception")


def text_only(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The code cells of an executed notebook with their text outputs."""
    cells = []
    for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
        kept = nbformat.v4.new_code_cell(cell.source, id=f"cell-{number}")
        kept.execution_count = number + 1
        tags = [tag for tag in cell.metadata.get("tags", []) if tag in TAGS]
        if tags:
            kept.metadata["tags"] = tags
        if "nbval-ignore-output" not in tags:
            kept.outputs = [text_output(out, number + 1) for out in cell.outputs if has_text(out)]
        cells.append(kept)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def has_text(output: nbformat.NotebookNode) -> bool:
    return output.output_type == "stream" or TEXT in output.get("data", {})


def text_output(output: nbformat.NotebookNode, count: int) -> nbformat.NotebookNode:
    """A copy of an output with nothing but its text."""
    if output.output_type == "stream":
        return nbformat.v4.new_output("stream", name=output.name, text=output.text)
    extra = {"execution_count": count} if output.output_type == "execute_result" else {}
    return nbformat.v4.new_output(output.output_type, data={TEXT: output.data[TEXT]}, **extra)


def write_reference(chapter: Path, folder: Path) -> Path:
    """Execute `chapter` beside its source and write its text outputs into `folder`."""
    notebook = jupytext.read(chapter)
    # How a stream is cut into pieces depends on the machine's load.
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": folder}},
        coalesce_streams=True,
    )
    client.execute()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{chapter.stem}.ipynb"
    nbformat.write(text_only(notebook), target)
    return target


def main(names: list[str]) -> int:
    chapters = [path for path in book_freshness.chapters(ROOT) if book_freshness.is_executed(path)]
    unknown = set(names) - {chapter.stem for chapter in chapters}
    if unknown:
        print(f"No executed chapter is called {', '.join(sorted(unknown))}.")
        return 2
    folder = ROOT / "tests" / "reference"
    for chapter in chapters:
        if not names or chapter.stem in names:
            print(write_reference(chapter, folder).relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
