// The sidebar: search, details of what is selected with what can be done to it, and events.
import { element, time } from "./format.js";

const by = (id) => document.getElementById(id);
const REFRESH_MS = 400;
const MOST_EVENTS = 200;

export function setUpDetails(stage) {
  const { live } = stage;
  const box = by("details");
  let asked = 0, refreshing = false, shownFor = "";

  function link({ kind, number, text }) {
    return element("button", { type: "button", class: "link", on: { click: () => live.select(kind, number, live.selected ? live.selected.lane : 0) } }, text);
  }

  function cell(value) { return value !== null && typeof value === "object" ? link(value) : String(value ?? "-"); }

  function table({ title, columns, rows }) {
    if (!rows.length) return null;
    return element("div", { class: "table" }, element("table", {}, element("caption", {}, title),
      element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((value) => element("td", {}, cell(value))))))));
  }

  /** A line over time, as a picture with words. */
  function sparkline({ label, unit, time_s: times, value: values }) {
    if (values.length < 2) return null;
    const width = 300, height = 54, space = "http://www.w3.org/2000/svg";
    const most = Math.max(...values, unit === "%" ? 100 : 1e-9), first = times[0], span = Math.max(times[times.length - 1] - first, 1e-9);
    const make = (tag, attributes) => {
      const node = document.createElementNS(space, tag);
      for (const [name, each] of Object.entries(attributes)) node.setAttribute(name, each);
      return node;
    };
    const points = values.map((value, at) => `${(((times[at] - first) / span) * width).toFixed(1)},${(height - 2 - (value / most) * (height - 6)).toFixed(1)}`);
    const now = values[values.length - 1].toPrecision(3).replace(/\.0+$/, "");
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, class: "spark", role: "img", "aria-label": `${label} from ${time(first)} to ${time(times[times.length - 1])}, now ${now} ${unit}`, preserveAspectRatio: "none" });
    svg.append(make("polyline", { points: points.join(" "), fill: "none", "vector-effect": "non-scaling-stroke" }));
    return element("figure", {}, element("figcaption", {}, `${label}: ${now} ${unit} now, the axis ends at ${most.toPrecision(3).replace(/\.0+$/, "")} ${unit}`), svg);
  }

  function actionForm(details) {
    if (!details.actions.length || !live.lanes[0].topology.can_act) return null;
    return element("div", { class: "actions" }, ...details.actions.map((action) => element("button", {
      type: "button", class: action.do === "crash" ? "danger" : "", "data-do": action.do,
      on: { click: () => begin(action, details) },
    }, action.label)));
  }

  function begin(action, details) {
    const { kind, number } = details;
    if (action.do === "migrate") { chooseTarget(number); return; }
    const values = { do: action.do, [kind]: number };
    if (action.factor !== undefined) values.factor = action.factor;
    act(values);
  }

  function act(action) {
    return live.ask("act", { action }).then((said) => { stage.say(said, "good"); refresh(true); }, (error) => stage.say(error.message, "bad", 10000));
  }
  stage.act = act;

  /** Ask where a VM is to go: the next host that is clicked, or the best one. */
  function chooseTarget(vm) {
    const input = element("input", { id: "target", type: "text", placeholder: "number of a host, or empty for the best", inputmode: "numeric", autocomplete: "off" });
    const form = element("form", { class: "choose" }, element("label", { for: "target" }, "To which host?"), input,
      element("div", { class: "buttons" }, element("button", { type: "submit", class: "primary" }, "Migrate"), element("button", { type: "button", on: { click: () => form.remove() } }, "Not now")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const text = input.value.trim();
      let target = null;
      if (text) {
        const found = (await live.ask("search", { text: /^\d+$/.test(text) ? `host ${text}` : text })).filter((one) => one.kind === "host");
        if (!found.length) { stage.say(`There is no host ${text}.`, "bad"); return; }
        target = found[0].number;
      }
      form.remove();
      act({ do: "migrate", vm, target });
    });
    box.querySelector(".actions").after(form);
    input.focus();
  }

  function show(details) {
    const before = shownFor;
    shownFor = `${details.kind}:${details.number}:${live.selected.lane}`;
    const wasOpen = box.querySelector(".vms[open]") !== null;
    const choosing = box.querySelector(".choose");
    if (before === shownFor && choosing && choosing.contains(document.activeElement)) return;   // somebody types
    const focused = box.contains(document.activeElement) && document.activeElement.tagName === "BUTTON" ? document.activeElement.textContent : null;
    const many = details.links.length > 8;
    const links = details.links.length ? (many
      ? element("details", { class: "vms", open: wasOpen }, element("summary", {}, `${details.links.length} related`), element("p", { class: "links" }, ...details.links.map(link)))
      : element("p", { class: "links" }, ...details.links.map(link))) : null;
    box.replaceChildren(...[
      element("h2", {}, details.title, element("button", { type: "button", class: "quiet close", "aria-label": "Select nothing", on: { click: () => live.select(null) } }, "×")),
      element("dl", { class: "facts" }, ...details.facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
      actionForm(details), links, ...details.history.map(sparkline), ...details.tables.map(table),
    ].filter(Boolean));
    if (focused) { const again = [...box.querySelectorAll("button")].find((button) => button.textContent === focused); if (again) again.focus(); }
  }

  function nothing() {
    shownFor = "";
    box.replaceChildren(element("h2", {}, "Nothing selected"), element("p", { class: "hint" }, "Click a host, VM, link or migration in the picture, or find it by its name or number."));
  }

  async function refresh(now = false) {
    const chosen = live.selected;
    if (!chosen) { nothing(); return; }
    if (refreshing || (!now && performance.now() - asked < REFRESH_MS)) return;
    refreshing = true;
    asked = performance.now();
    try {
      const details = await (now ? live.askFirst("details", chosen) : live.ask("details", chosen));
      if (live.selected && live.selected.kind === chosen.kind && live.selected.number === chosen.number) show(details);
    } catch (error) {
      stage.say(error.message, "bad");
      if (!shownFor) nothing();
    } finally { refreshing = false; }
  }
  live.addEventListener("select", ({ detail }) => { if (detail.kind) { refreshing = false; refresh(true); } else nothing(); });
  live.addEventListener("frame", () => { if (live.selected) refresh(); });
  nothing();

  // --- search ---------------------------------------------------------------------------------------

  const search = by("search"), found = by("found");
  let typed = 0;
  async function find() {
    const text = search.value.trim(), mine = ++typed;
    if (!text) { found.hidden = true; return; }
    let all = [];
    try { all = await live.ask("search", { text }); } catch (error) { stage.say(error.message, "bad"); }
    if (mine !== typed) return;
    found.replaceChildren(...(all.length ? all.map((one) => element("li", {}, element("button", { type: "button", class: "link", on: { click: () => choose(one) } }, one.text))) : [element("li", {}, "nothing found")]));
    found.hidden = false;
  }
  function choose(one) {
    found.hidden = true;
    search.value = "";
    if (one.kind !== "node") live.select(one.kind, one.number);
  }
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { found.hidden = true; search.blur(); }
    if (event.key === "ArrowDown") { const first = found.querySelector("button"); if (first) { event.preventDefault(); first.focus(); } }
  });
  by("search-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    await find();
    const first = found.querySelector("button");
    if (first) first.click();
  });

  // --- events ---------------------------------------------------------------------------------------

  const events = by("events");
  live.addEventListener("frame", ({ detail: { lane, header } }) => {
    if (!header.events || !header.events.length) return;
    const many = live.lanes.length > 1 ? (lane ? "right: " : "left: ") : "";
    for (const event of header.events) {
      const text = `${many}${event.text}`;
      events.prepend(element("li", { "data-tone": event.tone }, element("span", { class: "when" }, time(event.time_s)),
        event.kind ? link({ kind: event.kind, number: event.number, text }) : text));
    }
    while (events.children.length > MOST_EVENTS) events.lastChild.remove();
  });
}
