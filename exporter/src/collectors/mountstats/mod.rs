//! `mountstats`: what each NFS mount counts, `/proc/self/mountstats`.
//!
//! Mounts of one export by one protocol from one address share what they count: it is told once.

mod family;
mod parse;

use std::collections::BTreeSet;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::{Page, Series};

use super::faults::Faults;
use super::{CollectError, Collector, Definition, KeptFile, Settings, text};
use family::{FAMILIES, Source};
use parse::{Mount, Numbers, addresses, mounts};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "mountstats",
    help: "What each NFS mount counts.",
    default_on: false,
    flags: &[],
    new: |settings| Box::new(MountStats::new(settings)),
};

/// Larger numbers a float cannot tell apart; what overflowed in the kernel is taken modulo this, as
/// `node_exporter` does.
const MANTISSA: u64 = 1 << 53;

/// The place of the seconds without traffic, which overflow where there was none yet.
const IDLE: usize = 4;

struct MountStats {
    stats: KeptFile,
    /// Has the addresses of the servers.
    info: KeptFile,
}

impl MountStats {
    fn new(settings: &Settings) -> Self {
        let folder = settings.paths.procfs.join("self");
        Self {
            stats: KeptFile::new(folder.join("mountstats")),
            info: KeptFile::new(folder.join("mountinfo")),
        }
    }
}

/// A mount whose numbers are told.
#[derive(Clone, Copy)]
struct Told<'a> {
    mount: &'a Mount<'a>,
    address: &'a [u8],
    protocol: &'a [u8],
}

impl Collector for MountStats {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.stats.read()?;
        self.info.read()?;
        let mut faults = Faults::default();
        let (mounts, bad) = mounts(self.stats.text());
        if let Some(line) = bad {
            faults.note(self.stats.fault("a mount's numbers", line));
        }
        let addresses = addresses(self.info.text(), &mounts);
        let told = distinct(&mounts, &addresses, page);
        for family in &FAMILIES {
            page.family(family.name, family.help, family.kind);
            for told in &told {
                told.write(&family.source, page);
            }
        }
        faults.finish()
    }
}

/// Tells where the exports are mounted, and which of the mounts have numbers of their own.
fn distinct<'a>(mounts: &'a [Mount<'a>], addresses: &[&'a [u8]], page: &mut Page) -> Vec<Told<'a>> {
    page.family(
        "node_mountstats_nfs_mountpoint_info",
        "Info metric for an NFS mountpoint.",
        Gauge,
    );
    let mut told = Vec::new();
    let mut points = BTreeSet::new();
    let mut exports = BTreeSet::new();
    for (mount, address) in mounts.iter().zip(addresses) {
        for transport in &mount.transports {
            let protocol = transport.protocol;
            if points.insert((mount.export, protocol, address, mount.point)) {
                let mut series = page.series("");
                series
                    .label("export", mount.export)
                    .label("mountaddr", address)
                    .label("mountpoint", mount.point)
                    .label("protocol", protocol);
                series.digits(b"1");
            }
            if !exports.insert((mount.export, protocol, address)) {
                break;
            }
            told.push(Told {
                mount,
                address,
                protocol,
            });
        }
    }
    told
}

impl Told<'_> {
    /// Writes a family's series of this mount.
    fn write(&self, source: &Source, page: &mut Page) {
        match *source {
            Source::Age => self.put(self.mount.age, None, page),
            Source::Bytes(at) => self.put(nth(self.mount.bytes, at), None, page),
            Source::Events(at) => self.put(nth(self.mount.events, at), None, page),
            Source::Transport(at) => {
                for (index, transport) in self.mount.transports.iter().enumerate() {
                    let Some(value) = text::integer(transport.number(at)) else {
                        continue;
                    };
                    let index = index.to_string();
                    let series = self.series(Some(("transport", index.as_bytes())), page);
                    let value = if at == IDLE { value % MANTISSA } else { value };
                    text::put_integer(series, value);
                }
            }
            Source::Operation(at) => {
                for (name, numbers) in &self.mount.operations {
                    self.put(numbers.nth(at), Some(("operation", name)), page);
                }
            }
            Source::Milliseconds(at) => {
                for (name, numbers) in &self.mount.operations {
                    if let Some(value) = numbers.nth(at).and_then(text::integer) {
                        let series = self.series(Some(("operation", name)), page);
                        text::put_fraction(series, value % MANTISSA, 3);
                    }
                }
            }
        }
    }

    fn put(&self, value: Option<&[u8]>, label: Option<(&str, &[u8])>, page: &mut Page) {
        if let Some(value) = value {
            self.series(label, page).digits(value);
        }
    }

    fn series<'a>(&self, label: Option<(&str, &[u8])>, page: &'a mut Page) -> Series<'a> {
        let mut series = page.series("");
        series
            .label("export", self.mount.export)
            .label("mountaddr", self.address);
        if let Some(("operation", operation)) = label {
            series.label("operation", operation);
        }
        series.label("protocol", self.protocol);
        if let Some(("transport", transport)) = label {
            series.label("transport", transport);
        }
        series
    }
}

fn nth(numbers: Option<Numbers<'_>>, at: usize) -> Option<&[u8]> {
    numbers.and_then(|numbers| numbers.nth(at))
}

#[cfg(test)]
mod tests;
