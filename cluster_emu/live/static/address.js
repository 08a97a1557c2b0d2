// The address of the page: the settings of the run and the view of it, so that a view can be shared.
//
// Beside the settings of `settings.py` it has: `at`, the time; `speed`; `select`, the kind, number and lane of
// what is selected; `view` (and `b_view` of the second lane), the middle and the width of what the scene
// shows, or "fit"; `panel`, the open one; what panels keep (`live.keep`); `theme`.
const VIEWS = ["view", "b_view"];
const KEPT = ["migration", "link"];
const PAUSE_MS = 300;   // browsers refuse addresses that change with every pixel of a drag

export function setUpAddress(stage) {
  const { live, scenes } = stage;
  const opened = new URLSearchParams(location.search);
  for (const name of KEPT) if (/^\d{1,9}$/.test(opened.get(name) || "")) live.kept.set(name, Number(opened.get(name)));
  let restoring = true, waiting = 0, usual = null;

  function write({ now = false } = {}) {
    clearTimeout(waiting);
    waiting = 0;
    if (restoring) return;   // half a view would take the place of the whole one
    const { state, selected } = live;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(state.settings || {})) if (value !== "" && name !== "do") query.set(name, value);
    if (state.actions && state.actions.length) query.set("do", JSON.stringify(state.actions));
    if (selected) query.set("select", [selected.kind, selected.number, ...(selected.lane ? [selected.lane] : [])].join(":"));
    const at = now ? Math.max(...live.lanes.map((each) => (each.frame ? each.frame.header.time_s : 0))) : state.now_s;
    if ((now || !state.playing) && at > 0) query.set("at", String(at));
    if (state.speed !== usual) query.set("speed", String(state.speed));
    scenes.forEach((scene, lane) => { if (scene.view) query.set(VIEWS[lane], scene.place()); });
    if (stage.panel) query.set("panel", stage.panel);
    for (const [name, value] of live.kept) query.set(name, String(value));
    query.set("theme", document.documentElement.dataset.theme);
    history.replaceState(null, "", `${location.pathname}?${query}`);
  }
  const writeSoon = () => { if (!waiting) waiting = setTimeout(write, PAUSE_MS); };
  for (const name of ["state", "select", "theme", "panel", "keep"]) live.addEventListener(name, () => write());
  live.addEventListener("view", writeSoon);
  stage.writeAddress = write;

  // what the address said is done once, when the page has been opened
  live.addEventListener("topology", ({ detail: { lane } }) => {
    const wanted = restoring && opened.get(VIEWS[lane]);
    if (wanted) scenes[lane].goTo(wanted);
  });
  live.addEventListener("topology", async () => {
    const at = Number(opened.get("at")), speed = Number(opened.get("speed"));
    try {
      await happened("state");
      usual = live.state.speed;
      if (speed > 0 && speed !== usual) await live.ask("speed", { speed });
      if (at > 0) {
        await live.ask("seek", { time_s: at });
        await happened("state", (state) => !state.busy);
      }
      await happened("frame", ({ lane }) => lane === live.lanes.length - 1);
    } catch (error) {
      stage.say(error.message, "bad");
    }
    const chosen = /^(host|vm|link|migration):(\d{1,9})(?::(1))?$/.exec(opened.get("select") || "");
    const lane = chosen && chosen[3] && live.lanes.length > 1 ? 1 : 0;
    // whoever has selected something meanwhile keeps it
    if (chosen && !live.selected) live.select(chosen[1], Number(chosen[2]), lane, { restored: true, reveal: !opened.has(VIEWS[lane]) });
    restoring = false;
    stage.restored = true;
    write();
  }, { once: true });

  function happened(name, enough = () => true) {
    return new Promise((done) => {
      const look = ({ detail }) => { if (enough(detail)) { live.removeEventListener(name, look); done(detail); } };
      live.addEventListener(name, look);
    });
  }
}
