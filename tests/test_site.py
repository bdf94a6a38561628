"""The built book, read as text and opened in a browser that reaches no other host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

import book_brand
import book_build
import book_freshness
import book_weight
import site_checks
from mollify import ledger, store

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
    return first_visit(driver, page, theme).wrong


def first_visit(driver: webdriver.Chrome, page: Path, theme: str = "light") -> site_checks.Visit:
    with site_checks.served(page.parent) as where:
        return site_checks.open_page(driver, f"{where}/{page.name}", theme)


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
@pytest.mark.parametrize("page", PAGES)
def test_page_says_what_it_holds(site: Path, page: str) -> None:
    soup = site_checks.parse(site / f"{page}.html")
    for name in ("og:title", "og:description"):
        assert len(soup.find("meta", property=name)["content"]) > 5
    icon = soup.select_one("link[rel=icon]")["href"]
    assert (site / page).parent.joinpath(icon).read_text() == book_brand.mark_svg()


@pytest.mark.site
def test_every_icon_is_in_the_fonts(site: Path) -> None:
    static = site / "_static"
    style = (static / "styles" / "pydata-sphinx-theme.css").read_text()
    drawn = set().union(*(TTFont(font).getBestCmap() for font in static.glob("fa-*.woff")))
    names = {
        name
        for page in PAGES
        for icon in site_checks.parse(site / f"{page}.html").select("i[class*=fa-]")
        for name in icon["class"]
    }
    codes = {name: book_weight.icon_codes([name], style) for name in names}
    assert codes["fa-download"] <= drawn
    assert [name for name in sorted(codes) if not codes[name] <= drawn] == []


@pytest.mark.site
def test_links(site: Path) -> None:
    assert site_checks.broken_links(site) == []


@pytest.mark.site
def test_html_is_valid(site: Path) -> None:
    found = site_checks.html_errors([site / f"{page}.html" for page in PAGES])
    assert not found, "\n".join(found)


# Each page is handed to a worker by itself: see conftest.py, which also prints the measurements.
@pytest.mark.site
@pytest.mark.parametrize("page", PAGES)
def test_page_in_browser(
    driver: webdriver.Chrome, address: str, page: str, record_property
) -> None:
    visit = site_checks.open_page(driver, f"{address}/{page}.html", "light")
    wrong = visit.wrong + site_checks.bad_formulas(driver)
    wrong += site_checks.overflow(driver, 360)
    wrong += site_checks.overflow(driver, 1440)
    wrong += site_checks.accessibility(driver)
    wrong += site_checks.change_theme(driver, "dark")
    wrong += site_checks.accessibility(driver, site_checks.RULES_ON_COLOUR)
    # A busy machine paints late once; a page that is blocked paints late every time.
    for _ in range(2):
        if visit.paint > site_checks.LATEST_PAINT:
            again = site_checks.open_page(driver, f"{address}/{page}.html", "light")
            visit = visit._replace(paint=min(visit.paint, again.paint))
    record_property("page", page)
    record_property("transferred", visit.size)
    record_property("paint", visit.paint)
    wrong += visit.slow_or_heavy()
    assert not wrong, "\n".join(wrong)


@pytest.mark.site
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("name", ["reproduction", "hopper-stand", "planar-quadrotor"])
def test_verdicts_are_read_without_scrolling(driver, address: str, name: str, width: int) -> None:
    driver.get(f"{address}/chapters/{name}.html")
    site_checks.set_width(driver, width)
    cut = """return [...document.querySelectorAll(".tag_ledger table, #verdicts table")]
        .map((table) => table.closest(".cell_output, .pst-scrollable-table-container"))
        .map((box) => box.scrollWidth - box.clientWidth)"""
    found = driver.execute_script(cut)
    assert found and max(found) <= 1
    broken = """return [...document.querySelectorAll(".tag_ledger td strong")]
        .filter((verdict) => verdict.textContent === "reproduced")
        .filter((verdict) => verdict.getClientRects().length > 1).length"""
    assert driver.execute_script(broken) == 0
    beside = """return [...document.querySelectorAll(".tag_ledger tbody tr")].every((row) =>
        Math.abs(row.cells[0].getBoundingClientRect().top
                 - row.cells[2].getBoundingClientRect().top) < 2)"""
    assert driver.execute_script(beside)


@pytest.mark.site
def test_the_ledger_can_be_narrowed_to_one_verdict(driver, address: str) -> None:
    entries = ledger.load(store.DATA / "ledger.yml")
    rows = """return [...document.querySelectorAll(".tag_ledger tbody tr")]
        .filter((row) => row.checkVisibility()).map((row) => row.cells[0].textContent)"""
    headings = """return [...document.querySelectorAll(".tag_ledger .cell_output > p")]
        .filter((line) => line.checkVisibility()).map((line) => line.textContent)"""
    for width in (360, 1440):
        driver.get(f"{address}/chapters/reproduction.html")
        site_checks.set_width(driver, width)
        assert len(driver.execute_script(rows)) == len(entries)
        chosen = [entry for entry in entries if entry.verdict == "not reproduced"]
        button = driver.find_element("css selector", "[data-verdict='not reproduced']")
        assert button.text == f"not reproduced {len(chosen)}"
        button.send_keys(Keys.ENTER)
        assert sorted(driver.execute_script(rows)) == sorted(entry.id for entry in chosen)
        assert set(driver.execute_script(headings)) == {entry.kind for entry in chosen}
        assert button.get_attribute("aria-pressed") == "true"
        driver.find_element("css selector", "[data-verdict='all']").click()
        assert len(driver.execute_script(rows)) == len(entries)


@pytest.mark.site
def test_page_opened_as_a_file_says_why_nothing_moves(driver, site: Path, address: str) -> None:
    notes = "return [...document.querySelectorAll('.explorable-note')].map((p) => p.textContent)"
    driver.get((site / f"{PAGES[0]}.html").as_uri())
    assert any("http.server" in note for note in driver.execute_script(notes))
    driver.get(f"{address}/{PAGES[0]}.html")
    assert not any("http.server" in note for note in driver.execute_script(notes))


@pytest.mark.site
def test_first_page_opens_in_the_dark(driver: webdriver.Chrome, address: str) -> None:
    assert site_checks.open_page(driver, f"{address}/{PAGES[0]}.html", "dark").wrong == []
    assert site_checks.accessibility(driver) == []


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
    assert site_checks.accessibility(driver) == []


@pytest.mark.site
def test_fixed_theme_is_found(driver, page_of) -> None:
    page = page_of("<script>document.documentElement.dataset.theme = 'light'</script>")
    message = "the page does not follow the dark colour scheme"
    assert visit(driver, page, "dark") == [message]
    assert visit(driver, page, "light") == []
    assert site_checks.change_theme(driver, "dark") == [message]


@pytest.mark.site
def test_picture_missing_in_the_dark_is_found(driver, page_of) -> None:
    style = "@media (prefers-color-scheme: dark) { p { background: url(dark.png) } }"
    assert visit(driver, page_of("<p>Text</p>", head=f"<style>{style}</style>")) == []
    assert any("dark.png" in text for text in site_checks.change_theme(driver, "dark"))


@pytest.mark.site
def test_transfer_is_measured_as_it_is_sent(driver, page_of) -> None:
    page = page_of("<p>Text</p><script src='long.js'></script>")
    light = first_visit(driver, page_of("<p>Text</p>", name="light.html"))
    rng = np.random.default_rng(0)
    (page.parent / "long.js").write_text("//" + "long " * 1_000_000)
    compressed = first_visit(driver, page)
    assert light.size < compressed.size < 20_000
    assert compressed.slow_or_heavy() == []
    (page.parent / "long.js").write_bytes(b"//" + rng.bytes(1_600_000).hex().encode())
    # Hexadecimal digits take half of their size, and a bit more, when compressed. A second visit
    # would find them in the cache.
    for _ in range(2):
        heavy = first_visit(driver, page)
        assert 1_600_000 < heavy.size < 2_000_000
        assert "MB were transferred" in heavy.slow_or_heavy()[0]


@pytest.mark.site
def test_late_paint_is_found(driver, page_of) -> None:
    wait = "const start = performance.now(); while (performance.now() - start < 3100);"
    late = first_visit(driver, page_of(f"<p>Text</p><script>{wait}</script>"))
    assert any("nothing was painted" in text for text in late.slow_or_heavy())
    never = first_visit(driver, page_of(""))
    assert any("nothing was painted" in text for text in never.slow_or_heavy())


@pytest.mark.site
def test_overflow_is_found(driver, page_of) -> None:
    visit(driver, page_of('<div style="width: 500px">wide</div>'))
    assert site_checks.overflow(driver, 1440) == []
    assert len(site_checks.overflow(driver, 360)) == 1


@pytest.mark.site
def test_a_forwarded_page_is_looked_at_where_it_leads(driver, page_of) -> None:
    page_of('<span class="math">raw</span>', name="target.html")
    visit(driver, page_of("", head='<meta http-equiv="refresh" content="1; url=target.html">'))
    assert site_checks.bad_formulas(driver) == ["not typeset: raw"]


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
    assert any(text.startswith("button-name") for text in site_checks.accessibility(driver))
    assert site_checks.accessibility(driver, site_checks.RULES_ON_COLOUR) == []


@pytest.mark.site
@pytest.mark.parametrize(
    ("token", "found"),
    [
        ("<span>plain</span>", 0),
        ("<span class='pale'>pale</span>", 1),
        ("<span>plain</span><span class='pale'>pale</span>", 1),
        ("<span hidden class='pale'>pale</span><span class='pale'>pale</span>", 1),
        ("<span class='pale ink'>dark on dark</span><span class='pale'>pale</span>", 1),
    ],
)
def test_pale_code_is_found(driver, page_of, token: str, found: int) -> None:
    """The same words again and again are one fault; no fault hides behind a good look."""
    style = "<style>.pale { color: #ddd } .ink { background: #000 }</style>"
    code = f"<main><h1>Title</h1><pre>{token * 3}</pre></main>"
    visit(driver, page_of(code, head=style))
    faults = site_checks.accessibility(driver, site_checks.RULES_ON_COLOUR)
    assert len(faults) == found
    assert all(text.startswith("color-contrast") for text in faults)


def test_invalid_html_is_found(page_of) -> None:
    faults = {
        "close-order": "<p>one<p>two</div>",
        "element-permitted-content": "<details><summary><p>Title</p></summary></details>",
        "no-dup-id": "<p id='a'></p><p id='a'></p>",
        "wcag/h37": "<img src='a.png'>",
        "no-dup-attr": "<p class='a' class='b'>text</p>",
        "multiple-labeled-controls": "<label>Size <input> <output></output></label>",
        "require-sri": "<script src='https://cdn.example/a.js'></script>",
        "valid": "<main><h1>Title</h1><p>One &amp; two</p><button>Go</button></main>",
    }
    pages = {
        rule: page_of(body, name=f"{number}.html")
        for number, (rule, body) in enumerate(faults.items())
    }
    found = site_checks.html_errors(pages.values())
    for rule, page in pages.items():
        texts = [text for text in found if text.startswith(f"{page.name}:")]
        if rule == "valid":
            assert texts == []
        else:
            assert any(f"({rule})" in text for text in texts), texts
