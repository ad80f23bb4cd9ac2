"use strict";
(() => {
  const form = document.getElementById("filter");
  if (!form) return;
  const text = document.getElementById("text");
  const target = document.getElementById("target");
  const shown = document.getElementById("shown");
  const boxes = [...form.querySelectorAll("input[name=state]")];
  const sections = [...document.querySelectorAll("section")].map((section) => ({
    nothing: section.querySelector(".none-found"),
    tables: [...section.querySelectorAll("div.table")].map((table) => ({
      table,
      folded: table.closest("details"),
      rows: [...table.querySelectorAll("tbody tr")].map((row, number) => {
        const cells = [...row.querySelectorAll("td")];
        const recorded = cells.filter((cell) => cell.dataset.state);
        return {
          row, number, cells,
          states: recorded.map((cell) => [cell.dataset.target, cell.dataset.state]),
          words: [row.dataset.package, section.querySelector("h2").textContent,
            ...recorded.map((cell) => `${cell.dataset.target} ${cell.textContent}`)].join(" ").toLowerCase(),
        };
      }),
    })),
  }));
  const rows = sections.flatMap((section) => section.tables.flatMap((table) => table.rows));
  const opened = new Set();

  const show = (only) => {
    for (const head of document.querySelectorAll("thead th[data-target]")) head.hidden = only !== "" && head.dataset.target !== only;
    for (const { cells } of rows) for (const cell of cells) cell.hidden = only !== "" && cell.dataset.target !== only;
  };

  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = boxes.filter((box) => box.checked).map((box) => box.value);
    const only = target ? target.value : "";
    const asked = words.length + states.length > 0 || only !== "";
    let number = 0;
    for (const section of sections) {
      let found = 0;
      for (const { table, folded, rows: all } of section.tables) {
        let here = 0;
        for (const { row, words: held, states: had } of all) {
          const meant = only === "" ? had : had.filter(([of]) => of === only);
          const fits = words.every((word) => held.includes(word)) && (only === "" || meant.length > 0) &&
            (states.length === 0 || meant.some(([, state]) => states.includes(state)));
          row.hidden = !fits;
          if (fits) here += 1;
        }
        table.hidden = here === 0;
        // What is looked for may be among the old ones.
        if (folded) {
          folded.hidden = here === 0;
          if (asked && here > 0 && !folded.open) { folded.open = true; opened.add(folded); }
          if (!asked && opened.delete(folded)) folded.open = false;
        }
        found += here;
      }
      if (section.nothing) section.nothing.hidden = found > 0;
      number += found;
    }
    show(only);
    const releases = rows.length === 1 ? "release" : "releases";
    shown.textContent = number === rows.length ? `${number} ${releases}` : `${number} of ${rows.length} ${releases}`;
    // So that what is seen can be sent to somebody.
    const query = new URLSearchParams([...(text.value ? [["text", text.value]] : []), ...(only ? [["target", only]] : []),
      ...states.map((state) => ["state", state])]);
    history.replaceState(null, "", `#${query}`);
  };

  // Each head sorts its table: by release, or by when the builds of its target changed.
  for (const { table, rows: all } of sections.flatMap((section) => section.tables)) {
    const heads = [...table.querySelectorAll("thead th")];
    const body = table.querySelector("tbody");
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      if (column === 0) head.setAttribute("aria-sort", "descending");
      const time = ({ cells }) => cells[column - 1].querySelector("time")?.dateTime ?? "";
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const order = column === 0 ? (one, other) => one.number - other.number :
          (one, other) => time(other).localeCompare(time(one)) || one.number - other.number;
        body.append(...all.toSorted((one, other) => (down ? order(one, other) : order(other, one))).map(({ row }) => row));
      });
    });
  }

  const asked = new URLSearchParams(location.hash.slice(1));
  text.value = asked.get("text") ?? "";
  if (target) target.value = [...target.options].some((option) => option.value === asked.get("target")) ? asked.get("target") : "";
  for (const box of boxes) box.checked = asked.getAll("state").includes(box.value);
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  if (["text", "target", "state"].some((name) => asked.has(name))) filter();

  // The page may be read long after it was made.
  const made = document.getElementById("as-of");
  const days = Math.floor((Date.now() - Date.parse(made.dateTime)) / 86400000);
  if (days > 0) made.after(days === 1 ? ", a day ago" : `, ${days} days ago`);
})();
