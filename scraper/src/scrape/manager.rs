//! All pools, and the tasks that scrape their targets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use watchpost_tsdb::Db;

use super::buffers::Buffers;
use super::class::Classes;
use super::cycle::Cycle;
use super::{ClientError, Pool};
use crate::config::Config;
use crate::shutdown::Shutdown;

/// More threads than this are not needed to scrape what one machine can store.
const THREADS: usize = 4;

/// All pools.
#[derive(Debug)]
pub struct Manager {
    pools: Vec<Arc<Pool>>,
    counters: Arc<Counters>,
}

/// What is counted over all targets.
#[derive(Debug, Default)]
pub struct Counters {
    /// Rounds made.
    pub scrapes: AtomicU64,
    /// Rounds of which came `up 0`.
    pub failed: AtomicU64,
    /// Rounds that were due and not made, because we were too busy.
    pub missed: AtomicU64,
    /// Pages that the store refused.
    pub refused_pages: AtomicU64,
    /// Pages longer than `body_size_limit`.
    pub over_body_size: AtomicU64,
    /// Pages with more samples than `sample_limit`.
    pub over_samples: AtomicU64,
    /// Pages with labels above `label_limit`, or longer ones than their limits allow.
    pub over_labels: AtomicU64,
    /// Rounds that were not made because of `target_limit`.
    pub over_targets: AtomicU64,
    /// Samples on the pages.
    pub samples: AtomicU64,
    /// Lines that stood twice on a page.
    pub duplicates: AtomicU64,
    /// Samples with a time of their own that the store refused.
    pub refused_samples: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

impl Manager {
    /// The pools of a configuration.
    pub fn new(config: &Config) -> Result<Self, ClientError> {
        let pools = config
            .scrape_configs
            .iter()
            .map(|job| Pool::new(job, &config.global).map(Arc::new));
        Ok(Self {
            pools: pools.collect::<Result<_, _>>()?,
            counters: Arc::default(),
        })
    }

    /// The pools, in the order of the configuration.
    pub fn pools(&self) -> &[Arc<Pool>] {
        &self.pools
    }

    /// What is counted over all targets.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Scrapes until it is told to stop.
    ///
    /// The targets are shared out to a few threads of their own. A page is parsed and stored on the
    /// thread that fetched it, while it is in that processor's cache; what else the program does, a
    /// heavy query for one, does not delay scrapes, nor do scrapes that wait for a slow disk delay
    /// the page and the API.
    pub async fn run(&self, db: &Db, shutdown: &Shutdown) {
        let mut threads = Vec::new();
        for (number, cycles) in self.shared_out(db).into_iter().enumerate() {
            let shutdown = shutdown.clone();
            let (ended, end) = oneshot::channel::<()>();
            let thread = std::thread::Builder::new().name(format!("scrape-{number}"));
            let started = thread.spawn(move || {
                scrape(cycles, &shutdown);
                drop(ended);
            });
            match started {
                Ok(_) => threads.push(end),
                Err(error) => tracing::error!(%error, "cannot start a thread to scrape"),
            }
        }
        for end in threads {
            // The other side only ever goes away.
            drop(end.await);
        }
    }

    /// The rounds of all targets, by the thread that is to make them.
    fn shared_out(&self, db: &Db) -> Vec<Vec<Cycle>> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let mut threads: Vec<Vec<Cycle>> = Vec::new();
        threads.resize_with(processors.min(THREADS), Vec::new);
        let buffers: Vec<Arc<Buffers>> = threads.iter().map(|_| Arc::default()).collect();
        let mut classes = Classes::default();
        let targets = self.pools.iter().flat_map(|pool| {
            let targets = pool.targets.iter();
            targets.map(move |target| (pool, target))
        });
        for ((pool, target), place) in targets.zip((0..threads.len()).cycle()) {
            let (Some(thread), Some(buffers)) = (threads.get_mut(place), buffers.get(place)) else {
                continue;
            };
            thread.push(Cycle {
                pool: Arc::clone(pool),
                target: Arc::clone(target),
                db: db.clone(),
                class: classes.of(&pool.name, &pool.settings, &target.labels),
                buffers: Arc::clone(buffers),
                counters: Arc::clone(&self.counters),
            });
        }
        threads.retain(|cycles| !cycles.is_empty());
        threads
    }
}

/// Makes the rounds of some targets on this thread until it is time to stop.
fn scrape(cycles: Vec<Cycle>, shutdown: &Shutdown) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot scrape");
            return;
        }
    };
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for cycle in cycles {
            tasks.spawn(cycle.run(shutdown.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a target's task ended unexpectedly");
            }
        }
    });
    // A name that is being looked up must not delay the end.
    runtime.shutdown_background();
}
