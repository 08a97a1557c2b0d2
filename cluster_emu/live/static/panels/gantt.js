// The migrations as lanes: waiting, preparing, live rounds, downtime, post-copy, finishing.
import { element, time } from "../format.js";
import { SPANS } from "../palette.js";
import { canvas, legend, onTheme, shade, table, timeAxis, variable } from "./lib/drawing.js";

export const title = "Gantt";
export const order = 20;

const DOWNTIME = 4, LANE = 18, LEFT = 132, RIGHT = 150, TOP = 6, AXIS = 22, LEAST_PX = 2;

export function mount(root, live) {
  let data = null;
  const words = element("p", { class: "panel-words", role: "status" });
  const key = element("div");
  const chart = canvas("Migrations over time, one lane each; the table below has the same", 120, (context, width, height) => draw(context, width, height, data));
  chart.node.tabIndex = 0;
  chart.node.setAttribute("aria-describedby", "gantt-words");
  words.id = "gantt-words";
  const tip = element("p", { class: "panel-tip", "aria-hidden": "true" });
  const rows = element("details", {}, element("summary", {}, "As a table"));
  root.append(words, key, chart.node, tip, rows);
  const showKey = () => key.replaceChildren(legend(SPANS.map(([name, ...pair]) => [name, shade(pair)])));
  showKey();
  chart.node.addEventListener("pointermove", (event) => {
    const lane = laneAt(event, chart.node, data);
    tip.textContent = lane ? inWords(lane) : " ";
    chart.node.style.cursor = lane ? "pointer" : "default";
  });
  chart.node.addEventListener("click", (event) => {
    const lane = laneAt(event, chart.node, data);
    if (lane) live.select("migration", lane.migration);
  });
  const end = live.watch("gantt", {}, (answer, error) => {
    if (!answer) { words.textContent = error; return; }
    data = answer;
    words.textContent = answer.in_words;
    const tall = Math.max(answer.lanes.length, 1) * LANE + TOP + AXIS + 4;
    chart.node.style.height = `${tall}px`;
    chart.redraw();
    if (rows.open) showTable();
  });
  const showTable = () => {
    if (!data) return;
    rows.querySelector("table")?.remove();
    rows.append(table("Seconds that each migration spent so far", ["migration", "VM", "state", "waiting", "preparing", "live rounds", "downtime", "post-copy", "finishing"],
      data.lanes.map((lane) => [String(lane.migration), lane.label, lane.state,
        ...["waiting", "preparing", "live rounds", "downtime", "post-copy", "finishing"].map((kind) => (kind in lane.seconds ? lane.seconds[kind].toFixed(3) : "-"))])));
  };
  rows.addEventListener("toggle", showTable);
  const themed = onTheme(live, () => { showKey(); chart.redraw(); });
  return () => { end(); themed(); };
}

function draw(context, width, height, data) {
  const colours = SPANS.map(([, ...pair]) => shade(pair));
  if (!data || !data.lanes.length) {
    context.fillStyle = variable("--soft");
    context.textBaseline = "middle";
    context.fillText("No migration has been asked for yet.", 8, height / 2);
    return;
  }
  const left = Math.min(LEFT, width * 0.3), right = width - (width > 700 ? RIGHT : 12), bottom = height - AXIS;
  const span = Math.max(data.end_s - data.begin_s, 1e-9);
  const place = timeAxis(context, { left, right, top: TOP, bottom, begin: data.begin_s, end: data.begin_s + span });
  context.textBaseline = "middle";
  data.lanes.forEach((lane, at) => {
    const y = TOP + at * LANE, middle = y + LANE / 2;
    context.fillStyle = variable("--text");
    context.textAlign = "right";
    context.fillText(fitted(context, lane.label, left - 12), left - 8, middle);
    for (const [kind, begin, end] of lane.spans) {
      const x = place(begin), wide = place(end) - x, thin = kind === 0;
      // the downtime is what matters most and is often too short to be seen
      const least = kind === DOWNTIME ? LEAST_PX : 0;
      context.fillStyle = colours[kind];
      context.fillRect(x, middle - (thin ? 2.5 : 6.5), Math.max(wide, least), thin ? 5 : 13);
    }
    if (width > 700) {
      context.fillStyle = variable("--soft");
      context.textAlign = "left";
      const end = lane.spans.length ? place(lane.spans[lane.spans.length - 1][2]) : left;
      const down = lane.seconds.downtime;
      const note = lane.state === "completed" && down !== undefined ? `down ${(1000 * down).toFixed(down < 0.01 ? 1 : 0)} ms` : lane.state;
      context.fillText(note, Math.min(end + 6, right + 6), middle);
    }
  });
  context.strokeStyle = variable("--text");
  context.setLineDash([3, 3]);
  context.beginPath();
  const now = Math.round(place(data.now_s)) + 0.5;
  context.moveTo(now, TOP - 4);
  context.lineTo(now, bottom);
  context.stroke();
  context.setLineDash([]);
}

function fitted(context, text, wide) {
  if (context.measureText(text).width <= wide) return text;
  let shown = text;
  while (shown.length > 1 && context.measureText(`${shown}…`).width > wide) shown = shown.slice(0, -1);
  return `${shown}…`;
}

function laneAt(event, node, data) {
  if (!data) return null;
  const at = Math.floor((event.clientY - node.getBoundingClientRect().top - TOP) / LANE);
  return data.lanes[at] || null;
}

function inWords(lane) {
  const parts = Object.entries(lane.seconds).map(([kind, seconds]) => `${kind} ${seconds < 1 ? `${(1000 * seconds).toFixed(1)} ms` : time(seconds)}`);
  return `Migration ${lane.migration}, ${lane.label}, ${lane.state}: ${parts.join(", ")}`;
}
