//! Starts the parts in order and stops them in reverse.
//!
//! Store, scrape, rules and notices, API. Each part gets its own stopper; to stop is to tell the
//! last started one first and to wait for it before the next.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use watchpost_exporter::server as http;
use watchpost_model::Labels;
use watchpost_model::config::Faults;
use watchpost_promql::{Engine, Features, Options};
use watchpost_rules::notify::{self, Notifier};
use watchpost_rules::{Environment, RuleGroup};
use watchpost_tsdb::Db;

use crate::api::{self, App, Bounds, ConfigFile, Enabled, Notices, Queries, QueryLog};
use crate::clock;
use crate::config::Config;
use crate::remote_write::Receiver;
use crate::scrape;
use crate::shutdown::{self, Shutdown, Stopper};
use crate::telemetry::{Parts, Telemetry};

/// How long all parts together may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_millis(1_500);
/// What is left of that, at the least, for each part that stops after a slow one.
const STOP_SHARE: Duration = Duration::from_millis(100);
/// How long requests may go on when the server stops.
const HTTP_STOP_TIMEOUT: Duration = Duration::from_millis(700);
/// How often the store is asked to seal, merge and drop what is due.
const MAINTENANCE: Duration = Duration::from_secs(5);

/// What a server is started with.
#[derive(Debug)]
pub struct Settings {
    /// What is scraped and judged.
    pub config: Config,
    /// The rules that are evaluated.
    pub rule_groups: Vec<RuleGroup>,
    /// Under which URL others reach the page.
    pub external_url: String,
    /// The store, open.
    pub db: Db,
    /// Where the page and the API are served.
    pub listener: TcpListener,
    /// The bounds of queries.
    pub queries: Options,
    /// How many queries may run at once.
    pub query_concurrency: u32,
    /// How many connections are served at once.
    pub connections: u32,
    /// The store's directory, where it has one.
    pub directory: Option<PathBuf>,
    /// What requests may do besides reading.
    pub enabled: Enabled,
    /// The bounds of what requests may ask for.
    pub bounds: Bounds,
    /// What the language has besides its stable part.
    pub features: Features,
    /// The configuration file; nothing where there is none.
    pub config_file: Option<ConfigFile>,
    /// The flags and their values, to be shown.
    pub flags: Vec<(String, String)>,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A job's client cannot be made.
    #[error(transparent)]
    Client(#[from] scrape::ClientError),
    /// The section `notifications` is wrong.
    #[error(transparent)]
    Notifications(#[from] Faults),
    /// The file of `global.query_log_file` cannot be opened.
    #[error("cannot open the query log {}", path.display())]
    QueryLog {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The listener has no address.
    #[error("cannot listen")]
    Listen(#[source] std::io::Error),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    /// In the order they were started.
    parts: Vec<Part>,
}

/// A running part.
#[derive(Debug)]
struct Part {
    name: &'static str,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl Part {
    fn start<F: Future<Output = ()> + Send + 'static>(
        name: &'static str,
        run: impl FnOnce(Shutdown) -> F,
    ) -> Self {
        let (stopper, shutdown) = shutdown::channel();
        Self {
            name,
            stopper,
            task: tokio::spawn(run(shutdown)),
        }
    }

    async fn stop(mut self, deadline: Instant) {
        self.stopper.stop();
        match tokio::time::timeout_at(deadline, &mut self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, part = self.name, "a part ended unexpectedly");
            }
            Err(_) => {
                tracing::warn!(part = self.name, "a part was cut off to stop in time");
                self.task.abort();
            }
        }
    }
}

impl Server {
    /// Starts all parts. Called within the runtime that is to run them.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let address = settings.listener.local_addr().map_err(StartError::Listen)?;
        let db = settings.db.clone();
        let scrape = Arc::new(scrape::Manager::new(&settings.config)?);
        let notifier = notifier(&settings)?;
        let queries = queries(&settings)?;
        let environment = environment(&settings, &queries, notifier.clone());
        let rules = watchpost_rules::Manager::new(settings.rule_groups, environment);
        let receiver = settings
            .enabled
            .remote_write_receiver
            .then(|| Arc::new(Receiver::new(db.clone())));
        let started_ms = clock::now_ms();
        let app = Arc::new(App {
            telemetry: Telemetry::new(Parts {
                started_ms,
                queries: Arc::clone(&queries),
                rules: rules.clone(),
                db: db.clone(),
                scrape: Arc::clone(&scrape),
                notifier: notifier.clone(),
                receiver: receiver.clone(),
            }),
            receiver,
            directory: settings.directory,
            external_labels: settings.config.global.external_labels.clone(),
            features: settings.features,
            reads: Semaphore::new(settings.bounds.reads.clamp(1, Semaphore::MAX_PERMITS)),
            notices: Notices::default(),
            enabled: settings.enabled,
            bounds: settings.bounds,
            config_file: settings.config_file,
            quit: Notify::new(),
            rules: rules.clone(),
            db: db.clone(),
            scrape: Arc::clone(&scrape),
            config: settings.config.to_yaml(),
            flags: settings.flags,
            started_ms,
            ready: AtomicBool::new(true),
            queries,
        });
        let hosts = api::Hosts::of(address, &settings.external_url);
        let routes = api::router(Arc::clone(&app), hosts);
        let (listener, connections) = (settings.listener, settings.connections);
        let mut parts = vec![
            Part::start("store", {
                let db = db.clone();
                |shutdown| maintain(db, shutdown)
            }),
            Part::start("scrape", |shutdown| async move {
                scrape.run(&db, &shutdown).await;
            }),
        ];
        if let Some(notifier) = notifier {
            let run = |shutdown: Shutdown| async move { notifier.run(shutdown.wait()).await };
            parts.push(Part::start("notices", run));
        }
        let run = |shutdown: Shutdown| async move { rules.run(shutdown.wait()).await };
        parts.push(Part::start("rules", run));
        let limits = http_limits(connections);
        let serve = |shutdown: Shutdown| http::serve(listener, routes, limits, shutdown.wait());
        parts.push(Part::start("api", serve));
        Ok(Self {
            address,
            app,
            parts,
        })
    }

