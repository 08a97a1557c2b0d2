// Puts the page together: the session, a scene for each lane, the controls, details and panels.
import { Live } from "./connection.js";
import { Scene } from "./scene.js";
import { setUpAddress } from "./address.js";
import { setUpControls } from "./controls.js";
import { setUpDetails } from "./details.js";
import { setUpExport } from "./export.js";
import { setUpPanels } from "./panels.js";
import { element } from "./format.js";

const config = await (await fetch("config.json")).json();
for (const path of config.styles) document.head.append(element("link", { rel: "stylesheet", href: `static/${path}` }));
const live = new Live(config);
const scenes = [];
const stage = { live, scenes, lanes: document.getElementById("lanes") };
window.clusterEmu = stage;   // for measurements and the browser's console

document.title = `${config.title} · cluster_emu`;
document.getElementById("title").textContent = config.title;
document.getElementById("subtitle").textContent = config.description || "";

function sceneFor(lane) {
  if (scenes[lane]) return scenes[lane];
  const canvas = element("canvas", {
    tabindex: "0", role: "application",
    "aria-label": `Cluster${lane ? ", compared" : ""}: arrow keys with alt move the view, plus and minus zoom, the search box finds things`,
  });
  const caption = element("p", { class: "caption" });
  const box = element("div", { class: "lane" }, canvas, caption);
  stage.lanes.append(box);
  const scene = new Scene(live, lane, canvas);
  scene.caption = caption;
  scene.box = box;
  scenes[lane] = scene;
  listen(scene);
  return scene;
}

live.addEventListener("topology", ({ detail: { lane, lanes, topology } }) => {
  while (scenes.length > lanes) scenes.pop().box.remove();
  stage.lanes.classList.toggle("two", lanes > 1);
  const scene = sceneFor(lane);
  scene.frame = null;
  scene.setTopology(topology);
  const policy = topology.policy ? `policy ${topology.policy}` : topology.stop ? `stop rule ${topology.stop}` : "its own stop rule";
  scene.caption.textContent = `${topology.strategy}, ${policy}, seed ${topology.seed}`;
});

live.addEventListener("frame", ({ detail }) => {
  const scene = scenes[detail.lane];
  if (!scene || !scene.topology) return;
  const before = new Map();
  const last = scene.frame;
  if (last) last.arrays.move_number.forEach((number, index) => before.set(number, scene.progress(index, detail.at)));
  detail.span = last ? Math.min(Math.max(detail.at - last.at, 16), 400) : 0;
  scene.before = before;
  scene.setFrame(detail);
});

live.addEventListener("select", ({ detail }) => {
  const scene = scenes[detail.lane || 0];
  if (scene && detail.kind && detail.reveal) scene.reveal(detail.kind, detail.number);
  for (const one of scenes) one.overlay = one.waits = true;
});
live.addEventListener("theme", () => { for (const scene of scenes) scene.stale = true; });

function loop(now) {
  for (const scene of scenes) scene.draw(now);
  requestAnimationFrame(loop);
}
requestAnimationFrame(loop);

// --- pointer and keys on a scene ------------------------------------------------------------------

const tip = document.getElementById("tip");

function listen(scene) {
  const { canvas } = scene;
  let from = null, moved = false;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => { from = place(event); moved = false; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (from) {
      const dx = x - from[0], dy = y - from[1];
      if (moved || Math.hypot(dx, dy) > 4) { scene.pan(dx, dy); moved = true; from = [x, y]; }
      return;
    }
    hover(scene, x, y);
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = place(event);
    if (from && !moved) click(scene, x, y);
    from = null;
  });
  canvas.addEventListener("pointerleave", () => { scene.hover = null; scene.overlay = true; tip.hidden = true; });
  canvas.addEventListener("dblclick", (event) => { const [x, y] = place(event); scene.zoomBy(2, x, y); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = place(event);
    scene.zoomBy(Math.exp(-event.deltaY / 400), x, y);
  }, { passive: false });
}

function hover(scene, x, y) {
  const found = scene.at(x, y);
  const same = found && scene.hover && found.kind === scene.hover.kind && found.number === scene.hover.number;
  if (!same) { scene.hover = found; scene.overlay = true; }
  tip.hidden = !found;
  if (!found) return;
  tip.textContent = scene.words(found);
  const box = scene.canvas.getBoundingClientRect(), outer = document.getElementById("stage").getBoundingClientRect();
  tip.style.left = `${Math.min(box.left - outer.left + x + 14, outer.width - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.max(box.top - outer.top + y - 34, 6)}px`;
}

/** Select what was clicked; a click on a rack whose hosts are tiny zooms into it. */
function click(scene, x, y) {
  const found = scene.at(x, y);
  if (found && found.kind !== "link" && found.kind !== "migration" && scene.view.zoom < 10) {
    const rack = scene.rackAt(x, y);
    if (rack) scene.show(rack);
  } else if (!found) {
    const rack = scene.rackAt(x, y);
    if (rack && scene.view.zoom < 26 && scene.topology.racks.length > 1) scene.show(rack);
    else live.select(null);
    return;
  }
  live.select(found.kind, found.number, scene.lane);
}

stage.zoom = (factor) => scenes.forEach((scene) => scene.zoomBy(factor));
stage.fit = () => scenes.forEach((scene) => scene.fit());

setUpControls(stage);
setUpDetails(stage);
setUpExport(stage);
setUpAddress(stage);
await setUpPanels(stage);
live.connect(location.search);
