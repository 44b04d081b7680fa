// The desk without a framework: filters and refresh swap two parts of the page, keys move the focus,
// the unit picker asks the server. Without this file every page still works by links and the form.

const REFRESH_MS = 30_000;
const TYPED_MS = 600; // after the last key in a date it is asked for
const FIRST_YEAR = 2000; // before it a year is half typed: 0002, 0020, 0202
const LIST_ADDRESS = "jiesu.list";
const $ = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];

const list = () => $("#list");
const form = $("#filters");

// ---- swapping the list ------------------------------------------------------------------------------

let place = location.pathname + location.search; // whose list this is
let newest = 0; // only the answer to the last question is shown
let wanted = list()?.dataset.refresh; // what the filters say: every refresh asks for it, also after a failed one
let pending = false; // a filter was sent and has no answer yet: a refresh would throw its answer away
let behind = false; // the list is not yet that of the filters
let typed = 0; // a date was changed by keys or the calendar and is asked for when that rests
let held = false; // it was changed, and not asked for yet

async function swap(address, { keepPlace }) {
  const mine = ++newest;
  const scroll = window.scrollY;
  if (!keepPlace) list().classList.add("busy");
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (mine !== newest) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== newest) return;
    if (new URL(answer.url).pathname.startsWith("/login")) {
      say("登录已过期：请刷新页面重新登录。");
      return;
    }
    if (!page.querySelector("#list")) {
      // An error page: tell its sentence and leave the list as it is.
      say(page.querySelector("main p")?.textContent ?? "列表没有更新。");
      return;
    }
    jiesu.exchange($("#tiles"), page.querySelector("#tiles"));
    const words = (root) => root.querySelector("#filter-faults")?.textContent;
    // The same fault again: what was read out is not read out anew.
    if (keepPlace && !behind && words(page) && words(page) === words(document)) return;
    const row = all("tr[data-no]").indexOf(document.activeElement?.closest("tr[data-no]"));
    const there = jiesu.exchange(list(), page.querySelector("#list"));
    streets(page);
    marks();
    const fault = $("#filter-faults");
    const news = behind;
    behind = false;
    if (fault) {
      // What is wrong stands in the list's place and is read out there (role=alert).
      $("#said").textContent = "";
    } else if (keepPlace && !news) {
      // A refresh must not move anyone: same row under the focus, same place on the screen.
      if (!there) nearest(row);
      window.scrollTo({ top: scroll, behavior: "instant" });
    } else {
      say(`${$("#list .listhead b").textContent} 张工单`);
    }
  } catch {
    if (mine === newest) say("网络中断，列表没有更新；稍后会再试。");
  } finally {
    if (mine === newest) {
      pending = false;
      list().classList.toggle("busy", behind);
    }
  }
}

// The streets to choose from are those of the district that was asked for.
function streets(page) {
  const select = $(".filters [name=street]");
  const fresh = page.querySelector("#streets")?.content;
  const codes = (root) => [...root.querySelectorAll("option")].map((option) => option.value).join();
  if (!select || !fresh || codes(select) === codes(fresh)) return;
  select.replaceChildren(...document.importNode(fresh, true).children);
}

// The fields that are wrong are those that the list's place names.
function marks() {
  const wrong = all("#filter-faults [data-field]").map((one) => one.dataset.field);
  for (const control of form.elements) {
    for (const [name, value] of [["aria-invalid", "true"], ["aria-describedby", "filter-faults"]]) {
      if (wrong.includes(control.name)) control.setAttribute(name, value);
      else control.removeAttribute(name);
    }
  }
}

// The row that had the focus is gone: on with the one that stands in its place, else with the list.
function nearest(row) {
  const rows = all("tr[data-no] .c-title a");
  const next = rows[Math.min(row, rows.length - 1)] ?? list();
  if (next === list()) next.tabIndex = -1;
  next.focus({ preventScroll: true });
  $("#said").textContent = "原来那张已不在列表里";
}

function refresh() {
  if (!pending) swap(wanted, { keepPlace: true });
}

function say(words) {
  $("#said").textContent = words;
  const asOf = $("#as-of");
  if (asOf && !words.endsWith("张工单")) asOf.textContent = words;
}

function query() {
  const pairs = [...new FormData(form)].filter(([name, value]) => value && !(name === "state" && value === "open"));
  return new URLSearchParams(pairs).toString();
}

