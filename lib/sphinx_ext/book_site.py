"""How do the pages become self-contained, readable and launchable? The book's Sphinx extension.

* MathJax and its fonts are copied from a Python package, so that no page asks another host.
* `static/` holds one style sheet and one script; they are copied on every build.
* Interactive figures come with their modules, on the pages that have one.
* Each chapter is also published as a notebook for Colab, whose first cell fetches the library.
* The printed book is offered for download if there is one.
* Icons and pictures are made light.
* The mark and the card of the book are drawn here; every page tells link previews what it holds.
"""

from __future__ import annotations

import hashlib
import html
import importlib.util
import os
import re
import shutil
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.fileutil import copy_asset

import book_brand
import book_pages
import book_weight
from book_build import PDF, SITE_ADDRESS, current_pdf
from mollify import explorables

STATIC = Path(__file__).parent / "static"
# What tex-chtml.js may load: its fonts, and the TeX extensions that MathJax fetches on first use.
MATHJAX_PARTS = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")
# Colab opens notebooks from a branch only; .github/workflows/publish.yml pushes them to this one.
NOTEBOOK_BRANCH = "notebooks"
NOTEBOOK_FOLDER = "notebooks"
FAVICON, CARD = "favicon.svg", "_static/card.png"
EXPLORABLES = "explorables"


def mathjax_folder() -> Path:
    """The MathJax distribution inside the installed package sphinx-mathjax-offline."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("sphinx-mathjax-offline is not installed; run make book")
    return Path(spec.origin).parent / "static" / "mathjax"


def configure(app: Sphinx, config: Config) -> None:
    """Point MathJax at the local copy and offer the repository's address to the pages."""
    config.mathjax_path = "mathjax/tex-chtml.js"
    config.html_static_path = [str(STATIC)]
    address = config.html_theme_options["repository_url"]
    config.myst_substitutions = {**config.myst_substitutions, "repository": address}
    config.html_baseurl = os.environ.get(SITE_ADDRESS, "")


def draw_mark(app: Sphinx, config: Config) -> None:
    """Draw the mark, for the browser's tab and for the sidebar."""
    mark = Path(app.doctreedir, FAVICON)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(book_brand.mark_svg(), encoding="utf-8")
    config.html_favicon = config.html_logo = str(mark)
    config.html_theme_options["logo"] = {"text": config.html_title}


