"""The ledger names places, tests and files that exist, and covers the paper's statements."""

import ast
import re
from pathlib import Path

import pytest

from mollify import ledger
from mollify.store import DATA, read_manifest

ROOT = Path(__file__).parent.parent
ENTRIES = ledger.load()
STATEMENTS = [
    "prop-3.1",
    "prop-4.1",
    "prop-4.2",
    "thm-4.3",
    "thm-4.4",
    "thm-4.5",
    "prop-5.1",
    "thm-5.2",
    "rem-5.3",
    "def-5.4",
    "prop-5.5",
    "def-A.1",
    "app-B",
    "def-D.1",
    "ex-D.2",
    "thm-D.3",
    "ex-D.4",
    "def-D.5",
    "thm-D.6",
    "lem-E.1",
]
EQUATIONS = [f"eq-{number}" for number in range(1, 18) if number != 12]


def defined_tests():
    trees = [ast.parse(path.read_text()) for path in (ROOT / "tests").glob("test_*.py")]
    return {node.name for tree in trees for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)}  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_place_test_and_data_exist(entry):
    chapter, label = entry.anchor.split("#")
    source = (ROOT / "chapters" / f"{chapter}.md").read_text(encoding="utf-8")
    named = rf":label: {re.escape(label)}\s|\({re.escape(label)}\)|name: {re.escape(label)}\s"
    assert re.search(named, source), f"{label} is not a label in {chapter}.md"
    assert entry.test in defined_tests()
    for folder in filter(None, entry.data.split(", ")):
        assert (DATA.parent / folder).exists()


def test_every_statement_of_the_paper_has_an_entry():
    assert set(STATEMENTS) <= {entry.id for entry in ENTRIES}


def test_every_equation_of_the_paper_has_an_entry():
    assert set(EQUATIONS) <= {entry.id for entry in ENTRIES}


@pytest.mark.parametrize(("change", "message"), [
    ("verdict: maybe", "one: verdict must be one of holds"),
    ("colour: red", "one: .*unexpected keyword argument 'colour'"),
    ("note: ''", "one: note is empty"),
    ("command: python -m mollify run x", "one: value is empty"),
])  # fmt: skip
def test_a_wrong_entry_is_named(tmp_path, change, message):
    fields = {"id": "one", "statement": "s", "verdict": "holds", "note": "n", "anchor": "a#b",
              "test": "t"}  # fmt: skip
    key, _, value = change.partition(": ")
    fields[key] = value.strip("'")
    lines = [f"{name}: '{value}'" for name, value in fields.items()]
    path = tmp_path / "ledger.yml"
    path.write_text("- " + "\n  ".join(lines) + "\n")
    with pytest.raises(ledger.LedgerError, match=message):
        ledger.load(path)


def test_a_repeated_id_is_named(tmp_path):
    entry = "- {id: one, statement: s, verdict: holds, note: n, anchor: a#b, test: t}\n"
    (tmp_path / "ledger.yml").write_text(2 * entry)
    with pytest.raises(ledger.LedgerError, match="one: the id stands twice"):
        ledger.load(tmp_path / "ledger.yml")


def test_kinds_tell_the_papers_items_from_ours():
    def kind(name):
        return ledger.Entry(name, "s", "holds", "n", "a#b", "t").kind

    assert kind("thm-5.2") == "Theorems"
    assert kind("def-D.5") == "Definitions"
    assert kind("app-B") == "Appendices"
    assert kind("claim-hopper-stands") == "Claims"
    assert kind("statement-A") == kind("prop-low-pass") == ledger.OURS


def test_the_table_shows_numbers_cost_and_test_of_an_empirical_entry():
    entry = next(entry for entry in ENTRIES if entry.id == "fig-4")
    seconds = sum(
        unit["seconds"] for unit in read_manifest(DATA / "hopper-stand")["units"].values()
    )
    assert ledger.cost(entry) == f"{seconds / 3600:.1f} core-hours"
    assert ledger.cost(entry._replace(command=ledger.IN_CHAPTER)) == "seconds"
    row = ledger.table([entry]).splitlines()[-1]
    for said in (entry.value, entry.interval, entry.seeds, entry.data, "3.8 core-hours"):
        assert said in row
    assert f"`{entry.command}`" in row and f"`{entry.test}`" in row
    assert "cost" not in ledger.table([ENTRIES[0]])
