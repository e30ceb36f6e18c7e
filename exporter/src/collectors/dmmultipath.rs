//! `dmmultipath`: disks that are reached by several paths, `/sys/block/dm-*`.
//!
//! A host of a storage network has hundreds of them with eight paths each, so no file stays open.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::{Page, Series};

use super::faults::Faults;
use super::folder::{self, entries_if_any};
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, read_small, text};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "dmmultipath",
    help: "Disks that are reached by several paths.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Multipaths::new(settings)),
};

/// Name, help, and the disk's number.
type Family = (&'static str, &'static str, fn(&Disk) -> Option<u64>);

/// The families with one number a disk.
const FAMILIES: [Family; 5] = [
    (
        "node_dmmultipath_device_active",
        "Whether the multipath device-mapper device is active (1) or suspended (0).",
        |disk| disk.is_active.map(u64::from),
    ),
    (
        "node_dmmultipath_device_paths",
        "Number of paths for a multipath device.",
        |disk| Some(disk.states().count() as u64),
    ),
    (
        "node_dmmultipath_device_paths_active",
        "Number of paths in active state (SCSI running or NVMe live) for a multipath device.",
        |disk| Some(disk.states().filter(|state| is_active(state)).count() as u64),
    ),
    (
        "node_dmmultipath_device_paths_failed",
        "Number of paths not in active state for a multipath device.",
        |disk| Some(disk.states().filter(|state| !is_active(state)).count() as u64),
    ),
    (
        "node_dmmultipath_device_size_bytes",
        "Size of the multipath device in bytes, read from /sys/block/<dm>/size.",
        |disk| disk.sectors?.checked_mul(512),
    ),
];

struct Multipaths {
    folder: PathBuf,
    /// None where the host has no disks at all.
    disks: Inventory<Option<Vec<Disk>>>,
}

struct Disk {
    name: String,
    sysfs_name: String,
    uuid: String,
    suspended: KeptFile,
    size: KeptFile,
    paths: Vec<DiskPath>,
    /// As they were read last.
    is_active: Option<bool>,
    sectors: Option<u64>,
}

struct DiskPath {
    name: String,
    state: KeptFile,
}

impl Multipaths {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("block"),
            disks: Inventory::default(),
        }
    }
}

impl Collector for Multipaths {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let find = |_| find(&self.folder);
        let Some(disks) = self.disks.get(Instant::now(), find)? else {
            return Err(CollectError::NoData("this host has no disks"));
        };
        let mut faults = Faults::default();
        for disk in &mut *disks {
            disk.read(&mut faults);
        }
        write(disks, page);
        faults.settle(&mut self.disks)
    }
}

fn write(disks: &[Disk], page: &mut Page) {
    page.family(
        "node_dmmultipath_device_info",
        "Non-numeric information about a DM-multipath device.",
        Gauge,
    );
    for disk in disks {
        let mut series = disk.series(page);
        series.label("uuid", &disk.uuid);
        series.digits(b"1");
    }
    for (name, help, number) in FAMILIES {
        page.family(name, help, Gauge);
        for disk in disks {
            if let Some(number) = number(disk) {
                text::put_integer(disk.series(page), number);
            }
        }
    }
    page.family(
        "node_dmmultipath_path_state",
        "Reports the underlying device state for a multipath path, as read from \
         /sys/block/<dev>/device/state.",
        Gauge,
    );
    for disk in disks {
        for path in disk.paths.iter().filter(|path| !path.state().is_empty()) {
            let mut series = page.series("");
            series
                .label("device", &disk.name)
                .label("path", &path.name)
                .label("state", path.state());
            series.digits(b"1");
        }
    }
}

/// The disks of the device mapper that the multipath daemon made.
fn find(folder: &Path) -> Result<Option<Vec<Disk>>, CollectError> {
    let Some(entries) = folder::entries(folder)? else {
        return Ok(None);
    };
    let mut disks = Vec::new();
    for (sysfs_name, path) in entries {
        if !sysfs_name.starts_with("dm-") {
            continue;
        }
        let uuid = read_small(&path.join("dm/uuid")).unwrap_or_default();
        if !uuid.starts_with("mpath-") {
            continue;
        }
        match Disk::find(sysfs_name, uuid, &path, folder) {
            // Gone in the meantime.
            Err(error) if error.is_missing() => {}
            found => disks.push(found?),
        }
    }
    Ok(Some(disks))
}

impl Disk {
    fn find(
        sysfs_name: String,
        uuid: String,
        path: &Path,
        all: &Path,
    ) -> Result<Self, CollectError> {
        let paths = entries_if_any(&path.join("slaves"))?.into_iter();
        let paths = paths.map(|(name, _)| {
            let state = all.join(&name).join("device/state");
            DiskPath {
                name,
                state: KeptFile::one_of_many(state),
            }
        });
        Ok(Self {
            name: read_small(&path.join("dm/name"))?,
            sysfs_name,
            uuid,
            suspended: KeptFile::one_of_many(path.join("dm/suspended")),
            size: KeptFile::one_of_many(path.join("size")),
            paths: paths.collect(),
            is_active: None,
            sectors: None,
        })
    }