def draw_card(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        book_brand.draw_card(Path(app.outdir, CARD), app.config.html_title)


def describe_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page the metadata that previews read, and a body that is valid HTML."""
    body, styles = book_pages.valid_body(context.get("body", ""))
    if "body" in context:
        context["body"] = body
    site = app.config.html_baseurl
    address = context.get("pageurl") if site else None
    title = re.sub("<[^>]*>", "", context.get("title") or app.config.html_title)
    about = book_pages.description(doctree, app.config.html_title)
    tags = book_pages.preview_tags(html.unescape(title), about, site, address, CARD)
    context["metatags"] = context.get("metatags", "") + styles + tags


def lighten_pages(app: Sphinx, error: Exception | None) -> None:
    """Send the icons that are used and no others, and pictures with as many colours as they need.

    Lighter pictures are kept from build to build, under the hash of what they stand for.
    """
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    pages = {path: path.read_text("utf-8") for path in site.rglob("*.html") if is_page(path, site)}
    book_weight.write_icons(site / "_static", pages.values())
    for path, text in pages.items():
        path.write_text(book_weight.ICON_SCRIPT.sub("", text), encoding="utf-8")
    kept = Path(app.config.nb_execution_cache_path or app.doctreedir, "pictures")
    kept.mkdir(parents=True, exist_ok=True)
    for picture in site.glob("_images/*.png"):
        content = picture.read_bytes()
        lighter = kept / (hashlib.sha256(content).hexdigest() + ".png")
        if not lighter.exists():
            lighter.write_bytes(book_weight.lighter_picture(content))
        shutil.copyfile(lighter, picture)


def is_page(path: Path, site: Path) -> bool:
    return path.relative_to(site).parts[0] not in ("_static", "_sources")


def write_first_page(app: Sphinx, error: Exception | None) -> None:
    """Write the page at the site's own address, which leads to the introduction."""
    if error is not None or app.builder.format != "html":
        return
    root = app.config.root_doc
    target = f"{root}{app.builder.out_suffix}"
    title, site = app.config.html_title, app.config.html_baseurl
    about = book_pages.description(app.env.get_doctree(root), title)
    tags = book_pages.preview_tags(title, about, site, site or None, CARD)
    page = book_pages.first_page(title, target, tags)
    Path(app.outdir, "index.html").write_text(page, encoding="utf-8")


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy the used parts of MathJax beside the pages."""
    if error is not None or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir, "_static", "mathjax")
    for part in MATHJAX_PARTS:
        if (source / part).is_dir():
            copy_asset(source / part, target / part)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / part, target / part)


def tell_kernels(app: Sphinx, config: Config) -> None:
    """Let the chapters' kernels show figures for pages, and say where large data goes.

    That data lies beside the stored executions, whose outputs name it.
    """
    folder = Path(config.nb_execution_cache_path or app.doctreedir, "explorables")
    os.environ[explorables.PAGES] = str(folder)


def copy_explorables(app: Sphinx) -> None:
    """Copy the bundles beside the pages, where no page loads them unasked."""
    if app.builder.format == "html":
        explorables.copy_bundles(Path(app.outdir, "_static", EXPLORABLES))


def load_explorables(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page with interactive figures their host, their style and their data."""
    raw = [] if doctree is None else [node.astext() for node in doctree.findall(nodes.raw)]
    shown = [text for text in raw if "data-explorable=" in text]
    if not shown:
        return
    app.add_js_file(f"{EXPLORABLES}/host.js", type="module")
    app.add_css_file(f"{EXPLORABLES}/explorables.css")
    for name in re.findall(r'data-file="(\w+\.json)"', "".join(shown)):
        target = Path(app.outdir, "_static", EXPLORABLES, "data", name)
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(Path(os.environ[explorables.PAGES], name), target)


def colab_setup(address: str, branch: str) -> str:
    """The first cell of a Colab notebook: fetch the book, install what it needs."""
    name = address.rstrip("/").rsplit("/", 1)[-1]
    return "\n".join(
        (
            "# Fetches the book's library and data; run once, about a minute.",
            f"!git clone --quiet --depth 1 --branch {branch} {address} {name}",
            f"%pip install --quiet --editable {name}",
            "import sys",
            "",
            f'sys.path.insert(0, "/content/{name}/lib")',
            f"%cd {name}/chapters",
        )
    )


def colab_notebook(source: Path, address: str, branch: str) -> nbformat.NotebookNode:
    """A chapter as a notebook without outputs, with the set-up cell in front."""
    notebook = jupytext.read(source)
    setup = nbformat.v4.new_code_cell(colab_setup(address, branch), id="fetch-the-book")
    notebook.cells.insert(0, setup)
    for number, cell in enumerate(notebook.cells[1:], start=1):
        cell["id"] = f"cell-{number}"
    return notebook


def write_colab_notebooks(app: Sphinx, error: Exception | None) -> None:
    """Write `notebooks/<chapter>.ipynb` for every chapter that runs."""
    if error is not None or app.builder.format != "html":
        return
    options = app.config.html_theme_options
    for page, metadata in app.env.metadata.items():
        if "kernelspec" not in metadata:
            continue
        target = Path(app.outdir, NOTEBOOK_FOLDER, Path(page).name + ".ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        notebook = colab_notebook(
            Path(app.env.doc2path(page)), options["repository_url"], options["repository_branch"]
        )
        nbformat.write(notebook, target)


def point_colab_at_published_notebook(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Replace the theme's Colab address: it names the Markdown source, which Colab cannot open."""
    address = app.config.html_theme_options["repository_url"].rstrip("/")
    owner, name = address.rsplit("/", 2)[-2:]
    base = app.config.html_theme_options["launch_buttons"]["colab_url"]
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("text") == "Colab":
                notebook = f"{NOTEBOOK_BRANCH}/{Path(page).name}.ipynb"
                button["url"] = f"{base}/github/{owner}/{name}/blob/{notebook}"


def find_pdf(app: Sphinx) -> None:
    """Look once for a printed book of the present sources."""
    app.printed_book = current_pdf(Path(app.srcdir))


def offer_pdf(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let the download menu lead to the printed book instead of to the browser's own print."""
    if app.printed_book is None:
        return
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("label") == "download-pdf-button":
                address = context["pathto"](PDF, 1)
                button |= {"type": "link", "url": address, "tooltip": "Download the whole book"}
                button.pop("javascript", None)


def copy_pdf(app: Sphinx, error: Exception | None) -> None:
    """Put the printed book beside the pages."""
    if error is None and app.builder.format == "html" and app.printed_book is not None:
        shutil.copy2(app.printed_book, Path(app.outdir, PDF))


def drop_repeated_ids(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give up the ids that sphinx-proof and sphinx-exercise repeat for every statement.

    Each statement's body has the id `proof-content` (or the like), each unlabelled proof `proof`;
    nothing refers to them, and an id must be unique within a page.
    """
    repeated = {"proof", "proof-content", "exercise-content", "solution-content"}
    for node in doctree.findall(nodes.Element):
        node["ids"] = [name for name in node["ids"] if name not in repeated]


def setup(app: Sphinx) -> dict[str, Any]:
    # Jupyter Book sets this value for sphinx_comments, which the book leaves out.
    app.add_config_value("comments_config", {}, "html")
    # Before myst-parser and sphinx.ext.mathjax read the values.
    app.connect("config-inited", configure, priority=100)
    app.connect("config-inited", draw_mark, priority=100)
    app.connect("config-inited", tell_kernels)
    app.connect("builder-inited", copy_explorables)
    app.connect("builder-inited", find_pdf)
    app.add_css_file("book.css", priority=900)
    app.add_css_file("icons.css", priority=901)
    app.add_js_file("book.js", loading_method="defer")
    # After the theme has made its buttons (it connects with priority 501).
    app.connect("html-page-context", point_colab_at_published_notebook, priority=900)
    app.connect("html-page-context", offer_pdf, priority=900)
    app.connect("html-page-context", load_explorables)
    app.connect("html-page-context", describe_page)
    app.connect("doctree-resolved", drop_repeated_ids)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", draw_card)
    app.connect("build-finished", lighten_pages)
    app.connect("build-finished", write_first_page)
    app.connect("build-finished", copy_pdf)
    app.connect("build-finished", write_colab_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
