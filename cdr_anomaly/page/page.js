// Draws the pictures of a page where they are seen, and lets its tables be searched and sorted.
(() => {
  "use strict";
  const held = (id) => JSON.parse(document.getElementById(id).textContent);
  const specs = held("specs"), pictures = held("pictures"), said = held("said");

  const draw = (figure) => {
    if (figure.dataset.drawn) return;
    figure.dataset.drawn = "yes";
    const { kind, columns, rows } = pictures[figure.dataset.picture];
    const values = rows.map((row) => Object.fromEntries(columns.map((name, n) => [name, row[n]])));
    const description = figure.querySelector("figcaption").textContent;
    const spec = { ...specs[kind], description, datasets: { rows: values } };
    // ast: expressions are interpreted, not compiled, as the page's policy forbids.
    const options = { ast: true, actions: false, renderer: "svg", logLevel: vega.Error };
    vegaEmbed(figure.querySelector(".chart"), spec, options);
  };
  const drawIn = (place) => place.querySelectorAll("figure[data-picture]").forEach(draw);

  const list = document.getElementById("alerts");
  if (list) {
    const table = new DataTable(list, {
      paging: list.tBodies[0].rows.length > 100, pageLength: 100, lengthChange: false,
      order: [], autoWidth: false, language: said,
      columnDefs: [{ targets: "unsorted", orderable: false }, { targets: "unshown", visible: false }],
      layout: {
        topStart: { buttons: [{ extend: "copyHtml5", text: said.copy, title: null }] },
        topEnd: "search", bottomStart: "info", bottomEnd: "paging",
      },
    });
    const show = (button, open) => {
      const row = table.row(button.closest("tr"));
      if (open && !row.child.isShown()) {
        const part = document.getElementById(button.getAttribute("aria-controls").replace("row", "told"));
        const place = document.createElement("div");
        place.id = button.getAttribute("aria-controls");
        place.append(part.content.cloneNode(true));
        row.child(place, "told").show();
        drawIn(place);
      } else if (!open && row.child.isShown()) row.child.remove();
      button.setAttribute("aria-expanded", String(open));
    };
    list.tBodies[0].addEventListener("click", (event) => {
      const button = event.target.closest("button.open");
      if (button) show(button, button.getAttribute("aria-expanded") !== "true");
    });
    document.querySelectorAll("[data-filter]").forEach((field) => {
      const column = Number(field.dataset.filter);
      field.addEventListener("input", () => {
        // A cell may hold several words, each between bars, so that one does not match in another.
        const wanted = field.tagName === "SELECT" && field.value ? `|${field.value}|` : field.value;
        table.column(column).search(wanted, { regex: false, smart: false }).draw();
      });
    });
    const all = document.getElementById("open-all");
    all.addEventListener("click", () => {
      const open = all.getAttribute("aria-pressed") !== "true";
      all.setAttribute("aria-pressed", String(open));
      table.rows({ page: "current" }).nodes().each((row) => show(row.querySelector("button.open"), open));
    });
  }
  drawIn(document);
})();
