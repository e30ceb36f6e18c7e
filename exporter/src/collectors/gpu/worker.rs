//! A thread that reads the GPUs when it is asked to, and may hang in it.
//!
//! Whoever asks waits for a short time only. When the thread is late its last figures stand in for
//! a while; when it is later than that, the GPUs are told as hanging. A thread that hangs is not
//! started a second time, and when it comes back all is well again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::snapshot::{Gpu, Reason, Snapshot};

/// How long the page waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For the figures of this scrape.
    pub(super) patience: Duration,
    /// Until the last figures are too old to stand in for them.
    pub(super) freshness: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Duration::from_millis(80),
            freshness: Duration::from_secs(15),
        }
    }
}

type Read = Box<dyn FnMut() -> Option<Snapshot> + Send>;

/// The thread, seen from those who ask.
pub(super) struct Worker {
    shared: Arc<Shared>,
    limits: Limits,
    /// What the thread does, until it is started.
    read: Option<Read>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Since when the thread is reading, or is asked to.
    asked: Option<Instant>,
    /// What it found, and when it was asked.
    found: Option<(Instant, Option<Snapshot>)>,
    stop: bool,
}

impl Worker {
    pub(super) fn new(
        limits: Limits,
        read: impl FnMut() -> Option<Snapshot> + Send + 'static,
    ) -> Self {
        Self {
            shared: Arc::default(),
            limits,
            read: Some(Box::new(read)),
        }
    }

    #[cfg(test)]
    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.limits.patience = patience;
    }

    /// The GPUs as they are now, or were a short while ago; nothing where there are none.
    pub(super) fn latest(&mut self) -> Option<Snapshot> {
        if let Some(read) = self.read.take() {
            let shared = Arc::clone(&self.shared);
            let started = std::thread::Builder::new()
                .name("gpu".to_owned())
                .spawn(move || shared.serve(read));
            if let Err(error) = started {
                tracing::error!(%error, "cannot start a thread for the GPUs");
            }
        }
        let now = Instant::now();
        let mut state = self.shared.state.lock();
        // Whoever was late before is not waited for again.
        if state.asked.is_none() {
            state.asked = Some(now);
            self.shared.changed.notify_all();
            let end = now + self.limits.patience;
            while state.asked.is_some()
                && !self.shared.changed.wait_until(&mut state, end).timed_out()
            {}
        }
        state.judge(Instant::now(), self.limits.freshness)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.state.lock().stop = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn serve(&self, mut read: Read) {
        let mut state = self.state.lock();
        while !state.stop {
            let Some(asked) = state.asked else {
                self.changed.wait(&mut state);
                continue;
            };
            drop(state);
            let found = read();
            state = self.state.lock();
            state.found = Some((asked, found));
            state.asked = None;
            self.changed.notify_all();
        }
    }
}

impl State {
    /// What the page says now.
    fn judge(&self, now: Instant, freshness: Duration) -> Option<Snapshot> {
        let is_fresh = |at: Instant| now.saturating_duration_since(at) <= freshness;
        let last = self.found.as_ref();
        let Some(asked) = self.asked else {
            return last.and_then(|(_, snapshot)| snapshot.clone());
        };
        if let Some((_, snapshot)) = last.filter(|(at, _)| is_fresh(*at)) {
            return snapshot.clone();
        }
        // Too old to show, and too early to call it a hang.
        if is_fresh(asked) {
            return None;
        }
        let gpus = last
            .and_then(|(_, snapshot)| snapshot.as_ref())
            .map(|snapshot| snapshot.gpus.as_slice())
            .unwrap_or_default();
        Some(Snapshot {
            fault: Some(Reason::Hang),
            driver_version: String::new(),
            gpus: gpus
                .iter()
                .map(|gpu| Gpu::at_fault(gpu.index, &gpu.uuid, Reason::Hang))
                .collect(),
        })
    }
}
