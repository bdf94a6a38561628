"""Every explorable: its numbers agree with the library, and it can be played with in a browser.

A new explorable is tested here without a new line: its node tests and fixtures are found by name,
and the browser drives every slider, choice, handle and panel that it has.
"""

from __future__ import annotations

import base64
import json
import os
import re
import runpy
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import docutils.utils
import numpy as np
import pytest
from axe_core_python.selenium import Axe
from docutils import nodes
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

import book_freshness
import book_site
import site_checks
from mollify import explorables
from mollify.checks import ArgumentError, BookError

SOURCES = explorables.SOURCES
SAMPLE = "everything"
NAMES = sorted(path.stem for path in SOURCES.glob("*.js"))
# Every screen draws 60 times a second.
FRAME = 1000 / 60


# ---- numbers -------------------------------------------------------------------------------


class Numbers(json.JSONEncoder):
    def default(self, value: object) -> object:
        return value.tolist() if isinstance(value, np.ndarray) else super().default(value)


@pytest.fixture(scope="session")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what Python says: one JSON file per script in lib/explorables/fixtures."""
    folder = tmp_path_factory.mktemp("fixtures")
    for script in sorted(SOURCES.glob("fixtures/*.py")):
        values = runpy.run_path(str(script))["fixtures"]()
        (folder / f"{script.stem}.json").write_text(json.dumps(values, cls=Numbers))
    return folder


@pytest.mark.parametrize("name", sorted(path.stem for path in SOURCES.glob("tests/*.test.js")))
def test_numbers_agree_with_the_library(name: str, fixtures: Path) -> None:
    built = explorables.ensure_bundles()
    node = explorables.node_folder() / "bin" / "node"
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", built / "tests" / f"{name}.js"],
        env={**os.environ, "EXPLORABLES_FIXTURES": str(fixtures)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass [1-9]", done.stdout, re.MULTILINE)


def test_every_explorable_has_tests_and_fixtures() -> None:
    for name in NAMES:
        assert (SOURCES / "tests" / f"{name}.test.js").exists()
        assert (SOURCES / "fixtures" / f"{name}.py").exists()


# ---- what Python shows ---------------------------------------------------------------------


def test_every_module_is_bundled_and_small() -> None:
    known = explorables.manifest()
    for name in NAMES:
        path = explorables.ensure_bundles() / known[name]["file"]
        assert path.stat().st_size == known[name]["bytes"]
        assert known[name]["gzipped"] < 60_000
        assert not re.search(rb"\bfrom\s*['\"]|\bimport\s*\(?\s*['\"]", path.read_bytes())


def test_lock_names_no_host() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
    assert lock["packages"][""]["dependencies"].keys() >= {"d3-scale"}


@pytest.mark.parametrize("name", [*NAMES, SAMPLE])
def test_shown_figure_has_a_still_picture(name: str) -> None:
    shown = explorables.show(name)
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == repr(shown)
    assert base64.b64decode(bundle["image/png"])[:8] == b"\x89PNG\r\n\x1a\n"
    soup = site_checks.BeautifulSoup(bundle["text/html"], "html.parser")
    picture = soup.select_one(".explorable-still svg[role=img]")
    assert len(picture["aria-label"].split()) > 5
    assert "NaN" not in bundle["text/html"]
    assert "Infinity" not in bundle["text/html"]


def test_still_picture_shows_the_state() -> None:
    quiet, loud = (explorables.show("mollify-it", sigma=sigma) for sigma in (0.05, 2))
    assert quiet.state["sigma"] == 0.05
    pictures = [one._repr_mimebundle_()["image/png"] for one in (quiet, loud)]
    assert pictures[0] != pictures[1]


def test_painted_plane_is_in_the_still_picture() -> None:
    html = explorables.show(SAMPLE)._repr_mimebundle_()["text/html"]
    image = re.search(r'<image [^>]*href="data:image/png;base64,([^"]+)"', html)
    assert base64.b64decode(image.group(1))[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("name", "state", "message"),
    [
        ("mollify-them", {}, "name must be one of .*mollify-it"),
        ("mollify-it", {"sigma": 30}, "sigma must lie between 0.01 and 3, got 30"),
        ("mollify-it", {"sigma": "big"}, "sigma must be an array of numbers"),
        ("mollify-it", {"sigma": float("nan")}, "sigma must be finite"),
        ("mollify-it", {"landscape": "moon"}, "landscape must be one of"),
        ("mollify-it", {"noise": 1}, "argument of mollify-it must be one of landscape, mu, sigma"),
        (SAMPLE, {"upside": 1}, "upside must be True or False"),
        (SAMPLE, {"data": {"a": np.array([1j])}}, "data must hold arrays of"),
        (SAMPLE, {"data": object()}, "data must be made of"),
    ],
)
def test_bad_arguments_are_named(name: str, state: dict, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        explorables.show(name, **state)


def test_data_cannot_end_its_script() -> None:
    html = explorables.show(SAMPLE, data=["</script><b>"])._repr_mimebundle_()["text/html"]
    assert "</script><b>" not in html
    text = re.search(r'class="explorable-data">(.*?)</script>', html).group(1)
    assert json.loads(text) == ["</script><b>"]


def test_large_data_becomes_a_file_on_pages(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(explorables.PAGES, str(tmp_path))
    html = explorables.show(SAMPLE, data=["x" * 70_000])._repr_mimebundle_()["text/html"]
    name = re.search(r'data-file="([^"]+)"', html).group(1)
    assert json.loads((tmp_path / name).read_text()) == ["x" * 70_000]
    assert len(html) < 60_000


def test_module_that_does_not_parse_is_one_line(tmp_path: Path) -> None:
    built = explorables.ensure_bundles()
    broken = tmp_path / "broken.js"
    broken.write_text("export default {")
    with pytest.raises(BookError, match=r"node failed on broken.js: .*rror") as caught:
        explorables._node(built, str(broken))
    assert "\n" not in str(caught.value)


def test_widget_is_driven_by_its_traits() -> None:
    import ipywidgets
    import traitlets

    widget = explorables._widget_class("mollify-it")(sigma=0.5)
    slider = ipywidgets.FloatSlider(value=1.5, min=0.01, max=3)
    traitlets.link((slider, "value"), (widget, "sigma"))
    assert widget.sigma == 1.5
    widget.sigma = 0.2
    assert slider.value == 0.2
    with pytest.raises(traitlets.TraitError, match="sigma must lie between"):
        widget.sigma = 50
    bundle = widget._repr_mimebundle_()
    assert bundle["text/plain"] == repr(explorables.show("mollify-it", sigma=0.2))
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "export" in widget._esm


# ---- in the book ---------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A library with two figures and what they share, and data of the usual kind."""
    for name in ("lib/mollify/__init__.py", "lib/mollify/heat.py", "lib/mollify/explorables.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    for name in ("one.js", "two.js", "parts/shared.js", "tests/one.test.js", "fixtures/one.py"):
        path = tmp_path / "lib" / "explorables" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("from mollify import explorables\nexplorables.show('one')", {"one.js", "shared.js"}),
        ("from mollify import heat\nprint('one')", set()),
    ],
)
def test_chapter_runs_again_when_its_figure_changes(book: Path, cell: str, expected: set) -> None:
    chapter = book / "chapter.md"
    front = "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n\n"
    chapter.write_text(f"{front}```{{code-cell}} python\n{cell}\n```\n")
    found = book_freshness.dependencies(chapter, book)
    assert {path.name for path in found if path.suffix == ".js"} == expected


