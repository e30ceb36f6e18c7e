// Asking again and again, politely: never two at once, never while nobody looks, never after the page has gone.

import { useEffect, useRef, useState } from "./vendor/ui.js";

/** Runs `task(cancel)` every `everyMs`, counted from start to start; a slow one is never overtaken. Answers { stop, now }. */
export function poll(task, everyMs) {
  let timer = null;
  let running = null;
  let stopped = false;

  const plan = (ms) => {
    clearTimeout(timer);
    if (!stopped && !document.hidden) timer = setTimeout(run, ms);
  };
  async function run() {
    if (running || stopped) return;
    running = new AbortController();
    const began = Date.now();
    try {
      await task(running.signal);
    } finally {
      running = null;
      const took = Date.now() - began;
      // A server or a fleet that needs long is asked less often: at most a third of the time is spent asking.
      plan(Math.max(250, everyMs - took, 2 * took));
    }
  }
  const look = () => {
    if (document.hidden) clearTimeout(timer);
    else plan(0);
  };
  document.addEventListener("visibilitychange", look);
  plan(0);
  return {
    now: () => plan(0),
    stop() {
      stopped = true;
      clearTimeout(timer);
      running?.abort();
      document.removeEventListener("visibilitychange", look);
    },
  };
}

/**
 * Polls while the component lives. `data` keeps the last good answer beside the `error` of a later one;
 * a change of `inputs` starts anew. `everyMs` 0 asks once.
 */
export function usePoll(task, everyMs, inputs) {
  const [state, set] = useState({ data: null, error: null, at: null });
  const current = useRef(null);
  useEffect(() => {
    const step = async (cancel) => {
      try {
        const data = await task(cancel);
        if (!cancel.aborted) set({ data, error: null, at: Date.now() });
      } catch (error) {
        if (!cancel.aborted) set((before) => ({ ...before, error }));
      }
    };
    current.current = poll(step, everyMs || 2 ** 30);
    return () => current.current.stop();
  }, inputs);
  return { ...state, retry: () => current.current?.now() };
}

/** A clock that ticks every second, for ages. */
export function useSecond() {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
