// Follow what was asked for until it has ended, and keep the consumer awake while somebody may press a button.
import { call } from "./api.js";
import { words } from "./words.js";

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

// Shows each state of the work by the function, and how far that number of records is in the message.
export const followWork = async (ticket, show, message, number) => {
  const began = Date.now();
  for (;;) {
    const { done, steps } = await call(`sync/${ticket.split("/").map(encodeURIComponent).join("/")}`);
    show(steps);
    const ended = steps.filter((step) => step.state === "done");
    const failed = ended.filter((step) => ["parked", "conflict", "differs"].includes(step.outcome));
    if (done) {
      message.textContent = failed.length
        ? words("failed", { number, failed: Math.min(number, failed.length) })
        : words("finished", { number });
      return;
    }
    message.textContent = words("progress", { done: ended.length, all: steps.length });
    const waited = Date.now() - began;
    if (waited > 60_000) {
      message.textContent = words("slow");
      return;
    }
    await pause(waited < 5_000 ? 200 : 1_000);
  }
};

const watch = () => {
  if (document.visibilityState === "visible") call("watch", { method: "POST", body: {} }).catch(() => {});
};
watch();
setInterval(watch, 10_000);
document.addEventListener("visibilitychange", watch);
