import test from "node:test";
import assert from "node:assert/strict";
import { hasWords, sortAlerts, sortTargets } from "../../../dashboards/web/lists.js";
import { href, parse } from "../../../dashboards/web/router.js";
import { charts, quoted } from "../../../dashboards/web/queries.js";
import { busiest, cpuLines, memoryLines, onGrid, stacked, stepFor } from "../../../dashboards/web/series.js";
import { visible } from "../../../dashboards/web/rows.js";

test("addresses survive the round trip with any label", () => {
  const address = href("host", ["no/de", "[::1]:9100"], { range: "1h", q: "" });
  assert.deepEqual(parse(address), { view: "host", args: ["no/de", "[::1]:9100"], params: { range: "1h" } });
  assert.deepEqual(parse(""), { view: "hosts", args: [], params: {} });
  assert.equal(parse("#/host/%zz").args[0], "%zz");
});

test("firing comes before pending, severe before mild, new before old", () => {
  const alert = (name, state, severity, activeAt) => ({ state, activeAt, labels: { alertname: name, severity } });
  const sorted = sortAlerts([
    alert("pending", "pending", "critical", "2026-11-20T10:00:00Z"), alert("mild", "firing", "info", "2026-11-20T10:00:00Z"),
    alert("old", "firing", "critical", "2026-11-20T09:00:00Z"), alert("new", "firing", "critical", "2026-11-20T10:00:00Z"),
  ]);
  assert.deepEqual(sorted.map(({ labels }) => labels.alertname), ["new", "old", "mild", "pending"]);
});

test("targets that fail come first", () => {
  const target = (instance, health) => ({ health, labels: { job: "node", instance } });
  assert.deepEqual(sortTargets([target("b", "up"), target("a", "up"), target("c", "down")]).map(({ labels }) => labels.instance), ["c", "a", "b"]);
});

test("every word of the filter must be found", () => {
  assert.ok(hasWords("web DOWN", ["down", "web-1"]));
  assert.ok(!hasWords("web up", ["down", "web-1"]));
  assert.ok(hasWords(undefined, []));
});

test("label values cannot break out of their quotes", () => {
  assert.equal(quoted('a"b\\c'), 'a\\"b\\\\c');
  assert.ok(charts("j", 'x"} or up{a="', "30s").cpu.includes('instance="x\\"} or up{a=\\""'));
});

test("lines share one grid and keep their gaps", () => {
  const { times, lines } = onGrid([{ label: "a", points: [[10, 1], [30, 3]] }], { start: 10, end: 30, step: 10 });
  assert.deepEqual(times, [10, 20, 30]);
  assert.deepEqual(lines[0].values, [1, null, 3]);
});

test("stacked areas add up, and a moment without data stays empty", () => {
  const heap = stacked([{ label: "a", values: [1, null, 1] }, { label: "b", values: [2, null, null] }]);
  assert.deepEqual(heap.map((line) => line.values), [[1, null, 1], [3, null, 1]]);
  assert.deepEqual(heap[1].raw, [2, null, null]);
});

test("the busiest lines are kept in their order", () => {
  const lines = [3, 9, 1, 7].map((value, index) => ({ label: String(index), values: [value] }));
  const { lines: kept, left } = busiest(lines, 2);
  assert.deepEqual(kept.map((line) => line.label), ["1", "3"]);
  assert.equal(left, 2);
});

test("CPU modes stack in a fixed order, and used memory is what is not available", () => {
  const mode = (name, value = 1) => ({ labels: { mode: name }, points: [[0, value]] });
  const stack = cpuLines([mode("user"), mode("steal"), mode("irq", 0), mode("system")]);
  assert.deepEqual(stack.map((line) => [line.label, line.colour]), [["system", 0], ["user", 1], ["steal", 6]]);
  assert.equal(cpuLines([mode("user", 0)]).length, 1);
  const part = (name, value) => ({ labels: { __name__: `node_memory_${name}_bytes` }, points: [[0, value]] });
  const lines = memoryLines([part("MemTotal", 100), part("MemAvailable", 30), part("SwapTotal", 0), part("SwapFree", 0)]);
  assert.deepEqual(lines, [{ label: "used", points: [[0, 70]] }, { label: "total", points: [[0, 100]] }]);
});

test("steps give about 240 points and are never finer than the scrapes", () => {
  assert.equal(stepFor(3600, 5), 15);
  assert.equal(stepFor(300, 15), 15);
  assert.equal(stepFor(30 * 86400, 5), 21600);
});

test("of many rows only those near the window exist", () => {
  assert.deepEqual(visible(50, 33, 0, 900), { from: 0, to: 50, above: 0, below: 0 });
  const rows = visible(5000, 33, -33_000, 900);
  assert.deepEqual([rows.from, rows.above], [988, 988 * 33]);
  assert.ok(rows.to - rows.from < 60);
  assert.equal(visible(5000, 33, -33 * 5000, 900).below, 0);
});
