// 已上报：等识别完，打开工单；没有脚本时页面自己刷新。
const said = document.querySelector("[data-waiting]");
async function look() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (new URL(answer.url).pathname.startsWith("/login")) {
      said.textContent = "登录已过期：请登录后再看，已上报的不会丢。";
      return;
    }
    // 成单了就转到工单；没有成功的、由别的单位办的，说明在这一页上。
    if (answer.redirected) { location.href = answer.url; return; }
    if (answer.ok && !(await answer.text()).includes("data-waiting")) { location.reload(); return; }
  } catch {
    // 断网时上方已有提示，恢复后接着看。
  }
  setTimeout(look, 1500);
}
if (said) setTimeout(look, 800);
