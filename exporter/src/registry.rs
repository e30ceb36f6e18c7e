//! Runs the collectors, so that none of them can spoil the page.
//!
//! A scrape is a *pass*: one worker thread runs the collectors one after the other, which is the
//! cheapest way as long as they are fast. When one keeps the worker for longer than the
//! [`Limits::patience`], another worker takes over the collectors that are left, and at the
//! [`Limits::deadline`] the page is written without those that are not done. A collector that
//! still runs when the next pass comes to it is not started again, so that at most one thread
//! hangs for each collector.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use watchpost_model::MetricType;
use watchpost_model::text::Page;

use crate::collectors::{CollectError, Collector, text};

/// How long collectors may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long one collector may keep the others waiting.
    pub patience: Duration,
    /// How long a page may take.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Duration::from_millis(100),
            deadline: Duration::from_secs(2),
        }
    }
}

/// The collectors that are switched on.
#[derive(Debug)]
pub struct Registry {
    slots: Arc<[Slot]>,
    limits: Limits,
    worker: Mutex<Option<SyncSender<Arc<Pass>>>>,
    turn: tokio::sync::Mutex<Turn>,
}

/// Whose turn it is: one pass at a time.
#[derive(Debug, Default)]
struct Turn {
    number: u64,
    last: Option<(Instant, Arc<[u8]>)>,
}

impl Registry {
    /// Takes over collectors, each with its name.
    pub fn new(collectors: Vec<(&'static str, Box<dyn Collector>)>, limits: Limits) -> Self {
        let slots = collectors.into_iter().map(Slot::new).collect();
        let worker = Mutex::new(None);
        let turn = tokio::sync::Mutex::default();
        Self {
            slots,
            limits,
            worker,
            turn,
        }
    }

    /// The collectors' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.slots.iter().map(|slot| slot.name)
    }

    /// A page of everything, with the families of the text `own` merged in. Those who ask while a pass is running share the
    /// next one, so that no number is older than the request for it.
    pub async fn scrape(&self, own: impl FnOnce() -> Vec<u8>) -> Arc<[u8]> {
        let asked = Instant::now();
        let mut turn = self.turn.lock().await;
        if let Some((started, page)) = &turn.last
            && *started >= asked
        {
            return Arc::clone(page);
        }
        let started = Instant::now();
        let page = self.pass(&mut turn, |_| true, own).await;
        turn.last = Some((started, Arc::clone(&page)));
        page
    }

    /// A page of the collectors that are `wanted`, with the families of the text `own` merged in.
    pub async fn scrape_some(
        &self,
        wanted: impl Fn(&str) -> bool,
        own: impl FnOnce() -> Vec<u8>,
    ) -> Arc<[u8]> {
        let mut turn = self.turn.lock().await;
        self.pass(&mut turn, wanted, own).await
    }

    async fn pass(
        &self,
        turn: &mut Turn,
        wanted: impl Fn(&str) -> bool,
        own: impl FnOnce() -> Vec<u8>,
    ) -> Arc<[u8]> {
        turn.number += 1;
        let selected: Vec<usize> = (0..)
            .zip(self.slots.iter())
            .filter(|(_, slot)| wanted(slot.name))
            .map(|(at, _)| at)
            .collect();
        let pass = Arc::new(Pass {
            number: turn.number,
            slots: Arc::clone(&self.slots),
            next: AtomicUsize::new(0),
            left: AtomicUsize::new(selected.len()),
            done: Notify::new(),
            started: Instant::now(),
            selected,
        });
        if !pass.selected.is_empty() {
            self.wait_for(&pass).await;
        }
        pass.page(&own())
    }

    async fn wait_for(&self, pass: &Arc<Pass>) {
        self.hand_over(pass);
        let end = pass.started + self.limits.deadline;
        let mut seen = 0;
        loop {
            let look = end.min(Instant::now() + self.limits.patience);
            if tokio::time::timeout_at(look.into(), pass.done.notified())
                .await
                .is_ok()
            {
                return;
            }
            let next = pass.next.load(Ordering::Relaxed);
            if look >= end {
                // The worker hangs in the last of the collectors: the next pass needs another.
                *self.worker.lock() = None;
                return;
            }
            if next == seen && next < pass.selected.len() {
                *self.worker.lock() = None;
                self.hand_over(pass);
            }
            seen = next;
        }
    }

    /// Gives a pass to the worker. One whose channel is dropped ends when it comes back.
    fn hand_over(&self, pass: &Arc<Pass>) {
        let mut worker = self.worker.lock();
        if let Some(sender) = &*worker
            && sender.try_send(Arc::clone(pass)).is_ok()
        {
            return;
        }
        let (sender, receiver) = sync_channel(1);
        let started = std::thread::Builder::new()
            .name("collect".to_owned())
            .spawn(move || work(&receiver));
        match started {
            Ok(_) => {
                // The channel is new and empty, and its receiver waits.
                let sent = sender.try_send(Arc::clone(pass));
                debug_assert!(sent.is_ok(), "an empty channel takes a pass");
                *worker = Some(sender);
            }
            Err(error) => {
                *worker = None;
                tracing::error!(%error, "cannot start a thread for the collectors");
            }
        }
    }
}

