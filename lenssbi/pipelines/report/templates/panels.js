// The thumbnail of a lens as a figure: axes in arcsec, a scale bar, critical curves on the model, caustics on the source.

const SIDE = 250, LEFT = 44, GAP = 56, TOP = 24, BOTTOM = 40, LENGTHS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const SHAPED = new Set(["aria-label", "class", "d", "height", "href", "preserveAspectRatio", "role", "text-anchor", "transform", "viewBox", "width", "x", "y"]);

function shape(tag, attributes, ...inside) {
  const made = document.createElementNS(byId("blank").namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (!SHAPED.has(name)) throw new Error(`attribute ${name}`);
    if (name !== "href" || SAFE.src(value)) made.setAttribute(name, String(value));
  }
  made.append(...inside);
  return made;
}

const longest = (half) => LENGTHS.findLast((length) => length <= half / 1.6) ?? LENGTHS[0];

function ticks(low, high) {
  const step = LENGTHS.find((length) => (high - low) / length <= 5) ?? LENGTHS.at(-1), found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k += 1) found.push(k * step);
  return found.map((value) => [value, value.toFixed(step < 0.1 ? 2 : step < 1 ? 1 : 0).replace(/^-0(\.0+)?$/, "0").replace("-", "−")]);
}

function panel(number, title, [left, right, bottom, top], curves, source) {
  const x0 = LEFT + number * (SIDE + GAP), across = (x) => ((x - left) / (right - left)) * SIDE, up = (y) => ((top - y) / (top - bottom)) * SIDE;
  const marks = [
    ...ticks(left, right).flatMap(([x, text]) => [shape("path", { class: "tick", d: `M${x0 + across(x)} ${TOP + SIDE}v-5` }),
      shape("text", { x: x0 + across(x), y: TOP + SIDE + 14, "text-anchor": "middle" }, text)]),
    ...ticks(bottom, top).flatMap(([y, text]) => [shape("path", { class: "tick", d: `M${x0} ${TOP + up(y)}h5` }),
      shape("text", { x: x0 - 5, y: TOP + up(y) + 4, "text-anchor": "end" }, text)]),
  ];
  const along = (curve) => curve.reduce((path, value, k) => path + (k % 2 ? ` ${up(value).toFixed(1)}` : `${k ? "L" : "M"}${across(value).toFixed(1)}`), "");
  const length = longest((right - left) / 2), wide = (length / (right - left)) * SIDE;
  const inside = shape("svg", { x: x0, y: TOP, width: SIDE, height: SIDE, viewBox: `0 0 ${SIDE} ${SIDE}` },
    shape("rect", { class: "sky", x: 0, y: 0, width: SIDE, height: SIDE }),
    shape("image", { href: source, x: -number * SIDE, y: 0, width: 4 * SIDE, height: SIDE, preserveAspectRatio: "none" }),
    ...curves.map((curve) => shape("path", { class: "curve", d: along(curve) })),
    shape("rect", { class: "bar", x: 14, y: SIDE - 18, width: wide, height: 3 }),
    shape("text", { class: "light", x: 14 + wide / 2, y: SIDE - 23, "text-anchor": "middle" }, `${length}″`));
  return [inside, shape("rect", { class: "frame", x: x0, y: TOP, width: SIDE, height: SIDE }), ...marks,
    shape("text", { class: "head", x: x0 + SIDE / 2, y: 15, "text-anchor": "middle" }, title),
    shape("text", { x: x0 + SIDE / 2, y: TOP + SIDE + 31, "text-anchor": "middle" }, "x [arcsec]")];
}

function panels(i) {
  const view = data.views[i], image = view && strip(i, "");
  if (!image) return "";
  const [x, y] = view.half, sky = [-x, x, -y, y], source = image.src, width = LEFT + 4 * SIDE + 3 * GAP + 8;
  return shape("svg", { class: "panels whole", viewBox: `0 0 ${width} ${TOP + SIDE + BOTTOM}`, role: "img",
    "aria-label": `${data.name[i]}: data, model with critical curves, residual, source with caustics` },
    shape("text", { transform: `translate(13 ${TOP + SIDE / 2}) rotate(-90)`, "text-anchor": "middle" }, "y [arcsec]"),
    ...panel(0, "data", sky, [], source), ...panel(1, "model and critical curves", sky, view.critical, source),
    ...panel(2, "residual / noise", sky, [], source), ...panel(3, "source and caustics", view.source, view.caustics, source));
}
