//! `watchdog`: the timers of `/sys/class/watchdog` that restart a host that hangs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::attributes::{self, Attribute, Device, put_whole};
use super::faults::Faults;
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, folder};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "watchdog",
    help: "Timers that restart a host that hangs.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Watchdogs::new(settings)),
};

/// The numbers of a watchdog, which each have a file.
const TABLE: &[Attribute<()>] = &[
    (
        "node_watchdog_access_cs0",
        "Value of /sys/class/watchdog/<watchdog>/access_cs0",
        Gauge,
        "access_cs0",
        (),
    ),
    (
        "node_watchdog_bootstatus",
        "Value of /sys/class/watchdog/<watchdog>/bootstatus",
        Gauge,
        "bootstatus",
        (),
    ),
    (
        "node_watchdog_fw_version",
        "Value of /sys/class/watchdog/<watchdog>/fw_version",
        Gauge,
        "fw_version",
        (),
    ),
    (
        "node_watchdog_nowayout",
        "Value of /sys/class/watchdog/<watchdog>/nowayout",
        Gauge,
        "nowayout",
        (),
    ),
    (
        "node_watchdog_pretimeout_seconds",
        "Value of /sys/class/watchdog/<watchdog>/pretimeout",
        Gauge,
        "pretimeout",
        (),
    ),
    (
        "node_watchdog_timeleft_seconds",
        "Value of /sys/class/watchdog/<watchdog>/timeleft",
        Gauge,
        "timeleft",
        (),
    ),
    (
        "node_watchdog_timeout_seconds",
        "Value of /sys/class/watchdog/<watchdog>/timeout",
        Gauge,
        "timeout",
        (),
    ),
];

/// The labels of `node_watchdog_info` that have a file each. The name comes behind the first.
const INFO: [&str; 5] = [
    "identity",
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
    infos: Vec<Info>,
}

struct Info {
    name: String,
    /// In the order of [`INFO`]; none where the watchdog does not have it.
    texts: [Option<KeptFile>; INFO.len()],
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
        faults.unless(attributes::write(
            TABLE,
            &mut found.devices,
            page,
            put_whole,
        ));
        page.family(
            "node_watchdog_info",
            "Info of /sys/class/watchdog/<watchdog>",
            Gauge,
        );
        for info in &mut found.infos {
            info.write(page, &mut faults);
        }
        faults.settle(&mut self.found)
    }
}

fn find(folder: &Path) -> Result<Option<Found>, CollectError> {
    let Some(entries) = folder::entries(folder)? else {
        return Ok(None);
    };
    let mut found = Found::default();
    for (name, path) in entries {
        let labels = vec![("name", name.clone())];
        found.devices.push(Device::new(&path, labels, TABLE));
        let text = |file: &str| {
            let file = path.join(file);
            file.exists().then(|| KeptFile::new(file))
        };
        let texts = INFO.map(text);
        found.infos.push(Info { name, texts });
    }
    Ok(Some(found))
}

impl Info {
    fn write(&mut self, page: &mut Page, faults: &mut Faults) {
        let mut series = page.series("");
        for (label, file) in INFO.iter().zip(&mut self.texts) {
            let text = file.as_mut().and_then(|file| faults.unless(file.read()));
            series.label(label, text.unwrap_or_default().trim_ascii());
            if *label == "identity" {
                series.label("name", &self.name);
            }
        }
        series.digits(b"1");
    }
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
