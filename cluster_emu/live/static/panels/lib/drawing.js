// What the panels share: canvases that fit their place, scales, and colours of both themes.
import { element } from "../../format.js";
import { COLOURS } from "../../palette.js";   // made by the server from cluster_emu/observation/palette.py

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
export const isDark = () => document.documentElement.dataset.theme === "dark";
/** Of a pair for light and dark, that of the theme. */
export const shade = ([light, dark]) => (isDark() ? dark : light);
export const colour = (name) => shade(COLOURS[name]);
export const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** An element with styles of its own, which the page's security policy allows to be set in this way alone. */
export function styled(tag, styles, attributes = {}, ...children) {
  const made = element(tag, attributes, ...children);
  Object.assign(made.style, styles);
  return made;
}

/**
 * A canvas with a text alternative. `draw(context, width, height)` draws in CSS pixels; `redraw()` calls it.
 * Its place has a height; the width is that of its parent.
 */
export function canvas(label, height, draw) {
  const node = styled("canvas", { height: `${height}px` }, { role: "img", "aria-label": label, class: "panel-canvas" });
  const context = node.getContext("2d");
  const redraw = () => {
    const width = node.clientWidth, scale = Math.min(devicePixelRatio || 1, 2), tall = node.clientHeight;
    if (!width || !tall) return;
    if (node.width !== Math.round(width * scale) || node.height !== Math.round(tall * scale)) {
      node.width = Math.round(width * scale);
      node.height = Math.round(tall * scale);
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, tall);
    node.paint(context, width, tall);
  };
  // the page exports a panel by it, too
  node.paint = (into, width, tall) => {
    into.font = FONT;
    draw(into, width, tall);
  };
  new ResizeObserver(redraw).observe(node);
  return { node, redraw };
}

/** Round numbers between low and high, about so many. */
export function ticks(low, high, about) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / about, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((each) => each * power >= raw) * power;
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) found.push(at * step || 0);
  return found;
}

/** A number with as many digits as its neighbours on an axis need. */
export function axisNumber(value, step) {
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step || 1) + 1e-9)));
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Draw a time axis with grid lines; returns the function from a time to its place. */
export function timeAxis(context, { left, right, top, bottom, begin, end, unit = "s", label = true }) {
  const place = (time) => left + ((time - begin) / Math.max(end - begin, 1e-12)) * (right - left);
  const long = end - begin > 3 * 3600, size = long ? 3600 : 1;
  const marks = ticks(begin / size, end / size, Math.max(2, Math.min(10, (right - left) / 75)));
  context.strokeStyle = variable("--line");
  context.fillStyle = variable("--soft");
  context.lineWidth = 1;
  context.textBaseline = "top";
  context.beginPath();
  for (const mark of marks) {
    const x = Math.round(place(mark * size)) + 0.5;
    context.moveTo(x, top);
    context.lineTo(x, bottom);
  }
  context.stroke();
  if (!label) return place;
  const step = marks.length > 1 ? marks[1] - marks[0] : 1;
  marks.forEach((mark, at) => {
    const text = axisNumber(mark, step) + (at === marks.length - 1 ? ` ${long ? "h" : unit}` : "");
    const wide = context.measureText(text).width, x = place(mark * size);
    const beyond = x + wide / 2 > right + 8;
    context.textAlign = beyond ? "right" : "center";
    context.fillText(text, beyond ? right + 8 : x, bottom + 4);
  });
  return place;
}

/** A legend of [name, CSS colour, note] as a list. */
export function legend(entries) {
  return element("ul", { class: "panel-legend" }, ...entries.map(([name, shade, note]) => element(
    "li", note ? { title: note } : {}, styled("i", { background: shade }, { "aria-hidden": "true" }), name,
  )));
}

/** A table from columns and rows of texts; a cell may be {text, class, title, scope}. */
export function table(caption, columns, rows, attributes = {}) {
  const cell = (tag, value) => {
    const { text, ...rest } = value !== null && typeof value === "object" ? value : { text: value };
    return element(tag, rest, text === null || text === undefined ? "" : String(text));
  };
  return element("table", attributes,
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...columns.map((column) => element("th", { scope: "col" }, column)))),
    element("tbody", {}, ...rows.map((row) => {
      const { cells, ...rest } = Array.isArray(row) ? { cells: row } : row;
      return element("tr", rest, ...cells.map((value, at) => cell(at === 0 ? "th" : "td", at === 0 && typeof value !== "object" ? { text: value, scope: "row" } : value)));
    })));
}

export const whole = (value) => (value === null || value === undefined ? "-" : Math.round(value).toLocaleString("en"));

/** Run `call` again when the theme changes; returns the function that ends it. */
export function onTheme(live, call) {
  live.addEventListener("theme", call);
  return () => live.removeEventListener("theme", call);
}
