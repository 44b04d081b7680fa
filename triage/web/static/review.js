// 审核台: 1, 2, 3 choose the model's kinds, Ctrl+Enter sends the ticket on and shows the next one, which was
// fetched while this one was read. Without this file the form leads to the next ticket by itself.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const WAIT_MS = 20_000;

const root = () => $("#review");
const form = () => $("#decide");
const OLD_MS = 60_000;
let next = null; // the page that comes after this one, as a promise of { url, page } or null
let asked = 0; // when it was asked for; 0: tickets changed since, so it may not be what it was
const UNREAD_MS = 600;
let place = location.pathname + location.search; // whose page this is
let sending = false;
let unread = 0; // until then the ticket that was just shown is taken for unread; any other key or change ends it

function say(words) {
  $("#review-said").textContent = words;
  $("#review-said").hidden = !words;
}

// ---- the next ticket, ready -------------------------------------------------------------------------

async function fetched(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return $("#review", page) ? { url: answer.url, page } : null;
  } catch {
    return null;
  }
}

function prepare() {
  asked = Date.now();
  next = form() ? fetched(root().dataset.next) : null;
  next?.then((found) => {
    const ready = $("#ready");
    if (ready) ready.textContent = found && $("#decide", found.page) ? "下一张已备好" : "";
  });
}

function following() {
  return Date.now() - asked < OLD_MS ? next : fetched(root().dataset.next);
}

function show({ url, page }, done) {
  // The queue stands in the review; below it when there is nothing to review.
  const below = $("#review ~ #queue", page);
  $("#review ~ #queue")?.remove();
  root().replaceWith($("#review", page));
  if (below) root().after(below);
  document.title = page.title;
  const { pathname } = new URL(url);
  history.pushState(null, "", pathname);
  place = pathname;
  // The forms outside the review (大字, single keys) lead back to the ticket that is shown now.
  for (const back of all("input[name=back]")) back.value = pathname;
  if (done) {
    const line = document.createElement("p");
    line.className = "hint good";
    line.setAttribute("role", "status");
    line.textContent = `工单 ${done} 已派单。`;
    root().prepend(line);
  }
  dress();
  unread = Date.now() + UNREAD_MS;
  window.scrollTo({ top: 0, behavior: "instant" });
  ($("h1") ?? root()).setAttribute("tabindex", "-1");
  $("h1")?.focus({ preventScroll: true });
}

// ---- sending ----------------------------------------------------------------------------------------

// The key makes it safe to press again when no answer came.
function post(sent) {
  return fetch(sent.action, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams(new FormData(sent)),
  });
}

// A key held down, pressed twice or a button clicked twice is one dispatch: there is no way back from the next one.
function send(event) {
  event.preventDefault();
  if (sending) return;
  if (Date.now() < unread) {
    say("这是下一张，还没有派出：看过再按一次。");
    return;
  }
  unread = 0;
  sending = true;
  deliver().finally(() => {
    sending = false;
  });
}

async function deliver() {
  const sent = form();
  const no = root().dataset.no;
  const buttons = all("button", sent);
  for (const button of buttons) button.disabled = true;
  say("");
  try {
    const before = sent.elements.token.value;
    let answer = await post(sent);
    if (answer.status === 403 && (await jiesu.tokenNow()) !== before) answer = await post(sent);
    if (new URL(answer.url).pathname.startsWith("/login")) throw new Error("signed out");
    if (answer.headers.get("Content-Type")?.startsWith("application/json")) {
      const ready = await following();
      const found = ready && $("#decide", ready.page) ? ready : await fetched("/desk/review");
      if (!found) location.assign(`/desk/review?done=${encodeURIComponent(no)}`);
      else show(found, no);
      return;
    }
    if (answer.status >= 500) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if ($("#review", page)) {
      const typed = UNITS.filter((name) => unit(name).dataset.typed).map((name) => [name, unit(name).value]);
      root().replaceWith($("#review", page));
      dress();
      // What was typed is so still, but for what was refused: that may be chosen anew with the kind.
      for (const [name, value] of form() ? typed : []) {
        if (unit(name).value === value && !unit(name).matches("[aria-invalid]")) unit(name).dataset.typed = "1";
      }
      $("[role=alert]:not([hidden])", root())?.scrollIntoView({ block: "nearest" });
      return;
    }
    say($("main p", page)?.textContent ?? "没有派出，填写的内容还在。");
  } catch (error) {
    if (error.message === "signed out") say("登录已过期，还没有派出：请在另一个窗口登录，再回来按一次；填写的内容还在。");
    else if (error.message === "somebody else") say("现在登录的是另一个人，还没有派出：请刷新页面。");
    else say("网络中断，还没有派出；填写的内容还在，恢复后请再按一次，不会派两次。");
  }
  for (const button of buttons) button.disabled = false;
}

// ---- choosing a kind --------------------------------------------------------------------------------

const UNITS = ["unit", "assist"];
const unit = (name) => $(`#review-${name}`);
let choosing = 0; // only the answer for the kind chosen last is used

