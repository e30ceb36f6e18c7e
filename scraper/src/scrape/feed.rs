//! Targets whose pages come from elsewhere than the network, such as a benchmark: they are read and
//! stored as fetched ones are.

use std::sync::Arc;

use watchpost_tsdb::Db;

use super::Pool;
use super::class::Classes;
use super::cycle::{Body, Fetched};
use super::ingest::Ingest;

/// One target.
#[derive(Debug)]
pub struct Feed {
    ingest: Ingest,
    row: Vec<f64>,
}

impl Feed {
    /// All targets of a pool.
    pub fn all(db: &Db, pool: Pool) -> Vec<Self> {
        let pool = Arc::new(pool);
        let mut classes = Classes::default();
        let feed = |target: &Arc<_>| {
            let target: Arc<super::Target> = Arc::clone(target);
            let class = classes.of(&pool.name, &pool.settings, &target.labels);
            Self {
                ingest: Ingest::new(db.clone(), Arc::clone(&pool), target, class),
                row: Vec::new(),
            }
        };
        pool.targets.iter().map(feed).collect()
    }

    /// Stores a page in the text format that was scraped at this time (ms), and leaves it as it was.
    /// Gives how many samples it had.
    ///
    /// # Errors
    ///
    /// What is wrong with the page, as a target's last error has it.
    pub fn store(&mut self, time_ms: i64, page: &mut Vec<u8>) -> Result<usize, String> {
        let mut body = Body::default();
        body.buffer.page = std::mem::take(page);
        let mut fetched = Fetched {
            time_ms,
            seconds: 0.001,
            page: Ok(body),
        };
        let stored = self.ingest.store(&fetched, &mut self.row);
        if let Ok(body) = &mut fetched.page {
            *page = std::mem::take(&mut body.buffer.page);
        }
        match stored.error {
            Some(error) => Err(error.to_string()),
            None => Ok(stored.samples),
        }
    }
}
