"use strict";
// The data, and the cells of the table. All content of a catalogue is shown as text: elements are made by `make`, which sets only the
// attributes in ALLOWED, accepts only addresses below this page, and never reads text as markup.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const COUNT = data.name.length;
const everyone = Array.from({ length: COUNT }, (_, i) => i);
const ALLOWED = new Set(["alt", "aria-hidden", "aria-label", "aria-sort", "class", "colspan", "data-lens", "href", "scope", "src", "step", "title",
  "type", "value", "width"]);
const SAFE = {
  href: (text) => /^[\w.~%-]+(\/[\w.~%-]+)*$/.test(text) && !text.split("/").includes(".."),
  src: (text) => /^data:image\/webp;base64,[\w+/=]*$/.test(text),
};

function make(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (!ALLOWED.has(name)) throw new Error(`attribute ${name}`);
    if (value !== "" && (!SAFE[name] || SAFE[name](value))) made.setAttribute(name, value);
  }
  made.append(...inside.filter((one) => one !== null && one !== ""));
  return made;
}

const isolated = (text) => make("bdi", {}, text);
const words = (text, look = "") => make("span", { class: `clip ${look}`, title: text }, isolated(text));
const known = (value) => value !== null && value !== undefined;

function plain(value) {
  if (!known(value)) return "";
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) return value.toExponential(2);
  return String(Number(value.toPrecision(size >= 1000 ? 5 : 4)));
}

function digits(parameter, i) {  // two significant digits of the smaller error, as in the figures
  const errors = [parameter.upper[i] - parameter.median[i], parameter.median[i] - parameter.lower[i], 1].filter((error) => error > 0);
  return Math.min(Math.max(0, 1 - Math.floor(Math.log10(Math.min(...errors)))), 5);
}

const fixed = (value, places) => value.toFixed(places).replace("-", "−");

function belief(parameter, i) {
  if (!known(parameter.median[i])) return "";
  const places = digits(parameter, i);
  const cell = make("span", { class: "value" }, fixed(parameter.median[i], places));
  if (known(parameter.lower[i]) && known(parameter.upper[i])) {
    const above = (parameter.upper[i] - parameter.median[i]).toFixed(places);
    const below = (parameter.median[i] - parameter.lower[i]).toFixed(places);
    cell.append(make("span", { class: "errors" }, make("span", {}, `+${above}`), make("span", {}, `−${below}`)));
  }
  return cell;
}

function truth(parameter, i) {
  const value = parameter.truth && parameter.truth[i];
  return known(value) ? make("span", { class: "true" }, `true ${fixed(value, digits(parameter, i))}`) : "";
}

function networks(parameter, i) {  // beside a fit; half of the 68 per cent interval is its error
  const answer = parameter.network;
  if (!answer || !known(answer.median[i])) return "";
  const places = digits(answer, i);
  return make("span", { class: "net" }, `network ${fixed(answer.median[i], places)} ± ${((answer.upper[i] - answer.lower[i]) / 2).toFixed(places)}`);
}

const both = (parameter, i) => make("div", {}, belief(parameter, i), networks(parameter, i), truth(parameter, i));

const flagged = data.flags.map((flags) => flags.length);
const spoken = data.flag_words.map((word) => word.replaceAll("_", " "));
const HUMAN = data.flag_words.indexOf("needs_human");

function looks(i) {
  const chips = data.flags[i].filter((flag) => flag !== HUMAN).map((flag) => make("span", { class: "chip look" }, isolated(spoken[flag])));
  if (!chips.length && data.flags[i].includes(HUMAN)) chips.push(make("span", { class: "chip look" }, "look"));
  return make("span", { class: "clip", title: data.look_because[i] }, ...chips, isolated(data.look_because[i]));
}

function picture(i) {  // the figure of a fit, if the page has it
  const held = byId(`figure-${data.figures[i]}`);
  if (!held) return "";
  return make("img", { class: "whole", src: `data:image/webp;base64,${JSON.parse(held.textContent)}`,
    alt: `${data.name[i]}: images with critical curves, source with caustics, and posterior, with their axes` });
}

const anchored = (i) => Object.values(data.links).some((links) => known(links[i]));
function files(i) {
  const anchors = Object.entries(data.links).filter(([, links]) => known(links[i])).map(([name, links]) =>
    make("a", { href: links[i], "aria-label": `${name} of ${data.name[i]}` }, name));
  return make("span", { class: "files" }, ...anchors);
}

const blocks = new Map();
function strip(i, look) {
  const place = data.thumbnails[i];
  if (place < 0) return "";
  const block = Math.floor(place / data.block);
  if (!blocks.has(block)) blocks.set(block, JSON.parse(byId(`thumbnails-${block}`).textContent));
  const source = `data:image/webp;base64,${blocks.get(block)[place % data.block]}`;
  return make("img", { class: look, src: source, alt: `data, model, residual and source of ${data.name[i]}` });
}

const opener = (i) => make("button", { type: "button", class: "name", title: data.name[i], "data-lens": String(i) },
  make("span", { class: "clip" }, isolated(data.name[i])));
const method = (i) => make("span", { class: data.method[i] === "refined" ? "chip fit" : "chip", title: data.refined_because[i] }, isolated(data.method[i]));
const SKY = { ra: { unit: "h:m:s", steps: 24000, places: 2, sign: () => "" },  // steps of the last place in a degree
  dec: { unit: "d:m:s", steps: 36000, places: 1, sign: (value) => (value < 0 ? "−" : "+") } };

function sexagesimal(value, { steps, places, sign }) {
  if (!known(value)) return "";
  const second = 10 ** places, count = Math.round(Math.abs(value) * steps) % (360 * steps);
  const parts = [Math.floor(count / (3600 * second)), Math.floor(count / (60 * second)) % 60].map((part) => String(part).padStart(2, "0"));
  return sign(value) + [...parts, ((count % (60 * second)) / second).toFixed(places).padStart(places + 3, "0")].join(":");
}

const inDegrees = (value) => (known(value) ? `${fixed(value, 6)}°` : "");

const ofMass = (parameter) => ({ title: parameter.title, unit: parameter.unit, text: parameter.text, width: 134, narrow: 116,
  values: parameter.median, cell: (i) => both(parameter, i) });
const RADIUS = (parameter) => parameter.name === "einstein_radius";
const columns = [  // the first five fit into a window of 700 pixels
  { title: "Lens", width: 170, narrow: 112, values: data.name, cell: opener },
  { title: "data · model · residual · source", short: "images", width: 276, narrow: 148, cell: (i) => strip(i, "strip") },
  ...data.parameters.filter(RADIUS).map(ofMass),
  { title: "Flags", width: 205, narrow: 138, values: flagged, cell: looks },
  { title: "Verdict", width: 150, narrow: 122, get values() { return everyone.map(verdictOf); }, cell: (i) => verdictCell(i) },
  { title: "Status", width: 115, values: data.status, cell: (i) => words(data.status[i], data.status[i] === "done" ? "" : "failed") },
  { title: "Method", width: 94, values: data.method, cell: method },
  ...data.parameters.filter((parameter) => !RADIUS(parameter)).map(ofMass),
  ...data.numbers.map((number) => ({ title: number.title, unit: SKY[number.name]?.unit ?? number.unit, text: number.text, width: 122,
    values: number.values,
    cell: (i) => (number.name in SKY ? make("span", { title: inDegrees(number.values[i]) }, sexagesimal(number.values[i], SKY[number.name]))
      : plain(number.values[i])) })),
  { title: "Files", width: 100, cell: files },
].filter((column) => column.title !== "Files" || everyone.some(anchored));
