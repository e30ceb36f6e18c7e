//! Takes write requests, a bounded number of them at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use watchpost_tsdb::Db;

use super::outcome::{Outcome, Reason};
use super::worker::{Worker, WriteError};

/// The longest body, compressed.
pub(crate) const MAX_BODY: usize = 32 << 20;
/// The longest body, decoded.
const MAX_DECODED: usize = 64 << 20;
/// How much longer a body can become: three bytes stand for 64 at the most.
const MAX_EXPANSION: usize = 22;
/// How many bytes of compressed bodies may be held at once, in KiB.
const BODIES_KIB: u32 = 128 << 10;
/// The most requests that are worked on at once, each by a worker of its own.
const MAX_WORKERS: usize = 8;
/// Up to which size a worker keeps the memory of a body.
const KEPT_BODY: usize = 8 << 20;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The body is not what it should be.
    #[error("{0}")]
    Bad(String),
    /// The body is too long.
    #[error("expected a write request of at most {limit} bytes {what}, found {found}")]
    TooLong {
        /// Compressed or decoded.
        what: &'static str,
        /// How long it may be.
        limit: usize,
        /// How long it is.
        found: usize,
    },
    /// Too many requests wait already.
    #[error("too many write requests at once: try again")]
    Busy,
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
}

/// What is counted.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests taken, with or without refused samples.
    pub requests: AtomicU64,
    /// Requests that failed as a whole.
    pub failed: AtomicU64,
    /// Samples stored.
    pub samples: AtomicU64,
    /// Exemplars kept.
    pub exemplars: AtomicU64,
    /// Bytes received, compressed.
    pub bytes: AtomicU64,
    /// What was refused, by reason.
    refused: Mutex<Vec<(Reason, u64)>>,
}

impl Counters {
    /// What was refused: every reason, also those that did not occur.
    pub fn refused(&self) -> Vec<(Reason, u64)> {
        let refused = self.refused.lock();
        let count = |reason| refused.iter().find(|(have, _)| *have == reason);
        Reason::all()
            .map(|reason| (reason, count(reason).map_or(0, |(_, count)| *count)))
            .collect()
    }

    fn count(&self, outcome: &Outcome) {
        self.samples
            .fetch_add(outcome.samples as u64, Ordering::Relaxed);
        self.exemplars
            .fetch_add(outcome.exemplars as u64, Ordering::Relaxed);
        let mut refused = self.refused.lock();
        for (reason, count) in &outcome.refused {
            match refused.iter_mut().find(|(have, _)| have == reason) {
                Some((_, sum)) => *sum += *count as u64,
                None => refused.push((*reason, *count as u64)),
            }
        }
    }
}

/// Takes write requests.
#[derive(Debug)]
pub struct Receiver {
    db: Db,
    /// Those that have no work; the last that worked is the first to work again, since it knows
    /// best what comes.
    idle: Mutex<Vec<Worker>>,
    turns: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    counters: Counters,
}

impl Receiver {
    /// A receiver that stores in `db`.
    pub fn new(db: Db) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            // One from the start holds what the log has of the senders' metadata.
            idle: Mutex::new(vec![Worker::new(db.clone())]),
            db,
            turns: Arc::new(Semaphore::new(cores.clamp(2, MAX_WORKERS))),
            bodies: Arc::new(Semaphore::new(BODIES_KIB as usize)),
            counters: Counters::default(),
        }
    }

    /// What is counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Waits until there is room for a body of so many bytes.
    pub async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ReceiveError> {
        if bytes > MAX_BODY {
            return Err(ReceiveError::TooLong {
                what: "compressed",
                limit: MAX_BODY,
                found: bytes,
            });
        }
        let kib = u32::try_from(bytes >> 10).map_or(BODIES_KIB, |kib| kib + 1);
        let room = Arc::clone(&self.bodies).acquire_many_owned(kib);
        patiently(room).await
    }

    /// Stores what a body holds.
    pub async fn receive(
        self: Arc<Self>,
        body: Vec<u8>,
        now_ms: i64,
    ) -> Result<Outcome, ReceiveError> {
        let bytes = body.len() as u64;
        self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        let turn = patiently(Arc::clone(&self.turns).acquire_owned()).await?;
        let receiver = Arc::clone(&self);
        let work = tokio::task::spawn_blocking(move || {
            let result = receiver.work(&body, now_ms);
            drop(turn);
            result
        });
        let result = work
            .await
            .unwrap_or_else(|error| Err(ReceiveError::Store(error.to_string())));
        match &result {
            Ok(outcome) => {
                self.counters.requests.fetch_add(1, Ordering::Relaxed);
                self.counters.count(outcome);
            }
            Err(_) => {
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        result
    }

    fn work(&self, body: &[u8], now_ms: i64) -> Result<Outcome, ReceiveError> {
        let worker = self.idle.lock().pop();
        let mut worker = worker.unwrap_or_else(|| Worker::new(self.db.clone()));
        let result = decode(body, &mut worker.body).and_then(|()| {
            worker.write(now_ms).map_err(|error| match error {
                WriteError::Malformed(error) => ReceiveError::Bad(error.to_string()),
                WriteError::Store(error) => ReceiveError::Store(error.to_string()),
            })
        });
        if worker.body.capacity() > KEPT_BODY {
            worker.body = Vec::new();
        }
        self.idle.lock().push(worker);
        result
    }
}

/// Waits for a permit, but not for ever.
async fn patiently<T, E>(permit: impl Future<Output = Result<T, E>>) -> Result<T, ReceiveError> {
    match tokio::time::timeout(PATIENCE, permit).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(ReceiveError::Busy),
    }
}

/// Decodes a body in snappy's block format; how long it becomes stands at its front.
fn decode(body: &[u8], decoded: &mut Vec<u8>) -> Result<(), ReceiveError> {
    let bad = |error: snap::Error| ReceiveError::Bad(format!("cannot decode snappy: {error}"));
    let found = snap::raw::decompress_len(body).map_err(bad)?;
    if body.is_empty() {
        return Err(ReceiveError::Bad(
            "cannot decode snappy: empty body".to_owned(),
        ));
    }
    if found / MAX_EXPANSION > body.len() {
        return Err(ReceiveError::Bad(format!(
            "cannot decode snappy: {} bytes cannot become {found}",
            body.len()
        )));
    }
    if found > MAX_DECODED {
        return Err(ReceiveError::TooLong {
            what: "decoded",
            limit: MAX_DECODED,
            found,
        });
    }
    decoded.resize(found, 0);
    let length = snap::raw::Decoder::new()
        .decompress(body, decoded)
        .map_err(bad)?;
    decoded.truncate(length);
    Ok(())
}
