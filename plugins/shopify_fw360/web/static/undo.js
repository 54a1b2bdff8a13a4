// Undo: of a field, of a record's last sync, of a whole run; asks once more, follows the work, then shows the page anew.
import { call } from "./api.js";
import { confirmed } from "./confirm.js";
import { words } from "./words.js";

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
const message = document.getElementById("message");

const follow = async (ticket) => {
  const began = Date.now();
  for (;;) {
    const { done, asked, ended, changed, records } = await call(`undo/${ticket.split("/").map(encodeURIComponent).join("/")}`);
    if (done) return { asked, changed, records };
    message.textContent = words("undo.progress", { done: ended, all: asked });
    const waited = Date.now() - began;
    if (waited > 60_000) {
      message.textContent = words("undo.slow");
      return null;
    }
    await pause(waited < 5_000 ? 300 : 2_000);
  }
};

const undo = async (button, body) => {
  button.disabled = true;
  message.textContent = words("undo.asked");
  try {
    const { ticket } = await call("undo", { method: "POST", body });
    const ended = await follow(ticket);
    if (ended === null) return;
    const refused = ended.records.find((record) => record.error_code);
    message.textContent = refused
      ? words("undo.refused", { reason: `${refused.error_code} ${refused.message}` })
      : words("undo.finished", { changed: ended.changed, all: ended.asked });
    if (!refused) setTimeout(() => location.reload(), 1500);
  } catch (problem) {
    message.textContent = words("undo.refused", { reason: problem.message });
  }
  button.disabled = false;
};

for (const button of document.querySelectorAll("button[data-undo]")) {
  const { link, field, direction } = button.dataset;
  confirmed(button, () => undo(button, { link: Number(link), ...(field ? { field, direction } : {}) }));
}

// A run: first what it would come to, then the button that does it.
const whole = document.getElementById("undo-run");
if (whole) {
  const ask = document.getElementById("undo-run-now");
  whole.addEventListener("click", async () => {
    whole.disabled = true;
    try {
      const { records, fields, already, cannot } = await call(`undo/preview?run=${encodeURIComponent(whole.dataset.run)}`);
      message.textContent = words("undo.preview", { records, fields, already, cannot });
      ask.hidden = records === 0;
      if (records) ask.focus();
    } catch (problem) {
      message.textContent = words("undo.refused", { reason: problem.message });
    }
    whole.disabled = false;
  });
  confirmed(ask, () => undo(ask, { run: whole.dataset.run }));
}
