"""The built book, read as text and opened in a browser that reaches no other host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from selenium import webdriver

import book_build
import book_freshness
import site_checks

# Pages that are added to those of the table of contents.
EXTRA_PAGES = ("index", "search")
PAGES = [
    *(
        path.relative_to(book_build.ROOT).with_suffix("").as_posix()
        for path in book_freshness.chapters(book_build.ROOT)
    ),
    *EXTRA_PAGES,
]


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built pages, built now if its sources changed."""
    try:
        return book_build.ensure_book()
    except subprocess.CalledProcessError:
        pytest.fail("the book does not build without warnings; run make book", pytrace=False)


@pytest.fixture(scope="session")
def driver() -> Iterator[webdriver.Chrome]:
    executable = site_checks.find_browser()
    if executable is None:
        message = "no Chromium: set CHROME to its path or put it on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with site_checks.browser(executable) as opened:
        yield opened


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with site_checks.served(site) as where:
        yield where


@pytest.fixture
def page_of(tmp_path: Path):
    """Write a small page into an empty folder and return its path."""

    def write(body: str, name: str = "page.html", head: str = "") -> Path:
        page = tmp_path / name
        page.write_text(
            f'<!doctype html><html lang="en"><head><title>A page</title>{head}'
            f'<link rel="icon" href="data:,"></head><body>{body}</body></html>',
            encoding="utf-8",
        )
        return page

    return write


def visit(driver: webdriver.Chrome, page: Path, theme: str = "light") -> list[str]:
    with site_checks.served(page.parent) as where:
        return site_checks.open_page(driver, f"{where}/{page.name}", theme)


def accessibility(driver: webdriver.Chrome) -> list[str]:
    """Violations of axe's rules on the page that is open, outside its formulas.

    A page has thousands of MathJax's own nodes, and axe would look at each for minutes: first
    every formula becomes an empty box of its size.
    """
    driver.execute_script("""
        const boxes = [...document.querySelectorAll("mjx-container")].map((node) => [
            node, node.getBoundingClientRect()]);
        for (const [node, box] of boxes) {
            const empty = document.createElement("span");
            empty.style.cssText =
                `display: inline-block; width: ${box.width}px; height: ${box.height}px`;
            node.replaceWith(empty);
        }
    """)
    return [
        f"{rule['id']}: {node['html'][:120]}"
        for rule in Axe().run(driver)["violations"]
        for node in rule["nodes"]
    ]


# ---- the built book ------------------------------------------------------------------------


@pytest.mark.site
def test_every_built_page_is_tested(site: Path) -> None:
    built = {
        path.relative_to(site).with_suffix("").as_posix()
        for path in site.rglob("*.html")
        if site_checks.is_page(path, site)
    }
    assert built == set(PAGES)


@pytest.mark.site
@pytest.mark.parametrize("page", PAGES)
def test_page_text(site: Path, page: str) -> None:
    soup = site_checks.parse(site / f"{page}.html")
    assert site_checks.pictures_without_text(soup) == []
    assert site_checks.figures_without_caption(soup) == []
    assert site_checks.repeated_identifiers(soup) == []
    assert site_checks.other_hosts(soup) == []


@pytest.mark.site
def test_links(site: Path) -> None:
    assert site_checks.broken_links(site) == []


@pytest.mark.site
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_page_in_browser(driver: webdriver.Chrome, address: str, page: str, theme: str) -> None:
    wrong = site_checks.open_page(driver, f"{address}/{page}.html", theme)
    wrong += site_checks.bad_formulas(driver)
    wrong += site_checks.overflow(driver, 360)
    wrong += site_checks.overflow(driver, 1440)
    wrong += accessibility(driver)
    assert not wrong, "\n".join(wrong)


@pytest.mark.site
def test_colab_notebooks_fetch_the_book(site: Path, root: Path) -> None:
    chapters = [path for path in book_freshness.chapters(root) if book_freshness.is_executed(path)]
    written = {path.stem: path.read_text() for path in (site / "notebooks").glob("*.ipynb")}
    assert set(written) == {chapter.stem for chapter in chapters}
    assert all("git clone" in text for text in written.values())


# ---- each check finds what it is for -------------------------------------------------------


