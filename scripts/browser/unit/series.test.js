import test from "node:test";
import assert from "node:assert/strict";
import { loadLines } from "../../../dashboards/web/series.js";

test("load averages come from the shortest to the longest, whatever the server's order", () => {
  const series = ["node_load1", "node_load15", "node_load5"].map((name) => ({ labels: { __name__: name }, points: [[0, 1]] }));
  assert.deepEqual(loadLines(series).map(({ label }) => label), ["1 min", "5 min", "15 min"]);
});
