//! `mdadm`: software RAID, `/proc/mdstat` and `/sys/block/md*/md`.

mod mdstat;

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::{Page, Series};

use super::faults::Faults;
use super::folder::entries_if_any;
use super::rare::RareFile;
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, text};
use mdstat::{Array, arrays};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "mdadm",
    help: "Software RAID.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Mdadm::new(settings)),
};

/// One of an array's numbers.
type Number = fn(&Array<'_>) -> u64;

/// The families with one number an array.
const FAMILIES: [(&str, &str, Number); 3] = [
    (
        "node_md_blocks",
        "Total number of blocks on device.",
        |array| array.blocks,
    ),
    (
        "node_md_blocks_synced",
        "Number of blocks synced on device.",
        |array| array.synced,
    ),
    (
        "node_md_disks_required",
        "Total number of disks of device.",
        |array| array.required,
    ),
];

/// What a disk may be, as a label and in numbers.
const DISKS: [(&str, Number); 3] = [
    ("active", |array| array.active),
    ("failed", |array| array.failed),
    ("spare", |array| array.spare),
];

/// What an array may do. One that is reshaped does none of it.
const STATES: [&str; 5] = ["active", "check", "inactive", "recovering", "resync"];

struct Mdadm {
    mdstat: RareFile,
    folder: PathBuf,
    in_sysfs: Inventory<Vec<InSysfs>>,
    /// How many arrays there were when they were looked for in sysfs.
    known: usize,
}

/// An array's files.
struct InSysfs {
    device: String,
    /// None where the level has no redundancy.
    degraded: Option<KeptFile>,
    raid_disks: KeptFile,
}

impl Mdadm {
    fn new(settings: &Settings) -> Self {
        let mdstat = settings.paths.procfs.join("mdstat");
        Self {
            mdstat: RareFile::new(mdstat, "this kernel has no software RAID"),
            folder: settings.paths.sysfs.join("block"),
            in_sysfs: Inventory::default(),
            known: 0,
        }
    }
}

impl Collector for Mdadm {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.mdstat.read()?;
        let mut faults = Faults::default();
        let mut good = Vec::new();
        for array in arrays(self.mdstat.text()) {
            match array {
                Ok(array) => good.push(array),
                Err(line) => faults.note(self.mdstat.fault("an array of disks", line)),
            }
        }
        write(&good, page);
        if self.known != good.len() {
            self.known = good.len();
            self.in_sysfs.forget();
        }
        let find = |_| find(&self.folder);
        let in_sysfs = self.in_sysfs.get(Instant::now(), find)?;
        write_sysfs(in_sysfs, page, &mut faults);
        faults.settle(&mut self.in_sysfs)
    }
}

