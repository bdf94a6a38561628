"""Build the book as one PDF, `_build/latex/mollification.pdf`, and offer it on the pages.

What was executed for the pages is not executed again. LaTeX's log decides whether the PDF is
handed out: a character without a glyph, a reference without a target or a box beyond the page
would be lost to the reader.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import book_build
from mollify.checks import BookError

PROGRAMS = ("latexmk", "xelatex", "kpsewhich")
# One file of each collection of packages and fonts that the book uses.
FILES = ("fontspec.sty", "tabulary.sty", "lmroman10-regular.otf")
PACKAGES = "latexmk texlive-xetex texlive-latex-extra fonts-lmodern"
# A box may reach this far (in points) into the margins, which are 68 points wide, 74 below.
INTO_MARGIN, BELOW_PAGE = 45.0, 20.0


def check_programs() -> None:
    """Raise BookError, in one line, if something that LaTeX needs is missing."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if not missing:
        done = subprocess.run(["kpsewhich", *FILES], capture_output=True, text=True, check=False)
        found = {Path(line).name for line in done.stdout.splitlines()}
        missing = [name for name in FILES if name not in found]
    if missing:
        raise BookError(
            f"make pdf needs {', '.join(missing)}, which is not installed "
            f"(Debian and Ubuntu: apt install {PACKAGES})"
        )


def complaints(log: str) -> list[str]:
    """What a log of LaTeX says about content that a reader would miss, a line for each."""
    found = [
        f"the font {font} has no {character}"
        for character, font in re.findall(
            r"Missing character: There is no (.+?) in font ([^\s:;/!]+)", log
        )
    ]
    found += re.findall(r"LaTeX Warning: ((?:Reference|Citation) `[^']*'.*? undefined)", log)
    found += re.findall(r"LaTeX Warning: (Hyper reference `[^']*'.*? undefined)", log)
    for kind, size, limit in (("h", "wide", INTO_MARGIN), ("v", "high", BELOW_PAGE)):
        found += [
            f"a box is {float(points):.0f} points too {size} {place.strip()}"
            for points, place in re.findall(
                rf"Overfull \\{kind}box \(([\d.]+)pt too {size}\) ([^\n]*)", log
            )
            if float(points) > limit
        ]
    return list(dict.fromkeys(found))


def typeset(folder: Path) -> None:
    """Run LaTeX on the book in `folder` as often as references need it.

    Raises BookError, naming the first thing that is wrong.
    """
    name = book_build.PDF.removesuffix(".pdf")
    log = folder / f"{name}.log"
    log.unlink(missing_ok=True)
    done = subprocess.run(
        ["latexmk", "-pdfxe", "-dvi-", "-ps-", "-interaction=nonstopmode", f"{name}.tex"],
        cwd=folder,
        # Whole lines in the log; nothing to add to the commands in latexmkrc.
        env={**os.environ, "max_print_line": "10000", "LATEXOPTS": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    told = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    errors = re.findall(r"^! (.*)", told, flags=re.MULTILINE)
    if done.returncode or errors:
        said = errors or done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise BookError(f"LaTeX stopped: {' '.join(said[:1]) or 'nothing was said'} (see {log})")
    found = complaints(told)
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise BookError(f"something would be lost in print: {found[0]}{more} (see {log})")


def ensure_pdf(root: Path = book_build.ROOT) -> Path:
    """Build the PDF if the sources changed, then the pages, which offer it. Return its path.

    Raises BookError before any work if LaTeX is missing, and what the builds raise.
    """
    check_programs()
    build = root / "_build"
    folder = build / "latex"
    with book_build.one_at_a_time(build):
        current = book_build.sources_digest(root)
        if book_build.current_pdf(root) is None:
            (folder / "sources.sha256").unlink(missing_ok=True)
            book_build.run_jupyter_book(root, "latex")
            print("LaTeX sets the pages, a few minutes", flush=True)
            typeset(folder)
            (folder / "sources.sha256").write_text(current)
    book_build.ensure_book(root)
    return folder / book_build.PDF


def main() -> int:
    started = time.monotonic()
    try:
        pdf = ensure_pdf()
    except subprocess.CalledProcessError as error:
        print(f"The PDF was not made (exit status {error.returncode}); see above.")
        return 1
    except BookError as error:
        print(f"The PDF was not made: {error}")
        return 1
    print(f"The PDF is ready after {time.monotonic() - started:.0f} s:")
    print(f"  {pdf}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
