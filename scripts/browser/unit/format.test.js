import test from "node:test";
import assert from "node:assert/strict";
import * as format from "../../../dashboards/web/format.js";

test("what is not a number is never shown as zero", () => {
  for (const missing of [null, undefined, Number.NaN, Infinity]) {
    for (const shown of [format.percent, format.celsius, format.bytes, format.byteRate, format.plain, format.duration, format.span, format.ago, format.uptime]) {
      assert.equal(shown(missing), null, shown.name);
    }
  }
  assert.equal(format.join(null), "no data");
});

test("memory is in powers of 1024 and traffic in powers of 1000", () => {
  assert.equal(format.join(format.bytes(16 * 2 ** 30)), "16.0 GiB");
  assert.equal(format.join(format.bytes(1023)), "1.00 KiB");
  assert.equal(format.join(format.bytes(0)), "0 B");
  assert.equal(format.join(format.byteRate(1_500_000)), "1.50 MB/s");
  assert.equal(format.join(format.byteRate(999.4)), "999 B/s");
  assert.equal(format.join(format.byteRate(999.6)), "1.00 kB/s");
  assert.equal(format.join(format.bytes(2 ** 70)), "1048576 PiB");
});

test("a number of unknown kind is short", () => {
  assert.equal(format.join(format.bare(97.04)), "97.0");
  assert.equal(format.join(format.bare(0)), "0");
  assert.equal(format.join(format.bare(-129_643_531_898)), "-130 G");
  assert.equal(format.bare(Number("+Inf")), null);
});

test("percentages keep one digit until they are full", () => {
  assert.equal(format.join(format.percent(7.349)), "7.3 %");
  assert.equal(format.join(format.percent(99.94)), "99.9 %");
  assert.equal(format.join(format.percent(99.96)), "100 %");
});

test("spans name their two largest units", () => {
  assert.equal(format.span(0), "0 s");
  assert.equal(format.span(59.4), "59 s");
  assert.equal(format.span(61), "1 min 1 s");
  assert.equal(format.span(3 * 86400 + 4 * 3600 + 50 * 60), "3 d 4 h");
  assert.equal(format.span(86400 + 59), "1 d");
  assert.equal(format.uptime(34 * 60 + 59), "34 min");
  assert.equal(format.ago(0.2), "now");
  assert.equal(format.ago(185), "3 min ago");
});

test("durations of scrapes are in the unit that fits", () => {
  assert.equal(format.join(format.duration(0.0007)), "0.70 ms");
  assert.equal(format.join(format.duration(1.204)), "1.20 s");
});

test("durations of the configuration are read, and nonsense is not", () => {
  assert.equal(format.seconds("1m30s"), 90);
  assert.equal(format.seconds("1d"), 86400);
  assert.equal(format.seconds("5x"), null);
  assert.equal(format.seconds(""), null);
  assert.equal(format.seconds(undefined), null);
});

test("labels of an axis have no needless digits", () => {
  assert.equal(format.tick(format.percent(50)), "50 %");
  assert.equal(format.tick(format.bytes(1.5 * 2 ** 30)), "1.5 GiB");
});

test("no two ticks of an axis read the same", () => {
  assert.deepEqual(format.ticks([0, 0.5, 1], format.byteRate), ["0 B/s", "0.5 B/s", "1 B/s"]);
  assert.deepEqual(format.ticks([0, 500, 1000], format.byteRate), ["0 B/s", "500 B/s", "1 kB/s"]);
  assert.deepEqual(format.ticks([41, 41.25, 41.5], format.celsius), ["41 \u00b0C", "41.25 \u00b0C", "41.5 \u00b0C"]);
  assert.deepEqual(format.ticks([0, 50, 100], format.percent), ["0 %", "50 %", "100 %"]);
});
