// Draws one lane of the cluster on a Canvas 2D: racks, hosts with their VMs, links, and migrations.
//
// A new frame redraws the base (hosts and links) into a picture of its own. Between frames only
// that picture and the migrations under way are drawn, at places between the last two frames.
import { bits, bytes, percent } from "./format.js";

export const ON = 1, BOOTING = 2, DRAINED = 4, FAILED = 8, SHUTTING_DOWN = 16;
const ABSENT = 0, QUEUED = 2, MIGRATING = 3, DOWN = 4, LOST = 5;
export const PHASES = ["queued", "preparing", "ready", "pre-copy", "waiting for turn", "stop-and-copy", "post-copy", "finishing"];

// ColorBrewer's YlGnBu, as in the figures: light to dark on white, dark to light on black. Neither
// goes as far as what is off, which is dark.
const RAMPS = {
  light: ["#fbfde0", "#e3f4b5", "#b9e3b6", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8"],
  dark: ["#243f63", "#225e9c", "#1d87b8", "#3aaec0", "#7fcdbb", "#c7e9b4", "#fdfec8"],
};
const THEMES = {
  light: {
    back: "#ffffff", rack: "#f1f4f8", rackLine: "#c4ccd8", text: "#33415c", faint: "#55617a", offLine: "#222833",
    link: "#9aa7ba", busy: "#2f7fd1", full: "#c2410c", cut: "#a8071a", vmLine: "#33506b", hostLine: "#8fa3b8", switch: "#33415c", mark: "#c2185b", tokenLine: "#5c2600",
  },
  dark: {
    back: "#10151d", rack: "#1a212c", rackLine: "#364253", text: "#d7deea", faint: "#a3b0c5", offLine: "#3a4555",
    link: "#4b586c", busy: "#58a6ff", full: "#ff9d5c", cut: "#ff6b7a", vmLine: "#060b12", hostLine: "#4d617c", switch: "#d7deea", mark: "#ff6fa8", tokenLine: "#ffe0bd",
  },
};

/** Colours that the key of the page has too: variables of page.css. */
const KEYS = ["moving", "queued", "off", "drained", "failed"];
const known = {};
function coloursOf(theme) {
  if (!known[theme]) {
    const style = getComputedStyle(document.documentElement);
    known[theme] = { ...THEMES[theme], ...Object.fromEntries(KEYS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) };
  }
  return known[theme];
}

function parse(colour) { return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)); }
function ramp(colours) {
  const stops = colours.map(parse);
  return Array.from({ length: 256 }, (_, value) => {
    const place = (value / 255) * (stops.length - 1);
    const at = Math.min(Math.floor(place), stops.length - 2), part = place - at;
    return `rgb(${stops[at].map((from, index) => Math.round(from + part * (stops[at + 1][index] - from))).join(",")})`;
  });
}
/** The colours of utilisation in each theme, from idle to full, 256 of them. */
export const LOAD_COLOURS = { light: ramp(RAMPS.light), dark: ramp(RAMPS.dark) };
export const themeName = () => (document.documentElement.dataset.theme === "dark" ? "dark" : "light");

/** Shades of a link by its share: batches of one width and colour each. */
const LINK_STEPS = 8;
const HOST = 0.86;           // width of a host, of the 1 it has
const DETAIL_FROM = 13;      // pixels of a host from which on its VMs are drawn
const NAMES_FROM = 46;
const LEAST_ZOOM = 0.2, MOST_ZOOM = 260;   // pixels of a host
const MOST_LABELLED_RACKS = 80;
const CROWD_GAP_MS = 36;     // time between two pictures of more than these, which leaves time for clicks
const CELLS_BELOW = 9;       // hosts with fewer pixels are cells of a heat map
const FEW_MOVES = 40;        // so many migrations have moving paths; the paths of more stand still

