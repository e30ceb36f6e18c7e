// What more than one view shares.

import { signal } from "./vendor/ui.js";

/** The alerts as they are now: `list` is null until the first answer, and keeps the last good one beside an `error`. */
export const alertsNow = signal({ list: null, error: null });

/** The last figures of every host, for as long as the page is open. */
export const lastFigures = new Map();
