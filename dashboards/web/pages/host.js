// One host: what it is, what is wrong, and its charts over a range.

import { html } from "../vendor/ui.js";
import * as api from "../api.js";
import * as queries from "../queries.js";
import * as format from "../format.js";
import { alertsOf, keyOf, rateWindow, stateOf, STATE_WORDS, worstOf } from "../fleet.js";
import { gpuName, sensorName } from "../sensors.js";
import { cpuLines, loadLines, memoryLines, onGrid, stepFor } from "../series.js";
import { usePoll } from "../poll.js";
import { change, href, route } from "../router.js";
import { alertsNow } from "../store.js";
import { Ago, Answer, Chips, Empty, Refused, State } from "../parts.js";
import { Chart } from "../chart.js";

const RANGES = ["5m", "15m", "1h", "3h", "6h", "12h", "1d", "2d", "7d", "30d"];
const DEFAULT_RANGE = "1h";

const named = (label) => (result) => result.map(({ labels, points }) => ({ label: labels[label] ?? "", points }));
const both = (one, other) => (results) => [
  ...(results[one] ?? []).map(({ labels, points }) => ({ label: `${labels.device} in`, points })),
  ...(results[other] ?? []).map(({ labels, points }) => ({ label: `${labels.device} out`, points })),
];
const io = (results) => [
  ...(results.read ?? []).map(({ labels, points }) => ({ label: `${labels.device} read`, points })),
  ...(results.written ?? []).map(({ labels, points }) => ({ label: `${labels.device} written`, points })),
];
/** Lines that say nothing all the time (devices without traffic) only take up colours. */
const moving = (lines) => {
  const busy = lines.filter((line) => line.points.some(([, value]) => value > 0));
  return busy.length > 0 ? busy : lines;
};
/** Two drives of one kind have sensors of one name: those are told apart by what is theirs. */
const distinct = (lines) => lines.map((line) => {
  const twins = lines.filter(({ label }) => label === line.label).length > 1;
  return twins ? { ...line, label: `${line.label} (${line.owner})` } : line;
});
const owner = (labels) => [labels.chip, labels.sensor, labels.zone, labels.uuid].filter(Boolean).join(" ");
const gpuLines = (results, figure, word = "") => (results.gpu ?? []).filter(({ labels }) => labels.__name__ === `node_gpu_${figure}`)
  .map(({ labels, points }) => ({ label: `${gpuName(labels)}${word}`, points }));
const times100 = (points) => points.map(([time, value]) => [time, value * 100]);

/** The one table of charts, in the order of the page. A chart without lines is left out. */
const CHARTS = [
  { title: "CPU", max: 100, stack: true, format: format.percent, lines: (r) => cpuLines(r.cpu ?? []) },
  { title: "Memory", binary: true, peakOf: "used", format: format.bytes, lines: (r) => memoryLines(r.memory ?? []) },
  { title: "Load", format: format.plain, ordered: true, lines: (r) => loadLines(r.load ?? []) },
  { title: "Disk use", max: 100, format: format.percent, lines: (r) => named("mountpoint")(r.disk ?? []) },
  { title: "Disk traffic", format: format.byteRate, lines: (r) => moving(io(r)) },
  { title: "Network", format: format.byteRate, lines: (r) => moving(both("received", "sent")(r)) },
  { title: "Temperatures", format: format.celsius, lines: (r, facts) => distinct((r.temperature ?? []).map(({ labels, points }) => ({ label: sensorName(labels, facts), owner: owner(labels), points }))) },
  { title: "GPU", max: 100, format: format.percent, lines: (r) => gpuLines(r, "utilization_ratio").map(({ label, points }) => ({ label, points: times100(points) })) },
  { title: "GPU memory", binary: true, format: format.bytes, lines: (r) => [...gpuLines(r, "memory_used_bytes", " used"), ...gpuLines(r, "memory_total_bytes", " total")] },
  { title: "GPU power", format: format.watts, lines: (r) => gpuLines(r, "power_watts") },
  { title: "Battery", max: 100, format: format.percent, lines: (r) => (r.battery ?? []).map(({ labels, points }) => ({ label: labels.power_supply ?? "battery", points })) },
];

/** The span that the address names: a length back from now, or two fixed moments. */
function spanOf(params, now) {
  const [from, to] = [Number(params.from), Number(params.to)];
  if (from > 0 && to > from) return { from, to, fixed: true };
  const length = format.seconds(params.range) || format.seconds(DEFAULT_RANGE);
  return { from: now - length, to: now, fixed: false };
}

async function load(job, instance, params, cancel) {
  const key = keyOf({ job, instance });
  const [targets, head] = await Promise.all([api.targets(cancel), api.all(queries.hostFacts(job, instance), api.query, cancel)]);
  const target = targets.find((one) => keyOf(one.labels) === key) ?? null;
  const interval = format.seconds(target?.scrapeInterval) || 15;
  const span = spanOf(params, api.serverNow() / 1000);
  const step = stepFor(span.to - span.from, interval);
  // Whole steps, so that the points do not wander from one refresh to the next.
  const grid = { start: Math.floor(span.from / step) * step, end: Math.floor(span.to / step) * step, step };
  const window = `${Math.max(step, parseInt(rateWindow(interval), 10))}s`;
  const ask = (expression, stop) => api.range(expression, grid, stop);
  const { results, refused } = await api.all(queries.charts(job, instance, window), ask, cancel);
  const facts = head.results.facts ?? [];
  return { target, facts, results, refused: { ...refused, ...head.refused }, grid, span };
}

const fact = (facts, name) => facts.find(({ labels }) => labels.__name__ === name);

