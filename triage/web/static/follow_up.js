// 回访台: digits answer one question after the other, Ctrl+Enter sends the result, p looks at the number, a goes to
// 约定时间, s skips. Leaving lets go of the case. Without this file all of it is pressed, and what is held ends by itself.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const root = $("#followup");
const form = $("#result");
const RENEW_MS = 9 * 60_000;
const RENEWALS = 2;
const AGAIN_MS = 60_000;
let staying = false; // a form or a link of this page leads on: the server lets go, or goes on holding

// ---- the questions ----------------------------------------------------------------------------------

const asks = () => all(".ask", form).filter((one) => !one.hidden);
const answered = (ask) => $("input:checked", ask);
let at = 0;

// Who was not reached is asked nothing: the questions after the first are for whom it was.
function dress() {
  const outcome = $('.ask[data-ask="outcome"] input:checked', form)?.value;
  for (const ask of all(".ask", form)) {
    if (ask.dataset.ask === "outcome") continue;
    ask.hidden = outcome === "unreachable";
    for (const input of all("input", ask)) {
      input.disabled = ask.hidden;
      input.required = outcome === "reached";
    }
  }
  for (const ask of asks()) ask.classList.toggle("done", Boolean(answered(ask)));
  at = Math.min(at, asks().length - 1);
  asks().forEach((ask, index) => ask.classList.toggle("now", index === at));
}

function choose(number) {
  const ask = asks()[at];
  const input = ask && all("input", ask)[number - 1];
  if (!input) return;
  input.checked = true;
  $("#said").textContent = `${$("legend", ask).innerText}：${input.parentElement.innerText}`;
  at += 1;
  dress();
  asks()[at]?.scrollIntoView({ block: "nearest" });
}

if (form) {
  form.addEventListener("change", (event) => {
    const ask = event.target.closest(".ask");
    if (ask) at = asks().indexOf(ask) + 1;
    dress();
  });
  at = Math.max(0, asks().findIndex((ask) => !answered(ask)));
  dress();
}

// Once: the key of the form makes a second one harmless, but it would say that somebody else was there.
for (const one of all("form[method=post]", root)) {
  one.addEventListener("submit", (event) => {
    if (one.target === "_blank") return;
    if (one.dataset.sent) event.preventDefault();
    one.dataset.sent = "1";
    staying = true;
  });
}
for (const link of all('a[href^="/desk/followup"]', root)) link.addEventListener("click", () => (staying = true));

// ---- keys -------------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if ($("#help").open || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    // Whoever writes a time agrees on it, and records no result.
    const wanted = event.target.closest("form[data-after]") ?? form;
    if (!event.repeat) wanted?.requestSubmit();
    return;
  }
  const typing = event.target.closest("select, textarea, input:not([type=radio]):not([type=checkbox])");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (/^[1-9]$/.test(event.key) && form) choose(Number(event.key));
  else if (event.key === "Backspace" && form && at > 0) {
    at -= 1;
    dress();
  } else if (event.key === "p" && $("#look")) $("#look").requestSubmit();
  else if (event.key === "a" && $("#after-at")) $("#after-at").focus();
  else if (event.key === "s" && !$("#nothing")) {
    staying = true;
    location.assign(root.dataset.next);
  } else return;
  event.preventDefault();
});

// ---- what is held -----------------------------------------------------------------------------------

// Kept while the call goes on, for half an hour; what was left is let go of at once.
// Also while the page is behind another: whoever rings may have the phone, or the ticket's page, before them.
async function renew(times) {
  try {
    const answer = await fetch(location.pathname.replace(/\/(phone|after)$/, ""), { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const until = $("#followup", page)?.dataset.until;
    if (answer.ok && until) root.dataset.until = until;
  } catch {
    // No network: it ends by itself, and another clerk may be given the case.
  }
  if (times > 1) setTimeout(renew, RENEW_MS, times - 1);
}
if (root.dataset.until) setTimeout(renew, RENEW_MS, RENEWALS);

addEventListener("pagehide", () => {
  if (staying || !root.dataset.until) return;
  const body = new URLSearchParams({ token: root.dataset.token, until: root.dataset.until });
  navigator.sendBeacon("/desk/followup/leave", body);
});
addEventListener("pageshow", (event) => event.persisted && location.reload());

// Nothing may be rung: perhaps now it may. Looked at with `look`, which holds nothing, and told; a case is taken
// by a press alone. By itself it keeps no session alive either.
async function look() {
  if (document.hidden) return;
  const query = new URLSearchParams(location.search);
  for (const name of ["done", "how"]) query.delete(name);
  query.set("look", "1");
  try {
    const answer = await fetch(`/desk/followup?${query}`, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = $("#followup", page);
    if (!fresh || !$("#nothing", fresh) || root.contains(document.activeElement)) return;
    root.replaceChildren(...fresh.childNodes);
    if ($("#ready")) $("#said").textContent = $("#ready").innerText;
  } catch {
    // No network: it is looked at again.
  }
}
if ($("#nothing")) setInterval(look, AGAIN_MS);
