// Dialog of one lens, with steps to the others in the order of the table.

const dialog = byId("lens");
let place = 0;  // index of the shown lens in the order

function pairs(caption, list, heads = []) {
  const lines = list.filter(([, value]) => value !== "").map(([name, ...values]) =>
    make("tr", {}, make("th", { scope: "row" }, name), ...values.map((value) => make("td", {}, value))));
  return lines.length ? make("table", {}, make("caption", {}, caption),
    heads.length ? make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))) : null,
    make("tbody", {}, ...lines)) : "";
}

const titled = (one) => one.unit ? `${one.title} [${one.unit}]` : one.title;

function numberOf(number, i) {  // coordinates in both formats
  const value = number.values[i];
  if (!(number.name in SKY)) return [titled(number), plain(value)];
  return [number.title, known(value) ? `${sexagesimal(value, SKY[number.name])} (${inDegrees(value)})` : ""];
}

const enlarge = () => byId("lens-body").querySelector(".whole")?.classList.toggle("large");

function show(wanted) {
  place = Math.min(Math.max(wanted, 0), order.length - 1);
  const i = order[place];
  byId("lens-name").replaceChildren(isolated(data.name[i]));
  byId("lens-place").textContent = `${(place + 1).toLocaleString("en")} of ${order.length.toLocaleString("en")}`;
  const whole = picture(i) || panels(i), image = whole || strip(i, "");
  const captions = whole ? [] : ["data", "model", "residual", "source"].map((text) => make("span", {}, text));
  const facts = [["status", isolated(data.status[i])], ["method", method(i)], ["look at", data.flags[i].length ? looks(i) : ""],
    ["refined because", data.refined_because[i]],
    ["flags of the network", data.method[i] === "refined" && data.network_flags[i] ? isolated(data.network_flags[i].replaceAll("_", " ")) : ""],
    ["input", data.input[i] ? isolated(data.input[i]) : ""], ["files", anchored(i) ? files(i) : ""]];
  const answered = data.parameters.some((parameter) => parameter.network && known(parameter.network.median[i]));
  const mass = data.parameters.map((parameter) => [titled(parameter), belief(parameter, i),
    ...(answered ? [parameter.network ? belief(parameter.network, i) : ""] : []), truth(parameter, i)]);
  byId("lens-body").replaceChildren(
    ...(image ? [make("figure", {}, image, make("figcaption", {}, ...captions))] : []),
    make("div", { class: "columns" },
      pairs("mass, median with 16th and 84th percentiles", mass, answered ? ["", "fit", "network", ""] : []),
      make("div", {}, pairs("what is known", facts), pairs("numbers", data.numbers.map((number) => numberOf(number, i))))));
  byId("lens-body").querySelector(".whole")?.addEventListener("click", enlarge);
  if (!dialog.open) dialog.showModal();
  showVerdict(i);
}

function leave() {
  const region = byId("region"), i = order[place];
  if (place * ROW < region.scrollTop || (place + 2) * ROW > region.scrollTop + region.clientHeight) region.scrollTop = place * ROW;
  draw();
  rows.get(i)?.querySelector(".name").focus({ preventScroll: true });
}
