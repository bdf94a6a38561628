"""How does the same book become one printed document? The part of the build that speaks LaTeX.

* The macros of the formulas are those that the pages have: `mathjax3_config` in `_config.yml`.
* The introduction becomes a chapter, the captions of the contents become parts.
* Statements, proofs, exercises and solutions get environments of `latex/book.sty`.
* Figures that move keep their still and say where they can be played with.
* Tables get columns as wide as their text asks for. Cells that only draw are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.texescape import escape
from sphinx.writers.latex import LaTeXTranslator
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, solution_node
from sphinx_proof.nodes import NODE_TYPES, proof_node

STYLE = Path(__file__).parent / "latex" / "book.sty"
# The code font comes with matplotlib: it has every character that a cell may print.
CODE_FONT = "DejaVuSansMono"
CODE_FACES = ("", "-Bold", "-Oblique", "-BoldOblique")
SUBTITLE = (
    r"An executable textbook on \textit{Mollification Effects of Policy Gradient Methods}"
    "\n(Wang, Herbert and Gao, ICML 2024)"
)
# Statements that stand between the lines of the argument have no rule beside them.
UNRULED = ("remark", "example", "notation")
MOVES = "moves"
# Figures are drawn 5.8 inches wide for the pages; at this size a line of type is their width.
FIGURE_SIZE = {"scale": 80}
STILL_SIZE = {"width": "90%"}
# Characters of the footnote size that fit a line, and what a column's edges take of them.
LINE, EDGE = 104, 2
# Between equal columns and columns as wide as their texts are long.
SHARE = 0.7
# A line may end after a hyphen, too, and in names after an underscore (book.sty), not in formulas.
WORDS = re.compile(r"(?:[^\s_-]|(?<![a-z0-9]{2})_|_(?![a-z0-9]{2}))+[_-]?")


# ---- the document around the chapters -------------------------------------------------------


def site_address(repository: str) -> str:
    """Where GitHub Pages serves the site of a repository.

    >>> site_address("https://github.com/someone/book")
    'https://someone.github.io/book'
    """
    owner, name = repository.rstrip("/").rsplit("/", 2)[-2:]
    return f"https://{owner}.github.io/{name}"


def latex_macros(macros: Mapping[str, str | Sequence[Any]]) -> str:
    r"""MathJax's macros as LaTeX definitions.

    >>> latex_macros({"R": r"\mathbb{R}", "abs": [r"\lvert #1 \rvert", 1]}).splitlines()
    ['\\providecommand{\\R}{}\\renewcommand{\\R}{\\mathbb{R}}',
     '\\providecommand{\\abs}{}\\renewcommand{\\abs}[1]{\\lvert #1 \\rvert}']
    """
    lines = []
    for name, entry in macros.items():
        body, count = (entry, 0) if isinstance(entry, str) else (entry[0], entry[1])
        arguments = f"[{count}]" if count else ""
        known = f"\\providecommand{{\\{name}}}{{}}"
        lines.append(f"{known}\\renewcommand{{\\{name}}}{arguments}{{{body}}}")
    return "\n".join(lines)


def site_of(config: Config) -> str:
    """Where the pages are: at the address they are built for, or where GitHub would have them."""
    return config.html_baseurl.rstrip("/") or site_address(
        config.html_theme_options["repository_url"]
    )


def imprint(repository: str, site: str) -> str:
    """The foot of the title page."""
    return (
        rf"The book online, with the figures that move: \url{{{site}}}\par "
        rf"Its source, library and data: \url{{{repository}}}\par "
        r"Every number and picture was computed by a cell of the book. Cells that only draw are "
        r"left out of this edition; each page online has them. The code is under the MIT license, "
        r"text and figures under CC BY 4.0.\par Built on \@date."
    )


def configure(app: Sphinx, config: Config) -> None:
    """Set the LaTeX builder up, and give it the macros of the pages."""
    repository = config.html_theme_options["repository_url"]
    fonts = Path(mpl.get_data_path(), "fonts", "ttf")
    faces = [fonts / f"{CODE_FONT}{face}.ttf" for face in CODE_FACES]
    config.latex_additional_files = [str(path) for path in (STYLE, *faces)]
    config.latex_domain_indices = False
    config.latex_elements = {
        "papersize": "a4paper",
        "pointsize": "11pt",
        "classoptions": ",oneside,openany",
        "fontpkg": (
            f"\\setmonofont{{{CODE_FONT}}}[Path=./,Extension=.ttf,UprightFont=*,Scale=0.8,"
            "BoldFont=*-Bold,ItalicFont=*-Oblique,BoldItalicFont=*-BoldOblique]"
        ),
        "fncychap": "",
        "sphinxsetup": (
            "hmargin={2.4cm,2.4cm},vmargin={2.4cm,2.6cm},VerbatimColor={HTML}{F5F7F9},"
            "VerbatimBorderColor={HTML}{D5DDE3},TitleColor={HTML}{1B3A4B},"
            "InnerLinkColor={HTML}{00527F},OuterLinkColor={HTML}{00527F}"
        ),
        "fvset": r"\fvset{fontsize=\footnotesize}",
        "figure_align": "H",
        "maketitle": r"\bookmaketitle",
        "printindex": "",
        "preamble": "\n".join(
            (
                r"\usepackage{book}",
                latex_macros(config.mathjax3_config["tex"]["macros"]),
                rf"\renewcommand{{\booksubtitle}}{{{SUBTITLE}}}",
                r"\makeatletter",
                rf"\renewcommand{{\bookimprint}}{{{imprint(repository, site_of(config))}}}",
                r"\makeatother",
                rf"\hypersetup{{pdftitle={{{escape(config.html_title, config.latex_engine)}}},",
                rf"pdfauthor={{{escape(config.author, config.latex_engine)}}},",
                r"pdfsubject={Policy gradients, mollification and the heat equation},"
                r"pdfkeywords={policy gradient, reinforcement learning, heat equation, "
                r"mollification}}",
            )
        ),
    }


# ---- the chapters as one tree ---------------------------------------------------------------


def mark_moving(app: Sphinx, doctree: nodes.document) -> None:
    """Remember which cells show something that moves, before their HTML is left out."""
    for raw in doctree.findall(nodes.raw):
        text = raw.astext()
        if raw["format"] == "html" and ("data-explorable=" in text or 'class="player"' in text):
            cell = raw.parent
            while "cell" not in cell.get("classes", []):
                cell = cell.parent
            if MOVES not in cell["classes"]:
                cell["classes"].append(MOVES)


def arrange(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Turn the joined pages into a printed book."""
    if app.builder.format != "latex":
        return
    make_parts(app, doctree)
    for cell in list(doctree.findall(is_cell)):
        if MOVES in cell["classes"]:
            say_where_it_moves(cell, app.config.master_doc, site_of(app.config))
        if "tag_hide-input" in cell["classes"]:
            for part in [part for part in cell if "cell_input" in part.get("classes", [])]:
                cell.remove(part)
        for image in cell.findall(nodes.image):
            image.attributes |= STILL_SIZE if MOVES in cell["classes"] else FIGURE_SIZE
    for proof in doctree.findall(proof_node):
        unwrap_proof(proof)
    for table in list(doctree.findall(nodes.table)):
        fit_table(table)