function choose(radio) {
  radio.checked = true;
  choosing += 1;
  // Of another kind than the model's first ones: none, until the server names them. Without a unit the
  // form does not go out, so that none of the wrong kind does.
  const open = proposed(radio.dataset);
  if (open && radio.matches("[data-other]") && radio.value) ask(radio.value, choosing);
  snippets(radio.value);
  $("#said").textContent = `${radio.parentElement.innerText}，承办单位 ${$("#review-unit").value}`;
}

// Units that a person typed stay; those that were proposed follow the kind. Gives whether any does.
function proposed(units) {
  const open = UNITS.filter((name) => !unit(name).dataset.typed);
  for (const name of open) unit(name).value = units[name] ?? "";
  return open.length > 0;
}

async function ask(kind, mine) {
  const shown = unit("unit");
  try {
    const answer = await fetch(`/desk/review/${encodeURIComponent(root().dataset.no)}/units?${new URLSearchParams({ kind })}`, {
      headers: { Accept: "application/json" },
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = await answer.json();
    if (mine !== choosing || shown !== unit("unit")) return;
    proposed(found);
    $("#said").textContent = found.unit ? `承办单位 ${found.unit}` : "派单目录里没有写明承办单位，请填写";
  } catch {
    if (mine === choosing) $("#said").textContent = "承办单位暂时查不到，请填写";
  }
}

function snippets(kind) {
  for (const one of all("#snippets details")) {
    const kinds = one.dataset.kinds.split(" ").filter(Boolean);
    one.hidden = kinds.length > 0 && !kinds.includes(kind);
    if (kinds.length) one.open = kinds.includes(kind);
  }
}

function seen() {
  if (!unread) return;
  unread = 0;
  say("");
}

// 答复要点 → 当场答复: added to what is written already.
function fill(event) {
  const note = $("#answer-note");
  const words = event.currentTarget.dataset.fill;
  note.value = note.value.trim() ? `${note.value.trimEnd()}\n${words}` : words;
  note.focus();
  $("#said").textContent = "已填入当场答复";
}

function dress() {
  prepare();
  for (const button of $("#answer-form") ? all("[data-fill]", root()) : []) {
    button.hidden = false;
    button.addEventListener("click", fill);
  }
  $("#answer-form")?.addEventListener("input", seen);
  if (!form()) return;
  form().addEventListener("submit", send);
  for (const name of UNITS) {
    unit(name).addEventListener("input", (event) => {
      event.target.dataset.typed = "1";
    });
  }
  form().addEventListener("input", seen);
  form().addEventListener("change", (event) => {
    seen();
    if (event.target.name === "kind") choose(event.target);
    if (event.target.id !== "other-kind") return;
    const radio = $("[data-other]", form());
    radio.value = event.target.value;
    choose(radio);
  });
}

// ---- keys -------------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (!form() || $("#help").open || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    // Whoever writes an answer sends that, and dispatches nothing.
    const wanted = event.target.closest("#answer-form") ?? form();
    if (!event.repeat) wanted.requestSubmit();
    return;
  }
  if (!/^(Enter|Control|Meta|Shift|Alt)$/.test(event.key)) seen();
  const typing = event.target.closest("select, textarea, input:not([type=radio])");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (/^[1-3]$/.test(event.key)) {
    const radio = $(`[data-key="${event.key}"]`, form());
    if (radio) choose(radio);
  } else if (event.key === "s") location.assign($("#skip").href);
  else if (event.key === "u") $("#review-unit").select();
  else return;
  event.preventDefault();
});

// ---- the queue, live --------------------------------------------------------------------------------

function put(fresh) {
  const here = root().dataset.no;
  const link = (address) => all("a", fresh).find((one) => one.getAttribute("href") === address);
  link(`/desk/review/${here}`)?.setAttribute("aria-current", "true");
  // Whoever goes through it by the keyboard stays where they are.
  const at = $("#queue").contains(document.activeElement) && document.activeElement.getAttribute("href");
  $("#queue").replaceWith(fresh);
  if (at) link(at)?.focus({ preventScroll: true });
}

async function refresh() {
  if (!form()) {
    // Nothing was waiting: perhaps now there is.
    const found = await fetched("/desk/review");
    if (found && $("#decide", found.page)) show(found, null);
    else if (found) put($("#queue", found.page));
    return;
  }
  if (!$("#queue")) return;
  try {
    const answer = await fetch($("#queue").dataset.refresh);
    if (new URL(answer.url).pathname.startsWith("/login")) {
      $("#as-of").textContent = "登录已过期：请在另一个窗口登录";
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = $("#queue", page);
    if (!answer.ok || !fresh) {
      $("#as-of").textContent = "没有更新，稍后再试";
      return;
    }
    put(fresh);
  } catch {
    $("#as-of").textContent = "网络中断，稍后再试";
  }
}
document.addEventListener("tickets-changed", () => {
  asked = 0;
  refresh();
});
setInterval(() => document.hidden || refresh(), WAIT_MS);

// 跳到正文 and the way back from it lead to the same page: what is being filled in stays.
window.addEventListener("popstate", () => location.pathname + location.search === place || location.reload());
dress();
