//! Queries on their way: a bounded queue, threads of their own, time and sample limits, and the
//! records of what runs ([`active`]) and of what has run ([`log`]).
//!
//! A query whose client goes away is told to end ([`Options::canceled`]).

mod active;
mod log;
mod stats;

pub(crate) use log::{Origin, Parameters, QueryLog};
pub(super) use stats::Statistics;

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use watchpost_promql::{Answer, Engine, Options};
use watchpost_rules::{Outcome, Question};

use self::active::Active;
use self::log::Line;
use super::Error;
use crate::clock;

/// How many queries may wait for each that may run.
const WAITING_PER_PLACE: usize = 50;

/// The bounds of queries, and who writes them down.
#[derive(Debug)]
pub struct Queries {
    options: Options,
    places: u32,
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Queries of rules that run now.
    of_rules: AtomicUsize,
    records: Arc<Records>,
}

/// Who writes queries down.
#[derive(Debug, Default)]
struct Records {
    active: Option<Active>,
    log: Option<QueryLog>,
    figures: Figures,
}

/// What is counted of queries.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) asked: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Refused because too many waited.
    pub(crate) refused: AtomicU64,
    pub(crate) queue_nanos: AtomicU64,
    pub(crate) eval_nanos: AtomicU64,
    pub(crate) evaluated: AtomicU64,
    /// Samples that queries looked at, all windows of all steps.
    pub(crate) samples: AtomicU64,
    /// The same, without those that the window of the step before had.
    pub(crate) samples_read: AtomicU64,
}

/// A query in PromQL and what it asks for besides.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// What is written down of it.
    pub(super) parameters: Parameters,
    /// Who asked.
    pub(super) origin: Origin,
    /// May shorten the time that a query may take.
    pub(super) timeout_ms: Option<i64>,
    /// How far an instant selector looks back.
    pub(super) lookback_ms: Option<i64>,
}

impl Queries {
    /// At most `concurrency` queries at once, each within `options`.
    pub fn new(options: Options, concurrency: u32) -> Self {
        let places = concurrency.max(1);
        Self {
            options,
            places,
            running: Arc::new(Semaphore::new(places as usize)),
            waiting: AtomicUsize::new(0),
            of_rules: AtomicUsize::new(0),
            records: Arc::default(),
        }
    }

