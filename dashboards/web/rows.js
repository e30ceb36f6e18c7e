// Only the rows that can be seen exist, so that thousands of them stay smooth.

import { useEffect, useState } from "./vendor/ui.js";

const FEW = 100;
const MARGIN = 12;

/** Which rows to draw for a window: pure. `top` is where the body starts relative to the window's upper edge. */
export function visible(count, height, top, windowHeight) {
  if (count <= FEW || height <= 0) return { from: 0, to: count, above: 0, below: 0 };
  const first = Math.floor(-top / height) - MARGIN;
  const from = Math.max(0, Math.min(count, first));
  const to = Math.max(from, Math.min(count, first + Math.ceil(windowHeight / height) + 2 * MARGIN));
  return { from, to, above: from * height, below: (count - to) * height };
}

/** Follows scrolling. All rows have the height of the first one that is drawn. */
export function useVisibleRows(body, count) {
  const [range, set] = useState({ from: 0, to: Math.min(count, FEW), above: 0, below: 0 });
  useEffect(() => {
    let frame = 0;
    const measure = () => {
      frame = 0;
      const row = body.current?.querySelector("[role=row]");
      if (!row) return;
      const next = visible(count, row.offsetHeight, body.current.getBoundingClientRect().top, innerHeight);
      set((before) => (before.from === next.from && before.to === next.to && before.below === next.below ? before : next));
    };
    const later = () => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [count]);
  return range.to > count ? { from: 0, to: count, above: 0, below: 0 } : range;
}
