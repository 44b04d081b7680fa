// 登记诉求：提交前看一眼有没有网络、登录过期没有，免得填好的丢了；登记后等识别完，打开工单。
// 没有脚本也都能用。填写的内容不留在浏览器里：其中有姓名和电话。
document.documentElement.classList.add("scripted");

const said = document.querySelector("#said");

const form = document.querySelector("[data-register]");
if (form) {
  let ready = false, sent = false;
  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (ready || button?.name !== "do" || button.value !== "send") return;
    event.preventDefault();
    if (sent) return;
    sent = true;
    said.textContent = "正在登记…";
    try {
      await jiesu.tokenNow("/desk/register");
    } catch (error) {
      sent = false;
      if (error.message === "signed out") said.textContent = "登录已过期，还没有登记：请在另一个窗口登录，再回来按一次；填写的内容还在。";
      else if (error.message === "somebody else") said.textContent = "现在登录的是另一个人，还没有登记：请刷新页面。";
      else said.textContent = "网络中断，还没有登记；填写的内容还在，恢复后请再按一次，不会登记两件。";
      return;
    }
    ready = true;
    form.requestSubmit(button);
    // 按“后退”回来时可以再提交：服务器认得是同一件。
    window.addEventListener("pageshow", () => { ready = sent = false; said.textContent = ""; }, { once: true });
  });
}

const progress = document.querySelector("#progress[data-waiting]");
async function look() {
  try {
    const answer = await fetch(`/api/v1/appeals/${progress.dataset.appeal}`);
    if (answer.status === 401) {
      said.textContent = "登录已过期：请登录后在“工单”里看。";
      return;
    }
    if (answer.ok && (await answer.json()).state.code !== "waiting") {
      // 成单了就转到工单，没有成功的说明原因。
      location.reload();
      return;
    }
  } catch {
    // 断网时上方已有提示，恢复后接着看。
  }
  setTimeout(look, 1500);
}
if (progress) setTimeout(look, 800);
document.querySelector(".faults")?.focus();