export class Scene {
  constructor(live, lane, canvas) {
    this.live = live;
    this.lane = lane;
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.base = document.createElement("canvas");
    this.baseContext = this.base.getContext("2d", { alpha: false });
    this.view = null;
    this.stale = true;
    this.hover = null;
    this.drawn = 0;            // pictures drawn, for measurements
    this.restUntil = 0;
    this.baseRestUntil = 0;
    this.clips = new Map();    // texts cut to a width
    this.motion = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  get colours() { return coloursOf(themeName()); }

  setTopology(topology) {
    this.topology = topology;
    const { source, target } = topology.links;
    this.pairs = new Map();   // links in both directions are one line
    this.pairOf = new Int32Array(source.length);
    this.lines = [];
    const tier = topology.tier;
    for (let link = 0; link < source.length; link += 1) {
      const key = source[link] < target[link] ? `${source[link]}-${target[link]}` : `${target[link]}-${source[link]}`;
      if (!this.pairs.has(key)) {
        this.pairs.set(key, this.lines.length);
        const [a, b] = source[link] < target[link] ? [source[link], target[link]] : [target[link], source[link]];
        this.lines.push({ a, b, links: [], tier: Math.min(tier[a], tier[b]) });
      }
      this.pairOf[link] = this.pairs.get(key);
      this.lines[this.pairOf[link]].links.push(link);
    }
    this.rackOf = new Int32Array(topology.host_count).fill(-1);
    topology.racks.forEach((rack, place) => rack.hosts.forEach((host) => { this.rackOf[host] = place; }));
    this.vmsOf = null;
    this.fit();
  }

  setFrame(frame) {
    this.frame = frame;
    if (frame.changed.vm_host || !this.vmsOf) this.group(frame.arrays.vm_host);
    this.stale = true;
  }

  /** List the VMs of each host, by one counting sort. */
  group(vmHost) {
    const hosts = this.topology.host_count;
    const start = new Int32Array(hosts + 1);
    for (const host of vmHost) if (host >= 0) start[host + 1] += 1;
    for (let host = 0; host < hosts; host += 1) start[host + 1] += start[host];
    const next = start.slice(), list = new Int32Array(start[hosts]);
    for (let vm = 0; vm < vmHost.length; vm += 1) if (vmHost[vm] >= 0) list[next[vmHost[vm]]++] = vm;
    this.vmsOf = { start, list };
  }

  // --- the view ---------------------------------------------------------------------------------

  resize() {
    const box = this.canvas.getBoundingClientRect(), scale = Math.min(devicePixelRatio || 1, 2);
    if (!box.width) return;   // the lane was taken off the page
    const before = this.view && this.width ? this.place() : null;
    this.width = box.width;
    this.height = box.height;
    this.scale = scale;
    for (const canvas of [this.canvas, this.base]) {
      canvas.width = Math.max(Math.round(box.width * scale), 1);
      canvas.height = Math.max(Math.round(box.height * scale), 1);
    }
    if (this.topology && (!this.view || this.view.fitted)) this.fit();
    else if (before) this.goTo(before);
    this.stale = true;
    this.draw(performance.now());
  }

  fit() { this.show({ x: 0, y: 0, width: this.topology.width, height: this.topology.height }, 18); this.view.fitted = true; }

  /** What is shown, as the address has it: the middle and the width in units of the layout, or "fit". */
  place() {
    const { x, y, zoom, fitted } = this.view;
    if (fitted) return "fit";
    return [(this.width / 2 - x) / zoom, (this.height / 2 - y) / zoom, this.width / zoom].map((value) => Number(value.toFixed(3))).join(",");
  }

  /** Show what `place` has returned, here or in another window; anything else is left alone. */
  goTo(place) {
    if (place === "fit") { this.fit(); return; }
    const [x, y, width] = place.split(",").map(Number);
    if (![x, y].every(Number.isFinite) || !(width > 0)) return;
    if (!this.width) this.resize();
    const zoom = Math.min(Math.max(this.width / width, LEAST_ZOOM), MOST_ZOOM);
    this.look({ zoom, x: this.width / 2 - x * zoom, y: this.height / 2 - y * zoom, fitted: false });
  }

  look(view) {
    this.view = view;
    this.stale = this.urgent = true;
    this.waits = false;        // a drag is followed at once, what a click shows comes after its answer
    this.live.dispatchEvent(new CustomEvent("view"));
  }

  /** Show a rectangle of the layout. */
  show(box, margin = 40) {
    if (!this.width) this.resize();
    const zoom = Math.min((this.width - 2 * margin) / box.width, (this.height - 2 * margin) / box.height, 110);
    this.look({
      zoom: Math.max(zoom, LEAST_ZOOM),
      x: this.width / 2 - (box.x + box.width / 2) * zoom,
      y: this.height / 2 - (box.y + box.height / 2) * zoom,
      fitted: false,
    });
  }

  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.min(Math.max(this.view.zoom * factor, 0.5), MOST_ZOOM);
    const real = zoom / this.view.zoom;
    this.look({ zoom, x: x - (x - this.view.x) * real, y: y - (y - this.view.y) * real, fitted: false });
  }

