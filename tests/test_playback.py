import base64
import re

import numpy as np
import pytest

from mollify.checks import ArgumentError
from mollify.playback import Track, player
from mollify.systems.hopper import hopper, skeleton


def track(frames=7, **changes):
    segments = np.random.default_rng(0).uniform(-1, 1, (frames, 2, 2, 2))
    fields = dict(label="one", finding="it <moves>", segments=segments, widths=(0.1, 0.2))
    return Track(**fields | dict(color="#123456") | changes)


def test_page_carries_the_segments_in_millimetres():
    one = track()
    page = player([one, one], 0.1)._repr_html_()
    data = re.findall(r'data-frames="([^"]+)"', page)
    assert len(data) == 2
    stored = np.frombuffer(base64.b64decode(data[0]), "<i2").reshape(one.segments.shape)
    np.testing.assert_allclose(stored / 1000, one.segments, atol=5.1e-4)


def test_every_drawing_is_described_and_escaped():
    page = player([track()], 0.1)._repr_html_()
    assert 'role="img" aria-label="it &lt;moves&gt;"' in page
    assert "aria-label" in re.search(r"<input[^>]+>", page).group()


def test_the_page_asks_nothing_of_another_host():
    page = player([track()], 0.1)._repr_html_()
    assert set(re.findall(r"https?://[^\s\"')]+", page)) <= {"http://www.w3.org/2000/svg"}


def test_tracks_of_different_length_are_refused():
    with pytest.raises(ArgumentError, match="segments must have shape"):
        player([track(), track(frames=6)], 0.1)


def test_no_track_is_refused():
    with pytest.raises(ArgumentError, match="at least one trajectory"):
        player([], 0.1)


def test_skeleton_of_the_rest_pose_stands_on_its_foot():
    positions = hopper().start(np.random.default_rng(0), 1)[:, :6] * [0, 1, 0, 0, 0, 0]
    ends, widths = skeleton(positions)
    heights = ends[0, :, :, 1]
    assert heights[0].max() == pytest.approx(positions[0, 1] + 0.2, abs=1e-9)
    assert heights[3].min() == pytest.approx(widths[3] / 2 + 0.04, abs=0.05)
    np.testing.assert_allclose(ends[0, 0, 1], ends[0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(ends[:, :, 0] - ends[:, :, 1], axis=-1),
                               [[0.4, 0.45, 0.5, 0.39]], atol=1e-9)  # fmt: skip
