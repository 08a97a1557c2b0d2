// One migration page by page: its page map, rounds, pages left, and the truth table at work.
import { element, time } from "../format.js";
import { ROUNDS, SENT, STATES, TINT } from "../palette.js";
import { axisNumber, canvas, colour, legend, onTheme, shade, styled, table, ticks, timeAxis, variable, whole } from "./lib/drawing.js";

export const title = "Microscope";
export const order = 10;

// In the order of PageState.
const NAMES = STATES.map(([name]) => name);
const shades = () => STATES.map(([, ...pair]) => shade(pair));
const MEANING = [
  "the target has the newest version, and the page is not in to_send",
  "in to_send, and not visited in this round yet",
  "sent in this round, and not written since",
  "visited and left out: its row of the table says skip",
  "left to stop-and-copy",
  "the target had the newest version, and the VM has written the page in this round",
];

export function mount(root, live) {
  let data = null, number = null, end = null;
  const choose = element("select", { id: "microscope-choice", "aria-label": "Migration", on: { change: () => pick(Number(choose.value)) } });
  const facts = element("p", { class: "panel-facts" });
  const words = element("p", { class: "panel-words", id: "microscope-words", role: "status" });
  const check = element("p", { class: "panel-check" });
  const map = canvas("Page map: the address space, page 0 top left", 340, (context, width, height) => drawMap(context, width, height, data));
  const counts = element("div"), mapNote = element("p", { class: "panel-note" }), histories = element("div");
  const truth = element("div", { class: "panel-scroll", tabindex: "0", role: "region", "aria-label": "Rows of the truth table" });
  const truthNote = element("p", { class: "panel-note" });
  const rounds = canvas("Rounds as a waterfall; the table below has the same", 190, (context, width, height) => drawRounds(context, width, height, data));
  const left = canvas("Pages left over time", 190, (context, width, height) => drawLeft(context, width, height, data));
  const roundTable = element("details", {}, element("summary", {}, "Rounds as a table"));
  const leftNote = element("p", { class: "panel-note" });
  map.node.setAttribute("aria-describedby", "microscope-words");
  root.append(
    element("div", { class: "panel-head" }, element("label", { class: "field", for: "microscope-choice" }, "Migration "), choose, facts),
    check, words,
    element("div", { class: "microscope" },
      element("section", { "aria-label": "Pages" }, element("h3", {}, "Pages"), map.node, histories, counts, mapNote),
      element("section", { "aria-label": "Truth table" }, element("h3", {}, "Truth table"), truthNote, truth),
      element("section", { "aria-label": "Rounds" }, element("h3", {}, "Rounds"), rounds.node, roundsKey(), roundTable,
        element("h3", {}, "Pages left"), left.node, leftNote)),
  );

  function pick(chosen) {
    number = chosen;
    live.keep("migration", number);
    watch();
  }
  function watch() {
    if (end) end();
    end = live.watch("microscope", number === null ? {} : { number }, show);
  }
  function show(answer, error) {
    if (!answer) { words.textContent = error; return; }
    if (answer.computed_share !== undefined) {
      words.textContent = `The run is computed again up to this instant: ${Math.floor(100 * answer.computed_share)} %`;
      askAgain();
      return;
    }
    data = answer;
    showChoices();
    const none = data.chosen === null || data.vm === undefined;
    root.querySelector(".microscope").hidden = none;
    facts.textContent = none ? "" : `${data.strategy}, ${data.fidelity}, ${data.phase}${data.in_round ? `, round ${data.round}` : ""}`;
    words.textContent = none ? "No migration has been asked for yet." : data.in_words;
    check.textContent = data.check || "";
    check.dataset.tone = data.agrees === false ? "bad" : "good";
    check.hidden = !data.check;
    if (none) return;
    showCounts();
    showTruth();
    showRounds();
    for (const one of [map, rounds, left]) one.redraw();
  }
  let asked = false, closed = false;
  function askAgain() {
    if (asked) return;
    asked = true;
    setTimeout(() => {
      if (closed) return;
      live.query("microscope", number === null ? {} : { number }).then((answer) => { asked = false; show(answer); }, () => { asked = false; });
    }, 30);
  }
  function showChoices() {
    // of many migrations, a few have changed: only those are written
    const { choices } = data;
    while (choose.options.length > choices.length) choose.lastChild.remove();
    choices.forEach(({ number: value, text }, at) => {
      const option = choose.options[at];
      if (!option) choose.append(element("option", { value }, text));
      else if (option.value !== String(value) || option.textContent !== text) Object.assign(option, { value, textContent: text });
    });
    if (data.chosen !== null) choose.value = String(data.chosen);
    choose.disabled = !data.choices.length;
  }
  function showCounts() {
    map.node.hidden = !data.page_map;
    const mixed = data.page_map ? data.page_map.pages_per_cell : 0;
    mapNote.textContent = data.page_map
      ? mixed === 1 ? "One cell a page; page 0 is top left." : `One cell stands for ${mixed.toLocaleString("en")} neighbouring pages and shows the state that most of them are in; a tint shows that some were skipped, deferred or dirtied again.`
      : !data.counts ? "The scalar model keeps bytes alone."
      : data.copying ? "Pages of this VM have no numbers: its memory model keeps how many are in each state." : "No page is on its way.";
    if (!data.counts) {
      counts.replaceChildren(element("p", {}, data.bytes_left === null ? "" : `${(data.bytes_left / 2 ** 20).toFixed(1)} MiB left`));
      histories.replaceChildren();
      return;
    }
    counts.replaceChildren(element("ul", { class: "panel-counts" }, ...NAMES.map((name, at) => element("li", { title: MEANING[at], "data-state": name },
      styled("i", { background: shades()[at] }, { "aria-hidden": "true" }), element("span", {}, name), element("b", {}, whole(data.counts[name]))))));
    histories.replaceChildren(data.histories.length ? historyBars() : "");
  }
  function historyBars() {
    const most = Math.max(...data.histories.map((row) => Object.values(row.counts).reduce((sum, value) => sum + value, 0)), 1);
    const bar = (row) => element("span", { class: "panel-bar", "aria-hidden": "true" }, ...NAMES.map((name, at) =>
      styled("i", { width: `${(100 * row.counts[name]) / most}%`, background: shades()[at] })));
    const made = table(`Pages by history code${data.histories_left_out ? `, ${data.histories_left_out} codes with fewer pages left out` : ""}`, ["history", ...NAMES.slice(1), "shares"],
      data.histories.map((row) => [{ text: row.history || "none", class: "bits", scope: "row" }, ...NAMES.slice(1).map((name) => whole(row.counts[name])), { text: "", class: "bar-cell" }]));
    made.querySelectorAll("tbody tr").forEach((line, at) => line.lastChild.append(bar(data.histories[at])));
    return element("div", { class: "panel-scroll", tabindex: "0", role: "region", "aria-label": "Rows of pages by history code" }, made);
  }
  let truthShown = "";
  function showTruth() {
    const { rows, left_out: out } = data.truth;
    const shown = JSON.stringify([data.truth, data.strategy_source, data.in_round, data.not_in_to_send]);
    if (shown === truthShown) return;
    truthShown = shown;
    truthNote.textContent = `${data.strategy_source}. A history has its oldest dirty bit first; its last two bits are to_send and to_skip. ${
      !data.in_round ? "No live round is under way."
        : rows.some((row) => row.busiest) ? "The marked row has decided most pages of the round so far: pages that are counted have no order."
          : "The marked row has decided the page that the scan has just reached."}`;
    const line = (row) => ({
      class: row.deciding ? "deciding" : row.busiest ? "busiest" : row.pages === 0 ? "unused" : "used",
      "aria-current": row.deciding ? "true" : null,
      "data-history": row.history,
      cells: [
        { text: `${row.deciding ? "▶ " : row.busiest ? "◆ " : ""}${row.history}`, class: "bits", scope: "row" }, row.held ? "held" : row.to_send, row.to_skip,
        { text: row.decision, class: `decision decision-${row.decision}` },
        row.pages === null ? { text: "with above", class: "soft" } : { text: whole(row.pages), class: "number" },
      ],
    });
    const plain = rows.filter((row) => !row.held), held = rows.filter((row) => row.held);
    const made = table(out ? `${out.toLocaleString("en")} rows without pages are left out` : "", ["history", "to_send", "to_skip", "decision", "pages"], plain.map(line));
    const body = made.tBodies[0];
    if (data.not_in_to_send !== null) body.append(element("tr", { class: "soft" }, element("th", { scope: "row", colspan: "4" }, "not in to_send"), element("td", { class: "number" }, whole(data.not_in_to_send))));
    if (held.length) {
      const more = table("", ["history", "to_send", "to_skip", "decision", "pages"], held.map(line)).tBodies[0];
      more.prepend(element("tr", {}, element("th", { scope: "rowgroup", colspan: "5", class: "group" }, "In to_send though clean in the last round: all pages in round 1, later those held back")));
      made.append(more);
    }
    const scrolled = truth.scrollTop;
    truth.replaceChildren(made);
    truth.scrollTop = scrolled;
    const current = truth.querySelector(".deciding, .busiest");
    if (current && (current.offsetTop < truth.scrollTop + 24 || current.offsetTop > truth.scrollTop + truth.clientHeight - 30)) truth.scrollTop = current.offsetTop - truth.clientHeight / 2;
  }
  function roundsKey() {
    const made = element("div");
    const fill = () => made.replaceChildren(legend([["sent", ROUNDS.sent], ["skipped", ROUNDS.skipped], ["deferred", ROUNDS.deferred], ["not visited", ROUNDS.unvisited], ["stopped", SENT["stop-and-copy"]], ["post-copy", SENT["post-copy"]]].map(([name, pair]) => [name, shade(pair)])));
    fill();
    made.refill = fill;
    return made;
  }
  function showRounds() {
    leftNote.textContent = data.stop_pages === null
      ? `Stop rule: ${data.stop_words}. It has no line here.`
      : `Stop rule: ${data.stop_words}. The dashed line is at ${whole(data.stop_pages)} pages.`;
    if (!roundTable.open) return;
    roundTable.querySelector("table")?.remove();
    roundTable.append(table(data.rounds_left_out ? `The last rounds; ${data.rounds_left_out} before them are left out` : "All rounds",
      ["round", "phase", "start", "length", "to send", "sent", "skipped", "deferred", "dirtied"],
      data.rounds.map((row) => [String(row.round), row.phase, time(row.start_s), row.end_s === null ? "under way" : `${(row.end_s - row.start_s).toPrecision(3)} s`,
        whole(row.due), whole(row.sent), whole(row.skipped), whole(row.deferred), whole(row.dirtied)])));
  }
  roundTable.addEventListener("toggle", () => data && showRounds());
  const select = ({ detail }) => { if (detail.kind === "migration" && !(detail.restored && number !== null)) pick(detail.number); };
  live.addEventListener("select", select);
  const themed = onTheme(live, () => {
    root.querySelectorAll(".microscope section > div").forEach((each) => each.refill && each.refill());
    if (data) show(data);
  });
  if (live.selected && live.selected.kind === "migration") pick(live.selected.number);
  else {
    number = live.kept.get("migration") ?? null;
    watch();
  }
  return () => { closed = true; end(); themed(); live.removeEventListener("select", select); };
}

