// 内部备注 of a ticket's page: the lines follow what colleagues write, and a key leads to the form. Without this file
// they are as old as the page. Form and draft are moves.js'.

const REFRESH_MS = 30_000;
const $ = (selector) => document.querySelector(selector);
const list = () => $("#remark-list");

let asked = 0; // only the answer to the last question is shown
async function again() {
  if (!list() || document.hidden || getSelection()?.toString()) return;
  const mine = (asked += 1);
  try {
    const answer = await fetch(list().dataset.refresh, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return; // signed out, or out of sight: the page's own forms say so
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [now, fresh] = [list(), page.querySelector("#remark-list")];
    if (mine !== asked || !now || !fresh || now.innerHTML === fresh.innerHTML) return;
    jiesu.exchange(now, fresh);
  } catch {
    // No network: the page's own line says so, and the next look is soon.
  }
}

// 审核台 and 回访台 lead here to write one.
if (location.hash === "#remarks") $("#remark-text")?.closest("details").setAttribute("open", "");

// By the clock, and when the page is looked at again. Remarks change no list, so no hint is given of one; and a page that
// listens asks at every hint of any ticket.
if (list()) {
  setInterval(again, REFRESH_MS);
  document.addEventListener("visibilitychange", again);
  window.addEventListener("focus", again);
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key !== "w" || typing || $("#help").open) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !$("#remark-text")) return;
  event.preventDefault();
  $("#remark-text").closest("details").open = true;
  $("#remark-text").focus();
});
