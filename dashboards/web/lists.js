// Filtering and ordering of alerts and targets. Pure.

/** Whether every word of the filter is somewhere in the texts. Case does not count. */
export function hasWords(filter, texts) {
  const hay = texts.join("\n").toLowerCase();
  return (filter ?? "").toLowerCase().split(/\s+/).filter(Boolean).every((word) => hay.includes(word));
}

const SEVERITIES = ["critical", "warning", "info"];
const rank = (alert) => {
  const at = SEVERITIES.indexOf(alert.labels.severity);
  return at < 0 ? SEVERITIES.indexOf("warning") : at;
};

/** Firing before pending, severe before mild, new before old. */
export function sortAlerts(alerts) {
  return [...alerts].sort((a, b) => (b.state === "firing") - (a.state === "firing") || rank(a) - rank(b)
    || Date.parse(b.activeAt) - Date.parse(a.activeAt) || JSON.stringify(a.labels).localeCompare(JSON.stringify(b.labels)));
}

const HEALTH = { down: 0, unknown: 1, up: 2 };

/** Those that fail first, then by job and instance. */
export function sortTargets(targets) {
  const name = (target) => `${target.labels.job}\n${target.labels.instance}`;
  return [...targets].sort((a, b) => (HEALTH[a.health] ?? 1) - (HEALTH[b.health] ?? 1)
    || name(a).localeCompare(name(b), "en", { numeric: true }));
}