  pan(dx, dy) {
    this.look({ ...this.view, x: this.view.x + dx, y: this.view.y + dy, fitted: false });
  }

  px(x) { return this.view.x + x * this.view.zoom; }
  py(y) { return this.view.y + y * this.view.zoom; }

  /** Show the surroundings of a thing, if it is too small or out of sight. */
  reveal(kind, number) {
    const host = this.hostOf(kind, number);
    if (host < 0 || !this.topology) return;
    const x = this.px(this.topology.x[host]), y = this.py(this.topology.y[host]);
    const inSight = x > 0 && y > 0 && x < this.width && y < this.height;
    if (inSight && this.view.zoom >= DETAIL_FROM) return;
    const rack = this.topology.racks[this.rackOf[host]];
    if (rack) this.show(rack);
  }

  hostOf(kind, number) {
    if (kind === "host") return number;
    const arrays = this.frame && this.frame.arrays;
    if (kind === "vm" && arrays) return arrays.vm_host[number];
    return -1;
  }

  // --- drawing ----------------------------------------------------------------------------------

  /** Draw if there is something new to see. */
  draw(now) {
    if (!this.topology || !this.frame || !this.view || !this.width) return;
    const moving = this.frame.arrays.move_vm.length > 0 && now - this.frame.at < 1500 && this.motion;
    if (!this.stale && !moving && !this.overlay) return;
    // a click is answered first, and a slow machine keeps half of its time for clicks
    if (this.live.isAnswering() && (this.waits || !this.urgent)) return;
    this.waits = false;
    if (now < this.restUntil && !this.overlay && !this.urgent) return;
    if (this.stale && (now >= this.baseRestUntil || this.urgent)) {
      const began = performance.now();
      this.baseContext.setTransform(this.scale, 0, 0, this.scale, 0, 0);
      this.drawBase();
      this.stale = this.urgent = false;
      this.baseRestUntil = now + 2 * (performance.now() - began);
    }
    this.overlay = false;
    const began = performance.now();
    const context = this.context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.base, 0, 0);
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    this.drawMoves(context, now);
    this.drawMark(context);
    this.drawn += 1;
    const least = this.frame.arrays.move_vm.length > FEW_MOVES ? CROWD_GAP_MS : 0;
    this.restUntil = now + Math.max(Math.min(2 * (performance.now() - began), 60), least);
  }

  drawBase(context = this.baseContext) {
    const colours = this.colours;
    context.fillStyle = colours.back;
    context.fillRect(0, 0, this.width, this.height);
    this.drawRacks(context, colours);
    this.drawLinks(context, colours);
    this.drawHosts(context, colours);
    this.drawRackNames(context, colours);
    this.drawSwitches(context, colours);
    if (this.frame.arrays.move_vm.length > FEW_MOVES) this.drawPaths(context, colours);
  }

  drawRacks(context, colours) {
    const { racks } = this.topology;
    const zoom = this.view.zoom;
    const gap = Math.min(0.3 * zoom, 6);
    context.lineWidth = 1;
    for (const rack of racks) {
      const x = this.px(rack.x) - gap, y = this.py(rack.y), width = rack.width * zoom + 2 * gap, height = rack.height * zoom + gap;
      if (x > this.width || y > this.height || x + width < 0 || y + height < 0) continue;
      context.fillStyle = colours.rack;
      context.strokeStyle = colours.rackLine;
      context.beginPath();
      context.roundRect(x, y, width, height, Math.min(5, zoom / 3));
      context.fill();
      context.stroke();
    }
  }

  /** The names of racks, above the links. */
  drawRackNames(context, colours) {
    const { racks } = this.topology;
    if (racks.length < 2) return;
    const zoom = this.view.zoom, gap = Math.min(0.3 * zoom, 6);
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "top";
    for (const rack of racks) {
      const x = this.px(rack.x) - gap, y = this.py(rack.y), width = rack.width * zoom + 2 * gap;
      if (width < 44 || (racks.length > MOST_LABELLED_RACKS && width < 70)) continue;
      if (x > this.width || y > this.height || x + width < 0 || y + 18 < 0) continue;
      const name = this.clip(context, rack.name, width - 12);
      context.fillStyle = colours.rack;
      context.fillRect(x + 3, y + 2, context.measureText(name).width + 6, 15);
      context.fillStyle = colours.faint;
      context.fillText(name, x + 6, y + 4);
    }
  }

  /** Links in batches of one width, the widest last; idle ones are hair lines. */
  drawLinks(context, colours) {
    const { x, y, links } = this.topology;
    const { link_load: load, link_state: state } = this.frame.arrays;
    const capacity = links.capacity_bytes_per_s;
    const batches = Array.from({ length: LINK_STEPS + 2 }, () => []);
    const dense = this.lines.length > 1500 && this.view.zoom < DETAIL_FROM;
    for (const line of this.lines) {
      let share = 0, down = false;
      for (const link of line.links) {
        if (state[link] === 0) down = true;
        if (capacity[link] > 0) share = Math.max(share, load[link] / (capacity[link] * (state[link] || 255) / 255));
      }
      line.share = share;
      line.down = down;
      if (down) batches[LINK_STEPS + 1].push(line);
      else if (share > 0.002) batches[Math.min(Math.ceil(share * LINK_STEPS), LINK_STEPS)].push(line);
      else if (!(dense && line.tier === 0)) batches[0].push(line);
    }
    const widest = Math.min(Math.max(this.view.zoom * 0.28, 3), 9);
    batches.forEach((lines, step) => {
      if (!lines.length) return;
      const share = Math.min(step, LINK_STEPS) / LINK_STEPS;
      context.strokeStyle = step > LINK_STEPS ? colours.cut : step === 0 ? colours.link : step >= LINK_STEPS ? colours.full : colours.busy;
      context.globalAlpha = step === 0 ? (dense ? 0.12 : this.lines.length > 400 ? 0.35 : 0.7) : 0.9;
      context.lineWidth = step === 0 ? 0.7 : step > LINK_STEPS ? 2 : 1 + share * widest;
      context.setLineDash(step > LINK_STEPS ? [5, 4] : []);
      context.beginPath();
      for (const { a, b } of lines) {
        context.moveTo(this.px(x[a]), this.top(a));
        context.lineTo(this.px(x[b]), this.py(y[b]));
      }
      context.stroke();
    });
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  /** Where lines meet a node: the upper edge of a host, the middle of a switch. */
  top(node) { return this.py(this.topology.y[node] - (this.topology.tier[node] === 0 ? HOST / 2 : 0)); }

  drawHosts(context, colours) {
    const { x, y, host_count: hosts } = this.topology;
    const { host_load: load, host_flags: flags } = this.frame.arrays;
    const size = HOST * this.view.zoom;
    const shades = LOAD_COLOURS[themeName()];
    if (size < CELLS_BELOW) { this.drawCells(context, colours, size); return; }
    for (let host = 0; host < hosts; host += 1) {
      const left = this.px(x[host]) - size / 2, top = this.py(y[host]) - size / 2;
      if (left > this.width || top > this.height || left + size < 0 || top + size < 0) continue;
      const on = flags[host] & ON && !(flags[host] & FAILED);
      context.fillStyle = on ? shades[load[host]] : colours.off;
      context.fillRect(left, top, size, size);
      if (size >= DETAIL_FROM) this.drawVms(context, colours, host, left, top, size, on);
      const state = flags[host];
      context.lineWidth = 1;
      context.strokeStyle = colours.hostLine;
      context.strokeRect(left, top, size, size);
      if (state & (FAILED | DRAINED | BOOTING | SHUTTING_DOWN) || !on) {
        context.lineWidth = Math.min(Math.max(size / 12, 1), 3);
        context.strokeStyle = state & FAILED ? colours.failed : state & DRAINED ? colours.drained : colours.offLine;
        context.setLineDash(state & (BOOTING | SHUTTING_DOWN) ? [3, 3] : []);
        context.strokeRect(left, top, size, size);
        context.setLineDash([]);
        if (state & FAILED) {
          context.beginPath();
          context.moveTo(left + size * 0.2, top + size * 0.2);
          context.lineTo(left + size * 0.8, top + size * 0.8);
          context.moveTo(left + size * 0.8, top + size * 0.2);
          context.lineTo(left + size * 0.2, top + size * 0.8);
          context.stroke();
        }
      }
      if (size >= NAMES_FROM) {
        context.font = `${Math.min(12, size / 5)}px system-ui, sans-serif`;
        context.textAlign = "center";
        context.textBaseline = "bottom";
        const name = this.clip(context, this.topology.labels[host], size - 4);
        const width = Math.min(context.measureText(name).width + 6, size);
        context.fillStyle = colours.back;
        context.globalAlpha = 0.85;
        context.fillRect(left + size / 2 - width / 2, top + size - 15, width, 14);
        context.globalAlpha = 1;
        context.fillStyle = colours.text;
        context.fillText(name, left + size / 2, top + size - 1);
      }
    }
  }

  /** Hosts too small for more than a colour: a heat map of the racks, one colour after the other. */
  drawCells(context, colours, size) {
    const { x, y, host_count: hosts } = this.topology;
    const { host_load: load, host_flags: flags } = this.frame.arrays;
    const shades = LOAD_COLOURS[themeName()];
    const groups = new Map();
    for (let host = 0; host < hosts; host += 1) {
      const state = flags[host];
      const key = state & FAILED ? 257 : state & DRAINED ? 258 : state & ON ? load[host] & 252 : 256;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(host);
    }
    const cell = Math.max(size, 1);
    for (const [key, members] of groups) {
      context.fillStyle = key === 256 ? colours.off : key === 257 ? colours.failed : key === 258 ? colours.drained : shades[key];
      for (const host of members) context.fillRect(this.px(x[host]) - cell / 2, this.py(y[host]) - cell / 2, cell, cell);
    }
  }

  /** The VMs of a host fill it from below, each with the area of its memory. */
  drawVms(context, colours, host, left, top, size, on) {
    const { vm_state: state } = this.frame.arrays;
    const inner = size - 2;
    context.lineWidth = size > 30 ? 1 : 0.5;
    this.eachTile(host, left + 1, top + 1, inner, (vm, x, y, width, height) => {
      const value = state[vm];
      if (value === MIGRATING || value === QUEUED) {
        context.fillStyle = value === MIGRATING ? colours.moving : colours.queued;
        context.fillRect(x, y, width, height);
      } else if (value === DOWN || value === LOST) {
        context.fillStyle = colours.failed;
        context.fillRect(x, y, width, height);
      }
      context.strokeStyle = on ? colours.vmLine : colours.offLine;
      context.globalAlpha = 0.45;
      context.strokeRect(x, y, width, height);
      context.globalAlpha = 1;
    });
  }

  eachTile(host, left, top, inner, call) {
    if (!this.vmsOf) return;
    const { start, list } = this.vmsOf;
    const memory = this.topology.vm_memory_bytes, all = this.topology.host_memory_bytes[host];
    const count = start[host + 1] - start[host];
    if (!count) return;
    const perRow = Math.max(Math.round(Math.sqrt(count)), 1);
    let bottom = top + inner;
    for (let at = start[host]; at < start[host + 1]; at += perRow) {
      const end = Math.min(at + perRow, start[host + 1]);
      let row = 0;
      for (let place = at; place < end; place += 1) row += memory[list[place]];
      const height = Math.min((row / all) * inner, bottom - top);
      let x = left;
      for (let place = at; place < end; place += 1) {
        const width = (memory[list[place]] / row) * inner;
        if (call(list[place], x, bottom - height, width, height) === true) return;
        x += width;
      }
      bottom -= height;
    }
  }

  /** Return a text cut to a width; each is measured once. */
  clip(context, text, width) {
    const key = `${context.font} ${Math.round(width)} ${text}`;
    let cut = this.clips.get(key);
    if (cut === undefined) {
      if (this.clips.size > 20000) this.clips.clear();
      cut = clipped(context, text, width);
      this.clips.set(key, cut);
    }
    return cut;
  }

  drawSwitches(context, colours) {
    const { x, y, host_count: hosts, labels, tier } = this.topology;
    const size = Math.min(Math.max(this.view.zoom * 0.34, 3), 13);
    const crowded = labels.length - hosts > 60;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "bottom";
    context.textAlign = "center";
    for (let node = hosts; node < labels.length; node += 1) {
      const left = this.px(x[node]) - size, top = this.py(y[node]) - size / 2;
      if (left > this.width || top > this.height || left + 2 * size < 0 || top + size < 0) continue;
      context.fillStyle = colours.switch;
      context.beginPath();
      context.roundRect(left, top, 2 * size, size, 2);
      context.fill();
      if (tier[node] > 1 && (!crowded || this.view.zoom > 30)) context.fillText(labels[node], left + size, top - 2);
    }
  }

  /** Where a migration is now, between the last two frames. */
  progress(index, now) {
    const { arrays } = this.frame;
    const to = arrays.move_progress[index];
    const before = this.before && this.before.get(arrays.move_number[index]);
    if (before === undefined || before === false || !this.frame.span) return to;
    const part = Math.min(Math.max((now - this.frame.at) / this.frame.span, 0), 1);
    return before + part * (to - before);
  }

  /** The points of the way of a migration on the screen: source, switches, target. */
  path(index) {
    const { arrays } = this.frame, { x, links } = this.topology;
    const source = arrays.move_source[index], target = arrays.move_target[index];
    const nodes = [source];
    for (let at = arrays.move_route_start[index]; at < arrays.move_route_start[index + 1]; at += 1) nodes.push(links.target[arrays.move_route[at]]);
    if (nodes[nodes.length - 1] !== target) nodes.push(target);
    return nodes.map((node) => [this.px(x[node]), this.top(node)]);
  }

  /** The ways of all migrations, as one line. */
  tracePaths(context) {
    context.beginPath();
    for (let index = 0; index < this.frame.arrays.move_vm.length; index += 1) {
      this.path(index).forEach(([x, y], place) => (place ? context.lineTo(x, y) : context.moveTo(x, y)));
    }
    context.stroke();
  }

  drawPaths(context, colours) {
    context.strokeStyle = colours.moving;
    context.lineWidth = 0.8;
    context.globalAlpha = 0.3;
    this.tracePaths(context);
    context.globalAlpha = 1;
  }

  drawMoves(context, now) {
    const { arrays } = this.frame;
    const count = arrays.move_vm.length;
    this.tokens = [];
    if (!count) return;
    const colours = this.colours;
    const few = count <= FEW_MOVES;
    if (few) {
      context.strokeStyle = colours.moving;
      context.lineWidth = 1.6;
      context.globalAlpha = 0.75;
      if (this.motion) {
        context.setLineDash([6, 6]);
        context.lineDashOffset = -((now / 40) % 12);
      }
      this.tracePaths(context);
      context.setLineDash([]);
      context.globalAlpha = 1;
    }
    const radius = Math.min(Math.max(this.view.zoom * 0.16, 3), few ? 8 : 5);
    this.tokenRadius = radius;
    const stamp = context === this.context ? this.stamp(radius, colours) : null;
    for (let index = 0; index < count; index += 1) {
      const [x, y] = along(this.path(index), this.progress(index, now));
      this.tokens.push({ number: arrays.move_number[index], index, x, y });
      if (stamp) context.drawImage(stamp, x - stamp.half, y - stamp.half, 2 * stamp.half, 2 * stamp.half);
      else token(context, x, y, radius, colours);
    }
  }

  /** A picture of a migration: to copy it costs less than to draw it. */
  stamp(radius, colours) {
    const key = `${radius} ${this.scale} ${colours.moving}`;
    if (this.stampKey !== key) {
      this.stampKey = key;
      const half = Math.ceil(radius + 2);
      const picture = document.createElement("canvas");
      picture.width = picture.height = 2 * half * this.scale;
      const context = picture.getContext("2d");
      context.scale(this.scale, this.scale);
      token(context, half, half, radius, colours);
      picture.half = half;
      this.stamped = picture;
    }
    return this.stamped;
  }

  drawMark(context) {
    const colours = this.colours;
    const chosen = this.live.selected;
    const marks = [];
    if (chosen && chosen.lane === this.lane) marks.push([chosen, 2.5]);
    if (this.hover) marks.push([this.hover, 1.5]);
    for (const [{ kind, number }, width] of marks) {
      context.strokeStyle = colours.mark;
      context.lineWidth = width;
      if (kind === "host" || kind === "vm") this.markHost(context, kind, number);
      else if (kind === "link") this.markLink(context, number, width);
      else if (kind === "migration") {
        const token = this.tokens.find((one) => one.number === number);
        if (!token) continue;
        context.beginPath();
        this.path(token.index).forEach(([x, y], place) => (place ? context.lineTo(x, y) : context.moveTo(x, y)));
        context.stroke();
        context.beginPath();
        context.arc(token.x, token.y, this.tokenRadius + 4, 0, 2 * Math.PI);
        context.stroke();
      }
    }
  }

  markHost(context, kind, number) {
    const host = this.hostOf(kind, number);
    if (host < 0) return;
    const size = HOST * this.view.zoom;
    const left = this.px(this.topology.x[host]) - size / 2, top = this.py(this.topology.y[host]) - size / 2;
    if (kind === "vm" && size >= DETAIL_FROM) {
      this.eachTile(host, left + 1, top + 1, size - 2, (vm, x, y, width, height) => {
        if (vm !== number) return false;
        context.strokeRect(x, y, width, height);
        return true;
      });
    } else context.strokeRect(left - 2, top - 2, size + 4, size + 4);
  }

  markLink(context, number, width) {
    const line = this.lines[this.pairOf[number]];
    const { x, y } = this.topology;
    context.lineWidth = width + 1;
    context.beginPath();
    context.moveTo(this.px(x[line.a]), this.top(line.a));
    context.lineTo(this.px(x[line.b]), this.py(y[line.b]));
    context.stroke();
  }

  // --- what is at a point -----------------------------------------------------------------------

  /** Return {kind, number} of what is at a point of the canvas, or null. */
  at(x, y) {
    if (!this.frame || !this.view) return null;
    let nearest = null, least = Math.max(this.tokenRadius || 0, 4) + 3;
    for (const token of this.tokens || []) {
      const far = Math.hypot(token.x - x, token.y - y);
      if (far < least) { least = far; nearest = token; }
    }
    if (nearest) return { kind: "migration", number: nearest.number };
    const host = this.hostAt(x, y);
    if (host >= 0) {
      const size = HOST * this.view.zoom;
      let found = { kind: "host", number: host };
      if (size >= 26) {
        const left = this.px(this.topology.x[host]) - size / 2, top = this.py(this.topology.y[host]) - size / 2;
        this.eachTile(host, left + 1, top + 1, size - 2, (vm, tileX, tileY, width, height) => {
          if (x < tileX || y < tileY || x > tileX + width || y > tileY + height) return false;
          found = { kind: "vm", number: vm, host };
          return true;
        });
      }
      return found;
    }
    return this.linkAt(x, y);
  }

  hostAt(x, y) {
    const worldX = (x - this.view.x) / this.view.zoom, worldY = (y - this.view.y) / this.view.zoom;
    for (const rack of this.topology.racks) {
      if (worldX < rack.x || worldX > rack.x + rack.width || worldY < rack.y || worldY > rack.y + rack.height + 0.2) continue;
      for (const host of rack.hosts) {
        if (Math.abs(this.topology.x[host] - worldX) <= HOST / 2 && Math.abs(this.topology.y[host] - worldY) <= HOST / 2) return host;
      }
    }
    return -1;
  }

  rackAt(x, y) {
    const worldX = (x - this.view.x) / this.view.zoom, worldY = (y - this.view.y) / this.view.zoom;
    return this.topology.racks.find((rack) => worldX >= rack.x && worldX <= rack.x + rack.width && worldY >= rack.y && worldY <= rack.y + rack.height) || null;
  }

  linkAt(x, y) {
    const nodes = this.topology;
    let found = null, least = 5;
    for (const line of this.lines) {
      const far = distance(x, y, this.px(nodes.x[line.a]), this.top(line.a), this.px(nodes.x[line.b]), this.py(nodes.y[line.b]));
      if (far < least) { least = far; found = line; }
    }
    if (!found) return null;
    const load = this.frame.arrays.link_load;
    const busiest = found.links.reduce((best, link) => (load[link] > load[best] ? link : best), found.links[0]);
    return { kind: "link", number: busiest };
  }

  /** Return what a thing is, in a few words, for the tip. */
  words({ kind, number, host }) {
    const { arrays } = this.frame, { labels } = this.topology;
    if (kind === "host") {
      const flags = arrays.host_flags[number];
      const state = flags & FAILED ? "failed" : flags & ON ? (flags & BOOTING ? "booting" : percent(arrays.host_load[number] / 255)) : "off";
      const count = this.vmsOf.start[number + 1] - this.vmsOf.start[number];
      return `${labels[number]}: ${state}, ${count} ${count === 1 ? "VM" : "VMs"}${flags & DRAINED ? ", drained" : ""}`;
    }
    if (kind === "vm") return `${this.vmName(number)} on ${labels[host]}: wants ${percent(arrays.vm_demand[number] / 255)} CPU, ${bytes(this.topology.vm_memory_bytes[number])}`;
    if (kind === "link") {
      const { links } = this.topology;
      return `${labels[links.source[number]]} to ${labels[links.target[number]]}: ${bits(arrays.link_load[number])} of ${bits(links.capacity_bytes_per_s[number])}`;
    }
    const index = arrays.move_number.indexOf(number);
    if (index < 0) return `migration ${number}`;
    return `${this.vmName(arrays.move_vm[index])}: ${PHASES[arrays.move_phase[index]]}, ${bits(arrays.move_rate[index])}`;
  }

  vmName(vm) { return `VM ${this.topology.vm_names[vm] || vm}`; }

  // --- export -----------------------------------------------------------------------------------

  /** Draw the view into another context, such as one that writes SVG. */
  drawInto(context) {
    this.drawBase(context);
    this.drawMoves(context, performance.now());
    this.drawMark(context);
  }
}

