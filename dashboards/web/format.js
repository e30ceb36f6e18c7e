// Numbers and times as people read them. Pure; every function answers null for what is not a number, never 0.

const known = (value) => typeof value === "number" && Number.isFinite(value);

/** A value and its unit, kept apart so that the unit can be shown smaller. */
const pair = (text, unit) => ({ text, unit });

/** Three significant digits at most, without an exponent and without jumping in width more than needed. */
export function digits(value, more = 0) {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(more);
  if (size >= 10) return value.toFixed(1 + more);
  return value.toFixed(2 + more);
}

// `more` is for axes: so many more digits than people need otherwise.
export const percent = (value, more = 0) => (known(value) ? pair(value.toFixed((Math.abs(value) >= 99.95 ? 0 : 1) + more), "%") : null);
export const celsius = (value, more = 0) => (known(value) ? pair(value.toFixed(more), "\u00b0C") : null);
export const watts = (value, more = 0) => (known(value) ? pair(digits(value, more), "W") : null);
export const plain = (value, more = 0) => (known(value) ? pair(digits(value, more), "") : null);
export const count = (value) => (known(value) ? pair(value.toLocaleString("en-US"), "") : null);

function scaled(value, base, units, more = 0) {
  if (!known(value)) return null;
  let size = value;
  let step = 0;
  // 999.5 would be shown as 1000: the next unit is used before that.
  while (Math.abs(size) >= Math.min(base, 999.5) && step < units.length - 1) {
    size /= base;
    step += 1;
  }
  return pair(step === 0 ? size.toFixed(more) : digits(size, more), units[step]);
}

/** A number of unknown kind, short: "97.0", "3", "-130 G". */
export function bare(value) {
  if (known(value) && Math.abs(value) >= 100_000) return scaled(value, 1000, ["", "k", "M", "G", "T", "P"]);
  return known(value) && Number.isInteger(value) ? pair(String(value), "") : plain(value);
}

/** Sizes in powers of 1024: memory and disks. */
export const bytes = (value, more = 0) => scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], more);
/** Rates in powers of 1000: network and disk traffic. */
export const byteRate = (value, more = 0) => scaled(value, 1000, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"], more);

const SPANS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** A span in its two largest units: "3 d 4 h", "5 min", "12 s". */
export function span(seconds) {
  if (!known(seconds)) return null;
  let rest = Math.max(0, Math.round(seconds));
  const first = SPANS.findIndex(([, size]) => rest >= size);
  if (first < 0) return "0 s";
  const parts = [];
  for (const [unit, size] of SPANS.slice(first, first + 2)) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
  }
  return parts.join(" ");
}

/** How long a host runs: a span without seconds once there are minutes, as they only flicker. */
export function uptime(seconds) {
  if (!known(seconds)) return null;
  return span(seconds < 60 ? seconds : Math.floor(seconds / 60) * 60);
}

/** How long ago, in one unit. */
export function ago(seconds) {
  if (!known(seconds)) return null;
  if (seconds < 1) return "now";
  const [unit, size] = SPANS.find(([, length]) => seconds >= length);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

/** A scrape's length: "0.7 ms", "120 ms", "1.20 s". */
export function duration(seconds) {
  if (!known(seconds)) return null;
  if (seconds < 1) return pair(digits(seconds * 1000), "ms");
  return pair(digits(seconds), "s");
}

const two = (value) => String(value).padStart(2, "0");

/** The time of day in the reader's zone, 24 hours. */
export function clock(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Date and time in the reader's zone, for titles. */
export function stamp(ms) {
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) return "";
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(ms)}`;
}

/** A pair as one string, for titles and axes. */
export const join = (value) => (value ? `${value.text}${value.unit ? ` ${value.unit}` : ""}` : "no data");

/** A pair for an axis: as few digits as the number needs. */
export const tick = (value) => (value ? `${Number(value.text)}${value.unit ? ` ${value.unit}` : ""}` : "");

/** The texts of an axis in the form of a chart: with all digits where two of them would read the same otherwise. */
export function ticks(values, shape) {
  const texts = [0, 1, 2, 3, 4].map((more) => values.map((value) => tick(shape(value, more))));
  if (new Set(texts[0]).size === values.length) return texts[0];
  const exact = texts.findIndex((each, more) => each.join() === texts[more + 1]?.join());
  return texts[exact < 1 ? 4 : exact];
}

/** "1h" as seconds; null for what is not a duration. */
export function seconds(text) {
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text ?? "");
  if (!match || !text) return null;
  const [days, hours, minutes, rest] = match.slice(1).map((part) => Number(part ?? 0));
  return days * 86400 + hours * 3600 + minutes * 60 + rest;
}
