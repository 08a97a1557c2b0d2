// The load of the busiest links over time, one strip each.
import { element } from "../format.js";
import { canvas, colour, onTheme, table, timeAxis, variable } from "./lib/drawing.js";

export const title = "Link load";
export const order = 30;

const STRIP = 46, LEFT = 210, AXIS = 24;

export function mount(root, live) {
  let data = null, link = live.kept.get("link") ?? -1, end = null;
  const words = element("p", { class: "panel-words", role: "status", id: "links-words" });
  const chart = canvas("Load of the busiest links over time; the table below has the means", STRIP * 8 + AXIS, (context, width, height) => draw(context, width, height, data));
  chart.node.setAttribute("aria-describedby", "links-words");
  const note = element("p", { class: "panel-note" });
  const rows = element("details", {}, element("summary", {}, "As a table"));
  root.append(words, chart.node, note, rows);
  chart.node.addEventListener("click", (event) => {
    const at = Math.floor((event.clientY - chart.node.getBoundingClientRect().top) / STRIP);
    if (data && data.links[at]) live.select("link", data.links[at].link);
  });
  const showTable = () => {
    if (!data || !rows.open) return;
    rows.querySelector("table")?.remove();
    rows.append(table("Load in per cent of what a link can carry", ["link", "mean so far", "highest", "now"], data.links.map((line) => [line.label, line.mean.toFixed(1), Math.max(0, ...line.values).toFixed(1), (line.values[line.values.length - 1] || 0).toFixed(1)])));
  };
  rows.addEventListener("toggle", showTable);
  const show = (answer, error) => {
    if (!answer) { words.textContent = error; return; }
    data = answer;
    words.textContent = answer.in_words;
    note.textContent = `${data.left_out ? `${data.left_out} links with less load are not shown. ` : ""}${data.of} Select a link in the picture to have it here, too.`;
    chart.node.style.height = `${Math.max(data.links.length, 1) * STRIP + AXIS}px`;
    chart.redraw();
    showTable();
  };
  const watch = () => { if (end) end(); end = live.watch("links", { link }, show); };
  const pick = (number) => { link = number; live.keep("link", link); watch(); };
  const select = ({ detail }) => { if (detail.kind === "link" && !(detail.restored && link >= 0)) pick(detail.number); };
  live.addEventListener("select", select);
  const themed = onTheme(live, chart.redraw);
  if (live.selected && live.selected.kind === "link") pick(live.selected.number);
  else watch();
  return () => { end(); themed(); live.removeEventListener("select", select); };
}

function draw(context, width, height, data) {
  if (!data) return;
  if (!data.links.length) {
    context.fillStyle = variable("--soft");
    context.textBaseline = "middle";
    context.fillText("No link has carried anything yet.", 8, height / 2);
    return;
  }
  const left = Math.min(LEFT, width * 0.35), right = width - 70, end = Math.max(data.now_s, 1e-9);
  data.links.forEach((line, at) => {
    const top = at * STRIP + 6, bottom = (at + 1) * STRIP - 4;
    const place = timeAxis(context, { left, right, top, bottom, begin: 0, end, label: at === data.links.length - 1 });
    const y = (value) => bottom - (Math.min(value, 100) / 100) * (bottom - top);
    context.fillStyle = variable("--text");
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(line.label, left - 8, (top + bottom) / 2);
    context.textAlign = "left";
    const now = line.values[line.values.length - 1] || 0;
    context.fillText(`${now.toFixed(0)} %`, right + 8, (top + bottom) / 2);
    context.strokeStyle = variable("--line");
    context.strokeRect(left + 0.5, top + 0.5, right - left, bottom - top);
    context.fillStyle = now > 95 ? colour("vermillion") : colour("blue");
    line.values.forEach((value, index) => {
      const from = place(data.time_s[index]), to = place(index + 1 < data.time_s.length ? data.time_s[index + 1] : end);
      context.fillStyle = value > 95 ? colour("vermillion") : colour("blue");
      context.fillRect(Math.round(from), y(value), Math.max(Math.round(to) - Math.round(from), 1), bottom - y(value));
    });
  });
}
