import test from "node:test";
import assert from "node:assert/strict";
import fs from "node:fs";
import { charts, live } from "../../../dashboards/web/queries.js";

/** The expression with figures of a filesystem in the place of its series. */
function percent(expression, figures) {
  const start = expression.indexOf("100 * (");
  let open = 0;
  const end = [...expression].findIndex((sign, at) => {
    if (at < start) return false;
    open += (sign === "(") - (sign === ")");
    return sign === ")" && open === 0;
  });
  const sum = expression.slice(start, end + 1).replace(/node_filesystem_(\w+)_bytes\{[^}]*\}/g, (_, name) => figures[name]);
  assert.match(sum, /^[\d.() */+-]+$/);
  return new Function(`return ${sum}`)();
}

test("a disk is as full as df says, in the table, in the chart and in Grafana", () => {
  // 5 of 100 are kept for root: df says 57 / (57 + 38).
  const figures = { size: 100, free: 43, avail: 38 };
  const board = fs.readFileSync(new URL("../../../dashboards/grafana/overview.json", import.meta.url), "utf8");
  const panels = JSON.parse(board).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).filter((expr) => expr.includes("node_filesystem"));
  const asked = [live("30s").disk, charts("node", "a", "30s").disk, ...panels];
  assert.equal(asked.length, 5);
  for (const expression of asked) assert.equal(percent(expression, figures).toFixed(6), "60.000000", expression);
});
