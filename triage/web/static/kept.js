// What was sent from the forms of moves.js and was not taken goes back into its form, photos too. Where the form is gone,
// its words are shown to be copied. Words are in localStorage, photos on the shelf (shelf.js), by the same name.

const $ = (selector, root = document) => root.querySelector(selector);
const { panel, no, draftOf, formOf, say, restore, who, stored, keepFiles, keptFiles, dropFiles } = jiesu;
const { parting, noteOf, UNTAKEN } = jiesu;
const PENDING = `jiesu.pending.${no}`; // a form that has no answer yet
// One that was not taken, by its move; another one of that move by its key too. By nothing where an earlier release kept
// it. `apart: false`: it stands in its form again, with photos that stay until they were taken.
const KEPT = `jiesu.kept.${no}`;

const keyOf = (pending) => new URLSearchParams(pending.body).get("key");
const same = (one, other) => one.move === other.move && one.who === other.who && keyOf(one) === keyOf(other);
// Another window may have pressed another one since: what lies there is that one's.
const mine = (pending) => !pending.direct && same(stored(PENDING) ?? pending, pending);
const onShelf = (pending) => pending.files && mine(pending);

// The photos of a form that waits: on the shelf, or in the page where the shelf took none (`direct`).
async function photosOf(pending) {
  const photos = pending.direct ?? (pending.files ? await keptFiles(PENDING) : []);
  if (!mine(pending) && !pending.direct) throw new Error("elsewhere");
  if (photos.length < pending.files) throw new Error("photos gone");
  return photos;
}
const photosLeft = (pending) => photosOf(pending).catch(() => []);

function forget(pending) {
  if (mine(pending)) localStorage.removeItem(PENDING);
}

// ---- what was set aside -----------------------------------------------------------------------------

const keptHere = () =>
  Object.keys(localStorage)
    .filter((name) => name === KEPT || name.startsWith(`${KEPT}.`))
    .map((name) => ({ ...stored(name), name, no }))
    .filter((one) => (one.who ?? who()) === who());

// Where nothing lies that is somebody else's, or another one of the same person's.
function placeOf(pending) {
  const name = `${KEPT}.${pending.move}`;
  const there = stored(name);
  return !there || same(there, pending) ? name : `${name}.${keyOf(pending) ?? Date.now()}`;
}

// The form is gone (督办 forbids 反馈, say), or another one was pressed in another window: what was written must not be.
async function setAside({ direct, raw, stopped, ...pending }) {
  const name = placeOf(pending);
  const keep = (one) => localStorage.setItem(name, JSON.stringify(one));
  keep(pending);
  forget(pending);
  if (!pending.files) {
    await dropFiles(name);
    return;
  }
  if (!(await keepFiles(name, await keptFiles(PENDING)).then(() => true, () => false))) keep({ ...pending, files: 0 });
  await dropFiles(PENDING);
}

// Photos leave this machine's shelf when they were taken, or stand in a field again.
async function taken(pending) {
  if (onShelf(pending)) await dropFiles(PENDING);
  for (const one of keptHere()) {
    if (one.move !== pending.move || one.apart !== false) continue;
    localStorage.removeItem(one.name);
    await dropFiles(one.name);
  }
}

// ---- back into the form -----------------------------------------------------------------------------

// Whether there is a field for them.
function fill(form, files) {
  const input = $("input[type=file]", form);
  if (!input || !files.length) return !files.length;
  if (input.files.length) return true;
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  input.files = carrier.files;
  return true;
}

const fits = async (form, pending) => form && (!pending.files || fill(form, await photosLeft(pending)));

// It may have arrived all the same: with its key the server knows, and says so.
function keepKey(pending) {
  const key = keyOf(pending);
  const field = formOf(pending.move)?.elements.namedItem("key");
  if (key && field) field.value = key;
}

// A refused form keeps its photos too.
async function giveBack(pending) {
  if (await fits(formOf(pending.move), pending)) {
    if (onShelf(pending)) await dropFiles(PENDING);
    await showKept();
  } else if (pending.direct) {
    // This machine keeps nothing: it stands on the page as long as the page does.
    await showKept([{ ...pending, files: 0, name: placeOf(pending), no }]);
  } else {
    await setAside(pending);
    await showKept();
  }
}

