// What is typed into the forms of moves.js is kept on this machine until it was taken.

const $ = (selector, root = document) => root.querySelector(selector);
const QUIET = /^(token|version|key|as|move|no|in_.*)$/; // not typed by anyone

const panel = () => $("#moves");
const no = panel()?.dataset.no ?? "";
const draftOf = (move) => `jiesu.draft.${no}.${move}`;
const formOf = (move) => $(`form[data-form="${CSS.escape(move)}"]`, panel());

function say(words) {
  const line = $("#move-said");
  line.textContent = words;
  line.hidden = !words;
}

// What differs from the page, the emptied too; what nobody touched follows the page. After a refusal the page holds
// what was typed, so all of it is.
const given = (field) => field.defaultValue ?? ([...field.options].find((one) => one.defaultSelected) ?? field.options[0])?.value;
function typed(form) {
  const refused = $("[role=alert]", form);
  const kept = ([name, value]) =>
    !(value instanceof File) && !QUIET.test(name) && (refused || value !== given(form.elements.namedItem(name)));
  return Object.fromEntries([...new FormData(form)].filter(kept));
}

// The same in words, for whoever has to copy it.
function shown(form) {
  return Object.keys(typed(form)).flatMap((name) => {
    const control = form.elements.namedItem(name);
    const words = control.selectedOptions?.[0]?.text ?? control.value;
    return words ? [[control.labels[0].firstChild.textContent.trim(), words]] : [];
  });
}

function keepDraft(form) {
  const values = typed(form);
  const name = draftOf(form.dataset.form);
  if (Object.keys(values).length) localStorage.setItem(name, JSON.stringify(values));
  else localStorage.removeItem(name);
}

function restore(form) {
  // What the server gave back after a refusal is newer than the draft.
  if ($("[role=alert]", form)) return;
  const kept = localStorage.getItem(draftOf(form.dataset.form));
  if (!kept) return;
  for (const [name, value] of Object.entries(JSON.parse(kept))) {
    const control = form.elements.namedItem(name);
    if (control) control.value = value;
  }
}

// What was sent, and no more: words written since (in another window) stay.
function dropDraft(pending) {
  const name = draftOf(pending.move);
  if (!("draft" in pending) || localStorage.getItem(name) === pending.draft) localStorage.removeItem(name);
}

Object.assign(jiesu, { panel, no, draftOf, formOf, say, given, shown, keepDraft, restore, dropDraft });
