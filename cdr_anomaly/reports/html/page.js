// Draws the pictures of a page where they are seen, and lets its tables be searched and sorted.
(async () => {
  "use strict";
  const packed = atob(document.getElementById("held").textContent);
  const bytes = new Blob([Uint8Array.from(packed, (sign) => sign.charCodeAt(0))]);
  const text = new Response(bytes.stream().pipeThrough(new DecompressionStream("gzip"))).text();
  const { specs, pictures, parts, words } = JSON.parse(await text);

  // Beside the pointer stands what is known.
  const formatTooltip = (told, safe) => {
    const known = Object.entries(told).filter(([, value]) => value !== "null");
    const rows = known.map(([name, value]) => `<tr><th scope="row">${safe(name)}</th><td>${safe(value)}</td></tr>`);
    return `<table>${rows.join("")}</table>`;
  };
  const draw = (figure) => {
    if (figure.dataset.drawn) return;
    figure.dataset.drawn = "yes";
    const { kind, columns, rows } = pictures[figure.dataset.picture];
    const values = rows.map((row) => Object.fromEntries(columns.map((name, n) => [name, row[n]])));
    const description = figure.querySelector("figcaption").textContent;
    const spec = { ...specs[kind], description, datasets: { rows: values } };
    // ast: expressions are interpreted, not compiled, as the page's policy forbids.
    const options = { ast: true, actions: false, renderer: "svg", logLevel: vega.Error, tooltip: { formatTooltip } };
    vegaEmbed(figure.querySelector(".chart"), spec, options);
  };
  const drawIn = (place) => place.querySelectorAll("figure[data-picture]").forEach(draw);

  const list = document.getElementById("alerts");
  if (list) {
    const { orderable, orderableReverse, orderableRemove, copyTitle, copySuccess } = words;
    const language = {
      ...words, buttons: { copyTitle, copySuccess },
      aria: { orderable, orderableReverse, orderableRemove, paginate: words },
    };
    const many = list.tBodies[0].rows.length > 100;
    const table = new DataTable(list, {
      paging: many, pageLength: 100, lengthChange: false, order: [], autoWidth: false, language,
      columnDefs: [{ targets: "unsorted", orderable: false }, { targets: "unshown", visible: false }],
      layout: {
        topStart: () => document.querySelector(".filters"),
        topEnd: ["search", { buttons: [{
          extend: "copyHtml5", text: words.copy, title: null, messageTop: null, footer: false,
          exportOptions: { columns: ":not(.unsorted)" },
        }] }],
        bottomStart: "info", bottomEnd: many ? "paging" : null,
      },
    });
    document.querySelector(".dt-paging nav")?.setAttribute("aria-label", words.pages);
    const show = (button, open) => {
      const row = table.row(button.closest("tr"));
      if (open && !row.child.isShown()) {
        const place = document.createElement("div");
        place.id = button.getAttribute("aria-controls");
        place.innerHTML = parts[button.dataset.part];
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
