//! What requests may do besides reading.

use watchpost_model::Regex;

/// What requests may do besides reading. Nothing of it by default.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Enabled {
    /// Make snapshots and delete samples (`--web.enable-admin-api`).
    pub admin: bool,
    /// Reload and stop (`--web.enable-lifecycle`).
    pub lifecycle: bool,
    /// Send samples by remote write (`--web.enable-remote-write-receiver`).
    pub remote_write_receiver: bool,
    /// Search names and values (`--enable-feature=search-api`).
    pub search: bool,
    /// Tell what each step of a query took (`--enable-feature=promql-per-step-stats`).
    pub step_stats: bool,
    /// The pages that may read answers: what a whole `Origin` matches (`--web.cors.origin`); none
    /// where nothing is given.
    pub cors_origin: Option<Regex>,
}

/// The bounds of what requests may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most results of a search (`--web.search.max-limit`); 0 is no limit.
    pub search_results: usize,
    /// Who may listen to notifications at once (`--web.max-notifications-subscribers`).
    pub subscribers: usize,
    /// The most samples of an answer to remote read (`--storage.remote.read-sample-limit`); 0 is no
    /// limit.
    pub read_samples: usize,
    /// Remote reads at once (`--storage.remote.read-concurrent-limit`).
    pub reads: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            search_results: 10_000,
            subscribers: 16,
            read_samples: 50_000_000,
            reads: 10,
        }
    }
}