fn work(passes: &Receiver<Arc<Pass>>) {
    while let Ok(pass) = passes.recv() {
        pass.run();
    }
}

/// One collector and what it gave last.
#[derive(Debug)]
struct Slot {
    name: &'static str,
    /// Locked by the worker as long as the collector runs.
    work: Mutex<Work>,
    health: Mutex<Health>,
}

struct Work {
    collector: Box<dyn Collector>,
    page: Page,
    pass: u64,
    took: Duration,
    outcome: Result<(), CollectError>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work")
            .field("pass", &self.pass)
            .field("took", &self.took)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// How a collector did last, so that the log tells of changes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    NoData,
    Failed,
    TimedOut,
}

impl Slot {
    fn new((name, collector): (&'static str, Box<dyn Collector>)) -> Self {
        let work = Mutex::new(Work {
            collector,
            page: Page::new(),
            pass: 0,
            took: Duration::ZERO,
            outcome: Ok(()),
        });
        let health = Mutex::new(Health::Good);
        Self { name, work, health }
    }

    /// What the collector gave in this pass; nothing when it is not done.
    fn result(&self, pass: u64) -> Option<MutexGuard<'_, Work>> {
        self.work.try_lock().filter(|work| work.pass == pass)
    }

    fn note(&self, outcome: Option<&Result<(), CollectError>>) {
        let now = match outcome {
            Some(Ok(())) => Health::Good,
            Some(Err(CollectError::NoData(_))) => Health::NoData,
            Some(Err(_)) => Health::Failed,
            None => Health::TimedOut,
        };
        let before = std::mem::replace(&mut *self.health.lock(), now);
        if before == now {
            return;
        }
        let collector = self.name;
        match outcome {
            Some(Ok(())) => tracing::info!(collector, "collector works again"),
            Some(Err(error @ CollectError::NoData(_))) => {
                tracing::debug!(collector, %error, "collector has no data");
            }
            Some(Err(error)) => {
                let error = crate::error::chain(error);
                tracing::error!(collector, error, "collector failed");
            }
            None => tracing::error!(collector, "collector is not done within the deadline"),
        }
    }
}

impl Work {
    fn collect(&mut self, pass: u64) {
        self.page.clear();
        let start = Instant::now();
        let collect = AssertUnwindSafe(|| self.collector.collect(&mut self.page));
        self.outcome = catch_unwind(collect)
            .unwrap_or_else(|_| Err(CollectError::Call("the collector panicked".to_owned())));
        self.took = start.elapsed();
        self.pass = pass;
    }
}

/// One run of all collectors that are wanted.
#[derive(Debug)]
struct Pass {
    number: u64,
    slots: Arc<[Slot]>,
    selected: Vec<usize>,
    /// The place in `selected` where the next free worker goes on.
    next: AtomicUsize,
    /// How many are not done.
    left: AtomicUsize,
    done: Notify,
    started: Instant,
}

impl Pass {
    fn run(&self) {
        loop {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = self.selected.get(next).and_then(|at| self.slots.get(*at)) else {
                return;
            };
            if let Some(mut work) = slot.work.try_lock() {
                work.collect(self.number);
            }
            if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.done.notify_one();
            }
        }
    }

    /// The collectors' families and how each did, in the order of their names.
    fn page(&self, own: &[u8]) -> Arc<[u8]> {
        let slots = self.selected.iter().filter_map(|at| self.slots.get(*at));
        let mut results: Vec<_> = slots.map(|slot| (slot, slot.result(self.number))).collect();
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
        let pages = results
            .iter_mut()
            .filter_map(|(_, result)| result.as_mut().map(|work| &mut work.page));
        merge(pages.chain([&mut scrape]), own)
    }
}

/// All families of some pages and of a text in the order of their names. A family that is there
/// several times keeps the first one's help and type.
fn merge<'a>(pages: impl Iterator<Item = &'a mut Page>, text: &'a [u8]) -> Arc<[u8]> {
    let mut families: Vec<_> = pages.flat_map(Page::families).collect();
    families.extend(families_of(text));
    families.sort_by_key(|(name, _)| *name);
    let size = families.iter().map(|(_, text)| text.len()).sum();
    let mut page = Vec::with_capacity(size);
    let mut before: &[u8] = b"";
    for (name, text) in families {
        if name == before {
            text.split_inclusive(|c| *c == b'\n')
                .filter(|line| !line.starts_with(b"#"))
                .for_each(|line| page.extend_from_slice(line));
        } else {
            page.extend_from_slice(text);
        }
        before = name;
    }
    page.into()
}

/// The families of a text in which each begins with its help.
fn families_of(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    const HELP: &[u8] = b"# HELP ";
    let mut rest = text;
    std::iter::from_fn(move || {
        let name = rest.strip_prefix(HELP)?;
        let name = name.split(|c| *c == b' ' || *c == b'\n').next()?;
        let mut end = 0;
        for line in rest.split_inclusive(|c| *c == b'\n') {
            if end > 0 && line.starts_with(HELP) {
                break;
            }
            end += line.len();
        }
        let (family, after) = rest.split_at_checked(end)?;
        rest = after;
        Some((name, family))
    })
}

#[cfg(test)]
mod tests;
