// From range queries to the columns of a chart. Pure.

/** All series on one grid of times: null where a series has no value, so that a gap stays a gap. */
export function onGrid(series, { start, end, step }) {
  const length = Math.floor((end - start) / step + 1e-6) + 1;
  const times = Array.from({ length }, (_, index) => start + index * step);
  const lines = series.map(({ label, points, colour }) => {
    const values = new Array(length).fill(null);
    for (const [time, value] of points) {
      const at = Math.round((time - start) / step);
      if (at >= 0 && at < length && Number.isFinite(value)) values[at] = value;
    }
    return { label, values, colour };
  });
  return { times, lines };
}

/** Adds the lines up from the first to the last, for stacked areas; a missing value counts as nothing unless all are missing. */
export function stacked(lines) {
  const sums = [];
  return lines.map(({ label, values }) => ({
    label,
    raw: values,
    values: values.map((value, index) => {
      if (lines.every((line) => line.values[index] === null)) return null;
      sums[index] = (sums[index] ?? 0) + (value ?? 0);
      return sums[index];
    }),
  }));
}

export function latest(values) {
  for (let index = values.length - 1; index >= 0; index -= 1) if (values[index] !== null) return values[index];
  return null;
}

export function peak(values) {
  let most = null;
  for (const value of values) if (value !== null && (most === null || value > most)) most = value;
  return most;
}

/** The `count` lines with the highest peaks, in their order; and how many were left out. */
export function busiest(lines, count) {
  if (lines.length <= count) return { lines, left: 0 };
  const ranked = [...lines].sort((a, b) => (peak(b.values) ?? -Infinity) - (peak(a.values) ?? -Infinity)).slice(0, count);
  return { lines: lines.filter((line) => ranked.includes(line)), left: lines.length - count };
}

/** The step of a range query: about 240 points, never finer than the scrape interval, whole seconds that people know. */
export function stepFor(span, interval) {
  const wanted = Math.max(interval, span / 240);
  return [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400].find((step) => step >= wanted) ?? 86400;
}

/** CPU modes in the order of a stack; each keeps its colour on every host. */
const MODES = ["system", "user", "nice", "iowait", "irq", "softirq", "steal"];

export function cpuLines(result) {
  const order = (mode) => (MODES.includes(mode) ? MODES.indexOf(mode) : MODES.length);
  return [...result].sort((a, b) => order(a.labels.mode) - order(b.labels.mode)).map(({ labels, points }) => ({ label: labels.mode, points, colour: order(labels.mode) }))
    // Modes that never occur only take room in the legend.
    .filter(({ points }, _, all) => points.some(([, value]) => value > 0) || all.every((line) => line.points.every(([, value]) => !(value > 0))));
}

const LOADS = { node_load1: "1 min", node_load5: "5 min", node_load15: "15 min" };

/** The load averages from the shortest to the longest. */
export function loadLines(result) {
  return Object.entries(LOADS).flatMap(([name, label]) => result.filter(({ labels }) => labels.__name__ === name).map(({ points }) => ({ label, points })));
}

const byTime = (series) => new Map(series?.points ?? []);

/** Used, cache and swap from the sizes that the kernel names. */
export function memoryLines(result) {
  const of = (part) => result.find(({ labels }) => labels.__name__ === `node_memory_${part}_bytes`);
  const minus = (label, whole, part) => {
    const [all, rest] = [of(whole), byTime(of(part))];
    if (!all || rest.size === 0) return [];
    return [{ label, points: all.points.filter(([time]) => rest.has(time)).map(([time, value]) => [time, value - rest.get(time)]) }];
  };
  const as = (label, part) => (of(part) ? [{ label, points: of(part).points }] : []);
  const swap = minus("swap used", "SwapTotal", "SwapFree");
  const hasSwap = of("SwapTotal")?.points.some(([, value]) => value > 0);
  return [...minus("used", "MemTotal", "MemAvailable"), ...as("page cache", "Cached"), ...as("buffers", "Buffers"),
    ...(hasSwap ? swap : []), ...as("total", "MemTotal")];
}
