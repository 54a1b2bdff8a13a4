// Make a plan, decide about its records, approve or refuse it. Runs are started through Airflow's own API, so that its
// rights and its audit log apply.
import { ready, start } from "./airflow.js";
import { call } from "./api.js";
import { confirmed } from "./confirm.js";
import { words } from "./words.js";

const carryOut = (flow, run) => start(flow, { mode: "plan", plan: `${flow}/${run}` });

const telling = (place, work) => async () => {
  try {
    await work();
  } catch (problem) {
    place.textContent = words("failed", { reason: problem.message });
  }
};

const opening = document.getElementById("start");
if (opening) {
  const message = opening.querySelector(".message");
  opening.querySelector("button").addEventListener("click", telling(message, async () => {
    const flow = document.getElementById("flow").value;
    await ready(flow);
    await start(flow, { mode: "full", dry_run: true });
    message.textContent = words("started");
  }));
}

const approved = document.getElementById("carry-out");
if (approved) {
  const { flow, run } = approved.dataset;
  const message = approved.querySelector(".message");
  const button = approved.querySelector("button");
  button.addEventListener("click", telling(message, async () => {
    await ready(flow);
    await carryOut(flow, run);
    message.textContent = words("approved");
    button.disabled = true;
  }));
}

const deciding = document.getElementById("decide");
if (deciding) {
  const { flow, run, version } = deciding.dataset;
  const message = deciding.querySelector(".message");
  const plan = `plans/${encodeURIComponent(flow)}/${encodeURIComponent(run)}`;
  const ask = deciding.querySelector("[data-ask]");
  ask.addEventListener("click", telling(message, async () => {
    await ready("plan_approval");
    await start("plan_approval", { plan: `${flow}/${run}` });
    message.textContent = words("asked");
    ask.disabled = true;
  }));
  for (const button of deciding.querySelectorAll("[data-approve]")) {
    const approve = button.dataset.approve === "yes";
    confirmed(button, telling(message, async () => {
      if (approve) await ready(flow);
      await call(`${plan}/decision`, { method: "POST", body: { version: Number(version), approve } });
      if (approve) await carryOut(flow, run);
      message.textContent = words(approve ? "approved" : "refused");
      for (const other of deciding.querySelectorAll("button")) other.disabled = true;
    }));
  }
  for (const row of document.querySelectorAll("tr[data-source]")) {
    const source = row.dataset.source;
    row.querySelector("button.leave")?.addEventListener("click", telling(message, async () => {
      const leave = row.querySelector("button.leave").dataset.out === "yes";
      await call(`${plan}/leave-out`, { method: "POST", body: { ids: [source], left_out: leave } });
      location.reload();
    }));
    row.querySelector("button.link")?.addEventListener("click", telling(message, async () => {
      const target = row.querySelector('input[name="target"]').value.trim();
      await call(`${plan}/link`, { method: "POST", body: { source_id: source, target_id: target || null } });
      message.textContent = words("linked");
    }));
  }
}
