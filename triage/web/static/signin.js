// 单位的名字随输入提示；没有脚本时写全称即可。
const list = document.getElementById("staff-units");
let asked = "";
for (const field of document.querySelectorAll("[data-unit-names]")) {
  field.addEventListener("input", async () => {
    const wanted = field.value.trim().slice(0, 40);
    if (!wanted || wanted === asked) return;
    asked = wanted;
    const answer = await fetch(`/api/v1/units?${new URLSearchParams({ q: wanted })}`);
    if (!answer.ok || asked !== wanted) return;
    const { items } = await answer.json();
    list.replaceChildren(
      ...items.map((unit) => {
        const option = document.createElement("option");
        option.value = unit.name;
        return option;
      }),
    );
  });
}
