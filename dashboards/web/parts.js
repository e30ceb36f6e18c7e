// The small pieces that all views are made of.

import { html, useEffect, useState } from "./vendor/ui.js";
import { ago, join, stamp } from "./format.js";
import { line, serverNow } from "./api.js";
import { useSecond } from "./poll.js";

const SHAPES = {
  ok: html`<circle cx="6" cy="6" r="4" />`,
  warning: html`<path d="M6 1.2 11.4 10.8H.6Z" />`,
  critical: html`<path d="M6 .4 11.6 6 6 11.6 .4 6Z" />`,
  down: html`<path d="M2 2l8 8M10 2l-8 8" class="stroke" />`,
  unknown: html`<circle cx="6" cy="6" r="4" class="stroke" />`,
  info: html`<path d="M6 1.5v.01M6 5v6" class="stroke" />`,
  pending: html`<path d="M6 1.2 11.4 10.8H.6Z" class="stroke" />`,
};

/** A state by shape, colour and word; `quiet` shows the word to screen readers only. */
export function State({ state, word, quiet = false }) {
  return html`<span class=${`state is-${state}`} title=${quiet ? word : undefined}>
    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">${SHAPES[state]}</svg>
    <span class=${quiet ? "hidden" : ""}>${word}</span>
  </span>`;
}

/** A figure with its unit, smaller; "no data" where there is none. */
export function Figure({ value, missing = "no data" }) {
  if (!value) return html`<span class="missing">${missing}</span>`;
  return html`<span class="figure">${value.text}${value.unit && html`<small> ${value.unit}</small>`}</span>`;
}

/** A thin bar from 0 to 100, coloured by its level. */
export function Bar({ percent, level }) {
  if (percent === null || percent === undefined) return null;
  const width = `${Math.max(0, Math.min(100, percent))}%`;
  return html`<span class=${`bar is-${level}`} aria-hidden="true"><span style=${{ width }}></span></span>`;
}

/** A curve of the last hour without axes. A gap in the data is a gap in the line. */
export function Spark({ values, max = 100, label }) {
  const [width, height] = [64, 18];
  if (!values || values.every((value) => value === null)) return html`<span class="spark"></span>`;
  const step = width / Math.max(1, values.length - 1);
  let pen = "M";
  let path = "";
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const y = height - 1 - (Math.min(max, Math.max(0, value)) / max) * (height - 2);
    path += `${pen}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    // A single point between two gaps is still drawn.
    if (pen === "M") path += "h.1";
    pen = "L";
  });
  return html`<svg class="spark" viewBox=${`0 0 ${width} ${height}`} width=${width} height=${height} role="img" aria-label=${label}>
    <path d=${path} />
  </svg>`;
}

/** A moment as "3 min ago", with the exact time on hover. */
export function Ago({ at }) {
  useSecond();
  const ms = typeof at === "number" ? at : Date.parse(at);
  if (Number.isNaN(ms) || ms <= 0) return html`<span class="missing">never</span>`;
  return html`<time class="figure" title=${stamp(ms)} datetime=${new Date(ms).toISOString()}>${ago((serverNow() - ms) / 1000)}</time>`;
}

/** Labels as quiet chips. */
export function Chips({ labels }) {
  return labels.map(([name, value]) => html`<span class="chip" key=${name} title=${`${name}="${value}"`}>${value}</span>`);
}

/** What failed, why, and a way to try again. */
export function Trouble({ what, error, retry }) {
  return html`<div class="notice is-error" role="alert">
    <p><strong>${what}</strong><br /><span class="words">${error?.message ?? String(error)}</span></p>
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/** Expressions that the server refused, in its own words. */
export function Refused({ refused, retry }) {
  const names = Object.keys(refused ?? {});
  if (names.length === 0) return null;
  return html`<div class="notice is-warning" role="status">
    <p><strong>${names.length === 1 ? "One query was refused" : `${names.length} queries were refused`}; its figures are missing below.</strong>
      ${names.map((name) => html`<br /><span class="words">${name}: ${refused[name]}</span>`)}</p>
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/** Why there is nothing, and the next step. */
export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

/** Grey rows in the place of what is coming, after 150 ms. */
export function Skeleton({ rows = 8 }) {
  const [shown, show] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => show(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return html`<div class="skeleton" role="status" aria-label="Loading">
    ${shown && Array.from({ length: rows }, (_, index) => html`<span key=${index}></span>`)}
  </div>`;
}

/** The body of a view: heading and skeleton, then content; an error before the first answer takes its place. */
export function Answer({ answer, title, what, children }) {
  if (answer.data) return children(answer.data);
  const failed = answer.error && line.value.ok !== false;
  return html`<div class="summary"><h1>${title}</h1></div>
    ${failed ? html`<${Trouble} what=${what} error=${answer.error} retry=${answer.retry} />` : html`<${Skeleton} />`}`;
}

/** A figure's title for a cell: what it is, and the exact value. */
export const titled = (what, value) => `${what}: ${join(value)}`;