@pytest.mark.parametrize(
    "picture",
    [
        '<img src="a.png">',
        '<img src="a.png" alt="">',
        '<img src="a.png" alt="../_images/0f3a.png">',
        '<img src="a.png" alt="figure">',
        "<svg></svg>",
        '<canvas aria-label="plot"></canvas>',
    ],
)
def test_pictures_without_text_are_found(page_of, picture: str) -> None:
    soup = site_checks.parse(page_of(f"<article>{picture}</article>"))
    assert len(site_checks.pictures_without_text(soup)) == 1


@pytest.mark.parametrize(
    "picture",
    [
        '<img src="a.png" alt="Two curves that meet">',
        "<svg><title>Two curves that meet</title></svg>",
        '<svg aria-hidden="true"></svg>',
        '<div role="img" aria-label="Two curves that meet"><svg></svg></div>',
    ],
)
def test_pictures_with_text_pass(page_of, picture: str) -> None:
    soup = site_checks.parse(page_of(f"<article>{picture}</article>"))
    assert site_checks.pictures_without_text(soup) == []


def test_figure_without_caption_is_found(page_of) -> None:
    soup = site_checks.parse(
        page_of('<article><div class="cell_output"><img src="a.png"></div></article>')
    )
    assert len(site_checks.figures_without_caption(soup)) == 1


def test_repeated_identifier_is_found(page_of) -> None:
    soup = site_checks.parse(page_of('<p id="a"></p><p id="a"></p><p id="b"></p>'))
    assert site_checks.repeated_identifiers(soup) == ["the id 'a' is repeated"]


def test_other_hosts_are_found(page_of) -> None:
    page = page_of(
        '<script src="https://cdn.example/x.js"></script><a href="https://example.org">link</a>',
        head='<link rel="stylesheet" href="//cdn.example/x.css">',
    )
    assert len(site_checks.other_hosts(site_checks.parse(page))) == 2


def test_broken_links_are_found(page_of) -> None:
    page_of('<p id="here"></p>', name="good.html")
    page = page_of(
        '<a href="good.html#here">1</a><a href="good.html#there">2</a><a href="gone.html">3</a>'
        '<a href="#nowhere">4</a><img src="gone.png"><a href="https://example.org/">5</a>'
    )
    assert site_checks.broken_links(page.parent) == [
        "page.html: good.html#there has no such anchor",
        "page.html: gone.html does not exist",
        "page.html: #nowhere has no such anchor",
        "page.html: gone.png does not exist",
    ]


@pytest.mark.site
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<img src='gone.png' alt='A picture that is missing'>", "404"),
        ("<img src='https://cdn.example/a.png' alt='A picture elsewhere'>", "asked another host"),
        ("<script>fetch('https://cdn.example/')</script>", "asked another host"),
        ("<script>throw new Error('a script error')</script>", "a script error"),
        ("<script>console.error('a console error')</script>", "a console error"),
    ],
)
def test_bad_requests_and_errors_are_found(driver, page_of, body: str, expected: str) -> None:
    assert any(expected in text for text in visit(driver, page_of(body)))


@pytest.mark.site
def test_good_page_passes(driver, page_of) -> None:
    head = '<meta name="viewport" content="width=device-width">'
    assert visit(driver, page_of("<main><h1>Title</h1><p>Text</p></main>", head=head)) == []
    assert site_checks.bad_formulas(driver) == []
    assert site_checks.overflow(driver, 360) == []
    assert accessibility(driver) == []


@pytest.mark.site
def test_fixed_theme_is_found(driver, page_of) -> None:
    page = page_of("<script>document.documentElement.dataset.theme = 'light'</script>")
    assert visit(driver, page, "dark") == ["the page does not follow the dark colour scheme"]


@pytest.mark.site
def test_overflow_is_found(driver, page_of) -> None:
    visit(driver, page_of('<div style="width: 500px">wide</div>'))
    assert site_checks.overflow(driver, 1440) == []
    assert len(site_checks.overflow(driver, 360)) == 1


@pytest.mark.site
def test_formula_errors_are_found(driver, page_of) -> None:
    visit(
        driver,
        page_of(
            '<span class="math"><mjx-container><mjx-merror data-mjx-error="Undefined control '
            'sequence">x</mjx-merror></mjx-container></span><span class="math">raw</span>'
        ),
    )
    found = site_checks.bad_formulas(driver)
    assert len(found) == 2
    assert "Undefined control sequence" in found[0]


@pytest.mark.site
def test_accessibility_violations_are_found(driver, page_of) -> None:
    visit(driver, page_of("<main><h1>Title</h1><button></button></main>"))
    assert any(text.startswith("button-name") for text in accessibility(driver))
