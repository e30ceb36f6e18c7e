//! One collector, what it gave last, and how it did.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use watchpost_model::text::Page;

use crate::collectors::{CollectError, Collector, Ready};

/// How many times as long as it took to read it a slow source is left alone.
const PACE: u32 = 20;

/// The greatest age of a slow source's figures.
const OLDEST: Duration = Duration::from_secs(10);

/// One collector and what it gave last.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: &'static str,
    /// Whether it may have to wait for something, and so is for a worker.
    pub(super) may_wait: bool,
    slow: bool,
    ours: bool,
    /// Locked by the worker as long as the collector runs.
    work: Mutex<Work>,
    health: Mutex<Health>,
}

pub(super) struct Work {
    collector: Box<dyn Collector>,
    pub(super) page: Page,
    pass: u64,
    started: Option<Instant>,
    pub(super) took: Duration,
    pub(super) outcome: Result<(), CollectError>,
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
    pub(super) fn new(ready: Ready) -> Self {
        let Ready {
            name,
            collector,
            may_wait,
            slow,
            ours,
        } = ready;
        let work = Mutex::new(Work {
            collector,
            page: Page::new(),
            pass: 0,
            started: None,
            took: Duration::ZERO,
            outcome: Ok(()),
        });
        let health = Mutex::new(Health::Good);
        Self {
            name,
            may_wait,
            slow,
            ours,
            work,
            health,
        }
    }

    /// Runs the collector unless it still runs from an earlier pass, or has what still holds.
    pub(super) fn collect(&self, pass: u64) {
        let Some(mut work) = self.work.try_lock() else {
            return;
        };
        let age = work.started.map(|started| started.elapsed());
        if self.slow && work.outcome.is_ok() && still_holds(age, work.took) {
            work.pass = pass;
        } else {
            work.run(pass);
        }
    }

    /// What the collector gave in this pass; nothing when it is not done.
    pub(super) fn result(&self, pass: u64) -> Option<MutexGuard<'_, Work>> {
        self.work.try_lock().filter(|work| work.pass == pass)
    }

    /// Whether the page says nothing of the collector.
    pub(super) fn is_silent(&self, work: Option<&Work>) -> bool {
        let no_data = |work: &Work| matches!(work.outcome, Err(CollectError::NoData(_)));
        self.ours && work.is_some_and(no_data)
    }

    /// Logs how the collector did if it is not as before.
    pub(super) fn note(&self, outcome: Option<&Result<(), CollectError>>) {
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

/// Whether the figures of a slow source still hold: it is read for at most a twentieth of the time,
/// and no figure gets older than [`OLDEST`].
fn still_holds(age: Option<Duration>, took: Duration) -> bool {
    age.is_some_and(|age| age < took.saturating_mul(PACE).min(OLDEST))
}

impl Work {
    /// Whether what it gives is not the exporter's own.
    pub(super) fn is_foreign(&self) -> bool {
        self.collector.is_foreign()
    }

    /// Tells the collector which of its families the page does not have in full.
    pub(super) fn note_refused(&mut self, families: &[String]) {
        self.collector.note_refused(families);
    }

    fn run(&mut self, pass: u64) {
        self.page.clear();
        let start = Instant::now();
        let collect = AssertUnwindSafe(|| self.collector.collect(&mut self.page));
        self.outcome = catch_unwind(collect)
            .unwrap_or_else(|_| Err(CollectError::Call("the collector panicked".to_owned())));
        self.took = start.elapsed();
        self.started = Some(start);
        self.pass = pass;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_source_is_left_alone_for_a_while_and_a_fast_one_hardly() {
        let millis = Duration::from_millis;
        let holds = |age: u64, took: u64| still_holds(Some(millis(age)), millis(took));
        assert!(holds(1_900, 100) && !holds(2_000, 100));
        assert!(holds(9_999, 1_900) && !holds(10_000, 1_900));
        assert!(!holds(1_000, 1));
        assert!(!still_holds(None, millis(100)), "not read yet");
    }
}
