//! What the API answers from.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;
use watchpost_promql::{Engine, Options};
use watchpost_tsdb::Db;

use super::Error;
use crate::remote_write::Receiver;
use crate::scrape;
use crate::telemetry::Telemetry;

/// What the API answers from.
#[derive(Debug)]
pub struct App {
    /// The samples.
    pub db: Db,
    /// The targets.
    pub scrape: Arc<scrape::Manager>,
    /// The rules and alerts.
    pub rules: watchpost_rules::Manager,
    /// The store's directory, where requests may change the store; nothing where that is not
    /// enabled.
    pub admin: Option<PathBuf>,
    /// Who takes the samples that others send; nobody where that is not enabled.
    pub receiver: Option<Arc<Receiver>>,
    /// Our own metrics.
    pub telemetry: Telemetry,
    /// The configuration as YAML, without secrets.
    pub config: String,
    /// The flags and their values.
    pub flags: Vec<(String, String)>,
    /// When the program started, ms.
    pub started_ms: i64,
    /// Whether all parts run.
    pub ready: AtomicBool,
    /// The bounds of queries.
    pub queries: QueryLimits,
}

/// The bounds of queries.
#[derive(Debug)]
pub struct QueryLimits {
    options: Options,
    running: Arc<Semaphore>,
}

impl QueryLimits {
    /// At most `concurrency` queries at once, each within `options`.
    pub fn new(options: Options, concurrency: u32) -> Self {
        let places = usize::try_from(concurrency).unwrap_or(1).max(1);
        Self {
            options,
            running: Arc::new(Semaphore::new(places)),
        }
    }

    /// Runs a question on a thread of its own when there is a place; `timeout_ms` may shorten the
    /// time that a query may take.
    pub async fn run<T: Send + 'static>(
        &self,
        timeout_ms: Option<i64>,
        question: impl FnOnce(&Engine) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut options = self.options.clone();
        let wanted = timeout_ms.and_then(|ms| u64::try_from(ms).ok());
        if let Some(wanted) = wanted.map(watchpost_model::Duration::from_millis) {
            options.timeout = options.timeout.min(wanted);
        }
        let timeout = options.timeout.as_std();
        let cancel = CancelOnDrop(Arc::default());
        options.canceled = Arc::clone(&cancel.0);
        let place = Arc::clone(&self.running).acquire_owned();
        let place = match tokio::time::timeout(timeout, place).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(Error::Internal("the server is stopping".to_owned())),
            Err(_) => {
                return Err(Error::Timeout(
                    "query timed out while it waited for its turn".to_owned(),
                ));
            }
        };
        let work = tokio::task::spawn_blocking(move || {
            let answer = question(&Engine::new(options));
            drop(place);
            answer
        });
        let answer = work.await;
        drop(cancel);
        answer.map_err(|error| Error::Internal(format!("the query ended unexpectedly: {error}")))?
    }
}

/// Ends a query that nobody waits for any more: the client has hung up, or the server stops.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
