//! All pools, and the tasks that scrape their targets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;
use watchpost_tsdb::Db;

use super::cycle::Cycle;
use super::layout::Texts;
use super::{ClientError, Pool};
use crate::config::Config;
use crate::shutdown::Shutdown;

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

    /// Scrapes until it is told to stop. A round that is in the middle is given up.
    pub async fn run(&self, db: &Db, shutdown: &Shutdown) {
        let texts = Arc::new(Texts::default());
        let mut tasks = JoinSet::new();
        for pool in &self.pools {
            for target in &pool.targets {
                let cycle = Cycle {
                    pool: Arc::clone(pool),
                    target: Arc::clone(target),
                    db: db.clone(),
                    texts: Arc::clone(&texts),
                    counters: Arc::clone(&self.counters),
                };
                tasks.spawn(cycle.run(shutdown.clone()));
            }
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a target's task ended unexpectedly");
            }
        }
    }
}
