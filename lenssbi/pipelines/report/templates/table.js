// The order of the lenses, filters, and the rows in view: no others are in the document.

const collator = new Intl.Collator("en", { numeric: true });
let order = everyone;
let sorted = null, direction = 1;

function compare(values) {
  return (a, b) => {  // unknown values are last in both directions
    const [x, y] = [values[a], values[b]];
    if (!known(x) || !known(y)) return known(y) - known(x) || a - b;
    return direction * (typeof x === "string" ? collator.compare(x, y) : x - y) || a - b;
  };
}

const errorOf = (parameter) => parameter.median.map((_, i) =>
  known(parameter.upper[i]) && known(parameter.lower[i]) ? (parameter.upper[i] - parameter.lower[i]) / 2 : null);
const measures = [
  ...data.parameters.map((parameter) => [parameter.title, parameter.median]),
  ...data.parameters.map((parameter) => [`error of ${parameter.title}`, errorOf(parameter)]),
  ...data.numbers.map((number) => [number.title, number.values]),
];

function tests() {
  const found = [];
  const part = byId("filter-name").value.trim().toLowerCase();
  if (part) found.push((i) => data.name[i].toLowerCase().includes(part));
  for (const [id, values] of [["filter-kind", data.kind], ["filter-method", data.method]]) {
    const wanted = byId(id).value;
    if (wanted) found.push((i) => values[i] === wanted);
  }
  const flag = byId("filter-flag").value;
  if (flag === "none") found.push((i) => !data.flags[i].length);
  else if (flag) found.push((i) => data.flags[i].includes(Number(flag)));
  const verdict = byId("filter-verdict").value;
  if (verdict) found.push((i) => (verdictOf(i) ?? "none") === verdict);
  for (const range of byId("ranges").children) {
    const [what, low, high] = range.querySelectorAll("select, input");
    const values = measures[what.value][1];
    if (low.value !== "") found.push((i) => known(values[i]) && values[i] >= Number(low.value));
    if (high.value !== "") found.push((i) => known(values[i]) && values[i] <= Number(high.value));
  }
  return found;
}

function apply() {
  const all = tests();
  order = all.length ? everyone.filter((i) => all.every((test) => test(i))) : everyone.slice();
  if (sorted !== null) order.sort(compare(columns[sorted].values));
  byId("count").textContent = `${order.length.toLocaleString("en")} of ${COUNT.toLocaleString("en")} lenses`;
  byId("nothing").hidden = order.length > 0;
  byId("table").setAttribute("aria-rowcount", String(order.length + 1));
  byId("region").scrollTop = 0;
  draw();
}

function sortBy(number) {
  if (sorted !== number) [sorted, direction] = [number, 1];
  else if (direction === 1) direction = -1;
  else sorted = null;
  sayOrder();
  apply();
}

function sayOrder() {
  [...byId("heads").children].forEach((head, k) => {
    if (columns[k].values) head.setAttribute("aria-sort", k !== sorted ? "none" : direction === 1 ? "ascending" : "descending");
  });
}

const NARROW = matchMedia("(max-width: 900px)");
const widthOf = (column) => (NARROW.matches && column.narrow) || column.width;

function measure() {  // widths of the columns for the width of the window
  byId("widths").replaceChildren(...columns.map((column) => make("col", { width: String(widthOf(column)) })));
  byId("table").style.width = `${columns.reduce((sum, column) => sum + widthOf(column), 0)}px`;
}

const ROW = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
const BEYOND = 6;  // rows kept above and below
const rows = new Map();
const space = () => make("tr", { class: "space", "aria-hidden": "true" }, make("td", { colspan: String(columns.length) }));
const [above, below] = [space(), space()];

function row(i) {
  const cells = columns.map((column, k) => make(k ? "td" : "th", k ? {} : { scope: "row" }, column.cell(i)));
  return make("tr", {}, ...cells);
}

function draw() {
  const region = byId("region");
  const first = Math.max(0, Math.floor(region.scrollTop / ROW) - BEYOND);
  const last = Math.min(order.length, Math.ceil((region.scrollTop + region.clientHeight) / ROW) + BEYOND);
  const wanted = new Set(order.slice(first, last));
  for (const [i, shown] of rows) {
    if (wanted.has(i)) continue;
    if (shown.contains(document.activeElement)) region.focus({ preventScroll: true });
    shown.remove();
    rows.delete(i);
  }
  let before = above;
  for (let place = first; place < last; place += 1) {
    const i = order[place];
    if (!rows.has(i)) rows.set(i, row(i));
    const shown = rows.get(i);
    if (before.nextSibling !== shown) before.after(shown);
    shown.setAttribute("aria-rowindex", String(place + 2));
    before = shown;
  }
  above.firstChild.style.height = `${first * ROW}px`;
  below.firstChild.style.height = `${(order.length - last) * ROW}px`;
}
