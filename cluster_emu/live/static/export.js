// The view as it is shown, as PNG or SVG: the cluster, the open panel, or both below one another.
import { drawElement } from "./element_drawing.js";
import { element, time } from "./format.js";
import { SvgWriter } from "./svg_writer.js";

const by = (id) => document.getElementById(id);
const MARGIN = 16, TITLE = 46, PANEL_TITLE = 34;
const PNG_SCALE = 2;   // pixels of a saved picture for one of the page
const WHAT = ["cluster", "panel", "both"];

export function setUpExport(stage) {
  const button = by("export"), menu = by("export-menu");
  const open = (shown) => { menu.hidden = !shown; button.setAttribute("aria-expanded", String(shown)); if (shown) menu.querySelector("button").focus(); };
  button.addEventListener("click", () => open(menu.hidden));
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { open(false); button.focus(); }
    const items = [...menu.querySelectorAll("button")], at = items.indexOf(document.activeElement);
    if (event.key === "ArrowDown") items[(at + 1) % items.length].focus();
    if (event.key === "ArrowUp") items[(at + items.length - 1) % items.length].focus();
  });
  document.addEventListener("click", (event) => { if (!menu.hidden && !event.target.closest(".menu")) open(false); });

  for (const what of WHAT) {
    by(`export-${what}-png`).addEventListener("click", () => {
      open(false);
      whole(() => {
        const sheet = sheetOf(what);
        const canvas = element("canvas", { width: sheet.width * PNG_SCALE, height: sheet.height * PNG_SCALE });
        const context = canvas.getContext("2d", { alpha: false });
        context.scale(PNG_SCALE, PNG_SCALE);
        drawSheet(context, sheet);
        canvas.toBlob((blob) => (blob ? save(blob, what, "png") : stage.say("The picture is too large for this browser; take SVG.", "bad")), "image/png");
      });
    });
    by(`export-${what}-svg`).addEventListener("click", () => {
      open(false);
      whole(() => {
        const sheet = sheetOf(what), writer = new SvgWriter();
        drawSheet(writer, sheet);
        save(new Blob([writer.document(sheet.width, sheet.height, sheet.title)], { type: "image/svg+xml" }), what, "svg");
      });
    });
  }

  /** Do something while what scrolls is shown whole and controls are away; nothing of that is ever painted. */
  function whole(call) {
    const scrolled = [...document.querySelectorAll(".panel-scroll")].map((node) => [node, node.scrollTop, node.scrollLeft]);
    const { scrollX, scrollY } = window;
    document.body.classList.add("exporting");
    try { call(); } finally {
      document.body.classList.remove("exporting");
      for (const [node, top, left] of scrolled) { node.scrollTop = top; node.scrollLeft = left; }
      window.scrollTo(scrollX, scrollY);
    }
  }

  function panelTitle() { return document.querySelector("#panel-tabs [aria-selected=true]")?.textContent || ""; }

  /** What is on a sheet, and where: parts of {top, height, draw(context)}. */
  function sheetOf(what) {
    const { live, scenes } = stage, { topology, frame } = live.lanes[0];
    const cluster = by("stage").getBoundingClientRect(), panel = by("panel-root")?.getBoundingClientRect();
    const parts = [];
    let height = TITLE, width = 0;
    const add = (part) => { parts.push({ ...part, top: height }); height += part.height; width = Math.max(width, part.width); };
    if (what !== "panel") add({ width: cluster.width, height: cluster.height + MARGIN, draw: (context) => drawCluster(context, scenes, cluster) });
    if (what !== "cluster" && panel) {
      add({ width: panel.width, height: PANEL_TITLE + panel.height + MARGIN, draw: (context) => {
        words(context, panelTitle(), 0, 22, "600 15px", "--text");
        drawElement(context, by("panel-root"), panel.left, panel.top - PANEL_TITLE);
      } });
    }
    const captions = scenes.map((scene) => scene.caption.textContent).join(" | ");
    return { parts, width: Math.ceil(width + 2 * MARGIN), height: Math.ceil(height), title: topology.name || document.title, subtitle: `at ${time(frame.header.time_s)}; ${captions}` };
  }

  function drawSheet(context, { parts, width, height, title, subtitle }) {
    context.fillStyle = colour("--card");
    context.fillRect(0, 0, width, height);
    words(context, title, MARGIN, 21, "650 16px", "--text");
    words(context, subtitle, MARGIN, 38, "400 12px", "--soft");
    for (const part of parts) {
      context.save();
      context.translate(MARGIN, part.top);
      part.draw(context);
      context.restore();
    }
  }

  function drawCluster(context, scenes, outer) {
    for (const scene of scenes) {
      const box = scene.canvas.getBoundingClientRect();
      context.save();
      context.translate(box.left - outer.left, box.top - outer.top);
      context.beginPath();
      context.rect(0, 0, box.width, box.height);
      context.clip();
      scene.drawInto(context);
      context.restore();
      if (scenes.length > 1) drawElement(context, scene.caption, outer.left, outer.top);   // else it is below the title
    }
    drawElement(context, by("legend"), outer.left, outer.top);
    context.strokeStyle = colour("--line");
    context.lineWidth = 1;
    context.setLineDash([]);
    context.strokeRect(0.5, 0.5, outer.width - 1, outer.height - 1);
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  function words(context, text, x, y, font, shade) {
    context.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.fillStyle = colour(shade);
    context.fillText(text, x, y);
  }

  function save(blob, what, ending) {
    const address = URL.createObjectURL(blob);
    const name = (stage.live.lanes[0].topology.name || "cluster").replace(/[^\w.-]+/g, "-").slice(0, 80);
    const seconds = Math.round(stage.live.lanes[0].frame.header.time_s);
    const part = { cluster: "", panel: `-${stage.panel}`, both: `-with-${stage.panel}` }[what];
    element("a", { href: address, download: `${name}${part}-${seconds}s.${ending}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }
}
