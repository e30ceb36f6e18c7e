// All hosts, worst first, refreshed every 2 s.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import * as api from "../api.js";
import * as queries from "../queries.js";
import * as format from "../format.js";
import { STATES, STATE_WORDS, gridCurves, hostsIn, joinHosts, keepLast, levelOf, rateWindow } from "../fleet.js";
import { SORT_NAMES, filterHosts, sortHosts, tally } from "../order.js";
import { usePoll } from "../poll.js";
import { change, href } from "../router.js";
import { alertsNow, lastFigures } from "../store.js";
import { Answer, Bar, Chips, Empty, Figure, Refused, Spark, State } from "../parts.js";
import { useVisibleRows } from "../rows.js";
import { OnlyHost } from "./host.js";

const LIVE_MS = 2000;
const SLOW_MS = 30_000;
const HOUR = 3600;

/** The range of the rates that suits the slowest target that is up. */
function windowFor(targets) {
  const intervals = targets.filter((target) => target.health === "up").map((target) => format.seconds(target.scrapeInterval) ?? 15);
  return rateWindow(Math.max(5, ...intervals));
}

/** The seldom part: facts and curves. Kept beside the live part so that each has its own pace. */
function useSlow(window) {
  return usePoll(async (cancel) => {
    const end = Math.floor(api.serverNow() / 30_000) * 30;
    const grid = { start: end - HOUR, end, step: 60 };
    const curve = (expression, stop) => api.range(expression, grid, stop);
    const [facts, curves] = await Promise.all([
      api.all(queries.facts, api.query, cancel),
      api.all(queries.curves(window), curve, cancel),
    ]);
    return {
      ...facts.results,
      cpu: gridCurves(curves.results.cpu, grid),
      memory: gridCurves(curves.results.memory, grid),
      refused: { ...facts.refused, ...Object.fromEntries(Object.entries(curves.refused).map(([name, why]) => [`${name} curve`, why])) },
    };
  }, SLOW_MS, [window]);
}

function useLive() {
  return usePoll(async (cancel) => {
    const targets = await api.targets(cancel);
    const window = windowFor(targets);
    const { results, refused } = await api.all(queries.live(window), api.query, cancel);
    return { targets, window, results, refused };
  }, LIVE_MS, []);
}

/** "web-1:9100" says no more than "web-1". */
const namesItself = (row) => row.instance === row.name || row.instance.startsWith(`${row.name}:`) || row.instance.startsWith(`${row.name}.`);
const short = (name) => (name.length > 22 ? `${name.slice(0, 21)}...` : name);

function temperatureLevel(temperature) {
  if (!temperature) return "none";
  // The chip's own limit counts where it names one.
  if (temperature.limit) return levelOf("temperature", temperature.celsius * (95 / temperature.limit));
  return levelOf("temperature", temperature.celsius);
}

function meter(kind, value, before, missing) {
  const level = levelOf(kind, value);
  return html`${before}<span class=${`reading is-${level}`}><${Figure} value=${format.percent(value)} missing=${missing} /><${Bar} percent=${value} level=${level} /></span>`;
}

