// Ask once more in place before something happens, because the frame around the page blocks dialogs.
// A button with data-confirm="words" shows these after the first press; only a second press within five seconds acts.
export const confirmed = (button, action) => {
  let words = null;
  let timer = 0;
  const calm = () => {
    clearTimeout(timer);
    if (words !== null) button.textContent = words;
    words = null;
    button.classList.remove("asking");
  };
  button.addEventListener("click", () => {
    if (words !== null) {
      calm();
      action();
      return;
    }
    words = button.textContent;
    button.textContent = button.dataset.confirm;
    button.classList.add("asking");
    timer = setTimeout(calm, 5000);
  });
  button.addEventListener("blur", calm);
};