function filter() {
  clearTimeout(typed);
  held = false;
  const words = query();
  const tail = words ? `?${words}` : "";
  place = `/desk${tail}`;
  history.pushState(null, "", place);
  remember();
  $("#clear").hidden = !words;
  const active = new URLSearchParams(words);
  active.delete("q");
  $("#fold-count").textContent = active.size ? `（${active.size} 项）` : "";
  wanted = `/desk/list${tail}`;
  pending = behind = true;
  return swap(wanted, { keepPlace: false });
}

// A date typed by keys is one with its first digit, and another one with each further digit: what is meant is
// known when the typing rests, or the field is left. Until then the list is not that of the form.
function day(control) {
  clearTimeout(typed);
  newest += 1;
  pending = behind = held = true;
  const whole = control.value ? Number(control.value.split("-")[0]) >= FIRST_YEAR : !control.validity.badInput;
  typed = setTimeout(() => whole && filter(), TYPED_MS);
}

function leave(control) {
  // Half a date is no filter, as half a unit's name is none.
  if (control.validity.badInput) control.value = "";
  if (held) filter();
}

function remember() {
  sessionStorage.setItem(LIST_ADDRESS, location.pathname + location.search);
}

if (form) {
  remember();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    filter();
  });
  // A street of the district before is none of this one.
  form.elements.district?.addEventListener("change", () => {
    form.elements.street.value = "";
  });
  for (const control of form.elements) {
    if (control.matches("select, [type=checkbox], [type=hidden]")) control.addEventListener("change", filter);
    if (!control.matches("[type=date]")) continue;
    control.addEventListener("change", () => day(control));
    control.addEventListener("blur", () => leave(control));
  }
  // The browser's own clear button of a search field. Enter gives this event too, before or after the
  // submit: what is already asked then is not asked again.
  const unasked = () => $("#q").value !== (new URLSearchParams(location.search).get("q") ?? "");
  $("#q").addEventListener("search", () => setTimeout(() => unasked() && filter()));
  // 批量办理 takes what the list says: not while the filters say something else.
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "bulk" || !behind) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    say("列表还没有按新的条件更新：更新后再批量办理。");
  }, { capture: true });
  document.addEventListener("click", (event) => {
    if (!behind || !event.target.closest?.("#exports a")) return;
    event.preventDefault();
    say("列表还没有按新的条件更新：更新后再导出。");
  }, { capture: true });
  window.addEventListener("online", refresh);
  // 跳到正文 leads to the same page.
  window.addEventListener("popstate", () => location.pathname + location.search === place || location.reload());
  setInterval(() => {
    const picking = !$("#unit-options").hidden;
    if (!document.hidden && !picking && !getSelection()?.toString()) refresh();
  }, REFRESH_MS);
}

// ---- live: the server says that tickets changed -----------------------------------------------------

// Only a hint; what is shown is asked for anew. Without it the list refreshes by the clock, as before.
if (document.querySelector("#list, #review") && "EventSource" in window) {
  let due = 0;
  const changes = new EventSource("/desk/changes");
  changes.addEventListener("changed", () => {
    clearTimeout(due);
    due = setTimeout(() => {
      document.dispatchEvent(new CustomEvent("tickets-changed"));
      const busy = document.hidden || getSelection()?.toString() || !($("#unit-options")?.hidden ?? true);
      if (form && !busy) refresh();
    }, 300);
  });
  // A stream that stands open would keep the page from being restored by the browser's back button.
  window.addEventListener("pagehide", () => changes.close());
}

// ---- the way back keeps the filter ------------------------------------------------------------------

// Only where the way back is the list: others lead to their own section, and who has no list has no filter.
const home = $(".brand")?.getAttribute("href") ?? "/desk";
const back = () => (home === "/desk" && sessionStorage.getItem(LIST_ADDRESS)) || home;
for (const link of all('[data-back][href="/desk"]')) link.href = back();
const offered = (address) => Boolean($(`.site a[href="${address}"]`));

// ---- keys -------------------------------------------------------------------------------------------

const ROWS = "tr[data-no] .c-title a, .duelist .c-first a, .spots details[open] li a";

function move(step) {
  const links = all(ROWS);
  if (!links.length) return;
  const now = links.findIndex((link) => link === document.activeElement);
  const next = now < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(now + step, 0), links.length - 1);
  links[next].focus();
  links[next].closest("tr, li").scrollIntoView({ block: "nearest" });
}

const help = $("#help");
for (const button of all("[data-help]")) {
  button.hidden = false;
  button.addEventListener("click", () => help.showModal());
}

