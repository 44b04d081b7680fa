// Bulk work: ticks on the list survive its refresh, the progress of a job refreshes itself.
// Without this file the list's form, the pages and their buttons still work (a meta refresh shows progress).

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const REFRESH_MS = 2_000;

// ---- ticks on the list ------------------------------------------------------------------------------

const ticked = new Set();
let lost = 0; // ticks that went with their lines and that nobody was told of by a press yet
const boxes = () => all(".c-pick input");

function tell() {
  const shown = boxes();
  for (const box of shown) box.checked = ticked.has(box.value);
  const whole = $("#bulk-all");
  if (!whole) return;
  whole.checked = shown.length > 0 && shown.every((box) => box.checked);
  const here = shown.filter((box) => box.checked).length;
  $("#bulk-go").textContent = here ? `批量办理选中的 ${here} 张` : lost ? `选中的 ${lost} 张已不在列表里` : $("#bulk-go").dataset.whole;
  if (lost) $("#bulk-said").textContent = `选中的工单有 ${lost} 张已不在列表里（可能别人已经办理，或条件变了），不再算在内。`;
}

// Who ticked some does not mean all: when the ticks are gone, the first press only says what the next one means.
function choose(event) {
  if (event.target.id !== "bulk" || !lost || boxes().some((box) => box.checked)) return;
  event.preventDefault();
  lost = 0;
  tell();
  $("#bulk-said").textContent = "现在没有选中的：再按一次，就是符合条件的全部工单。";
}

function tick(box, on) {
  if (on) ticked.add(box.value);
  else ticked.delete(box.value);
}

const desk = $("#list")?.parentElement;
if (desk) {
  desk.addEventListener("change", (event) => {
    const box = event.target;
    if (box.id === "bulk-all") for (const one of boxes()) tick(one, box.checked);
    else if (box.matches(".c-pick input")) tick(box, box.checked);
    else return;
    lost = 0;
    tell();
  });
  desk.addEventListener("submit", choose);
  // The list is swapped when it refreshes or is filtered: what is no longer shown is no longer ticked.
  new MutationObserver(() => {
    const shown = new Set(boxes().map((box) => box.value));
    for (const no of [...ticked]) if (!shown.has(no)) lost += Number(ticked.delete(no));
    tell();
  }).observe(desk, { childList: true });
  for (const box of boxes()) tick(box, box.checked);
  tell();
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea") || $("#help").open) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "x") {
      const box = $(".c-pick input", document.activeElement?.closest("[data-no]") ?? document.createElement("i"));
      if (!box) return;
      tick(box, !box.checked);
      lost = 0;
      tell();
    } else if (event.key === "b") {
      $("#bulk")?.requestSubmit();
    }
  });
}

// ---- choosing the move ------------------------------------------------------------------------------

$("[data-sends]")?.addEventListener("change", (event) => event.target.form.submit());

// ---- progress ---------------------------------------------------------------------------------------

async function refresh() {
  const job = $("#job");
  if (job?.dataset.state !== "running") return;
  if (!document.hidden) {
    try {
      const answer = await fetch(job.dataset.refresh, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = $("#job", page);
      // Nobody who is about to press a button loses it.
      if (fresh && !job.contains(document.activeElement)) job.replaceWith(fresh);
      else if (fresh && fresh.dataset.state !== "running") job.replaceWith(fresh);
    } catch {
      // The network comes and goes; the next turn asks again.
    }
  }
  setTimeout(refresh, REFRESH_MS);
}

if ($("#job") && !new URLSearchParams(location.search).has("after")) setTimeout(refresh, REFRESH_MS);
$("[data-main]")?.focus();
