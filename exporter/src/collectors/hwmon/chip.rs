//! The chips and sensors that a folder of `/sys` holds.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::super::{CollectError, KeptFile, read_small};

/// What sensors are called, before their number.
const KINDS: [&str; 14] = [
    "vrm",
    "beep_enable",
    "update_interval",
    "in",
    "cpu",
    "fan",
    "pwm",
    "temp",
    "curr",
    "power",
    "energy",
    "humidity",
    "intrusion",
    "freq",
];

/// A chip: a folder of sensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    /// Where its sensors are.
    pub(super) folder: PathBuf,
    /// What it is called in the series: the same from start to start, and no other chip's.
    pub(super) label: String,
    /// What its driver calls it.
    pub(super) name: Option<String>,
}

/// A sensor: `temp1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sensor {
    /// What it measures.
    pub(super) kind: &'static str,
    /// Kind and number.
    pub(super) name: String,
}

/// A sensor's files and what they say: `input`, `max`, `label`.
pub(super) type Sensors = BTreeMap<String, String>;

/// A sensor's files by what they tell.
pub(super) type Files = BTreeMap<String, KeptFile>;

/// More files than these are opened anew for each read.
const KEPT_OPEN: usize = 256;

/// All chips.
pub(super) fn all(folder: &Path) -> Result<Vec<Chip>, CollectError> {
    let entries = std::fs::read_dir(folder).map_err(|error| CollectError::read(folder, error))?;
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    let mut chips: Vec<Chip> = folders.into_iter().filter_map(chip).collect();
    let labels: Vec<String> = chips.iter().map(|chip| chip.label.clone()).collect();
    let names: Vec<_> = chips
        .iter()
        .map(|chip| (chip.label.clone(), chip.name.clone()))
        .collect();
    for chip in &mut chips {
        if labels.iter().filter(|label| **label == chip.label).count() > 1 {
            let key = (chip.label.clone(), chip.name.clone());
            let alone = names.iter().filter(|name| **name == key).count() == 1;
            chip.tell_apart(alone);
        }
    }
    Ok(chips)
}

impl Chip {
    /// Several chips may belong to one device. Their drivers' names tell them apart, or else
    /// their numbers.
    fn tell_apart(&mut self, name_is_unique: bool) {
        let suffix = match &self.name {
            Some(name) if name_is_unique => name.clone(),
            _ => clean(&file_name(&self.folder)),
        };
        self.label = format!("{}_{suffix}", self.label);
    }
}

fn chip(folder: PathBuf) -> Option<Chip> {
    let name = read_small(&folder.join("name"))
        .ok()
        .map(|name| clean(&name))
        .filter(|name| !name.is_empty());
    let label = device_label(&folder)
        .or_else(|| name.clone())
        .or_else(|| number_label(&folder).ok())
        .filter(|label| !label.is_empty())?;
    Some(Chip {
        folder,
        label,
        name,
    })
}

/// `platform_coretemp_0` for `/sys/devices/platform/coretemp.0`.
fn device_label(folder: &Path) -> Option<String> {
    let device = folder.join("device").canonicalize().ok()?;
    let name = clean(&file_name(&device));
    let bus = clean(&file_name(device.parent()?));
    match (bus.is_empty(), name.is_empty()) {
        (_, true) => None,
        (true, false) => Some(name),
        (false, false) => Some(format!("{bus}_{name}")),
    }
}

fn number_label(folder: &Path) -> io::Result<String> {
    Ok(clean(&file_name(&folder.canonicalize()?)))
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// A text as part of a label: lower case, and underscores for what is no letter or digit.
pub(super) fn clean(text: &str) -> String {
    let cleaned: String = text
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'a'..='z' | '0'..='9' | ':' | '_' => c,
            _ => '_',
        })
        .collect();
    cleaned.trim_matches('_').to_owned()
}

/// The sensors of a chip, in its own folder and in its device's. `open` counts the files.
pub(super) fn sensors(folder: &Path, open: &mut usize) -> BTreeMap<Sensor, Files> {
    let mut sensors: BTreeMap<Sensor, Files> = BTreeMap::new();
    for folder in [folder.to_owned(), folder.join("device")] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some((sensor, element)) = name.to_str().and_then(split) else {
                continue;
            };
            *open += 1;
            let file = if *open <= KEPT_OPEN {
                KeptFile::at_once(entry.path())
            } else {
                KeptFile::one_of_many(entry.path())
            };
            let files = sensors.entry(sensor).or_default();
            files.insert(element.to_owned(), file);
        }
    }
    sensors
}

/// What the files say now. One that cannot be read says nothing.
pub(super) fn read(files: &mut Files) -> Sensors {
    files
        .iter_mut()
        .filter_map(|(element, file)| {
            let text = String::from_utf8_lossy(file.read().ok()?.trim_ascii()).into_owned();
            Some((element.clone(), text))
        })
        .collect()
}

/// Splits a file's name: `temp1_input` is the sensor `temp1` and its element `input`.
fn split(file: &str) -> Option<(Sensor, &str)> {
    let letters = file.bytes().take_while(|c| !c.is_ascii_digit()).count();
    let (kind, rest) = file.split_at(letters);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let element = match rest {
        "" => "",
        rest => rest.strip_prefix('_').filter(|rest| !rest.is_empty())?,
    };
    let kind = KINDS.into_iter().find(|known| *known == kind)?;
    let number: u32 = match number {
        "" => 0,
        number => number.parse().ok()?,
    };
    let name = format!("{kind}{number}");
    Some((Sensor { kind, name }, element))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_split_into_sensor_and_element() {
        for (file, expected) in [
            ("temp1_input", Some(("temp", "temp1", "input"))),
            ("in0_beep", Some(("in", "in0", "beep"))),
            ("pwm1", Some(("pwm", "pwm1", ""))),
            (
                "pwm1_auto_point1_pwm",
                Some(("pwm", "pwm1", "auto_point1_pwm")),
            ),
            ("beep_enable", Some(("beep_enable", "beep_enable0", ""))),
            ("bogus1_input", None),
            ("temp1x", None),
            ("temp1_", None),
            ("temp_input", None),
            ("name", None),
            ("temp99999999999_input", None),
        ] {
            let split = split(file);
            let split = split
                .as_ref()
                .map(|(sensor, element)| (sensor.kind, sensor.name.as_str(), *element));
            assert_eq!(split, expected, "{file}");
        }
    }

    #[test]
    fn labels_are_cleaned() {
        assert_eq!(clean("asus-nb-wmi"), "asus_nb_wmi");
        assert_eq!(clean("0000:00:18.3"), "0000:00:18_3");
        assert_eq!(clean("_Left side!"), "left_side");
        assert_eq!(clean("\u{e9}"), "");
    }
}
