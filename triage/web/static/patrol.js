// 巡查上报：我的位置；上报前先看附近有没有同一件、是不是别的单位的；没有网络就存在本机，恢复后再按一次。
// 没有脚本也都能用。没有诉求人的姓名电话，所以填写的内容可以留在本机，只给同一个人放回来。
document.documentElement.classList.add("scripted");

const NAME = "jiesu.patrol";
const form = document.querySelector("[data-patrol]");
const said = document.querySelector("#said");
const photos = [...form.querySelectorAll("[data-photos]")];
const FIELDS = ["key", "text", "place", "lat", "lon", "note", "handled"];
const shelfOf = (field) => `${NAME}.${field.name}`;

// ---- 已当场处理 --------------------------------------------------------------------------------------

const handled = form.querySelector("[data-handled]");
const fold = () => { handled.hidden = form.elements.handled.value !== "1" && !handled.querySelector("[aria-invalid]"); };
form.addEventListener("change", fold);

// ---- 我的位置 ----------------------------------------------------------------------------------------

const here = form.querySelector("[data-here]"), told = form.querySelector("[data-here-said]");
const WHY = { 1: "没有允许定位", 2: "现在定不了位", 3: "定位太久没有结果" };
if (navigator.geolocation && isSecureContext) form.querySelector("[data-locating]").hidden = false;
async function placed({ coords }) {
  const [lon, lat] = [coords.longitude.toFixed(6), coords.latitude.toFixed(6)];
  try {
    const body = new URLSearchParams({ token: form.elements.token.value, lon, lat });
    const answer = await fetch("/desk/patrol/where", { method: "POST", body });
    if (answer.status === 404) { told.textContent = "这个位置不在本市范围内，请在地图上点，或写明在哪里。"; return; }
    form.elements.lon.value = lon;
    form.elements.lat.value = lat;
    if (!answer.ok) throw new Error("later");
    const found = await answer.json();
    told.textContent = `${found.words}（误差约 ${Math.round(coords.accuracy)} 米）。不对的在地图上点。`;
    const area = form.querySelector("#area");
    area.value = found.area;
    area.dispatchEvent(new Event("change"));
  } catch {
    // 断网时位置照样记下，地名上报时再看。
    form.elements.lon.value = lon;
    form.elements.lat.value = lat;
    told.textContent = `已记下位置（误差约 ${Math.round(coords.accuracy)} 米），没有网络，地名上报时再看。`;
  }
}
here?.addEventListener("click", () => {
  told.textContent = "正在定位…";
  navigator.geolocation.getCurrentPosition(
    placed,
    (fault) => { told.textContent = `${WHY[fault.code] ?? "定位没有成功"}：请在地图上点，或写明在哪里。`; },
    { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 },
  );
});

// ---- 存在本机 ----------------------------------------------------------------------------------------

const asked = (more = {}) => new URLSearchParams({
  token: form.elements.token.value, key: form.elements.key.value, text: form.elements.text.value,
  place: form.elements.place.value, lat: form.elements.lat.value, lon: form.elements.lon.value, ...more,
});
async function look(more) {
  const answer = await fetch("/desk/patrol/look", { method: "POST", body: asked(more) });
  if (!answer.ok) throw new Error("no answer");
  return answer.json();
}
async function keep() {
  const values = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value]));
  try {
    localStorage.setItem(NAME, JSON.stringify({ ...values, who: jiesu.who() }));
    for (const field of photos) await jiesu.keepFiles(shelfOf(field), [...field.files]);
    return true;
  } catch {
    return false; // 隐私窗口：只在本页
  }
}
async function drop() {
  localStorage.removeItem(NAME);
  for (const field of photos) await jiesu.dropFiles(shelfOf(field));
}
const carry = (field, files) => {
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  field.files = carrier.files;
};
async function putBack() {
  const old = jiesu.stored(NAME);
  if (!old || old.who !== jiesu.who()) return;
  const note = document.querySelector("#kept");
  const known = await look({ key: old.key, text: "" }).catch(() => null);
  if (known?.sent) {
    await drop();
    if (form.elements.text.value.trim()) return;
    note.textContent = "上次那件已经上报：";
    const link = Object.assign(document.createElement("a"), { href: `/desk/patrol/${known.sent}`, textContent: "打开看看" });
    note.append(link);
    note.hidden = false;
    return;
  }
  if (form.elements.text.value.trim()) {
    // 服务器退回来的这一份：照片从本机放回去。
    if (old.key !== form.elements.key.value) return;
  } else {
    for (const name of FIELDS) form.elements[name].value = old[name] ?? "";
    note.textContent = "上次没有报成的放回来了，请看过再按“上报”，不会报两件。";
    const away = Object.assign(document.createElement("button"), { type: "button", className: "button plain", textContent: "不要了" });
    away.addEventListener("click", async () => { await drop(); location.reload(); });
    note.append(away);
    note.hidden = false;
  }
  for (const field of photos) {
    const files = await jiesu.keptFiles(shelfOf(field));
    if (files.length && !field.files.length) carry(field, files);
  }
  fold();
}

