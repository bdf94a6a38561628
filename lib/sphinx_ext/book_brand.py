"""What does the book look like from outside? Its mark and its card, drawn from its own numbers.

Both show the landscape of the introduction's thesis: the mark stands in the browser's tab and in
the sidebar, the card is the picture of a link to the book.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mollify import figures, objectives

# Pixels, as link previews expect them.
CARD_SIZE = (1200, 630)
SIGMAS = (0.3, 1.0, 3.0)
PAPER, INK, QUIET = "#fffefc", "#1f2328", "#57606a"


def mark_svg() -> str:
    """The mark: the high hill with its ripples, and what noise of size 0.8 leaves of it."""
    landscape = objectives.rugged_hills()
    rough, smooth = np.linspace(-1.3, 3.9, 40), np.linspace(-1.3, 3.9, 30)
    jagged, hill = landscape.value(rough), landscape.mollified(smooth, 0.8**2)
    low, high = min(jagged.min(), hill.min()), max(jagged.max(), hill.max())

    def path(x: NDArray, y: NDArray) -> str:
        across = 3 + 26 * (x - x[0]) / (x[-1] - x[0])
        down = 27 - 21 * (y - low) / (high - low)
        points = (f"{a:.1f} {b:.1f}" for a, b in zip(across, down, strict=True))
        return "M" + "L".join(points)

    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        '<rect width="32" height="32" rx="6" fill="#0b5a7d"/>'
        '<g fill="none" stroke-linejoin="round" stroke-linecap="round">'
        f'<path d="{path(rough, jagged)}" stroke="#8ac4e0" stroke-width="1.4"/>'
        f'<path d="{path(smooth, hill)}" stroke="#fff" stroke-width="2.4"/>'
        "</g></svg>\n"
    )


def draw_card(target: Path, title: str) -> None:
    """Write the card as PNG: the title, the landscape, and the landscape under three noises.

    title: "name: what it is about", set in two lines.
    """
    name, _, about = title.partition(": ")
    landscape = objectives.rugged_hills()
    x = np.linspace(-6.5, 4.5, 2401)
    with mpl.rc_context({"font.family": ["DejaVu Serif"], "text.usetex": False}):
        figure = Figure(figsize=(CARD_SIZE[0] / 100, CARD_SIZE[1] / 100), dpi=100)
        FigureCanvasAgg(figure)
        figure.set_facecolor(PAPER)
        axes = figure.add_axes((0, 0.02, 1, 0.62))
        axes.set_axis_off()
        axes.set_xlim(x[0], x[-1])
        axes.plot(x, landscape.value(x), color="0.6", linewidth=1.3)
        for sigma in SIGMAS:
            axes.plot(
                x,
                landscape.mollified(x, sigma**2),
                color=figures.sigma_color(sigma),
                linewidth=3,
                label=f"σ = {sigma:g}",
            )
        figure.legend(loc=(0.79, 0.68), frameon=False, fontsize=20, labelcolor=INK)
        figure.text(0.05, 0.82, name, fontsize=50, color=INK, fontweight="bold")
        figure.text(0.052, 0.71, about, fontsize=29, color=QUIET)
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, format="png", metadata={"Software": None})
