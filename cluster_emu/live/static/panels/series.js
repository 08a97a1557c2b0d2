// Hosts that are on, power, utilisation and migrations under way over time.
import { element } from "../format.js";
import { axisNumber, canvas, colour, onTheme, table, ticks, timeAxis, variable } from "./lib/drawing.js";

export const title = "Hosts and power";
export const order = 40;

const STRIP = 92, LEFT = 64, AXIS = 22;

export function mount(root, live) {
  let data = null;
  const words = element("p", { class: "panel-words", role: "status", id: "series-words" });
  const chart = canvas("Hosts on, power, utilisation and migrations over time; the sentence above and the table below have the same", STRIP * 4 + AXIS, (context, width, height) => draw(context, width, height, data));
  chart.node.setAttribute("aria-describedby", "series-words");
  const rows = element("details", {}, element("summary", {}, "As a table"));
  root.append(words, chart.node, rows);
  const showTable = () => {
    if (!data || !rows.open) return;
    rows.querySelector("table")?.remove();
    const times = data.lines[0].time_s, every = Math.max(1, Math.ceil(times.length / 40));
    const chosen = times.filter((_, at) => at % every === 0 || at === times.length - 1);
    const at = (line, time) => line.values[line.time_s.findLastIndex((each) => each <= time)];
    rows.append(table("Values at some instants", ["time (s)", ...data.lines.map((line) => line.name + (line.unit ? ` (${line.unit})` : ""))],
      chosen.map((time) => [time.toFixed(1), ...data.lines.map((line) => (at(line, time) ?? 0).toLocaleString("en", { maximumFractionDigits: 1 }))])));
  };
  rows.addEventListener("toggle", showTable);
  const end = live.watch("series", {}, (answer, error) => {
    if (!answer) { words.textContent = error; return; }
    data = answer;
    words.textContent = answer.in_words;
    chart.redraw();
    showTable();
  });
  const themed = onTheme(live, chart.redraw);
  return () => { end(); themed(); };
}

function draw(context, width, height, data) {
  if (!data) return;
  const right = width - 14, begin = 0, end = Math.max(data.now_s, 1e-9);
  data.lines.forEach((line, at) => {
    const top = at * STRIP + 20, bottom = (at + 1) * STRIP - 4, last = at === data.lines.length - 1;
    const place = timeAxis(context, { left: LEFT, right, top, bottom, begin, end, label: last });
    const most = (Math.max(...line.values) || 1) * 1.1;
    const y = (value) => bottom - (value / most) * (bottom - top);
    const marks = ticks(0, most, 4), step = marks.length > 1 ? marks[1] - marks[0] : 1;
    context.fillStyle = variable("--soft");
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const mark of marks) context.fillText(axisNumber(mark, step), LEFT - 6, y(mark));
    context.textAlign = "left";
    context.fillStyle = variable("--text");
    if (!line.values.length) return;
    const now = line.values[line.values.length - 1];
    context.fillText(`${line.name}${line.unit ? ` (${line.unit})` : ""}: ${now.toLocaleString("en", { maximumSignificantDigits: 4 })}`, LEFT, at * STRIP + 9);
    steps(context, line.time_s, line.values, place, y, end, colour(line.colour), bottom);
  });
}

function steps(context, times, values, place, y, end, shade, bottom) {
  context.strokeStyle = shade;
  context.fillStyle = shade;
  context.lineWidth = 1.8;
  context.beginPath();
  values.forEach((value, at) => {
    const from = place(times[at]), to = place(at + 1 < times.length ? times[at + 1] : end);
    if (at === 0) context.moveTo(from, y(value)); else context.lineTo(from, y(value));
    context.lineTo(to, y(value));
  });
  context.stroke();
  context.lineTo(place(end), bottom);
  context.lineTo(place(times[0]), bottom);
  context.globalAlpha = 0.14;
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 1;
}
