// On every page of the desk: units are found by name, and a line says when there is no network.
// Without this file whole names can be typed, and the browser says by itself that a page did not come.

const $ = (selector) => document.querySelector(selector);

// ---- no network -------------------------------------------------------------------------------------

function tellNetwork() {
  $("#offline").hidden = navigator.onLine;
}
window.addEventListener("online", tellNetwork);
window.addEventListener("offline", tellNetwork);
tellNetwork();

// ---- single keys that were switched off ----------------------------------------------------------------

// Before every other file hears of them (WCAG 2.1.4): who speaks to the machine, or rests a hand on the keys, moves
// no case. Typing, Ctrl Enter, Esc and the arrows are what they were.
document.addEventListener("keydown", (event) => {
  const single = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (single && document.documentElement.dataset.keys === "off") event.stopImmediatePropagation();
}, { capture: true });

// ---- 大字 and single keys -------------------------------------------------------------------------------

// In place: the page may show what is shown once (a phone, a password, a key), or hold what is being filled in.
for (const form of document.querySelectorAll("form[data-switch]")) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("button");
    const on = button.value === "1";
    const body = new URLSearchParams([...new FormData(form).entries(), [button.name, button.value]]);
    // Kept by a cookie; where the answer would lead is not asked for, and without a network it holds for this page.
    fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => null);
    const root = document.documentElement;
    if (form.dataset.switch === "large") root.classList.toggle("large", on);
    else if (on) root.dataset.keys = "off";
    else delete root.dataset.keys;
    button.value = on ? "0" : "1";
    for (const words of form.querySelectorAll("[data-on]")) words.textContent = words.dataset[on ? "on" : "off"];
    form.closest("dialog")?.close();
  });
}

// ---- signed in again meanwhile ----------------------------------------------------------------------

// A form from before carries a token that counts no more. Only for what a person presses now, and only while the
// same person is signed in: nobody else's sign-in may send what was typed here.
async function tokenNow(address = location.href) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (new URL(answer.url).pathname.startsWith("/login")) throw new Error("signed out");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const who = (root) => root.querySelector(".who a")?.textContent;
  if (who(page) !== who(document)) throw new Error("somebody else");
  const token = page.querySelector("input[name=token]")?.value;
  if (token) for (const field of document.querySelectorAll("input[name=token]")) field.value = token;
  return token;
}

// ---- a part of a page that is exchanged for a newer one ----------------------------------------------

// What an element is known by in both: its id, else its address, else its name and value, else its words; of several the
// same one in order.
const known = (one) =>
  [one.id, one.getAttribute("href"), one.name && `${one.name} ${one.value}`, one.textContent].find(Boolean);
function counterpart(one, now, fresh) {
  const like = (root) => [...root.querySelectorAll(one.localName)].filter((other) => known(other) === known(one));
  const found = like(fresh);
  return found[like(now).indexOf(one)] ?? found.at(-1);
}

// Who was in it by keys is where they were, and what was unfolded stays so. Gives whether there is still such a place.
function exchange(now, fresh) {
  const at = now.contains(document.activeElement) ? document.activeElement : null;
  const there = at && counterpart(at, now, fresh);
  for (const fold of now.querySelectorAll("details")) {
    const same = [...fresh.querySelectorAll("details")].find((one) => known(one.firstElementChild) === known(fold.firstElementChild));
    if (same) same.open = fold.open;
  }
  now.replaceWith(fresh);
  there?.focus({ preventScroll: true });
  return !at || Boolean(there);
}
window.jiesu = { tokenNow, exchange };

// ---- a page that keeps itself up to date -------------------------------------------------------------

// Not while somebody types in it or selects. When it cannot, it says so: an old list must not look like a new one.
const part = $("[data-again]");
if (part?.id) {
  const held = (now) => {
    const at = document.activeElement;
    return document.hidden || getSelection()?.toString() || (now.contains(at) && at.matches("input, select, textarea"));
  };
  let told = "";
  const tell = (words) => {
    if (words !== told) $("#page-said").textContent = words;
    told = words;
    const asOf = $("[data-as-of]");
    if (words && asOf) asOf.textContent = words;
  };
  const again = async () => {
    if (held(document.getElementById(part.id))) return;
    try {
      // After a press that was refused the page stands at an address that only takes presses: the part tells its own.
      const answer = await fetch(part.dataset.from ?? location.href, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [now, fresh] = [document, page].map((root) => root.getElementById(part.id));
      if (new URL(answer.url).pathname.startsWith("/login")) tell("登录已过期，没有更新：请刷新页面重新登录。");
      else if (!answer.ok || !fresh) tell(`没有更新，稍后会再试：${page.querySelector("main p")?.textContent ?? "服务器没有办成。"}`);
      else if (!held(now)) {
        if (!exchange(now, fresh)) {
          fresh.tabIndex = -1;
          fresh.focus({ preventScroll: true });
        }
        tell("");
      }
    } catch {
      tell("网络中断，没有更新；稍后会再试。");
    }
  };
  setInterval(again, part.dataset.again * 1000);
}

// ---- what cannot be taken back is asked first -------------------------------------------------------

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.asks ?? event.target.dataset.asks;
  if (!question || confirm(question)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });

// ---- units by name ----------------------------------------------------------------------------------

// What is read out and shown where a list of names cannot be had.
function say(field, words) {
  const note = field.parentElement.querySelector("[data-units-said]");
  if (note) note.textContent = words;
  else $("#page-said").textContent = words;
}

let timer = 0;
function suggest(event) {
  const field = event.target;
  if (!field.matches?.("[data-units]")) return;
  clearTimeout(timer);
  if (event.isComposing) return;
  const several = field.dataset.units === "several";
  const parts = field.value.split(/[，,、]/);
  const last = (several ? parts.at(-1) : field.value).trim();
  if (!last) return;
  timer = setTimeout(async () => {
    try {
      const answer = await fetch(`/api/v1/units?${new URLSearchParams({ q: last.slice(0, 40) })}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const head = several ? parts.slice(0, -1).map((part) => `${part.trim()}，`).join("") : "";
      const options = (await answer.json()).items.map((unit) => {
        const option = document.createElement("option");
        option.value = head + unit.name;
        return option;
      });
      field.list.replaceChildren(...options);
    } catch {
      say(field, "单位名录暂时取不到，可以写全称。");
    }
  }, 150);
}
document.addEventListener("input", suggest);
document.addEventListener("compositionend", suggest);
