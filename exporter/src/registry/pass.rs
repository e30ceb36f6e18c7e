//! One run of all collectors that are wanted, and the page that comes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Notify;
use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::merge::{Merged, Order, merge};
use super::slot::Slot;
use crate::collectors::text;

/// One run of all collectors that are wanted.
#[derive(Debug)]
pub(super) struct Pass {
    number: u64,
    slots: Arc<[Slot]>,
    selected: Vec<usize>,
    /// Those of them that are for a worker, since they may have to wait.
    waiting: Vec<usize>,
    /// The place in `waiting` where the next free worker goes on.
    next: AtomicUsize,
    /// How many of `waiting` are not done.
    left: AtomicUsize,
    /// Told when the last one is done.
    pub(super) done: Notify,
    pub(super) started: Instant,
}

impl Pass {
    /// A pass over the slots that are wanted.
    pub(super) fn new(number: u64, slots: &Arc<[Slot]>, wanted: impl Fn(&str) -> bool) -> Self {
        let selected: Vec<usize> = (0..)
            .zip(slots.iter())
            .filter(|(_, slot)| wanted(slot.name))
            .map(|(at, _)| at)
            .collect();
        let may_wait = |at: &usize| slots.get(*at).is_some_and(|slot| slot.may_wait);
        let waiting: Vec<usize> = selected.iter().copied().filter(may_wait).collect();
        Self {
            number,
            slots: Arc::clone(slots),
            next: AtomicUsize::new(0),
            left: AtomicUsize::new(waiting.len()),
            done: Notify::new(),
            started: Instant::now(),
            selected,
            waiting,
        }
    }

    /// Whether all collectors that are for a worker are done.
    pub(super) fn is_done(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    /// Runs the collectors that never wait, here and now.
    pub(super) fn run_here(&self) {
        let slots = self.selected.iter().filter_map(|at| self.slots.get(*at));
        for slot in slots.filter(|slot| !slot.may_wait) {
            slot.collect(self.number);
        }
    }

    /// How many collectors have been started; none where all have.
    pub(super) fn progress(&self) -> Option<usize> {
        let next = self.next.load(Ordering::Relaxed);
        (next < self.waiting.len()).then_some(next)
    }

    /// Starts no further collector: nobody waits for it any more.
    pub(super) fn give_up(&self) {
        self.next.store(self.waiting.len(), Ordering::Relaxed);
    }

    /// Runs the collectors for a worker that no other one has started.
    pub(super) fn run(&self) {
        loop {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = self.waiting.get(next).and_then(|at| self.slots.get(*at)) else {
                return;
            };
            slot.collect(self.number);
            if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.done.notify_one();
            }
        }
    }

    /// The collectors' families and how each did, in the order of their names.
    pub(super) fn page(&self, own: &[u8], order: &mut Order) -> Bytes {
        let slots = self.selected.iter().filter_map(|at| self.slots.get(*at));
        let mut results: Vec<_> = slots.map(|slot| (slot, slot.result(self.number))).collect();
        results.retain(|(slot, result)| !slot.is_silent(result.as_deref()));
        let mut scrape = Page::new();
        scrape.family(
            "node_scrape_collector_duration_seconds",
            "node_exporter: Duration of a collector scrape.",
            MetricType::Gauge,
        );
        for (slot, result) in &results {
            let took = result
                .as_ref()
                .map_or_else(|| self.started.elapsed(), |work| work.took);
            let mut series = scrape.series("");
            series.label("collector", slot.name);
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            text::put_fraction(series, micros, 6);
        }
        scrape.family(
            "node_scrape_collector_success",
            "node_exporter: Whether a collector succeeded.",
            MetricType::Gauge,
        );
        for (slot, result) in &results {
            let outcome = result.as_ref().map(|work| &work.outcome);
            slot.note(outcome);
            let mut series = scrape.series("");
            series.label("collector", slot.name);
            series.digits(if matches!(outcome, Some(Ok(()))) {
                b"1"
            } else {
                b"0"
            });
        }
        let (mut foreign, mut ours): (Vec<_>, Vec<_>) = results
            .iter_mut()
            .filter_map(|(_, result)| result.as_deref_mut())
            .partition(|work| work.is_foreign());
        let pages = ours.iter_mut().map(|work| &mut work.page);
        let others = foreign.iter_mut().map(|work| &mut work.page);
        let Merged { page, refused } = merge(pages.chain([&mut scrape]), own, others, order);
        for work in foreign {
            work.note_refused(&refused);
        }
        page
    }
}
