// Release parked records: choose rows, or all of a reason; the page asks once more in place, since frames block dialogs.
(() => {
  const bar = document.getElementById("release");
  if (!bar) return;
  const boxes = [...document.querySelectorAll('input[name="row"]')];
  const every = document.getElementById("every");
  const chosenButton = bar.querySelector('[data-action="chosen"]');
  const allButton = bar.querySelector('[data-action="all"]');
  const message = bar.querySelector(".message");
  const chosen = () => boxes.filter((box) => box.checked).map((box) => Number(box.value));

  const refresh = () => {
    const number = chosen().length;
    chosenButton.disabled = number === 0;
    chosenButton.textContent = number ? `Release ${number} chosen` : "Release chosen";
    every.checked = number === boxes.length;
    every.indeterminate = number > 0 && number < boxes.length;
  };

  const release = async (body) => {
    message.textContent = "Releasing …";
    try {
      const response = await fetch("api/parked/release", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.fix ? `${answer.detail}. ${answer.fix}` : answer.detail);
      message.textContent = `${answer.released} released; the next run of the flow works them off.`;
      setTimeout(() => location.reload(), 1500);
    } catch (problem) {
      message.textContent = `Not released: ${problem.message}`;
    }
  };

  const confirmed = (button, action) => {
    let words = null;
    button.addEventListener("click", () => {
      if (words === null) {
        words = button.textContent;
        button.textContent = "Press again to release";
        setTimeout(() => { if (words !== null) { button.textContent = words; words = null; } }, 4000);
        return;
      }
      button.textContent = words;
      words = null;
      action();
    });
  };

  boxes.forEach((box) => box.addEventListener("change", refresh));
  every.addEventListener("change", () => { boxes.forEach((box) => { box.checked = every.checked; }); refresh(); });
  chosenButton.addEventListener("click", () => release({ rows: chosen() }));
  if (allButton) {
    const body = { code: bar.dataset.code, ...(bar.dataset.flow ? { flow: bar.dataset.flow } : {}) };
    confirmed(allButton, () => release(body));
  }
  refresh();
})();
