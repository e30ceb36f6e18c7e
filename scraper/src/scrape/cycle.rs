//! One target's rounds: wait for the tick, fetch, store, note what came of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use watchpost_tsdb::Db;

use super::buffers::{Buffer, Buffers};
use super::class::Class;
use super::ingest::{Ingest, IngestError, Stored};
use super::limits::Reason;
use super::schedule::Schedule;
use super::wire::Connection;
use super::{Counters, FetchError, Health, Pool, State, Target};
use crate::clock;
use crate::shutdown::Shutdown;

/// A time limit that is noticed later than this, and than half of itself, is our fault.
const LATE: Duration = Duration::from_secs(1);

/// What a target's task needs.
#[derive(Debug)]
pub(super) struct Cycle {
    pub(super) pool: Arc<Pool>,
    pub(super) target: Arc<Target>,
    pub(super) db: Db,
    pub(super) class: Arc<Class>,
    pub(super) buffers: Arc<Buffers>,
    pub(super) counters: Arc<Counters>,
}

/// A fetched page, or why there is none.
pub(super) struct Fetched {
    pub(super) time_ms: i64,
    pub(super) seconds: f64,
    pub(super) page: Result<Body, FetchError>,
}

/// A page as it came.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) content_type: String,
    pub(super) place: Place,
    pub(super) buffer: Buffer,
}

/// Where in its buffer a page is.
#[derive(Debug, Default)]
pub(super) enum Place {
    #[default]
    Page,
    Wire(std::ops::Range<usize>),
}

impl Body {
    /// The page.
    pub(super) fn text(&self) -> &[u8] {
        match &self.place {
            Place::Page => &self.buffer.page,
            Place::Wire(place) => self.buffer.wire.get(place.clone()).unwrap_or_default(),
        }
    }
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
    /// Scrapes the target until it is time to stop. A round that is in the middle is given up.
    pub(super) async fn run(self, shutdown: Shutdown) {
        tokio::select! {
            () = self.rounds() => {}
            () = shutdown.wait() => {}
        }
    }

    async fn rounds(&self) {
        let mut schedule = Schedule::new(
            self.target.interval.as_std(),
            self.target.spread(),
            self.pool.targets.len(),
            Instant::now(),
            clock::now_ms(),
        );
        let mut ingest = self.ingest();
        let mut connection = Connection::default();
        loop {
            tokio::time::sleep_until(schedule.due()).await;
            let fetched = self.fetch(&mut connection).await;
            let given_up = fetched.is_our_fault(self.target.timeout.as_std());
            if !given_up {
                self.store(&mut ingest, fetched);
            }
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
            Arc::clone(&self.pool),
            Arc::clone(&self.target),
            Arc::clone(&self.class),
        )
    }

    async fn fetch(&self, connection: &mut Connection) -> Fetched {
        let time_ms = clock::now_ms();
        let start = Instant::now();
        let timeout = self.target.timeout.as_std();
        let page = if let Some(refused) = &self.pool.refused {
            Err(FetchError::TargetLimit(refused.clone()))
        } else {
            let place = (&self.target.url, connection);
            let client = &self.pool.client;
            client.fetch(place, timeout, &self.buffers).await
        };
        Fetched {
            time_ms,
            seconds: start.elapsed().as_secs_f64(),
            page,
        }
    }

    /// Parses and appends, here and now: it takes some microseconds, less than handing the page to
    /// another thread and waiting for it. What the thread does beside it is other targets' rounds.
    fn store(&self, ingest: &mut Ingest, mut fetched: Fetched) {
        let mut row = match &mut fetched.page {
            Ok(body) => std::mem::take(&mut body.buffer.row),
            Err(_) => Vec::new(),
        };
        let work = AssertUnwindSafe(|| ingest.store(&fetched, &mut row));
        if let Ok(stored) = catch_unwind(work) {
            self.note(&fetched, &stored);
        } else {
            tracing::error!(target = %self.target.url, "storing a page ended unexpectedly");
            *ingest = self.ingest();
        }
        if let Ok(mut body) = fetched.page {
            body.buffer.row = row;
            self.buffers.give_back(body.buffer);
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
        if let Some(counter) = counters.of_refused(&fetched.page, stored.error.as_ref()) {
            counter.fetch_add(1, Ordering::Relaxed);
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

impl Counters {
    /// Where a page is counted that was not taken for what it holds.
    fn of_refused(
        &self,
        page: &Result<Body, FetchError>,
        error: Option<&IngestError>,
    ) -> Option<&std::sync::atomic::AtomicU64> {
        match (page, error) {
            (Err(FetchError::TooLarge(_)), _) => Some(&self.over_body_size),
            (Err(FetchError::TargetLimit(_)), _) => Some(&self.over_targets),
            (_, Some(IngestError::Limit(error))) => Some(match error.reason() {
                Reason::Samples => &self.over_samples,
                Reason::Labels => &self.over_labels,
            }),
            (_, Some(IngestError::Store(_))) => Some(&self.refused_pages),
            _ => None,
        }
    }
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
        };
        let timed_out = || Err(FetchError::Timeout(seconds(10)));
        assert!(!fetched(10.2, timed_out()).is_our_fault(seconds(10)));
        assert!(!fetched(14.9, timed_out()).is_our_fault(seconds(10)));
        assert!(fetched(15.1, timed_out()).is_our_fault(seconds(10)));
        assert!(!fetched(1.9, timed_out()).is_our_fault(seconds(1)));
        assert!(!fetched(60.0, Ok(Body::default())).is_our_fault(seconds(10)));
    }
}