@pytest.mark.parametrize(("figure", "loaded"), [(True, 2), (False, 0)])
def test_pages_load_figures_only_if_they_have_one(tmp_path, monkeypatch, figure, loaded) -> None:
    monkeypatch.setenv(explorables.PAGES, str(tmp_path / "data"))
    data = ["x" * 70_000] if figure else None
    html = explorables.show(SAMPLE, data=data)._repr_mimebundle_()["text/html"]
    document = docutils.utils.new_document("page")
    document += nodes.raw(text=html if figure else "<b>text</b>", format="html")
    asked: list[str] = []
    app = SimpleNamespace(
        outdir=tmp_path / "html",
        builder=SimpleNamespace(format="html"),
        add_js_file=lambda name, **attributes: asked.append(name),
        add_css_file=asked.append,
    )
    book_site.copy_explorables(app)
    book_site.load_explorables(app, "page", "page.html", {}, document)
    folder = tmp_path / "html" / "_static"
    assert len(asked) == loaded
    assert all((folder / name).is_file() for name in asked)
    assert len(list(folder.glob("explorables/data/*.json"))) == (1 if figure else 0)
    assert (folder / "explorables" / "licences.txt").read_text().count("d3-scale") == 1


# ---- in a browser --------------------------------------------------------------------------

