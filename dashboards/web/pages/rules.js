// The rules as they are loaded, with their state and the last error of each.

import { html } from "../vendor/ui.js";
import * as api from "../api.js";
import { duration, span } from "../format.js";
import { hasWords } from "../lists.js";
import { usePoll } from "../poll.js";
import { change } from "../router.js";
import { Ago, Answer, Empty, Figure, State } from "../parts.js";

const SIGNS = { firing: ["critical", "Firing"], pending: ["pending", "Pending"], inactive: ["ok", "Quiet"] };

/** The sign of a rule: an expression that cannot be evaluated is worse than any state. */
function signOf(rule) {
  if (rule.health === "err") return ["down", "Failing"];
  if (rule.health === "unknown") return ["unknown", "Not run yet"];
  if (rule.type === "recording") return ["ok", "Recording"];
  return SIGNS[rule.state] ?? ["unknown", rule.state ?? ""];
}

function Rule({ rule }) {
  const [state, word] = signOf(rule);
  return html`<tr>
    <td data-label="State"><${State} state=${state} word=${word} /></td>
    <td data-label="Rule"><strong>${rule.name}</strong>${rule.labels?.severity && html` <span class="chip">${rule.labels.severity}</span>`}
      <pre class="expression">${rule.query}</pre>
      ${rule.lastError && html`<div class="fault words">${rule.lastError}</div>`}</td>
    <td data-label="For" class="right">${rule.duration > 0 ? html`<span class="figure">${span(rule.duration)}</span>` : html`<span class="missing">at once</span>`}</td>
    <td data-label="Evaluated" class="right"><${Ago} at=${rule.lastEvaluation} /></td>
    <td data-label="Took" class="right"><${Figure} value=${duration(rule.evaluationTime)} missing="never" /></td>
  </tr>`;
}

function None({ total }) {
  if (total > 0) return html`<${Empty} title="No rule matches the filter"><p><button type="button" onClick=${() => change({ q: "" })}>Clear the filter</button></p></${Empty}>`;
  return html`<${Empty} title="No rules yet"><p>Name rule files under <code>rule_files</code> in the configuration file and start the server again.</p></${Empty}>`;
}

export function Rules({ params }) {
  const answer = usePoll(async (cancel) => api.rules(cancel), 5000, []);
  return html`<${Answer} answer=${answer} title="Rules" what="The rules could not be loaded.">${(groups) => {
    const shown = groups.map((group) => ({ ...group, rules: group.rules.filter((rule) => hasWords(params.q, [group.name, rule.name, rule.query, rule.state ?? "", rule.health])) }))
      .filter((group) => group.rules.length > 0);
    const total = groups.reduce((sum, group) => sum + group.rules.length, 0);
    return html`<div class="summary"><h1>Rules</h1><span class="total">${total} in ${groups.length} ${groups.length === 1 ? "group" : "groups"}</span></div>
      ${shown.length === 0 && html`<${None} total=${total} />`}
      ${shown.map((group) => html`<section key=${`${group.file}\n${group.name}`}>
        <h2>${group.name}<span class="total">every ${span(group.interval)}</span><span class="total words">${group.file}</span></h2>
        <table class="list rules"><thead><tr><th>State</th><th>Rule</th><th class="right">For</th><th class="right">Evaluated</th><th class="right">Took</th></tr></thead>
          <tbody>${group.rules.map((rule, index) => html`<${Rule} key=${index} rule=${rule} />`)}</tbody></table>
      </section>`)}`;
  }}</${Answer}>`;
}
