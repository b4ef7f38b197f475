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

  const teams = document.getElementById("pick-teams");
  if (teams) {
    const boxes = [...teams.querySelectorAll("input")];
    const show = () => {
      const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
      const every = shown.size === boxes.length;
      document.getElementById("teams-shown").textContent = every ? "all" : `${shown.size} of ${boxes.length}`;
      for (const part of document.querySelectorAll("[data-team]")) {
        const isOut = !shown.has(part.dataset.team);
        // Rows go; in a drawing, where others keep their places, a team only grows faint.
        if (part instanceof SVGElement) part.classList.toggle("dim", isOut);
        else part.hidden = isOut;
      }
    };
    const all = (checked) => { for (const box of boxes) box.checked = checked; show(); };
    teams.addEventListener("change", show);
    document.getElementById("all-teams").addEventListener("click", () => all(true));
    document.getElementById("no-team").addEventListener("click", () => all(false));
    teams.hidden = false;
    show();  // a browser may remember the boxes of the last visit
  }
  const picks = [...document.querySelectorAll("details.pick")];
  const close = (but) => { for (const pick of picks) if (pick !== but) pick.open = false; };
  document.addEventListener("click", (event) => close(event.target.closest?.("details.pick")));
  document.addEventListener("keydown", (event) => {
    const open = picks.find((pick) => pick.open);
    if (event.key !== "Escape" || !open) return;
    close();
    open.firstElementChild.focus();
  });

  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not(.pick)")) part.open = true;
  });
})();
