"""What the drawing functions put on an axes."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mollify import checks, figures


@pytest.fixture
def ax():
    return Figure().subplots()


def test_share_table_writes_each_percentage_in_its_cell(ax):
    shares = np.array([[0.0, 0.25, 1.0], [0.5, 0.125, 0.875]])
    mesh = figures.share_table(ax, shares, ["a", "b", "c"], ["first", "second"])
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written[(0.5, 0.5)] == "0" and written[(2.5, 1.5)] == "88"
    assert len(written) == shares.size
    np.testing.assert_array_equal(mesh.get_array().reshape(shares.shape), shares)
    assert mesh.get_clim() == (0, 1)
    top, bottom = (ax.transData.transform((0, y))[1] for y in (0.5, 1.5))
    assert top > bottom


@pytest.mark.parametrize(
    ("shares", "rows", "named"),
    [([[1.2]], ["only"], "from 0 to 1, got 1.2"), ([[0.5]], ["one", "two"], "shares")],
)
def test_share_table_refuses_what_is_no_table_of_shares(ax, shares, rows, named):
    with pytest.raises(checks.ArgumentError, match=named):
        figures.share_table(ax, shares, ["a"], rows)


def test_sigma_color_rises_on_a_logarithmic_scale_and_stops_at_its_ends():
    assert figures.sigma_color(1e-5) == figures.sigma_color(1e-3)
    assert figures.sigma_color(100) == figures.sigma_color(10)
    red = [int(figures.sigma_color(s)[1:3], 16) for s in np.geomspace(1e-3, 10, 9)]
    assert red == sorted(red) and red[0] < red[-1]
