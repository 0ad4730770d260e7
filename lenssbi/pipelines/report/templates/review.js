// The verdicts of one reviewer: kept by the browser, saved to a file and read from one. The content of a file is shown as text.

const WORDS = Object.keys(data.review.verdicts), STEPS = Object.keys(data.review.steps), FAILURE = "failure";
const PLACE = `lenssbi-review:${data.review.catalogue}`, LONGEST = 10000;
const spaced = (word) => word.replaceAll("_", " ");
const numbers = new Map(data.name.map((name, i) => [name, i]));
const verdicts = new Map();  // number of a lens -> { verdict, failed_step, note, time, fit }
let reviewer = "", saved = "", keeps = true;

const current = (i) => (verdicts.has(i) && verdicts.get(i).fit === data.fit[i] ? verdicts.get(i) : null);
const merged = (i) => (data.merged && data.merged.verdict[i] ? data.merged : null);
const stepped = (verdict, step) => (step ? `${spaced(verdict)}: ${spaced(step)}` : spaced(verdict));

function verdictCell(i) {  // of the reviewer, or else of the catalogue
  const own = current(i);
  if (own) {
    const note = own.note ? make("span", { class: "noted", title: own.note }, "✎") : "";
    return make("div", {}, make("span", { class: `verdict ${own.verdict}` }, spaced(own.verdict)), note,
      make("small", {}, spaced(own.failed_step)));
  }
  const all = merged(i);
  return all ? make("div", { title: all.note[i] }, make("span", { class: `verdict merged ${all.verdict[i]}` }, spaced(all.verdict[i])),
    make("small", {}, `${all.agree[i]} of ${all.reviewers[i]} reviewer${all.reviewers[i] === 1 ? "" : "s"}`)) : "";
}

const verdictOf = (i) => current(i)?.verdict ?? (merged(i) ? merged(i).verdict[i] : null);

function card() {
  const list = [...verdicts].sort(([a], [b]) => a - b).map(([i, one]) => ({ lens: data.name[i], ...one }));
  return { schema: data.review.schema, catalogue: data.review.catalogue, reviewer, saved, verdicts: list };
}

function tell(text) { byId("review-said").textContent = text; }

function keep() {
  try {
    localStorage.setItem(PLACE, JSON.stringify(card()));
  } catch {
    if (keeps) tell("This browser keeps nothing for this page: save the file before you leave it.");
    keeps = false;
  }
}

function understood(text) {  // the file of a reviewer, or an error with a message about the remedy
  let found;
  try { found = JSON.parse(text); } catch { throw new Error("This is not a JSON file: choose one that was saved here."); }
  if (!String(found?.schema).startsWith("lenssbi-verdicts-")) throw new Error("This is not a file of verdicts: choose one that was saved here.");
  if (found.schema !== data.review.schema) throw new Error("These verdicts are of another version: write the report again, and save them from it.");
  if (found.catalogue !== data.review.catalogue) throw new Error("These verdicts are on another catalogue: load them in its own report.");
  if (!Array.isArray(found.verdicts)) throw new Error("This file has no list of verdicts: choose one that was saved here.");
  const entries = found.verdicts.map((one) => {
    const { lens, verdict, failed_step = "", note = "", time, fit } = one ?? {};
    const fine = numbers.has(lens) && WORDS.includes(verdict) && (failed_step === "" || (verdict === FAILURE && STEPS.includes(failed_step)))
      && typeof note === "string" && note.length <= LONGEST && typeof time === "string" && !Number.isNaN(Date.parse(time)) && typeof fit === "string";
    if (!fine) throw new Error(`The entry of ${JSON.stringify(lens ?? null).slice(0, 80)} is not valid here: correct it, or take it out.`);
    return [numbers.get(lens), { verdict, failed_step, note, time, fit }];
  });
  return { name: named(found.reviewer), time: typeof found.saved === "string" ? found.saved : "", entries };
}

const named = (text) => (typeof text === "string" ? text.replace(/[\p{C}\p{Z}]+/gu, " ").trim().slice(0, 80) : "");

function take({ name, entries }) {  // the later of two verdicts stays
  reviewer = reviewer || name;
  let taken = 0;
  for (const [i, one] of entries) {
    if (verdicts.has(i) && Date.parse(verdicts.get(i).time) >= Date.parse(one.time)) continue;
    verdicts.set(i, one);
    taken += 1;
  }
  return taken;
}

function read(text) {
  const found = understood(text);
  if (reviewer && found.name && found.name !== reviewer) {
    throw new Error(`These verdicts are of ${found.name}, and you are ${reviewer}: merge files of several reviewers with lenssbi review.`);
  }
  const taken = take(found);
  keep();
  redraw();
  tell(`${found.entries.length.toLocaleString("en")} verdicts read, ${taken.toLocaleString("en")} of them new or later than those here.`);
}

