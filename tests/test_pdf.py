"""Tests of the printed book: what LaTeX is given, what its log says, and the PDF itself."""

import os
import re
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

import book_build
import book_freshness
import book_latex
import book_pdf
from mollify.checks import BookError


def test_macros_of_the_pages_become_definitions():
    made = book_latex.latex_macros({"R": r"\mathbb{R}", "abs": [r"\lvert #1 \rvert", 1]})
    assert r"\renewcommand{\R}{\mathbb{R}}" in made
    assert r"\renewcommand{\abs}[1]{\lvert #1 \rvert}" in made


def test_the_site_is_where_github_serves_the_repository():
    address = book_latex.site_address("https://github.com/someone/book/")
    assert address == "https://someone.github.io/book"


def test_a_table_that_fits_keeps_its_widths():
    assert book_latex.column_widths([["a", "b"], ["some words", "more"]]) is None


texts = st.lists(st.text("ab c-", max_size=300), min_size=3, max_size=3)


@given(st.lists(texts, min_size=1, max_size=5))
def test_columns_fit_the_line_and_every_column_its_longest_word(columns):
    line = 104
    words = [
        max((len(word) for cell in column for word in book_latex.WORDS.findall(cell)), default=1)
        for column in columns
    ]
    widths = book_latex.column_widths(columns, line)
    if widths is None:
        assert sum(max(map(len, column)) for column in columns) <= line
    elif sum(words) <= line - book_latex.EDGE * len(columns):
        assert sum(widths) <= line
        assert all(width >= word for width, word in zip(widths, words, strict=True))


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("a test_name_of_some length", "length"),
        ("half-life", "half-"),
        (r"x_{ab} \max_\theta", r"\max_\theta"),
        ("L_s(mu, t_r)", "L_s(mu,"),
    ],
)
def test_names_may_break_after_an_underscore_and_formulas_may_not(text, longest):
    assert max(book_latex.WORDS.findall(text), key=len) == longest


def test_a_long_name_leaves_room_for_the_other_columns():
    names = ["test_" + "_".join(["word"] * 20)] * 3
    item, said, name = book_latex.column_widths([["fig-10"], ["some words here " * 4], names])
    assert item == 6 and said > 20 and name > 20


def test_more_text_gets_more_room():
    little, much = ["some words here " * 4], ["some words here " * 36]
    small, large = book_latex.column_widths([little, much])
    assert small < large < 9 * small


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "Missing character: There is no σ (U+03C3) in font [lmroman10-regular]:mapping=x!",
            "the font [lmroman10-regular] has no σ (U+03C3)",
        ),
        (
            "LaTeX Warning: Reference `a:b' on page 3 undefined on input line 7.",
            "Reference `a:b' on page 3 undefined",
        ),
        (
            r"Overfull \hbox (81.3pt too wide) detected at line 9",
            "a box is 81 points too wide detected at line 9",
        ),
        (
            r"Overfull \vbox (491.9pt too high) has occurred while \output is active []",
            r"a box is 492 points too high has occurred while \output is active []",
        ),
    ],
)
def test_the_log_is_read(line, told):
    assert book_pdf.complaints(f"before\n{line}\nafter\n{line}\n") == [told]


def test_a_small_overhang_is_no_complaint():
    assert book_pdf.complaints(r"Overfull \hbox (5.9pt too wide) detected at line 9") == []


def test_missing_latex_is_named_before_any_work(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(book_build, "run_jupyter_book", lambda *_: pytest.fail("work was done"))
    with pytest.raises(BookError, match="latexmk, xelatex, kpsewhich, which is not installed"):
        book_pdf.ensure_pdf(tmp_path)
    assert book_pdf.main() == 1
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_stopped_latex_is_one_line(monkeypatch, tmp_path):
    """A program that leaves an error in its log and fails."""
    fake = tmp_path / "latexmk"
    fake.write_text(
        "#!/bin/sh\necho '! Undefined control sequence.' > mollification.log\nexit 12\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(BookError, match="LaTeX stopped: Undefined control sequence"):
        book_pdf.typeset(tmp_path)


def test_a_pdf_of_other_sources_is_not_offered(tmp_path):
    folder = tmp_path / "_build" / "latex"
    folder.mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("title: one")
    assert book_build.current_pdf(tmp_path) is None
    (folder / "sources.sha256").write_text(book_build.sources_digest(tmp_path))
    assert book_build.current_pdf(tmp_path) == folder / book_build.PDF
    (tmp_path / "_config.yml").write_text("title: two")
    assert book_build.current_pdf(tmp_path) is None


# ---- the PDF, where LaTeX is installed ------------------------------------------------------


@pytest.fixture(scope="module")
def pdf(root):
    path = book_build.current_pdf(root)
    if path is None:
        missing = [name for name in book_pdf.PROGRAMS if shutil.which(name) is None]
        if os.environ.get("CI") and not missing:
            pytest.fail("LaTeX is installed, but make pdf did not run")
        pytest.skip(f"no PDF: {', '.join(missing)} missing" if missing else "no PDF: run make pdf")
    return PdfReader(path)


@pytest.fixture(scope="module")
def text(pdf):
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


@pytest.mark.site
def test_pdf_has_every_chapter(pdf, text, root):
    assert len(pdf.pages) > 100
    for chapter in book_freshness.chapters(root)[1:]:
        title = re.search(r"^# (.+)$", chapter.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
        assert title in text


@pytest.mark.site
def test_pdf_has_no_open_reference(text):
    assert "??" not in text


@pytest.mark.site
def test_pdf_has_every_numbered_figure(text, root):
    """The pages and the PDF number alike, so the last number is the same."""
    pages = (root / "_build" / "html" / "chapters").glob("*.html")
    numbers = [
        int(number)
        for page in pages
        for number in re.findall(r'caption-number">Fig\. (\d+)', page.read_text(encoding="utf-8"))
    ]
    assert sorted(numbers) == list(range(1, max(numbers) + 1))
    assert {int(number) for number in re.findall(r"Fig\. (\d+):", text)} == set(numbers)


@pytest.mark.site
def test_pdf_shows_a_picture_for_every_figure(pdf):
    pictures = sum(len(page.images.keys()) for page in pdf.pages)
    captions = sum(len(re.findall(r"Fig\. \d+:", page.extract_text())) for page in pdf.pages)
    assert pictures >= captions > 30


def bookmarks(outline):
    """Titles of an outline at any depth."""
    for entry in outline:
        if isinstance(entry, list):
            yield from bookmarks(entry)
        else:
            yield entry.title


@pytest.mark.site
def test_pdf_names_itself_and_its_links_lead_somewhere(pdf, root):
    assert pdf.metadata.title == "Mollification: policy gradients as heat flow"
    found = set(bookmarks(pdf.outline))
    for path in book_freshness.chapters(root)[1:]:
        title = f"\n{path.read_text()}".split("\n# ")[1].partition("\n")[0]
        assert title in found
    known = set(pdf.named_destinations)
    inner = [
        annotation.get_object()["/A"]["/D"]
        for page in pdf.pages
        for annotation in page.get("/Annots") or []
        if annotation.get_object().get("/A", {}).get("/S") == "/GoTo"
    ]
    assert len(inner) > 500
    assert not {str(name) for name in inner if isinstance(name, str)} - known


@pytest.mark.site
def test_pages_offer_the_pdf(pdf, root):
    html = root / "_build" / "html"
    assert (html / book_build.PDF).stat().st_size > 1_000_000
    assert f'href="../{book_build.PDF}"' in (html / "chapters" / "intro.html").read_text("utf-8")
