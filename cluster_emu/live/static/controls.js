// Playback, settings, keys, help, and what the header says.
import { element, time, watts, percent, bytes, bits } from "./format.js";
import { LOAD_COLOURS, themeName } from "./scene.js";

const SPEEDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 3600, 1e9];
const by = (id) => document.getElementById(id);
const HELP = [
  ["Space", "play or pause"],
  ["Right arrow", "one tick"],
  ["Shift and right arrow", "one round of a migration"],
  ["Left arrow", "back, where a finished run is replayed"],
  ["Up and down arrows", "faster and slower"],
  ["n", "to the start of the next migration"],
  ["r", "reset"],
  ["+  -  0", "zoom in, zoom out, the whole cluster"],
  ["Alt and arrows", "move the view"],
  ["/", "search"],
  ["d", "dark or light"],
  ["Escape", "select nothing"],
  ["?", "this help"],
];

export function setUpControls(stage) {
  const { live } = stage;
  const notice = by("notice");
  let hideAt = 0;

  function say(text, tone = "plain", forMs = 6000) {
    notice.textContent = text;
    notice.dataset.tone = tone;
    notice.hidden = !text;
    clearTimeout(hideAt);
    if (text && forMs) hideAt = setTimeout(() => { notice.hidden = true; }, forMs);
  }
  stage.say = say;
  const run = (command, values) => live.ask(command, values).catch((error) => say(error.message, "bad"));

  // --- playback -------------------------------------------------------------------------------------

  const speed = by("speed");
  for (const value of SPEEDS) speed.append(element("option", { value }, value >= 1e9 ? "as fast as it can" : `${value} s per s`));
  const toggle = () => run(live.state.playing || live.state.busy ? "pause" : "play");
  by("play").addEventListener("click", toggle);
  by("tick").addEventListener("click", () => run("step", { step: "tick" }));
  by("round").addEventListener("click", () => run("step", { step: "round" }));
  by("next").addEventListener("click", () => run("step", { step: "migration" }));
  by("reset").addEventListener("click", () => restart({ ...live.state.settings, do: "" }));
  speed.addEventListener("change", () => run("speed", { speed: Number(speed.value) }));

  const scrub = by("scrub"), clock = by("clock");
  let dragging = false;
  scrub.addEventListener("pointerdown", () => { dragging = true; });
  scrub.addEventListener("input", () => { clock.textContent = `to ${time(Number(scrub.value))}`; });
  scrub.addEventListener("change", () => {
    dragging = false;
    const to = Number(scrub.value);
    live.ask("seek", { time_s: to }).catch((error) => { say(error.message, "bad"); showTime(); });
  });
  scrub.addEventListener("pointerup", () => { dragging = false; });

  let now = 0;
  function showTime() {
    const all = live.state.duration_s || 0;
    if (!dragging) { scrub.value = now; clock.textContent = `${time(now)} of ${time(all)}`; }
    scrub.setAttribute("aria-valuetext", `${time(now)} of ${time(all)}`);
  }

  live.addEventListener("state", ({ detail: state }) => {
    const going = state.playing || state.busy;
    by("play").textContent = going ? "Pause" : "Play";
    by("play").classList.toggle("going", going);
    for (const id of ["play", "tick", "round", "next"]) by(id).disabled = state.over && !going;
    scrub.max = state.duration_s;
    scrub.step = Math.max(state.duration_s / 2000, 0.001);
    const known = SPEEDS.includes(state.speed);
    if (!known) speed.append(element("option", { value: state.speed }, `${state.speed} s per s`));
    speed.value = state.speed;
    now = state.now_s;
    showTime();
  });

  live.addEventListener("notice", ({ detail }) => {
    if (detail.tone === "loading") say("The cluster is being built ...", "plain", 0);
    else say(detail.text, "bad");
  });
  live.addEventListener("topology", ({ detail }) => { if (detail.lane === 0) { say(""); showSettings(); } });
  live.addEventListener("fatal", ({ detail }) => say(detail.text, "bad", 0));
  live.addEventListener("closed", () => { if (notice.hidden) say("The connection has ended. Load the page again to begin anew.", "bad", 0); });

  // --- the header -------------------------------------------------------------------------------------

  const chips = new Map();
  for (const [name, label] of [["running", "migrating"], ["queued", "queued"], ["ended", "ended"], ["hosts", "hosts on"], ["load", "CPU"], ["power", "power"], ["sent", "sent"], ["rate", "rate"]]) {
    const value = element("dd", {}, "-");
    chips.set(name, value);
    by("chips").append(element("div", {}, element("dt", {}, label), value));
  }
  live.addEventListener("frame", ({ detail: { lane, header } }) => {
    if (lane !== 0) return;
    const set = (name, text) => { const chip = chips.get(name); if (chip.textContent !== text) chip.textContent = text; };
    set("running", String(header.running));
    set("queued", String(header.queued));
    set("ended", String(header.ended));
    set("hosts", String(header.hosts_on));
    set("load", percent(header.utilisation || 0));
    set("power", header.power_w === null || header.power_w === undefined ? "-" : watts(header.power_w));
    set("sent", bytes(header.sent_bytes || 0));
    set("rate", bits(header.rate || 0));
    now = header.time_s;
    showTime();
  });

  const legend = by("legend");
  const bar = element("span", { class: "ramp" });
  bar.paint = (context, width, height) => LOAD_COLOURS[themeName()].forEach((shade, at) => {
    context.fillStyle = shade;
    context.fillRect((at * width) / 256, 0, width / 256 + (at < 255 ? 0.5 : 0), height);   // no gaps between them
  });
  live.addEventListener("theme", () => {
    const shades = LOAD_COLOURS[themeName()];
    bar.style.background = `linear-gradient(90deg, ${[0, 51, 102, 153, 204, 255].map((value) => shades[value]).join(", ")})`;
  });
  legend.append("CPU 0", bar, "100 %", ...[["moving", "migrating"], ["queued", "queued"], ["off", "off"], ["drained", "drained"], ["failed", "failed"]].map(
    ([name, label]) => element("span", { class: "key" }, element("i", { class: name }), label)));

  // --- settings ---------------------------------------------------------------------------------------

  const form = by("settings");
  const restarts = element("p", { id: "restarts", class: "hint", role: "status" }, "");
  const fields = new Map();

  function field(control) {
    const id = `set-${control.name}`;
    let input;
    if (control.kind === "choice") {
      input = element("select", { id }, element("option", { value: "" }, control.value ? `${control.value} (scenario)` : `${control.empty} (scenario)`));
      if (control.name !== "strategy" && control.value) input.append(element("option", { value: "none" }, control.empty));
      for (const option of control.options) if (option !== control.value) input.append(element("option", { value: option }, option));
    } else {
      input = element("input", { id, type: "text", placeholder: control.value || control.empty, autocomplete: "off", spellcheck: "false", "aria-describedby": "restarts", title: control.hint });
    }
    fields.set(control.name, input);
    return element("div", { class: "row" }, element("label", { for: id }, control.label), input);
  }

  const seed = { name: "seed", label: "Seed", kind: "text", value: "0", empty: "0", hint: "a whole number from 0" };
  const controls = live.config.controls.length ? [seed, ...live.config.controls] : [];
  if (controls.length) {
    form.append(...controls.map(field), restarts, element("div", { class: "buttons" },
      element("button", { type: "submit", class: "primary", id: "apply" }, "Restart with these"),
      element("button", { type: "button", id: "undo" }, "As before")));
    form.addEventListener("input", () => {
      const changed = controls.filter((control) => fields.get(control.name).value.trim() !== (live.state.settings[control.name] || ""));
      restarts.textContent = changed.length
        ? `${changed.map((control) => control.label).join(", ")} changed: the run will restart from 0 s${live.lanes.length > 1 ? " on both sides" : ""}; what you did to it is dropped.`
        : "";
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const settings = { ...live.state.settings, do: "" };
      for (const [name, input] of fields) settings[name] = input.value.trim();
      restart(settings);
    });
    by("undo").addEventListener("click", showSettings);
  } else by("settings-box").hidden = true;

  function showSettings() {
    for (const [name, input] of fields) {
      const value = live.state.settings[name] || "";
      if (input.tagName === "SELECT" && value && ![...input.options].some((option) => option.value === value)) input.append(element("option", { value }, value));
      input.value = value;
    }
    restarts.textContent = "";
  }
  live.addEventListener("state", () => { if (!form.contains(document.activeElement)) showSettings(); });

  /** Begin anew with other settings. */
  function restart(settings) {
    const kept = Object.fromEntries(Object.entries(settings).filter(([name, value]) => value !== "" && name !== "theme" && name !== "select"));
    return live.ask("restart", { settings: kept }).then(
      () => { by("events").replaceChildren(); live.select(null); },
      (error) => say(error.message, "bad", 12000));
  }
  stage.restart = restart;

  by("share").addEventListener("click", async () => {
    if (!stage.restored) { say("The view is still being restored.", "plain"); return; }   // the address is not of it yet
    stage.writeAddress({ now: true });
    try { await navigator.clipboard.writeText(location.href); say("The address of this view is in the clipboard.", "good"); }
    catch (error) { say("The address of this view is in the address bar.", "plain"); }
  });

  // --- theme, help, keys ------------------------------------------------------------------------------

  const root = document.documentElement;
  function theme(name) {
    root.dataset.theme = name;
    by("theme").textContent = name === "dark" ? "Light" : "Dark";
    by("theme").setAttribute("aria-label", `Change to the ${name === "dark" ? "light" : "dark"} theme`);
    live.dispatchEvent(new CustomEvent("theme", { detail: name }));
  }
  theme(root.dataset.theme);
  const changeTheme = () => {
    theme(root.dataset.theme === "dark" ? "light" : "dark");
    try { localStorage.setItem("cluster-emu-theme", root.dataset.theme); } catch (error) { /* private window */ }
  };
  by("theme").addEventListener("click", changeTheme);

  by("help-text").append(
    element("p", {}, "Click a host, VM, link or migration for its details; hover for a short one. In a large cluster a click on a rack zooms into it. Drag to move, wheel to zoom."),
    element("dl", { class: "keys" }, ...HELP.flatMap(([key, text]) => [element("dt", {}, key), element("dd", {}, text)])));
  const help = () => by("help-box").showModal();
  by("help").addEventListener("click", help);

  by("zoom-in").addEventListener("click", () => stage.zoom(1.4));
  by("zoom-out").addEventListener("click", () => stage.zoom(1 / 1.4));
  by("zoom-fit").addEventListener("click", () => stage.fit());

  function faster(step) {
    const at = SPEEDS.findIndex((value) => value >= live.state.speed);
    run("speed", { speed: SPEEDS[Math.min(Math.max(at + step, 0), SPEEDS.length - 1)] });
  }

  const KEYS = {
    " ": toggle,
    ArrowRight: (event) => run("step", { step: event.shiftKey ? "round" : "tick" }),
    ArrowLeft: () => live.ask("seek", { time_s: Math.max(now - (live.lanes[0].topology.tick_s || 1), 0) }).catch((error) => say(error.message, "bad")),
    ArrowUp: () => faster(1),
    ArrowDown: () => faster(-1),
    n: () => run("step", { step: "migration" }),
    r: () => by("reset").click(),
    d: changeTheme,
    "+": () => stage.zoom(1.4),
    "=": () => stage.zoom(1.4),
    "-": () => stage.zoom(1 / 1.4),
    0: () => stage.fit(),
    "/": () => by("search").focus(),
    Escape: () => live.select(null),
    "?": help,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || by("help-box").open) return;
    const within = event.target;
    const typing = within.matches("input, select, textarea, [contenteditable]");
    if (typing) return;
    if (event.altKey) {
      const way = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
      if (way) { event.preventDefault(); stage.scenes.forEach((scene) => scene.pan(...way)); }
      return;
    }
    if (within.matches("[role=tab]") && event.key.startsWith("Arrow")) return;
    if (within.matches("button, summary") && (event.key === " " || event.key === "Enter")) return;
    const call = KEYS[event.key];
    if (call) { event.preventDefault(); call(event); }
  });
}
