"""Settings that hold for all tests."""

import os
import re
from pathlib import Path

import matplotlib
import pytest
from hypothesis import settings
from xdist.scheduler.loadfile import LoadFileScheduling

# Figures are drawn without a screen here; the kernels of the chapters choose for themselves.
os.environ.pop("MPLBACKEND", None)
matplotlib.use("Agg")

# The same examples in every run, and no limit on a single one: the machine may be busy.
settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")

# Kinds of output that the references do not keep (nbval leaves out PNG by itself).
NOT_TEXT = ("image/svg+xml", "text/html", "text/markdown", "application/javascript")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let nbval compare the text of a cell's outputs, not its pictures."""
    notebook = item.parent
    if hasattr(notebook, "skip_compare") and "text/html" not in notebook.skip_compare:
        notebook.skip_compare = (*notebook.skip_compare, *NOT_TEXT)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the repository."""
    return Path(__file__).parent.parent


class FinerFiles(LoadFileScheduling):
    """All tests of a file go to one worker, except in the two files that open a browser most.

    There each page of the site goes where there is room, and so do all tests of an explorable.
    """

    explorables = "|".join(
        path.stem for path in Path(__file__).parent.parent.glob("lib/explorables/*.js")
    )

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        if "::test_page_in_browser[" in nodeid:
            return nodeid
        figure = re.search(rf"test_explorables\.py::.*\[({self.explorables})[-\]]", nodeid)
        return f"{file}[{figure.group(1)}]" if figure else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    return FinerFiles(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured on pages and interactive figures, and keep it in `_build`."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
    ]
    measured = [dict(report.user_properties) for report in reports]
    pages = sorted(
        (one["page"], one["transferred"] / 1e3, one["paint"]) for one in measured if "page" in one
    )
    if not pages:
        return
    lines = [f"{'page':36}{'kB on the wire':>16}{'ms to first paint':>20}"]
    lines += [f"{page:36}{size:16.0f}{paint:20.0f}" for page, size, paint in pages]
    terminalreporter.section("first visits of the pages")
    for line in lines:
        terminalreporter.write_line(line)
    build = Path(__file__).parent.parent / "_build"
    (build / "page-weights.txt").write_text("\n".join(lines) + "\n")
