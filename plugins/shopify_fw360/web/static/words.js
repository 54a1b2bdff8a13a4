// The words a page gives its scripts, in the language of the page: <script type="application/json" id="words">.
const given = document.getElementById("words");
const all = given ? JSON.parse(given.textContent) : {};

// Return a text with {name} replaced by the values; a word that the page did not give is a mistake and throws.
export const words = (name, values = {}) => {
  if (!(name in all)) throw new Error(`the page gives no word ${name}`);
  return all[name].replace(/\{(\w+)\}/g, (_, key) => String(values[key]));
};
