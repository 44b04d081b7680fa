// 公众页面的增强：没有脚本也都能用。照片先看大小、一次只提交一回。地图就地点选在 spot.js。
document.documentElement.classList.add("scripted");

// 大字就地换：页面上可能有只显示一次的编号和码，或写了一半的表单。记住它的 cookie 另外去存，没有网络就只管这一页。
for (const switched of document.querySelectorAll("form[data-switch]")) {
  switched.hidden = false;
  switched.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = switched.querySelector("button"), on = button.value === "1";
    const body = new URLSearchParams([...new FormData(switched).entries(), [button.name, button.value]]);
    fetch(switched.action, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => null);
    document.documentElement.classList.toggle("large", on);
    button.value = on ? "0" : "1";
    button.textContent = button.dataset[on ? "on" : "off"];
  });
}

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    // 按“后退”回来时可以再提交：服务器认得是同一件。
    window.addEventListener("pageshow", () => { delete form.dataset.sent; }, { once: true });
  });
}

const files = document.querySelector("#files");
if (files) {
  const hint = document.querySelector("[data-files-hint]");
  const usual = hint.textContent;
  files.addEventListener("change", () => {
    const most = Number(files.dataset.most), mega = Number(files.dataset.megabytes);
    const heavy = [...files.files].findIndex((file) => file.size > mega * 1e6);
    let fault = "";
    if (files.files.length > most) fault = `最多 ${most} 张照片，现在选了 ${files.files.length} 张。`;
    else if (heavy >= 0) fault = `第 ${heavy + 1} 张超过 ${mega} MB，请换一张。`;
    files.setCustomValidity(fault);
    hint.textContent = fault || usual;
    hint.classList.toggle("fault", Boolean(fault));
  });
}

document.querySelector(".faults")?.focus();
