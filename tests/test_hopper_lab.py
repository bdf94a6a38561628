"""The page's hopper: what Python sends, and MuJoCo stepping it in a browser."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_core_python.selenium import Axe
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

import site_checks
import test_explorables as figures_tests
from mollify import explorables, hopper_lab, store
from mollify.rollout import rollout
from mollify.systems import hopper

driver = figures_tests.driver
EPISODE = 8.0


@pytest.fixture(scope="session")
def lab() -> dict:
    return hopper_lab.lab()


# ---- what Python sends ---------------------------------------------------------------------


def test_policies_are_those_of_the_stored_runs(lab: dict) -> None:
    results = store.load("hopper-stand")
    assert lab["sigmas"] == results.settings["sigmas"]
    for k, (sigma, seed) in enumerate(zip(lab["sigmas"], lab["seeds"], strict=True)):
        unit = results.units[f"sigma-{sigma:g}_seed-{seed}"]
        for n, epoch in enumerate(lab["epochs"]):
            assert np.array_equal(lab["thetas"][k, n], unit["thetas"][epoch].astype(np.float32))
        finals = [
            np.median(results.units[f"sigma-{sigma:g}_seed-{other}"]["deterministic_returns"])
            for other in range(results.settings["seeds"])
        ]
        assert finals[seed] == np.median(finals)


def test_record_is_what_the_policy_does(lab: dict) -> None:
    k, n = lab["sigmas"].index(0.5), lab["epochs"].index(20)
    theta = lab["thetas"][k, n].astype(float)
    sample = rollout(hopper.hopper(), theta, lab["start"][None], sigma=0.0, horizon=1000)
    assert lab["returns"][k, n, 0] == 0
    assert lab["returns"][k, n, -1] == pytest.approx(sample.returns()[0], rel=1e-6)
    assert lab["returns"][k, n, 3] == pytest.approx(sample.rewards[0, :30].sum(), rel=1e-6)
    assert np.allclose(lab["poses"][k, n], sample.states[0, lab["poseAt"], :6], atol=1e-6)
    assert (lab["fell"][k, n] < 0) == (not hopper.fallen(sample.states[0]).any())
    fallen = lab["sigmas"].index(0.005)
    assert 0 < lab["fell"][fallen, n] < EPISODE


def test_model_carries_its_licence_and_is_unchanged(lab: dict) -> None:
    text = hopper.model_path().read_text(encoding="utf-8")
    assert lab["xml"].endswith(text)
    assert "The MIT License" in lab["xml"].removesuffix(text)
    assert lab["xml"].removesuffix(text).count("--") == 2


def test_chapter_says_what_the_record_shows(lab: dict, root: Path) -> None:
    """The finding, the caption and the text around the figure in `chapters/hopper-stand.md`."""
    chapter = (root / "chapters" / "hopper-stand.md").read_text(encoding="utf-8")
    assert f"WebAssembly build ({lab['versions']['page']})" in chapter
    assert f"computed with {lab['versions']['python']} in Python" in chapter
    fell = dict(zip(lab["sigmas"], lab["fell"], strict=True))
    assert 0 < fell[0.005][-1] < 2
    assert 0 < fell[0.05][-1] < 2
    stands = {sigma: seconds < 0 for sigma, seconds in fell.items()}
    assert list(stands[0.5]) == [epoch >= 20 for epoch in lab["epochs"]]
    assert list(stands[5]) == [epoch >= 80 for epoch in lab["epochs"]]
    final = lab["returns"][..., -1]
    assert final[2, 1:].min() > -60
    assert final[2, 1:].max() < -9.5
    assert round(float(final[3, -1])) == -73


def test_data_of_the_page_is_small(lab: dict) -> None:
    assert len(json.dumps(explorables.pack(lab))) < 60_000


def test_mujoco_is_copied_from_the_lock_with_its_licences(tmp_path: Path, lab: dict) -> None:
    explorables.copy_bundles(tmp_path)
    folder = tmp_path / "mujoco"
    loaded = [folder / name for name in ("mujoco.js", "mujoco.wasm.gzip")]
    assert lab["bytes"] == sum(path.stat().st_size for path in loaded)
    assert lab["bytes"] < 3_000_000
    assert gzip.decompress(loaded[1].read_bytes())[:4] == b"\0asm"
    licences = (tmp_path / "licences.txt").read_text(encoding="utf-8")
    assert f"{hopper_lab.PACKAGE} {hopper_lab.page_version()} (Apache-2.0)" in licences
    assert "Copyright (c) 2016-2026 The Stdlib Authors." in licences
    for name, text in (("LICENSE", "4. Redistribution."), ("LICENSES_THIRD_PARTY.md", "Qhull")):
        assert f"mujoco/{name}" in licences
        assert text in (folder / name).read_text(encoding="utf-8")


# ---- in a browser --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, lab: dict) -> Iterator[tuple[str, Path]]:
    """The address and the folder of a page with the figure as the book shows it.

    The page is not at the root of its site, and the server sends the module as it is.
    """
    root = tmp_path_factory.mktemp("lab")
    folder = root / "some" / "book"
    explorables.copy_bundles(folder / "_static" / "explorables")
    shown = explorables.show("hopper-lab", data=lab)._repr_mimebundle_()["text/html"]
    (folder / "lab.html").write_text(figures_tests.PAGE.format(shown), encoding="utf-8")
    with site_checks.served(root) as address:
        yield f"{address}/some/book/lab.html", folder


def button(figure: WebElement, number: int = 0) -> WebElement:
    return figure.find_elements(By.CSS_SELECTOR, ".explorable-live .ex-button")[number]


def note(figure: WebElement) -> str:
    return figure.find_element(By.CSS_SELECTOR, ".explorable-note").text


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def run(driver: webdriver.Chrome, address: str, width: int = 1000) -> WebElement:
    """Open the page, ask for MuJoCo, and wait until it moves."""
    figure = figures_tests.open_figure(driver, address, width)
    button(figure).click()
    wait_for(lambda: button(figure).text == "Pause")
    return figure


def lines(figure: WebElement) -> list[list[str]]:
    """The lines of text in each hopper's panel, without the title."""
    texts = [node.text for node in figure.find_elements(By.CSS_SELECTOR, "svg text:not(.tick *)")]
    starts = [i for i, one in enumerate(texts) if one.startswith("trained at")]
    return [texts[i + 1 : i + 4] for i in starts]


