// The Prometheus HTTP API of the server that served this page, and what we know about the line to it.

import { signal } from "./vendor/ui.js";

const TIMEOUT_MS = 10_000;

/** The server answered, and said no: its own words. */
export class ApiError extends Error {}
/** No answer came. */
export class NoAnswer extends Error {}

/** Whether the server answers: `ok` null until the first answer; `since` is when that became so, `last` the last answer. */
export const line = signal({ ok: null, since: Date.now(), last: null });

let skew = 0;
/** The server's clock in milliseconds, as far as its Date header tells; ours may be wrong. */
export const serverNow = () => Date.now() + skew;

function note(ok) {
  const now = Date.now();
  const before = line.value;
  const since = before.ok === ok ? before.since : now;
  line.value = { ok, since, last: ok ? now : before.last };
}

function noteClock(response) {
  const said = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(said)) return;
  // The header has whole seconds: a smaller difference says nothing.
  const difference = said + 500 - Date.now();
  skew = Math.abs(difference) > 2000 ? difference : 0;
}

async function read(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(`the server answered ${response.status} ${response.statusText} without JSON`);
  }
}

async function ask(path, fields, cancel) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const stop = new AbortController();
  const abort = () => stop.abort();
  limit.addEventListener("abort", abort);
  cancel?.addEventListener("abort", abort);
  try {
    const query = new URLSearchParams(fields).toString();
    const url = `api/v1/${path}${query ? `?${query}` : ""}`;
    const response = await fetch(url, { signal: stop.signal, headers: { accept: "application/json" }, cache: "no-store" });
    const body = await read(response);
    noteClock(response);
    note(true);
    if (body.status !== "success") throw new ApiError(body.error ?? `the server answered ${response.status}`);
    return body.data;
  } catch (error) {
    if (error instanceof ApiError) {
      note(true);
      throw error;
    }
    if (cancel?.aborted) throw error;
    note(false);
    throw new NoAnswer(limit.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : "the server does not answer");
  } finally {
    cancel?.removeEventListener("abort", abort);
  }
}

export const targets = (cancel) => ask("targets", { state: "active" }, cancel).then((data) => data.activeTargets ?? []);
export const alerts = (cancel) => ask("alerts", {}, cancel).then((data) => data.alerts ?? []);
export const rules = (cancel) => ask("rules", {}, cancel).then((data) => data.groups ?? []);

/** An instant query: a list of { labels, value }. */
export async function query(expression, cancel) {
  const data = await ask("query", { query: expression }, cancel);
  return (data.result ?? []).map((series) => ({ labels: series.metric, value: Number(series.value[1]) }));
}

/** A range query: a list of { labels, points: [[seconds, value], ...] }. */
export async function range(expression, { start, end, step }, cancel) {
  const data = await ask("query_range", { query: expression, start, end, step }, cancel);
  return (data.result ?? []).map((series) => ({
    labels: series.metric,
    points: series.values.map(([time, value]) => [time, Number(value)]),
  }));
}

/**
 * Asks a table of expressions at once. One that the server refuses costs only its own column: the answer is
 * { results, refused }, both by the table's names. When the server does not answer at all, that is thrown.
 */
export async function all(table, one, cancel) {
  const names = Object.keys(table);
  const settled = await Promise.allSettled(names.map((name) => one(table[name], cancel)));
  const results = {};
  const refused = {};
  settled.forEach((outcome, index) => {
    const name = names[index];
    if (outcome.status === "fulfilled") results[name] = outcome.value;
    else if (outcome.reason instanceof ApiError) refused[name] = outcome.reason.message;
    else throw outcome.reason;
  });
  return { results, refused };
}
