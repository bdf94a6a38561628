"""How do the pages get light? Two things that a reader would wait for are made small.

The theme sends every icon there is, as a script of half a megabyte; the pages need about twenty,
which a font of a few kilobytes holds. Figures come with millions of colours and use few.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image

ICON_SCRIPT = re.compile(r"<script\b[^>]*\bfontawesome\.js[^>]*></script>\n?")
ICON_FONTS = {"Font Awesome 6 Free": "fa-solid-900", "Font Awesome 6 Brands": "fa-brands-400"}
CONTENT = re.compile(r'content:"\\([0-9a-f]+)"')
# Of 255, in the worst channel: for all but one pixel in a thousand, and on average.
LARGEST_CHANGE, MEAN_CHANGE = 12, 0.5


def icon_codes(texts: Iterable[str], style: str) -> set[int]:
    """Code points of the icons that are named `fa-...` in `texts`, by the theme's style sheet."""
    names = set().union(*(re.findall(r"\bfa-[a-z0-9-]+", text) for text in texts))
    rules = (rule.rpartition("{") for rule in style.split("}"))
    return {
        int(code.group(1), 16)
        for selectors, _, content in rules
        if (code := CONTENT.fullmatch(content))
        and names & set(re.findall(r"\.(fa-[a-z0-9-]+):before", selectors))
    }


def icon_font(source: Path, codes: Iterable[int]) -> bytes | None:
    """The font `source` with nothing but the glyphs of `codes`, as WOFF; None if it has none."""
    font = TTFont(source)
    wanted = set(codes) & set(font.getBestCmap())
    if not wanted:
        return None
    options = subset.Options(hinting=False, desubroutinize=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    font.flavor = "woff"
    written = io.BytesIO()
    font.save(written)
    return written.getvalue()


def write_icons(static: Path, pages: Iterable[str]) -> None:
    """Write the fonts of the icons that `pages` and the theme's scripts name, and their style."""
    style = "".join(path.read_text("utf-8") for path in sorted(static.glob("styles/*.css")))
    scripts = [
        path.read_text("utf-8")
        for path in sorted(static.glob("scripts/*.js"))
        if path.name != "fontawesome.js"
    ]
    # Beside the icons in the pages, the style sheet of sphinx-book-theme sets one by its code.
    codes = icon_codes([*pages, *scripts], style)
    codes |= {int(code, 16) for code in re.findall(r':after\{content:"\\(f[0-9a-f]{3})"', style)}
    faces = []
    for family, file in ICON_FONTS.items():
        font = icon_font(static / "vendor" / "fontawesome" / "webfonts" / f"{file}.ttf", codes)
        if font is not None:
            (static / f"{file}.woff").write_bytes(font)
            weight = file.rsplit("-", 1)[1]
            faces.append(
                f'@font-face {{ font-family: "{family}"; font-weight: {weight}; '
                f'font-display: block; src: url({file}.woff) format("woff"); }}\n'
            )
    (static / "icons.css").write_text("".join(faces), encoding="utf-8")


def lighter_picture(content: bytes) -> bytes:
    """A PNG with 256 colours in place of `content`, if it is smaller and looks the same."""
    picture = Image.open(io.BytesIO(content))
    if picture.mode == "RGBA" and picture.getextrema()[3][0] < 255:
        return content
    before = picture.convert("RGB")
    few = before.quantize(256, dither=Image.Dither.NONE)
    change = np.asarray(before, int) - np.asarray(few.convert("RGB"), int)
    worst = np.abs(change).max(axis=2)
    if np.quantile(worst, 0.999) > LARGEST_CHANGE or worst.mean() > MEAN_CHANGE:
        return content
    written = io.BytesIO()
    few.save(written, "PNG", compress_level=9, dpi=picture.info.get("dpi", (72, 72)))
    return min(content, written.getvalue(), key=len)
