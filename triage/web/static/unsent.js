// On every page of the desk: what was pressed on a ticket's page (or on 批量办理) and was not taken yet is named, with the
// way to it, for that page alone sends it. Where the ticket's page no longer opens, its words are shown to be copied.

const NAME = /^jiesu\.(pending|kept)\.([^.]+)/;
const who = () => document.querySelector(".who a")?.textContent;
const stored = (name) => JSON.parse(localStorage.getItem(name) ?? "null");

function line(words) {
  const part = document.createElement("p");
  part.textContent = words;
  return part;
}

// The way to part with what is kept; its draft goes along unless somebody wrote over it.
function parting(kept, then) {
  const away = document.createElement("button");
  away.type = "button";
  away.className = "button plain";
  away.textContent = "不再保留";
  away.addEventListener("click", async () => {
    const now = stored(kept.name);
    if (!now || now.body === kept.body) {
      localStorage.removeItem(kept.name);
      await jiesu.dropFiles(kept.name);
    }
    const draft = `jiesu.draft.${kept.no}.${kept.move}`;
    if ("draft" in kept ? localStorage.getItem(draft) === kept.draft : !kept.apart) localStorage.removeItem(draft);
    then();
    document.dispatchEvent(new CustomEvent("unsent"));
  });
  return away;
}

// What somebody wrote, to be copied.
function noteOf(kept, head) {
  const note = document.createElement("div");
  note.append(line(`${head}写过的内容在下面，可以复制到别处：`));
  for (const [label, words] of kept.words ?? []) note.append(line(`${label}：${words}`));
  if (kept.files) note.append(line(`${kept.files} 个照片或 PDF 还存在本机，能做这一步时会放回表单。`));
  note.append(parting(kept, () => note.remove()));
  return note;
}

const UNTAKEN = {
  unsure: "没有收到回音，不清楚是否已经送到。",
  taken: "先前提交的那次已经收到，后来改的没有提交。",
};

// A ticket's page by its path, that of 批量办理 by its selection too.
function at(address) {
  const { pathname, searchParams } = new URL(address, location);
  return pathname === "/desk/bulk/new" ? `${pathname}?${searchParams}` : pathname;
}

function entry(one) {
  const what = `“${one.title}”（${one.page ? "批量办理" : `工单 ${one.no}`}）`;
  const address = one.page ?? `/desk/tickets/${one.no}`;
  if (at(address) === at(location) || location.pathname === `${address}/moves`) {
    const how = UNTAKEN[one.kind === "pending" ? "unsure" : one.sent] ?? "没有提交。";
    return [noteOf(one, `${what}${how}${one.page ? "这一批" : "这张工单"}现在打不开。`)];
  }
  // One that was set aside stands on its own page, and waits for nothing.
  if (one.kind === "kept") return [];
  const part = line(`${what}还没有提交：`);
  const link = document.createElement("a");
  link.href = address;
  link.textContent = "打开接着提交";
  part.append(link);
  return [part];
}

// Of whoever is signed in, by name as the page has it; of nobody's page nothing.
function unsent() {
  return Object.keys(localStorage).flatMap((name) => {
    const [, kind, no] = NAME.exec(name) ?? [];
    const one = kind && stored(name);
    return one && who() && one.who === who() ? [{ ...one, name, kind, no }] : [];
  });
}

function tell() {
  const here = document.querySelector("#moves")?.dataset.no; // moves.js says it itself
  const found = unsent().filter((one) => one.no !== here).flatMap(entry);
  const box = document.querySelector("#unsent");
  box.replaceChildren(...found);
  box.hidden = !found.length;
}

Object.assign(jiesu, { who, stored, parting, noteOf, UNTAKEN });
tell();
// Another window sent it, or pressed another one; and the page that the back button brings is an old one.
window.addEventListener("storage", tell);
window.addEventListener("pageshow", tell);
document.addEventListener("unsent", tell);
