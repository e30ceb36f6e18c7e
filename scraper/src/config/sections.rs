//! The small sections: `commands` and `storage`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use watchpost_model::Duration;
use watchpost_model::config::{ByteSize, Faults, Validate};

use super::NotYet;
use super::http::resolve;

/// How long a window may be.
const WINDOWS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(31 * 86_400));
/// How long the log may stay away from the disk.
const SYNC_INTERVALS: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_secs(3_600));
/// The least memory with which the store works as it should.
const LEAST_MEMORY: ByteSize = ByteSize(16 << 20);
/// The least cache with which a query does not read the same bytes again and again.
const LEAST_CACHE: ByteSize = ByteSize(1 << 20);

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
    /// The exemplars of samples.
    pub exemplars: Exemplars,
}

/// The exemplars of samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exemplars {
    /// How many are kept, the newest ones, in memory; 0 for none. Where it is not given they are kept
    /// with `--enable-feature=exemplar-storage` only, and then 100000.
    pub max_exemplars: Option<usize>,
}

/// The store of samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tsdb {
    /// How much is kept.
    pub retention: Retention,
    /// How much older than its series' newest sample a sample may be.
    pub out_of_order_time_window: Duration,
    /// How far ahead of this host's clock a sample may be.
    pub future_time_window: Duration,
    /// The most series the store takes; 0 is no limit.
    pub max_series: usize,
    /// How much finished data may be in memory; above it the oldest goes to the disk early, or is
    /// dropped where the disk takes nothing.
    pub max_memory: ByteSize,
    /// How much memory the files that queries read may take.
    pub cache_size: ByteSize,
    /// The span of time that becomes one file.
    pub window: Duration,
    /// How large the files of what is not in such a file yet may be; 0 is no limit.
    pub max_head_size: ByteSize,
    /// How often the log is forced to the disk: what a power cut may take.
    pub sync_interval: Duration,
    /// What Prometheus has and we do not have yet.
    #[serde(
        skip_serializing,
        rename = "stale_series_compaction_threshold",
        alias = "chunk_encoding"
    )]
    not_yet: NotYet,
}

impl Default for Tsdb {
    fn default() -> Self {
        let store = watchpost_tsdb::Config::default();
        let size = |bytes: usize| ByteSize(bytes as u64);
        Self {
            retention: Retention::default(),
            out_of_order_time_window: store.out_of_order_window,
            future_time_window: store.max_future,
            max_series: store.max_series,
            max_memory: size(store.max_memory),
            cache_size: size(store.cache_size),
            window: store.window,
            max_head_size: ByteSize(store.max_head_size),
            sync_interval: store.sync_interval,
            not_yet: NotYet,
        }
    }
}

impl Tsdb {
    /// How the store is opened, where it is and for how long and how much it keeps left aside.
    pub fn store(&self) -> watchpost_tsdb::Config {
        let size = |size: ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
        watchpost_tsdb::Config {
            out_of_order_window: self.out_of_order_time_window,
            max_future: self.future_time_window,
            max_series: self.max_series,
            max_memory: size(self.max_memory),
            cache_size: size(self.cache_size),
            window: self.window,
            max_head_size: self.max_head_size.0,
            sync_interval: self.sync_interval,
            ..watchpost_tsdb::Config::default()
        }
    }
}

impl Validate for Tsdb {
    fn validate(&self, faults: &mut Faults) {
        if self.retention.time.is_some_and(Duration::is_zero) {
            faults.add("retention.time", "expected more than 0s, found 0s");
        }
        for (key, value, (least, most)) in [
            ("window", self.window, WINDOWS),
            ("sync_interval", self.sync_interval, SYNC_INTERVALS),
        ] {
            if value < least || value > most {
                faults.add(
                    key,
                    format_args!("expected {least} to {most}, found {value}"),
                );
            }
        }
        for (key, value, least) in [
            ("max_memory", self.max_memory, LEAST_MEMORY),
            ("cache_size", self.cache_size, LEAST_CACHE),
        ] {
            if value < least {
                faults.add(
                    key,
                    format_args!("expected at least {least}, found {value}"),
                );
            }
        }
    }
}

/// How much is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// How long samples are kept (15d where neither this key nor the flag says).
    pub time: Option<Duration>,
    /// How many bytes all files may take; 0 is no limit. The oldest go first.
    pub size: Option<ByteSize>,
    /// What Prometheus has and we do not have yet.
    #[serde(skip_serializing, rename = "percentage")]
    not_yet: NotYet,
}

impl Validate for Storage {
    fn validate(&self, faults: &mut Faults) {
        faults.within("tsdb", |faults| self.tsdb.validate(faults));
    }
}
