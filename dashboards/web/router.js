// The address is the state: view, its arguments, filter, sorting and range live after the `#`, so that any view can be
// pasted to a colleague, Back works, and the page can be served below any path.

import { signal } from "./vendor/ui.js";

/** "#/host/node/web-1%3A9100?range=1h" as { view, args, params }. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { view: parts[0] ?? "hosts", args: parts.slice(1), params: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a view; empty parameters are left out. */
export function href(view, args = [], params = {}) {
  const kept = Object.entries(params).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(kept).toString();
  return `#/${[view, ...args].map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
}

export const route = signal(parse(globalThis.location?.hash ?? ""));

/** Starts to follow the address bar. */
export function follow() {
  addEventListener("hashchange", () => {
    route.value = parse(location.hash);
  });
}

/** Changes parameters of the view that is shown. Typing replaces the entry of the history, choosing adds one. */
export function change(params, { replace = false } = {}) {
  const { view, args, params: before } = route.value;
  const next = href(view, args, { ...before, ...params });
  if (replace) {
    history.replaceState(null, "", next);
    route.value = parse(next);
  } else {
    location.hash = next;
  }
}
