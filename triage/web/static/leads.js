// 媒体线索: j and k go from lead to lead, Enter opens (the browser's own), x picks. All works without it.

const leads = () => [...document.querySelectorAll(".lead summary")];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
  const all = leads();
  const at = all.findIndex((summary) => summary.closest(".lead").contains(document.activeElement));
  if (event.key === "j" || event.key === "k") {
    const next = event.key === "j" ? Math.min(at + 1, all.length - 1) : Math.max(at - 1, 0);
    all[next]?.focus();
    all[next]?.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  } else if (event.key === "x" && at >= 0) {
    all[at].closest(".lead").querySelector(".pick input")?.click();
    event.preventDefault();
  }
});
