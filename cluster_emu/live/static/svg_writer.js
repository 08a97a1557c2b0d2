// The part of a Canvas 2D context that the scene and the panels draw with, written as SVG.

const escaped = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
  .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");   // what XML has no place for
const round = (number) => Math.round(number * 100) / 100;
const FONT = /^(?:(italic|oblique|normal)\s+)?(?:(bold|normal|\d{3})\s+)?([\d.]+)px\s+(.*)$/;
const FIELDS = ["fillStyle", "strokeStyle", "globalAlpha", "lineWidth", "lineDashOffset", "font", "textAlign", "textBaseline"];

/**
 * A name that other texts do not have: pictures in one page share their ids, and would clip one another.
 * The same picture has the same bytes each time it is saved. (FNV-1a, twice 32 bits.)
 */
function shortName(texts) {
  let one = 0x811c9dc5, two = 0x9e3779b9;
  for (const text of texts) {
    for (let at = 0; at < text.length; at += 1) {
      one = Math.imul(one ^ text.charCodeAt(at), 0x01000193);
      two = Math.imul(two ^ text.charCodeAt(at), 0x01000193);
    }
  }
  return (one >>> 0).toString(36) + (two >>> 0).toString(36);
}

export class SvgWriter {
  constructor() {
    Object.assign(this, { fillStyle: "#000000", strokeStyle: "#000000", globalAlpha: 1, lineWidth: 1, lineDashOffset: 0, font: "10px sans-serif", textAlign: "start", textBaseline: "alphabetic" });
    this.parts = [];
    this.path = [];
    this.dash = [];
    this.left = this.top = this.clips = this.groups = 0;
    this.saved = [];
    this.measuring = document.createElement("canvas").getContext("2d");
  }

  save() { this.saved.push([FIELDS.map((name) => this[name]), this.dash, this.left, this.top, this.groups]); }
  restore() {
    const [values, dash, left, top, groups] = this.saved.pop();
    FIELDS.forEach((name, at) => { this[name] = values[at]; });
    Object.assign(this, { dash, left, top });
    for (; this.groups > groups; this.groups -= 1) this.parts.push("</g>");
  }
  translate(x, y) { this.left += x; this.top += y; }
  /** Only what is in the path of one rectangle is drawn until `restore`. */
  clip() {
    this.clips += 1;
    this.groups += 1;
    this.parts.push({ clip: this.clips, path: this.path.join("") });
  }

  x(value) { return round(value + this.left); }
  y(value) { return round(value + this.top); }
  setLineDash(dash) { this.dash = dash; }
  measureText(text) { this.measuring.font = this.font; return this.measuring.measureText(text); }

  beginPath() { this.path = []; }
  moveTo(x, y) { this.path.push(`M${this.x(x)} ${this.y(y)}`); }
  lineTo(x, y) { this.path.push(`L${this.x(x)} ${this.y(y)}`); }
  arc(x, y, radius) {
    const r = round(radius);
    this.path.push(`M${this.x(x - radius)} ${this.y(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`);
  }
  rect(x, y, width, height) { this.path.push(`M${this.x(x)} ${this.y(y)}h${round(width)}v${round(height)}h${round(-width)}z`); }
  roundRect(x, y, width, height, radius = 0) {
    const r = round(Math.max(Math.min(radius, width / 2, height / 2), 0)), across = round(width - 2 * r), down = round(height - 2 * r);
    if (!r) { this.rect(x, y, width, height); return; }
    this.path.push(`M${this.x(x + r)} ${this.y(y)}h${across}a${r} ${r} 0 0 1 ${r} ${r}v${down}a${r} ${r} 0 0 1 ${-r} ${r}h${-across}a${r} ${r} 0 0 1 ${-r} ${-r}v${-down}a${r} ${r} 0 0 1 ${r} ${-r}z`);
  }

  filled() { return `fill="${escaped(this.fillStyle)}"${this.globalAlpha < 1 ? ` fill-opacity="${this.globalAlpha}"` : ""}`; }
  stroked() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}" stroke-dashoffset="${round(this.lineDashOffset)}"` : "";
    return `fill="none" stroke="${escaped(this.strokeStyle)}" stroke-width="${round(this.lineWidth)}"${this.globalAlpha < 1 ? ` stroke-opacity="${this.globalAlpha}"` : ""}${dash}`;
  }
  stroke() { if (this.path.length) this.parts.push(`<path d="${this.path.join("")}" ${this.stroked()}/>`); }
  fill() { if (this.path.length) this.parts.push(`<path d="${this.path.join("")}" ${this.filled()}/>`); }
  box(x, y, width, height) { return `x="${this.x(x)}" y="${this.y(y)}" width="${round(Math.max(width, 0))}" height="${round(Math.max(height, 0))}"`; }
  fillRect(x, y, width, height) { this.parts.push(`<rect ${this.box(x, y, width, height)} ${this.filled()}/>`); }
  strokeRect(x, y, width, height) { this.parts.push(`<rect ${this.box(x, y, width, height)} ${this.stroked()}/>`); }
  /** A picture of a few cells, such as a page map, stays one whose cells have sharp edges. */
  drawImage(picture, x, y, width, height) {
    this.parts.push(`<image ${this.box(x, y, width, height)} preserveAspectRatio="none" style="image-rendering:pixelated" href="${picture.toDataURL()}"/>`);
  }
  fillText(text, x, y) {
    const anchor = { center: "middle", right: "end", end: "end" }[this.textAlign] || "start";
    const shift = { top: "0.8em", middle: "0.35em", bottom: "-0.2em" }[this.textBaseline];
    const [, slant, weight, size, family] = FONT.exec(this.font) || [null, null, null, 10, "sans-serif"];
    this.parts.push(`<text x="${this.x(x)}" y="${this.y(y)}"${shift ? ` dy="${shift}"` : ""} text-anchor="${anchor}" font-family="${escaped(family)}" font-size="${size}"${weight && weight !== "normal" && weight !== "400" ? ` font-weight="${weight}"` : ""}${slant && slant !== "normal" ? ` font-style="${slant}"` : ""} ${this.filled()}>${escaped(text)}</text>`);
  }

  document(width, height, title) {
    const drawn = this.parts.map((part) => (part.clip ? `${part.clip}${part.path}` : part)), own = shortName([title, ...drawn]);
    const parts = this.parts.map((part, at) => {
      if (!part.clip) return drawn[at];
      const id = `clip-${own}-${part.clip}`;
      return `<clipPath id="${id}"><path d="${part.path}"/></clipPath><g clip-path="url(#${id})">`;
    });
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}" role="img"><title>${escaped(title)}</title>${parts.join("\n")}</svg>\n`;
  }
}
