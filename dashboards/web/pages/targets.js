// Every target as the scraper sees it: those that fail first, with the error in full words.

import { html } from "../vendor/ui.js";
import * as api from "../api.js";
import * as queries from "../queries.js";
import { count, duration, join } from "../format.js";
import { keyOf } from "../fleet.js";
import { hasWords, sortTargets } from "../lists.js";
import { usePoll } from "../poll.js";
import { change, href } from "../router.js";
import { Ago, Answer, Chips, Empty, Figure, Refused, State } from "../parts.js";

const SIGNS = { up: ["ok", "Up"], down: ["down", "Down"], unknown: ["unknown", "Not scraped yet"] };

async function load(cancel) {
  const [targets, scrapes] = await Promise.all([api.targets(cancel), api.all(queries.scrapes, api.query, cancel)]);
  const samples = new Map((scrapes.results.samples ?? []).map(({ labels, value }) => [keyOf(labels), value]));
  return { targets, samples, refused: scrapes.refused };
}

function Target({ target, samples }) {
  const { labels } = target;
  const [state, word] = SIGNS[target.health] ?? SIGNS.unknown;
  const rest = Object.entries(labels).filter(([name]) => name !== "job" && name !== "instance");
  return html`<tr data-instance=${labels.instance} data-health=${target.health}>
    <td data-label="State"><${State} state=${state} word=${word} /></td>
    <td data-label="Target"><a href=${href("host", [labels.job ?? "", labels.instance ?? ""])}>${labels.instance}</a> <${Chips} labels=${rest} />
      <div class="quiet words">${target.scrapeUrl}</div>
      ${target.lastError && html`<div class="fault words">${target.lastError}</div>`}</td>
    <td data-label="Job">${labels.job}</td>
    <td data-label="Last scrape" class="right"><${Ago} at=${target.lastScrape} /></td>
    <td data-label="Took" class="right"><${Figure} value=${duration(target.lastScrapeDuration)} missing="never" /></td>
    <td data-label="Samples" class="right"><${Figure} value=${count(samples)} /></td>
    <td data-label="Every" class="right" title=${`Timeout ${target.scrapeTimeout}`}><span class="figure">${target.scrapeInterval}</span></td>
  </tr>`;
}

function None({ total }) {
  if (total > 0) return html`<${Empty} title="No target matches the filter"><p><button type="button" onClick=${() => change({ q: "" })}>Clear the filter</button></p></${Empty}>`;
  return html`<${Empty} title="No targets yet"><p>Add one to <code>scrape_configs</code> in the configuration file and start the server again:</p>
    <pre>scrape_configs:\n  - job_name: node\n    static_configs:\n      - targets: ["host:9100"]</pre></${Empty}>`;
}

export function Targets({ params }) {
  const answer = usePoll(load, 2000, []);
  return html`<${Answer} answer=${answer} title="Targets" what="The targets could not be loaded.">${({ targets, samples, refused }) => {
    const shown = sortTargets(targets.filter((target) => hasWords(params.q, [target.health, target.scrapeUrl, target.lastError ?? "", ...Object.values(target.labels)])));
    const up = targets.filter((target) => target.health === "up").length;
    const all = targets.reduce((sum, target) => sum + (samples.get(keyOf(target.labels)) ?? 0), 0);
    return html`<div class="summary"><h1>Targets</h1><span class="total">${up} of ${targets.length} up, ${join(count(all))} samples a round</span></div>
      <${Refused} refused=${refused} retry=${answer.retry} />
      ${shown.length === 0 ? html`<${None} total=${targets.length} />` : html`<table class="list targets">
        <thead><tr><th>State</th><th>Target</th><th>Job</th><th class="right">Last scrape</th><th class="right">Took</th><th class="right">Samples</th><th class="right">Every</th></tr></thead>
        <tbody>${shown.map((target) => html`<${Target} key=${`${target.scrapePool}\n${target.scrapeUrl}\n${keyOf(target.labels)}`} target=${target} samples=${samples.get(keyOf(target.labels)) ?? null} />`)}</tbody>
      </table>`}`;
  }}</${Answer}>`;
}
