// Follow the colour mode of Airflow: of the page around the frame, else as chosen there last, else of the computer.
(() => {
  const root = document.documentElement;
  const ofAirflow = () => {
    try {
      const around = window.parent === window ? null : window.parent.document.documentElement.classList;
      if (around?.contains("dark")) return "dark";
      if (around?.contains("light")) return "light";
      const stored = localStorage.getItem("theme");
      if (stored === "dark" || stored === "light") return stored;
    } catch {
      // A frame of another origin: the computer's setting is what is left.
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  };
  const follow = () => { root.dataset.theme = ofAirflow(); };
  follow();
  try {
    if (window.parent !== window) {
      new MutationObserver(follow).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });
    }
  } catch {
    // As above.
  }
})();
