//! What the API answers from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::{Notify, Semaphore};
use watchpost_promql::Features;
use watchpost_tsdb::Db;

use super::{Bounds, Enabled, Notices, Queries};
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
    /// The store's directory, where it has one.
    pub directory: Option<PathBuf>,
    /// The labels that others get with our samples.
    pub external_labels: BTreeMap<String, String>,
    /// What the language has besides its stable part.
    pub features: Features,
    /// A place for each remote read at once.
    pub reads: Semaphore,
    /// What those who look at the page should know.
    pub notices: Notices,
    /// What requests may do besides reading.
    pub enabled: Enabled,
    /// The bounds of what requests may ask for.
    pub bounds: Bounds,
    /// The configuration file; nothing where there is none.
    pub config_file: Option<ConfigFile>,
    /// Told when a request asks the program to end.
    pub quit: Notify,
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
    pub queries: Arc<Queries>,
}

/// A configuration file as it was at the start.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    /// What stood in it.
    pub text: String,
}
