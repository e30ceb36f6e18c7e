// From answers of the server to rows of the hosts view. Pure: what it is given is all it knows.
// A host is a target (job and instance) with node_* series; a figure that is not there is null, never 0.

import { sensorLimit, sensorName } from "./sensors.js";

/** One key for a job and an instance; neither can contain a line feed in practice, and a clash would only merge two rows. */
export const keyOf = (labels) => `${labels.job ?? ""}\n${labels.instance ?? ""}`;

/** The order of trouble, worst first. */
export const STATES = ["down", "critical", "warning", "unknown", "info", "pending", "ok"];
export const STATE_WORDS = { down: "Down", critical: "Critical", warning: "Warning", unknown: "No data", info: "Info", pending: "Pending", ok: "OK" };

/** So many hosts are in a state. */
export function hostsIn(state, count) {
  const hosts = count === 1 ? "1 host" : `${count} hosts`;
  const words = {
    down: "down", critical: "with a critical alert", warning: "with a warning", unknown: "without data",
    info: "with an info alert", pending: "with a pending alert", ok: "OK",
  };
  return `${hosts} ${words[state]}`;
}

/** From where on a figure is drawn as a warning, and as critical. The rules decide about alerts; these only colour the bar. */
export const LIMITS = { cpu: [80, 95], memory: [85, 95], disk: [85, 95], temperature: [85, 95], gpu: [101, 102] };

export function levelOf(kind, value) {
  if (value === null || value === undefined) return "none";
  const [warning, critical] = LIMITS[kind];
  if (value >= critical) return "critical";
  return value >= warning ? "warning" : "ok";
}

/** The range of the rates for a scrape interval: four scrapes, at least 30 s. */
export const rateWindow = (interval) => `${Math.max(30, Math.ceil(interval * 4))}s`;

function indexed(results) {
  const index = new Map();
  for (const { labels, value } of results ?? []) {
    if (!Number.isFinite(value)) continue;
    const key = keyOf(labels);
    const list = index.get(key);
    if (list) list.push({ labels, value });
    else index.set(key, [{ labels, value }]);
  }
  return index;
}

const first = (index, key) => index.get(key)?.[0] ?? null;
const gauge = (list, name) => list?.find((entry) => entry.labels.__name__ === name)?.value ?? null;

function memoryOf(list) {
  const total = gauge(list, "node_memory_MemTotal_bytes");
  const available = gauge(list, "node_memory_MemAvailable_bytes");
  if (total === null || available === null || total <= 0) return null;
  return { total, used: total - available, percent: 100 * (1 - available / total) };
}

function temperatureOf(list, facts) {
  let hottest = null;
  for (const entry of list ?? []) if (!hottest || entry.value > hottest.value) hottest = entry;
  if (!hottest) return null;
  return { celsius: hottest.value, sensor: sensorName(hottest.labels, facts), limit: sensorLimit(hottest.labels, facts) };
}

function batteryOf(list, facts) {
  const about = (charge) => facts.find((entry) => entry.labels.__name__ === "node_power_supply_info"
    && entry.labels.power_supply === charge.labels.power_supply);
  // A mouse or a keyboard has a battery too; it is not the one of the host.
  const charge = list?.find((entry) => entry.labels.__name__ === "node_power_supply_capacity" && about(entry)?.labels.scope !== "Device");
  if (!charge) return null;
  const fact = about(charge);
  return { percent: charge.value, status: fact?.labels.status ?? null };
}

function gpuOf(list) {
  const cards = (list ?? []).filter((entry) => entry.labels.__name__ === "node_gpu_utilization_ratio");
  if (cards.length === 0) return null;
  return { percent: 100 * Math.max(...cards.map((card) => card.value)), cards: cards.length };
}

/** The alerts that speak about a target: same instance, and the same job where the alert names one. */
export function alertsOf(alerts, job, instance) {
  return (alerts ?? []).filter(({ labels }) => labels.instance === instance && (labels.job === undefined || labels.job === job));
}

/** Whether an alert is of the severities that wake people. */
export const isCritical = (alert) => ["critical", "page", "emergency", "error"].includes(alert.labels.severity);

const isNotice = (alert) => ["info", "none"].includes(alert.labels.severity);

/** How bad the worst of some alerts is. */
export function worstOf(alerts) {
  if (alerts.some(isCritical)) return "critical";
  return alerts.every(isNotice) ? "info" : "warning";
}

/** The state of a target from its health and its alerts; `figures` says whether there are any. */
export function stateOf(target, figures, alerts) {
  if (target?.health === "down") return "down";
  const firing = alerts.filter((alert) => alert.state === "firing");
  const worst = firing.length > 0 ? worstOf(firing) : null;
  if (worst && worst !== "info") return worst;
  if (!target || target.health === "unknown" || !figures) return "unknown";
  if (worst) return worst;
  return alerts.some((alert) => alert.state === "pending" && !isNotice(alert)) ? "pending" : "ok";
}

