//! What each disk read and wrote, `/proc/diskstats`, and what udev and `/sys/block` know of it.

mod info;

use std::collections::BTreeMap;

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::text::Names;
use super::{CollectError, Collector, Definition, Filter, Flag, KeptFile, Settings, text};
use info::{Info, Places};

const INCLUDE: Flag = Flag::pattern(
    "diskstats.device-include",
    "",
    "Regexp of diskstats devices to include (mutually exclusive to device-exclude).",
);
const EXCLUDE: Flag = Flag::pattern(
    "diskstats.device-exclude",
    r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$",
    "Regexp of diskstats devices to exclude (mutually exclusive to device-include).",
);

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "diskstats",
    help: "What each disk read and wrote.",
    default_on: true,
    flags: &[INCLUDE, EXCLUDE],
    new,
};

/// How a column becomes a value.
#[derive(Clone, Copy)]
enum Unit {
    Count,
    /// 512 bytes, whatever the disk's own sectors are.
    Sectors,
    Milliseconds,
}
use Unit::{Count, Milliseconds, Sectors};

/// The columns behind the name, in the order of the file; older kernels have fewer.
#[rustfmt::skip]
const COLUMNS: [(&str, &str, MetricType, Unit); 17] = [
    ("node_disk_reads_completed_total", "The total number of reads completed successfully.", Counter, Count),
    ("node_disk_reads_merged_total", "The total number of reads merged.", Counter, Count),
    ("node_disk_read_bytes_total", "The total number of bytes read successfully.", Counter, Sectors),
    ("node_disk_read_time_seconds_total", "The total number of seconds spent by all reads.", Counter, Milliseconds),
    ("node_disk_writes_completed_total", "The total number of writes completed successfully.", Counter, Count),
    ("node_disk_writes_merged_total", "The number of writes merged.", Counter, Count),
    ("node_disk_written_bytes_total", "The total number of bytes written successfully.", Counter, Sectors),
    ("node_disk_write_time_seconds_total", "This is the total number of seconds spent by all writes.", Counter, Milliseconds),
    ("node_disk_io_now", "The number of I/Os currently in progress.", Gauge, Count),
    ("node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.", Counter, Milliseconds),
    ("node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", Counter, Milliseconds),
    ("node_disk_discards_completed_total", "The total number of discards completed successfully.", Counter, Count),
    ("node_disk_discards_merged_total", "The total number of discards merged.", Counter, Count),
    ("node_disk_discarded_sectors_total", "The total number of sectors discarded successfully.", Counter, Count),
    ("node_disk_discard_time_seconds_total", "This is the total number of seconds spent by all discards.", Counter, Milliseconds),
    ("node_disk_flush_requests_total", "The total number of flush requests completed successfully", Counter, Count),
    ("node_disk_flush_requests_time_seconds_total", "This is the total number of seconds spent by all flush requests.", Counter, Milliseconds),
];

struct DiskStats {
    file: KeptFile,
    filter: Filter,
    /// Whether each line is of a disk that is wanted.
    wanted: Names<bool>,
    places: Places,
    infos: BTreeMap<String, Info>,
}

/// A line of the file.
#[derive(Debug, PartialEq, Eq)]
struct Disk {
    major: u32,
    minor: u32,
    name: String,
    columns: [Option<u64>; COLUMNS.len()],
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    Box::new(DiskStats {
        // A disk comes with all its partitions at once, so it is not a table of short rows.
        file: KeptFile::new(settings.paths.procfs.join("diskstats")),
        filter: settings.filter(&INCLUDE, &EXCLUDE),
        wanted: Names::default(),
        places: Places::new(&settings.paths),
        infos: BTreeMap::new(),
    })
}

impl Collector for DiskStats {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        let disks = parse(self.file.text(), &self.filter, &mut self.wanted)
            .map_err(|line| self.file.fault("a device and its counters", line))?;
        write(&disks, page);
        self.infos
            .retain(|name, _| disks.iter().any(|disk| disk.name == *name));
        for disk in disks {
            let numbers = (disk.major, disk.minor);
            let known = self
                .infos
                .get(&disk.name)
                .is_some_and(|info| info.is_current(numbers, &self.places));
            if !known {
                let info = Info::read(&disk.name, numbers, &self.places);
                self.infos.insert(disk.name, info);
            }
        }
        info::write(&self.infos, page);
        Ok(())
    }
}