    fn read(&mut self, faults: &mut Faults) {
        self.is_active = faults
            .unless(self.suspended.number())
            .map(|suspended| suspended != 1);
        self.sectors = faults.unless(self.size.number());
        for path in &mut self.paths {
            faults.unless(path.state.read());
        }
    }

    fn series<'a>(&self, page: &'a mut Page) -> Series<'a> {
        let mut series = page.series("");
        series
            .label("device", &self.name)
            .label("sysfs_name", &self.sysfs_name);
        series
    }

    /// The states of the paths that tell it.
    fn states(&self) -> impl Iterator<Item = &[u8]> {
        let states = self.paths.iter().map(DiskPath::state);
        states.filter(|state| !state.is_empty())
    }
}

impl DiskPath {
    /// Empty where it could not be read.
    fn state(&self) -> &[u8] {
        self.state.text().trim_ascii()
    }
}

/// Whether a disk in this state, of SCSI or of `NVMe`, can be used.
fn is_active(state: &[u8]) -> bool {
    matches!(state, b"running" | b"live")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::Paths;

    #[test]
    fn a_disk_counts_its_paths_and_one_that_is_gone_does_not_count() {
        let sysfs = tempfile::tempdir().unwrap();
        let folder = sysfs.path().join("block");
        let mut collector = Multipaths::new(&Settings::new(Paths {
            sysfs: sysfs.path().to_owned(),
            ..Paths::default()
        }));
        let mut series = || {
            let mut page = Page::new();
            collector.collect(&mut page)?;
            let text = String::from_utf8(page.finish().to_vec()).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            Ok::<_, CollectError>(lines.map(str::to_owned).collect::<Vec<_>>())
        };
        for (file, text) in [
            ("dm-0/dm/uuid", "LVM-x\n"),
            ("dm-1/dm/uuid", "mpath-gone\n"),
            ("dm-5/dm/uuid", "mpath-36\n"),
            ("dm-5/dm/name", "mpathA\n"),
            ("dm-5/dm/suspended", "0\n"),
            ("dm-5/size", "8\n"),
            ("dm-5/slaves/sda/x", ""),
            ("dm-5/slaves/sdb/x", ""),
            ("dm-5/slaves/sdc/x", ""),
            ("sda/device/state", "running\n"),
            ("sdb/device/state", "offline\n"),
        ] {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        assert_eq!(
            series().unwrap(),
            [
                r#"node_dmmultipath_device_info{device="mpathA",sysfs_name="dm-5",uuid="mpath-36"} 1"#,
                r#"node_dmmultipath_device_active{device="mpathA",sysfs_name="dm-5"} 1"#,
                r#"node_dmmultipath_device_paths{device="mpathA",sysfs_name="dm-5"} 2"#,
                r#"node_dmmultipath_device_paths_active{device="mpathA",sysfs_name="dm-5"} 1"#,
                r#"node_dmmultipath_device_paths_failed{device="mpathA",sysfs_name="dm-5"} 1"#,
                r#"node_dmmultipath_device_size_bytes{device="mpathA",sysfs_name="dm-5"} 4096"#,
                r#"node_dmmultipath_path_state{device="mpathA",path="sda",state="running"} 1"#,
                r#"node_dmmultipath_path_state{device="mpathA",path="sdb",state="offline"} 1"#,
            ]
        );
        // No file stays open: there may be more than a process may have.
        std::fs::write(folder.join("new"), "running\n").unwrap();
        std::fs::rename(folder.join("new"), folder.join("sdb/device/state")).unwrap();
        let path = r#"node_dmmultipath_path_state{device="mpathA",path="sdb",state="running"} 1"#;
        assert!(series().unwrap().iter().any(|line| line == path));
        std::fs::write(folder.join("dm-5/dm/suspended"), "1\n").unwrap();
        std::fs::write(folder.join("dm-5/size"), "?\n").unwrap();
        let told = series().unwrap_err().to_string();
        assert!(told.contains("dm-5/size`"), "{told}");
    }

    #[test]
    fn a_host_without_disks_has_no_data_and_one_without_such_disks_no_series() {
        let sysfs = tempfile::tempdir().unwrap();
        let collect = || {
            let mut page = Page::new();
            let paths = Paths {
                sysfs: sysfs.path().to_owned(),
                ..Paths::default()
            };
            let outcome = Multipaths::new(&Settings::new(paths)).collect(&mut page);
            (outcome, page.finish().len())
        };
        assert!(matches!(collect(), (Err(CollectError::NoData(_)), 0)));
        std::fs::create_dir_all(sysfs.path().join("block/sda")).unwrap();
        assert!(matches!(collect(), (Ok(()), 0)));
    }
}