fn write(arrays: &[Array<'_>], page: &mut Page) {
    for (name, help, number) in FAMILIES {
        page.family(name, help, Gauge);
        for array in arrays {
            let mut series = page.series("");
            series.label("device", array.device);
            text::put_integer(series, number(array));
        }
    }
    let help = "Number of active/failed/spare disks of device.";
    page.family("node_md_disks", help, Gauge);
    for array in arrays {
        for (state, number) in DISKS {
            let mut series = page.series("");
            series.label("device", array.device).label("state", state);
            text::put_integer(series, number(array));
        }
    }
    page.family("node_md_state", "Indicates the state of md-device.", Gauge);
    for array in arrays {
        for state in STATES {
            let mut series = page.series("");
            series.label("device", array.device).label("state", state);
            series.digits(if state.as_bytes() == array.state {
                b"1"
            } else {
                b"0"
            });
        }
    }
}

fn write_sysfs(arrays: &mut [InSysfs], page: &mut Page, faults: &mut Faults) {
    let help = "Number of degraded disks on device.";
    page.family("node_md_degraded", help, Gauge);
    for array in &mut *arrays {
        let series = page.series("");
        match &mut array.degraded {
            Some(file) => put(file, &array.device, series, faults),
            None => put_digits(series, &array.device, b"0"),
        }
    }
    page.family(
        "node_md_raid_disks",
        "Number of raid disks on device.",
        Gauge,
    );
    for array in arrays {
        let series = page.series("");
        put(&mut array.raid_disks, &array.device, series, faults);
    }
}

/// Writes a file's first word: while an array grows, the number before stands behind it. An array
/// that was not started has none.
fn put(file: &mut KeptFile, device: &str, series: Series<'_>, faults: &mut Faults) {
    if let Err(error) = file.read() {
        return faults.note(error);
    }
    let Some(number) = text::words(file.text()).next() else {
        return;
    };
    if text::is_integer(number) {
        put_digits(series, device, number);
    } else {
        faults.note(file.fault("a number of disks", file.text()));
    }
}

fn put_digits(mut series: Series<'_>, device: &str, digits: &[u8]) {
    series.label("device", device);
    series.digits(digits);
}

fn find(folder: &Path) -> Result<Vec<InSysfs>, CollectError> {
    let entries = entries_if_any(folder)?.into_iter();
    let arrays = entries.filter_map(|(device, path)| {
        let folder = path.join("md");
        if !device.starts_with("md") || !folder.is_dir() {
            return None;
        }
        let degraded = folder.join("degraded");
        Some(InSysfs {
            device,
            degraded: degraded.exists().then(|| KeptFile::new(degraded)),
            raid_disks: KeptFile::new(folder.join("raid_disks")),
        })
    });
    Ok(arrays.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::Paths;

    #[test]
    fn arrays_have_what_the_kernel_tells_of_them_in_both_places() {
        let host = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = host.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/x", "");
        let mut collector = Mdadm::new(&Settings::new(Paths {
            procfs: host.path().join("proc"),
            sysfs: host.path().join("sys"),
            ..Paths::default()
        }));
        let mut collect = |forget: bool| {
            if forget {
                let path = host.path().join("proc/mdstat");
                collector.mdstat = RareFile::new(path, "none");
            }
            let mut page = Page::new();
            let outcome = collector.collect(&mut page);
            let text = String::from_utf8(page.finish().to_vec()).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            (outcome, lines.map(str::to_owned).collect::<Vec<_>>())
        };
        assert!(matches!(collect(false).0, Err(CollectError::NoData(_))));

        let mdstat = "Personalities : [raid1]\nmd0 : active raid1 sdb[1] sda[0]\n      \
            100 blocks super 1.2 [2/1] [U_]\n      [==>..]  recovery = 40.0% (40/100) finish=1min\n      \n\
            unused devices: <none>\n";
        write("proc/mdstat", mdstat);
        write("sys/block/md0/md/degraded", "1\n");
        write("sys/block/md0/md/raid_disks", "3 (2)\n");
        write("sys/block/md1/md/raid_disks", "\n");
        write("sys/block/mda/size", "1\n");
        let (outcome, lines) = collect(true);
        outcome.unwrap();
        assert_eq!(
            lines,
            [
                "node_md_blocks{device=\"md0\"} 100",
                "node_md_blocks_synced{device=\"md0\"} 40",
                "node_md_disks_required{device=\"md0\"} 2",
                "node_md_disks{device=\"md0\",state=\"active\"} 1",
                "node_md_disks{device=\"md0\",state=\"failed\"} 0",
                "node_md_disks{device=\"md0\",state=\"spare\"} 0",
                "node_md_state{device=\"md0\",state=\"active\"} 0",
                "node_md_state{device=\"md0\",state=\"check\"} 0",
                "node_md_state{device=\"md0\",state=\"inactive\"} 0",
                "node_md_state{device=\"md0\",state=\"recovering\"} 1",
                "node_md_state{device=\"md0\",state=\"resync\"} 0",
                "node_md_degraded{device=\"md0\"} 1",
                "node_md_degraded{device=\"md1\"} 0",
                "node_md_raid_disks{device=\"md0\"} 3",
            ]
        );
        // An array more: sysfs is looked through again at once.
        write(
            "proc/mdstat",
            &format!("{mdstat}md5 : broken\n\n{}", mdstat.replace("md0", "md7")),
        );
        write("sys/block/md7/md/raid_disks", "x\n");
        let (outcome, lines) = collect(false);
        assert!(lines.contains(&"node_md_degraded{device=\"md7\"} 0".to_owned()));
        let told = outcome.unwrap_err().to_string();
        assert!(
            told.ends_with("expected an array of disks, found `md5 : broken`"),
            "{told}"
        );
    }
}
