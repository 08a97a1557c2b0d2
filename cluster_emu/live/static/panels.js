// The dock below the cluster: one tab for each module in static/panels/.
//
// A module exports `title` and `mount(root, live)`, which draws into `root` and returns a function
// that ends it; optionally `order` (a number) and `kinds` (["model", "replay"], those it works for).
import { element } from "./format.js";

export async function setUpPanels(stage) {
  const { live } = stage;
  const modules = [];
  for (const path of live.config.panels) {
    const module = await import(`./${path}`);
    if (!module.kinds || module.kinds.includes(live.config.kind)) modules.push({ ...module, name: path.replace(/^panels\/|\.js$/g, "") });
  }
  modules.sort((a, b) => (a.order || 0) - (b.order || 0));
  if (!modules.length) return;
  const dock = document.getElementById("dock"), tabs = document.getElementById("panel-tabs"), body = document.getElementById("panel-body");
  dock.hidden = false;
  document.body.classList.add("with-dock");
  let close = null, chosen = null;
  const buttons = modules.map((module) => {
    const id = `tab-${module.name}`;
    const button = element("button", { type: "button", role: "tab", id, "aria-selected": "false", "aria-controls": "panel-root", tabindex: "-1", on: { click: () => open(module) } }, module.title);
    tabs.append(button);
    return button;
  });
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = modules.indexOf(chosen);
    const next = (at + step + modules.length) % modules.length;
    open(modules[next]);
    buttons[next].focus();
  });
  const root = element("div", { id: "panel-root", role: "tabpanel", tabindex: "0" });
  body.append(root);

  function open(module) {
    if (chosen === module) return;
    if (close) close();
    chosen = module;
    modules.forEach((each, at) => {
      buttons[at].setAttribute("aria-selected", String(each === module));
      buttons[at].tabIndex = each === module ? 0 : -1;
    });
    root.setAttribute("aria-labelledby", `tab-${module.name}`);
    root.replaceChildren();
    close = module.mount(root, live) || null;
    stage.panel = module.name;
    live.dispatchEvent(new CustomEvent("panel"));
  }
  stage.openPanel = (name) => { const module = modules.find((each) => each.name === name); if (module) open(module); };
  const first = new URLSearchParams(location.search).get("panel");
  live.addEventListener("topology", () => { if (!chosen) open(modules.find((each) => each.name === first) || modules[0]); }, { once: true });
}
