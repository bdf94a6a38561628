"""What does the paper say, and what became of each statement here?

`data/ledger.yml` holds one entry for every numbered statement, equation, figure and table of the
paper that the book has judged so far, and for the items the book adds. The page `reproduction`
is made from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import yaml

from mollify.checks import BookError
from mollify.store import DATA, read_manifest

VERDICTS = ("holds", "holds corrected", "reproduced", "partly", "not reproduced")
KINDS = {
    "def": "Definitions",
    "prop": "Propositions",
    "thm": "Theorems",
    "lem": "Lemmas",
    "ex": "Examples",
    "rem": "Remarks",
    "app": "Appendices",
    "eq": "Equations",
    "fig": "Figures",
    "tab": "Tables",
    "claim": "Claims",
}
IN_CHAPTER = "computed in the chapter"
OURS = "Ours"
"""The heading of items that the paper does not have."""


class LedgerError(BookError):
    """An entry of the ledger lacks a field, has an unknown one, or repeats an id."""


class Entry(NamedTuple):
    """One judged item.

    id: "prop-3.1", "eq-10", "fig-6a", "claim-..."; items of the book's own have other ids.
    statement: what the paper says, in one sentence.
    verdict: one of VERDICTS. note: what changed, and why.
    anchor: "<chapter>#<label>". test: the test that would fail if the verdict were wrong.
    value, interval, seeds, data, command: of an empirical item, where none is empty (but `data`,
    where the command is IN_CHAPTER); empty elsewhere.
    """

    id: str
    statement: str
    verdict: str
    note: str
    anchor: str
    test: str
    value: str = ""
    interval: str = ""
    seeds: str = ""
    data: str = ""
    command: str = ""

    @property
    def kind(self) -> str:
        """The heading it belongs under."""
        prefix, _, rest = self.id.partition("-")
        numbered = rest[:1].isdigit() or rest[:1].isupper() or prefix == "claim"
        return KINDS.get(prefix, OURS) if numbered else OURS


def load(path: Path = DATA / "ledger.yml") -> tuple[Entry, ...]:
    """Every entry of the ledger, in its order.

    Raises LedgerError naming the entry and the field that is wrong.
    """
    entries = []
    for fields in yaml.safe_load(Path(path).read_text(encoding="utf-8")):
        name = fields.get("id", "an entry without id")
        fields = {key: str(value).strip() for key, value in fields.items()}
        try:
            entry = Entry(**fields)
        except TypeError as error:
            raise LedgerError(f"{name}: {error}") from None
        needed = Entry._fields if entry.command else Entry._fields[:6]
        empty = [key for key in needed if not getattr(entry, key)]
        if entry.command == IN_CHAPTER and "data" in empty:
            empty.remove("data")
        if empty:
            raise LedgerError(f"{name}: {empty[0]} is empty")
        if entry.verdict not in VERDICTS:
            raise LedgerError(f"{name}: verdict must be one of {', '.join(VERDICTS)}")
        if any(entry.id == other.id for other in entries):
            raise LedgerError(f"{name}: the id stands twice")
        entries.append(entry)
    return tuple(entries)


def reference(entry: Entry) -> str:
    """A MyST role that leads to the entry's place in the book."""
    label = entry.anchor.partition("#")[2]
    if label.startswith("eq-"):
        return f"{{eq}}`{label}`"
    if label.startswith(("fig-", "tab-", "sec-")):
        return f"{{ref}}`{entry.id} <{label}>`"
    return f"{{prf:ref}}`{label}`"


def cost(entry: Entry) -> str:
    """The computing time of all the runs behind an empirical entry, on one core."""
    if entry.command == IN_CHAPTER:
        return "seconds"
    manifests = [read_manifest(DATA.parent / folder) for folder in entry.data.split(", ")]
    hours = sum(unit["seconds"] for each in manifests for unit in each["units"].values()) / 3600
    return f"{hours:.1f} core-hours" if hours >= 0.1 else f"{60 * hours:.1f} core-minutes"


def table(entries: Iterable[Entry]) -> str:
    """The entries as a Markdown table."""
    lines = ["| item | what it says | verdict | what changed, and our numbers | where |"]
    lines.append("|---|---|---|---|---|")
    for entry in entries:
        numbers = {"test": f"`{entry.test}`"}
        if entry.command:
            given = {name: getattr(entry, name) for name in Entry._fields[6:-1]}
            numbers = given | {"command": f"`{entry.command}`", "cost": cost(entry)} | numbers
        said = f"{entry.note} " + " ".join(f"*{k}:* {v}." for k, v in numbers.items() if v)
        cells = (entry.id, entry.statement, f"**{entry.verdict}**", said, reference(entry))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