def value(line: str) -> float:
    return float(line.split()[-1].replace("\u2212", "-"))


def whole_episode(figure: WebElement) -> None:
    words = figure.find_element(By.CSS_SELECTOR, ".explorable-live .ex-words")
    wait_for(lambda: "8 s that count are over" in words.text, 120)


LOADED = """
    return performance.getEntriesByType("resource")
        .filter((one) => one.name.includes("/mujoco/"))
        .map((one) => one.decodedBodySize);
"""


@pytest.mark.slow
def test_mujoco_is_loaded_when_asked_for(driver, site, lab: dict) -> None:
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    driver.get_log("performance")
    figure = figures_tests.open_figure(driver, site[0])
    assert driver.execute_script(LOADED) == []
    assert "recorded in Python" in note(figure)
    assert [one[0] for one in lines(figure)][2:] == ["stands", "stands"]
    assert f"loads {lab['bytes'] / 1e6:.1f} MB" in button(figure).text
    button(figure).click()
    wait_for(lambda: button(figure).text == "Pause")
    assert sum(driver.execute_script(LOADED)) == lab["bytes"]
    assert site_checks.bad_requests(driver.get_log("performance")) == []


@pytest.mark.slow
def test_hoppers_earn_what_they_earn_in_python(driver, site, lab: dict) -> None:
    figure = run(driver, site[0])
    assert lab["versions"]["page"] in note(figure)
    assert lab["versions"]["python"] in note(figure)
    whole_episode(figure)
    button(figure).click()
    for k, (fate, python, here) in enumerate(lines(figure)):
        fell = lab["fell"][k, -1]
        assert fate == ("stands" if fell < 0 else f"fell at {fell:.2f} s")
        assert value(python) == pytest.approx(lab["returns"][k, -1, -1], abs=0.5)
        # Rounding grows while a hopper tumbles: the last digits of a fall differ.
        assert value(here) == pytest.approx(value(python), rel=0.02 if fell < 0 else 0.5)
    assert figures_tests.errors(driver) == []


@pytest.mark.slow
def test_push_by_pointer_and_by_key(driver, site) -> None:
    figure = run(driver, site[0])
    before = [one[0] for one in lines(figure)]
    assert before[2:] == ["stands", "stands"]
    handle = figure.find_element(By.CSS_SELECTOR, ".ex-handle")
    chain = ActionChains(driver, duration=50).click_and_hold(handle).move_by_offset(90, 0)
    chain.pause(0.6).release().perform()
    wait_for(lambda: all("fell" in one[0] for one in lines(figure)), 20)
    button(figure, 1).click()
    wait_for(lambda: lines(figure)[3][0] == "stands", 5)
    assert handle.get_attribute("aria-valuetext") == "0"
    figures_tests.press(driver, handle, *[Keys.PAGE_UP] * 40)
    wait_for(lambda: all("fell" in one[0] for one in lines(figure)), 20)
    # The push dies down by itself.
    wait_for(lambda: handle.get_attribute("aria-valuetext") == "0", 20)


