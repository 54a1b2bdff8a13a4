// Links to other sites: the frame inside Airflow blocks new windows, so there the address is shown instead.
import { words } from "./words.js";

export const followOutside = (message) => {
  if (window.parent === window) return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.outside");
    if (!link) return;
    event.preventDefault();
    message.textContent = words("framed", { address: link.href });
  });
};
