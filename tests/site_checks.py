"""What can be wrong with a page? Checks used on the built book and, as a proof, on bad pages."""

from __future__ import annotations

import functools
import gzip
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from axe_core_python.selenium import Axe
from bs4 import BeautifulSoup, Tag
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from mollify import explorables

FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif|webp)$|^_images/|^[0-9a-f]{16,}", re.IGNORECASE)
LOADING = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Bytes on the wire of a first visit, and milliseconds until something can be read: the second
# is met by far on a quiet machine, and tells a blocked page from a busy machine.
LARGEST_PAGE = 1_500_000
LATEST_PAINT = 3_000
# What static hosts send compressed.
COMPRESSED = (".css", ".html", ".js", ".json", ".svg", ".txt", ".wasm")
# What the colours of a page can break; all else is the same in the dark.
RULES_ON_COLOUR = ("color-contrast",)
# html-validate's rules on what the HTML standard calls an error, on whole documents and on
# accessibility. Left out, each with its reason:
HTML_RULES = {
    # Files of the book's own host need no hash; other_hosts finds those of another.
    "require-sri": ["error", {"target": "crossorigin"}],
    # The theme's print view has a second <h1>, hidden on the screen; the standard allows it.
    "heading-level": ["error", {"allowMultipleH1": True}],
    # Outside a form, where the theme's buttons stand, a button without a type submits nothing.
    "no-implicit-button-type": "off",
    # book.js names the buttons that show only a picture; axe looks at the running page.
    "text-content": "off",
    # Captions of the table of contents carry role and level: as good as the element.
    "prefer-native-element": "off",
    # The theme's search fields are sent with Enter and by the keyboard of a phone.
    "wcag/h32": "off",
    # <main role="main"> says one thing twice.
    "no-redundant-role": "off",
}


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


def html_errors(pages: Iterable[Path]) -> list[str]:
    """What html-validate, the npm package, finds in these pages."""
    built = explorables.ensure_bundles()
    presets = ("standard", "document", "a11y")
    config = built / "html-validate.json"
    config.write_text(
        json.dumps(
            {
                "root": True,
                "extends": [f"html-validate:{preset}" for preset in presets],
                "rules": HTML_RULES,
            }
        )
    )
    done = subprocess.run(
        [
            explorables.node_folder() / "bin" / "node",
            built / "node_modules" / "html-validate" / "bin" / "html-validate.mjs",
            f"--config={config}",
            "--formatter=json",
            *pages,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"html-validate failed: {done.stderr.strip()}")
    return [
        f"{Path(report['filePath']).name}:{found['line']}: {found['message']} ({found['ruleId']})"
        for report in json.loads(done.stdout)
        for found in report["messages"]
    ]


# ---- pages in a browser --------------------------------------------------------------------


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files as static hosts do, text compressed."""

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        accepted = "gzip" in self.headers.get("Accept-Encoding", "")
        if not (accepted and path.suffix in COMPRESSED and path.is_file()):
            super().do_GET()
            return
        body = compressed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@functools.cache
def compressed(path: Path, changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), compresslevel=6)


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


ARRIVED = """return document.readyState === "complete"
    && !document.querySelector("meta[http-equiv='refresh']")"""


class Visit(NamedTuple):
    """What happened while a page was opened by somebody who was never here before."""

    wrong: list[str]
    size: int  # bytes transferred, headers included
    paint: float  # milliseconds until something could be read

    def slow_or_heavy(self) -> list[str]:
        heavy = f"{self.size / 1e6:.2f} MB were transferred" if self.size > LARGEST_PAGE else ""
        slow = f"nothing was painted for {self.paint:.0f} ms" if self.paint > LATEST_PAINT else ""
        return [text for text in (heavy, slow) if text]


def open_page(driver: webdriver.Chrome, address: str, theme: str) -> Visit:
    """Open a page in a colour theme with an empty cache and wait for its formulas."""
    for log in ("browser", "performance"):
        driver.get_log(log)
    prefer(driver, theme)
    set_width(driver, 1440)
    driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    driver.get(address)
    # The first page forwards to another; what is asked meanwhile is answered by a page without
    # formulas.
    waiting = WebDriverWait(driver, 60, ignored_exceptions=[WebDriverException])
    waiting.until(lambda here: here.execute_script(ARRIVED))
    driver.execute_async_script(
        "const done = arguments[0];"
        "Promise.resolve(window.MathJax?.startup?.promise).then(() => setTimeout(done, 100));"
    )
    entries = driver.get_log("performance")
    wrong = log_errors(driver, entries) + theme_errors(driver, theme)
    return Visit(wrong, transferred(entries), first_paint(driver))


def change_theme(driver: webdriver.Chrome, theme: str) -> list[str]:
    """Let the reader's system change its colours; returns what goes wrong then."""
    prefer(driver, theme)
    driver.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0], 100));")
    return log_errors(driver, driver.get_log("performance")) + theme_errors(driver, theme)


