"""What others find around the book: workflow, hosted sessions, citation, licences, mark, card."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
import yaml
from docutils.core import publish_doctree
from fontTools.ttLib import TTFont
from PIL import Image

import book_brand
import book_build
import book_pages
import book_site
import book_weight
import site_checks
from mollify import explorables, objectives

WORKFLOWS = sorted((book_build.ROOT / ".github" / "workflows").glob("*.yml"))


def make_targets(root: Path) -> set[str]:
    return set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))


def called_targets(text: str) -> set[str]:
    """Targets of `make` in a shell script, comments left out."""
    code = re.sub(r"(?m)(^|\s)#.*$", "", text)
    return set(re.findall(r"(?:^|[;&|]|\b(?:then|else|do))\s*make +([a-z]+)", code, re.MULTILINE))


# ---- the workflow --------------------------------------------------------------------------


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_calls_what_exists(path: Path, root: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    # YAML 1.1 reads the key `on` as a boolean.
    assert {"push", "pull_request"} <= set(workflow[True])
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    jobs = workflow["jobs"]
    for job in jobs.values():
        assert job["permissions"]
        needed = job.get("needs", [])
        assert {needed} if isinstance(needed, str) else set(needed) <= set(jobs)
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@(v\d+|[0-9a-f]{40})", step["uses"])
            for name in re.findall(r"(?:^|\s)(\.ci/\w+)", step.get("run", "")):
                assert (root / name).stat().st_mode & 0o111
            assert called_targets(step.get("run", "")) <= make_targets(root)
    writing = {name for name, job in jobs.items() if "write" in job["permissions"].values()}
    assert "test" not in writing
    assert all(jobs[name]["if"] == "github.ref == 'refs/heads/main'" for name in writing)


def test_workflow_gives_the_book_its_address() -> None:
    steps = [
        step
        for path in WORKFLOWS
        for step in yaml.safe_load(path.read_text())["jobs"]["test"]["steps"]
    ]
    assert any(book_build.SITE_ADDRESS in step.get("env", {}) for step in steps)
    pushed = "".join(path.read_text() for path in WORKFLOWS)
    assert f"git push --quiet --force origin {book_site.NOTEBOOK_BRANCH}\n" in pushed


def test_ci_calls_targets_that_exist(root: Path) -> None:
    called = called_targets((root / ".ci" / "run").read_text())
    assert {"book", "test"} <= called <= make_targets(root)


def test_missing_target_is_found() -> None:
    script = "cd x && make book\nif y; then make pdf; else make test; fi  # make tea\n"
    assert called_targets(script) == {"book", "pdf", "test"}


# ---- hosted sessions -----------------------------------------------------------------------


def test_binder_installs_the_book(root: Path) -> None:
    folder = root / "binder"
    assert (folder / "postBuild").stat().st_mode & 0o111
    subprocess.run(["bash", "-n", folder / "postBuild"], check=True)
    for line in (folder / "requirements.txt").read_text().splitlines():
        if line.startswith("-r "):
            assert (folder / line.removeprefix("-r ")).resolve() == root / "requirements.txt"
    version = (folder / "runtime.txt").read_text().strip()
    assert re.fullmatch(r"python-3\.1[123]", version)
    assert all(
        re.fullmatch(r"[a-z0-9.+-]+", line) for line in (folder / "apt.txt").read_text().split()
    )


# ---- citation and licences -----------------------------------------------------------------

CITATION = {
    "type": "object",
    "required": ["cff-version", "message", "title", "authors"],
    "properties": {
        "cff-version": {"const": "1.2.0"},
        "type": {"enum": ["software", "dataset"]},
        "license": {"type": "string"},
        "authors": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/author"}},
        "references": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "title", "authors"],
                "properties": {"authors": {"items": {"$ref": "#/$defs/author"}, "minItems": 1}},
            },
        },
    },
    "$defs": {
        "author": {
            "anyOf": [{"required": ["name"]}, {"required": ["given-names", "family-names"]}],
        }
    },
}


def test_citation_is_complete(root: Path) -> None:
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    jsonschema.validate(citation, CITATION)
    settings = yaml.safe_load((root / "_config.yml").read_text())
    assert citation["title"] == settings["title"]
    assert citation["version"] == __import__("mollify").__version__
    identifiers = [one["value"] for item in citation["references"] for one in item["identifiers"]]
    assert "arXiv:2405.17832" in identifiers
    with pytest.raises(jsonschema.ValidationError, match="authors"):
        jsonschema.validate({**citation, "authors": [{}]}, CITATION)


def test_licences_are_named(root: Path) -> None:
    text = (root / "LICENSE").read_text()
    assert "MIT License" in text
    assert "https://creativecommons.org/licenses/by/4.0/" in text


def test_bundled_packages_bring_their_licences() -> None:
    """Every package that an interactive figure imports is named, with its terms."""
    licences = (explorables.ensure_bundles() / "bundles" / "licences.txt").read_text()
    imported = {
        name
        for folder in (".", "numerics", "page", "parts")
        for path in (explorables.SOURCES / folder).glob("*.js")
        for name in re.findall(r'from "((?:@[\w-]+/)?\w[\w-]*)"', path.read_text())
    }
    assert "d3-scale" in imported
    assert [name for name in sorted(imported) if f"{name} " not in licences] == []


# ---- mark, card and previews ---------------------------------------------------------------


def test_mark_is_drawn_from_the_landscape() -> None:
    svg = ElementTree.fromstring(book_brand.mark_svg())
    rough, smooth = (
        np.array([pair.split() for pair in re.split("[ML]", path.get("d"))[1:]], float)
        for path in svg.iter("{http://www.w3.org/2000/svg}path")
    )
    landscape, x = objectives.rugged_hills(), np.linspace(-1.3, 3.9, len(smooth))
    assert np.corrcoef(smooth[:, 1], landscape.mollified(x, 0.8**2))[0, 1] < -0.999
    assert np.abs(np.diff(rough[:, 1], 2)).max() > 3 * np.abs(np.diff(smooth[:, 1], 2)).max()
    assert (np.vstack([rough, smooth]) > 0).all() and (np.vstack([rough, smooth]) < 32).all()


def test_card_has_the_size_that_previews_expect(tmp_path: Path) -> None:
    book_brand.draw_card(tmp_path / "card.png", "A name: and what it is about")
    content = (tmp_path / "card.png").read_bytes()
    assert struct.unpack(">II", content[16:24]) == book_brand.CARD_SIZE == (1200, 630)
    assert len(content) < 300_000
    colors = {
        color for _, color in Image.open(tmp_path / "card.png").convert("RGB").getcolors(1 << 20)
    }
    assert len(colors) > 100


def test_previews_have_whole_addresses_or_none() -> None:
    known = book_pages.preview_tags(
        "A <b>", 'x "y"', "https://a.example/b/", "https://a.example/b/c", "card.png"
    )
    soup = site_checks.BeautifulSoup(known, "html.parser")
    tags = {tag.get("property") or tag.get("name"): tag["content"] for tag in soup.find_all("meta")}
    assert tags["og:title"] == "A <b>"
    assert tags["description"] == tags["og:description"] == 'x "y"'
    assert tags["og:image"] == "https://a.example/b/card.png"
    assert tags["twitter:card"] == "summary_large_image"
    unknown = book_pages.preview_tags("A", "x", "", None, "card.png")
    assert "og:image" not in unknown and "og:url" not in unknown and "og:title" in unknown


def test_description_is_the_first_words_without_formulas() -> None:
    tree = publish_doctree("Title\n=====\n\nA :math:`x` here.\n\nThe first plain words.\n\nMore.")
    assert book_pages.description(tree, "otherwise") == "The first plain words."
    assert book_pages.description(None, "otherwise") == "otherwise"
    assert len(book_pages.description(None, "word " * 100)) <= book_pages.DESCRIPTION_LENGTH


def test_body_becomes_valid() -> None:
    body = (
        "<summary><p class='a'>Show</p><pre>x</pre></summary><p>text</p><style>b{}</style>"
        "<div><style>b{}</style></div>"
    )
    assert book_pages.valid_body(body) == (
        "<summary><span class='a'>Show</span><pre>x</pre></summary><p>text</p><div></div>",
        "<style>b{}</style>",
    )


def test_first_page_leads_on(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(book_pages.first_page("A & b", "c/d.html", "<meta name='x' content='y' />"))
    soup = site_checks.parse(page)
    assert soup.title.string == "A & b"
    assert soup.find("meta", attrs={"http-equiv": "refresh"})["content"] == "0; url=c/d.html"
    assert soup.find("a")["href"] == "c/d.html"


# ---- light pages ---------------------------------------------------------------------------


def test_icon_font_has_the_named_icons_only(tmp_path: Path) -> None:
    import pydata_sphinx_theme

    static = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
    style = (static / "styles" / "pydata-sphinx-theme.css").read_text()
    codes = book_weight.icon_codes(['<i class="fas fa-download">', "fa-nonesuch"], style)
    assert codes == {0xF019}
    font = book_weight.icon_font(static / "vendor/fontawesome/webfonts/fa-solid-900.ttf", codes)
    (tmp_path / "font.woff").write_bytes(font)
    assert set(TTFont(tmp_path / "font.woff").getBestCmap()) == codes
    assert len(font) < 2_000
    assert (
        book_weight.icon_font(static / "vendor/fontawesome/webfonts/fa-brands-400.ttf", codes)
        is None
    )


def as_png(tmp_path: Path, pixels: np.ndarray) -> bytes:
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "picture.png")
    return (tmp_path / "picture.png").read_bytes()


def test_pictures_get_lighter_and_look_the_same(tmp_path: Path) -> None:
    x, y = np.meshgrid(np.linspace(0, 1, 400), np.linspace(0, 1, 300))
    curve = np.exp(-((y - 0.5 - 0.3 * np.sin(9 * x)) ** 2) / 2e-4)
    drawing = 255 - curve[..., None] * np.array([180, 60, 120, 0])
    before = as_png(tmp_path, drawing)
    after = book_weight.lighter_picture(before)
    assert len(after) < 0.7 * len(before)
    (tmp_path / "after.png").write_bytes(after)
    change = np.asarray(Image.open(tmp_path / "after.png").convert("RGB"), int) - drawing[..., :3]
    assert np.abs(change).max() <= book_weight.LARGEST_CHANGE + 1


def test_pictures_of_many_colours_stay(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = as_png(tmp_path, rng.integers(0, 255, (200, 200, 3)))
    assert book_weight.lighter_picture(noise) == noise
    clear = as_png(tmp_path, rng.integers(0, 255, (20, 20, 4)))
    assert book_weight.lighter_picture(clear) == clear
