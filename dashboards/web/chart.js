// One chart: uPlot with our axes, one cursor for all charts of a view, and a legend that is read at the cursor.

import { html, useEffect, useMemo, useRef, useState } from "./vendor/ui.js";
import uPlot from "./vendor/uplot.js";
import { busiest, latest, peak, stacked } from "./series.js";
import { join, clock, stamp, ticks } from "./format.js";
import { Figure } from "./parts.js";

const HEIGHT = 150;
const MOST = 8;
const PALETTE = 8;

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (index) => token(`--series-${(index % PALETTE) + 1}`);

/** Tells when the colours have changed: the toggle of the page, or the system's theme. */
function useTheme() {
  const [turn, set] = useState(0);
  useEffect(() => {
    const next = () => set((before) => before + 1);
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", next);
    addEventListener("themechange", next);
    return () => {
      system.removeEventListener("change", next);
      removeEventListener("themechange", next);
    };
  }, []);
  return turn;
}

function useWidth(box) {
  const [width, set] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => set(Math.floor(entry.contentRect.width)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

/** Where the zero-based axis ends: at `max` if the chart has one, else a little above the highest value. */
function scaleY(max) {
  return { range: (_, low, high) => [Math.min(0, low ?? 0), max ?? (high > 0 ? high * 1.08 : 1)] };
}

/** Times of ticks: the date at midnight, seconds only where the ticks are that near. */
function moments(_, ticks, axis, space, every) {
  return ticks.map((seconds) => {
    const text = clock(seconds * 1000);
    if (every >= 3600 && text === "00:00:00") return stamp(seconds * 1000).slice(5, 10);
    return every < 60 ? text : text.slice(0, 5);
  });
}

/** Steps that are round in powers of 1024. */
const BINARY = Array.from({ length: 60 }, (_, power) => 2 ** power);

function axes(chart) {
  const line = { stroke: token("--muted"), grid: { stroke: token("--hairline"), width: 1 }, ticks: { show: false }, font: `12px ${token("--sans")}` };
  return [
    { ...line, size: 26, space: 52, values: moments },
    { ...line, size: 62, space: 32, incrs: chart.binary ? BINARY : undefined, values: (_, values) => ticks(values, chart.format) },
  ];
}

function options({ width, lines, chart, sync, onZoom, onPoint }) {
  return {
    width, height: HEIGHT, padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: sync, setSeries: false }, drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
    scales: { y: scaleY(chart.max) },
    axes: axes(chart),
    series: [{}, ...lines.map((line, index) => ({
      label: line.label, stroke: colour(line.colour), width: 1.5, points: { show: false }, spanGaps: false,
      fill: chart.stack ? `${colour(line.colour)}55` : index === 0 && lines.length === 1 ? `${colour(line.colour)}22` : undefined,
    }))],
    bands: chart.stack ? lines.slice(1).map((line, index) => ({ series: [index + 2, index + 1], fill: `${colour(line.colour)}55` })) : [],
    hooks: {
      setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)],
      setSelect: [(plot) => {
        if (plot.select.width < 4) return;
        onZoom(plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x"));
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }],
    },
  };
}

function Legend({ lines, at, chart, times, left, showAll }) {
  const read = lines.map((line) => ({ ...line, value: at === null ? latest(line.raw) : line.raw[at] ?? null }));
  if (!chart.ordered) read.sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity));
  return html`<ul class="legend">
    ${read.map((line) => html`<li key=${line.label}><i class=${`key-${(line.colour % PALETTE) + 1}`}></i><span class="what" title=${line.label}>${line.label}</span><${Figure} value=${chart.format(line.value)} /></li>`)}
    ${left > 0 && html`<li><button type="button" class="link" onClick=${showAll}>Show ${left} more</button></li>`}
    <li class="at">${at === null ? "now" : clock(times[at] * 1000)}</li>
  </ul>`;
}

/** `chart` is { title, format, max?, stack?, binary?, peakOf?, ordered? }; `grid` is { times, lines }. */
export function Chart({ chart, grid, sync, onZoom, onReset }) {
  const box = useRef(null);
  const plot = useRef(null);
  const width = useWidth(box);
  const theme = useTheme();
  const [at, point] = useState(null);
  const [whole, showAll] = useState(false);
  const shown = useMemo(() => {
    const numbered = grid.lines.map((line, index) => ({ ...line, raw: line.values, colour: line.colour ?? index }));
    const some = busiest(numbered, whole ? Infinity : MOST);
    const heaped = chart.stack ? stacked(some.lines).map((line, index) => ({ ...line, colour: some.lines[index].colour })) : some.lines;
    return { ...some, lines: heaped };
  }, [grid, whole]);
  const shape = shown.lines.map((line) => line.label).join("\n");
  const data = [grid.times, ...shown.lines.map((line) => line.values)];

  useEffect(() => {
    if (width === 0) return undefined;
    plot.current = new uPlot(options({ width, lines: shown.lines, chart, sync, onZoom, onPoint: point }), data, box.current);
    return () => plot.current.destroy();
  }, [width, theme, shape]);
  useEffect(() => plot.current?.setData(data), [shown]);

  const most = peak(shown.lines.filter((line) => !chart.peakOf || line.label === chart.peakOf).map((line) => peak(line.values)));
  return html`<section class="chart" aria-label=${chart.title}>
    <h2>${chart.title}<span class="peak">peak ${join(chart.format(most))}</span></h2>
    <div class="plot" ref=${box} onDblClick=${onReset}></div>
    <${Legend} lines=${shown.lines} at=${at} chart=${chart} times=${grid.times} left=${shown.left} showAll=${() => showAll(true)} />
  </section>`;
}
