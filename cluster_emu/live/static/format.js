// Numbers as a reader sees them, and elements made without markup, so that no name can be markup.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, call] of Object.entries(value)) made.addEventListener(event, call);
    else if (name === "class") made.className = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function time(seconds) {
  if (!Number.isFinite(seconds)) return "-";
  if (seconds < 100) return `${(Math.floor(seconds * 100) / 100).toFixed(seconds < 10 ? 2 : 1)} s`;
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function scaled(value, units, base) {
  let at = 0;
  while (value >= base && at < units.length - 1) { value /= base; at += 1; }
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3).replace(/\.?0+$/, "")} ${units[at]}`;
}
export const bytes = (value) => scaled(value, ["B", "KiB", "MiB", "GiB", "TiB"], 1024);
export const bits = (bytesPerS) => scaled(bytesPerS * 8, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"], 1000);
export const watts = (value) => scaled(value, ["W", "kW", "MW"], 1000);
export const percent = (share) => `${Math.round(100 * share)} %`;
