//! A thread that reads GPUs at its own pace, and may hang in it.
//!
//! The page takes what the thread published last and never waits. What it takes is at most as old
//! as [`Limits::pace`] and [`Limits::hang`] together: a thread that is busy for longer has its GPUs
//! told as hanging. A thread that hangs is not started a second time, and when it comes back all is
//! well again. Where there is no GPU, or when no page was asked for in a long time, the thread
//! ends; a page that is asked for starts it again, at most once a minute where there is nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::snapshot::{Reason, Snapshot};

/// Where GPUs are read.
pub(super) trait Source: Send {
    /// Reads and publishes each time that the desk says so, until it says no more.
    fn serve(&mut self, desk: &Desk);
}

/// How often the thread reads, and when something is wrong with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From one reading to the next.
    pub(super) pace: Duration,
    /// From a fault, or from where nothing was found, to the next try: a driver may be installed,
    /// upgraded or loaded while the exporter runs.
    pub(super) retry: Duration,
    /// How long a reading may take until it counts as a hang.
    pub(super) hang: Duration,
    /// How long nobody asks until the thread ends.
    pub(super) idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pace: Duration::from_secs(5),
            retry: Duration::from_mins(1),
            hang: Duration::from_secs(15),
            idle: Duration::from_mins(10),
        }
    }
}

impl Limits {
    /// Those of cards that may go to sleep when nobody has asked them for some seconds, often five:
    /// the pace is to let them.
    pub(super) fn for_cards(self) -> Self {
        let pace = 2 * self.pace;
        Self { pace, ..self }
    }
}

/// The thread, seen from those who ask.
#[derive(Debug)]
pub(super) struct Worker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: &'static str,
    limits: Limits,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// What the thread serves; it takes it with it as long as it runs.
    source: Option<Box<dyn Source>>,
    runs: bool,
    /// Since when the thread is at work; none while it waits or does not run.
    busy: Option<Instant>,
    /// When to read again; none is at once.
    next: Option<Instant>,
    /// When somebody asked last.
    asked: Instant,
    latest: Option<Arc<Snapshot>>,
    /// What is told in its place as long as the thread hangs.
    hanging: Option<Arc<Snapshot>>,
    stop: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("runs", &self.runs)
            .field("busy", &self.busy)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// Starts reading, so that the first page has something.
    pub(super) fn new(name: &'static str, limits: Limits, source: impl Source + 'static) -> Self {
        let now = Instant::now();
        let state = Mutex::new(State {
            source: Some(Box::new(source)),
            runs: false,
            busy: None,
            next: None,
            asked: now,
            latest: None,
            hanging: None,
            stop: false,
        });
        let changed = Condvar::new();
        let worker = Self {
            shared: Arc::new(Shared {
                name,
                limits,
                state,
                changed,
            }),
        };
        worker.latest(now);
        worker
    }

    /// The GPUs as they were a short while ago; nothing where there are none.
    pub(super) fn latest(&self, now: Instant) -> Option<Arc<Snapshot>> {
        let mut state = self.shared.state.lock();
        state.asked = now;
        if !state.runs && state.is_due(now) {
            self.start(&mut state, now);
        }
        state.judge(now, self.shared.limits.hang)
    }

    #[cfg(test)]
    pub(super) fn runs(&self) -> bool {
        self.shared.state.lock().runs
    }

    fn start(&self, state: &mut State, now: Instant) {
        let shared = Arc::clone(&self.shared);
        let started = std::thread::Builder::new()
            .name(self.shared.name.to_owned())
            .spawn(move || shared.run());
        match started {
            Ok(_) => {
                state.runs = true;
                state.busy = Some(now);
            }
            Err(error) => {
                state.next = Some(now + self.shared.limits.retry);
                tracing::error!(%error, "cannot start a thread for the GPUs");
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.state.lock().stop = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn run(self: Arc<Self>) {
        let Some(mut source) = self.state.lock().source.take() else {
            return;
        };
        let desk = Desk(self);
        let served = catch_unwind(AssertUnwindSafe(|| source.serve(&desk)));
        if served.is_err() {
            tracing::error!("the thread that reads the GPUs panicked");
            desk.publish(Some(Snapshot::at_fault(Reason::DriverError, Vec::new())));
        }
        let mut state = desk.0.state.lock();
        state.rest();
        state.runs = false;
        state.source = Some(source);
    }
}

/// What the thread sees of those who ask.
#[derive(Debug)]
pub(super) struct Desk(Arc<Shared>);

impl Desk {
    /// Waits until it is time to read. None says that the thread is not needed any more.
    pub(super) fn next(&self) -> Option<Instant> {
        let Shared { limits, .. } = &*self.0;
        let mut state = self.0.state.lock();
        state.rest();
        loop {
            let now = Instant::now();
            let end = state.asked + limits.idle;
            if state.stop {
                return None;
            }
            if now >= end {
                state.latest = None;
                state.next = None;
                return None;
            }
            match state.next {
                Some(next) if now < next => {
                    state.latest.as_ref()?;
                    let until = next.min(end);
                    self.0.changed.wait_until(&mut state, until);
                }
                _ => {
                    state.busy = Some(now);
                    return Some(now);
                }
            }
        }
    }

    /// Tells what was read; nothing where there is no GPU. Sets the time of the next reading.
    pub(super) fn publish(&self, snapshot: Option<Snapshot>) {
        let Shared { limits, .. } = &*self.0;
        let works = snapshot.as_ref().is_some_and(|found| found.fault.is_none());
        let wait = if works { limits.pace } else { limits.retry };
        let mut state = self.0.state.lock();
        state.next = Some(state.busy.unwrap_or_else(Instant::now) + wait);
        state.latest = snapshot.map(Arc::new);
    }

    /// How long until what has a fault is tried again.
    pub(super) fn retry(&self) -> Duration {
        self.0.limits.retry
    }
}

impl State {
    fn is_due(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| now >= next)
    }

    /// The thread is at work no more.
    fn rest(&mut self) {
        self.busy = None;
        if self.hanging.take().is_some() {
            tracing::info!("the GPUs' driver answers again");
        }
    }

    /// What the page says now.
    fn judge(&mut self, now: Instant, hang: Duration) -> Option<Arc<Snapshot>> {
        let hangs = |at: Instant| now.saturating_duration_since(at) > hang;
        if !self.busy.is_some_and(hangs) {
            return self.latest.clone();
        }
        let latest = self.latest.as_ref();
        let hanging = self.hanging.get_or_insert_with(|| {
            tracing::warn!("the GPUs' driver does not answer");
            let gpus = latest.map(|latest| latest.gpus.clone()).unwrap_or_default();
            Arc::new(Snapshot::at_fault(Reason::Hang, gpus))
        });
        Some(Arc::clone(hanging))
    }
}