// ---- 上报 -------------------------------------------------------------------------------------------

function show({ elsewhere, same }) {
  const box = document.querySelector("#around"), parts = [];
  if (elsewhere) {
    const line = Object.assign(document.createElement("p"), { className: "same" });
    line.textContent = `这里像是${elsewhere}，不归您单位管：上报后照常派给那里，您可能看不到后来怎样办。`;
    parts.push(line);
  }
  if (same.length) {
    const list = document.createElement("ul"), part = Object.assign(document.createElement("div"), { className: "same" });
    for (const one of same) {
      const item = document.createElement("li");
      const link = Object.assign(document.createElement("a"), { href: `/desk/tickets/${one.no}`, target: "_blank", rel: "noopener", textContent: one.title });
      const more = Object.assign(document.createElement("small"), { className: "muted" });
      more.textContent = ` ${one.no} · ${one.state}${one.metres === null ? "" : ` · 约 ${one.metres} 米`}`;
      item.append(link, more);
      list.append(item);
    }
    const head = Object.assign(document.createElement("b"), { textContent: "可能是同一件事，已经有人在办：" });
    const foot = Object.assign(document.createElement("p"), { className: "muted" });
    foot.textContent = "是其中一件的，打开那张写阶段反馈、传照片，不另报；不是的，再按一次“上报”。";
    part.append(head, list, foot);
    parts.push(part);
  }
  box.replaceChildren(...parts);
}

let ready = false, busy = false;
form.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (ready || button?.name !== "do" || button.value !== "send") return;
  event.preventDefault();
  if (busy) return;
  busy = true;
  said.textContent = "正在上报…";
  try {
    for (const field of photos) {
      if (field.files.length) carry(field, await jiesu.lighterAll([...field.files]));
      field.setCustomValidity(jiesu.unfit([...field.files], field));
    }
    if (!form.reportValidity()) { said.textContent = ""; return; }
    const kept = await keep();
    try {
      await jiesu.tokenNow("/desk/patrol");
    } catch (error) {
      const how = kept ? "已存在本机" : "填写的内容还在本页";
      if (error.message === "signed out") said.textContent = `登录已过期，还没有上报，${how}：请在另一个窗口登录，再回来按一次。`;
      else if (error.message === "somebody else") said.textContent = "现在登录的是另一个人，还没有上报：请刷新页面。";
      else said.textContent = `没有网络，还没有上报，${how}；恢复后再按一次，不会报两件。`;
      return;
    }
    const found = await look().catch(() => null);
    const seen = form.elements.seen.value.split(",");
    if (found && !found.sent && found.mark.split(",").some((one) => one && !seen.includes(one))) {
      form.elements.seen.value = found.mark;
      show(found);
      said.textContent = "还没有上报：请看上面这些，确实要报的再按一次。";
      return;
    }
    ready = true;
    form.requestSubmit(button);
    // 按“后退”回来时可以再提交：服务器认得是同一件。
    window.addEventListener("pageshow", () => { ready = false; said.textContent = ""; }, { once: true });
  } finally {
    busy = false;
  }
});
for (const field of photos) field.addEventListener("change", () => field.setCustomValidity(""));
document.querySelector(".faults")?.focus();
fold();
putBack();
