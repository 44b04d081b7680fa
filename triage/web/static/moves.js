// The forms of the ticket page and of 批量办理: a form is sent once even over a flaky network, a refusal comes back without
// losing what was typed. Without this file every form still works by itself.
// Drafts are in drafts.js, what was not taken in kept.js, photos in shelf.js, keys and templates in move_keys.js.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const { panel, draftOf, formOf, say, given, shown, keepDraft, restore, dropDraft, who, stored } = jiesu;
const { PENDING, same, mine, forget, photosOf, setAside, taken, giveBack, offer, keepKey, showKept } = jiesu;
const { keepFiles, lighterAll, unfit, exchange } = jiesu;
const RETRY_MS = 4_000; // the first time; each time twice as long
const LONGEST_MS = 60_000;
const LONGEST_ASKED_MS = 300_000; // by the server
const PASSING = [502, 503, 504]; // it is away or busy, and will be back

// ---- sending once -----------------------------------------------------------------------------------

let sending = new AbortController(); // stops what is on its way, when somebody goes on writing
let turn = 0; // which sending is meant: what comes of an older one is nobody's any more
let waiting = null; // the form that is on its way or waits for the network
let trying = 0; // the timer of its next try
let tries = 0; // how often in vain
let pressed = false; // whether what is sent was sent by somebody on this page, not found on this machine

async function bodyOf(pending) {
  const words = new URLSearchParams(pending.body);
  if (!pending.files) return words;
  const whole = new FormData();
  for (const [name, value] of words) whole.append(name, value);
  for (const file of await photosOf(pending)) whole.append("files", file, file.name);
  return whole;
}

// The key makes it safe to send again when no answer came.
async function post(pending, signal) {
  const body = await bodyOf(pending);
  return fetch(pending.address, { method: "POST", headers: { Accept: "text/html" }, body, signal });
}

// Photos lie on this machine before they are made lighter: a phone may end a page that does such work.
async function lighten(pending, signal) {
  if (!pending.raw) return;
  const photos = await lighterAll(await photosOf(pending));
  signal.throwIfAborted();
  await photosOf(pending); // still this one's
  const form = formOf(pending.move);
  const field = form && $("input[type=file]", form);
  const fault = field && unfit(photos, field); // without a field the server says that it is gone
  if (fault) throw Object.assign(new Error("unfit"), { fault });
  delete pending.raw;
  if (pending.direct) pending.direct = photos;
  else {
    await keepFiles(PENDING, photos);
    localStorage.setItem(PENDING, JSON.stringify(pending));
  }
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

// No decision was made: what the server says of it, its number, and when it asks to be asked again.
class Down extends Error {
  constructor(answer, page) {
    super("down");
    const number = answer.headers.get("X-Request-Id");
    const words = $("main p", page)?.textContent ?? `服务器没有办成（${answer.status}）。`;
    this.words = `${words}${number ? `（请求编号 ${number}）` : ""}`;
    this.passing = PASSING.includes(answer.status);
    this.wait = Math.min(Number(answer.headers.get("Retry-After")) * 1000 || 0, LONGEST_ASKED_MS);
  }
}

async function send(pending, signal) {
  await lighten(pending, signal);
  let answer = await post(pending, signal);
  if (answer.status === 403 && pressed && (await renew(pending))) answer = await post(pending, signal);
  if (answer.redirected && new URL(answer.url).pathname.startsWith("/login")) {
    // Nothing was done, and nobody else's sign-in may send it by itself: it stays, a person sends it.
    signedOut(pending);
    return;
  }
  if (answer.redirected) {
    // Done, whatever becomes of the page that it leads to.
    forget(pending);
    await taken(pending);
    dropDraft(pending);
    location.assign(answer.url);
    return;
  }
  if (answer.status === 403 && !pressed) {
    busy(false);
    await offer(pending, "上次登录时填写的");
    return;
  }
  // An answer that is cut off is none.
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.status >= 500) throw new Down(answer, page);
  $("#move-back")?.remove();
  forget(pending);
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
  const lost = document.activeElement === document.body || panel().contains(document.activeElement);
  panel().replaceWith(fresh);
  freshen(page);
  dress();
  busy(false);
  // The first of two was taken (不提交了，继续改 came too late for it): what was written since was not.
  await giveBack(fresh.dataset.taken ? { ...pending, sent: "taken" } : pending);
  refused(pending.move, lost);
}

