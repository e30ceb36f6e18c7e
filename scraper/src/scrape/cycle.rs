//! One target's rounds: wait for the tick, fetch, store, note what came of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use watchpost_tsdb::Db;

use super::ingest::{Ingest, IngestError, Stored};
use super::layout::Texts;
use super::schedule::Schedule;
use super::{Counters, FetchError, Health, Pool, State, Target};
use crate::clock;
use crate::shutdown::Shutdown;

/// A buffer for pages keeps what its last page needs: one endless page must not cost memory for ever.
const SPARE: usize = 64 << 10;

/// A time limit that is noticed later than this, and than half of itself, is our fault.
const LATE: Duration = Duration::from_secs(1);

/// What a target's task needs.
#[derive(Debug)]
pub(super) struct Cycle {
    pub(super) pool: Arc<Pool>,
    pub(super) target: Arc<Target>,
    pub(super) db: Db,
    pub(super) texts: Arc<Texts>,
    pub(super) counters: Arc<Counters>,
}

/// A fetched page, or why there is none.
pub(super) struct Fetched {
    pub(super) time_ms: i64,
    pub(super) seconds: f64,
    pub(super) page: Result<String, FetchError>,
    pub(super) body: Vec<u8>,
}

impl Fetched {
    /// Whether the time ran out and we noticed that so late that it says nothing of the target: we
    /// were too busy to read what it sent. Such a round was not made.
    fn is_our_fault(&self, timeout: Duration) -> bool {
        let noticed = timeout + (timeout / 2).max(LATE);
        matches!(self.page, Err(FetchError::Timeout(_))) && self.seconds > noticed.as_secs_f64()
    }
}

impl Cycle {
    /// Scrapes the target until it is time to stop.
    pub(super) async fn run(self, shutdown: Shutdown) {
        let mut schedule = Schedule::new(
            self.target.interval.as_std(),
            self.target.spread(),
            self.pool.targets.len(),
            Instant::now(),
            clock::now_ms(),
        );
        let mut state = Some((self.ingest(), Vec::new()));
        loop {
            let round = async {
                tokio::time::sleep_until(schedule.due()).await;
                let (ingest, body) = state.take().unwrap_or_else(|| (self.ingest(), Vec::new()));
                (ingest, self.fetch(body).await)
            };
            let (ingest, fetched) = tokio::select! {
                fetched = round => fetched,
                () = shutdown.clone().wait() => return,
            };
            let given_up = fetched.is_our_fault(self.target.timeout.as_std());
            state = if given_up {
                Some((ingest, spared(fetched.body)))
            } else {
                self.store(ingest, fetched).await
            };
            let missed = schedule.done(Instant::now()) + u64::from(given_up);
            if missed > 0 {
                self.counters.missed.fetch_add(missed, Ordering::Relaxed);
                tracing::warn!(target = %self.target.url, missed, "too busy to scrape at the due time");
            }
        }
    }

    fn ingest(&self) -> Ingest {
        Ingest::new(
            self.db.clone(),
            self.target.labels.clone(),
            self.pool.settings.clone(),
            Arc::clone(&self.texts),
        )
    }

    async fn fetch(&self, mut body: Vec<u8>) -> Fetched {
        let time_ms = clock::now_ms();
        let start = Instant::now();
        let timeout = self.target.timeout.as_std();
        let page = self
            .pool
            .client
            .fetch(&self.target.url, timeout, &mut body)
            .await;
        Fetched {
            time_ms,
            seconds: start.elapsed().as_secs_f64(),
            page,
            body,
        }
    }

    /// Parsing and appending take the processor, and appending may wait for the disk: both happen
    /// on a thread where that delays no other target.
    async fn store(&self, mut ingest: Ingest, fetched: Fetched) -> Option<(Ingest, Vec<u8>)> {
        let work = tokio::task::spawn_blocking(move || {
            let stored = ingest.store(&fetched);
            (ingest, fetched, stored)
        });
        match work.await {
            Ok((ingest, fetched, stored)) => {
                self.note(&fetched, &stored);
                Some((ingest, spared(fetched.body)))
            }
            Err(error) => {
                tracing::error!(%error, target = %self.target.url, "storing a page ended unexpectedly");
                None
            }
        }
    }

    fn note(&self, fetched: &Fetched, stored: &Stored) {
        let counters = &self.counters;
        counters.scrapes.fetch_add(1, Ordering::Relaxed);
        Counters::add(&counters.samples, stored.samples);
        Counters::add(&counters.duplicates, stored.duplicates);
        Counters::add(&counters.refused_samples, stored.refused_samples);
        let error = match (&fetched.page, &stored.error) {
            (Err(error), _) => error.to_string(),
            (Ok(_), Some(error)) => error.to_string(),
            (Ok(_), None) => String::new(),
        };
        if matches!(stored.error, Some(IngestError::Store(_))) {
            counters.refused_pages.fetch_add(1, Ordering::Relaxed);
        }
        let state = if error.is_empty() {
            State::Up
        } else {
            State::Down
        };
        if state == State::Down {
            counters.failed.fetch_add(1, Ordering::Relaxed);
        }
        let before = self.target.set_health(Health {
            state,
            last_error: error.clone(),
            last_scrape_ms: Some(fetched.time_ms),
            last_duration: fetched.seconds,
            samples: stored.samples,
        });
        match (before.state, state) {
            (State::Down, State::Up) => {
                tracing::info!(target = %self.target.url, "target answers again");
            }
            (State::Up | State::Unknown, State::Down) => {
                tracing::warn!(target = %self.target.url, error, "scrape failed");
            }
            _ => {}
        }
    }
}

/// The buffer for the next page, without most of what the last one did not need.
fn spared(mut body: Vec<u8>) -> Vec<u8> {
    if body.capacity() > 4 * body.len() + SPARE {
        body.shrink_to(2 * body.len());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_that_is_noticed_too_late_says_nothing_of_the_target() {
        let seconds = Duration::from_secs;
        let fetched = |seconds, page| Fetched {
            time_ms: 0,
            seconds,
            page,
            body: Vec::new(),
        };
        let timed_out = || Err(FetchError::Timeout(seconds(10)));
        assert!(!fetched(10.2, timed_out()).is_our_fault(seconds(10)));
        assert!(!fetched(14.9, timed_out()).is_our_fault(seconds(10)));
        assert!(fetched(15.1, timed_out()).is_our_fault(seconds(10)));
        assert!(!fetched(1.9, timed_out()).is_our_fault(seconds(1)));
        assert!(!fetched(60.0, Ok(String::new())).is_our_fault(seconds(10)));
    }

    #[test]
    fn a_buffer_keeps_about_what_its_last_page_needs() {
        let mut body = Vec::with_capacity(64 << 20);
        body.resize(100_000, 0);
        let body = spared(body);
        assert!(body.capacity() < 1 << 20);
        let same = body.capacity();
        assert_eq!(spared(body).capacity(), same);
    }
}
