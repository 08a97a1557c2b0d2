// The cluster as it is shown, as PNG or SVG.
import { element } from "./format.js";

const by = (id) => document.getElementById(id);

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

  function save(blob, ending) {
    const address = URL.createObjectURL(blob);
    const name = (stage.live.lanes[0].topology.name || "cluster").replace(/[^\w.-]+/g, "-").slice(0, 80);
    const seconds = Math.round(stage.live.lanes[0].frame.header.time_s);
    element("a", { href: address, download: `${name}-${seconds}s.${ending}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  by("export-png").addEventListener("click", () => {
    open(false);
    const scenes = stage.scenes;
    const canvas = document.createElement("canvas");
    canvas.width = scenes.reduce((sum, scene) => sum + scene.canvas.width, 0);
    canvas.height = Math.max(...scenes.map((scene) => scene.canvas.height));
    const context = canvas.getContext("2d");
    let left = 0;
    for (const scene of scenes) { context.drawImage(scene.canvas, left, 0); left += scene.canvas.width; }
    canvas.toBlob((blob) => save(blob, "png"), "image/png");
  });

  by("export-svg").addEventListener("click", () => {
    open(false);
    const writer = new SvgWriter();
    let left = 0, height = 0;
    for (const scene of stage.scenes) {
      writer.offset = left;
      scene.drawInto(writer);
      left += scene.width;
      height = Math.max(height, scene.height);
    }
    save(new Blob([writer.document(left, height)], { type: "image/svg+xml" }), "svg");
  });
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
const round = (number) => Math.round(number * 100) / 100;

/** The part of a Canvas 2D context that a scene draws with, written as SVG. */
class SvgWriter {
  constructor() {
    this.parts = [];
    this.path = [];
    this.offset = 0;
    this.globalAlpha = 1;
    this.lineWidth = 1;
    this.dash = [];
    this.measuring = document.createElement("canvas").getContext("2d");
  }

  setTransform() {}
  drawImage() {}
  setLineDash(dash) { this.dash = dash; }
  x(value) { return round(value + this.offset); }
  measureText(text) { this.measuring.font = this.font; return this.measuring.measureText(text); }
  beginPath() { this.path = []; }
  moveTo(x, y) { this.path.push(`M${this.x(x)} ${round(y)}`); }
  lineTo(x, y) { this.path.push(`L${this.x(x)} ${round(y)}`); }
  arc(x, y, radius) {
    const r = round(radius);
    this.path.push(`M${this.x(x - radius)} ${round(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`);
  }
  roundRect(x, y, width, height) { this.path.push(`M${this.x(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`); }
  stroked() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    return `fill="none" stroke="${escaped(this.strokeStyle)}" stroke-width="${round(this.lineWidth)}" stroke-opacity="${this.globalAlpha}"${dash}`;
  }
  stroke() { if (this.path.length) this.parts.push(`<path d="${this.path.join("")}" ${this.stroked()}/>`); }
  fill() { if (this.path.length) this.parts.push(`<path d="${this.path.join("")}" fill="${escaped(this.fillStyle)}" fill-opacity="${this.globalAlpha}"/>`); }
  box(x, y, width, height) { return `<rect x="${this.x(x)}" y="${round(y)}" width="${round(Math.max(width, 0))}" height="${round(Math.max(height, 0))}"`; }
  fillRect(x, y, width, height) { this.parts.push(`${this.box(x, y, width, height)} fill="${escaped(this.fillStyle)}" fill-opacity="${this.globalAlpha}"/>`); }
  strokeRect(x, y, width, height) { this.parts.push(`${this.box(x, y, width, height)} ${this.stroked()}/>`); }
  fillText(text, x, y) {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign] || "start";
    const shift = this.textBaseline === "top" ? "0.8em" : this.textBaseline === "middle" ? "0.35em" : "-0.2em";
    this.parts.push(`<text x="${this.x(x)}" y="${round(y)}" dy="${shift}" text-anchor="${anchor}" font-family="system-ui, sans-serif" font-size="${parseFloat(this.font)}" fill="${escaped(this.fillStyle)}">${escaped(text)}</text>`);
  }
  document(width, height) {
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}">${this.parts.join("")}</svg>\n`;
  }
}