function save() {
  ask(() => {
    saved = new Date().toISOString();
    keep();
    const address = URL.createObjectURL(new Blob([JSON.stringify(card(), null, 1)], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = `verdicts-${reviewer.replace(/[^\p{L}\p{N}.-]+/gu, "_")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    redraw();
    tell(`Saved as ${link.download}: send it to whoever keeps the catalogue.`);
  });
}

let pending = null;  // function to call once the reviewer has a name
function ask(then) {
  if (reviewer) return then();
  pending = then;
  return naming();
}

function naming() {
  byId("who-name").value = reviewer;
  byId("who").showModal();
}

function called() {
  const name = named(byId("who-name").value);
  if (!name) return;
  reviewer = name;
  keep();
  const then = pending;
  pending = null;
  byId("who").close();
  redraw();
  if (then) then();
}

function judge(i, change) {  // a change of a lens' verdict; null takes it back
  ask(() => {
    const one = { verdict: "", failed_step: "", note: "", ...current(i), ...change, time: new Date().toISOString(), fit: data.fit[i] };
    if (one.verdict !== FAILURE) one.failed_step = "";
    if (change === null) verdicts.delete(i);
    else verdicts.set(i, one);
    keep();
    redraw(i);
    const settled = change?.failed_step || (change?.verdict && change.verdict !== FAILURE);
    if (settled && byId("review-next").checked && place < order.length - 1) show(place + 1);
  });
}

function redraw(only = null) {  // all elements that show a verdict
  for (const i of only === null ? [...rows.keys()] : [only]) {
    rows.get(i)?.remove();
    rows.delete(i);
  }
  draw();
  count();
  if (dialog.open) showVerdict(order[place]);
}

function count() {
  const own = everyone.map(current).filter(Boolean);
  const late = own.filter((one) => !saved || Date.parse(one.time) > Date.parse(saved)).length;
  byId("review-count").textContent = `${own.length.toLocaleString("en")} of ${COUNT.toLocaleString("en")} lenses reviewed`;
  byId("review-bar").value = own.length / Math.max(COUNT, 1);
  byId("review-each").replaceChildren(...WORDS.map((word) => [word, own.filter((one) => one.verdict === word).length])
    .filter(([, lenses]) => lenses).map(([word, lenses]) => make("span", { class: `verdict ${word}` }, `${spaced(word)} ${lenses.toLocaleString("en")}`)));
  byId("review-late").textContent = late ? `${late.toLocaleString("en")} not saved to a file` : "";
  byId("review-name").replaceChildren(reviewer ? isolated(reviewer) : "no name yet");
}

function showVerdict(i) {
  const own = current(i), old = verdicts.get(i), all = merged(i);
  document.querySelectorAll("[data-verdict]").forEach((one) =>
    one.setAttribute("aria-pressed", String(own?.verdict === one.getAttribute("data-verdict"))));
  document.querySelectorAll("[data-step]").forEach((one) =>
    one.setAttribute("aria-pressed", String(own?.failed_step === one.getAttribute("data-step"))));
  byId("review-steps").hidden = own?.verdict !== FAILURE;
  byId("review-note").disabled = !own;
  if (document.activeElement !== byId("review-note")) byId("review-note").value = own?.note ?? "";
  byId("review-clear").disabled = !own;
  const earlier = old && !own ? `Your verdict on an earlier result was: ${stepped(old.verdict, old.failed_step)}. ` : "";
  byId("review-earlier").textContent = earlier + (all ? `In the catalogue: ${stepped(all.verdict[i], all.failed_step[i])}, `
    + `${all.agree[i]} of ${all.reviewers[i]} reviewers${all.note[i] ? `; ${all.note[i]}` : ""}` : "");
}

function reviewKey(event) {  // of the dialog of a lens
  const i = order[place], note = byId("review-note"), key = event.key.toLowerCase();
  if (event.target === note) {
    if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
      event.preventDefault();
      dialog.focus();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const word = WORDS[Number(key) - 1], step = current(i)?.verdict === FAILURE && STEPS.find((name) => name[0] === key);
  if (event.key === "ArrowLeft") show(place - 1);
  else if (event.key === "ArrowRight") show(place + 1);
  else if (word) judge(i, { verdict: word });
  else if (key === "0" && current(i)) judge(i, null);
  else if (key === "n" && !note.disabled) note.focus();
  else if (key === "z") enlarge();
  else if (step) judge(i, { failed_step: step });
  else return;
  event.preventDefault();  // otherwise the key is typed into the element with the new focus
}

function listen() {
  try { const kept = localStorage.getItem(PLACE); if (kept) { const found = understood(kept); take(found); saved = found.time; } } catch { /* nothing usable */ }
  document.querySelectorAll("[data-verdict]").forEach((one) =>
    one.addEventListener("click", () => judge(order[place], { verdict: one.getAttribute("data-verdict") })));
  document.querySelectorAll("[data-step]").forEach((one) =>
    one.addEventListener("click", () => judge(order[place], { failed_step: one.getAttribute("data-step") })));
  byId("review-clear").addEventListener("click", () => judge(order[place], null));
  byId("review-note").addEventListener("input", () => judge(order[place], { note: byId("review-note").value }));
  byId("review-save").addEventListener("click", save);
  byId("review-load").addEventListener("click", () => byId("review-file").click());
  byId("review-file").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    event.target.value = "";
    try { if (file) read(await file.text()); } catch (error) { tell(error.message); }
  });
  byId("review-who").addEventListener("click", () => { pending = null; naming(); });
  byId("who-fine").addEventListener("click", called);
  byId("who-name").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();  // it would press the button that has the focus afterwards
    called();
  });
  byId("who").addEventListener("close", () => { pending = null; });
  document.addEventListener("keydown", (event) => { if (dialog.open && !byId("who").open) reviewKey(event); });
  count();
}