def prefer(driver: webdriver.Chrome, theme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": theme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def theme_errors(driver: webdriver.Chrome, theme: str) -> list[str]:
    shown = driver.execute_script("return document.documentElement.dataset.theme ?? null")
    wrong = shown not in (None, theme)
    return [f"the page does not follow the {theme} colour scheme"] if wrong else []


def log_errors(driver: webdriver.Chrome, entries: list[dict]) -> list[str]:
    """Errors in the console, and bad requests among the entries of the performance log."""
    console = driver.get_log("browser")
    wrong = [entry["message"] for entry in console if entry["level"] == "SEVERE"]
    return wrong + bad_requests(entries)


def transferred(entries: list[dict]) -> int:
    """Bytes that the requests in Chromium's performance log took on the wire."""
    messages = [json.loads(entry["message"])["message"] for entry in entries]
    return sum(
        int(message["params"]["encodedDataLength"])
        for message in messages
        if message["method"] == "Network.loadingFinished"
    )


def first_paint(driver: webdriver.Chrome) -> float:
    """Milliseconds to the first contentful paint; infinity if nothing was painted."""
    found = driver.execute_script(
        "return performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)"
    )
    return found[0] if found else float("inf")


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


def accessibility(driver: webdriver.Chrome, rules: Iterable[str] = ()) -> list[str]:
    """Violations of axe's rules (of all, or of those given) on the page that is open.

    A page has thousands of nodes in formulas and in code, and axe would look at each for minutes.
    Every formula becomes an empty box of its size; in code, words that look alike, by colour,
    paper, size and weight, are looked at once.
    """
    driver.execute_script("""
        const boxes = [...document.querySelectorAll("mjx-container")].map((node) => [
            node, node.getBoundingClientRect()]);
        const clear = /^(transparent|rgba\\(.*, 0\\))$/;
        const paper = (node) => {
            const color = getComputedStyle(node).backgroundColor;
            return clear.test(color) && node.parentElement ? paper(node.parentElement) : color;
        };
        const looks = new Set();
        const known = [...document.querySelectorAll("pre span")].filter((node) => {
            if (node.childElementCount || !node.checkVisibility({ visibilityProperty: true })
                || node.matches("[id], [role], [tabindex], [title]")) return false;
            const { color, fontSize, fontWeight, opacity } = getComputedStyle(node);
            const look = [color, fontSize, fontWeight, opacity, paper(node)].join();
            const seen = looks.has(look);
            looks.add(look);
            return seen;
        });
        for (const [node, box] of boxes) {
            const empty = document.createElement("span");
            empty.style.cssText =
                `display: inline-block; width: ${box.width}px; height: ${box.height}px`;
            node.replaceWith(empty);
        }
        for (const node of known) node.replaceWith(node.textContent);
    """)
    # Axe would also describe every node without a fault, and load the style sheets again.
    options = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    return [
        f"{rule['id']}: {node['html'][:120]}"
        for rule in Axe().run(driver, options=json.dumps(options))["violations"]
        for node in rule["nodes"]
    ]