@pytest.mark.slow
def test_epoch_noise_and_slow_motion(driver, site) -> None:
    figure = run(driver, site[0])
    epoch = figure.find_element(By.CSS_SELECTOR, ".ex-handle[data-keys=epoch]")
    figures_tests.press(driver, epoch, Keys.HOME)
    wait_for(lambda: all("fell" in one[0] for one in lines(figure)), 20)
    figures_tests.press(driver, epoch, Keys.END)
    wait_for(lambda: lines(figure)[2][0] == "stands", 5)
    slider = figure.find_element(By.CSS_SELECTOR, ".ex-slider input")
    assert slider.get_attribute("aria-valuetext") == "none"
    figures_tests.press(driver, slider, Keys.END)
    # Trained at 5, a hopper stands under noise of 5; trained at 0.5, it does not.
    wait_for(lambda: "fell" in lines(figure)[2][0], 30)
    assert lines(figure)[3][0] == "stands"

    hand = figure.find_element(By.CSS_SELECTOR, ".explorable-live svg > g:last-of-type .ex-hair")
    speeds = []
    for _ in range(2):
        button(figure, 1).click()
        time.sleep(0.5)
        first, start = float(hand.get_attribute("x1")), time.monotonic()
        time.sleep(1)
        speeds.append((float(hand.get_attribute("x1")) - first) / (time.monotonic() - start))
        figure.find_element(By.CSS_SELECTOR, ".ex-toggle input").click()
    assert 0 < speeds[1] < 0.6 * speeds[0]
    button(figure).click()
    figures_tests.settle(driver)
    resting = figures_tests.drawing(driver)
    time.sleep(0.3)
    assert figures_tests.drawing(driver) == resting
    assert figures_tests.errors(driver) == []


@pytest.mark.slow
def test_physics_keeps_up_with_real_time(driver, site, record_property) -> None:
    """Seconds of the page's main thread, whatever else the machine does, per second simulated."""

    def work() -> float:
        metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    figure = run(driver, site[0])
    hand = figure.find_element(By.CSS_SELECTOR, ".explorable-live svg > g:last-of-type .ex-hair")
    whole = "svg > g:last-of-type clipPath rect"
    pixels = float(figure.find_element(By.CSS_SELECTOR, whole).get_attribute("width"))
    before, began = work(), float(hand.get_attribute("x1"))
    time.sleep(3)
    simulated = (float(hand.get_attribute("x1")) - began) / pixels * EPISODE
    share = (work() - before) / simulated
    driver.execute_cdp_cmd("Performance.disable", {})
    record_property("share", share)
    assert simulated > 0.3
    assert share < 1


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1440])
def test_running_figure_is_accessible_and_keeps_its_width(driver, site, width: int) -> None:
    figure = run(driver, site[0], width)
    for theme in ("light", "dark"):
        driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
        figures_tests.settle(driver)
        assert Axe().run(driver)["violations"] == []
        assert site_checks.overflow(driver, width) == []
    site_checks.set_width(driver, 620)
    figures_tests.settle(driver)
    assert site_checks.overflow(driver, 620) == []
    assert button(figure).text == "Pause"
    assert figures_tests.errors(driver) == []


@pytest.mark.slow
def test_no_webassembly_is_one_line(driver, site) -> None:
    figure = figures_tests.open_figure(driver, site[0])
    driver.execute_script("delete window.WebAssembly")
    before = figures_tests.drawing(driver)
    button(figure).click()
    wait_for(lambda: "no WebAssembly" in note(figure), 5)
    assert figures_tests.drawing(driver) == before
    assert figures_tests.errors(driver) == []


def module_of(site: tuple[str, Path], name: str = "mujoco.wasm.gzip") -> Path:
    return site[1] / "_static" / "explorables" / "mujoco" / name


