//! What Btrfs file systems a host has, their files, and where they are mounted.

use std::path::{Path, PathBuf};

use watchpost_model::MetricType::Gauge;

use super::super::attributes::{Attribute, Device, Labels};
use super::super::filesystem::{host_path, mounts};
use super::super::folder::entries_if_any;
use super::super::{CollectError, KeptFile, read_small};
use super::Unit::{self, Count, Sectors};

/// A file system, `/sys/fs/btrfs/UUID`.
pub(super) const GLOBAL: &[Attribute<Unit>] = &[(
    "node_btrfs_global_rsv_size_bytes",
    "Size of global reserve.",
    Gauge,
    "allocation/global_rsv_size",
    Count,
)];

/// What a file system allocates space for, below `allocation`.
const GROUPS: [&str; 3] = ["data", "metadata", "system"];

pub(super) const GROUP: &[Attribute<Unit>] = &[(
    "node_btrfs_reserved_bytes",
    "Amount of space reserved for a data type",
    Gauge,
    "bytes_reserved",
    Count,
)];

/// How the space of a group lies on the devices, a folder below it.
pub(super) const LAYOUT: &[Attribute<Unit>] = &[
    (
        "node_btrfs_used_bytes",
        "Amount of used space by a layout/data type",
        Gauge,
        "used_bytes",
        Count,
    ),
    (
        "node_btrfs_size_bytes",
        "Amount of space allocated for a layout/data type",
        Gauge,
        "total_bytes",
        Count,
    ),
];

/// A device below `devices`. Its family is written by hand.
const DEVICE: &[Attribute<Unit>] = &[("", "", Gauge, "size", Sectors)];

#[derive(Debug, Default)]
pub(super) struct FileSystems {
    pub(super) filesystems: Vec<FileSystem>,
    pub(super) globals: Vec<Device>,
    pub(super) groups: Vec<Device>,
    pub(super) layouts: Vec<Device>,
    /// How many bytes a byte of data takes, for each of the layouts.
    pub(super) ratios: Vec<(Labels, f64)>,
    /// The device and the place of each mount of such a file system.
    pub(super) mounts: Vec<(String, PathBuf)>,
}

#[derive(Debug)]
pub(super) struct FileSystem {
    /// The folder's name, which is what the file system calls itself.
    pub(super) id: String,
    /// The name on the page. It is another one where the user gave the file system a new UUID.
    pub(super) uuid: String,
    pub(super) label: String,
    pub(super) commits: KeptFile,
    pub(super) devices: Vec<Device>,
}

impl FileSystems {
    pub(super) fn list(sysfs: &Path, procfs: &Path, rootfs: &Path) -> Result<Self, CollectError> {
        let mut found = Self::default();
        for (id, folder) in entries_if_any(sysfs)? {
            // Beside the file systems there is `features`.
            if id.contains('-') {
                found.list_one(id, &folder)?;
            }
        }
        if !found.filesystems.is_empty() {
            found.mounts = list_mounts(procfs, rootfs);
        }
        Ok(found)
    }

    fn list_one(&mut self, id: String, folder: &Path) -> Result<(), CollectError> {
        let text = |file| read_small(&folder.join(file)).unwrap_or_default();
        let uuid = Some(text("metadata_uuid"))
            .filter(|uuid| !uuid.is_empty())
            .unwrap_or_else(|| id.clone());
        let of_uuid = || ("uuid", uuid.clone());
        let mut devices = Vec::new();
        for (device, folder) in entries_if_any(&folder.join("devices"))? {
            let labels = vec![("device", device), of_uuid()];
            devices.push(Device::new(&folder, labels, DEVICE));
        }
        self.globals
            .push(Device::new(folder, vec![of_uuid()], GLOBAL));
        for group in GROUPS {
            let of_group = || ("block_group_type", group.to_owned());
            let folder = folder.join("allocation").join(group);
            let labels = vec![of_group(), of_uuid()];
            self.groups.push(Device::new(&folder, labels, GROUP));
            for (mode, folder) in entries_if_any(&folder)? {
                if !folder.is_dir() {
                    continue;
                }
                let ratio = ratio(&mode, devices.len());
                let labels = vec![of_group(), ("mode", mode), of_uuid()];
                self.layouts
                    .push(Device::new(&folder, labels.clone(), LAYOUT));
                self.ratios.extend(ratio.map(|ratio| (labels, ratio)));
            }
        }
        self.filesystems.push(FileSystem {
            label: text("label"),
            commits: KeptFile::new(folder.join("commit_stats")),
            id,
            uuid,
            devices,
        });
        Ok(())
    }
}

/// How many bytes a byte of data takes; none where it is not known.
fn ratio(mode: &str, devices: usize) -> Option<f64> {
    let devices = u32::try_from(devices).ok().map(f64::from)?;
    let with_parity = |parity| (devices > parity).then(|| devices / (devices - parity));
    match mode {
        "single" | "raid0" => Some(1.0),
        "dup" | "raid1" | "raid10" => Some(2.0),
        "raid1c3" => Some(3.0),
        "raid1c4" => Some(4.0),
        "raid5" => with_parity(1.0),
        "raid6" => with_parity(2.0),
        _ => None,
    }
}

/// The mounts of process 1, or our own where those may not be read. Without them, figures that only
/// the file system itself knows are missing, but that is no fault.
fn list_mounts(procfs: &Path, rootfs: &Path) -> Vec<(String, PathBuf)> {
    let files = ["1", "self"].map(|process| procfs.join(process).join("mountinfo"));
    let text = files.into_iter().find_map(|file| std::fs::read(file).ok());
    let mounts = mounts::parse(text.as_deref().unwrap_or_default()).unwrap_or_default();
    mounts
        .into_iter()
        .filter(|mount| mount.fstype == "btrfs")
        .map(|mount| (mount.device, host_path(rootfs, &mount.path)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redundancy_takes_space() {
        for (mode, devices, expected) in [
            ("raid0", 2, Some(1.0)),
            ("raid1", 2, Some(2.0)),
            ("raid1c4", 4, Some(4.0)),
            ("raid5", 3, Some(1.5)),
            ("raid5", 1, None),
            ("raid6", 2, None),
            ("raid6", 4, Some(2.0)),
            ("new", 4, None),
        ] {
            assert_eq!(ratio(mode, devices), expected, "{mode}");
        }
    }
}
