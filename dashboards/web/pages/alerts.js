// What fires and what is about to: worst and newest first.

import { html } from "../vendor/ui.js";
import { bare } from "../format.js";
import { worstOf } from "../fleet.js";
import { change, href } from "../router.js";
import { alertsNow } from "../store.js";
import { Ago, Answer, Chips, Empty, Figure, State } from "../parts.js";
import { hasWords, sortAlerts } from "../lists.js";

const OWN = new Set(["alertname", "severity", "instance", "job"]);

/** The sign of an alert: its severity while it fires, a hollow one before. */
const signOf = (alert) => {
  if (alert.state !== "firing") return "pending";
  return worstOf([alert]);
};
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function Alert({ alert }) {
  const { labels, annotations = {}, held } = alert;
  const rest = Object.entries(labels).filter(([name]) => !OWN.has(name));
  const link = /^https?:\/\//.test(annotations.runbook_url ?? "") ? annotations.runbook_url : null;
  return html`<tr>
    <td data-label="State"><${State} state=${signOf(alert)} word=${capital(alert.state)} /></td>
    <td data-label="What"><strong>${labels.alertname}</strong>${annotations.summary && html`<div>${annotations.summary}</div>`}
      ${annotations.description && html`<div class="quiet">${annotations.description}</div>`}
      ${held && html`<div class="quiet">Held since <${Ago} at=${held.since} />: ${held.reason}</div>`}
      ${link && html`<a href=${link} rel="noreferrer">Runbook</a>`}</td>
    <td data-label="Severity">${labels.severity ? capital(labels.severity) : html`<span class="missing">none</span>`}</td>
    <td data-label="Where">${labels.instance && html`<a href=${href("host", [labels.job ?? "", labels.instance])}>${labels.instance}</a>`} <${Chips} labels=${[...(labels.job ? [["job", labels.job]] : []), ...rest]} /></td>
    <td data-label="Value" class="right" title=${alert.value}><${Figure} value=${bare(Number(alert.value))} missing=${alert.value} /></td>
    <td data-label="Since" class="right"><${Ago} at=${alert.activeAt} /></td>
  </tr>`;
}

function None({ total }) {
  if (total > 0) return html`<${Empty} title="No alert matches the filter"><p><button type="button" onClick=${() => change({ q: "" })}>Clear the filter</button></p></${Empty}>`;
  return html`<${Empty} title="Nothing fires"><p>No alert is firing or pending. <a href=${href("rules")}>See what is watched.</a></p></${Empty}>`;
}

export function Alerts({ params }) {
  const { list, error } = alertsNow.value;
  return html`<${Answer} answer=${{ data: list, error }} title="Alerts" what="The alerts could not be loaded.">${(all) => {
    const shown = sortAlerts(all.filter((alert) => hasWords(params.q, [alert.state, ...Object.values(alert.labels), ...Object.values(alert.annotations ?? {})])));
    const firing = all.filter((alert) => alert.state === "firing").length;
    return html`<div class="summary"><h1>Alerts</h1>
        <span class="total">${firing} firing, ${all.length - firing} pending alerts</span></div>
      ${shown.length === 0 ? html`<${None} total=${all.length} />` : html`<table class="list alerts">
        <thead><tr><th>State</th><th>What</th><th>Severity</th><th>Where</th><th class="right">Value</th><th class="right">Since</th></tr></thead>
        <tbody>${shown.map((alert) => html`<${Alert} key=${JSON.stringify(alert.labels)} alert=${alert} />`)}</tbody>
      </table>`}`;
  }}</${Answer}>`;
}