let afterG = 0;
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "Escape" && typing) {
    // A search field would be emptied by it: leaving must not lose the search.
    event.preventDefault();
    typing.blur();
  }
  if (typing || help.open || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const g = event.timeStamp - afterG < 1000;
  afterG = 0;
  if (event.key === "g") afterG = event.timeStamp;
  else if (event.key === "d" && g) location.assign(back());
  else if (event.key === "r" && g && offered("/desk/review")) location.assign("/desk/review");
  else if (event.key === "c" && g && offered("/desk/register")) location.assign("/desk/register");
  else if (event.key === "h" && g && offered("/desk/handover")) location.assign("/desk/handover");
  else if (event.key === "f" && g && offered("/desk/followup")) location.assign("/desk/followup");
  else if (event.key === "t" && g && offered("/desk/due")) location.assign("/desk/due");
  else if (event.key === "o" && g && offered("/desk/own")) location.assign("/desk/own");
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "?") help.showModal();
  else if (event.key === "/" && $("#q")) {
    event.preventDefault();
    $("#q").select();
  }
});

// ---- the unit picker --------------------------------------------------------------------------------

const picker = $("#unit-picker");
if (picker) {
  const text = $("#unit-text");
  const code = picker.querySelector("[name=unit]");
  const options = $("#unit-options");
  let chosen = text.value;
  let asked = 0;
  let timer = 0;
  let entered = false; // Enter was pressed before the answer came: the first unit is meant

  const close = () => {
    options.hidden = true;
    text.setAttribute("aria-expanded", "false");
    text.removeAttribute("aria-activedescendant");
  };

  const choose = (value, label) => {
    chosen = label;
    text.value = label;
    close();
    if (code.value === value) return;
    code.value = value;
    code.dispatchEvent(new Event("change"));
  };

  const show = (units) => {
    options.replaceChildren(
      ...units.map((unit, index) => {
        const option = document.createElement("li");
        option.id = `unit-option-${index}`;
        option.role = "option";
        option.dataset.option = unit.code;
        option.dataset.label = unit.name;
        option.setAttribute("aria-selected", String(index === 0));
        const note = document.createElement("small");
        note.textContent = unit.district ?? unit.level.label;
        option.append(unit.name, note);
        return option;
      }),
    );
    if (!units.length) {
      const none = document.createElement("li");
      none.textContent = "没有这个名称的单位";
      options.append(none);
    }
    options.hidden = false;
    text.setAttribute("aria-expanded", "true");
    if (units.length) text.setAttribute("aria-activedescendant", "unit-option-0");
  };

  const ask = async () => {
    const mine = ++asked;
    try {
      const answer = await fetch(`/api/v1/units?${new URLSearchParams({ q: text.value.trim() })}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const found = await answer.json();
      if (mine !== asked || document.activeElement !== text) return;
      show(found.items);
      if (entered && found.items.length) choose(found.items[0].code, found.items[0].name);
    } catch {
      if (mine === asked) say("单位名录暂时取不到。");
    }
  };

  const marked = () => options.querySelector("[aria-selected=true]");
  const mark = (option) => {
    marked()?.setAttribute("aria-selected", "false");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    text.setAttribute("aria-activedescendant", option.id);
  };

  text.addEventListener("input", (event) => {
    clearTimeout(timer);
    entered = false;
    if (event.isComposing) return;
    if (text.value.trim()) timer = setTimeout(ask, 150);
    else choose("", "");
  });
  text.addEventListener("compositionend", () => {
    timer = setTimeout(ask, 150);
  });
  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (options.hidden) {
      if (event.key !== "Enter" || !text.value.trim() || text.value === chosen) return;
      event.preventDefault();
      entered = true;
      clearTimeout(timer);
      ask();
      return;
    }
    const now = marked();
    if (event.key === "ArrowDown" && now?.nextElementSibling) mark(now.nextElementSibling);
    else if (event.key === "ArrowUp" && now?.previousElementSibling) mark(now.previousElementSibling);
    else if (event.key === "Enter" && now) choose(now.dataset.option, now.dataset.label);
    else return;
    event.preventDefault();
  });
  options.addEventListener("mousedown", (event) => {
    // Before the field loses the focus and the list closes.
    event.preventDefault();
    const option = event.target.closest("[data-option]");
    if (option) choose(option.dataset.option, option.dataset.label);
  });
  text.addEventListener("blur", () => {
    clearTimeout(timer);
    asked += 1;
    close();
    text.value = chosen; // half a name is no filter
  });
}
