// Drives the page of a running watchpost in a real Chromium, and compares what it shows with this machine.
//
//   WATCHPOST_URL    where the server listens, for example http://127.0.0.1:9090 (required)
//   WATCHPOST_SHOTS  a folder for screenshots of every view, width and theme (optional)
//   CHROMIUM         the browser (default /usr/bin/chromium)

import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const url = process.env.WATCHPOST_URL;
const shots = process.env.WATCHPOST_SHOTS;
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const WIDTHS = [390, 820, 1440];
const LIMIT = { timeout: 120_000 };

// Whatever hangs, the run ends.
setTimeout(() => {
  console.error("the browser tests did not end within 8 minutes");
  process.exit(1);
}, 480_000).unref();

// This machine, in a row that answers: another exporter for it may be down.
const mine = `.host[data-host="${os.hostname()}"]:not(.is-down)`;

let browser;
let page;
const complaints = [];

before(async () => {
  assert.ok(url, "expected WATCHPOST_URL, for example http://127.0.0.1:9090");
  browser = await chromium.launch({ executablePath, args: FLAGS, timeout: 60_000 });
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: "light" });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
}, { timeout: 90_000 });

after(async () => {
  await browser?.close();
});

const open = async (hash) => {
  await page.goto(new URL(`/${hash}`, url).href);
  await page.waitForSelector("main h1", { timeout: 30_000 });
};

/** Asks again until the answer holds, at most `seconds`. */
async function eventually(what, ask, seconds = 40) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    last = await ask();
    if (last.ok) return last;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return assert.fail(`${what}: ${JSON.stringify(last)}`);
}

/** The row of this machine: its figures by column, undefined where the page has none. */
const figures = () => page.locator(mine).first().evaluate((row) => Object.fromEntries(
  [...row.querySelectorAll("[role=cell]")].map((cell) => [cell.className.match(/c-(\w+)/)[1], cell.dataset.value === undefined ? undefined : Number(cell.dataset.value)])));

/** The share of memory in use, as `free` says it. */
function memoryInUse() {
  const text = fs.readFileSync("/proc/meminfo", "utf8");
  const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)[1]);
  return 100 * (1 - of("MemAvailable") / of("MemTotal"));
}

async function findings() {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? node.failureSummary})`).join("; ")}`);
}

async function hostAddress() {
  await open("#/hosts");
  return page.locator(`${mine} .c-name a`).first().getAttribute("href");
}

test("the page is served with a policy that allows no foreign and no inline code", LIMIT, async () => {
  const response = await page.goto(url);
  assert.equal(response.status(), 200);
  assert.match(response.headers()["content-security-policy"] ?? "", /default-src 'self'/);
});

test("the hosts view shows this machine's figures, which agree with /proc", LIMIT, async () => {
  await open("#/hosts");
  const seen = await eventually("this machine has CPU and memory figures", async () => {
    if (await page.locator(mine).count() === 0) return { ok: false, hosts: await page.locator(".host").allTextContents() };
    const row = await figures();
    const memory = memoryInUse();
    return { ok: row.cpu !== undefined && Math.abs(row.memory - memory) < 5, row, memory };
  });
  assert.ok(seen.row.cpu >= 0 && seen.row.cpu <= 100.5, `CPU ${seen.row.cpu}`);
  assert.ok(seen.row.disk > 0 && seen.row.disk <= 100, `disk ${seen.row.disk}`);
  assert.ok(seen.row.load >= 0, `load ${seen.row.load}`);
  assert.ok(Math.abs(seen.row.uptime - os.uptime()) < 60, `uptime ${seen.row.uptime}, /proc says ${os.uptime()}`);
  for (const column of ["received", "sent"]) assert.ok(seen.row[column] >= 0, `${column} ${seen.row[column]}`);
  console.log(`# CPU ${seen.row.cpu.toFixed(1)} %, memory ${seen.row.memory.toFixed(2)} % (/proc/meminfo ${seen.memory.toFixed(2)} %)`);
});

test("the figures are live", LIMIT, async () => {
  await open("#/hosts");
  await page.waitForSelector(mine);
  const before = await figures();
  await eventually("the figures change", async () => {
    const now = await figures();
    return { ok: now.memory !== before.memory || now.cpu !== before.cpu, now };
  });
});

test("the targets view shows a target that is up, with its samples", LIMIT, async () => {
  await open("#/targets");
  await page.waitForSelector('tr[data-health="up"]');
  const cells = await page.locator('tr[data-health="up"]').first().locator("td").allTextContents();
  assert.match(cells.join("|"), /\d+/);
  await eventually("the number of samples is there", async () => {
    const text = await page.locator('tr[data-health="up"] td[data-label="Samples"]').first().textContent();
    return { ok: /^[\d,]+$/.test(text.trim()), text };
  });
});