let picture = null, pictured = "";
/** Put the cells of a page map into a picture of one pixel each, unless it has them already. */
function pictureOf({ columns, rows, cells, tints }) {
  const colours = shades(), key = [columns, rows, cells, tints, ...colours].join();
  if (key === pictured) return;
  pictured = key;
  picture = picture || document.createElement("canvas");
  picture.width = columns;
  picture.height = rows;
  const image = new ImageData(columns, rows), bands = colours.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const states = atob(cells), rare = atob(tints);
  for (let at = 0; at < states.length; at += 1) {
    const tint = rare.charCodeAt(at), part = tint ? Math.min(TINT.least + (tint & 31) / TINT.steps, 1) : 0;
    const most = bands[states.charCodeAt(at)], other = bands[tint >> 5];
    for (let band = 0; band < 3; band += 1) image.data[4 * at + band] = Math.round(most[band] + part * (other[band] - most[band]));
    image.data[4 * at + 3] = 255;
  }
  picture.getContext("2d").putImageData(image, 0, 0);
}

function drawMap(context, width, height, data) {
  if (!data || !data.page_map) return;
  const { columns, rows } = data.page_map;
  pictureOf(data.page_map);
  const size = Math.min(width / columns, height / rows), cell = size >= 7 ? Math.floor(size) : size;
  context.imageSmoothingEnabled = size < 1;
  context.drawImage(picture, 0, 0, columns * cell, rows * cell);
  if (cell >= 7) {
    context.strokeStyle = variable("--card");
    context.lineWidth = 1;
    context.beginPath();
    for (let at = 0; at <= columns; at += 1) { context.moveTo(at * cell + 0.5, 0); context.lineTo(at * cell + 0.5, rows * cell); }
    for (let at = 0; at <= rows; at += 1) { context.moveTo(0, at * cell + 0.5); context.lineTo(columns * cell, at * cell + 0.5); }
    context.stroke();
  } else {
    context.strokeStyle = variable("--line");
    context.strokeRect(0.5, 0.5, columns * cell - 1, rows * cell - 1);
  }
}

