//! What holds for all jobs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use watchpost_model::Duration;
use watchpost_model::config::{ByteSize, Faults, Validate};

use super::NotYet;

/// The longest page that is read where nothing else is set. Prometheus has no limit there; a
/// target could then fill the memory.
pub const DEFAULT_BODY_SIZE_LIMIT: ByteSize = ByteSize(64 << 20);

/// The `global` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Global {
    /// How often targets are scraped.
    pub scrape_interval: Duration,
    /// How long a scrape may take, from connecting to the page's last byte.
    pub scrape_timeout: Option<Duration>,
    /// How often rules are evaluated.
    pub evaluation_interval: Duration,
    /// Labels that are added to alerts when they are sent.
    pub external_labels: BTreeMap<String, String>,
    /// The longest page that is read, uncompressed; 0 is the default.
    pub body_size_limit: ByteSize,
    /// The most samples a page may have; 0 is no limit.
    pub sample_limit: usize,
    /// The most labels a series may have, those of its target included; 0 is no limit.
    pub label_limit: usize,
    /// The longest name of a label, in bytes; 0 is no limit.
    pub label_name_length_limit: usize,
    /// The longest value of a label, in bytes; 0 is no limit.
    pub label_value_length_limit: usize,
    /// The most targets a job may have; above, none of them is scraped; 0 is no limit.
    pub target_limit: usize,
    /// Where every query is written down, a line of JSON each; no log where it is not given.
    pub query_log_file: Option<PathBuf>,
    /// What Prometheus has and we do not have yet.
    #[serde(
        skip_serializing,
        rename = "scrape_protocols",
        alias = "rule_query_offset",
        alias = "scrape_failure_log_file",
        alias = "keep_dropped_targets",
        alias = "metric_name_validation_scheme",
        alias = "metric_name_escaping_scheme",
        alias = "scrape_native_histograms",
        alias = "convert_classic_histograms_to_nhcb",
        alias = "always_scrape_classic_histograms",
        alias = "extra_scrape_metrics",
        alias = "runtime"
    )]
    pub(crate) not_yet: NotYet,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            scrape_interval: Duration::from_secs(60),
            scrape_timeout: None,
            evaluation_interval: Duration::from_secs(60),
            external_labels: BTreeMap::new(),
            body_size_limit: DEFAULT_BODY_SIZE_LIMIT,
            sample_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            target_limit: 0,
            query_log_file: None,
            not_yet: NotYet,
        }
    }
}

impl Global {
    /// How long a scrape may take where a job does not say: 10 s, or the interval where that is
    /// shorter.
    pub fn timeout_for(&self, interval: Duration) -> Duration {
        self.scrape_timeout
            .unwrap_or(Duration::from_secs(10))
            .min(interval)
    }
}

impl Validate for Global {
    fn validate(&self, faults: &mut Faults) {
        for (key, value) in [
            ("scrape_interval", self.scrape_interval),
            ("evaluation_interval", self.evaluation_interval),
        ] {
            if value.is_zero() {
                faults.add(key, "expected more than 0s, found 0s");
            }
        }
        if let Some(timeout) = self.scrape_timeout {
            super::scrape::check_timeout(timeout, self.scrape_interval, faults);
        }
        for name in self.external_labels.keys() {
            if name.is_empty() || name == watchpost_model::METRIC_NAME {
                faults.add(
                    "external_labels",
                    format_args!("expected a label name, found `{name}`"),
                );
            }
        }
    }
}
