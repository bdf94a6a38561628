"""How is a recorded trajectory shown moving, on a page without a kernel?

A player is one piece of HTML: a drawing per trajectory made of line segments, all driven by one
play button and one slider. Without scripts the drawings still show the pose at several times.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mollify import checks

VIEW_WIDTH, VIEW_HEIGHT, FLOOR_DEPTH = 2.6, 1.9, 0.25
GHOSTS = 5


class Track(NamedTuple):
    """One trajectory to draw.

    label: the line under the drawing.
    finding: what the drawing shows, for readers who cannot see it.
    segments: (F, S, 2, 2), both ends (x, z) in metres of S segments over F frames.
    widths: (S,), thickness of the segments in metres.
    color: a CSS colour.
    """

    label: str
    finding: str
    segments: NDArray
    widths: Sequence[float]
    color: str


class Player(NamedTuple):
    """Tracks that play together; notebooks and pages show it as HTML."""

    tracks: tuple[Track, ...]
    seconds_per_frame: float

    def __repr__(self) -> str:
        frames = len(self.tracks[0].segments)
        return f"<player: {len(self.tracks)} trajectories of {frames} frames>"

    def _repr_html_(self) -> str:
        panels = "".join(_panel(track) for track in self.tracks)
        name = "player-" + hashlib.sha256(panels.encode()).hexdigest()[:12]
        frames = len(self.tracks[0].segments)
        script = (Path(__file__).parent / "playback.js").read_text(encoding="utf-8")
        return (
            f'<div class="player" id="{name}" data-seconds="{self.seconds_per_frame:g}">'
            f'<div class="player-panels">{panels}</div>'
            '<div class="player-controls" hidden>'
            '<button type="button">Play</button>'
            f'<input type="range" min="0" max="{frames - 1}" value="0" step="1" '
            f'aria-label="Time of the recording, in frames of {self.seconds_per_frame:g} seconds">'
            "<output>0.0 s</output></div>"
            f"<style>{_STYLE}</style>"
            f'<script type="module">{script}\nplay(document.getElementById("{name}"));</script>'
            "</div>"
        )


def player(tracks: Sequence[Track], seconds_per_frame: float) -> Player:
    """Check the tracks and join them in one player.

    Raises ArgumentError if there is none, or if they differ in length or are not finite.
    """
    seconds_per_frame = checks.positive("seconds_per_frame", seconds_per_frame)
    if not tracks:
        raise checks.ArgumentError("tracks must hold at least one trajectory, got none")
    frames = len(tracks[0].segments)
    for track in tracks:
        checks.finite_array("segments", track.segments, (frames, len(track.widths), 2, 2))
    return Player(tuple(tracks), seconds_per_frame)


_STYLE = (
    ".player{color:#222;background:#fff;border-radius:.4rem;padding:.5rem}"
    ".player figure figcaption{color:#222}"
    ".player-panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));"
    "gap:.75rem}.player-panels figure{margin:0}.player svg{width:100%;height:auto;"
    "display:block;border-radius:.4rem;background:#8881}"
    ".player figcaption{font-size:.85rem;text-align:center;padding-top:.25rem}"
    ".player-controls{display:flex;gap:.75rem;align-items:center;margin-top:.5rem}"
    ".player-controls[hidden]{display:none}.player-controls input{flex:1;min-width:0}"
    ".player-controls button{min-width:5rem;min-height:2.2rem;font:inherit;cursor:pointer}"
    ".player-controls output{min-width:3.5rem;text-align:right;"
    "font-variant-numeric:tabular-nums}"
)


def _panel(track: Track) -> str:
    centre = track.segments[:, 0, :, 0].mean(axis=1)
    local = track.segments.copy()
    local[..., 0] -= centre[:, None, None]
    frames = len(local)
    times = np.linspace(0, frames - 1, GHOSTS).round().astype(int)
    ghosts = "".join(
        f'<g class="ghost" opacity="{0.15 + 0.85 * k / (GHOSTS - 1):.2f}">'
        f"{_pose(track.segments[f] - _shift(track.segments[times[-1]]), track.widths)}</g>"
        for k, f in enumerate(times)
    )
    millimetres = np.clip(np.round(1000 * track.segments), -32000, 32000).astype("<i2")
    data = base64.b64encode(millimetres.tobytes()).decode()
    width, top = VIEW_WIDTH, VIEW_HEIGHT
    return (
        f'<figure><svg viewBox="{-width / 2} {-top} {width} {top + FLOOR_DEPTH}" role="img" '
        f'aria-label="{html.escape(track.finding, quote=True)}" data-frames="{data}">'
        f'<rect x="{-width / 2}" y="0" width="{width}" height="{FLOOR_DEPTH}" '
        'fill="currentColor" opacity="0.25"/><g class="marks" stroke="currentColor" '
        'stroke-width="0.015"></g>'
        f'<g stroke="{track.color}" stroke-linecap="round" fill="none">{ghosts}'
        f'<g class="body" visibility="hidden">{_pose(local[0], track.widths)}</g></g></svg>'
        f"<figcaption>{html.escape(track.label)}</figcaption></figure>"
    )


def _shift(pose: NDArray) -> NDArray:
    return np.array([pose[0, :, 0].mean(), 0.0])


def _pose(pose: NDArray, widths: Sequence[float]) -> str:
    return "".join(
        f'<line x1="{a[0]:.3f}" y1="{-a[1]:.3f}" x2="{b[0]:.3f}" y2="{-b[1]:.3f}" '
        f'stroke-width="{width:g}"/>'
        for (a, b), width in zip(pose, widths, strict=True)
    )
