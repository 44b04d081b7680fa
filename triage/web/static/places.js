// The small map of 更正地点: borders of districts, centres of streets, the candidates by number; a click asks
// the server what lies there. Without this file the list of candidates and streets works by itself.

const SVG = "http://www.w3.org/2000/svg";
const EAST = Math.cos((40 * Math.PI) / 180) * 1000;
const SMALLEST = 4; // of the view, in thousandths of a degree of latitude
const DRAG = 6; // pixels that make a press a drag
const NAMED = 45; // streets in view at most to be named

const form = document.querySelector("[data-pick]");
const map = form?.querySelector("[data-map]");
const svg = map?.querySelector("svg");
const x = (lon) => (lon - 116.4) * EAST;
const y = (lat) => (40 - lat) * 1000;

let streets = [];
let districts = [];
let whole = null;
let box = null; // left, top, width, height of the view
let clicked = null; // lon, lat

function make(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

const radios = () => [...form.querySelectorAll("input[data-lon]")];

function outline(coordinates) {
  const ring = (points) => "M" + points.map(([lon, lat]) => `${x(lon).toFixed(2)} ${y(lat).toFixed(2)}`).join("L") + "Z";
  return coordinates.flatMap((rings) => rings.map(ring)).join("");
}

function fit(points, least) {
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const width = Math.max(least, (Math.max(...xs) - Math.min(...xs)) * 1.3);
  const height = Math.max(least, (Math.max(...ys) - Math.min(...ys)) * 1.3);
  return [(Math.max(...xs) + Math.min(...xs) - width) / 2, (Math.max(...ys) + Math.min(...ys) - height) / 2, width, height];
}

// The size of one pixel in the view: marks keep their size on the screen.
function pixel() {
  const { width, height } = svg.getBoundingClientRect();
  return Math.max(box[2] / width, box[3] / height);
}

function draw() {
  svg.setAttribute("viewBox", box.join(" "));
  svg.querySelectorAll(".mark").forEach((old) => old.remove());
  const unit = pixel();
  const put = (element) => svg.append(element);
  const { width, height } = svg.getBoundingClientRect();
  const half = [(width * unit) / 2, (height * unit) / 2];
  const centre = [box[0] + box[2] / 2, box[1] + box[3] / 2];
  const seen = ([px, py]) => Math.abs(px - centre[0]) < half[0] && Math.abs(py - centre[1]) < half[1];
  const near = streets.filter((street) => seen(street.at));
  if (near.length <= NAMED)
    for (const street of near) {
      put(make("circle", { class: "mark street", cx: street.at[0], cy: street.at[1], r: 2.5 * unit }));
      put(make("text", { class: "mark name", x: street.at[0], y: street.at[1] - 5 * unit, "font-size": 11 * unit }, street.name));
    }
  else
    for (const district of districts)
      put(make("text", { class: "mark name", x: district.at[0], y: district.at[1], "font-size": 11 * unit }, district.name));
  radios().forEach((radio) => {
    if (radio.value.startsWith("map-")) return;
    const [px, py] = [x(+radio.dataset.lon), y(+radio.dataset.lat)];
    const mark = make("circle", { class: `mark option${radio.checked ? " chosen" : ""}`, cx: px, cy: py, r: 9 * unit });
    mark.dataset.value = radio.value;
    put(mark);
    const number = radio.parentElement.querySelector("b").textContent;
    put(make("text", { class: "mark number", x: px, y: py, "font-size": 12 * unit }, number));
  });
  if (clicked) put(make("circle", { class: "mark clicked", cx: x(clicked[0]), cy: y(clicked[1]), r: 6 * unit }));
}

function zoom(factor) {
  const size = [box[2] * factor, box[3] * factor];
  if (factor < 1 && Math.min(...size) < SMALLEST) return;
  if (factor > 1 && size[0] > whole[2] && size[1] > whole[3]) box = [...whole];
  else box = [box[0] + (box[2] - size[0]) / 2, box[1] + (box[3] - size[1]) / 2, ...size];
  draw();
}

function choice(place, note, checked) {
  const label = document.createElement("label");
  const radio = document.createElement("input");
  Object.assign(radio, { type: "radio", name: "place", required: true, value: `map-${place.code}`, checked });
  const words = document.createElement("span");
  const small = document.createElement("small");
  small.className = "muted";
  small.textContent = note;
  words.append(`${place.name} `, small);
  label.append(radio, words);
  return label;
}

async function ask(lon, lat) {
  const list = form.querySelector("[data-clicked]");
  clicked = [lon, lat];
  draw();
  const response = await fetch(`${map.dataset.at}?lon=${lon}&lat=${lat}`);
  if (!response.ok) {
    list.textContent = "没能查到这一点，请再点一次，或从列表选。";
    return;
  }
  const found = await response.json();
  if (!found.district) {
    list.textContent = "这一点不在北京的任何一个区里。";
    return;
  }
  const lines = found.streets.map((street, at) =>
    choice({ code: street.code, name: `${found.district.name}${street.name}` }, `地图点选，距街道中心约 ${street.metres} 米`, at === 0 && !found.community));
  if (found.community)
    lines.unshift(choice({ code: found.community.code, name: found.community.name }, `地图点选，约 ${found.community.metres} 米`, true));
  lines.push(choice(found.district, "地图点选，街道不明", lines.length === 0));
  list.replaceChildren(...lines);
  form.elements.namedItem("lon").value = lon;
  form.elements.namedItem("lat").value = lat;
  draw();
}

function place(event) {
  const unit = pixel();
  const { left, top, width, height } = svg.getBoundingClientRect();
  return [
    box[0] + box[2] / 2 + (event.clientX - left - width / 2) * unit,
    box[1] + box[3] / 2 + (event.clientY - top - height / 2) * unit,
  ];
}

function listen() {
  let from = null;
  svg.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, y: event.clientY, box: [...box], moved: false, mark: event.target.dataset?.value };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!from.moved && Math.hypot(dx, dy) < DRAG) return;
    from.moved = true;
    const unit = pixel();
    box = [from.box[0] - dx * unit, from.box[1] - dy * unit, from.box[2], from.box[3]];
    draw();
  });
  svg.addEventListener("pointerup", (event) => {
    const press = from;
    from = null;
    if (!press || press.moved) return;
    const radio = radios().find((one) => one.value === press.mark);
    if (radio) {
      radio.checked = true;
      draw();
      return;
    }
    const [px, py] = place(event);
    ask(+(116.4 + px / EAST).toFixed(6), +(40 - py / 1000).toFixed(6));
  });
  svg.addEventListener("pointercancel", () => (from = null));
  map.addEventListener("click", (event) => {
    const wanted = event.target.closest("[data-zoom]")?.dataset.zoom;
    if (wanted === "all") box = [...whole];
    else if (wanted) return zoom(+wanted);
    if (wanted) draw();
  });
  form.addEventListener("change", draw);
}

async function open() {
  const response = await fetch(map.dataset.map);
  if (!response.ok) return; // the list is there
  const { features } = await response.json();
  map.hidden = false;
  for (const { properties, geometry } of features) {
    if (geometry.type === "Point") {
      streets.push({ ...properties, at: [x(geometry.coordinates[0]), y(geometry.coordinates[1])] });
      continue;
    }
    svg.append(make("path", { class: "border", d: outline(geometry.coordinates) }));
    const points = geometry.coordinates.flat(2).map(([lon, lat]) => [x(lon), y(lat)]);
    const [left, top, width, height] = fit(points, 0);
    districts.push({ ...properties, at: [left + width / 2, top + height / 2], points });
  }
  whole = fit(districts.flatMap((district) => district.points), 0);
  const known = radios().map((radio) => [x(+radio.dataset.lon), y(+radio.dataset.lat)]);
  box = known.length ? fit(known, 60) : [...whole];
  listen();
  draw();
}

const panel = form?.closest("details");
panel?.addEventListener("toggle", () => panel.open && !whole && open(), { once: true });
