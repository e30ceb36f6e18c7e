//! What is known of a disk besides its counters: the properties that udev found, and whether it
//! turns. Both are read once and again when udev has changed its file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::super::{Paths, read_small, text};

/// Where to look.
pub(super) struct Places {
    sysfs: PathBuf,
    udev: PathBuf,
}

impl Places {
    pub(super) fn new(paths: &Paths) -> Self {
        Self {
            sysfs: paths.sysfs.join("block"),
            udev: paths.udev_data.clone(),
        }
    }

    /// udev's file for a device, and when it was changed.
    fn udev_file(&self, (major, minor): (u32, u32)) -> (PathBuf, Option<SystemTime>) {
        let path = self.udev.join(format!("b{major}:{minor}"));
        let changed = std::fs::metadata(&path).and_then(|found| found.modified());
        (path, changed.ok())
    }
}

/// One disk.
pub(super) struct Info {
    numbers: (u32, u32),
    changed: Option<SystemTime>,
    rotational: String,
    /// The disks below a device mapper's one.
    backing: Vec<String>,
    properties: Vec<(String, String)>,
}

impl Info {
    pub(super) fn read(name: &str, numbers: (u32, u32), places: &Places) -> Self {
        let (path, changed) = places.udev_file(numbers);
        let folder = places.sysfs.join(name);
        let mut backing: Vec<_> = std::fs::read_dir(folder.join("slaves"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        backing.sort();
        Self {
            numbers,
            changed,
            rotational: read_small(&folder.join("queue/rotational"))
                .unwrap_or_else(|_| "0".to_owned()),
            backing,
            properties: properties(&read_small(&path).unwrap_or_default()),
        }
    }

    /// Whether what was read still holds.
    pub(super) fn is_current(&self, numbers: (u32, u32), places: &Places) -> bool {
        self.numbers == numbers && self.changed == places.udev_file(numbers).1
    }

    fn property(&self, key: &str) -> &str {
        let found = self.properties.iter().find(|(have, _)| have == key);
        found.map_or("", |(_, value)| value)
    }

    /// Usually what is printed on the disk.
    fn serial(&self) -> &str {
        ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"]
            .into_iter()
            .map(|key| self.property(key))
            .find(|serial| !serial.is_empty())
            .unwrap_or_default()
    }
}

/// The lines `E:KEY=value`.
fn properties(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.strip_prefix("E:")?.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Families of one number that udev knows of ATA disks.
const ATA: [(&str, &str, &str); 3] = [
    (
        "node_disk_ata_rotation_rate_rpm",
        "ATA disk rotation rate in RPMs (0 for SSDs).",
        "ID_ATA_ROTATION_RATE_RPM",
    ),
    (
        "node_disk_ata_write_cache",
        "ATA disk has a write cache.",
        "ID_ATA_WRITE_CACHE",
    ),
    (
        "node_disk_ata_write_cache_enabled",
        "ATA disk has its write cache enabled.",
        "ID_ATA_WRITE_CACHE_ENABLED",
    ),
];

pub(super) fn write(disks: &BTreeMap<String, Info>, page: &mut Page) {
    page.family(
        "node_disk_info",
        "Info of /sys/block/<block_device>.",
        MetricType::Gauge,
    );
    for (device, info) in disks {
        let (major, minor) = info.numbers;
        let labels = [
            ("device", device.as_str()),
            ("major", &major.to_string()),
            ("minor", &minor.to_string()),
            ("model", info.property("ID_MODEL")),
            ("path", info.property("ID_PATH")),
            ("revision", info.property("ID_REVISION")),
            ("rotational", &info.rotational),
            ("serial", info.serial()),
            ("wwn", info.property("ID_WWN")),
        ];
        page.sample(&labels, 1.0);
    }
    write_filesystems(disks, page);
    write_device_mapper(disks, page);
    for (name, help, key) in ATA {
        page.family(name, help, MetricType::Gauge);
        for (device, info) in disks {
            let is_ata = !info.property("ID_ATA").is_empty();
            if let Some(value) = text::number(info.property(key).as_bytes()).filter(|_| is_ata) {
                page.sample(&[("device", device)], value);
            }
        }
    }
}

fn write_filesystems(disks: &BTreeMap<String, Info>, page: &mut Page) {
    page.family(
        "node_disk_filesystem_info",
        "Info about disk filesystem.",
        MetricType::Gauge,
    );
    for (device, info) in disks {
        let kind = info.property("ID_FS_TYPE");
        if !kind.is_empty() {
            let labels = [
                ("device", device.as_str()),
                ("type", kind),
                ("usage", info.property("ID_FS_USAGE")),
                ("uuid", info.property("ID_FS_UUID")),
                ("version", info.property("ID_FS_VERSION")),
            ];
            page.sample(&labels, 1.0);
        }
    }
}

fn write_device_mapper(disks: &BTreeMap<String, Info>, page: &mut Page) {
    let mapped = || {
        let is_mapped = |(_, info): &(&String, &Info)| !info.property("DM_NAME").is_empty();
        disks.iter().filter(is_mapped)
    };
    page.family(
        "node_disk_device_mapper_info",
        "Info about disk device mapper.",
        MetricType::Gauge,
    );
    for (device, info) in mapped() {
        let labels = [
            ("device", device.as_str()),
            ("lv_layer", info.property("DM_LV_LAYER")),
            ("lv_name", info.property("DM_LV_NAME")),
            ("name", info.property("DM_NAME")),
            ("uuid", info.property("DM_UUID")),
            ("vg_name", info.property("DM_VG_NAME")),
        ];
        page.sample(&labels, 1.0);
    }
    page.family(
        "node_disk_device_mapper_backing_device_info",
        "Info about the underlying block devices of a device mapper device.",
        MetricType::Gauge,
    );
    for (device, info) in mapped() {
        for backing in &info.backing {
            page.sample(&[("backing_device", backing), ("device", device)], 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_udev_knows_becomes_labels() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths {
            sysfs: folder.path().join("sys"),
            udev_data: folder.path().join("udev"),
            ..Paths::default()
        };
        std::fs::create_dir_all(paths.sysfs.join("block/sda/queue")).unwrap();
        std::fs::write(paths.sysfs.join("block/sda/queue/rotational"), "1\n").unwrap();
        std::fs::create_dir_all(&paths.udev_data).unwrap();
        let udev = "S:disk/by-id/x\nE:ID_ATA=1\nE:ID_MODEL=A_B\nE:ID_SERIAL=long\nE:ID_SERIAL_SHORT=S1\n\
            E:ID_ATA_ROTATION_RATE_RPM=7200\nE:ID_FS_TYPE=ext4\nE:DM_NAME=root\n";
        std::fs::write(paths.udev_data.join("b8:0"), udev).unwrap();
        let places = Places::new(&paths);
        let info = Info::read("sda", (8, 0), &places);
        assert!(info.is_current((8, 0), &places));
        assert!(!info.is_current((8, 16), &places));
        let mut page = Page::new();
        write(&BTreeMap::from([("sda".to_owned(), info)]), &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        for line in [
            "node_disk_info{device=\"sda\",major=\"8\",minor=\"0\",model=\"A_B\",path=\"\",revision=\"\",rotational=\"1\",serial=\"S1\",wwn=\"\"} 1",
            "node_disk_filesystem_info{device=\"sda\",type=\"ext4\",usage=\"\",uuid=\"\",version=\"\"} 1",
            "node_disk_device_mapper_info{device=\"sda\",lv_layer=\"\",lv_name=\"\",name=\"root\",uuid=\"\",vg_name=\"\"} 1",
            "node_disk_ata_rotation_rate_rpm{device=\"sda\"} 7200",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
        assert!(!text.contains("write_cache"));
    }
}
