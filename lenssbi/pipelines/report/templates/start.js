// Make the filters and the head of the table, and add the event listeners.

function options(select, list) {
  select.append(...list.map(([value, text]) => make("option", { value: String(value) }, text)));
}

function addRange() {
  const what = make("select", {});
  options(what, measures.map(([text], number) => [number, text]));
  const limit = (text) => make("label", {}, text, make("input", { type: "number", step: "any" }));
  byId("ranges").append(make("fieldset", { class: "range" }, make("label", {}, "Range of", what), limit("from"), limit("to")));
}

function head(column, number) {
  const unit = column.unit ? make("small", {}, `[${column.unit}]`) : "";
  if (!column.values) {
    return make("th", { scope: "col" }, make("span", {}, make("span", { class: column.short ? "long" : "" }, column.title),
      column.short ? make("span", { class: "brief" }, column.short) : null));
  }
  const button = make("button", { type: "button", title: column.text || "" }, make("span", {}, column.title), unit);
  button.addEventListener("click", () => sortBy(number));
  return make("th", { scope: "col", "aria-sort": "none" }, button);
}

byId("waiting").hidden = true;
byId("browse").hidden = false;
measure();
NARROW.addEventListener("change", () => { measure(); redraw(); });
byId("heads").append(...columns.map(head));
byId("rows").append(above, below);
options(byId("filter-kind"), [...new Set(data.kind)].sort().map((kind) => [kind, kind]));
options(byId("filter-method"), [...new Set(data.method)].filter(Boolean).sort().map((name) => [name, name]));
options(byId("filter-flag"), spoken.map((text, number) => [number, text]));
options(byId("filter-verdict"), WORDS.map((word) => [word, spaced(word)]));
if (measures.length) addRange();
byId("add-range").addEventListener("click", addRange);
document.querySelector(".filters").addEventListener("input", apply);
byId("reset").addEventListener("click", () => {
  document.querySelectorAll(".filters input").forEach((input) => { input.value = ""; });
  document.querySelectorAll(".filters > label > select").forEach((select) => { select.value = ""; });
  sorted = null;
  sayOrder();
  apply();
});
byId("region").addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
new ResizeObserver(draw).observe(byId("region"));
byId("rows").addEventListener("click", (event) => {
  const button = event.target.closest(".name");
  if (button) show(order.indexOf(Number(button.getAttribute("data-lens"))));
});
byId("lens-before").addEventListener("click", () => show(place - 1));
byId("lens-after").addEventListener("click", () => show(place + 1));
byId("lens-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", leave);
listen();
apply();
