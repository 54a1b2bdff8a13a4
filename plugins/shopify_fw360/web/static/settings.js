// Change the settings: only what a person changed is sent, and what does not fit is told at its field.
import { call } from "./api.js";
import { words } from "./words.js";

const form = document.getElementById("settings");
const message = document.getElementById("message");
const summary = document.getElementById("faults");
const submit = form.querySelector('button[type="submit"]');

const number = (text, divisor = 1) => {
  // What is no number is sent as it was typed, so that the server says what is wrong with it.
  const value = text.trim() === "" ? NaN : Number(text);
  return Number.isNaN(value) ? text : Number((value / divisor).toPrecision(12));
};
const read = {
  flag: (control) => control.checked,
  choice: (control) => control.value || null,
  interval: (control) => (control.value === "" ? null : Number(control.value)),
  number: (control) => number(control.value),
  percent: (control) => number(control.value, 100),
  list: (group) => [...group.querySelectorAll("input:checked")].map((box) => box.value),
};

const values = () => {
  const found = {};
  for (const control of form.querySelectorAll("[data-path]")) {
    const { path, kind } = control.dataset;
    if (kind !== "radio") found[path] = read[kind](control);
    else if (control.checked) found[path] = control.value;
  }
  return found;
};

const patchOf = (before, after) => {
  const patch = {};
  for (const [path, value] of Object.entries(after)) {
    if (JSON.stringify(value) === JSON.stringify(before[path])) continue;
    const keys = path.split(".");
    const last = keys.pop();
    let place = patch;
    for (const key of keys) place = place[key] ??= {};
    place[last] = value;
  }
  return patch;
};

const forget = () => {
  summary.hidden = true;
  summary.replaceChildren();
  for (const text of form.querySelectorAll(".fault")) text.remove();
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    control.removeAttribute("aria-describedby");
  }
};

const controlOf = (field) => {
  // A fault of a part, or of the whole, is shown at the nearest control around it.
  for (let name = field; name; name = name.includes(".") ? name.slice(0, name.lastIndexOf(".")) : "") {
    const found = document.getElementById(name);
    if (found) return found;
  }
  return null;
};

const tell = (detail, problems) => {
  const heading = document.createElement("p");
  heading.textContent = detail;
  const list = document.createElement("ul");
  for (const problem of problems) {
    const item = document.createElement("li");
    const control = controlOf(problem.field);
    const text = `${problem.reason}. ${problem.fix}`;
    const name = document.createElement("code");
    name.textContent = problem.field;
    item.append(name, ` ${text}`);
    list.append(item);
    if (!control) continue;
    const note = document.createElement("p");
    note.className = "fault";
    note.id = `fault-${problem.field}`;
    note.textContent = text;
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", note.id);
    control.after(note);
  }
  summary.replaceChildren(heading, list);
  summary.hidden = false;
  summary.focus();
};

let before = values();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  forget();
  const settings = patchOf(before, values());
  if (Object.keys(settings).length === 0) {
    message.textContent = words("same");
    return;
  }
  submit.disabled = true;
  message.textContent = words("saving");
  try {
    await call("settings", { method: "PATCH", body: { version: form.dataset.version, settings } });
    message.textContent = words("saved");
    setTimeout(() => location.reload(), 1200);
  } catch (problem) {
    submit.disabled = false;
    message.textContent = words("failed", { problem: problem.message });
    if (problem.answer?.problems) tell(problem.message, problem.answer.problems);
  }
});

const asked = { done: false };

const show = async () => {
  const mode = form.querySelector('input[name="mode"]:checked')?.value;
  for (const group of form.querySelectorAll("[data-mode]")) group.hidden = group.dataset.mode !== mode;
  if (mode === "all" || asked.done) return;
  asked.done = true;
  const groups = Object.fromEntries(["lists", "tags"].map((kind) => [kind, form.querySelector(`[data-mode="${kind}"]`)]));
  const notes = Object.values(groups).map((group) => group.querySelector(".message"));
  for (const note of notes) note.textContent = words("loading");
  try {
    const found = await call("settings/choices");
    offer(groups.lists, Object.entries(found.lists));
    offer(groups.tags, found.tags.map((tag) => [tag, tag]));
  } catch (problem) {
    asked.done = false;
    for (const note of notes) note.textContent = words("unknown", { problem: problem.message });
  }
};

// Offer what the site has; what was chosen and is gone stays until somebody takes it out.
const offer = (group, entries) => {
  const note = group.querySelector(".message");
  const boxes = new Map([...group.querySelectorAll("input")].map((box) => [box.value.toLowerCase(), box]));
  for (const [value, name] of entries) {
    const box = boxes.get(value.toLowerCase());
    if (box) {
      box.nextElementSibling.textContent = name;
      boxes.delete(value.toLowerCase());
      continue;
    }
    const label = document.createElement("label");
    label.className = "switch";
    const input = document.createElement("input");
    input.type = "checkbox";
    input.value = value;
    input.disabled = !submit;
    const text = document.createElement("span");
    text.textContent = name;
    label.append(input, " ", text);
    note.before(label);
  }
  for (const box of boxes.values()) box.nextElementSibling.textContent = words("gone", { name: box.value });
  note.textContent = entries.length ? "" : words("none");
};

for (const radio of form.querySelectorAll('input[name="mode"]')) radio.addEventListener("change", show);
show();
