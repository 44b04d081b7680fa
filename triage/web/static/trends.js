// 态势: draws the charts over their tables. Without this script, or when it fails, the tables are all there.
const root = document.querySelector("[data-charts]");
const state = document.querySelector("[data-state]");
const drawn = [];

async function json(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function say(words) {
  state.textContent = words;
}

// The map: outlines under the name the option uses; streets get their centres, and a size by their count.
async function mapped(option) {
  const ground = await json(`/desk/trends/map.json?area=${encodeURIComponent(option.jiesuMap)}`);
  window.echarts.registerMap("jiesu", ground.map);
  const streets = option.series[1];
  const most = Math.max(1, ...streets.data.map((street) => street.value));
  streets.data = streets.data
    .filter((street) => ground.centres[street.code])
    .map((street) => ({
      name: street.name,
      link: street.link,
      value: [...ground.centres[street.code], street.value],
      symbolSize: 4 + 18 * Math.sqrt(street.value / most),
    }));
  streets.encode = { value: 2 };
  delete option.jiesuMap;
  return option;
}

function draw(place, chart) {
  place.hidden = false;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const made = window.echarts.init(place, null, { renderer: "canvas" });
  made.setOption({ ...chart.option, animation: !still });
  made.on("click", (event) => {
    const link = event.data?.link ?? chart.links?.[event.dataIndex];
    if (link) location.assign(link);
  });
  drawn.push(made);
  // The table stays, folded: one press or Enter away.
  place.closest(".chart").querySelector("[data-table]").open = false;
}

async function start() {
  if (!root) return;
  say("图表载入中…数字表可先看。");
  let charts;
  try {
    charts = await json(root.dataset.charts);
  } catch {
    say("图表没有载入，数字以下面的表为准；可刷新再试。");
    return;
  }
  let failed = 0;
  for (const place of document.querySelectorAll("[data-chart]")) {
    const chart = charts[place.dataset.chart];
    if (!chart) continue;
    try {
      if (chart.option.jiesuMap) chart.option = await mapped(chart.option);
      draw(place, chart);
    } catch {
      place.hidden = true;
      failed += 1;
    }
  }
  say(failed ? `${failed} 幅图没有画出，请看数字表。` : "");
  root.dataset.drawn = String(drawn.length);
}

addEventListener("resize", () => {
  for (const chart of drawn) chart.resize();
});
start();
