// The forms of the ticket page: drafts are kept on this machine, a form is sent once even over a flaky network,
// a refusal comes back without losing what was typed. Without this file every form still works by itself.
// Its photos are in shelf.js, its keys and templates in move_keys.js.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const { keepFiles, keptFiles, dropFiles, lighter } = jiesu;
const RETRY_MS = 4_000;
const QUIET = /^(token|version|key|as|move|no|in_.*)$/; // not typed by anyone

const panel = () => $("#moves");
const no = panel()?.dataset.no ?? "";
const draftOf = (move) => `jiesu.draft.${no}.${move}`;
const PENDING = `jiesu.pending.${no}`; // a form that has no answer yet
const KEPT = `jiesu.kept.${no}`; // one that was refused and whose form is no longer there
const formOf = (move) => $(`form[data-form="${CSS.escape(move)}"]`, panel());
const who = () => $(".who a")?.textContent;
const stored = (name) => JSON.parse(localStorage.getItem(name) ?? "null");

function say(words) {
  const line = $("#move-said");
  line.textContent = words;
  line.hidden = !words;
}

// ---- drafts -----------------------------------------------------------------------------------------

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

// ---- sending once -----------------------------------------------------------------------------------

// The photos of a form that waits: on the shelf, or in the page where the shelf took none (`direct`).
const photosOf = (pending) => pending.direct ?? (pending.files ? keptFiles(PENDING) : []);

async function bodyOf(pending) {
  const words = new URLSearchParams(pending.body);
  if (!pending.files) return words;
  const photos = await photosOf(pending);
  if (photos.length < pending.files) throw new Error("photos gone");
  const whole = new FormData();
  for (const [name, value] of words) whole.append(name, value);
  for (const file of photos) whole.append("files", file, file.name);
  return whole;
}

let sending = new AbortController(); // stops what is on its way, when somebody goes on writing
let turn = 0; // which sending is meant: what comes of an older one is nobody's any more
let waiting = null; // the form that is on its way or waits for the network
let trying = 0; // the timer of its next try
let pressed = false; // whether what is sent was sent by somebody on this page, not found on this machine

// The key makes it safe to send again when no answer came.
async function post(pending) {
  const body = await bodyOf(pending);
  return fetch(pending.address, { method: "POST", headers: { Accept: "text/html" }, body, signal: sending.signal });
}

// Signed in again meanwhile: the same words with the token of now. Gives whether there is another.
async function renew(pending) {
  const words = new URLSearchParams(pending.body);
  const before = words.get("token");
  const token = await jiesu.tokenNow();
  if (!token || token === before) return false;
  words.set("token", token);
  pending.body = words.toString();
  return true;
}

