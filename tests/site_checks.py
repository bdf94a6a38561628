"""What can be wrong with a page? Checks used on the built book and, as a proof, on bad pages."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif|webp)$|^_images/|^[0-9a-f]{16,}", re.IGNORECASE)
LOADING = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


# ---- pages as text -------------------------------------------------------------------------


def parse(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def alternative(element: Tag) -> str:
    """The text that stands for a picture: alt, aria-label, or an svg's title."""
    title = element.find("title", recursive=False) if element.name == "svg" else None
    text = element.get("alt") or element.get("aria-label") or (title.get_text() if title else "")
    return " ".join(str(text).split())


def pictures_without_text(soup: BeautifulSoup) -> list[str]:
    """Pictures of the text whose alternative is missing, a file name, or a single word."""
    found = []
    for element in soup.select("article :is(img, svg, canvas, video)"):
        if element.find_parent(attrs={"aria-hidden": "true"}) or element.find_parent("svg"):
            continue
        if element.get("aria-hidden") == "true":
            continue
        labelled = element.find_parent(attrs={"role": "img", "aria-label": True})
        text = alternative(labelled if labelled is not None else element)
        if FILE_NAME.search(text) or len(text.split()) < 3:
            found.append(f"<{element.name}> has the alternative text {text!r}")
    return found


def figures_without_caption(soup: BeautifulSoup) -> list[str]:
    """Pictures of executed cells that stand outside a figure with a caption."""
    found = []
    for image in soup.select("article .cell_output img"):
        figure = image.find_parent("figure")
        if figure is None or figure.find("figcaption") is None:
            found.append(f"the picture {alternative(image)[:50]!r} has no caption")
    return found


def identifiers(soup: BeautifulSoup) -> list[str]:
    return [str(element["id"]) for element in soup.find_all(id=True)]


def repeated_identifiers(soup: BeautifulSoup) -> list[str]:
    names = identifiers(soup)
    return sorted({f"the id {name!r} is repeated" for name in names if names.count(name) > 1})


def broken_links(root: Path) -> list[str]:
    """Links and sources of the pages under `root` that lead nowhere within it."""
    soups = {page: parse(page) for page in sorted(root.rglob("*.html")) if is_page(page, root)}
    targets = {page: set(identifiers(soup)) for page, soup in soups.items()}
    broken = []
    for page, soup in soups.items():
        for element in soup.select("[href], [src]"):
            address = str(element.get("href") or element.get("src"))
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            path = unquote(parts.path)
            target = page if not path else (page.parent / path).resolve()
            name = page.relative_to(root)
            if not target.is_file():
                broken.append(f"{name}: {address} does not exist")
            elif parts.fragment and unquote(parts.fragment) not in targets.get(
                target, {unquote(parts.fragment)}
            ):
                broken.append(f"{name}: {address} has no such anchor")
    return broken


def is_page(path: Path, root: Path) -> bool:
    return path.relative_to(root).parts[0] not in ("_static", "_sources")


def other_hosts(soup: BeautifulSoup) -> list[str]:
    """Scripts, styles, pictures and frames that would be loaded from another host."""
    found = []
    for element in soup.select("script[src], link[href], img[src], iframe[src], source[src]"):
        address = str(element.get("src") or element.get("href"))
        loads = element.name != "link" or LOADING & set(element.get("rel", []))
        if loads and urlsplit(address).netloc:
            found.append(f"<{element.name}> loads {address}")
    return found


# ---- pages in a browser --------------------------------------------------------------------


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve `folder` on the loopback interface; yields the address."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def find_browser() -> str | None:
    """The Chromium named by CHROME, or the first one on the PATH."""
    named = os.environ.get("CHROME")
    if named:
        return shutil.which(named)
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def browser(executable: str) -> Iterator[webdriver.Chrome]:
    """A headless Chromium that reaches the loopback interface and nothing else."""
    options = Options()
    options.binary_location = executable
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1440,900",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver_path = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
    driver = webdriver.Chrome(options=options, service=Service(executable_path=driver_path))
    driver.set_script_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()


def open_page(driver: webdriver.Chrome, address: str, theme: str) -> list[str]:
    """Open a page in a colour theme, wait for its formulas, and return what went wrong."""
    for log in ("browser", "performance"):
        driver.get_log(log)
    feature = {"name": "prefers-color-scheme", "value": theme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    set_width(driver, 1440)
    driver.get(address)
    driver.execute_async_script(
        "const done = arguments[0];"
        "Promise.resolve(window.MathJax?.startup?.promise).then(() => setTimeout(done, 100));"
    )
    wrong = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    wrong += bad_requests(driver.get_log("performance"))
    if driver.execute_script("return document.documentElement.dataset.theme ?? null") not in (
        None,
        theme,
    ):
        wrong.append(f"the page does not follow the {theme} colour scheme")
    return wrong


def bad_requests(entries: list[dict]) -> list[str]:
    """Requests in Chromium's performance log that failed or went to another host."""
    wrong = []
    addresses: dict[str, str] = {}
    for entry in entries:
        message = json.loads(entry["message"])["message"]
        method, values = message["method"], message["params"]
        if method == "Network.requestWillBeSent":
            address = values["request"]["url"]
            addresses[values["requestId"]] = address
            parts = urlsplit(address)
            if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
                wrong.append(f"asked another host: {address}")
        elif method == "Network.webSocketCreated":
            wrong.append(f"opened a socket: {values['url']}")
        elif method == "Network.responseReceived" and values["response"]["status"] >= 400:
            wrong.append(f"{values['response']['status']} for {values['response']['url']}")
        elif method == "Network.loadingFailed" and not values.get("canceled"):
            address = addresses.get(values["requestId"], "a request")
            wrong.append(f"{values['errorText']} for {address}")
    return wrong


def set_width(driver: webdriver.Chrome, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def bad_formulas(driver: webdriver.Chrome) -> list[str]:
    """TeX errors, and formulas that were not set at all."""
    script = """
        const errors = [...document.querySelectorAll("mjx-merror, [data-mjx-error]")];
        const raw = [...document.querySelectorAll(".math")]
            .filter((node) => !node.querySelector("mjx-container"));
        return [...errors.map((node) => "TeX error: "
                  + (node.getAttribute("data-mjx-error") ?? node.textContent)),
                ...raw.map((node) => "not typeset: " + node.textContent.slice(0, 60))];
    """
    return driver.execute_script(script)


def overflow(driver: webdriver.Chrome, width: int) -> list[str]:
    """Elements that make the page scroll sideways at this width."""
    set_width(driver, width)
    script = """
        const page = document.scrollingElement, limit = window.innerWidth + 1;
        if (page.scrollWidth <= limit) return [];
        const wide = [...document.body.querySelectorAll("*")]
            .filter((node) => node.getBoundingClientRect().right > limit)
            .map((node) => node.tagName.toLowerCase() + "." + node.className);
        return ["page is " + page.scrollWidth + " wide, e.g. " + wide.slice(0, 3).join(", ")];
    """
    return [f"at {width} px: {text}" for text in driver.execute_script(script)]
