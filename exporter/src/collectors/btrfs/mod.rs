//! `btrfs`: Btrfs file systems and their devices, `/sys/fs/btrfs`.
//!
//! How much of a device is allocated and which errors it had is not in `/sys`: the mounted file
//! system is asked. Where it does not answer, the sizes of the devices are those in `/sys`.

mod ioctl;
mod list;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::{Page, Series};

use super::attributes::{self, keep_first, labelled};
use super::{CollectError, Collector, Definition, Inventory, Settings, text};
use ioctl::{Answer, ERRORS};
use list::{FileSystem, FileSystems, GLOBAL, GROUP, LAYOUT};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "btrfs",
    help: "Btrfs file systems and their devices.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Btrfs::new(settings, ioctl::ask)),
};

/// What a file's number counts.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Count,
    Milliseconds,
    Sectors,
}
use Unit::{Count, Milliseconds, Sectors};

/// The lines of `commit_stats`.
#[rustfmt::skip]
const COMMITS: [(&[u8], &str, &str, MetricType, Unit); 4] = [
    (b"commits", "node_btrfs_commits_total", "The total number of commits that have occurred.", Counter, Count),
    (b"last_commit_ms", "node_btrfs_last_commit_seconds", "Duration of the most recent commit, in seconds.", Gauge, Milliseconds),
    (b"max_commit_ms", "node_btrfs_max_commit_seconds", "Duration of the slowest commit, in seconds.", Gauge, Milliseconds),
    (b"total_commit_ms", "node_btrfs_commit_seconds_total", "Sum of the duration of all commits, in seconds.", Counter, Milliseconds),
];

struct Btrfs {
    sysfs: PathBuf,
    procfs: PathBuf,
    rootfs: PathBuf,
    /// Asks the file system that is mounted there.
    ask: fn(&Path) -> io::Result<Answer>,
    /// Empty on a host without such a file system.
    filesystems: Inventory<FileSystems>,
}

impl Btrfs {
    fn new(settings: &Settings, ask: fn(&Path) -> io::Result<Answer>) -> Self {
        let paths = &settings.paths;
        Self {
            sysfs: paths.sysfs.join("fs/btrfs"),
            procfs: paths.procfs.clone(),
            rootfs: paths.rootfs.clone(),
            ask,
            filesystems: Inventory::default(),
        }
    }

    /// What the file systems say, each once however often it is mounted.
    fn answers(ask: fn(&Path) -> io::Result<Answer>, found: &FileSystems) -> Vec<Answer> {
        let mut done: Vec<&str> = Vec::new();
        let mut answers: Vec<Answer> = Vec::new();
        for (device, point) in &found.mounts {
            if done.contains(&device.as_str()) {
                continue;
            }
            // Another mount of the same file system may be open to us.
            if let Ok(answer) = ask(point) {
                done.push(device);
                answers.push(answer);
            }
        }
        answers
    }
}

impl Collector for Btrfs {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let list = |_| FileSystems::list(&self.sysfs, &self.procfs, &self.rootfs);
        let found = self.filesystems.get(Instant::now(), list)?;
        if found.filesystems.is_empty() {
            return Ok(());
        }
        let answers = Self::answers(self.ask, found);
        page.family("node_btrfs_info", "Filesystem information", Gauge);
        for filesystem in &found.filesystems {
            let mut series = page.series("");
            series.label("label", &filesystem.label);
            series.label("uuid", &filesystem.uuid);
            series.digits(b"1");
        }
        let mut result = Ok(());
        for (table, devices) in [
            (GLOBAL, &mut found.globals),
            (GROUP, &mut found.groups),
            (LAYOUT, &mut found.layouts),
        ] {
            keep_first(&mut result, attributes::write(table, devices, page, put));
        }
        page.family(
            "node_btrfs_allocation_ratio",
            "Data allocation ratio for a layout/data type",
            Gauge,
        );
        for (labels, ratio) in &found.ratios {
            labelled(page, labels).value(*ratio);
        }
        keep_first(&mut result, write_commits(&mut found.filesystems, page));
        let written = write_sizes(&mut found.filesystems, &answers, page);
        keep_first(&mut result, written);
        write_answers(&found.filesystems, &answers, page);
        attributes::settle(result, &mut self.filesystems)
    }
}

