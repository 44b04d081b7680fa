// An incident grows before one's eyes: its part is fetched again every ten seconds, and never while somebody
// selects words in it. On the card: copy, print. Without this file the pages work; the reader reloads.

const REFRESH_MS = 10_000;
const live = () => document.querySelector("#live");
const say = (words) => {
  const said = document.querySelector("#said");
  if (said) said.textContent = words;
};

async function refresh() {
  const address = live()?.dataset.refresh;
  if (!address) return;
  if (!document.hidden && !getSelection()?.toString()) {
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("#live");
      if (fresh) {
        const before = live().querySelector(".count").textContent;
        live().replaceWith(fresh);
        const now = fresh.querySelector(".count").textContent;
        if (answer.redirected) say("这个事件已并入另一事件，以下是那里的来电；请打开那里再办。");
        else if (now !== before) say(`现在 ${now} 件`);
      } else say(page.querySelector("main p")?.textContent ?? "没有更新。");
    } catch {
      say("网络中断，没有更新；稍后会再试。");
    }
  }
  setTimeout(refresh, REFRESH_MS);
}

if (live()?.dataset.refresh) setTimeout(refresh, REFRESH_MS);

const copy = document.querySelector("[data-copy]");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(document.querySelector("#card").value);
      say("已复制");
    } catch {
      document.querySelector("#card").select();
      say("浏览器不允许复制，已选中，请按 Ctrl+C");
    }
  });
}
const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