    /// Where the page and the API are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the API answers from.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Stops all parts, the last started first, and forces the store to the disk.
    pub async fn stop(mut self) {
        self.app
            .ready
            .store(false, std::sync::atomic::Ordering::Release);
        stop_all(std::mem::take(&mut self.parts)).await;
    }
}

/// Stops parts, the last first. A slow one leaves the others less time, but never none.
async fn stop_all(mut parts: Vec<Part>) {
    let end = Instant::now() + STOP_TIMEOUT;
    while let Some(part) = parts.pop() {
        let later = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let share = STOP_SHARE.saturating_mul(later);
        part.stop(end.checked_sub(share).unwrap_or(end)).await;
    }
}

/// The bounds of queries, and who writes them down.
fn queries(settings: &Settings) -> Result<Arc<Queries>, StartError> {
    let path = settings.config.global.query_log_file.clone();
    let log = path.map(|path| {
        QueryLog::open(path.clone()).map_err(|source| StartError::QueryLog { path, source })
    });
    let queries = Queries::new(settings.queries.clone(), settings.query_concurrency);
    let queries = queries.with_records(settings.directory.as_deref(), log.transpose()?);
    Ok(Arc::new(queries))
}

/// What the clients of the page and the API may do. A proxy before the server is one client.
fn http_limits(connections: u32) -> http::Limits {
    http::Limits {
        connections: usize::try_from(connections).unwrap_or(usize::MAX),
        per_client: None,
        head_bytes: 64 << 10,
        stop: HTTP_STOP_TIMEOUT,
    }
}

/// Who sends the notices; nobody where no receiver is configured.
fn notifier(settings: &Settings) -> Result<Option<Notifier>, Faults> {
    let Some(config) = &settings.config.notifications else {
        return Ok(None);
    };
    let options = notify::Options {
        external_url: settings.external_url.clone(),
        zone: jiff::tz::TimeZone::system(),
        clock: Arc::new(clock::now_ms),
    };
    Notifier::new(config, options).map(Some)
}

/// What rules are evaluated with.
fn environment(
    settings: &Settings,
    queries: &Arc<Queries>,
    notifier: Option<Notifier>,
) -> Environment {
    let queries = Arc::clone(queries);
    let global = &settings.config.global;
    Environment {
        db: settings.db.clone(),
        engine: Engine::new(settings.queries.clone()),
        features: settings.features,
        recorder: Some(Arc::new(move |question, evaluate| {
            queries.of_rule(question, evaluate)
        })),
        external_labels: Labels::from_pairs(&global.external_labels),
        external_url: settings.external_url.clone(),
        evaluation_interval: global.evaluation_interval,
        query_offset: watchpost_model::Duration::ZERO,
        clock: Arc::new(clock::now_ms),
        notifier,
    }
}

/// Drops what is too old, from time to time, and forces the store to the disk at the end.
async fn maintain(db: Db, shutdown: Shutdown) {
    let mut ticks = tokio::time::interval(MAINTENANCE);
    loop {
        let stop = tokio::select! {
            _ = ticks.tick() => false,
            () = shutdown.clone().wait() => true,
        };
        let db = db.clone();
        let work = tokio::task::spawn_blocking(move || {
            if stop {
                db.sync()
            } else {
                db.maintain(clock::now_ms())
            }
        });
        match work.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the store is in trouble"),
            Err(error) => tracing::error!(%error, "the store's maintenance ended unexpectedly"),
        }
        if stop {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn parts_that_do_not_stop_are_cut_off_within_the_common_time() {
        let start = Instant::now();
        let (told, heard) = tokio::sync::oneshot::channel();
        let mut parts = vec![Part::start("first", |shutdown| async move {
            shutdown.wait().await;
            // What takes a moment, as a last sync does, has it.
            tokio::time::sleep(STOP_SHARE / 2).await;
            told.send(()).unwrap();
        })];
        for _ in 0..4 {
            parts.push(Part::start("stuck", |_| std::future::pending()));
        }
        stop_all(parts).await;
        assert!(start.elapsed() <= STOP_TIMEOUT, "{:?}", start.elapsed());
        heard.await.unwrap();
    }
}