def is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and "cell" in node["classes"]


def latex(text: str) -> nodes.raw:
    return nodes.raw("", text + "\n", format="latex")


def make_parts(app: Sphinx, doctree: nodes.document) -> None:
    """Gather the introduction in a chapter, and put a part's title before its chapters."""
    book = next(doctree.findall(nodes.section))
    lists = [child for child in book if "toctree-wrapper" in child.get("classes", [])]
    captions = [tree.caption for tree in app.config.external_site_map.root.subtrees]
    for caption, chapters in zip(captions, lists, strict=True):
        title = escape(caption, app.config.latex_engine)
        chapters.insert(0, latex(rf"\part{{{title}}}"))
    first = book.index(lists[0])
    introduction = nodes.section(ids=["introduction"])
    introduction += nodes.title("", "Introduction")
    introduction.extend(book.children[1:first])
    book.children[1:first] = []
    book.insert(1, latex(r"\setcounter{secnumdepth}{-1}"))
    book.insert(2, introduction)
    book.insert(3, latex(r"\setcounter{secnumdepth}{0}"))


def say_where_it_moves(cell: nodes.container, start: str, site: str) -> None:
    """Name the page on which a still can be played with; a player has no still, only its place.

    start: the page on which the cell stands if no part of it says otherwise.
    """
    section = cell.parent
    while section is not None and "docname" not in section:
        section = section.parent
    page = start if section is None else section["docname"]
    figures = list(cell.findall(nodes.figure))
    anchor = f"#{figures[0]['ids'][0]}" if figures and figures[0]["ids"] else ""
    link = nodes.reference("", f"{page}.html", refuri=f"{site}/{page}.html{anchor}")
    captions = list(cell.findall(nodes.caption))
    if captions:
        captions[0] += [nodes.Text(" It moves online, in "), link, nodes.Text(".")]
        return
    told = nodes.paragraph("", "", nodes.emphasis("", "It moves online, in "), link)
    told += nodes.Text(".")
    shown = [block for block in cell.findall(nodes.literal_block) if is_description(block)]
    if shown:
        shown[0].replace_self(told)
    else:
        cell += told


def is_description(block: nodes.literal_block) -> bool:
    """Whether an output is what stands for a figure that moves where nothing can be drawn."""
    return block.astext().startswith(("<player", "<explorable"))


def unwrap_proof(proof: nodes.Element) -> None:
    """Drop the box around a proof, and its first word, which the environment writes."""
    box = proof[0]
    if not isinstance(box, nodes.admonition):
        return
    proof.children = []
    proof.extend(box.children)
    first = next(proof.findall(nodes.Text))
    first.parent.replace(first, nodes.Text(first.astext().removeprefix("Proof. ")))


# ---- tables ---------------------------------------------------------------------------------