// What else the page says of the ticket, of the same answer; what somebody is filling in stays.
const touched = (part) => all("input:not([type=hidden]), select, textarea", part).some((field) => field.value !== given(field));
function freshen(page) {
  for (const part of [".thead", ".c-why", ".c-side", ".c-objections", ".c-events"]) {
    const now = $(part);
    const fresh = $(part, page);
    if (now && fresh && !touched(now)) exchange(now, fresh);
    else if (fresh && !now) $(".c-events").before(fresh); // 派单异议, the first one
    else if (now && !fresh) now.remove();
  }
}

// Where the refusal is: at its field, else at the button. The form that had the focus is no longer there.
function refused(move, lost) {
  const alert = $("[role=alert]:not([hidden])", panel());
  alert?.scrollIntoView({ block: "nearest" });
  if (!lost) return;
  const form = formOf(move);
  const found = form && ($("[aria-invalid=true]", form) ?? $("button:not([type])", form));
  if (!found && alert) alert.tabIndex = -1;
  (found ?? alert)?.focus();
}

function signedOut(pending) {
  pressed = false;
  const after = pending.direct ? "请不要刷新页面。" : "若刷新页面，文字和照片会放回表单。";
  say(`登录已过期，还没有提交：请在另一个窗口登录，再回来按一次，填写的内容还在。${after}`);
  busy(false);
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
  hold();
  turn += 1;
  sending.abort();
  const pending = waiting;
  busy(false);
  // A preview of bulk work has no key: the first one may stand beside the second.
  say(`没有再提交，可以接着改。先前那次若已经送到，${picked() ? "会多出一批预览，可以取消。" : "再提交时会说明，不会办两次。"}`);
  forget(pending);
  keepKey(pending);
  await giveBack({ ...pending, sent: "unsure" });
}

let at = null; // what had the focus when the form was sent: a form that stands still has none
function busy(is, pending) {
  if (is) {
    at = waiting ? at : document.activeElement;
    $("#move-drop")?.remove();
  }
  waiting = is ? pending : null;
  for (const button of all("button:not(#move-back)", panel())) button.disabled = is;
  for (const form of all("form[data-form]", panel())) form.inert = is && form.dataset.form === pending.move;
  if (is) return;
  $("#move-back")?.remove();
  if (document.activeElement === document.body) at?.focus({ preventScroll: true });
}

function hold() {
  clearTimeout(trying);
  trying = 0;
}

// Another window sent it, or pressed another one, which set this one aside.
function elsewhere(pending) {
  busy(false);
  say(`“${pending.title}”已由另一个窗口提交或放下：请刷新页面看结果，没有提交成的会写明。`);
}

