// The forms of the ticket page: drafts are kept on this machine, a form is sent once even over a flaky network,
// a refusal comes back without losing what was typed. Without this file every form still works by itself.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const { keepFiles, keptFiles, dropFiles, lighter } = jiesu;
const RETRY_MS = 4_000;
const QUIET = /^(token|version|key|move|no|in_.*)$/; // not typed by anyone

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

async function bodyOf(pending) {
  const words = new URLSearchParams(pending.body);
  if (!pending.files) return words;
  const whole = new FormData();
  for (const [name, value] of words) whole.append(name, value);
  for (const file of await keptFiles(PENDING)) whole.append("files", file, file.name);
  return whole;
}

let pressed = false; // whether what is sent was sent by somebody on this page, not found on this machine

// The key makes it safe to send again when no answer came.
async function post(pending) {
  return fetch(pending.address, { method: "POST", headers: { Accept: "text/html" }, body: await bodyOf(pending) });
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
    signedOut();
    return;
  }
  if (answer.status === 403 && !pressed) {
    await offer(pending);
    return;
  }
  localStorage.removeItem(PENDING);
  if (answer.redirected) await taken(pending);
  if (answer.redirected && answer.ok) {
    localStorage.removeItem(draftOf(pending.move));
    location.assign(answer.url);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if ($("[data-gone]", page)) {
    // Done, and out of this person's sight since: there is no page of it to go to.
    localStorage.removeItem(draftOf(pending.move));
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
  await giveBack(pending);
  $("[role=alert]:not([hidden])", panel())?.scrollIntoView({ block: "nearest" });
}

function signedOut() {
  pressed = false;
  say("登录已过期，还没有提交：请在另一个窗口登录，再回来按一次，填写的内容还在。若刷新页面，文字和照片会放回表单。");
  busy(false);
}

// ---- what was not taken -----------------------------------------------------------------------------

// Photos leave this machine's shelf when they were taken, or stand in a field again.
async function taken(pending) {
  if (pending.files) await dropFiles(PENDING);
  const kept = stored(KEPT);
  if (kept?.move !== pending.move || kept.who !== pending.who) return;
  localStorage.removeItem(KEPT);
  await dropFiles(KEPT);
}

// Whether there is a field for them.
async function fill(form, name) {
  const input = $("input[type=file]", form);
  const files = await keptFiles(name);
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
  if (!form || (pending.files && !(await fill(form, PENDING)))) await setAside(pending);
  else if (pending.files) await dropFiles(PENDING);
}

// Filled in before the last sign-in: it goes out when the same person presses, with its own key, so once.
async function offer(pending) {
  busy(false);
  const form = formOf(pending.move);
  if (!form || (pending.files && !(await fill(form, PENDING)))) {
    localStorage.removeItem(PENDING);
    await setAside(pending);
    return;
  }
  const key = new URLSearchParams(pending.body).get("key");
  if (key) form.elements.namedItem("key").value = key;
  const box = form.closest("details");
  if (box) box.open = true;
  say(`上次登录时填写的“${pending.title}”还没有提交：内容${pending.files ? "和照片" : ""}已放回表单，核对后请再按一次。`);
}

// The form is gone (督办 forbids 反馈, say): what was written must not be.
async function setAside(pending) {
  if (pending.files) {
    await keepFiles(KEPT, await keptFiles(PENDING));
    await dropFiles(PENDING);
  }
  localStorage.setItem(KEPT, JSON.stringify(pending));
  await showKept();
}

async function showKept() {
  const kept = stored(KEPT);
  $("#kept")?.remove();
  if (!kept || (kept.who ?? who()) !== who()) return;
  const form = formOf(kept.move);
  if (form && (!kept.files || (await fill(form, KEPT)))) {
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
  line(`“${kept.title}”没有提交，现在也不能做这一步。写过的内容在下面，可以复制到别处：`);
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

function busy(is) {
  for (const button of all("button", panel())) button.disabled = is;
}

let trying = 0;
async function deliver() {
  clearTimeout(trying);
  const pending = stored(PENDING);
  // Somebody else's stays where it is until they are back.
  if (!pending || (!pressed && (pending.who ?? who()) !== who())) return;
  busy(true);
  try {
    await send(pending);
  } catch (error) {
    if (error.message === "signed out" || error.message === "somebody else") {
      pressed = false;
      if (error.message === "signed out") signedOut();
      else say("现在登录的是另一个人，还没有提交：请刷新页面。");
      return;
    }
    say("网络中断：已存在本机，恢复后自动提交，不会重复。");
    trying = setTimeout(deliver, RETRY_MS);
  }
}

async function submit(event) {
  const form = event.target;
  if (!form.dataset.form) return;
  event.preventDefault();
  keepDraft(form);
  const before = stored(PENDING);
  if (before && (before.move !== form.dataset.form || before.who !== who())) await setAside(before);
  say("");
  const whole = [...new FormData(form)];
  const files = whole.map(([, value]) => value).filter((value) => value instanceof File && value.name);
  const words = whole.filter(([, value]) => !(value instanceof File));
  if (files.length) {
    busy(true);
    await keepFiles(PENDING, await Promise.all(files.map(lighter)));
  }
  const body = new URLSearchParams(words).toString();
  pressed = true;
  const title = $("button:not([type])", form).textContent.trim();
  const pending = { address: form.action, body, move: form.dataset.form, files: files.length, title, words: shown(form), who: who() };
  if (picked()) pending.page = `/desk/bulk/new?${new URLSearchParams(new FormData(picked()))}`;
  localStorage.setItem(PENDING, JSON.stringify(pending));
  deliver();
}

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

// ---- together ---------------------------------------------------------------------------------------

function useTemplate(event) {
  const note = event.target.closest("form").elements.namedItem("note");
  if (note.value.trim() && !confirm("换掉已经写的内容？")) return;
  note.value = event.target.dataset.template;
  note.rows = 5;
  note.focus();
  // The first thing to be filled in.
  const [from, to] = [note.value.indexOf("【"), note.value.indexOf("】")];
  if (from >= 0 && to > from) note.setSelectionRange(from, to + 1);
  keepDraft(note.form);
}

// The phone is a look of its own, with its reason; from 首次联系 it is a press away.
function openLook(event) {
  const reason = $("#look-reason");
  const field = reason.form.elements.namedItem("field");
  reason.closest("details").open = true;
  reason.value ||= event.target.dataset.look;
  field.value = "phone";
  reason.form.elements.namedItem("words").focus({ preventScroll: true });
}

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
  for (const link of all("[data-look]", panel())) link.addEventListener("click", openLook);
  for (const button of all("[data-template]", panel())) {
    button.hidden = false;
    button.addEventListener("click", useTemplate);
  }
  for (const form of all("form[data-form]", panel())) {
    restore(form);
    form.addEventListener("input", () => keepDraft(form));
    form.addEventListener("submit", submit);
  }
}

if (panel()) {
  dress();
  if (panel().dataset.done) history.replaceState(null, "", location.pathname);
  window.addEventListener("online", deliver);
  tellOther();
  await showKept();
  deliver();
}
