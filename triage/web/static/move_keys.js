// The ticket page's keys, and what fills in a form of moves.js: a template of an answer, the reason of a look.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const panel = () => $("#moves");

// ---- keys -------------------------------------------------------------------------------------------

function openMove(index) {
  const found = all("details.move", panel())[index];
  if (!found) return;
  found.open = true;
  const first = $("select, textarea, input:not([type=hidden])", found) ?? $("button", found);
  first.focus();
  found.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && typing?.form?.dataset.form) {
    event.preventDefault();
    typing.form.requestSubmit();
    return;
  }
  if (typing || $("#help").open || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "n" || /^[1-9]$/.test(event.key)) {
    event.preventDefault();
    openMove(event.key === "n" ? 0 : Number(event.key) - 1);
  }
});

// ---- filling in -------------------------------------------------------------------------------------

function useTemplate(button) {
  const note = button.closest("form").elements.namedItem("note");
  if (note.value.trim() && !confirm("换掉已经写的内容？")) return;
  note.value = button.dataset.template;
  note.rows = 5;
  note.focus();
  // The first thing to be filled in.
  const [from, to] = [note.value.indexOf("【"), note.value.indexOf("】")];
  if (from >= 0 && to > from) note.setSelectionRange(from, to + 1);
  note.dispatchEvent(new Event("input", { bubbles: true })); // its draft is kept
}

// The phone is a look of its own, with its reason; from 首次联系 it is a press away.
function openLook(link) {
  const reason = $("#look-reason");
  const field = reason.form.elements.namedItem("field");
  reason.closest("details").open = true;
  reason.value ||= link.dataset.look;
  field.value = "phone";
  reason.form.elements.namedItem("words").focus({ preventScroll: true });
}

// The panel is exchanged when a form is refused: one ear for all of them.
document.addEventListener("click", (event) => {
  const found = event.target.closest?.("#moves [data-template], #moves [data-look]");
  if (found?.dataset.template) useTemplate(found);
  else if (found) openLook(found);
});
