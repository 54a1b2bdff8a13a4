// Connect the shop by Shopify's consent or with own credentials, connect the site, and check everything.
import { ready, start } from "./airflow.js";
import { call } from "./api.js";
import { confirmed } from "./confirm.js";
import { words } from "./words.js";

const framed = window.top !== window;
document.getElementById("framed").hidden = !framed;

const doing = (form, work) => async (event) => {
  event?.preventDefault();
  const message = form.querySelector(".message");
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  message.textContent = words("working");
  try {
    await work(message);
  } catch (problem) {
    message.textContent = words("failed", { reason: problem.message });
  } finally {
    for (const button of buttons) button.disabled = false;
  }
};

const again = (message, text) => {
  message.textContent = text;
  setTimeout(() => { location.href = new URL("connect", new URL(document.body.dataset.root, location.href)); }, 1200);
};

const shop = document.getElementById("shop");
const kind = () => shop.querySelector('input[name="auth"]:checked')?.value ?? "oauth";
const show = () => {
  for (const part of shop.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(kind());
};
for (const radio of shop.querySelectorAll('input[name="auth"]')) radio.addEventListener("change", show);
show();

shop.addEventListener("submit", doing(shop, async (message) => {
  if (!shop.elements.shop.disabled) {
    const fields = Object.fromEntries(new FormData(shop));
    await call("connect/shop", { method: "POST", body: { ...fields, auth: kind() } });
  }
  if (kind() !== "oauth") {
    again(message, words("saved"));
    return;
  }
  const begun = await call("../oauth/start", { method: "POST", body: {} });
  message.textContent = words("leaving");
  location.assign(begun.url);
}));

const leave = document.getElementById("leave");
if (leave) {
  confirmed(leave, doing(shop, async (message) => {
    await call("connect/shop/disconnect", { method: "POST", body: {} });
    again(message, words("left"));
  }));
}

const site = document.getElementById("site");
site.addEventListener("submit", doing(site, async (message) => {
  const answer = await call("connect/site", { method: "POST", body: Object.fromEntries(new FormData(site)) });
  message.textContent = answer.warning ? `${words("saved")} ${answer.warning}` : words("saved");
}));

const list = document.getElementById("checks");
const checking = document.getElementById("checking");
const marks = { good: "good", warn: "plain", bad: "bad" };

const shown = (finding) => {
  const item = document.createElement("li");
  item.className = "reason";
  const mark = document.createElement("span");
  mark.className = `state ${marks[finding.verdict]}`;
  mark.textContent = words(finding.verdict);
  const text = document.createElement("p");
  text.textContent = finding.text;
  item.append(mark, text);
  if (finding.fix) {
    const cause = document.createElement("p");
    cause.textContent = finding.cause;
    const fix = document.createElement("p");
    const lead = document.createElement("b");
    lead.textContent = `${words("step")} `;
    fix.append(lead, finding.fix);
    item.append(cause, fix);
  }
  return item;
};

document.getElementById("check").addEventListener("click", async () => {
  checking.textContent = words("working");
  try {
    const findings = await call("connect/checks");
    list.replaceChildren(...findings.map(shown));
    const count = (verdict) => findings.filter((one) => one.verdict === verdict).length;
    const bad = count("bad");
    const warn = count("warn");
    checking.textContent = bad + warn ? words("some", { bad, warn }) : words("all_good");
  } catch (problem) {
    checking.textContent = words("failed", { reason: problem.message });
  }
});

document.getElementById("prepare").addEventListener("click", async () => {
  checking.textContent = words("working");
  try {
    await ready("onboard_shop");
    await start("onboard_shop", {});
    checking.textContent = words("started");
  } catch (problem) {
    checking.textContent = words("failed", { reason: problem.message });
  }
});