def assert_not_run(driver: webdriver.Chrome, figure: WebElement, reason: str) -> None:
    """Ask for MuJoCo: one line says why it cannot run, and the drawing stays."""
    before = figures_tests.drawing(driver)
    button(figure).click()
    wait_for(lambda: "cannot run here" in note(figure), 20)
    assert re.search(reason, note(figure))
    assert len(note(figure)) < 300
    assert figures_tests.drawing(driver) == before
    assert button(figure).is_enabled()
    assert button(figure).text.startswith("Run MuJoCo here")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("mujoco.wasm.gzip", None, "its file came with status 404"),
        ("mujoco.wasm.gzip", gzip.compress(b"nothing")[:-9], "its file came damaged"),
        ("mujoco.wasm.gzip", gzip.compress(b"nothing"), "expected magic word"),
        ("mujoco.wasm.gzip", b"", "WebAssembly"),
        ("mujoco.js", None, "its file came with status 404"),
        ("mujoco.js", b"export default {", "Unexpected end of input"),
        ("mujoco.js", b"export default () => ({})", "Cannot read properties"),
    ],
    ids=["missing", "cut", "other", "empty", "script missing", "script cut", "other script"],
)
def test_mujoco_that_does_not_come_is_one_line(driver, site, name, content, reason) -> None:
    file = module_of(site, name)
    kept = shutil.copy(file, site[1] / "kept")
    file.unlink()
    try:
        if content is not None:
            file.write_bytes(content)
        driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        figure = figures_tests.open_figure(driver, site[0])
        assert_not_run(driver, figure, reason)
    finally:
        shutil.move(kept, file)
    # The button still works once the file is there.
    driver.get_log("browser")
    button(figure).click()
    wait_for(lambda: button(figure).text == "Pause")
    assert figures_tests.errors(driver) == []


@pytest.mark.slow
def test_no_network_is_one_line(driver, site) -> None:
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    figure = figures_tests.open_figure(driver, site[0])
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **network})
    try:
        assert_not_run(driver, figure, "Failed to fetch")
    finally:
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **network})
    button(figure).click()
    wait_for(lambda: button(figure).text == "Pause")


@pytest.mark.slow
def test_module_unpacked_by_the_server_runs(driver, site) -> None:
    file = module_of(site)
    kept = shutil.copy(file, site[1] / "kept")
    try:
        file.write_bytes(gzip.decompress(file.read_bytes()))
        driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        run(driver, site[0])
    finally:
        shutil.move(kept, file)
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})


@pytest.mark.slow
def test_physics_that_breaks_down_is_one_line(driver, site) -> None:
    figure = run(driver, site[0])
    driver.execute_script(
        "Float64Array.prototype.set = () => { throw new Error('the engine has stopped'); }"
    )
    wait_for(lambda: "cannot run here (the engine has stopped)" in note(figure), 10)
    figures_tests.settle(driver)
    assert [one[0] for one in lines(figure)][2:] == ["stands", "stands"]
    assert button(figure).text.startswith("Run MuJoCo here")
    assert figures_tests.errors(driver) == []


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["noise=99,epoch=many,push=,slow=2", "noise", "%E0%A4%A"])
def test_nonsense_in_the_address_is_ignored(driver, site, ending: str) -> None:
    figure = figures_tests.open_figure(driver, f"{site[0]}#hopper-lab:{ending}")
    slider = figure.find_element(By.CSS_SELECTOR, ".ex-slider input")
    assert slider.get_attribute("aria-valuetext") == "none"
    assert [one[0] for one in lines(figure)][2:] == ["stands", "stands"]
    assert [entry for entry in driver.get_log("browser") if entry["level"] != "INFO"] == []


@pytest.mark.slow
def test_address_gives_the_epoch_and_the_noise(driver, site, lab: dict) -> None:
    figure = figures_tests.open_figure(driver, f"{site[0]}#hopper-lab:epoch=20,noise=2")
    slider = figure.find_element(By.CSS_SELECTOR, ".ex-slider input")
    assert slider.get_attribute("aria-valuetext") == "2.00"
    fell = lab["fell"][:, lab["epochs"].index(20)]
    expected = ["stands" if second < 0 else f"fell at {second:.2f} s" for second in fell]
    assert [one[0] for one in lines(figure)] == expected


@pytest.mark.slow
def test_clean_up_stops_the_hoppers(driver, site, lab: dict) -> None:
    driver.get(site[0])
    left = driver.execute_async_script(
        """
        const [data, done] = arguments;
        import("./_static/explorables/hopper-lab.js").then(async ({ default: module }) => {
            const el = document.body.appendChild(document.createElement("div"));
            const values = { data };
            const model = {
                get: (key) => values[key] ?? module.state[key]?.value, on() {}, off() {},
                set: (key, value) => (values[key] = value), save_changes() {},
            };
            const clean = await module.render({ model, el });
            el.querySelector(".ex-button").click();
            const wait = setInterval(() => {
                if (el.querySelector(".ex-button").textContent !== "Pause") return;
                clearInterval(wait);
                clean();
                setTimeout(() => done(el.childNodes.length), 300);
            }, 50);
        });
        """,
        explorables.pack(lab),
    )
    assert left == 0
    assert figures_tests.errors(driver) == []