/// The disks that get through. The error is the line at fault.
fn parse<'a>(
    text: &'a [u8],
    filter: &Filter,
    wanted: &mut Names<bool>,
) -> Result<Vec<Disk>, &'a [u8]> {
    wanted.rewind();
    let mut disks = Vec::new();
    for line in text::ended_lines(text) {
        let name = text::words(line).nth(2).unwrap_or_default();
        let lets_through = || filter.lets_through(&String::from_utf8_lossy(name));
        if wanted.next([b"", name], lets_through) == Some(&true) {
            disks.push(disk(line).ok_or(line)?);
        }
    }
    Ok(disks)
}

fn disk(line: &[u8]) -> Option<Disk> {
    let mut words = text::words(line);
    let mut number = || u32::try_from(text::integer(words.next()?)?).ok();
    let (major, minor) = (number()?, number()?);
    let name = String::from_utf8_lossy(words.next()?).into_owned();
    let mut columns = [None; COLUMNS.len()];
    for (column, word) in columns.iter_mut().zip(words) {
        *column = Some(text::integer(word)?);
    }
    Some(Disk {
        major,
        minor,
        name,
        columns,
    })
}

fn write(disks: &[Disk], page: &mut Page) {
    for (at, (name, help, metric_type, unit)) in COLUMNS.into_iter().enumerate() {
        page.family(name, help, metric_type);
        for disk in disks {
            let Some(Some(value)) = disk.columns.get(at) else {
                continue;
            };
            let mut series = page.series("");
            series.label("device", &disk.name);
            match unit {
                Count => text::put_integer(series, *value),
                Sectors => text::put_integer(series, value.saturating_mul(512)),
                Milliseconds => text::put_fraction(series, *value, 3),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, bears_bad_input};
    use super::*;

    const DISKSTATS: &[u8] = include_bytes!("../../../tests/fixtures/proc/diskstats");

    fn all(text: &[u8]) -> Vec<Disk> {
        parse(text, &Filter::default(), &mut Names::default()).unwrap()
    }

    #[test]
    fn columns_become_counts_bytes_and_seconds() {
        let disks = all(
            b" 254 0 vda 172675 26838 8690714 176745 33487 94493 31096992 139894 0 25504 318096\n",
        );
        let mut page = Page::new();
        write(&disks, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), 11);
        for line in [
            "node_disk_reads_completed_total{device=\"vda\"} 172675",
            "node_disk_read_bytes_total{device=\"vda\"} 4449645568",
            "node_disk_read_time_seconds_total{device=\"vda\"} 176.745",
            "node_disk_io_now{device=\"vda\"} 0",
            "node_disk_io_time_seconds_total{device=\"vda\"} 25.504",
        ] {
            assert!(lines.contains(&line), "{line}");
        }
    }

    #[test]
    fn partitions_and_loops_are_left_out() {
        assert_eq!(all(DISKSTATS).len(), 10);
        let filter = Settings::default().filter(&INCLUDE, &EXCLUDE);
        let mut wanted = Names::default();
        for _ in 0..2 {
            let disks = parse(DISKSTATS, &filter, &mut wanted).unwrap();
            let names: Vec<_> = disks.iter().map(|disk| disk.name.as_str()).collect();
            assert_eq!(names, ["vda"]);
        }
        for name in ["sda1", "nvme0n1p2", "loop3", "xvda1"] {
            assert!(!filter.lets_through(name), "{name}");
        }
        for name in ["nvme0n1", "dm-0", "md0", "mmcblk0p1"] {
            assert!(filter.lets_through(name), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_cut_or_garbled_text_does_not_panic(
            end in 0..DISKSTATS.len(), at in 0..DISKSTATS.len(), byte: u8,
        ) {
            let mut text = DISKSTATS.to_vec();
            text[at] = byte;
            text.truncate(end);
            if let Ok(disks) = parse(&text, &Filter::default(), &mut Names::default()) {
                write(&disks, &mut Page::new());
            }
        }
    }

    #[test]
    fn a_cut_text_gives_no_other_number() {
        let host = FakeHost::new(&[(
            "proc/diskstats",
            "   8 0 sda 25354637 34367663 1003346126 18492372 28444756 11134226 505697032 63877960\n   8 16 sdb 326552 841 9657779 84\n",
        )]);
        let file = host.root().join("proc/diskstats");
        bears_bad_input(&DEFINITION, &host.settings(), &file);
    }
}