/** The head: name, state, what is wrong in words, and what the host is. */
function HostHead({ job, instance, data }) {
  const { target, facts } = data;
  const uname = fact(facts, "node_uname_info")?.labels;
  const system = fact(facts, "node_os_info")?.labels.pretty_name ?? uname?.sysname;
  const cpus = facts.filter(({ labels }) => labels.__name__ === "node_cpu_info");
  const gpus = facts.filter(({ labels }) => labels.__name__ === "node_gpu_info");
  const boot = fact(facts, "node_boot_time_seconds")?.value;
  const clock = fact(facts, "node_time_seconds")?.value;
  const all = alertsOf(alertsNow.value.list, job, instance);
  const alerts = all.filter((alert) => alert.state === "firing");
  const down = target?.health === "down";
  const state = stateOf(target, facts.length > 0, all);
  const about = [
    ["System", system], ["Kernel", uname?.release], ["Machine", uname?.machine],
    ["CPU", cpus[0]?.labels.model_name && `${cpus.length} x ${cpus[0].labels.model_name}`],
    ["GPU", gpus.length > 0 && [...new Set(gpus.map(({ labels }) => labels.name))].join(", ")],
    ["Up", boot && clock ? format.span(clock - boot) : null],
  ].filter(([, value]) => value);
  const extra = Object.entries(target?.labels ?? {}).filter(([name]) => name !== "instance");
  return html`<header class="host-head">
    <div class="summary"><h1>${uname?.nodename ?? instance}</h1><${State} state=${state} word=${STATE_WORDS[state]} />
      ${uname && html`<span class="chip" title="instance">${instance}</span>`}<${Chips} labels=${extra} /><${Range} span=${data.span} /></div>
    ${down && html`<p class="wrong is-down"><strong>Does not answer</strong>, last tried <${Ago} at=${target.lastScrape} />. <span class="words">${target.lastError}</span></p>`}
    ${!target && html`<p class="wrong is-unknown">This is not a target of the server now. Figures that are shown were stored before.</p>`}
    ${alerts.map((alert) => html`<p class=${`wrong is-${worstOf([alert])}`}>
      <a href=${href("alerts", [], { q: instance })}>${alert.labels.alertname}</a> since <${Ago} at=${alert.activeAt} />. ${alert.annotations?.description ?? alert.annotations?.summary ?? ""}</p>`)}
    ${about.length > 0 && html`<dl class="about">${about.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`}
  </header>`;
}

function Range({ span }) {
  const current = span.fixed ? "" : route.value.params.range ?? DEFAULT_RANGE;
  return html`<span class="range">
    <label>Range <select id="range" value=${current} onChange=${(event) => change({ range: event.currentTarget.value, from: "", to: "" })}>
      ${span.fixed && html`<option value="">${format.stamp(span.from * 1000)} to ${format.clock(span.to * 1000)}</option>`}
      ${[...new Set([...RANGES, current])].filter(Boolean).map((range) => html`<option key=${range} value=${range}>Last ${range}</option>`)}
    </select></label>
    ${span.fixed && html`<button type="button" onClick=${() => change({ from: "", to: "" })}>Back to live</button>`}
  </span>`;
}

/** Asks for a host again and again: as often as new samples come for short ranges, seldom for long ones, once for a fixed one. */
function useHost(job, instance, params) {
  const { range, from, to } = params;
  const long = (format.seconds(range ?? DEFAULT_RANGE) ?? 0) > 3600;
  const pace = from && to ? 0 : long ? 30_000 : 5000;
  return usePoll((cancel) => load(job, instance, params, cancel), pace, [job, instance, range, from, to]);
}

function Charts({ data, onZoom, onReset }) {
  const charts = CHARTS.map((chart) => ({ chart, lines: chart.lines(data.results, data.facts) })).filter(({ lines }) => lines.length > 0);
  if (charts.length === 0) return null;
  return html`<div class="charts">${charts.map(({ chart, lines }) => html`<${Chart} key=${chart.title} chart=${chart} grid=${onGrid(lines, data.grid)} sync="host" onZoom=${onZoom} onReset=${onReset} />`)}</div>`;
}

/** The last minutes of a host below its row, where it is the only one: there is room, and nothing else to compare. */
export function OnlyHost({ job, instance }) {
  const answer = useHost(job, instance, { range: "5m" });
  const open = (from, to) => {
    location.hash = href("host", [job, instance], { from: Math.floor(from), to: Math.ceil(to) });
  };
  if (!answer.data) return null;
  return html`<section><h2>Last 5 minutes<a href=${href("host", [job, instance])}>Longer ranges</a></h2>
    <${Charts} data=${answer.data} onZoom=${open} /></section>`;
}

export function Host({ args, params }) {
  const [job = "", instance = ""] = args;
  const answer = useHost(job, instance, params);
  const zoom = (from, to) => change({ from: Math.floor(from), to: Math.ceil(to) });
  const reset = () => change({ from: "", to: "" });
  return html`<${Answer} answer=${answer} title=${instance} what="This host could not be loaded.">${(data) => {
    const nothing = Object.values(data.results).every((result) => result.length === 0);
    return html`<${HostHead} job=${job} instance=${instance} data=${data} />
      <${Refused} refused=${data.refused} retry=${answer.retry} />
      ${nothing && html`<${Empty} title="No figures in this range"><p>Choose a longer range, or <a href=${href("targets", [], { q: instance })}>see whether the target answers</a>.</p></${Empty}>`}
      <${Charts} data=${data} onZoom=${zoom} onReset=${reset} />`;
  }}</${Answer}>`;
}
