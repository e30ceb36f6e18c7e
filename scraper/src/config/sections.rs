//! The small sections: `commands` and `storage`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use watchpost_model::Duration;
use watchpost_model::config::{Faults, Validate};

use super::NotYet;
use super::http::resolve;

/// The `commands` section: how the commands of hosts are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Commands {
    /// The file that holds the token for all hosts that have none of their own.
    pub token_file: Option<PathBuf>,
    /// Hosts with a token, or an address, of their own.
    pub hosts: Vec<HostCommands>,
}

/// How the commands of one host are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostCommands {
    /// The host: the `instance` label of its target, or `host:port`.
    pub host: String,
    /// The file that holds the token.
    pub token_file: Option<PathBuf>,
}

impl Commands {
    pub(super) fn resolve(&mut self, dir: &Path) {
        resolve(dir, &mut self.token_file);
        for host in &mut self.hosts {
            resolve(dir, &mut host.token_file);
        }
    }

    /// The token file for a host.
    pub fn token_file(&self, host: &str) -> Option<&Path> {
        self.hosts
            .iter()
            .find(|entry| entry.host == host)
            .and_then(|entry| entry.token_file.as_deref())
            .or(self.token_file.as_deref())
    }
}

impl Validate for Commands {
    fn validate(&self, faults: &mut Faults) {
        for (at, entry) in self.hosts.iter().enumerate() {
            if entry.host.is_empty() {
                faults.add(&format!("hosts[{at}].host"), "expected a host, found none");
            }
        }
    }
}

/// The `storage` section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// The store of samples.
    pub tsdb: Tsdb,
    /// What Prometheus has and we do not have yet.
    #[serde(skip_serializing, rename = "exemplars")]
    not_yet: NotYet,
}

/// The store of samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tsdb {
    /// How much is kept.
    pub retention: Retention,
    /// The most series the store takes; 0 is no limit.
    pub max_series: usize,
    /// What Prometheus has and we do not have yet.
    #[serde(
        skip_serializing,
        rename = "out_of_order_time_window",
        alias = "stale_series_compaction_threshold",
        alias = "chunk_encoding"
    )]
    not_yet: NotYet,
}

/// How much is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// How long samples are kept (15d where neither this key nor the flag says).
    pub time: Option<Duration>,
    /// What Prometheus has and we do not have yet.
    #[serde(skip_serializing, rename = "size", alias = "percentage")]
    not_yet: NotYet,
}

impl Validate for Storage {
    fn validate(&self, faults: &mut Faults) {
        if self.tsdb.retention.time.is_some_and(Duration::is_zero) {
            faults.add("tsdb.retention.time", "expected more than 0s, found 0s");
        }
    }
}
