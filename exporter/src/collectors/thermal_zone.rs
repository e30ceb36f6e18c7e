//! `thermal_zone`: temperatures and cooling devices of `/sys/class/thermal`.

use std::path::{Path, PathBuf};

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Settings, read_small};

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
}

impl ThermalZone {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/thermal"),
        }
    }
}

impl Collector for ThermalZone {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        page.family(
            "node_thermal_zone_temp",
            "Zone temperature in Celsius",
            MetricType::Gauge,
        );
        for (name, folder) in numbered(&self.folder, "thermal_zone") {
            if let Some((kind, temperature)) = zone(&folder) {
                let labels = [("type", kind.as_str()), ("zone", name.as_str())];
                page.sample(&labels, temperature as f64 / 1000.0);
            }
        }
        let devices: Vec<_> = numbered(&self.folder, "cooling_device")
            .into_iter()
            .filter_map(|(name, folder)| Some((name, cooling_device(&folder)?)))
            .collect();
        let families = [
            (
                "node_cooling_device_cur_state",
                "Current throttle state of the cooling device",
            ),
            (
                "node_cooling_device_max_state",
                "Maximum throttle state of the cooling device",
            ),
        ];
        for (at, (family, help)) in families.into_iter().enumerate() {
            page.family(family, help, MetricType::Gauge);
            for (name, device) in &devices {
                let labels = [("name", name.as_str()), ("type", device.kind.as_str())];
                let state = if at == 0 { device.current } else { device.max };
                page.sample(&labels, state as f64);
            }
        }
        Ok(())
    }
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

/// Type and thousandths of a degree; none for a zone that is switched off or cannot be read.
fn zone(folder: &Path) -> Option<(String, i64)> {
    if read_small(&folder.join("mode")).is_ok_and(|mode| mode == "disabled") {
        return None;
    }
    let kind = read_small(&folder.join("type")).ok()?;
    Some((kind, read_integer(&folder.join("temp"))?))
}

struct CoolingDevice {
    kind: String,
    /// May be -1: not throttling by itself.
    current: i64,
    max: i64,
}

fn cooling_device(folder: &Path) -> Option<CoolingDevice> {
    Some(CoolingDevice {
        kind: read_small(&folder.join("type")).ok()?,
        current: read_integer(&folder.join("cur_state"))?,
        max: read_integer(&folder.join("max_state"))?,
    })
}

fn read_integer(path: &Path) -> Option<i64> {
    read_small(path).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
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
}
