// One lens, in a dialog that goes through all of them in the order of the table.

const dialog = byId("lens");
let place = 0;  // of the lens that is shown, in the order

function pairs(caption, list) {
  const lines = list.filter(([, value]) => value !== "").map(([name, ...values]) =>
    make("tr", {}, make("th", { scope: "row" }, name), ...values.map((value) => make("td", {}, value))));
  return lines.length ? make("table", {}, make("caption", {}, caption), make("tbody", {}, ...lines)) : "";
}

const titled = (one) => one.unit ? `${one.title} [${one.unit}]` : one.title;

function show(wanted) {
  place = Math.min(Math.max(wanted, 0), order.length - 1);
  const i = order[place];
  byId("lens-name").replaceChildren(isolated(data.name[i]));
  byId("lens-place").textContent = `${(place + 1).toLocaleString("en")} of ${order.length.toLocaleString("en")}`;
  const image = strip(i, "");
  const captions = ["data", "model", "residual", "source"].map((text) => make("span", {}, text));
  const facts = [["status", isolated(data.status[i])], ["method", method(i)], ["look at", data.flags[i].length ? looks(i) : ""],
    ["refined because", data.refined_because[i]], ["input", data.input[i] ? isolated(data.input[i]) : ""], ["files", anchored(i) ? files(i) : ""]];
  byId("lens-body").replaceChildren(
    ...(image ? [make("figure", {}, image, make("figcaption", {}, ...captions))] : []),
    make("div", { class: "columns" },
      pairs("mass, median with 16th and 84th percentiles", data.parameters.map((parameter) => [titled(parameter), belief(parameter, i), truth(parameter, i)])),
      make("div", {}, pairs("what is known", facts), pairs("numbers", data.numbers.map((number) => [titled(number), plain(number.values[i])])))));
  if (!dialog.open) dialog.showModal();
}

function leave() {
  const region = byId("region"), i = order[place];
  if (place * ROW < region.scrollTop || (place + 2) * ROW > region.scrollTop + region.clientHeight) region.scrollTop = place * ROW;
  draw();
  rows.get(i)?.querySelector(".name").focus({ preventScroll: true });
}
