// On narrow screens each row of such a table becomes a card, whose values need the names of their columns.
for (const table of document.querySelectorAll("table.cards")) {
  // A heading that is not seen names buttons, which name themselves.
  const names = [...table.querySelectorAll("thead th")].map((cell) => (cell.querySelector(".unseen") ? "" : cell.textContent.trim()));
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, place) => {
      if (!cell.dataset.label && names[place]) cell.dataset.label = names[place];
    });
  }
}