    /// The same, with a record of what runs in a directory, where there is one, and a log of what has
    /// run. What an earlier process did not finish is told.
    #[must_use]
    pub(crate) fn with_records(mut self, directory: Option<&Path>, log: Option<QueryLog>) -> Self {
        let path = directory.map(|directory| directory.join(active::FILE_NAME));
        let active = path.and_then(|path| match Active::open(&path, self.places.saturating_add(rule_threads())) {
            Ok((active, unfinished)) => {
                for query in unfinished {
                    tracing::warn!(query, "this query ran when the last run ended and was not finished");
                }
                Some(active)
            }
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the running queries are not recorded");
                None
            }
        });
        self.records = Arc::new(Records {
            active,
            log,
            figures: Figures::default(),
        });
        self
    }

    /// The log of queries, where there is one.
    pub(crate) fn log(&self) -> Option<&QueryLog> {
        self.records.log.as_ref()
    }

    /// What is counted of queries.
    pub(crate) fn figures(&self) -> &Figures {
        &self.records.figures
    }

    /// How many queries of clients may run at once, and how many run, those of rules among them.
    pub(crate) fn places(&self) -> (u32, usize) {
        let free = self.running.available_permits();
        let of_clients = (self.places as usize).saturating_sub(free);
        let of_rules = self.of_rules.load(Ordering::Relaxed);
        (self.places, of_clients + of_rules)
    }

    /// How far an instant selector looks back.
    pub(crate) fn lookback(&self) -> watchpost_model::Duration {
        self.options.lookback
    }

    /// Whether metric names go at the end of an evaluation.
    pub(super) fn drops_names_late(&self) -> bool {
        self.options.delayed_name_removal
    }

    /// Runs a question about the store on a thread of its own when there is a place.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (place, cancel, options) = self.admit(self.options.clone()).await?;
        let work = tokio::task::spawn_blocking(move || {
            let answer = question(&Engine::new(options));
            drop(place);
            answer
        });
        let answer = work.await;
        drop(cancel);
        answer.map_err(|error| Error::Internal(format!("the query ended unexpectedly: {error}")))?
    }

    /// Runs a query, counts it and writes it down.
    pub(super) async fn ask(
        &self,
        asked: Asked,
        question: impl FnOnce(&Engine) -> Result<Answer, Error> + Send + 'static,
    ) -> Result<(Answer, Statistics), Error> {
        self.figures().asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer(asked, question).await;
        if answer.is_err() {
            self.figures().failed.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    async fn answer(
        &self,
        asked: Asked,
        question: impl FnOnce(&Engine) -> Result<Answer, Error> + Send + 'static,
    ) -> Result<(Answer, Statistics), Error> {
        let start = Instant::now();
        let (place, cancel, options) = self.admit(self.options_of(&asked)).await?;
        let records = Arc::clone(&self.records);
        let work = tokio::task::spawn_blocking(move || {
            let queued = start.elapsed();
            let engine = Engine::new(options);
            let answer = records.record(&asked, queued, || question(&engine));
            drop(place);
            answer
        });
        let answer = work.await;
        drop(cancel);
        answer.map_err(|error| Error::Internal(format!("the query ended unexpectedly: {error}")))?
    }

    /// Runs a query of a rule, at once: rules do not wait for what clients ask. It is written down and
    /// told among those that run.
    pub(crate) fn of_rule(
        &self,
        question: &Question<'_>,
        evaluate: &mut dyn FnMut() -> Outcome,
    ) -> Outcome {
        let Question {
            file,
            group,
            query,
            time_ms,
        } = *question;
        let asked = Asked {
            parameters: Parameters::new(query, time_ms, time_ms, 0),
            origin: Origin::RuleGroup {
                file: file.to_owned(),
                name: group.to_owned(),
            },
            timeout_ms: None,
            lookback_ms: None,
        };
        let running = Waiting::enter(&self.of_rules);
        let answer = self.records.record(&asked, Duration::ZERO, evaluate);
        drop(running);
        answer.map(|(answer, _)| answer)
    }

    /// The bounds of a query: it may shorten its time and change how far it looks back.
    fn options_of(&self, asked: &Asked) -> Options {
        let duration = |ms: Option<i64>| {
            let ms = ms.and_then(|ms| u64::try_from(ms).ok())?;
            Some(watchpost_model::Duration::from_millis(ms))
        };
        let mut options = self.options.clone();
        if let Some(timeout) = duration(asked.timeout_ms) {
            options.timeout = options.timeout.min(timeout);
        }
        if let Some(lookback) = duration(asked.lookback_ms).filter(|lookback| !lookback.is_zero()) {
            options.lookback = lookback;
        }
        options
    }

    /// Waits for a place, not longer than the query may take and not behind too many others.
    async fn admit(
        &self,
        mut options: Options,
    ) -> Result<(OwnedSemaphorePermit, CancelOnDrop, Options), Error> {
        let cancel = CancelOnDrop(Arc::default());
        options.canceled = Arc::clone(&cancel.0);
        if let Ok(place) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok((place, cancel, options));
        }
        let waiting = Waiting::enter(&self.waiting);
        if waiting.before >= WAITING_PER_PLACE.saturating_mul(self.places as usize) {
            self.figures().refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::Unavailable(
                "too many queries wait for their turn".to_owned(),
            ));
        }
        let place = Arc::clone(&self.running).acquire_owned();
        match tokio::time::timeout(options.timeout.as_std(), place).await {
            Ok(Ok(place)) => Ok((place, cancel, options)),
            Ok(Err(_)) => Err(Error::Internal("the server is stopping".to_owned())),
            Err(_) => Err(Error::Timeout("query timed out in query queue".to_owned())),
        }
    }
}

impl Records {
    /// Runs a query and writes down that it runs, and what it took.
    fn record<E: Display>(
        &self,
        asked: &Asked,
        queued: Duration,
        question: impl FnOnce() -> Result<Answer, E>,
    ) -> Result<(Answer, Statistics), E> {
        let entry = self
            .active
            .as_ref()
            .map(|active| active.insert(&asked.parameters.query, clock::now_ms()));
        let start = Instant::now();
        let answer = question();
        let evaluated = start.elapsed();
        drop(entry);
        let stats = Statistics::new(queued, evaluated, answer.as_ref().ok());
        self.figures.add(queued, evaluated, stats.samples());
        if let Some(log) = &self.log {
            log.write(&Line {
                time: clock::rfc3339(clock::now_ms()),
                level: "INFO",
                msg: "promql query logged",
                error: answer.as_ref().err().map(E::to_string),
                origin: &asked.origin,
                params: &asked.parameters,
                stats: &stats,
            });
        }
        Ok((answer?, stats))
    }
}

impl Figures {
    fn add(&self, queued: Duration, evaluated: Duration, (loaded, read): (u64, u64)) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.queue_nanos.fetch_add(nanos(queued), Ordering::Relaxed);
        self.eval_nanos
            .fetch_add(nanos(evaluated), Ordering::Relaxed);
        self.evaluated.fetch_add(1, Ordering::Relaxed);
        self.samples.fetch_add(loaded, Ordering::Relaxed);
        self.samples_read.fetch_add(read, Ordering::Relaxed);
    }
}

/// How many queries of rules run at once.
fn rule_threads() -> u32 {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(threads).unwrap_or(u32::MAX)
}

/// One who waits for a place, or a rule that needs none.
struct Waiting<'a> {
    all: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn enter(all: &'a AtomicUsize) -> Self {
        let before = all.fetch_add(1, Ordering::Relaxed);
        Self { all, before }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ends a query that nobody waits for any more: the client has hung up, or the server stops.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
