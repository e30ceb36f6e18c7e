import test from "node:test";
import assert from "node:assert/strict";
import fs from "node:fs";

const folder = new URL("../../../dashboards/grafana/", import.meta.url);

for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  const board = JSON.parse(fs.readFileSync(new URL(file, folder), "utf8"));

  test(`${file}: every panel asks the chosen data source and narrows to the chosen hosts`, () => {
    for (const panel of board.panels) {
      assert.ok(panel.targets.length > 0, panel.title);
      for (const target of panel.targets) {
        assert.equal(target.datasource.uid, "${datasource}", panel.title);
        assert.match(target.expr, /instance=~"\$instance"/, panel.title);
        assert.equal(target.expr.split("(").length, target.expr.split(")").length, panel.title);
      }
    }
  });

  test(`${file}: panels have their own numbers and do not overlap`, () => {
    const taken = new Map();
    assert.equal(new Set(board.panels.map(({ id }) => id)).size, board.panels.length);
    for (const { title, gridPos: { x, y, w, h } } of board.panels) {
      assert.ok(x + w <= 24, title);
      for (let column = x; column < x + w; column += 1) {
        for (let line = y; line < y + h; line += 1) {
          assert.ok(!taken.has(`${column} ${line}`), `${title} lies on ${taken.get(`${column} ${line}`)}`);
          taken.set(`${column} ${line}`, title);
        }
      }
    }
  });
}