const LEFT = 58, AXIS = 22;
function drawRounds(context, width, height, data) {
  if (!data || !data.rounds || !data.rounds.length) return nothing(context, height, "No round has begun.");
  const now = data.time_s, begin = data.rounds[0].start_s;
  const end = Math.max(...data.rounds.map((row) => row.end_s === null ? now : row.end_s), begin + 1e-9);
  const right = width - 10, bottom = height - AXIS, top = 8;
  const place = timeAxis(context, { left: LEFT, right, top, bottom, begin, end });
  const most = Math.max(...data.rounds.map((row) => Math.max(row.due, row.dirtied || 0)), 1);
  const y = pagesAxis(context, { left: LEFT, top, bottom, most });
  for (const row of data.rounds) {
    const from = place(row.start_s), to = place(row.end_s === null ? now : row.end_s), wide = Math.max(to - from - 1, 1.5);
    let below = bottom;
    const stack = (pages, shade) => {
      const high = bottom - y(pages);
      context.fillStyle = shade;
      context.fillRect(from, below - high, wide, high);
      below -= high;
    };
    stack(row.sent, shade(SENT[row.phase] || ROUNDS.sent));
    stack(row.skipped, shade(ROUNDS.skipped));
    stack(row.deferred, shade(ROUNDS.deferred));
    stack(Math.max(row.due - row.sent - row.skipped - row.deferred, 0), shade(ROUNDS.unvisited));
    if (row.dirtied !== null && row.phase === "pre-copy") {
      context.fillStyle = variable("--text");
      context.fillRect(from, y(row.dirtied) - 1, wide, 2);
    }
    if (wide > 16) {
      context.fillStyle = variable("--text");
      context.textAlign = "center";
      context.textBaseline = "bottom";
      context.fillText(row.phase !== "pre-copy" ? "stop" : String(row.round), from + wide / 2, Math.max(below - 1, top + 12));
    }
  }
}