async function send(pending) {
  let answer = await post(pending);
  if (answer.status === 403 && pressed && (await renew(pending))) answer = await post(pending);
  if (answer.status >= 500) throw new Error(String(answer.status)); // no decision was made: try again
  if (answer.redirected && new URL(answer.url).pathname.startsWith("/login")) {
    // Nothing was done, and nobody else's sign-in may send it by itself: it stays, a person sends it.
    signedOut(pending);
    return;
  }
  if (answer.status === 403 && !pressed) {
    await offer(pending);
    return;
  }
  $("#move-back")?.remove();
  if (!pending.direct) localStorage.removeItem(PENDING);
  if (answer.redirected) await taken(pending);
  if (answer.redirected && answer.ok) {
    dropDraft(pending);
    location.assign(answer.url);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if ($("[data-gone]", page)) {
    // Done, and out of this person's sight since: there is no page of it to go to.
    dropDraft(pending);
    await taken(pending);
    $("main").replaceChildren(...$("main", page).children);
    return;
  }
  const fresh = $("#moves", page);
  if (!fresh) {
    say($("main p", page)?.textContent ?? "没有提交成功，填写的内容还在。");
    busy(false);
    await giveBack(pending);
    return;
  }
  panel().replaceWith(fresh);
  dress();
  busy(false);
  // The first of two was taken (不提交了，继续改 came too late for it): what was written since was not.
  await giveBack(fresh.dataset.taken ? { ...pending, sent: "taken" } : pending);
  $("[role=alert]:not([hidden])", panel())?.scrollIntoView({ block: "nearest" });
}

function signedOut(pending) {
  pressed = false;
  const after = pending.direct ? "请不要刷新页面。" : "若刷新页面，文字和照片会放回表单。";
  say(`登录已过期，还没有提交：请在另一个窗口登录，再回来按一次，填写的内容还在。${after}`);
  busy(false);
}

// What was sent, and no more: words written since (in another window) stay.
function dropDraft(pending) {
  const name = draftOf(pending.move);
  if (!("draft" in pending) || localStorage.getItem(name) === pending.draft) localStorage.removeItem(name);
}

// ---- while it waits ---------------------------------------------------------------------------------

// Nothing in the form changes meanwhile, so that what goes out is what it shows; whoever wants to go on says so.
function waits(words) {
  say(words);
  if ($("#move-back")) return;
  const back = document.createElement("button");
  back.id = "move-back";
  back.type = "button";
  back.className = "button plain";
  back.textContent = "不提交了，继续改";
  back.addEventListener("click", withdraw);
  $("#move-said").after(back);
}

// It may have arrived all the same: the form keeps its key, so the server knows, and says so.
async function withdraw() {
  clearTimeout(trying);
  turn += 1;
  sending.abort();
  const pending = waiting;
  busy(false);
  // A preview of bulk work has no key: the first one may stand beside the second.
  say(`没有再提交，可以接着改。先前那次若已经送到，${picked() ? "会多出一批预览，可以取消。" : "再提交时会说明，不会办两次。"}`);
  if (!pending.direct) localStorage.removeItem(PENDING);
  keepKey(pending);
  await giveBack({ ...pending, sent: "unsure" });
}

function keepKey(pending) {
  const key = new URLSearchParams(pending.body).get("key");
  const field = formOf(pending.move)?.elements.namedItem("key");
  if (key && field) field.value = key;
}

// ---- what was not taken -----------------------------------------------------------------------------

const onShelf = (pending) => pending.files && !pending.direct;

// Photos leave this machine's shelf when they were taken, or stand in a field again.
async function taken(pending) {
  if (onShelf(pending)) await dropFiles(PENDING);
  const kept = stored(KEPT);
  if (kept?.move !== pending.move || kept.who !== pending.who) return;
  localStorage.removeItem(KEPT);
  await dropFiles(KEPT);
}

// Whether there is a field for them.
async function fill(form, files) {
  const input = $("input[type=file]", form);
  if (!input || !files.length) return !files.length;
  if (input.files.length) return true;
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  input.files = carrier.files;
  return true;
}

// A refused form keeps its photos too.
async function giveBack(pending) {
  const form = formOf(pending.move);
  if (!form || (pending.files && !(await fill(form, await photosOf(pending))))) await setAside(pending);
  else if (onShelf(pending)) await dropFiles(PENDING);
}

// Filled in before the last sign-in: it goes out when the same person presses, with its own key, so once.
async function offer(pending) {
  busy(false);
  const form = formOf(pending.move);
  if (!form || (pending.files && !(await fill(form, await photosOf(pending))))) {
    localStorage.removeItem(PENDING);
    await setAside(pending);
    return;
  }
  keepKey(pending);
  const box = form.closest("details");
  if (box) box.open = true;
  say(`上次登录时填写的“${pending.title}”还没有提交：内容${pending.files ? "和照片" : ""}已放回表单，核对后请再按一次。`);
}

// The form is gone (督办 forbids 反馈, say): what was written must not be.
async function setAside({ direct, ...pending }) {
  if (direct) {
    // This machine keeps nothing: it stands on the page as long as the page does.
    await showKept({ ...pending, files: 0 });
    return;
  }
  if (pending.files) {
    if (!(await keepFiles(KEPT, await keptFiles(PENDING)).then(() => true, () => false))) pending.files = 0;
    await dropFiles(PENDING);
  }
  localStorage.setItem(KEPT, JSON.stringify(pending));
  await showKept();
}

const UNTAKEN = {
  unsure: "不再提交，现在也不能做这一步；先前那次是否已经送到，请看经过。",
  taken: "先前提交的那次已经收到，后来改的没有提交。",
};

async function showKept(kept = stored(KEPT)) {
  $("#kept")?.remove();
  if (!kept || (kept.who ?? who()) !== who()) return;
  const form = formOf(kept.move);
  if (form && (!kept.files || (await fill(form, await keptFiles(KEPT))))) {
    // It can be done again. The words are in the draft; the photos stay on the shelf until they were taken.
    if (kept.files) say(`上次没有提交成的“${kept.title}”，照片已放回表单。`);
    else localStorage.removeItem(KEPT);
    return;
  }
  const note = document.createElement("div");
  note.id = "kept";
  note.className = "hint";
  note.setAttribute("role", "status");
  const line = (words) => {
    const part = document.createElement("p");
    part.textContent = words;
    note.append(part);
  };
  line(`“${kept.title}”${UNTAKEN[kept.sent] ?? "没有提交，现在也不能做这一步。"}写过的内容在下面，可以复制到别处：`);
  for (const [label, words] of kept.words ?? []) line(`${label}：${words}`);
  if (kept.files) line(`${kept.files} 个照片或 PDF 还存在本机，能做这一步时会放回表单。`);
  const away = document.createElement("button");
  away.type = "button";
  away.className = "button plain";
  away.textContent = "不再保留";
  away.addEventListener("click", async () => {
    localStorage.removeItem(KEPT);
    localStorage.removeItem(draftOf(kept.move));
    await dropFiles(KEPT);
    note.remove();
  });
  note.append(away);
  $("#move-said").after(note);
}

let at = null; // what had the focus when the form was sent: a form that stands still has none
function busy(is, pending) {
  if (is && !waiting) at = document.activeElement;
  waiting = is ? pending : null;
  for (const button of all("button:not(#move-back)", panel())) button.disabled = is;
  for (const form of all("form[data-form]", panel())) form.inert = is && form.dataset.form === pending.move;
  if (is) return;
  $("#move-back")?.remove();
  if (document.activeElement === document.body) at?.focus({ preventScroll: true });
}

async function deliver(pending = stored(PENDING)) {
  clearTimeout(trying);
  // Somebody else's stays where it is until they are back.
  if (!pending || (!pressed && (pending.who ?? who()) !== who())) return;
  const mine = (turn += 1);
  sending.abort();
  sending = new AbortController();
  busy(true, pending);
  const slow = setTimeout(() => waits("还没有回音，还在提交。"), RETRY_MS);
  try {
    await send(pending);
  } catch (error) {
    if (mine === turn) await failed(pending, error);
  } finally {
    clearTimeout(slow);
  }
}

async function failed(pending, error) {
  if (error.message === "signed out") {
    signedOut(pending);
  } else if (error.message === "somebody else") {
    pressed = false;
    $("#move-back")?.remove();
    say("现在登录的是另一个人，还没有提交：请刷新页面。");
  } else if (error.message === "photos gone") {
    localStorage.removeItem(PENDING);
    await offer({ ...pending, files: 0 });
    say(`“${pending.title}”还没有提交：照片已不在本机，请重新选照片，核对后再按一次。`);
  } else if (pending.direct) {
    busy(false);
    say("网络中断，还没有提交。内容存不进本机，请不要关闭或刷新页面；有网络后再按一次，不会重复。");
  } else {
    waits("网络中断：已存在本机，恢复后自动提交，不会重复。");
    trying = setTimeout(() => deliver(), RETRY_MS);
  }
}

async function submit(event) {
  const form = event.target;
  if (!form.dataset.form) return;
  event.preventDefault();
  if (waiting) {
    waits("前一项还在提交：请等一等，或先按“不提交了，继续改”。");
    return;
  }
  say("");
  const whole = [...new FormData(form)];
  const files = whole.map(([, value]) => value).filter((value) => value instanceof File && value.name);
  const words = whole.filter(([, value]) => !(value instanceof File));
  const body = new URLSearchParams(words).toString();
  const title = $("button:not([type])", form).textContent.trim();
  const pending = { address: form.action, body, move: form.dataset.form, files: files.length, title, words: shown(form), who: who() };
  if (picked()) pending.page = `/desk/bulk/new?${new URLSearchParams(new FormData(picked()))}`;
  busy(true, pending);
  const photos = await Promise.all(files.map(lighter));
  const before = stored(PENDING);
  const others = before && (before.move !== pending.move || before.who !== who());
  try {
    keepDraft(form);
    pending.draft = localStorage.getItem(draftOf(pending.move));
    if (others) await setAside(before);
    if (photos.length) await keepFiles(PENDING, photos);
    localStorage.setItem(PENDING, JSON.stringify(pending));
  } catch {
    // No room, or a private window: it goes out as it is, with the same key, and says so when that fails.
    if (!others) localStorage.removeItem(PENDING);
    pending.direct = photos;
  }
  pressed = true;
  deliver(pending);
}

// ---- together ---------------------------------------------------------------------------------------

// 批量办理: a form that waits for the network belongs to its selection, and is not sent by the page of another one.
const picked = () => $("#bulk-move");
function tellOther() {
  const other = Object.keys(localStorage).find((name) => name.startsWith("jiesu.pending.bulk-") && name !== PENDING);
  if (!picked() || !other) return;
  const { page, who: author } = stored(other);
  if (author !== who()) return;
  const link = document.createElement("a");
  link.href = page;
  link.textContent = "打开那一批接着提交";
  say("另一批还没有提交成，和这里选的无关。");
  $("#move-said").append(link);
}

function dress() {
  for (const button of all("[data-template]", panel())) button.hidden = false;
  for (const form of all("form[data-form]", panel())) {
    restore(form);
    form.addEventListener("input", () => keepDraft(form));
    form.addEventListener("submit", submit);
  }
}

if (panel()) {
  dress();
  if (panel().dataset.done) history.replaceState(null, "", location.pathname);
  window.addEventListener("online", () => deliver());
  tellOther();
  await showKept();
  deliver();
}
