//! `thermal_zone`: temperatures and cooling devices of `/sys/class/thermal`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, read_small};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "thermal_zone",
    help: "Thermal zones and cooling devices.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(ThermalZone::new(settings)),
};

#[derive(Debug)]
struct ThermalZone {
    folder: PathBuf,
    devices: Inventory<Devices>,
}

/// What the folder holds.
#[derive(Debug)]
struct Devices {
    zones: Vec<Zone>,
    coolers: Vec<Cooler>,
}

#[derive(Debug)]
struct Zone {
    number: String,
    kind: String,
    mode: KeptFile,
    temperature: KeptFile,
}

#[derive(Debug)]
struct Cooler {
    number: String,
    kind: String,
    /// As it is now, and at most; -1 where it does not throttle by itself.
    states: [KeptFile; 2],
}

/// The families of a cooler's states.
const STATES: [(&str, &str); 2] = [
    (
        "node_cooling_device_cur_state",
        "Current throttle state of the cooling device",
    ),
    (
        "node_cooling_device_max_state",
        "Maximum throttle state of the cooling device",
    ),
];

impl ThermalZone {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/thermal"),
            devices: Inventory::default(),
        }
    }
}

impl Collector for ThermalZone {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let folder = &self.folder;
        let devices = self
            .devices
            .get(Instant::now(), |_| Ok(Devices::find(folder)))?;
        page.family(
            "node_thermal_zone_temp",
            "Zone temperature in Celsius",
            MetricType::Gauge,
        );
        for zone in &mut devices.zones {
            if let Some(temperature) = zone.read() {
                let labels = [("type", zone.kind.as_str()), ("zone", &zone.number)];
                page.sample(&labels, temperature as f64 / 1000.0);
            }
        }
        // A device that lacks one of its states has neither.
        let states: Vec<_> = devices.coolers.iter_mut().map(Cooler::read).collect();
        for (at, (family, help)) in STATES.into_iter().enumerate() {
            page.family(family, help, MetricType::Gauge);
            for (cooler, states) in devices.coolers.iter().zip(&states) {
                if let Some(state) = states.as_ref().and_then(|states| states.get(at)) {
                    let labels = [("name", cooler.number.as_str()), ("type", &cooler.kind)];
                    page.sample(&labels, *state as f64);
                }
            }
        }
        Ok(())
    }
}

impl Devices {
    fn find(folder: &Path) -> Self {
        let kind = |folder: &Path| read_small(&folder.join("type")).ok();
        let zones = numbered(folder, "thermal_zone")
            .into_iter()
            .filter_map(|(number, folder)| {
                Some(Zone {
                    number,
                    kind: kind(&folder)?,
                    mode: KeptFile::at_once(folder.join("mode")),
                    temperature: KeptFile::at_once(folder.join("temp")),
                })
            })
            .collect();
        let coolers = numbered(folder, "cooling_device")
            .into_iter()
            .filter_map(|(number, folder)| {
                let state = |file| KeptFile::at_once(folder.join(file));
                Some(Cooler {
                    number,
                    kind: kind(&folder)?,
                    states: ["cur_state", "max_state"].map(state),
                })
            })
            .collect();
        Self { zones, coolers }
    }
}

impl Zone {
    /// Thousandths of a degree; none while the zone is switched off or cannot be read.
    fn read(&mut self) -> Option<i64> {
        let mode = self.mode.read().unwrap_or_default();
        if mode.trim_ascii() == b"disabled" {
            return None;
        }
        integer(&mut self.temperature)
    }
}

impl Cooler {
    fn read(&mut self) -> Option<[i64; 2]> {
        let [current, most] = &mut self.states;
        Some([integer(current)?, integer(most)?])
    }
}

fn integer(file: &mut KeptFile) -> Option<i64> {
    let text = file.read().ok()?.trim_ascii();
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The folders `PREFIX0`, `PREFIX1`, ..., each with what follows the prefix.
fn numbered(folder: &Path, prefix: &str) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix(prefix)?;
            number
                .starts_with(|c: char| c.is_ascii_digit())
                .then(|| (number.to_owned(), entry.path()))
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::super::fake_host::{FakeHost, bears_any_bytes};
    use super::*;

    #[test]
    fn zones_and_devices_are_listed_and_a_bad_one_costs_itself_only() {
        let sysfs = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("thermal_zone0/type", "cpu-thermal"),
            ("thermal_zone0/temp", "12376"),
            ("thermal_zone1/type", "gone"),
            ("thermal_zone2/type", "off"),
            ("thermal_zone2/mode", "disabled"),
            ("thermal_zone2/temp", "1"),
            ("cooling_device0/type", "Processor"),
            ("cooling_device0/cur_state", "-1"),
            ("cooling_device0/max_state", "3"),
            ("cooling_device1/type", "Fan"),
        ] {
            let path = sysfs.path().join("class/thermal").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{text}\n")).unwrap();
        }
        let settings = Settings::new(Paths {
            sysfs: sysfs.path().to_owned(),
            ..Paths::default()
        });
        let mut page = Page::new();
        ThermalZone::new(&settings).collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                r#"node_thermal_zone_temp{type="cpu-thermal",zone="0"} 12.376"#,
                r#"node_cooling_device_cur_state{name="0",type="Processor"} -1"#,
                r#"node_cooling_device_max_state{name="0",type="Processor"} 3"#,
            ]
        );
    }

    #[test]
    fn any_bytes_are_read_without_a_panic() {
        let host = FakeHost::new(&[
            ("sys/class/thermal/thermal_zone0/type", "cpu\n"),
            ("sys/class/thermal/thermal_zone0/temp", "12376\n"),
        ]);
        let file = host.root().join("sys/class/thermal/thermal_zone0/temp");
        bears_any_bytes(&DEFINITION, &host.settings(), &file);
    }
}
