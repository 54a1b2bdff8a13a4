// The story of a record: Sync now for it, and the way to other sites.
import { call } from "./api.js";
import { followOutside } from "./outside.js";
import { followWork } from "./work.js";
import { words } from "./words.js";

const message = document.getElementById("message");
const button = document.getElementById("sync-now");
followOutside(message);
if (button) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    message.textContent = words("asked");
    try {
      const body = { entity: button.dataset.entity, records: [{ link: Number(button.dataset.link) }] };
      const { ticket } = await call("sync", { method: "POST", body });
      await followWork(ticket, () => {}, message, 1);
      setTimeout(() => location.reload(), 1200);
    } catch (problem) {
      message.textContent = words("refused", { reason: problem.message });
    }
    button.disabled = false;
  });
}