function drawLeft(context, width, height, data) {
  if (!data || !data.remaining || !data.remaining.length) return nothing(context, height, data && data.counts ? "Nothing has been sent yet." : "The scalar model has no pages.");
  const points = data.remaining, begin = points[0].time_s, end = Math.max(points[points.length - 1].time_s, begin + 1e-9);
  const right = width - 10, bottom = height - AXIS, top = 10;
  const place = timeAxis(context, { left: LEFT, right, top, bottom, begin, end });
  const most = Math.max(...points.map((point) => point.pages), data.stop_pages || 0, 1);
  const y = pagesAxis(context, { left: LEFT, top, bottom, most });
  if (data.stop_pages !== null) {
    context.strokeStyle = colour("vermillion");
    context.lineWidth = 1.5;
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(LEFT, y(data.stop_pages));
    context.lineTo(right, y(data.stop_pages));
    context.stroke();
    context.setLineDash([]);
  }
  context.strokeStyle = colour("blue");
  context.lineWidth = 2;
  context.beginPath();
  points.forEach((point, at) => (at ? context.lineTo(place(point.time_s), y(point.pages)) : context.moveTo(place(point.time_s), y(point.pages))));
  context.stroke();
  context.fillStyle = colour("blue");
  for (const point of points.length < 80 ? points : points.slice(-1)) {
    context.beginPath();
    context.arc(place(point.time_s), y(point.pages), 3, 0, 2 * Math.PI);
    context.fill();
  }
  context.lineWidth = 1;
}

function pagesAxis(context, { left, top, bottom, most }) {
  const y = (pages) => bottom - (pages / (1.08 * most)) * (bottom - top);
  const marks = ticks(0, most, 4), step = marks.length > 1 ? marks[1] - marks[0] : 1;
  context.fillStyle = variable("--soft");
  context.strokeStyle = variable("--line");
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.beginPath();
  for (const mark of marks) {
    context.fillText(axisNumber(mark, step), left - 6, y(mark));
    context.moveTo(left - 3, Math.round(y(mark)) + 0.5);
    context.lineTo(left, Math.round(y(mark)) + 0.5);
  }
  context.stroke();
  return y;
}

function nothing(context, height, text) {
  context.fillStyle = variable("--soft");
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.fillText(text, 8, height / 2);
}
