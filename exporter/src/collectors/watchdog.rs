//! `watchdog`: the timers of `/sys/class/watchdog` that restart a host that hangs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::attribute::{self, Device, Family, Faults};
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "watchdog",
    help: "Timers that restart a host that hangs.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Watchdogs::new(settings)),
};

const fn family(name: &'static str, help: &'static str) -> Family {
    let kind = Gauge;
    Family { name, help, kind }
}

/// The families of numbers, and below them their files.
const FAMILIES: [Family; 7] = [
    family(
        "node_watchdog_access_cs0",
        "Value of /sys/class/watchdog/<watchdog>/access_cs0",
    ),
    family(
        "node_watchdog_bootstatus",
        "Value of /sys/class/watchdog/<watchdog>/bootstatus",
    ),
    family(
        "node_watchdog_fw_version",
        "Value of /sys/class/watchdog/<watchdog>/fw_version",
    ),
    family(
        "node_watchdog_nowayout",
        "Value of /sys/class/watchdog/<watchdog>/nowayout",
    ),
    family(
        "node_watchdog_pretimeout_seconds",
        "Value of /sys/class/watchdog/<watchdog>/pretimeout",
    ),
    family(
        "node_watchdog_timeleft_seconds",
        "Value of /sys/class/watchdog/<watchdog>/timeleft",
    ),
    family(
        "node_watchdog_timeout_seconds",
        "Value of /sys/class/watchdog/<watchdog>/timeout",
    ),
];
const FILES: [&str; FAMILIES.len()] = [
    "access_cs0",
    "bootstatus",
    "fw_version",
    "nowayout",
    "pretimeout",
    "timeleft",
    "timeout",
];

/// The labels of `node_watchdog_info`, each a file but the name.
const INFO: [&str; 6] = [
    "identity",
    "name",
    "options",
    "pretimeout_governor",
    "state",
    "status",
];

struct Watchdogs {
    folder: PathBuf,
    /// None where the kernel knows no watchdogs.
    found: Inventory<Option<Found>>,
}

#[derive(Default)]
struct Found {
    devices: Vec<Device>,
    /// The files of [`INFO`] of each device.
    texts: Vec<[Option<KeptFile>; INFO.len()]>,
}

impl Watchdogs {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/watchdog"),
            found: Inventory::default(),
        }
    }
}

impl Collector for Watchdogs {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let find = |_| find(&self.folder);
        let Some(found) = self.found.get(Instant::now(), find)? else {
            return Err(CollectError::NoData("this host has no watchdogs"));
        };
        let mut faults = Faults::default();
        attribute::write(&FAMILIES, &mut found.devices, page, &mut faults);
        page.family(
            "node_watchdog_info",
            "Info of /sys/class/watchdog/<watchdog>",
            Gauge,
        );
        for (device, texts) in found.devices.iter().zip(&mut found.texts) {
            let mut series = page.series("");
            for (label, file) in INFO.iter().zip(texts) {
                let text = match file.as_mut().map(KeptFile::read) {
                    Some(Ok(text)) => text.trim_ascii(),
                    Some(Err(error)) => {
                        faults.note(error);
                        b""
                    }
                    None if *label == "name" => name_of(device).as_bytes(),
                    None => b"",
                };
                series.label(label, text);
            }
            series.digits(b"1");
        }
        if faults.gone {
            self.found.forget();
        }
        faults.finish()
    }
}

fn name_of(device: &Device) -> &str {
    device.labels.first().map_or("", |(_, name)| name)
}

fn find(folder: &Path) -> Result<Option<Found>, CollectError> {
    let watchdogs = match attribute::entries(folder) {
        Err(error) if error.is_missing() => return Ok(None),
        listed => listed?,
    };
    let mut found = Found::default();
    for (name, path) in watchdogs {
        let texts = INFO.map(|file| {
            let file = path.join(file);
            (file.exists()).then(|| KeptFile::new(file))
        });
        let files = FILES.map(|file| path.join(file));
        found.devices.push(Device::new(vec![("name", name)], files));
        found.texts.push(texts);
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::Paths;

    fn watchdogs(sysfs: &Path) -> Watchdogs {
        Watchdogs::new(&Settings::new(Paths {
            sysfs: sysfs.to_owned(),
            ..Paths::default()
        }))
    }

    fn series(collector: &mut Watchdogs) -> Vec<String> {
        let mut page = Page::new();
        collector.collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let series = text.lines().filter(|line| !line.starts_with('#'));
        series.map(str::to_owned).collect()
    }

    #[test]
    fn a_host_without_watchdogs_has_no_data() {
        let sysfs = tempfile::tempdir().unwrap();
        let error = watchdogs(sysfs.path()).collect(&mut Page::new());
        assert!(matches!(error, Err(CollectError::NoData(_))));
    }

    #[test]
    fn a_watchdog_has_what_its_driver_tells_as_it_is_now() {
        let sysfs = tempfile::tempdir().unwrap();
        let folder = sysfs.path().join("class/watchdog");
        let write = |file: &str, text: &str| {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("watchdog0/timeout", "60\n");
        write("watchdog0/identity", "Software Watchdog\n");
        write("watchdog0/state", "active\n");
        std::fs::create_dir_all(folder.join("watchdog1")).unwrap();
        let mut collector = watchdogs(sysfs.path());
        let info = |state: &str| {
            format!(
                "node_watchdog_info{{identity=\"Software Watchdog\",name=\"watchdog0\",options=\"\",\
                 pretimeout_governor=\"\",state=\"{state}\",status=\"\"}} 1"
            )
        };
        let lines = series(&mut collector);
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[0],
            "node_watchdog_timeout_seconds{name=\"watchdog0\"} 60"
        );
        assert_eq!(lines[1], info("active"));
        assert!(lines[2].contains("name=\"watchdog1\""));
        write("watchdog0/state", "inactive\n");
        assert_eq!(series(&mut collector)[1], info("inactive"));
    }
}
