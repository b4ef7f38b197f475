"use strict";
(() => {
  const value = (row, column) => {
    const text = row.cells[column].dataset.order;
    const number = Number(text);
    return text === "" || text === undefined ? null : Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
  const sort = (table, head) => {
    const isDown = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const body = table.tBodies[0];
    const column = Number(head.dataset.column);
    const rows = [...body.rows].map((row) => [value(row, column), row]);
    // No value goes last, whichever way.
    rows.sort(([a], [b]) => a === null || b === null
      ? (a === null) - (b === null)
      : (isDown ? -1 : 1) * compare(a, b));
    body.append(...rows.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.querySelectorAll("th[data-column]")) {
      const button = document.createElement("button");
      const span = head.querySelector(".sort");
      button.type = "button";
      button.className = "sort";
      button.title = `Sort by ${head.dataset.label || span.textContent}`;
      button.append(...span.childNodes);
      span.replaceWith(button);
      button.addEventListener("click", () => sort(table, head));
    }
  }

  const marks = new Map();
  for (const mark of document.querySelectorAll("[data-case]")) {
    const same = marks.get(mark.dataset.case);
    if (same) same.push(mark); else marks.set(mark.dataset.case, [mark]);
  }
  const light = (event, on) => {
    const mark = event.target.closest?.("[data-case]");
    if (mark) for (const same of marks.get(mark.dataset.case)) same.classList.toggle("same", on);
  };
  document.addEventListener("mouseover", (event) => light(event, true));
  document.addEventListener("mouseout", (event) => light(event, false));

  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
})();