PAGE = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<title>A page</title><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><link rel="stylesheet" href="_static/explorables/explorables.css">
<style>body {{ margin: 0 }} html[data-theme=dark] {{ background: #15181c; color: #d9dbde }}
main {{ max-width: 736px; margin: auto; padding: 16px }}</style>
<script type="module" src="_static/explorables/host.js"></script></head>
<body><main><h1>Title</h1>{}<p style="height: 1500px">Text</p></main></body></html>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a site with one page for each explorable, served on the loopback."""
    folder = tmp_path_factory.mktemp("pages")
    explorables.copy_bundles(folder / "_static" / "explorables", samples=True)
    for name in (*NAMES, SAMPLE):
        html = explorables.show(name)._repr_mimebundle_()["text/html"]
        (folder / f"{name}.html").write_text(PAGE.format(html), encoding="utf-8")
        gone = html.replace(f'data-explorable="{name}"', 'data-explorable="gone"')
        (folder / f"{name}-gone.html").write_text(PAGE.format(gone), encoding="utf-8")
    with site_checks.served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    executable = site_checks.find_browser()
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium: set CHROME to its path or put it on the PATH")
        pytest.skip("no Chromium: set CHROME to its path or put it on the PATH")
    with site_checks.browser(executable) as opened:
        yield opened


def open_figure(driver: webdriver.Chrome, address: str, width: int = 1440) -> WebElement:
    """Open a page at a width, wait until its figure runs, and forget what was logged before."""
    driver.get("about:blank")
    driver.get_log("browser")
    site_checks.set_width(driver, width)
    driver.get(address)
    for _ in range(100):
        figure = driver.find_element(By.CSS_SELECTOR, ".explorable")
        notes = figure.find_elements(By.CSS_SELECTOR, ".explorable-note")
        if figure.get_attribute("data-running") or notes:
            break
        time.sleep(0.05)
    settle(driver)
    return figure


def settle(driver: webdriver.Chrome) -> None:
    """Wait for two frames: what was asked for has been drawn."""
    driver.execute_async_script(
        "const done = arguments[0];"
        "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));"
    )


def drawing(driver: webdriver.Chrome) -> str:
    """Everything that is seen of the figure, as text."""
    return driver.execute_script(
        "return [...document.querySelectorAll('.ex-drawing, .ex-words')]"
        ".map((node) => node.innerHTML).join('')"
        "+ [...document.querySelectorAll('canvas')].map((node) => node.toDataURL()).join('')"
    )


def errors(driver: webdriver.Chrome) -> list[str]:
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def press(driver: webdriver.Chrome, element: WebElement, *keys: str) -> None:
    driver.execute_script("arguments[0].focus()", element)
    for key in keys:
        driver.switch_to.active_element.send_keys(key)
    settle(driver)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, SAMPLE])
def test_every_control_and_handle_answers_to_keys(driver, pages: str, name: str) -> None:
    figure = open_figure(driver, f"{pages}/{name}.html")
    controls = ".explorable-live :is(.ex-control input, .ex-control select, .ex-handle)"
    found = figure.find_elements(By.CSS_SELECTOR, controls)
    assert found
    for element in found:
        before = drawing(driver)
        tag, kind = element.tag_name, element.get_attribute("type")
        if tag == "select":
            press(driver, element, Keys.ARROW_DOWN)
        elif kind == "checkbox":
            press(driver, element, Keys.SPACE)
        else:
            words, seen = [], set()
            for key in (Keys.END, Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.HOME, Keys.ARROW_RIGHT):
                press(driver, element, key)
                words.append(element.get_attribute("aria-valuetext"))
                seen.add(drawing(driver))
            assert len(set(words)) == len(words)
            assert len(seen) == len(words), element.get_attribute("outerHTML")
            # The letters of a picture's bytes may happen to be these three.
            assert "NaN" not in re.sub("base64,[A-Za-z0-9+/=]*", "", "".join(seen))
            continue
        assert drawing(driver) != before, element.get_attribute("outerHTML")
    assert errors(driver) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("name", [*NAMES, SAMPLE])
def test_every_handle_and_panel_follows_the_pointer(driver, pages: str, name: str, width) -> None:
    figure = open_figure(driver, f"{pages}/{name}.html", width)
    found = figure.find_elements(By.CSS_SELECTOR, ".explorable-live :is(.ex-handle, .ex-area)")
    for number, element in enumerate(found):
        driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        before = drawing(driver)
        chain = ActionChains(driver, duration=20)
        # Panels that show the same axis are taken at different places, or nothing would change.
        aside = 9 * number - 30 if "ex-area" in element.get_attribute("class") else 0
        chain.move_to_element_with_offset(element, aside, 0).click_and_hold()
        for _ in range(4):
            chain.move_by_offset(5, -5)
        chain.release().perform()
        settle(driver)
        assert drawing(driver) != before, element.get_attribute("outerHTML")
    assert errors(driver) == []


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("name", [*NAMES, SAMPLE])
def test_readable_at_every_width_and_in_the_dark(driver, pages, name: str, width, theme) -> None:
    open_figure(driver, f"{pages}/{name}.html", width)
    driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    settle(driver)
    wrong = [
        f"{rule['id']}: {node['html'][:120]}"
        for rule in Axe().run(driver)["violations"]
        for node in rule["nodes"]
    ]
    wrong += site_checks.overflow(driver, width)
    wrong += driver.execute_script("""
        const small = [...document.querySelectorAll(".explorable *")].filter((node) =>
            [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())
            && parseFloat(getComputedStyle(node).fontSize) < 11);
        const frame = document.querySelector(".ex-drawing").getBoundingClientRect();
        const outside = [...document.querySelectorAll(".ex-drawing text")].filter((node) => {
            const box = node.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1;
        });
        return [...small, ...outside].map((node) => node.outerHTML.slice(0, 120));
    """)
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, SAMPLE])
def test_thousand_events_and_a_resize_while_dragging(driver, pages: str, name: str) -> None:
    figure = open_figure(driver, f"{pages}/{name}.html", 760)
    element = figure.find_element(By.CSS_SELECTOR, ".explorable-live .ex-handle")
    ActionChains(driver).click_and_hold(element).move_by_offset(5, 0).perform()
    site_checks.set_width(driver, 620)
    settle(driver)
    ActionChains(driver).move_by_offset(-9, 4).release().perform()
    drawn = driver.execute_async_script(
        """
        const done = arguments[0];
        const slider = document.querySelector(".explorable-live .ex-slider input");
        let frames = 0, counting = true;
        const count = () => { frames += 1; if (counting) requestAnimationFrame(count); };
        requestAnimationFrame(count);
        performance.clearMeasures();
        for (let i = 0; i < 1000; i += 1) {
            slider.value = (i * 37) % 1001;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }
        setTimeout(() => {
            counting = false;
            done([frames, performance.getEntriesByType("measure").length, slider.value]);
        }, 600);
        """
    )
    assert drawn[0] > 3, "the page hung"
    assert drawn[1] == 1, "a thousand events in one task are one drawing"
    assert abs(int(drawn[2]) - 999 * 37 % 1001) <= 3
    assert errors(driver) == []
    assert site_checks.overflow(driver, 620) == []


MOVE = """
    const [count, done] = arguments;
    const slider = document.querySelector(".explorable-live .ex-slider input");
    const first = Number(slider.value);
    performance.clearMeasures();
    let i = 0;
    const move = () => {
        if (i === count) {
            const times = () => performance.getEntriesByType("measure").map((one) => one.duration);
            return setTimeout(() => done(times()), 30);
        }
        i += 1;
        slider.value = first > 500 ? first - 7 * i : first + 7 * i;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        requestAnimationFrame(move);
    };
    // As a browser does with pointer events: just before the frame that answers them.
    requestAnimationFrame(move);
"""


def frame_times(driver: webdriver.Chrome) -> tuple[list[float], list[float]]:
    """Milliseconds per frame while the first slider moves, as (work, waiting).

    Work is the processor time of the page's main thread: script, style, layout and painting,
    whatever else the machine does. Waiting goes from the slider's event to the painted frame.
    """

    def task() -> float:
        metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return 1000 * next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    work, waiting = [], []
    for _ in range(60):
        before = task()
        times = driver.execute_async_script(MOVE, 5)
        work.append((task() - before) / len(times))
        waiting += times
    return work, waiting


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_slider_is_answered_within_a_frame(driver, pages: str, name: str, record_property) -> None:
    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    open_figure(driver, f"{pages}/{name}.html")
    tries = []
    # A neighbour on the same core doubles the time that work takes; slow code is slow each time.
    while len(tries) < 3 and (not tries or tries[-1][0] >= FRAME):
        tries.append([float(np.percentile(times, 95)) for times in frame_times(driver)])
    work, waiting = min(tries)
    driver.execute_cdp_cmd("Performance.disable", {})
    record_property("work", work)
    record_property("waiting", waiting)
    assert work < FRAME


@pytest.mark.slow
def test_address_gives_the_state_and_follows_it(driver, pages: str) -> None:
    page = f"{pages}/mollify-it.html"
    figure = open_figure(driver, f"{page}#mollify-it:sigma=1.5,landscape=spike")
    slider = figure.find_element(By.CSS_SELECTOR, ".ex-slider input")
    assert slider.get_attribute("aria-valuetext") == "1.50"
    choice = figure.find_element(By.CSS_SELECTOR, "select")
    assert choice.get_attribute("value") == "spike"
    press(driver, slider, Keys.HOME)
    time.sleep(0.6)
    assert driver.current_url == f"{page}#mollify-it:landscape=spike,sigma=0.01"
    driver.execute_script("location.hash = '#mollify-it:sigma=2'")
    time.sleep(0.2)
    settle(driver)
    assert slider.get_attribute("aria-valuetext") == "2.00"


@pytest.mark.slow
@pytest.mark.parametrize(
    "hash_", ["mollify-it:sigma=huge,moon=1", "mollify-it:", "%E0%A4%A", "a:b;c", "mollify-it:=;:"]
)
def test_nonsense_in_the_address_is_ignored(driver, pages: str, hash_: str) -> None:
    figure = open_figure(driver, f"{pages}/mollify-it.html#{hash_}")
    slider = figure.find_element(By.CSS_SELECTOR, ".explorable-live .ex-slider input")
    assert slider.get_attribute("aria-valuetext") == "0.300"
    logged = driver.get_log("browser")
    assert [entry for entry in logged if entry["level"] != "INFO"] == []


@pytest.mark.slow
def test_figure_that_fails_puts_its_still_back(driver, pages: str) -> None:
    figure = open_figure(driver, f"{pages}/{SAMPLE}.html")
    press(driver, figure.find_element(By.CSS_SELECTOR, "select"), "f")
    note = figure.find_element(By.CSS_SELECTOR, ".explorable-note")
    assert "this kind always fails" in note.text
    assert figure.find_element(By.CSS_SELECTOR, ".explorable-still svg").is_displayed()
    assert figure.find_elements(By.CSS_SELECTOR, ".explorable-live") == []


@pytest.mark.slow
def test_module_that_does_not_load_leaves_the_still(driver, pages: str) -> None:
    figure = open_figure(driver, f"{pages}/mollify-it-gone.html")
    assert "cannot move here" in figure.find_element(By.CSS_SELECTOR, ".explorable-note").text
    assert figure.find_element(By.CSS_SELECTOR, ".explorable-still svg").is_displayed()


@pytest.mark.slow
def test_motion_pauses_off_screen(driver, pages: str) -> None:
    figure = open_figure(driver, f"{pages}/{SAMPLE}.html")
    figure.find_element(By.CSS_SELECTOR, ".explorable-live .ex-button").click()
    before = drawing(driver)
    time.sleep(0.3)
    assert drawing(driver) != before
    driver.execute_script("scrollTo(0, 1500)")
    time.sleep(0.3)
    resting = drawing(driver)
    time.sleep(0.3)
    assert drawing(driver) == resting
    driver.execute_script("scrollTo(0, 0)")
    time.sleep(0.3)
    assert drawing(driver) != resting
    assert errors(driver) == []


@pytest.mark.slow
def test_clean_up_leaves_nothing(driver, pages: str) -> None:
    driver.get(f"{pages}/{SAMPLE}.html")
    left = driver.execute_async_script(
        """
        const [done] = arguments;
        import("./_static/explorables/everything.js").then(async ({ default: module }) => {
            const { state, render } = module;
            const listeners = new Set();
            const el = document.body.appendChild(document.createElement("div"));
            const model = {
                get: (key) => state[key]?.value, set() {}, save_changes() {},
                on: (event, one) => listeners.add(event + one), off: (event, one) =>
                    listeners.delete(event + one),
            };
            const clean = await render({ model, el });
            const while_running = [el.childNodes.length, listeners.size];
            clean();
            done([...while_running, el.childNodes.length, listeners.size]);
        });
        """
    )
    assert left == [1, 5, 0, 0]
