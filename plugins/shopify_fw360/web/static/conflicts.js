// Settle conflicts side by side: a value per field, or all of one system.
import { call } from "./api.js";
import { words } from "./words.js";

const message = document.getElementById("message");

document.querySelectorAll("form.conflict").forEach((form) => {
  const submit = form.querySelector('button[type="submit"]');
  if (!submit) return;
  const radios = [...form.querySelectorAll('input[type="radio"]')];
  const refresh = () => { submit.disabled = !radios.some((radio) => radio.checked); };

  form.querySelectorAll("button[data-side]").forEach((button) => {
    button.addEventListener("click", () => {
      radios.forEach((radio) => { radio.checked = radio.value === button.dataset.side; });
      refresh();
    });
  });
  form.addEventListener("change", refresh);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const winners = {};
    radios.filter((radio) => radio.checked).forEach((radio) => { winners[radio.closest("tr").dataset.field] = radio.value; });
    submit.disabled = true;
    message.textContent = words("working");
    try {
      const body = { row: Number(form.dataset.row), generation: Number(form.dataset.generation), winners };
      const answer = await call("conflicts/settle", { method: "POST", body });
      message.textContent = words("settled", { n: answer.settled });
      form.remove();
    } catch (problem) {
      message.textContent = words("failed", { problem: problem.message });
      refresh();
    }
  });
  refresh();
});