function token(context, x, y, radius, colours) {
  context.fillStyle = colours.moving;
  context.strokeStyle = colours.tokenLine;
  context.lineWidth = 1;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}

function clipped(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
  return `${text.slice(0, end)}…`;
}

function along(points, share) {
  let whole = 0;
  const parts = [];
  for (let at = 1; at < points.length; at += 1) {
    const part = Math.hypot(points[at][0] - points[at - 1][0], points[at][1] - points[at - 1][1]);
    parts.push(part);
    whole += part;
  }
  let left = share * whole;
  for (let at = 0; at < parts.length; at += 1) {
    if (left <= parts[at] || at === parts.length - 1) {
      const part = parts[at] ? Math.min(left / parts[at], 1) : 1;
      return [points[at][0] + part * (points[at + 1][0] - points[at][0]), points[at][1] + part * (points[at + 1][1] - points[at][1])];
    }
    left -= parts[at];
  }
  return points[0];
}

function distance(x, y, x1, y1, x2, y2) {
  const dx = x2 - x1, dy = y2 - y1, length = dx * dx + dy * dy;
  const part = length ? Math.min(Math.max(((x - x1) * dx + (y - y1) * dy) / length, 0), 1) : 0;
  return Math.hypot(x - x1 - part * dx, y - y1 - part * dy);
}
