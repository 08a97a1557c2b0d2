// The connection to the session: questions, commands, watches, and events of the page.
import { unpack } from "./frames.js";

const ANSWER_FIRST_MS = 200;   // nothing else is drawn for so long at most, while a click waits for its answer
const REST = 3;                // a panel that took so long to draw rests this many times as long

/**
 * Everything that the page and its panels know of the session.
 *
 * Events (addEventListener): "topology" {lane, topology}, "frame" {lane, header, arrays, lane state},
 * "state", "notice", "select" {kind, number}, "view", "panel", "keep", "theme", "closed".
 */
export class Live extends EventTarget {
  constructor(config) {
    super();
    this.config = config;
    this.lanes = [];          // of each lane: {topology, frame, before, at, beforeAt}
    this.state = { playing: false, settings: {}, actions: [] };
    this.selected = null;     // {kind, number, lane}
    this.kept = new Map();    // what panels keep in the address
    this._asked = new Map();
    this._clicked = null;     // when something was asked that is answered before anything is drawn
    this._watches = new Map();
    this._next = 1;
  }

  connect(query) {
    const address = new URL("live", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.search = query;
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", (event) => this._receive(event.data));
    this.socket.addEventListener("close", () => this._emit("closed", {}));
  }

  /** Ask the session to do something; resolves with its answer, rejects with its refusal. */
  ask(command, values = {}) {
    if (!this.socket || this.socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Error("not connected"));
    }
    const id = this._next++;
    this.socket.send(JSON.stringify({ ...values, do: command, id }));
    return new Promise((resolve, reject) => this._asked.set(id, { resolve, reject }));
  }

  /** The same for what somebody has clicked: until the answer has come, `isAnswering` lets drawing wait. */
  async askFirst(command, values) {
    const mine = { at: performance.now() };
    this._clicked = mine;
    try {
      return await this.ask(command, values);
    } finally {
      if (this._clicked === mine) this._clicked = null;
    }
  }

  isAnswering(now = performance.now()) { return this._clicked !== null && now - this._clicked.at < ANSWER_FIRST_MS; }

  /** Ask for the data of a panel once. */
  query(name, args = {}, lane = 0) { return this.ask("panel", { name, arguments: args, lane }); }

  /** Get the data of a panel now and when it has changed, a few times a second; returns a function that ends it. */
  watch(name, args, callback, lane = 0) {
    const watch = this._next++;
    this._watches.set(watch, { callback, newest: null, restUntil: 0, waiting: 0 });
    this.ask("watch", { watch, name, arguments: args, lane }).catch((error) => callback(null, error.message));
    return () => {
      clearTimeout(this._watches.get(watch)?.waiting);
      this._watches.delete(watch);
      this.ask("unwatch", { watch }).catch(() => {});
    };
  }

  /**
   * Select a thing: the scene marks it and the sidebar shows its details. `how` is `{ restored, reveal }`
   * where the address said so, and whether the scene has to go there.
   */
  select(kind, number, lane = 0, how = { restored: false, reveal: true }) {
    this.selected = kind === null ? null : { kind, number, lane };
    this._emit("select", { ...this.selected, ...how });
  }

  /** Keep a number of a panel in the address; `kept` has those that it had when the page was opened. */
  keep(name, number) {
    if (this.kept.get(name) === number) return;
    this.kept.set(name, number);
    this._emit("keep", { name });
  }

  _emit(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  _receive(data) {
    if (typeof data !== "string") {
      this._frame(unpack(data));
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "reply") {
      const asked = this._asked.get(message.id);
      this._asked.delete(message.id);
      if (asked && message.ok) asked.resolve(message.result);
      else if (asked) asked.reject(new Error(message.error));
    } else if (message.type === "watch") {
      const watch = this._watches.get(message.watch);
      if (watch) {
        watch.newest = message;
        this._showNewest(watch);
      }
    } else if (message.type === "topology") {
      this.lanes.length = message.lanes;
      this.lanes[message.lane] = { topology: message.topology, frame: null, before: null, arrays: {} };
      this._emit("topology", message);
    } else {
      if (message.type === "state") this.state = message;
      this._emit(message.type, message);
    }
  }

  /** Let a panel draw its newest data, as soon as no click waits and it has rested. */
  _showNewest(watch) {
    clearTimeout(watch.waiting);
    const now = performance.now(), wait = this.isAnswering(now) ? ANSWER_FIRST_MS / 8 : watch.restUntil - now;
    if (wait > 0) {
      watch.waiting = setTimeout(() => this._showNewest(watch), wait);
      return;
    }
    const { data, error } = watch.newest;
    watch.callback(data === undefined ? null : data, error);
    const end = performance.now();
    watch.restUntil = end + REST * (end - now);
  }

  _frame({ header, arrays }) {
    const lane = this.lanes[header.lane];
    if (header.lane === this.lanes.length - 1) this.socket.send('{"do":"ack"}');
    if (!lane) return;
    lane.before = lane.frame;
    // arrays that did not change are not sent again
    lane.arrays = { ...lane.arrays, ...arrays };
    lane.frame = { header, arrays: lane.arrays, at: performance.now(), changed: arrays };
    this._emit("frame", { lane: header.lane, ...lane.frame });
  }
}
