"use strict";
(() => {
  const form = document.getElementById("filter");
  if (!form) return;
  const text = document.getElementById("text");
  const shown = document.getElementById("shown");
  const boxes = [...form.querySelectorAll("input[name=state]")];
  const sections = [...document.querySelectorAll("div.table")].map((table) => ({
    table,
    nothing: table.nextElementSibling,
    rows: [...table.querySelectorAll("tbody tr")].map((row) => ({
      row,
      states: [...row.querySelectorAll("td[data-state]")].map((cell) => cell.dataset.state),
      words: [row.dataset.package, table.closest("section").querySelector("h2").textContent,
        ...[...row.querySelectorAll("td[data-state]")].map((cell) => `${cell.dataset.target} ${cell.textContent}`)]
        .join(" ").toLowerCase(),
    })),
  }));
  const all = sections.reduce((number, section) => number + section.rows.length, 0);

  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = boxes.filter((box) => box.checked).map((box) => box.value);
    let number = 0;
    for (const section of sections) {
      let here = 0;
      for (const { row, words: held, states: had } of section.rows) {
        const fits = words.every((word) => held.includes(word)) &&
          (states.length === 0 || states.some((state) => had.includes(state)));
        row.hidden = !fits;
        if (fits) here += 1;
      }
      section.table.hidden = here === 0;
      section.nothing.hidden = here > 0;
      number += here;
    }
    const releases = all === 1 ? "release" : "releases";
    shown.textContent = number === all ? `${all} ${releases}` : `${number} of ${all} ${releases}`;
    // So that what is seen can be sent to somebody.
    const query = new URLSearchParams([...(text.value ? [["text", text.value]] : []), ...states.map((state) => ["state", state])]);
    history.replaceState(null, "", `#${query}`);
  };

  const asked = new URLSearchParams(location.hash.slice(1));
  text.value = asked.get("text") ?? "";
  for (const box of boxes) box.checked = asked.getAll("state").includes(box.value);
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  if (location.hash.length > 1) filter();

  // The page may be read long after it was made.
  const made = document.getElementById("as-of");
  const days = Math.floor((Date.now() - Date.parse(made.dateTime)) / 86400000);
  if (days > 0) made.after(days === 1 ? ", a day ago" : `, ${days} days ago`);
})();
