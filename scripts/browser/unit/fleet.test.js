import test from "node:test";
import assert from "node:assert/strict";
import { alertsOf, gridCurves, hostsIn, joinHosts, keepLast, levelOf, rateWindow } from "../../../dashboards/web/fleet.js";
import { filterHosts, sortHosts, tally } from "../../../dashboards/web/order.js";
import { sensorLimit, sensorName } from "../../../dashboards/web/sensors.js";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const target = (instance, health = "up", more = {}) => ({
  labels: { job: "node", instance, ...more }, health, lastScrape: "2026-11-20T09:59:58Z", scrapeInterval: "5s", lastError: health === "down" ? "connection refused" : "",
});
const sample = (instance, value, more = {}) => ({ labels: { job: "node", instance, ...more }, value });
const gauges = (instance, figures) => Object.entries(figures).map(([name, value]) => sample(instance, value, { __name__: name }));
const alert = (instance, severity, state = "firing") => ({ labels: { alertname: "A", instance, job: "node", severity }, state });
const join = (input) => joinHosts({ targets: [], alerts: [], now: NOW, ...input });

test("figures of all queries meet in one row of their host", () => {
  const [row] = join({
    targets: [target("a:9100", "up", { site: "lab" })],
    cpu: [sample("a:9100", 12.5)],
    gauges: gauges("a:9100", { node_memory_MemTotal_bytes: 1000, node_memory_MemAvailable_bytes: 250, node_load1: 0.5, node_boot_time_seconds: 100, node_time_seconds: 400 }),
    disk: [sample("a:9100", 91, { mountpoint: "/var" })],
    received: [sample("a:9100", 1e6)], sent: [sample("a:9100", 2e6)],
    facts: [sample("a:9100", 1, { __name__: "node_uname_info", nodename: "alpha" })],
  });
  assert.equal(row.name, "alpha");
  assert.equal(row.state, "ok");
  assert.deepEqual(row.chips, [["site", "lab"]]);
  assert.deepEqual(row.memory, { total: 1000, used: 750, percent: 75 });
  assert.deepEqual(row.disk, { percent: 91, mountpoint: "/var" });
  assert.deepEqual([row.cpu, row.load, row.uptime, row.received, row.sent], [12.5, 0.5, 300, 1e6, 2e6]);
});

test("a host without figures has nulls, not zeros", () => {
  const [row] = join({ targets: [target("a:9100")], known: [sample("a:9100", 1, { nodename: "alpha" })] });
  assert.equal(row.state, "unknown");
  assert.equal(row.name, "alpha");
  for (const name of ["cpu", "memory", "disk", "temperature", "battery", "gpu", "received", "sent", "load", "uptime"]) assert.equal(row[name], null, name);
});

test("a value that is not a number counts as missing", () => {
  const [row] = join({ targets: [target("a:9100")], cpu: [sample("a:9100", Number.NaN)], gauges: gauges("a:9100", { node_load1: 1 }) });
  assert.equal(row.cpu, null);
});

test("targets that are no hosts are not listed, and hosts that never answered are", () => {
  const app = { ...target("app:80"), labels: { job: "app", instance: "app:80" } };
  const appDown = { ...target("app:81", "down"), labels: { job: "app", instance: "app:81" } };
  const rows = join({ targets: [target("a:9100"), target("b:9100", "down"), app, appDown], cpu: [sample("a:9100", 1)] });
  assert.deepEqual(rows.map((row) => row.instance).sort(), ["a:9100", "b:9100"]);
  assert.equal(rows.find((row) => row.instance === "b:9100").state, "down");
});

test("the state is the worst that is said about the host", () => {
  const states = (alerts, health) => join({ targets: [target("a:9100", health)], cpu: [sample("a:9100", 1)], alerts })[0].state;
  assert.equal(states([alert("a:9100", "warning"), alert("a:9100", "critical")]), "critical");
  assert.equal(states([alert("a:9100", "warning")]), "warning");
  assert.equal(states([alert("a:9100", "critical", "pending")]), "pending");
  assert.equal(states([alert("a:9100", "info")]), "info");
  assert.equal(states([alert("a:9100", "info"), alert("a:9100", "warning", "pending")]), "info");
  assert.equal(states([alert("a:9100", "info", "pending")]), "ok");
  assert.equal(states([alert("a:9100", "info"), alert("a:9100", "warning")]), "warning");
  assert.equal(states([alert("b:9100", "critical")]), "ok");
  assert.equal(states([alert("a:9100", "critical")], "down"), "down");
});

test("the words of the summary count hosts, not alerts", () => {
  assert.equal(hostsIn("pending", 1), "1 host with a pending alert");
  assert.equal(hostsIn("ok", 3), "3 hosts OK");
});

test("alerts of another job on the same instance belong to that job", () => {
  const list = [{ labels: { instance: "a:1", job: "other" } }, { labels: { instance: "a:1" } }];
  assert.deepEqual(alertsOf(list, "node", "a:1"), [list[1]]);
});

test("the worst hosts come first, and quiet ones by name as people count", () => {
  const rows = join({
    targets: ["web-10", "web-9", "full", "gone"].map((name) => target(name, name === "gone" ? "down" : "up")),
    cpu: ["web-10", "web-9", "full"].map((name) => sample(name, 5)),
    disk: [sample("full", 97, { mountpoint: "/" })],
  });
  assert.deepEqual(sortHosts(rows, "trouble", false).map((row) => row.name), ["gone", "full", "web-9", "web-10"]);
});

test("hosts without a figure come last in both directions", () => {
  const rows = join({ targets: ["a", "b", "c"].map((name) => target(name)), cpu: [sample("a", 5), sample("c", 50)], known: [sample("b", 1)] });
  assert.deepEqual(sortHosts(rows, "cpu", true).map((row) => row.name), ["c", "a", "b"]);
  assert.deepEqual(sortHosts(rows, "cpu", false).map((row) => row.name), ["a", "c", "b"]);
});