def printed_length(text: str) -> int:
    r"""About how many characters wide a text with formulas in it is.

    >>> printed_length(r"\frac m2")
    4
    """
    text = re.sub(r"\\(?:mathbb|mathrm|mathcal|mathbf|operatorname|hat|bar|left|right)\b", "", text)
    return len(re.sub(r"[{}$^_]", "", re.sub(r"\\([a-zA-Z]+|.)", "x", text)))


def column_widths(columns: Sequence[Sequence[str]], line: int = LINE) -> list[int] | None:
    """Widths in characters for the columns of a table, given the texts of their cells.

    None if every row fits the line as it is. Else each column gets room for its longest word, and
    what is left is shared by a power of the length of its text: a column with four times the text
    gets 2.6 times the room.
    """
    longest = [max((printed_length(cell) for cell in column), default=1) for column in columns]
    room = line - EDGE * len(columns)
    if sum(longest) <= room:
        return None
    words = [
        max((printed_length(word) for cell in column for word in WORDS.findall(cell)), default=1)
        for column in columns
    ]
    wanted = [
        sum(map(printed_length, column)) ** SHARE if most > word else 0
        for column, most, word in zip(columns, longest, words, strict=True)
    ]
    left = max(room - sum(words), 0)
    return [
        round(min(most, word + left * want / max(sum(wanted), 1)))
        for most, word, want in zip(longest, words, wanted, strict=True)
    ]


def fit_table(table: nodes.table) -> None:
    """Give a table small type, and columns that fit the page."""
    rows = [list(row) for row in table.findall(nodes.row)]
    columns = [[entry.astext() for entry in column] for column in zip(*rows, strict=True)]
    widths = column_widths(columns)
    if widths is not None:
        # A long table may go on on the next page.
        table["classes"] += ["colwidths-given", "longtable"]
        for spec, width in zip(table.findall(nodes.colspec), widths, strict=True):
            spec["colwidth"] = width
    small = nodes.container(classes=["booktable"])
    table.replace_self(small)
    small += table
    if widths is not None and not any(isinstance(part, nodes.title) for part in table):
        # LaTeX counts every long table; the pages count those with a caption.
        small += latex(r"\addtocounter{table}{-1}")


# ---- statements, exercises, solutions -------------------------------------------------------


def heading(translator: LaTeXTranslator, node: nodes.Element, label: str = "") -> str:
    """The title of a statement as LaTeX; the title leaves the node."""
    title = node.pop(0)
    start = len(translator.body)
    for child in title.children:
        child.walkabout(translator)
    text = "".join(translator.body[start:])
    del translator.body[start:]
    return f"{label}{text}"


def statement_number(translator: LaTeXTranslator, node: nodes.Element) -> str:
    numbers = translator.builder.env.toc_fignumbers.get(translator.curfilestack[-1], {})
    return ".".join(map(str, numbers.get(node["countertype"], {}).get(node["ids"][0], ())))


def visit_statement(translator: LaTeXTranslator, node: nodes.Element) -> None:
    kind = node["realtype"]
    label = f"{kind.title()} {statement_number(translator, node)}"
    # What has a rule beside it is cut where a page ends, and a table cannot be cut there.
    plain = kind in UNRULED or any(node.findall(nodes.table))
    environment = "bookremark" if plain else "bookstatement"
    node["environment"] = environment
    text = heading(translator, node, label)
    target = translator.hypertarget_to(node, anchor=True)
    translator.body.append(f"\n\n\\begin{{{environment}}}{{{text}}}{target}\n")


def visit_exercise(translator: LaTeXTranslator, node: nodes.Element) -> None:
    node["environment"] = "bookexercise"
    text = heading(translator, node)
    # References to exercises name this label.
    target = f"\\phantomsection\\label{{exercise:{node['label']}}}"
    translator.body.append(f"\n\n\\begin{{bookexercise}}{{{text}}}{target}\n")


def visit_solution(translator: LaTeXTranslator, node: nodes.Element) -> None:
    node["environment"] = "booksolution"
    text = heading(translator, node)
    translator.body.append(f"\n\n\\begin{{booksolution}}{{{text}}}\n")


def visit_proof(translator: LaTeXTranslator, node: nodes.Element) -> None:
    node["environment"] = "bookproof"
    # The first paragraph goes on in the line of the word "Proof", the last one in that of the mark.
    translator.body.append("\n\n\\begin{bookproof}")


def depart_block(translator: LaTeXTranslator, node: nodes.Element) -> None:
    translator.body.append(f"\\end{{{node['environment']}}}\n\n")


def setup(app: Sphinx) -> dict[str, Any]:
    for statement in NODE_TYPES.values():
        app.add_node(statement, override=True, latex=(visit_statement, depart_block))
    for exercise in (exercise_node, exercise_enumerable_node):
        app.add_node(exercise, override=True, latex=(visit_exercise, depart_block))
    app.add_node(solution_node, override=True, latex=(visit_solution, depart_block))
    app.add_node(proof_node, override=True, latex=(visit_proof, depart_block))
    app.connect("config-inited", configure, priority=900)
    app.connect("doctree-read", mark_moving)
    app.connect("doctree-resolved", arrange)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
