// In which order hosts are shown, and which of them. Pure.

import { LIMITS, STATES, STATE_WORDS } from "./fleet.js";

const SORTS = {
  trouble: null,
  name: (row) => row.name,
  cpu: (row) => row.cpu,
  memory: (row) => row.memory?.percent ?? null,
  disk: (row) => row.disk?.percent ?? null,
  temperature: (row) => row.temperature?.celsius ?? null,
  gpu: (row) => row.gpu?.percent ?? null,
  battery: (row) => row.battery?.percent ?? null,
  received: (row) => row.received,
  sent: (row) => row.sent,
  load: (row) => row.load,
  uptime: (row) => row.uptime,
  alerts: (row) => row.firing * 1000 + row.pending,
};
export const SORT_NAMES = Object.keys(SORTS);

/** How near to its limit the worst figure is; 1 is the warning limit. */
function strain(row) {
  const parts = [[row.cpu, LIMITS.cpu], [row.memory?.percent, LIMITS.memory], [row.disk?.percent, LIMITS.disk],
    [row.temperature?.celsius, LIMITS.temperature]];
  // In whole steps above the limit and none below, so that quiet hosts keep their places.
  return Math.max(...parts.map(([value, [warning]]) => (value >= warning ? Math.floor(value) / warning : 0)));
}

// Made once: a collator per comparison would cost most of the time of a large fleet.
const names = new Intl.Collator("en", { numeric: true });
const byName = (a, b) => names.compare(a.name, b.name) || names.compare(a.key, b.key);

function byTrouble(a, b) {
  return STATES.indexOf(a.state) - STATES.indexOf(b.state) || strain(b) - strain(a) || byName(a, b);
}

/** A sorted copy. What has no figure comes last in both directions. */
export function sortHosts(rows, column, descending) {
  const value = SORTS[column];
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    if (!value) return sign * byTrouble(a, b);
    const [left, right] = [value(a), value(b)];
    if (left === null || right === null) return (left === null) - (right === null) || byName(a, b);
    const order = typeof left === "string" ? byName(a, b) : left - right;
    return sign * order || byName(a, b);
  });
}

/** Words that must all be found, and `label=value` pairs that must hold. Case does not count. */
export function filterHosts(rows, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    const labels = [["job", row.job], ["instance", row.instance], ["state", STATE_WORDS[row.state]], ...row.chips];
    const hay = [row.name, ...labels.map(([, value]) => value)].join("\n").toLowerCase();
    return words.every((word) => {
      const [name, wanted] = word.split("=", 2);
      if (wanted === undefined) return hay.includes(word);
      return labels.some(([label, value]) => label.toLowerCase() === name && value.toLowerCase().includes(wanted));
    });
  });
}

/** How many hosts are in each state. */
export function tally(rows) {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const row of rows) counts[row.state] += 1;
  return counts;
}