const back = (pending) => `已放回表单，核对后请再按一次。${pending.sent === "unsure" ? "先前那次若已送到，会说明，不会办两次。" : ""}`;

// It goes out when the same person presses, with its own key, so once.
async function offer(pending, when = "") {
  const there = formOf(pending.move);
  const before = there && $("input[type=file]", there)?.files.length;
  if (!(await fits(formOf(pending.move), pending))) {
    forget(pending);
    await setAside(pending);
    await showKept();
    return;
  }
  keepKey(pending);
  const box = formOf(pending.move).closest("details");
  if (box) box.open = true;
  const lost = pending.files && (await photosLeft(pending)).length < pending.files;
  const how = lost ? "照片已不在本机，请重新选照片，核对后再按一次。" : `内容${pending.files ? "和照片" : ""}${back(pending)}`;
  say(`${when}“${pending.title}”还没有提交：${how}`);
  const form = formOf(pending.move);
  const input = $("input[type=file]", form);
  let put = !before && input?.files.length; // and nobody chose others since
  input?.addEventListener("change", () => { put = false; }, { once: true });
  const away = parting({ ...pending, name: PENDING, no }, () => {
    // What was written since stays; photos that were put back go.
    if (put) input.value = "";
    if (!localStorage.getItem(draftOf(pending.move))) form.reset();
    away.remove();
    say(`“${pending.title}”不再保留。`);
  });
  $("#move-drop")?.remove();
  away.id = "move-drop";
  $("#move-said").after(away);
}

// Whether it stands in its form again. Its words do already, in the draft, unless somebody wrote over that.
function returned(form, kept, photos) {
  const draft = localStorage.getItem(draftOf(kept.move));
  const outside = kept.apart !== false && "draft" in kept;
  if (outside && draft && draft !== kept.draft) return false;
  if (kept.files && !fill(form, photos)) return false;
  if (outside && kept.draft) {
    localStorage.setItem(draftOf(kept.move), kept.draft);
    restore(form);
  }
  if (kept.sent === "unsure") keepKey(kept);
  // The photos stay on the shelf until they were taken.
  const { name, no: _, ...rest } = kept;
  if (kept.files) localStorage.setItem(name, JSON.stringify({ ...rest, apart: false }));
  else localStorage.removeItem(name);
  return true;
}

const NOW = { unsure: "请看办理记录；现在也不能做这一步。", taken: "" };

async function showKept(found = keptHere()) {
  $("#kept")?.remove();
  const notes = [];
  const full = new Set(); // a form takes one of them: first what stands in it already
  for (const one of [...found].sort((a, b) => (b.apart === false) - (a.apart === false))) {
    const form = formOf(one.move);
    const title = `“${one.title}”`;
    if (form && !full.has(one.move) && returned(form, one, one.files ? await keptFiles(one.name) : [])) {
      full.add(one.move);
      const words = `${title}还没有提交：内容${one.files ? "和照片" : ""}${back(one)}`;
      if (!$("#move-said").textContent.includes(words)) say($("#move-said").textContent + words);
    } else if (form) {
      notes.push(noteOf(one, `${title}还没有提交，表单里是另一次写的。`));
    } else {
      notes.push(noteOf(one, `${title}${UNTAKEN[one.sent] ?? "没有提交，"}${NOW[one.sent] ?? "现在也不能做这一步。"}`));
    }
  }
  if (!notes.length) return;
  const box = document.createElement("div");
  box.id = "kept";
  box.className = "hint";
  box.setAttribute("role", "status");
  box.append(...notes);
  $("#move-said").after(box);
}
// The last one that somebody parts with takes its frame along.
document.addEventListener("unsent", () => $("#kept")?.childElementCount || $("#kept")?.remove());

Object.assign(jiesu, {
  PENDING, same, mine, forget, photosOf, setAside, taken, giveBack, offer, keepKey, showKept,
});
