// The frame: top bar, navigation, keys, and the view that the address names.

import { html, render, useEffect, useRef, useState } from "./vendor/ui.js";
import { alerts as askAlerts, line } from "./api.js";
import { ago, clock } from "./format.js";
import { poll, useSecond } from "./poll.js";
import { change, follow, href, route } from "./router.js";
import { worstOf } from "./fleet.js";
import { alertsNow } from "./store.js";
import { Empty, State } from "./parts.js";
import { Hosts } from "./pages/hosts.js";
import { Host } from "./pages/host.js";
import { Alerts } from "./pages/alerts.js";
import { Targets } from "./pages/targets.js";
import { Rules } from "./pages/rules.js";

/** The one table of views: what is not here is not in the navigation. `search` is the prompt of the filter box. */
const VIEWS = {
  hosts: { title: "Hosts", page: Hosts, key: "h", icon: "M3 4h18v6H3zM3 14h18v6H3zM7 7h.01M7 17h.01", search: "Filter hosts: words or label=value" },
  alerts: { title: "Alerts", page: Alerts, key: "a", icon: "M6 17V11a6 6 0 0 1 12 0v6l2 2H4zM10 22h4", search: "Filter alerts" },
  targets: { title: "Targets", page: Targets, key: "t", icon: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 12h.01", search: "Filter targets" },
  rules: { title: "Rules", page: Rules, key: "r", icon: "M5 3h14v18H5zM9 8h6M9 12h6M9 16h3", search: "Filter rules" },
  host: { title: "Host", page: Host, within: "hosts" },
};
const NAVIGATION = Object.keys(VIEWS).filter((name) => !VIEWS[name].within);

function Icon({ path }) {
  return html`<svg viewBox="0 0 24 24" width="20" height="20" class="icon" aria-hidden="true"><path d=${path} /></svg>`;
}

/** How many alerts fire, and how bad the worst of them is. */
function firingNow() {
  const firing = alertsNow.value.list?.filter((alert) => alert.state === "firing") ?? [];
  return { count: firing.length, worst: worstOf(firing) };
}

function Navigation({ current }) {
  const { count, worst } = firingNow();
  return html`<nav class="rail" aria-label="Views">${NAVIGATION.map((name) => {
    const view = VIEWS[name];
    return html`<a key=${name} href=${href(name)} aria-current=${name === current ? "page" : undefined} title=${`${view.title} (g ${view.key})`}>
      <${Icon} path=${view.icon} />${view.title}
      ${name === "alerts" && count > 0 && html`<span class=${`count is-${worst}`}>${count}<span class="hidden"> firing</span></span>`}
    </a>`;
  })}</nav>`;
}

function Live() {
  const { ok, since } = line.value;
  if (ok === null) return html`<span class="live is-waiting"><i></i>Connecting</span>`;
  if (!ok) return html`<span class="live is-off"><i></i>Offline<span class="when"> since ${clock(since)}</span></span>`;
  return html`<span class="live is-on"><i></i>Live</span>`;
}

function Disconnected() {
  const now = useSecond();
  const { ok, since, last } = line.value;
  if (ok !== false) return null;
  return html`<div class="notice is-error" role="alert">
    <p><strong>The server has not answered since ${clock(since)}</strong>${now - since >= 1000 && ` (${ago((now - since) / 1000)})`}.${" "}
      ${last ? `What you see is from ${clock(last)}.` : "Nothing has been loaded yet."} The page tries again every 2 s.</p>
  </div>`;
}

const THEMES = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" };

function Theme() {
  const [choice, choose] = useState(document.documentElement.dataset.theme ?? "system");
  const next = Object.keys(THEMES)[(Object.keys(THEMES).indexOf(choice) + 1) % 3];
  const turn = () => {
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
    choose(next);
    dispatchEvent(new Event("themechange"));
  };
  return html`<button type="button" class="icon-button" onClick=${turn} title=${THEMES[choice]} aria-label=${`${THEMES[choice]}; change to ${next}`}>
    <svg viewBox="0 0 24 24" width="18" height="18" class="icon" aria-hidden="true">
      <circle cx="12" cy="12" r="8" /><path d="M12 4a8 8 0 0 1 0 16z" class=${`fill theme-${choice}`} />
    </svg>
  </button>`;
}

function Search({ current }) {
  const view = VIEWS[current];
  if (!view?.search) return html`<span class="search"></span>`;
  return html`<input class="search" id="search" type="search" placeholder=${view.search} aria-label=${view.search} spellcheck="false" autocomplete="off"
    value=${route.value.params.q ?? ""} onInput=${(event) => change({ q: event.currentTarget.value }, { replace: true })} />`;
}

function Count() {
  const { count, worst } = firingNow();
  if (count === 0) return null;
  return html`<a class="firing" href=${href("alerts")}><${State} state=${worst} word=${`${count} firing`} /></a>`;
}

function Help({ dialog }) {
  const rows = [["/", "Filter"], ...NAVIGATION.map((name) => [`g ${VIEWS[name].key}`, VIEWS[name].title]),
    ["t", "Time range of a host"], ["Esc", "Leave the filter, close this"], ["?", "This help"]];
  return html`<dialog ref=${dialog} aria-labelledby="help-title">
    <h2 id="help-title">Keys</h2>
    <dl>${rows.map(([key, what]) => html`<div key=${key}><dt>${key.split(" ").map((part) => html`<kbd>${part}</kbd> `)}</dt><dd>${what}</dd></div>`)}</dl>
    <form method="dialog"><button>Close</button></form>
  </dialog>`;
}

/** The keys of the whole page. `g` waits a second for the letter of a view. */
function useKeys(dialog) {
  useEffect(() => {
    let going = 0;
    const press = (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape" && typing) event.target.blur();
      if (typing || dialog.current?.open) return;
      const goal = NAVIGATION.find((name) => VIEWS[name].key === event.key);
      if (Date.now() - going < 1000 && goal) location.hash = href(goal);
      else if (event.key === "/") document.getElementById("search")?.focus();
      else if (event.key === "?") dialog.current?.showModal();
      else if (event.key === "t") document.getElementById("range")?.focus();
      else {
        going = event.key === "g" ? Date.now() : 0;
        return;
      }
      going = 0;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

/** The alerts are asked on every view: they are the count in the bar, and the pulse of the line. */
function usePulse() {
  useEffect(() => {
    const pulse = poll(async (cancel) => {
      try {
        alertsNow.value = { list: await askAlerts(cancel), error: null };
      } catch (error) {
        if (!cancel.aborted) alertsNow.value = { ...alertsNow.value, error };
      }
    }, 2000);
    return pulse.stop;
  }, []);
}

function App() {
  const dialog = useRef(null);
  useKeys(dialog);
  usePulse();
  const { view, args } = route.value;
  const found = VIEWS[view];
  const title = found ? (view === "host" ? args[1] ?? "Host" : found.title) : "Not found";
  useEffect(() => {
    document.title = `${title} - Watchpost`;
  }, [title]);
  const current = found?.within ?? view;
  return html`<a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>Skip to content</a>
    <header class="top">
      <a class="brand" href=${href("hosts")}><img src="favicon.svg" width="22" height="22" alt="" /><span>Watchpost</span></a>
      <${Search} current=${view} />
      <${Count} /><${Live} />
      <${Theme} />
      <button type="button" class="icon-button" onClick=${() => dialog.current.showModal()} aria-label="Keys and help" title="Keys (?)">?</button>
    </header>
    <${Navigation} current=${current} />
    <main id="main" tabindex="-1" class=${line.value.ok === false ? "is-offline" : ""}>
      <${Disconnected} />
      ${found
        ? html`<${found.page} key=${[view, ...args].join("/")} args=${args} params=${route.value.params} />`
        : html`<${Empty} title="There is no such view"><p><a href=${href("hosts")}>Go to hosts</a></p></${Empty}>`}
    </main>
    <${Help} dialog=${dialog} />`;
}

// Where an element is moved by `moveBefore` and its class changes in the same turn, Chromium does not restyle what is in it:
// a host that goes silent would move to the top without being dimmed. Without it, preact moves by `insertBefore`.
delete Element.prototype.moveBefore;

follow();
render(html`<${App} />`, document.getElementById("app"));
