// One key to merge, one to refuse, one to take a merge back: m, r, u. Not while something is being typed,
// nor when the key belongs to something else: the help, an input method, a key held down, or `g` (which
// leads to another page: g r).
let afterG = -Infinity;
document.addEventListener("keydown", (event) => {
  const g = event.timeStamp - afterG < 1000;
  afterG = event.key === "g" ? event.timeStamp : -Infinity;
  if (g || event.repeat || event.isComposing || document.querySelector("#help").open) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (button) button.click();
});