fn put(text: &[u8], unit: Unit, series: Series<'_>) -> Option<()> {
    let number = text::integer(text)?;
    match unit {
        Count => text::put_integer(series, number),
        Milliseconds => text::put_fraction(series, number, 3),
        Sectors => text::put_integer(series, number.checked_mul(512)?),
    }
    Some(())
}

/// Kernels before 6.0 do not count commits: there all is 0, as in `node_exporter`.
fn write_commits(found: &mut [FileSystem], page: &mut Page) -> Result<(), CollectError> {
    let mut result = Ok(());
    for FileSystem { commits, .. } in &mut *found {
        let read = commits.read().map(|_| ());
        if read.as_ref().is_err_and(|error| !error.is_missing()) {
            keep_first(&mut result, read);
        }
    }
    for (key, family, help, metric_type, unit) in COMMITS {
        page.family(family, help, metric_type);
        for FileSystem { uuid, commits, .. } in &*found {
            let mut lines = text::lines(commits.text());
            let line = lines.find(|line| text::words(line).next() == Some(key));
            let number = match line {
                Some(line) => text::words(line).nth(1).unwrap_or_default(),
                None if commits.text().is_empty() => b"0",
                None => continue,
            };
            let mut series = page.series("");
            series.label("uuid", uuid);
            if put(number, unit, series).is_none() {
                let fault = commits.fault("a name and an integer", line.unwrap_or_default());
                keep_first(&mut result, Err(fault));
            }
        }
    }
    result
}

fn answer_of<'a>(filesystem: &FileSystem, answers: &'a [Answer]) -> Option<&'a Answer> {
    answers.iter().find(|answer| answer.uuid == filesystem.id)
}

/// The sizes of the devices: as the file system says, or those in `/sys`.
fn write_sizes(
    found: &mut [FileSystem],
    answers: &[Answer],
    page: &mut Page,
) -> Result<(), CollectError> {
    let mut result = Ok(());
    page.family(
        "node_btrfs_device_size_bytes",
        "Size of a device that is part of the filesystem.",
        Gauge,
    );
    for filesystem in found {
        if let Some(answer) = answer_of(filesystem, answers) {
            for device in &answer.devices {
                let mut series = page.series("");
                series.label("btrfs_dev_uuid", &device.uuid);
                series.label("device", &device.name);
                series.label("uuid", &filesystem.uuid);
                text::put_integer(series, device.total);
            }
            continue;
        }
        for device in &mut filesystem.devices {
            keep_first(&mut result, device.write(0, Sectors, page, put));
        }
    }
    result
}

fn write_answers(found: &[FileSystem], answers: &[Answer], page: &mut Page) {
    let devices = || {
        let answered = |filesystem| Some((filesystem, answer_of(filesystem, answers)?));
        found
            .iter()
            .filter_map(answered)
            .flat_map(|(filesystem, answer)| {
                let devices = answer.devices.iter();
                devices.map(move |device| (&filesystem.uuid, device))
            })
    };
    page.family(
        "node_btrfs_device_unused_bytes",
        "Unused bytes unused on a device that is part of the filesystem.",
        Gauge,
    );
    for (uuid, device) in devices() {
        let mut series = page.series("");
        series.label("btrfs_dev_uuid", &device.uuid);
        series.label("device", &device.name).label("uuid", uuid);
        text::put_integer(series, device.total.saturating_sub(device.used));
    }
    page.family(
        "node_btrfs_device_errors_total",
        "Errors reported for the device",
        Counter,
    );
    for (uuid, device) in devices() {
        for (kind, count) in ERRORS.into_iter().zip(device.errors) {
            let mut series = page.series("");
            series.label("btrfs_dev_uuid", &device.uuid);
            series.label("device", &device.name);
            series.label("type", kind).label("uuid", uuid);
            text::put_integer(series, count);
        }
    }
}

#[cfg(test)]
mod tests;
