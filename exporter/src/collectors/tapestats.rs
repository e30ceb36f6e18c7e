//! `tapestats`: what each SCSI tape drive of `/sys/class/scsi_tape` read, wrote and waited for.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::{Counter, Gauge};
use watchpost_model::text::{Page, Series};

use super::attributes::{self, Attribute, Device};
use super::folder::entries;
use super::{CollectError, Collector, Definition, Flag, Inventory, Pattern, Settings, text};

const IGNORED: Flag = Flag::pattern(
    "tapestats.ignored-devices",
    "^$",
    "Regexp of devices to ignore for tapestats.",
);

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "tapestats",
    help: "What each SCSI tape drive read, wrote and waited for.",
    default_on: true,
    flags: &[IGNORED],
    new: |settings| Box::new(TapeStats::new(settings)),
};

#[derive(Clone, Copy, Debug)]
enum Unit {
    Count,
    Nanoseconds,
}
use Unit::{Count, Nanoseconds};

#[rustfmt::skip]
const TABLE: &[Attribute<Unit>] = &[
    ("node_tape_io_now", "The number of I/Os currently outstanding to this device.", Gauge, "in_flight", Count),
    ("node_tape_io_time_seconds_total", "The amount of time spent waiting for all I/O to complete (including read and write). This includes tape movement commands such as seeking between file or set marks and implicit tape movement such as when rewind on close tape devices are used.", Counter, "io_ns", Nanoseconds),
    ("node_tape_io_others_total", "The number of I/Os issued to the tape drive other than read or write commands. The time taken to complete these commands uses the following calculation io_time_seconds_total-read_time_seconds_total-write_time_seconds_total", Counter, "other_cnt", Count),
    ("node_tape_read_bytes_total", "The number of bytes read from the tape drive.", Counter, "read_byte_cnt", Count),
    ("node_tape_reads_completed_total", "The number of read requests issued to the tape drive.", Counter, "read_cnt", Count),
    ("node_tape_read_time_seconds_total", "The amount of time spent waiting for read requests to complete.", Counter, "read_ns", Nanoseconds),
    ("node_tape_residual_total", "The number of times during a read or write we found the residual amount to be non-zero. This should mean that a program is issuing a read larger thean the block size on tape. For write not all data made it to tape.", Counter, "resid_cnt", Count),
    ("node_tape_written_bytes_total", "The number of bytes written to the tape drive.", Counter, "write_byte_cnt", Count),
    ("node_tape_writes_completed_total", "The number of write requests issued to the tape drive.", Counter, "write_cnt", Count),
    ("node_tape_write_time_seconds_total", "The amount of time spent waiting for write requests to complete.", Counter, "write_ns", Nanoseconds),
];

#[derive(Debug)]
struct TapeStats {
    folder: PathBuf,
    ignored: Option<Pattern>,
    /// None on a host without tape drives.
    drives: Inventory<Option<Vec<Device>>>,
}

impl TapeStats {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/scsi_tape"),
            ignored: settings.pattern(&IGNORED),
            drives: Inventory::default(),
        }
    }
}

impl Collector for TapeStats {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let list = |_| drives(&self.folder, self.ignored.as_ref());
        let Some(drives) = self.drives.get(Instant::now(), list)? else {
            return Err(CollectError::NoData("this host has no tape drives"));
        };
        let result = attributes::write(TABLE, drives, page, put);
        attributes::settle(result, &mut self.drives)
    }
}

fn drives(folder: &Path, ignored: Option<&Pattern>) -> Result<Option<Vec<Device>>, CollectError> {
    let drive = |(name, folder): (String, PathBuf)| {
        let is_wanted = is_drive(&name) && !ignored.is_some_and(|p| p.occurs_in(&name));
        is_wanted.then(|| Device::new(&folder.join("stats"), vec![("device", name)], TABLE))
    };
    let entries = entries(folder)?;
    Ok(entries.map(|entries| entries.into_iter().filter_map(drive).collect()))
}

/// A drive is there several times, once for each way to open it: `st0`, `nst0`, `st0a`, ...
fn is_drive(name: &str) -> bool {
    let number = name.strip_prefix("st").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit())
}

fn put(text: &[u8], unit: Unit, series: Series<'_>) -> Option<()> {
    match unit {
        Count => series.digits(Some(text).filter(|text| text::is_integer(text))?),
        Nanoseconds => text::put_fraction(series, text::integer(text)?, 9),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::*;

    fn settings(sysfs: &Path) -> Settings {
        Settings::new(Paths {
            sysfs: sysfs.to_owned(),
            ..Paths::default()
        })
    }

    fn drive(sysfs: &Path, name: &str) {
        let stats = sysfs.join("class/scsi_tape").join(name).join("stats");
        std::fs::create_dir_all(&stats).unwrap();
        std::fs::write(stats.join("in_flight"), "1\n").unwrap();
        std::fs::write(stats.join("read_ns"), "1500000001\n").unwrap();
    }

    #[test]
    fn each_drive_is_there_once_unless_it_is_ignored() {
        let sysfs = tempfile::tempdir().unwrap();
        for name in ["st0", "nst0", "st0a", "st1", "st"] {
            drive(sysfs.path(), name);
        }
        let mut settings = settings(sysfs.path());
        settings.set(&IGNORED, vec!["^st1$".to_owned()]).unwrap();
        let mut page = Page::new();
        TapeStats::new(&settings).collect(&mut page).unwrap();
        let text = String::from_utf8_lossy(page.finish()).into_owned();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "node_tape_io_now{device=\"st0\"} 1",
                "node_tape_read_time_seconds_total{device=\"st0\"} 1.500000001",
            ]
        );
    }

    #[test]
    fn a_host_without_drives_has_no_data_until_the_list_is_old() {
        let sysfs = tempfile::tempdir().unwrap();
        let mut tape = TapeStats::new(&settings(sysfs.path()));
        let mut collect = || tape.collect(&mut Page::new()).unwrap_err();
        assert!(matches!(collect(), CollectError::NoData(_)));
        drive(sysfs.path(), "st0");
        assert!(matches!(collect(), CollectError::NoData(_)), "not listed");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_number_or_a_fault(text: Vec<u8>, near in "-?[0-9]{0,22}[. a-f]?[0-9]{0,3}") {
            attributes::assert_bears(&text, &[Count, Nanoseconds], put);
            attributes::assert_bears(near.as_bytes(), &[Count, Nanoseconds], put);
        }
    }
}