const PLAIN_LABELS = new Set(["job", "instance", "__name__"]);
const chipsOf = (labels) => Object.entries(labels ?? {}).filter(([name]) => !PLAIN_LABELS.has(name));

/**
 * The keys of all hosts: every target that has node_* series now or had them in the last hour; and every target that
 * is down while its job has no other kind of target, because that may be a host which never answered.
 */
export function hostKeys(targets, known) {
  const keys = new Set((known ?? []).map(({ labels }) => keyOf(labels)));
  const jobsOfOthers = new Set(targets.filter((target) => target.health === "up" && !keys.has(keyOf(target.labels)))
    .map((target) => target.labels.job));
  for (const target of targets) {
    if (target.health === "down" && !jobsOfOthers.has(target.labels.job)) keys.add(keyOf(target.labels));
  }
  return keys;
}

function rowOf(key, index, input) {
  const { alerts, now } = input;
  const target = index.targets.get(key);
  const [job, instance] = key.split("\n");
  const facts = index.facts.get(key) ?? [];
  const gauges = index.gauges.get(key);
  const cpu = first(index.cpu, key);
  const uname = facts.find((fact) => fact.labels.__name__ === "node_uname_info") ?? first(index.known, key);
  const boot = gauge(gauges, "node_boot_time_seconds");
  const clock = gauge(gauges, "node_time_seconds");
  const mine = alertsOf(alerts, job, instance);
  const firing = mine.filter((alert) => alert.state === "firing");
  const scraped = Date.parse(target?.lastScrape ?? "");
  const disk = first(index.disk, key);
  return {
    key, job, instance,
    name: uname?.labels.nodename ?? instance,
    chips: chipsOf(target?.labels),
    state: stateOf(target, Boolean(cpu || gauges), mine),
    error: target?.lastError || null,
    scrapedAgo: Number.isNaN(scraped) || scraped <= 0 ? null : Math.max(0, (now - scraped) / 1000),
    cpu: cpu?.value ?? null,
    memory: memoryOf(gauges),
    disk: disk ? { percent: disk.value, mountpoint: disk.labels.mountpoint ?? disk.labels.device ?? "" } : null,
    temperature: temperatureOf(index.temperature.get(key), facts),
    gpu: gpuOf(gauges),
    battery: batteryOf(gauges, facts),
    received: first(index.received, key)?.value ?? null,
    sent: first(index.sent, key)?.value ?? null,
    load: gauge(gauges, "node_load1"),
    uptime: boot === null || clock === null ? null : clock - boot,
    firing: firing.length,
    pending: mine.length - firing.length,
    worst: firing.length > 0 ? worstOf(firing) : null,
    names: [...new Set(firing.map((alert) => alert.labels.alertname))],
    stale: null,
  };
}

/** All rows, unsorted. `input` holds the answers by their names in `queries.js`, and `targets`, `alerts`, `now` in ms. */
export function joinHosts(input) {
  const index = { targets: new Map(input.targets.map((target) => [keyOf(target.labels), target])) };
  for (const name of ["cpu", "gauges", "disk", "temperature", "received", "sent", "facts", "known"]) index[name] = indexed(input[name]);
  const known = [...(input.known ?? []), ...(input.gauges ?? []), ...(input.cpu ?? [])];
  return [...hostKeys(input.targets, known)].map((key) => rowOf(key, index, input));
}

const FIGURES = ["cpu", "memory", "disk", "temperature", "gpu", "battery", "received", "sent", "load", "uptime"];

/**
 * Keeps the last figures of hosts that do not answer now, marked with their age, and forgets hosts that are gone.
 * `memory` is a Map that lives as long as the page: key -> { figures, at }.
 */
export function keepLast(rows, memory, now) {
  const present = new Set(rows.map((row) => row.key));
  for (const key of memory.keys()) if (!present.has(key)) memory.delete(key);
  return rows.map((row) => {
    const silent = row.state === "down" || row.state === "unknown";
    if (!silent) {
      memory.set(row.key, { figures: Object.fromEntries(FIGURES.map((name) => [name, row[name]])), at: now, name: row.name });
      return row;
    }
    const last = memory.get(row.key);
    if (!last) return row;
    return { ...row, ...last.figures, name: last.name, stale: (now - last.at) / 1000 };
  });
}

/** Curves by host key: an array of values on the grid from `start` in steps of `step`, null where there is none. */
export function gridCurves(series, { start, end, step }) {
  const length = Math.floor((end - start) / step + 1e-6) + 1;
  const curves = new Map();
  for (const { labels, points } of series ?? []) {
    const values = new Array(length).fill(null);
    for (const [time, value] of points) {
      const at = Math.round((time - start) / step);
      if (at >= 0 && at < length && Number.isFinite(value)) values[at] = value;
    }
    curves.set(keyOf(labels), values);
  }
  return curves;
}
