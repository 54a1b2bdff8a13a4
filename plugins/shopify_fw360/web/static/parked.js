// Retry failed records or leave them out: one, the chosen ones, or all of a reason.
import { call } from "./api.js";
import { confirmed } from "./confirm.js";
import { words } from "./words.js";

const message = document.getElementById("message");
const bar = document.getElementById("chosen");
const boxes = [...document.querySelectorAll('input[name="row"]')];
const every = document.getElementById("every");
const chosen = () => boxes.filter((box) => box.checked).map((box) => Number(box.value));

const act = async (path, body) => {
  message.textContent = words("retrying");
  try {
    const answer = await call(path, { method: "POST", body });
    message.textContent = "released" in answer ? words("released", { n: answer.released }) : words("left_out", { n: answer.left_out });
    setTimeout(() => location.reload(), 1500);
  } catch (problem) {
    message.textContent = words("failed", { problem: problem.message });
  }
};

const bind = (button, action) => {
  if (button.dataset.confirm) confirmed(button, action);
  else button.addEventListener("click", action);
};

const refresh = () => {
  const number = chosen().length;
  bar.querySelectorAll("button").forEach((button) => { button.disabled = number === 0; });
  every.checked = number === boxes.length;
  every.indeterminate = number > 0 && number < boxes.length;
};

if (bar) {
  bar.querySelectorAll("button").forEach((button) => bind(button, () => act(`parked/${button.dataset.action}`, { rows: chosen() })));
  boxes.forEach((box) => box.addEventListener("change", refresh));
  every.addEventListener("change", () => { boxes.forEach((box) => { box.checked = every.checked; }); refresh(); });
  refresh();
}
document.querySelectorAll("button[data-one]").forEach((button) => {
  const row = Number(button.closest("tr").dataset.row);
  bind(button, () => act(`parked/${button.dataset.one}`, { rows: [row] }));
});
document.querySelectorAll("button[data-all]").forEach((button) => {
  const { all, flow } = button.dataset;
  bind(button, () => act("parked/release", { code: all, ...(flow ? { flow } : {}) }));
});
