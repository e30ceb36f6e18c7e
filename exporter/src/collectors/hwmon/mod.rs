//! `hwmon`: the sensors of `/sys/class/hwmon`, as lm-sensors shows them.
//!
//! A chip is named by the device it belongs to, since the numbers of `hwmonN` change from start to
//! start. A sensor that cannot be read or that says no number costs its own series only.

mod chip;
mod family;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Filter, Flag, Inventory, Settings};
use chip::{Chip, Files, Sensor, Sensors};
use family::{Family, Named};

const CHIP_INCLUDE: Flag = Flag::pattern(
    "hwmon.chip-include",
    "",
    "Regexp of hwmon chips to include (mutually exclusive to chip-exclude).",
);
const CHIP_EXCLUDE: Flag = Flag::pattern(
    "hwmon.chip-exclude",
    "",
    "Regexp of hwmon chips to exclude (mutually exclusive to chip-include).",
);
const SENSOR_INCLUDE: Flag = Flag::pattern(
    "hwmon.sensor-include",
    "",
    "Regexp of hwmon sensors (CHIP;SENSOR) to include (mutually exclusive to sensor-exclude).",
);
const SENSOR_EXCLUDE: Flag = Flag::pattern(
    "hwmon.sensor-exclude",
    "",
    "Regexp of hwmon sensors (CHIP;SENSOR) to exclude (mutually exclusive to sensor-include).",
);

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "hwmon",
    help: "Temperatures, fans, voltages and powers of the hardware monitoring chips.",
    default_on: true,
    flags: &[CHIP_INCLUDE, CHIP_EXCLUDE, SENSOR_INCLUDE, SENSOR_EXCLUDE],
    new: |settings| Box::new(Hwmon::new(settings)),
};

#[derive(Debug)]
struct Hwmon {
    folder: PathBuf,
    chips: Filter,
    sensors: Filter,
    found: Inventory<Vec<Found>>,
}

/// A chip and its sensors, both wanted.
type Found = (Chip, BTreeMap<Sensor, Files>);

/// Labels and value of a series.
type Series = (Vec<(&'static str, String)>, f64);

/// The series of all chips, gathered by family since a chip has many families and a family many
/// chips.
type Families = BTreeMap<Cow<'static, str>, (Family, Vec<Series>)>;

impl Hwmon {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/hwmon"),
            chips: settings.filter(&CHIP_INCLUDE, &CHIP_EXCLUDE),
            sensors: settings.filter(&SENSOR_INCLUDE, &SENSOR_EXCLUDE),
            found: Inventory::default(),
        }
    }
}

fn find(folder: &Path, chips: &Filter, sensors: &Filter) -> Result<Vec<Found>, CollectError> {
    let found = chip::all(folder)
        .map_err(|error| error.or_no_data("this host has no hardware monitoring chips"))?;
    let mut open = 0;
    let wanted = found
        .into_iter()
        .filter(|chip| chips.lets_through(&chip.label));
    Ok(wanted
        .map(|chip| {
            let mut files = chip::sensors(&chip.folder, &mut open);
            files.retain(|sensor, _| {
                sensors.lets_through(&format!("{};{}", chip.label, sensor.name))
            });
            (chip, files)
        })
        .collect())
}

fn gather((chip, sensors): &mut Found, families: &mut Families) {
    if let Some(name) = &chip.name {
        let labels = vec![("chip", chip.label.clone()), ("chip_name", name.clone())];
        push(families, family::CHIP_NAMES, labels, 1.0);
    }
    for (sensor, files) in sensors {
        gather_sensor(&chip.label, sensor, &chip::read(files), families);
    }
}

impl Collector for Hwmon {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let (folder, chips, sensors) = (&self.folder, &self.chips, &self.sensors);
        let found = self
            .found
            .get(Instant::now(), |_| find(folder, chips, sensors))?;
        let mut families = Families::new();
        for chip in found {
            gather(chip, &mut families);
        }
        for (name, (family, mut series)) in families {
            series.sort_by(|a, b| a.0.cmp(&b.0));
            // Two sensors of a chip may carry the same label; a series appears once.
            series.dedup_by(|a, b| a.0 == b.0);
            page.family(&name, &family.help, family.metric_type);
            for (labels, value) in &series {
                let mut line = page.series("");
                for (name, label) in labels {
                    line.label(name, label);
                }
                line.value(*value);
            }
        }
        Ok(())
    }
}

fn gather_sensor(chip: &str, sensor: &Sensor, elements: &Sensors, families: &mut Families) {
    let label = elements.get("label").filter(|label| !label.is_empty());
    if let Some(label) = label {
        let labels = vec![
            ("chip", chip.to_owned()),
            ("label", label.clone()),
            ("sensor", sensor.name.clone()),
        ];
        push(families, family::SENSOR_LABEL, labels, 1.0);
    }
    for (element, text) in elements {
        let Some((family, value)) = family::of(sensor.kind, element, text, elements) else {
            continue;
        };
        // Frequencies are told apart by what the chip calls them.
        let name = match (sensor.kind, element.as_str(), label) {
            ("freq", "input", Some(label)) => chip::clean(label),
            _ => sensor.name.clone(),
        };
        push(families, family, named(chip, &name), value);
    }
}

fn named(chip: &str, sensor: &str) -> Vec<(&'static str, String)> {
    vec![("chip", chip.to_owned()), ("sensor", sensor.to_owned())]
}

fn push(families: &mut Families, named: Named, labels: Vec<(&'static str, String)>, value: f64) {
    let (name, family) = named;
    let (_, series) = families.entry(name).or_insert_with(|| (family, Vec::new()));
    series.push((labels, value));
}

#[cfg(test)]
mod tests;
