"""How is each array drawn on a given axes?

Every function draws one array on the axes it is given and returns the artist a legend or a colour
bar needs. Colour means sigma everywhere: see `sigma_color`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, SymLogNorm, to_hex
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from mollify import checks

SIGMA_LEAST, SIGMA_MOST = 1e-3, 10.0

# Plasma is perceptually uniform and readable with any colour vision. Its light end is cut off so
# that a thin line of any sigma keeps a contrast of 3:1 on white.
SIGMA_MAP = LinearSegmentedColormap.from_list(
    "sigma", mpl.colormaps["plasma"](np.linspace(0.0, 0.63, 256))
)
SIGMA_NORM = LogNorm(SIGMA_LEAST, SIGMA_MOST, clip=True)

GREY = "#767676"


def use_style() -> None:
    """Switch matplotlib to the style of the book (`mollify.mplstyle`)."""
    plt.style.use(Path(__file__).with_name("mollify.mplstyle"))


def sigma_color(sigma: float) -> str:
    """Colour of a standard deviation as `#rrggbb`, dark blue (small) to salmon (large).

    One logarithmic scale for the whole book, from 0.001 to 10; values outside take the end
    colours. Raises ArgumentError unless sigma is finite and above 0.
    """
    return to_hex(SIGMA_MAP(SIGMA_NORM(checks.positive("sigma", sigma))))


def curves_by_sigma(
    ax: Axes, x: ArrayLike, values: ArrayLike, sigmas: ArrayLike, *, label: str = r"$\sigma$ = {:g}"
) -> list[Line2D]:
    """Draw one curve per sigma in its colour.

    x: (points,); values: (sigmas, points); sigmas: (sigmas,), all above 0.
    Raises ArgumentError on arrays that do not fit together.
    """
    x = checks.finite_array("x", x, (None,))
    sigmas = checks.finite_array("sigmas", sigmas, (None,))
    values = checks.finite_array("values", values, (len(sigmas), len(x)))
    return [
        ax.plot(x, row, color=sigma_color(sigma), label=label.format(sigma))[0]
        for sigma, row in zip(sigmas, values, strict=True)
    ]


def landscape(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    values: ArrayLike,
    *,
    linear_below: float | None = None,
    cmap: str = "cividis",
) -> QuadMesh:
    """Draw a landscape over a plane as a colour mesh.

    x: (columns,); y: (rows,); values: (rows, columns). `linear_below` switches the colours to a
    symmetric-logarithmic scale that is linear between -linear_below and +linear_below: for returns
    that span decades. Returns the mesh, for a colour bar.
    Raises ArgumentError on arrays that do not fit together.
    """
    x = checks.finite_array("x", x, (None,))
    y = checks.finite_array("y", y, (None,))
    values = checks.finite_array("values", values, (len(y), len(x)))
    low, high = float(values.min()), float(values.max())
    norm = Normalize(low, high)
    if linear_below is not None:
        norm = SymLogNorm(checks.positive("linear_below", linear_below), vmin=low, vmax=high)
    mesh = ax.pcolormesh(x, y, values, norm=norm, cmap=cmap, shading="nearest", rasterized=True)
    ax.grid(False)
    return mesh


def training_curves(
    ax: Axes,
    epochs: ArrayLike,
    returns: ArrayLike,
    color: str,
    *,
    label: str | None = None,
    linear_below: float | None = None,
) -> Line2D:
    """Draw every seed as a thin line and their median as a thick one.

    epochs: (epochs,); returns: (seeds, epochs). `linear_below` puts the vertical axis on a
    symmetric-logarithmic scale that is linear between -linear_below and +linear_below.
    Returns the median line. Raises ArgumentError on arrays that do not fit together.
    """
    epochs = checks.finite_array("epochs", epochs, (None,))
    returns = checks.finite_array("returns", returns, (None, len(epochs)))
    if len(returns) > 1:
        ax.plot(epochs, returns.T, color=color, linewidth=0.7, alpha=0.35)
    if linear_below is not None:
        ax.set_yscale("symlog", linthresh=checks.positive("linear_below", linear_below))
    (median,) = ax.plot(epochs, np.median(returns, axis=0), color=color, linewidth=2.2, label=label)
    return median


def share_table(
    ax: Axes, shares: ArrayLike, columns: Sequence[str], rows: Sequence[str]
) -> QuadMesh:
    """Draw a table of shares as coloured cells with the percentage in each, first row on top.

    shares: (rows, columns), each from 0 to 1. Returns the mesh.
    Raises ArgumentError on a share outside 0 to 1 or names that do not fit.
    """
    shares = checks.finite_array("shares", shares, (len(rows), len(columns)))
    if shares.size and not 0 <= shares.min() <= shares.max() <= 1:
        raise checks.ArgumentError(
            f"shares must lie from 0 to 1, got {shares.min():g} to {shares.max():g}"
        )
    mesh = ax.pcolormesh(shares, cmap="cividis", vmin=0, vmax=1, edgecolors="white", linewidth=1)
    for (i, j), share in np.ndenumerate(shares):
        color = "white" if share < 0.6 else "black"
        ax.text(j + 0.5, i + 0.5, f"{100 * share:.0f}", color=color, ha="center", va="center",
                fontsize=8)  # fmt: skip
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=60)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.tick_params(length=0)
    ax.invert_yaxis()
    ax.grid(False)
    return mesh


def heat_surface(
    ax: Axes, mu: ArrayLike, sigmas: ArrayLike, values: ArrayLike, *, levels: int = 12
) -> QuadMesh:
    """Draw u(mu, sigma^2) over the half plane: mu across, sigma upwards, level lines on top.

    mu: (points,); sigmas: (sigmas,), rising and above 0; values: (sigmas, points).
    A logarithmic sigma axis is the caller's choice: `ax.set_yscale("log")`.
    Returns the mesh, for a colour bar. Raises ArgumentError on arrays that do not fit together.
    """
    mesh = landscape(ax, mu, sigmas, values)
    ax.contour(mu, sigmas, values, levels=levels, colors="white", linewidths=0.6, alpha=0.7)
    return mesh


def flow_path(ax: Axes, x: ArrayLike, y: ArrayLike, color: str) -> Line2D:
    """Draw a path with an open circle where it starts and a filled one where it ends.

    x, y: (steps,). Returns the line. Raises ArgumentError on arrays that do not fit together.
    """
    x = checks.finite_array("x", x, (None,))
    y = checks.finite_array("y", y, (len(x),))
    (line,) = ax.plot(x, y, color=color, linewidth=2.6, solid_capstyle="round", zorder=4)
    ax.plot(x[:1], y[:1], "o", markerfacecolor="white", markeredgecolor=color, zorder=5)
    ax.plot(x[-1:], y[-1:], "o", color=color, zorder=5)
    return line
