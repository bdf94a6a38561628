"""Build the book into `_build/html`, unless what is there is already made of these sources."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import book_freshness
from mollify import explorables
from mollify.checks import BookError

ROOT = Path(__file__).resolve().parents[2]
# Set where the book is published: the address of the site.
SITE_ADDRESS = "SITE_ADDRESS"
PDF = "mollification.pdf"
SOURCES = ("_config.yml", "_toc.yml", "requirements.txt", "chapters", "lib", "data")


def sources_digest(root: Path) -> str:
    """One hash over everything that the built pages are made of, their address included."""
    paths = [
        path
        for name in SOURCES
        for path in book_freshness.files_under(root / name)
        if not any(part.endswith(".egg-info") or part.startswith(".") for part in path.parts[1:])
    ]
    where = f"{os.environ.get(SITE_ADDRESS, '')}\n"
    return hashlib.sha256((where + book_freshness.digest(paths, root)).encode()).hexdigest()


@contextmanager
def one_at_a_time(build: Path) -> Iterator[None]:
    """Let a second build in the same tree wait for the first."""
    build.mkdir(exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def current_pdf(root: Path) -> Path | None:
    """The printed book, if there is one made of the present sources."""
    folder = root / "_build" / "latex"
    stamp = folder / "sources.sha256"
    if not stamp.exists() or stamp.read_text() != sources_digest(root):
        return None
    return folder / PDF


def run_jupyter_book(root: Path, builder: str) -> None:
    """Execute what is out of date and write the book in the form of a builder, html or latex.

    Raises subprocess.CalledProcessError when the build fails or warns, and BookError when an
    interactive figure cannot be bundled.
    """
    if (root / "lib" / "explorables").is_dir():
        explorables.ensure_bundles()
    for name in book_freshness.forget_outdated(root, root / "_build" / ".jupyter_cache"):
        print(f"{name}: its library or data changed, so it runs again", flush=True)
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    # --all reads every page again: warnings, style sheets and links are never stale.
    arguments = ("build", ".", "--builder", builder, "--all", "-W", "-n", "--keep-going")
    subprocess.run([jupyter_book, *arguments], cwd=root, check=True)


def ensure_book(root: Path = ROOT) -> Path:
    """Build the book if its sources changed and return the folder of its pages.

    A printed book of the same sources is offered on the pages. Raises what `run_jupyter_book`
    raises.
    """
    build = root / "_build"
    html, stamp = build / "html", build / "sources.sha256"
    with one_at_a_time(build):
        current = sources_digest(root)
        fresh = stamp.exists() and stamp.read_text() == current and (html / "index.html").exists()
        if fresh and (html / PDF).exists() == (current_pdf(root) is not None):
            return html
        stamp.unlink(missing_ok=True)
        # Pages of chapters that are gone must go too; executions are kept apart, in the cache.
        shutil.rmtree(html, ignore_errors=True)
        run_jupyter_book(root, "html")
        stamp.write_text(current)
    return html


def main() -> int:
    started = time.monotonic()
    try:
        html = ensure_book()
    except subprocess.CalledProcessError as error:
        print(f"The book was not built (exit status {error.returncode}); see above.")
        return 1
    except BookError as error:
        print(f"The book was not built: {error}")
        return 1
    print(f"The book is ready after {time.monotonic() - started:.0f} s. Open it in a browser:")
    print(f"  {(html / 'index.html').as_uri()}")
    print("Its figures move when a server sends the pages (then open http://localhost:8000):")
    print("  python3 -m http.server --directory _build/html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