test("the filter takes words and label=value, all of which must hold", () => {
  const rows = join({ targets: [target("web-1:9100", "up", { site: "lab" }), target("web-2:9100", "down", { site: "home" })], cpu: [sample("web-1:9100", 1)], known: [sample("web-2:9100", 1)] });
  const names = (text) => filterHosts(rows, text).map((row) => row.name);
  assert.deepEqual(names("WEB site=lab"), ["web-1:9100"]);
  assert.deepEqual(names("state=down"), ["web-2:9100"]);
  assert.deepEqual(names("site=moon"), []);
  assert.equal(names("").length, 2);
});

test("sensors have the names that people know", () => {
  const facts = [
    sample("a", 1, { __name__: "node_hwmon_chip_names", chip: "c0", chip_name: "coretemp" }),
    sample("a", 1, { __name__: "node_hwmon_sensor_label", chip: "c0", sensor: "temp1", label: "Package id 0" }),
    sample("a", 1, { __name__: "node_hwmon_sensor_label", chip: "c0", sensor: "temp2", label: "Core 0" }),
  ];
  const hwmon = (chip, sensor) => ({ __name__: "node_hwmon_temp_celsius", chip, sensor });
  assert.equal(sensorName(hwmon("c0", "temp1"), facts), "CPU");
  assert.equal(sensorName(hwmon("c0", "temp2"), facts), "CPU Core 0");
  assert.equal(sensorName(hwmon("odd", "temp3"), facts), "odd temp3");
  assert.equal(sensorName({ __name__: "node_thermal_zone_temp", type: "x86_pkg_temp", zone: "1" }, []), "x86_pkg_temp");
  assert.equal(sensorName({ __name__: "node_gpu_temperature_celsius", gpu: "1" }, []), "GPU 1");
});

test("the hottest of all sensors is the one shown, with the chip's own limit", () => {
  const [host] = join({
    targets: [target("a")], cpu: [sample("a", 1)],
    temperature: [sample("a", 71, { __name__: "node_thermal_zone_temp", type: "soc", zone: "0" }), sample("a", 80, { __name__: "node_hwmon_temp_celsius", chip: "c0", sensor: "temp1" })],
    facts: [sample("a", 100, { __name__: "node_hwmon_temp_crit_celsius", chip: "c0", sensor: "temp1" })],
  });
  assert.deepEqual(host.temperature, { celsius: 80, sensor: "c0", limit: 100 });
});

test("a GPU's limit is where it slows itself down, and limits that make no sense are none", () => {
  const facts = [sample("a", 90, { __name__: "node_gpu_temperature_slowdown_celsius", gpu: "0" }),
    sample("a", 0, { __name__: "node_hwmon_temp_crit_celsius", chip: "c0", sensor: "temp1" }),
    sample("a", 65261, { __name__: "node_hwmon_temp_max_celsius", chip: "c0", sensor: "temp1" })];
  assert.equal(sensorLimit({ gpu: "0" }, facts), 90);
  assert.equal(sensorLimit({ gpu: "1" }, facts), null);
  assert.equal(sensorLimit({ chip: "c0", sensor: "temp1" }, facts), null);
});

test("the battery of a mouse is not the battery of the host", () => {
  const charge = (name, value) => sample("a", value, { __name__: "node_power_supply_capacity", power_supply: name });
  const about = (name, more) => sample("a", 1, { __name__: "node_power_supply_info", power_supply: name, ...more });
  const facts = [about("mouse", { scope: "Device" }), about("BAT0", { status: "Discharging" })];
  const of = (gauge) => join({ targets: [target("a")], cpu: [sample("a", 1)], gauges: gauge, facts })[0].battery;
  assert.deepEqual(of([charge("mouse", 5), charge("BAT0", 60)]), { percent: 60, status: "Discharging" });
  assert.equal(of([charge("mouse", 5)]), null);
});

test("the last figures of a silent host stay, with their age, until it is gone", () => {
  const memory = new Map();
  const up = join({ targets: [target("a")], cpu: [sample("a", 40)] });
  const known = [sample("a", 1)];
  assert.equal(keepLast(up, memory, NOW)[0].stale, null);
  const [down] = keepLast(join({ targets: [target("a", "down")], known }), memory, NOW + 12_000);
  assert.deepEqual([down.state, down.cpu, down.stale], ["down", 40, 12]);
  keepLast([], memory, NOW);
  assert.equal(memory.size, 0);
});

test("rates look back over four scrapes and no less than half a minute", () => {
  assert.equal(rateWindow(5), "30s");
  assert.equal(rateWindow(15), "60s");
});

test("a level needs a value", () => {
  assert.equal(levelOf("cpu", null), "none");
  assert.equal(levelOf("cpu", 79.9), "ok");
  assert.equal(levelOf("cpu", 80), "warning");
  assert.equal(levelOf("disk", 95), "critical");
});

test("a gap in the data is a gap in the curve", () => {
  const grid = { start: 0, end: 240, step: 60 };
  const curves = gridCurves([{ labels: { job: "node", instance: "a" }, points: [[0, 1], [180, 4], [240, Number.NaN]] }], grid);
  assert.deepEqual(curves.get("node\na"), [1, null, null, 4, null]);
});

test("the tally counts every row once", () => {
  const rows = join({ targets: [target("a"), target("b", "down")], cpu: [sample("a", 1)] });
  assert.deepEqual(tally(rows), { down: 1, critical: 0, warning: 0, unknown: 0, info: 0, pending: 0, ok: 1 });
});
