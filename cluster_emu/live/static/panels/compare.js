// Two strategies on the same seed, in step: what is compared, and the figures of both so far.
import { element, time } from "../format.js";
import { table } from "./lib/drawing.js";

export const title = "Side by side";
export const order = 50;
export const kinds = ["model"];

const SETTINGS = [["b_strategy", "strategy", "Strategy"], ["b_stop", "stop", "Stop rule"], ["b_policy", "policy", "Policy"]];

export function mount(root, live) {
  const answers = [null, null];
  let ends = [];
  const form = element("form", { class: "compare-form" });
  const message = element("p", { class: "panel-note", role: "status" });
  const body = element("div", { "aria-live": "off" });
  root.append(element("p", { class: "panel-words" }, "The same cluster on the same seed a second time, beside the first and in step with it. Starting or ending the comparison starts both runs anew."), form, message, body);

  const control = (name) => (live.config.controls || []).find((one) => one.name === name);
  function buildForm() {
    const settings = live.state.settings || {};
    const fields = SETTINGS.map(([key, name, label]) => {
      const known = control(name);
      const options = known && known.options ? known.options : [];
      const given = settings[key] || "";
      const all = given && !options.includes(given) ? [given, ...options] : options;
      const select = element("select", { id: `compare-${key}`, name: key }, element("option", { value: "" }, "as on the left"), ...all.map((value) => element("option", { value }, value)));
      select.value = given;
      return element("div", { class: "row" }, element("label", { for: `compare-${key}` }, `${label} on the right`), select);
    });
    const running = SETTINGS.some(([key]) => settings[key]);
    form.replaceChildren(...fields, element("div", { class: "buttons" },
      element("button", { type: "submit", class: "primary", id: "compare-start" }, running ? "Restart both" : "Compare"),
      ...(running ? [element("button", { type: "button", id: "compare-end", on: { click: () => restart({}) } }, "End the comparison")] : [])));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
    if (!Object.keys(chosen).length) { message.textContent = "Choose what differs on the right."; return; }
    restart(chosen);
  });
  async function restart(chosen) {
    const settings = { ...live.state.settings };
    for (const [key] of SETTINGS) delete settings[key];
    message.textContent = "";
    try {
      await live.ask("restart", { settings: { ...settings, ...chosen } });
    } catch (error) {
      message.textContent = error.message;
    }
  }

  function watch() {
    for (const end of ends) end();
    answers.fill(null);
    ends = live.lanes.map((_, lane) => live.watch("compare", {}, (answer) => { answers[lane] = answer; show(); }, lane));
    body.replaceChildren();
  }
  function show() {
    const [left, right] = answers;
    if (!left || (live.lanes.length > 1 && !right)) return;
    const columns = ["figure", name(left, 0), ...(right ? [name(right, 1), "right less left"] : [])];
    const rows = left.figures.map((figure, at) => {
      const unit = figure.unit ? ` (${figure.unit})` : "";
      const cells = [`${figure.label}${unit}`, { text: shown(figure.value), class: "number" }];
      if (right) {
        const other = right.figures[at].value, missing = figure.value === null || other === null;
        const difference = missing ? null : other - figure.value;
        const share = missing || !figure.value || difference === 0 ? "" : ` (${difference >= 0 ? "+" : "−"}${Math.abs((100 * difference) / figure.value).toFixed(1)} %)`;
        const better = missing || !figure.better || difference === 0 ? "" : (difference < 0) === (figure.better === "lower") ? "better" : "worse";
        cells.push({ text: shown(other), class: "number" }, { text: missing ? "-" : `${signed(difference)}${share}${better ? `, ${better}` : ""}`, class: `number ${better}` });
      }
      return { "data-figure": figure.name, cells };
    });
    const when = right && Math.abs(left.time_s - right.time_s) > 1e-9 ? `left at ${time(left.time_s)}, right at ${time(right.time_s)}: one run is over` : `both at ${time(left.time_s)}`;
    body.replaceChildren(table(right ? `Figures so far, ${when}` : `Figures so far, at ${time(left.time_s)}`, columns, rows, { class: "compare-table", "data-left": left.time_s, "data-right": right ? right.time_s : "" }));
  }
  const name = (answer, lane) => {
    const topology = live.lanes[lane] && live.lanes[lane].topology;
    const rule = topology ? topology.policy || topology.stop : "";
    return `${lane ? "right" : "left"}: ${answer.strategy}${rule ? `, ${rule}` : ""}`;
  };
  const shown = (value) => (value === null ? "-" : Number.isInteger(value) ? value.toLocaleString("en") : value.toLocaleString("en", { maximumSignificantDigits: 5 }));

  const signed = (value) => (value === 0 ? "0" : `${value > 0 ? "+" : "−"}${shown(Math.abs(value))}`);

  const topology = ({ detail }) => { if (detail.lane === detail.lanes - 1) watch(); };
  live.addEventListener("topology", topology);
  live.addEventListener("state", buildForm);
  buildForm();
  if (live.lanes.length) watch();
  return () => {
    for (const end of ends) end();
    live.removeEventListener("topology", topology);
    live.removeEventListener("state", buildForm);
  };
}
