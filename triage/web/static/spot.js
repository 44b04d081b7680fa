// 表单里的地图：就地点选，公众的表单和人工登记共用。没有脚本时点一下就提交，由服务器换图、说出位置。
const map = document.querySelector("[data-map]");
if (map) {
  const form = map.form, area = form.querySelector("#area"), told = form.querySelector("[data-spot]");
  const lat = form.querySelector("[data-lat]"), lon = form.querySelector("[data-lon]"), pin = form.querySelector("[data-pin]");
  const shorten = Math.cos(40 * Math.PI / 180);
  const views = new Map();
  const now = () => ({ west: Number(map.dataset.west), south: Number(map.dataset.south), span: Number(map.dataset.span) });
  views.set(map.dataset.area, now());

  function mark() {
    const view = now(), x = (Number(lon.value) - view.west) * shorten / view.span, y = 1 - (Number(lat.value) - view.south) / view.span;
    pin.hidden = !lon.value || x < 0 || x > 1 || y < 0 || y > 1;
    pin.style.left = `${x * 100}%`;
    pin.style.top = `${y * 100}%`;
  }
  function show(code, view) {
    views.set(code, view);
    Object.assign(map.dataset, { area: code, west: view.west, south: view.south, span: view.span });
    map.src = `/citizen/map.svg?area=${code}`;
    area.value = code;
    mark();
  }
  async function ask(spot) {
    const body = new URLSearchParams({ token: form.elements.token.value, lon: spot.lon, lat: spot.lat });
    const answer = await fetch(map.dataset.where, { method: "POST", body });
    if (answer.status === 429) throw new Error("点得太快了，请过一会儿再点。");
    if (answer.status >= 500) throw new Error("系统暂时答不上来，请过一会儿再点，或在下面选区、写地址。");
    return answer.ok ? answer.json() : null;
  }
  map.addEventListener("click", async (event) => {
    if (event.detail === 0) return; // 键盘：照没有脚本的办法提交
    event.preventDefault();
    const box = map.getBoundingClientRect(), view = now(), city = map.dataset.area === "";
    const spot = {
      lon: view.west + (event.clientX - box.left) / box.width * view.span / shorten,
      lat: view.south + (1 - (event.clientY - box.top) / box.height) * view.span,
    };
    let found;
    try {
      found = await ask(spot);
    } catch (fault) {
      // fetch itself gives a TypeError when there is no network.
      told.textContent = fault instanceof TypeError ? "没有网络，请恢复后再点。" : fault.message;
      return;
    }
    if (!found) { told.textContent = "点的位置不在本市范围内，请再点一次。"; return; }
    if (city) {
      show(found.area, found);
      told.textContent = "请在图上点出位置；圆点是街道、乡镇的中心。";
      return;
    }
    lon.value = spot.lon.toFixed(6);
    lat.value = spot.lat.toFixed(6);
    mark();
    told.textContent = `您点的位置：${found.words}。点错了可以再点。`;
  });
  area.addEventListener("change", () => {
    const view = JSON.parse(area.selectedOptions[0].dataset.view ?? "null") ?? views.get(area.value);
    if (view) show(area.value, view);
  });
  mark();
}
