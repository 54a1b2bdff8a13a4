// Let a record that was left out take part again.
import { call } from "./api.js";
import { words } from "./words.js";

const message = document.getElementById("message");

document.querySelectorAll("button[data-let-in]").forEach((button) => {
  const row = button.closest("tr");
  button.addEventListener("click", async () => {
    button.disabled = true;
    message.textContent = words("working");
    try {
      await call("left-out/let-in", { method: "POST", body: { link: Number(row.dataset.link) } });
      message.textContent = words("let_in");
      row.remove();
    } catch (problem) {
      message.textContent = words("failed", { problem: problem.message });
      button.disabled = false;
    }
  });
});
