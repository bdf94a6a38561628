"""Settings that hold for all tests."""

import os
from pathlib import Path

import matplotlib
import pytest
from hypothesis import settings

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