async function deliver(pending = stored(PENDING)) {
  const again = trying;
  hold();
  if (!pending) {
    if (!again) return;
    elsewhere(waiting);
    return;
  }
  if (waiting && !same(waiting, pending)) {
    if (!waiting.direct) elsewhere(waiting);
    return;
  }
  // Somebody else's stays where it is until they are back.
  if (!pressed && (pending.who ?? who()) !== who()) return;
  // The server failed over it, or this page may have ended over its photos (lighten): not by itself again.
  if (pending.stopped || (pending.raw && !pressed)) {
    if (!waiting && pressed) return; // its form says so
    if (waiting) busy(false);
    await offer(pending);
    return;
  }
  const now = (turn += 1);
  sending.abort();
  sending = new AbortController();
  busy(true, pending);
  const slow = setTimeout(() => waits("还没有回音，还在提交。"), RETRY_MS);
  try {
    await send(pending, sending.signal);
  } catch (error) {
    if (now === turn) await failed(pending, error);
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
  } else if (error.message === "elsewhere") {
    elsewhere(pending);
  } else if (error.message === "photos gone") {
    forget(pending);
    busy(false);
    await offer({ ...pending, files: 0 });
    say(`“${pending.title}”还没有提交：照片已不在本机，请重新选照片，核对后再按一次。`);
  } else if (error.message === "unfit") {
    forget(pending);
    busy(false);
    await giveBack(pending);
    tooMuch(formOf(pending.move), error.fault);
  } else if (error instanceof Down && !error.passing) {
    busy(false);
    say(`${error.words}“${pending.title}”还没有提交，填写的内容还在：请稍后再按一次，不会办两次。`);
    pending.stopped = true;
    if (stored(PENDING) && mine(pending)) localStorage.setItem(PENDING, JSON.stringify(pending));
  } else if (pending.direct) {
    busy(false);
    say(`${error.words ?? "网络中断，"}还没有提交。内容存不进本机，请不要关闭或刷新页面；${error.words ? "稍后" : "有网络后"}再按一次，不会重复。`);
  } else {
    const [why, when] = error.words ? [error.words, "过一会儿"] : ["网络中断：", "恢复后"];
    waits(`${why}已存在本机，${when}自动提交，不会重复。请留在本页；离开了，再打开这一页才接着提交。`);
    trying = setTimeout(() => deliver(), Math.max(Math.min(RETRY_MS * 2 ** tries, LONGEST_MS), error.wait ?? 0));
    tries += 1;
  }
}

// At once, when there is reason to think that it goes now.
function anew() {
  tries = 0;
  deliver();
}

function tooMuch(form, fault) {
  const input = form && $("input[type=file]", form);
  say(`还没有提交：${fault}`);
  input?.setCustomValidity(fault);
  input?.reportValidity();
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
  const fault = files.length ? unfit(files, $("input[type=file]", form), { later: true }) : "";
  if (fault) {
    tooMuch(form, fault);
    return;
  }
  const words = whole.filter(([, value]) => !(value instanceof File));
  const body = new URLSearchParams(words).toString();
  const title = $("button:not([type])", form).textContent.trim();
  const pending = { address: form.action, body, move: form.dataset.form, files: files.length, title, words: shown(form), who: who() };
  if (picked()) pending.page = `/desk/bulk/new?${new URLSearchParams(new FormData(picked()))}`;
  if (files.length) pending.raw = true;
  busy(true, pending);
  const before = stored(PENDING);
  const others = before && !same(before, pending);
  try {
    keepDraft(form);
    pending.draft = localStorage.getItem(draftOf(pending.move));
    if (others) await setAside({ ...before, sent: "unsure" });
    if (files.length) await keepFiles(PENDING, files);
    localStorage.setItem(PENDING, JSON.stringify(pending));
  } catch {
    // No room, or a private window: it goes out as it is, with the same key, and says so when that fails.
    if (!others) localStorage.removeItem(PENDING);
    pending.direct = files;
  }
  pressed = true;
  tries = 0;
  deliver(pending);
}

// 批量办理: what waits belongs to its selection.
const picked = () => $("#bulk-move");

function dress() {
  for (const button of all("[data-template]", panel())) button.hidden = false;
  for (const form of all("form[data-form]", panel())) {
    restore(form);
    form.addEventListener("input", () => keepDraft(form));
    form.addEventListener("change", (event) => {
      if (event.target.validity.customError) say("");
      event.target.setCustomValidity("");
    });
    form.addEventListener("submit", submit);
  }
}

// One of the files did not arrive (a weak network): then each form goes by itself.
if (panel?.() && who && showKept && lighterAll) {
  dress();
  if (panel().dataset.done) history.replaceState(null, "", location.pathname);
  window.addEventListener("online", anew);
  document.addEventListener("visibilitychange", () => !document.hidden && trying && anew());
  await showKept();
  deliver();
}
