// Choose records, sync them now and follow the work, take links apart.
import { call } from "./api.js";
import { confirmed } from "./confirm.js";
import { followOutside } from "./outside.js";
import { followWork } from "./work.js";
import { words } from "./words.js";

const bar = document.getElementById("actions");
if (bar) {
  const entity = bar.dataset.entity;
  const message = bar.querySelector(".message");
  const rows = [...document.querySelectorAll("tr[data-row]")];
  const every = document.getElementById("every");
  const syncButton = bar.querySelector('[data-action="sync"]');
  const unlinkButton = bar.querySelector('[data-action="unlink"]');
  const box = (row) => row.querySelector('input[name="record"]');
  const chosen = () => rows.filter((row) => box(row).checked);
  const named = (row) =>
    row.dataset.link
      ? { link: Number(row.dataset.link) }
      : { ...(row.dataset.shopify ? { shopify_id: row.dataset.shopify } : {}), ...(row.dataset.framework360 ? { framework360_id: row.dataset.framework360 } : {}) };

  const refresh = () => {
    const number = chosen().length;
    const linked = chosen().filter((row) => row.dataset.link && row.dataset.shopify && row.dataset.framework360).length;
    syncButton.disabled = number === 0;
    syncButton.textContent = number ? words("sync.some", { number }) : words("sync");
    unlinkButton.disabled = linked === 0;
    if (!unlinkButton.classList.contains("asking")) {
      unlinkButton.textContent = linked ? words("unlink.some", { number: linked }) : words("unlink");
    }
    every.checked = number === rows.length;
    every.indeterminate = number > 0 && number < rows.length;
  };

  const mark = (row, status, text) => {
    const badge = row.querySelector(".status");
    badge.className = `status ${status}`;
    badge.textContent = text;
  };

  const showSteps = (targets, steps) => {
    for (const row of targets) {
      const own = steps.filter((step) => [row.dataset.shopify, row.dataset.framework360].includes(step.source_id));
      const open = own.find((step) => step.state !== "done");
      if (open) {
        mark(row, open.state, words(open.state));
        continue;
      }
      // Of two directions the one that did something tells more than the one that had nothing to do.
      const telling = own.find((step) => step.error_code) ?? own.find((step) => step.outcome !== "unchanged") ?? own[0];
      if (telling) mark(row, telling.outcome, words(`outcome.${telling.outcome}`));
    }
  };

  const readAgain = async (targets) => {
    const keys = targets.filter((row) => row.dataset.link).map((row) => row.dataset.link);
    if (!keys.length) return;
    const fresh = await call(`records/${entity}/rows?${keys.map((key) => `link=${key}`).join("&")}`);
    for (const found of fresh) {
      const row = targets.find((one) => one.dataset.link === String(found.link));
      if (!row) continue;
      const error = row.querySelector('[data-cell="error"]');
      error.textContent = found.error_code ? `${found.error_code} ${found.error_message ?? ""}` : "";
      const time = row.querySelector('[data-cell="synced"] time');
      if (time && found.synced_at) {
        time.dateTime = found.synced_at;
        time.textContent = new Date(found.synced_at).toLocaleString(document.documentElement.lang, { timeZone: "UTC", timeZoneName: "short" });
      }
    }
  };

  const sync = async (targets) => {
    for (const row of targets) {
      mark(row, "waiting", words("asked"));
      row.querySelector('[data-action="sync-one"]').disabled = true;
    }
    message.textContent = words("asked");
    try {
      const { ticket } = await call("sync", { method: "POST", body: { entity, records: targets.map(named) } });
      await followWork(ticket, (steps) => showSteps(targets, steps), message, targets.length);
      await readAgain(targets);
    } catch (problem) {
      message.textContent = words("refused", { reason: problem.message });
    }
    for (const row of targets) row.querySelector('[data-action="sync-one"]').disabled = false;
  };

  const unlink = async () => {
    const links = chosen().map((row) => Number(row.dataset.link)).filter(Boolean);
    try {
      const { unlinked } = await call("unlink", { method: "POST", body: { entity, links } });
      message.textContent = words("unlinked", { number: unlinked });
      setTimeout(() => location.reload(), 1200);
    } catch (problem) {
      message.textContent = words("refused", { reason: problem.message });
    }
  };

  rows.forEach((row) => {
    box(row).addEventListener("change", refresh);
    row.querySelector('[data-action="sync-one"]').addEventListener("click", () => sync([row]));
  });
  every.addEventListener("change", () => { rows.forEach((row) => { box(row).checked = every.checked; }); refresh(); });
  syncButton.addEventListener("click", () => sync(chosen()));
  confirmed(unlinkButton, unlink);
  followOutside(message);
  refresh();
}