/** The one table of columns: heading, CSS width, content, the raw value for tests and title, and when it is worth its room. */
const COLUMNS = [
  { name: "trouble", heading: "State", width: "76px", cell: (row) => html`<${State} state=${row.state} word=${STATE_WORDS[row.state]} />` },
  { name: "name", heading: "Host", width: "minmax(160px, 2fr)", cell: (row, slow, manyJobs) => html`<a href=${hostAddress(row)}>${row.name}</a>
      ${!namesItself(row) && html`<span class="chip" title="instance">${row.instance}</span>`}<${Chips} labels=${manyJobs ? [["job", row.job], ...row.chips] : row.chips} />` },
  { name: "cpu", heading: "CPU", width: "124px", value: (row) => row.cpu,
    cell: (row, slow) => meter("cpu", row.cpu, html`<${Spark} values=${slow?.cpu.get(row.key)} label="CPU of the last hour" />`) },
  { name: "memory", heading: "Memory", width: "124px", value: (row) => row.memory?.percent,
    title: (row) => row.memory && `${format.join(format.bytes(row.memory.used))} of ${format.join(format.bytes(row.memory.total))} used`,
    cell: (row, slow) => meter("memory", row.memory?.percent ?? null, html`<${Spark} values=${slow?.memory.get(row.key)} label="Memory of the last hour" />`) },
  { name: "disk", heading: "Fullest disk", width: "minmax(96px, .8fr)", value: (row) => row.disk?.percent,
    cell: (row) => meter("disk", row.disk?.percent ?? null, row.disk && html`<span class="what" title=${row.disk.mountpoint}>${row.disk.mountpoint}</span>`) },
  { name: "temperature", heading: "Hottest", width: "minmax(112px, 1fr)", value: (row) => row.temperature?.celsius,
    title: (row) => row.temperature && `${row.temperature.sensor}${row.temperature.limit ? `, limit ${row.temperature.limit} \u00b0C` : ""}`,
    cell: (row) => html`${row.temperature && html`<span class="what">${short(row.temperature.sensor)}</span>`}
      <span class=${`reading is-${temperatureLevel(row.temperature)}`}><${Figure} value=${format.celsius(row.temperature?.celsius)} missing=${row.memory ? "no sensor" : "no data"} /></span>` },
  { name: "gpu", heading: "GPU", width: "62px", optional: (row) => row.gpu, value: (row) => row.gpu?.percent,
    cell: (row) => row.gpu && meter("gpu", row.gpu.percent) },
  { name: "battery", heading: "Battery", width: "64px", optional: (row) => row.battery, value: (row) => row.battery?.percent,
    title: (row) => row.battery?.status,
    cell: (row) => row.battery && html`<span class=${`reading is-${row.battery.status === "Discharging" && row.battery.percent < 20 ? "warning" : "ok"}`}>
      ${row.battery.status === "Charging" && html`<small title="Charging">\u2191</small>`}<${Figure} value=${format.percent(row.battery.percent)} /></span>` },
  { name: "received", heading: "Net in", width: "74px", value: (row) => row.received, cell: (row) => html`<${Figure} value=${format.byteRate(row.received)} />` },
  { name: "sent", heading: "Net out", width: "74px", value: (row) => row.sent, cell: (row) => html`<${Figure} value=${format.byteRate(row.sent)} />` },
  { name: "load", heading: "Load", width: "52px", value: (row) => row.load, cell: (row) => html`<${Figure} value=${format.plain(row.load)} />` },
  { name: "uptime", heading: "Uptime", width: "70px", value: (row) => row.uptime,
    cell: (row) => (row.uptime === null ? html`<${Figure} />` : html`<span class="figure">${format.uptime(row.uptime)}</span>`) },
  { name: "alerts", heading: "Alerts", width: "46px", value: (row) => row.firing,
    cell: (row) => html`${row.firing > 0 && html`<a class=${`count is-${row.worst}`} href=${href("alerts", [], { q: row.instance })} title=${`Firing: ${row.names.join(", ")}`}>${row.firing}<span class="hidden"> firing ${row.firing === 1 ? "alert" : "alerts"}</span></a>`}
      ${row.pending > 0 && html`<span class="pending" title=${`${row.pending} pending ${row.pending === 1 ? "alert" : "alerts"}`}>${row.pending}<span class="hidden"> pending ${row.pending === 1 ? "alert" : "alerts"}</span></span>`}` },
];
const NUMERIC = new Set(["cpu", "memory", "disk", "temperature", "gpu", "battery", "received", "sent", "load", "uptime", "alerts"]);

const hostAddress = (row) => href("host", [row.job, row.instance]);

function Head({ columns, sort, descending }) {
  const choose = (name) => {
    const down = sort === name ? !descending : NUMERIC.has(name);
    change({ sort: name === "trouble" ? "" : name, desc: down ? "1" : "" });
  };
  return html`<div role="row" class="row head">${columns.map(({ name, heading }) => {
    const here = sort === name;
    return html`<div role="columnheader" key=${name} class=${`cell ${NUMERIC.has(name) ? "right" : ""}`} aria-sort=${here ? (descending ? "descending" : "ascending") : "none"}>
      <button type="button" onClick=${() => choose(name)}>${heading}<span class="arrow" aria-hidden="true">${here ? (descending ? "\u2193" : "\u2191") : ""}</span></button>
    </div>`;
  })}</div>`;
}

/** Why a row is dimmed, in words. */
function remark(row) {
  if (row.state === "down") return row.stale === null ? `Down: ${row.error ?? "the last scrape failed"}` : `Values from ${format.ago(row.stale)}. ${row.error ?? ""}`;
  if (row.stale !== null) return `Values from ${format.ago(row.stale)}`;
  return undefined;
}

function Row({ row, columns, slow, manyJobs, index }) {
  const open = (event) => {
    if (!event.target.closest("a, button") && !getSelection().toString()) location.hash = hostAddress(row);
  };
  const dim = row.stale !== null || row.state === "down" || row.state === "unknown";
  return html`<div role="row" class=${`row host is-${row.state} ${dim ? "is-stale" : ""}`} aria-rowindex=${index + 2} data-host=${row.name} data-instance=${row.instance} onClick=${open} title=${remark(row)}>
    ${columns.map((column) => html`<div role="cell" key=${column.name} class=${`cell c-${column.name} ${NUMERIC.has(column.name) ? "right" : ""} ${column.optional && !column.optional(row) ? "is-absent" : ""}`}
      data-label=${column.heading} data-value=${column.value?.(row) ?? undefined} title=${column.title?.(row) || undefined}>
      ${column.cell(row, slow, manyJobs)}
      ${column.name === "trouble" && row.stale !== null && html`<small class="age">${format.ago(row.stale)}</small>`}
    </div>`)}
  </div>`;
}

