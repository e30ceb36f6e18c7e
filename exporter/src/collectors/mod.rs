//! Where the numbers come from: one source a file, one line a source in [`ALL`], which stands in
//! `table.rs`.
//!
//! A collector reads files under the [`Paths`] of its [`Settings`] or asks the kernel, and writes
//! its families into a [`Page`] of its own. The registry runs it, times it and gives up on it
//! after a deadline, so a collector may block but need not hurry.

mod arp;
mod attributes;
mod bcache;
mod bcachefs;
mod bonding;
mod btrfs;
mod buddyinfo;
mod cgroups;
mod checks;
mod conntrack;
mod cpu;
mod cpu_vulnerabilities;
mod cpufreq;
mod dbus;
mod diskstats;
mod dmi;
mod dmmultipath;
mod drbd;
mod drm;
mod edac;
mod entropy;
mod ethtool;
#[cfg(test)]
mod fake_host;
mod faults;
mod fibrechannel;
mod file;
mod filefd;
mod filesystem;
mod folder;
#[cfg(test)]
mod garbled;
mod gpu;
mod human;
mod hwmon;
mod infiniband;
mod interrupts;
mod ipvs;
mod kernel_hung;
mod ksmd;
mod links;
mod lnstat;
mod loadavg;
mod logind;
mod mdadm;
mod meminfo;
mod meminfo_numa;
mod mountstats;
mod netclass;
mod netdev;
mod netlink_socket;
mod netstat;
mod network_route;
mod nfs;
mod ntp;
mod nvme;
mod nvmesubsystem;
mod os;
mod pcidevice;
mod powersupplyclass;
mod pressure;
mod processes;
mod qdisc;
mod rapl;
mod rare;
mod runit;
mod schedstat;
mod selinux;
mod settings;
mod shared;
mod slabinfo;
mod sockstat;
mod softirqs;
mod softnet;
mod stat;
mod supervisord;
mod swap;
mod sysctl;
mod systemd;
mod table;
mod tapestats;
mod tcpstat;
pub mod text;
mod textfile;
mod thermal_zone;
mod time;
mod timex;
mod udp_queues;
mod uname;
mod vmstat;
mod watchdog;
mod wifi;
mod xfrm;
mod xfs;
mod zfs;
mod zoneinfo;

use std::path::{Path, PathBuf};

use watchpost_model::text::Page;

pub use checks::check;
pub use file::{Inventory, KeptFile, read_small};
pub use settings::{Filter, Flag, FlagError, FlagKind, Paths, Pattern, Settings};
pub use table::{ALL, NEVER_WAIT, OURS, SLOW, files_are_the_kernels};

/// Why a collector has no numbers.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The host does not have the source (no battery, no GPU): nothing is wrong.
    #[error("no data: {0}")]
    NoData(&'static str),
    /// A file could not be read.
    #[error("cannot read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file's text is not what it should be.
    #[error("`{path}`: expected {expected}, found `{found}`", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A library or system call failed.
    #[error("{0}")]
    Call(String),
}

impl CollectError {
    /// A file that could not be read.
    pub fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// A text that is not what it should be; only its beginning is kept.
    pub fn parse(path: &Path, expected: &'static str, found: &[u8]) -> Self {
        let shown = found.get(..found.len().min(80)).unwrap_or_default();
        Self::Parse {
            path: path.to_owned(),
            expected,
            found: String::from_utf8_lossy(shown).trim_end().to_owned(),
        }
    }

    /// Whether the file does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    /// Turns a missing file into "this host does not have it".
    #[must_use]
    pub fn or_no_data(self, what: &'static str) -> Self {
        if self.is_missing() {
            Self::NoData(what)
        } else {
            self
        }
    }
}

/// A source of numbers.
pub trait Collector: Send {
    /// Writes the source's families as they are now. On an error what was written so far stands.
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError>;

    /// Whether the families are other programs', so that those of all other collectors go first.
    fn is_foreign(&self) -> bool {
        false
    }

    /// Tells a foreign collector, after each page, which of its families are not on it in full:
    /// another collector has them, with other help or type or with the same series.
    fn note_refused(&mut self, families: &[String]) {
        // Only foreign families are ever refused.
        debug_assert!(families.is_empty() || self.is_foreign(), "{families:?}");
    }
}

/// A collector that is set up.
pub struct Ready {
    /// Its name.
    pub name: &'static str,
    /// Itself.
    pub collector: Box<dyn Collector>,
    /// Whether it may have to wait for something.
    pub may_wait: bool,
    /// Whether its source may be slow, so that it is read at a pace of its own.
    pub slow: bool,
    /// Whether `node_exporter` does not have it.
    pub ours: bool,
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready")
            .field("name", &self.name)
            .field("may_wait", &self.may_wait)
            .finish_non_exhaustive()
    }
}

/// A line of the table.
#[derive(Debug)]
pub struct Definition {
    /// The name, as in `--collector.NAME`.
    pub name: &'static str,
    /// One sentence for `--help`.
    pub help: &'static str,
    /// Whether it runs unless told otherwise, as in `node_exporter`.
    pub default_on: bool,
    /// Its own flags, `--collector.FLAG`.
    pub flags: &'static [Flag],
    /// Makes one.
    pub new: fn(&Settings) -> Box<dyn Collector>,
}