test("a click on a host opens its charts, and Back returns", LIMIT, async () => {
  await open("#/hosts");
  await page.locator(mine).first().click({ position: { x: 420, y: 12 } });
  await page.waitForSelector(".chart canvas");
  // Rates have nothing to show until the second scrape.
  await eventually("every chart has figures", async () => {
    const titles = await page.locator(".chart h2").evaluateAll((headings) => headings.map((heading) => heading.firstChild.textContent));
    return { ok: ["CPU", "Memory", "Load", "Disk use", "Network"].every((title) => titles.includes(title)), titles };
  });
  await eventually("the memory chart has a reading", async () => {
    const text = await page.locator('.chart[aria-label="Memory"] .legend').textContent();
    return { ok: /used\s*[\d.]+ [KMGT]iB/.test(text), text };
  });
  await page.goBack();
  await page.waitForSelector(".hosts");
});

test("a range in the address is kept", LIMIT, async () => {
  const address = await hostAddress();
  await open(`${address}?range=15m`);
  await page.waitForSelector("#range");
  assert.equal(await page.locator("#range").inputValue(), "15m");
});

test("alerts and rules are shown", LIMIT, async () => {
  await open("#/alerts");
  await page.waitForSelector("table.alerts, .empty");
  await open("#/rules");
  await page.waitForSelector("table.rules, .empty");
});

test("the keyboard reaches everything it promises", LIMIT, async () => {
  await open("#/hosts");
  await page.waitForSelector(".host");
  await page.keyboard.press("/");
  await page.keyboard.type("no-such-host-at-all");
  await page.waitForSelector(".empty");
  assert.match(page.url(), /q=no-such-host-at-all/);
  await page.keyboard.press("Escape");
  for (const [key, view] of [["t", "targets"], ["a", "alerts"], ["r", "rules"], ["h", "hosts"]]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.waitForURL(new RegExp(`#/${view}$`));
  }
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog:not([open])", { state: "attached" });
});

test("every view fits every width in both themes, without findings of axe", { timeout: 360_000 }, async () => {
  const host = await hostAddress();
  const views = { hosts: "#/hosts", host: `${host}?range=5m`, alerts: "#/alerts", targets: "#/targets", rules: "#/rules" };
  const faults = [];
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [name, hash] of Object.entries(views)) {
      await open(hash);
      await page.waitForSelector(".row.host, .chart canvas, table.list tr, .empty", { state: "attached" });
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (over > 0) faults.push(`${name} at ${width} px is ${over} px too wide`);
        for (const finding of await findings()) faults.push(`${name} at ${width} px, ${colorScheme}: ${finding}`);
        if (shots) {
          fs.mkdirSync(shots, { recursive: true });
          await page.screenshot({ path: path.join(shots, `${name}-${width}-${colorScheme}.png`) });
        }
      }
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
  assert.deepEqual(faults, []);
});

test("a host that falls silent moves up, and its last figures are dimmed with their age", LIMIT, async () => {
  let silent = false;
  const hosts = ["alpha", "beta"];
  const answer = (path, query) => {
    const up = hosts.filter((host) => host === "alpha" || !silent);
    const vector = (value) => ({ resultType: "vector", result: up.map((instance) => ({ metric: { job: "node", instance }, value: [0, value] })) });
    if (path === "targets") {
      return { activeTargets: hosts.map((instance) => ({ labels: { job: "node", instance }, health: up.includes(instance) ? "up" : "down", scrapeInterval: "5s", lastScrape: new Date().toISOString(), lastError: "" })) };
    }
    if (path === "query" && query.includes("node_cpu_seconds_total")) return vector("97");
    if (path === "query") return { resultType: "vector", result: [] };
    return { alerts: [], resultType: "matrix", result: [] };
  };
  await page.route("**/api/v1/*", (route) => {
    const at = new URL(route.request().url());
    return route.fulfill({ json: { status: "success", data: answer(at.pathname.split("/").pop(), at.searchParams.get("query") ?? "") } });
  });
  try {
    // The page itself is the same; only its answers change, so it is loaded anew.
    await page.goto("about:blank");
    await open("#/hosts");
    await page.waitForSelector('.host[data-instance="beta"].is-ok');
    const colour = () => page.locator('.host[data-instance="beta"] .c-cpu .figure').evaluate((figure) => getComputedStyle(figure).color);
    const before = await colour();
    silent = true;
    await page.waitForSelector('.host.is-down[data-instance="beta"]');
    assert.equal(await page.locator(".host").first().getAttribute("data-instance"), "beta");
    assert.match(await page.locator('.host[data-instance="beta"] .c-cpu').textContent(), /97\.0/);
    await page.waitForSelector('.host[data-instance="beta"] .age');
    assert.notEqual(await colour(), before);
  } finally {
    await page.unroute("**/api/v1/*");
  }
});

test("nothing was written to the console", () => {
  assert.deepEqual(complaints, []);
});

test("a page that loses its server says so at once, keeps its figures, and recovers", LIMIT, async () => {
  await open("#/hosts");
  await page.waitForSelector(".host");
  await page.context().setOffline(true);
  await page.waitForSelector(".live.is-off", { timeout: 6000 });
  assert.match(await page.locator('.notice[role="alert"]').first().textContent(), /has not answered since \d\d:\d\d:\d\d/);
  assert.ok(await page.locator(".host").count() > 0);
  if (shots) await page.screenshot({ path: path.join(shots, "hosts-1440-offline.png") });
  await page.context().setOffline(false);
  await page.waitForSelector(".live.is-on", { timeout: 10_000 });
  assert.equal(await page.locator('.notice[role="alert"]').count(), 0);
});
