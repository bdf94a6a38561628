// What the theme leaves unnamed or out of reach for keyboards and screen readers.
document.addEventListener("DOMContentLoaded", () => {
  const name = (selector, label) => {
    for (const element of document.querySelectorAll(selector)) {
      if (!element.getAttribute("aria-label")) element.setAttribute("aria-label", label);
    }
  };
  name(".primary-toggle", "Show or hide the chapters");
  name(".secondary-toggle", "Show or hide the sections of this page");
  name(".search-button", "Search the book");
  name(".btn-fullscreen-button", "Full screen");
  name("#pst-search-dialog input, .bd-search input", "Search the book");

  const role = (selector, value) => {
    for (const element of document.querySelectorAll(selector)) element.setAttribute("role", value);
  };
  role("#pst-primary-sidebar", "complementary");
  name("#pst-primary-sidebar", "Chapters");
  // Lists of footnotes are no landmarks; entries of the bibliography are items of a list.
  role("aside.footnote-list", "none");
  role(".citation-list > .citation", "listitem");

  // The ledger can be narrowed to one verdict; headings of empty tables go with their tables.
  const rows = [...document.querySelectorAll(".tag_ledger tbody tr")];
  if (rows.length) {
    const verdict = (row) => row.cells[2].textContent.trim();
    const counts = new Map([["all", rows.length]]);
    for (const row of rows) counts.set(verdict(row), (counts.get(verdict(row)) ?? 0) + 1);
    const bar = document.createElement("div");
    bar.className = "ledger-filter";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Show one verdict");
    const show = (chosen) => {
      for (const row of rows) row.hidden = chosen !== "all" && verdict(row) !== chosen;
      for (const table of document.querySelectorAll(".tag_ledger table")) {
        const box = table.closest(".pst-scrollable-table-container") ?? table;
        box.hidden = !table.querySelector("tbody tr:not([hidden])");
        box.previousElementSibling.hidden = box.hidden;
      }
      for (const button of bar.children) {
        button.setAttribute("aria-pressed", String(button.dataset.verdict === chosen));
      }
    };
    for (const [name, count] of counts) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.verdict = name;
      button.textContent = `${name} ${count}`;
      button.addEventListener("click", () => show(name));
      bar.append(button);
    }
    document.querySelector(".tag_ledger .cell_output").before(bar);
    show("all");
  }

  // A box that scrolls sideways must be reachable by keyboard; it says what it holds.
  const boxes = {
    "div.math > mjx-container, mjx-container.book-wide": "Formula",
    ".pst-scrollable-table-container": "Table",
    "div.highlight pre": "Code",
    ".cell_output": "Output",
  };
  const markScrollable = () => {
    for (const formula of document.querySelectorAll("span.math > mjx-container")) {
      formula.classList.remove("book-wide");
      const room = formula.closest("p, li, td, dd, figcaption, section")?.clientWidth ?? Infinity;
      formula.classList.toggle("book-wide", formula.getBoundingClientRect().width > room);
    }
    for (const [selector, label] of Object.entries(boxes)) {
      for (const box of document.querySelectorAll(selector)) {
        if (box.scrollWidth > box.clientWidth + 1) {
          box.tabIndex = 0;
          if (!box.hasAttribute("role")) box.setAttribute("role", "group");
          if (!box.hasAttribute("aria-label")) box.setAttribute("aria-label", label);
        } else {
          box.removeAttribute("tabindex");
        }
      }
    }
  };
  const typeset = window.MathJax?.startup?.promise ?? Promise.resolve();
  typeset.then(markScrollable);
  window.addEventListener("resize", markScrollable);
});

// Browsers refuse modules to pages opened as files; the stills stay, and one line says why.
if (location.protocol === "file:") {
  for (const figure of document.querySelectorAll(".explorable")) {
    const note = document.createElement("p");
    note.className = "explorable-note";
    note.textContent =
      "This figure moves when a server sends the page, such as: " +
      "python3 -m http.server --directory _build/html";
    figure.append(note);
  }
}