function Summary({ rows, shown, sort, descending }) {
  const counts = tally(rows);
  return html`<div class="summary">
    <h1>Hosts</h1>
    <span class="total">${shown === rows.length ? rows.length : `${shown} of ${rows.length}`}</span>
    ${STATES.filter((state) => counts[state] > 0).map((state) => html`<button key=${state} type="button" class="tally" title=${`Show only: ${STATE_WORDS[state]}`}
      onClick=${() => change({ q: `state=${STATE_WORDS[state].toLowerCase().split(" ")[0]}` })}><${State} state=${state} word=${hostsIn(state, counts[state])} /></button>`)}
    ${rows.length > 1 && html`<label class="sort">Sort by <select value=${sort} onChange=${(event) => change({ sort: event.currentTarget.value === "trouble" ? "" : event.currentTarget.value, desc: NUMERIC.has(event.currentTarget.value) ? "1" : "" })}>
      ${SORT_NAMES.map((name) => html`<option key=${name} value=${name}>${name === "trouble" ? "Trouble" : COLUMNS.find((column) => column.name === name).heading}</option>`)}
    </select></label>`}
  </div>`;
}

function Table({ rows, slow, sort, descending }) {
  const body = useRef(null);
  const columns = COLUMNS.filter((column) => !column.optional || rows.some(column.optional));
  const manyJobs = rows.some((row) => row.job !== rows[0].job);
  const { from, to, above, below } = useVisibleRows(body, rows.length);
  const template = columns.map((column) => column.width).join(" ");
  return html`<div role="table" class="hosts" aria-label="Hosts" aria-rowcount=${rows.length + 1} style=${{ "--columns": template }}>
    <${Head} columns=${columns} sort=${sort} descending=${descending} />
    <div role="rowgroup" ref=${body}>
      ${above > 0 && html`<div role="presentation" style=${{ height: `${above}px` }}></div>`}
      ${rows.slice(from, to).map((row, offset) => html`<${Row} key=${row.key} row=${row} columns=${columns} slow=${slow} manyJobs=${manyJobs} index=${from + offset} />`)}
      ${below > 0 && html`<div role="presentation" style=${{ height: `${below}px` }}></div>`}
    </div>
  </div>`;
}

function NoHosts({ targets, query }) {
  if (query) return html`<${Empty} title="No host matches the filter"><p><button type="button" onClick=${() => change({ q: "" })}>Clear the filter</button></p></${Empty}>`;
  if (targets.length === 0) {
    return html`<${Empty} title="No targets yet"><p>Add one to <code>scrape_configs</code> in the configuration file and start the server again:</p>
      <pre>scrape_configs:\n  - job_name: node\n    static_configs:\n      - targets: ["host:9100"]</pre></${Empty}>`;
  }
  return html`<${Empty} title="No host has answered yet"><p>There ${targets.length === 1 ? "is 1 target" : `are ${targets.length} targets`}, but none has sent figures of a host. <a href=${href("targets")}>See the targets and their errors.</a></p></${Empty}>`;
}

export function Hosts({ params }) {
  const answer = useLive();
  const slow = useSlow(answer.data?.window ?? "30s");
  const query = params.q ?? "";
  const sort = SORT_NAMES.includes(params.sort) ? params.sort : "trouble";
  const descending = params.desc === "1";
  return html`<${Answer} answer=${answer} title="Hosts" what="The hosts could not be loaded.">${(data) => {
    const now = api.serverNow();
    const joined = joinHosts({ ...data.results, targets: data.targets, alerts: alertsNow.value.list, facts: slow.data?.facts, known: slow.data?.known, now });
    const all = keepLast(joined, lastFigures, answer.at);
    const rows = sortHosts(filterHosts(all, query), sort, descending);
    return html`<${Summary} rows=${all} shown=${rows.length} sort=${sort} />
      <${Refused} refused=${{ ...data.refused, ...slow.data?.refused }} retry=${answer.retry} />
      ${rows.length === 0 ? html`<${NoHosts} targets=${data.targets} query=${query} />` : html`<${Table} rows=${rows} slow=${slow.data} sort=${sort} descending=${descending} />`}
      ${all.length === 1 && rows.length === 1 && html`<${OnlyHost} job=${all[0].job} instance=${all[0].instance} />`}`;
  }}</${Answer}>`;
}
