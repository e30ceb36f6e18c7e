//! A card: its files, and what they say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::super::{CollectError, KeptFile, read_small};
use super::super::family::{self as family, Family};
use super::super::snapshot::{Facts, Figures, Gpu, Labels, Reason};
use super::drivers::{DRIVERS, Driver, Label, Place, Unit};

/// A card whose driver is known.
#[derive(Debug)]
pub(super) struct Card {
    gpu: Gpu,
    /// Whether it sleeps.
    power: KeptFile,
    sources: Vec<Source>,
}

/// A file that is there.
#[derive(Debug)]
struct Source {
    file: KeptFile,
    family: &'static Family,
    labels: Labels,
    unit: Unit,
}

/// All cards of the folder, `card0` and so on; its other entries are outputs and the like.
pub(super) fn all(folder: &Path) -> Vec<Card> {
    let mut numbers: Vec<u32> = names(folder)
        .filter_map(|name| name.strip_prefix("card")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let cards = numbers.into_iter();
    cards
        .filter_map(|number| card(folder, format!("card{number}")))
        .collect()
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

fn card(folder: &Path, id: String) -> Option<Card> {
    let folder = folder.join(&id);
    let device = folder.join("device");
    let events = read_small(&device.join("uevent")).ok()?;
    let event = |key: &str| {
        let mut lines = events.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    let name = event("DRIVER")?;
    let driver = DRIVERS.iter().find(|driver| driver.name == name)?;
    let attribute = |name: &str| {
        let text = read_small(&device.join(name)).ok();
        text.filter(|text| !text.is_empty())
    };
    let pci_bus_id = event("PCI_SLOT_NAME").unwrap_or_default().to_owned();
    let place = if pci_bus_id.is_empty() {
        &id
    } else {
        &pci_bus_id
    };
    let uuid = attribute("unique_id").unwrap_or_else(|| format!("pci-{place}"));
    let facts = Facts {
        vendor: driver.vendor,
        driver: driver.name.to_owned(),
        driver_version: String::new(),
        name: attribute("product_name").unwrap_or_else(|| {
            let model = event("PCI_ID").unwrap_or("GPU");
            format!("{} {model}", driver.cards)
        }),
        pci_bus_id,
    };
    Some(Card {
        gpu: Gpu {
            id,
            uuid,
            facts,
            fault: None,
        },
        power: KeptFile::new(device.join("power/runtime_status")),
        sources: sources(&folder, driver),
    })
}

/// The files that there are, of those of one figure the first.
fn sources(folder: &Path, driver: &Driver) -> Vec<Source> {
    let hwmon = hwmon(&folder.join("device/hwmon"), driver.name);
    let parts = parts(folder);
    let mut seen = BTreeSet::new();
    let mut sources = Vec::new();
    for row in driver.rows {
        let in_folder = |folder: &Path, part| {
            let path = folder.join(row.file);
            path.exists().then(|| (path, row.label.labels(part)))
        };
        let found: Vec<_> = match row.place {
            Place::Card => in_folder(folder, "").into_iter().collect(),
            Place::Device => in_folder(&folder.join("device"), "").into_iter().collect(),
            Place::Hwmon => hwmon
                .iter()
                .filter_map(|folder| in_folder(folder, ""))
                .collect(),
            Place::Part => parts
                .iter()
                .filter_map(|(part, folder)| in_folder(folder, part))
                .collect(),
        };
        for (path, labels) in found {
            if seen.insert((row.family.name, labels.clone())) {
                sources.push(Source {
                    file: KeptFile::new(path),
                    family: row.family,
                    labels,
                    unit: row.unit,
                });
            }
        }
    }
    sources
}

/// The sensors of the whole card: its parts may have some of their own.
fn hwmon(folder: &Path, driver: &str) -> Option<PathBuf> {
    let mut folders: Vec<_> = names(folder).map(|name| folder.join(name)).collect();
    folders.sort();
    let is_whole =
        |folder: &&PathBuf| read_small(&folder.join("name")).is_ok_and(|name| name == driver);
    let whole = folders.iter().find(is_whole);
    whole.or(folders.first()).cloned()
}

/// The parts of a card, by number: `gt/gt0` of i915, `device/tile0/gt0` of xe.
fn parts(folder: &Path) -> Vec<(String, PathBuf)> {
    let device = folder.join("device");
    let tiles = names(&device)
        .filter(|name| name.starts_with("tile"))
        .map(|name| device.join(name));
    let mut parts: Vec<_> = tiles
        .chain([folder.join("gt")])
        .flat_map(|tile| {
            names(&tile)
                .filter_map(|name| {
                    let number = name.strip_prefix("gt")?.parse::<u32>().ok()?;
                    Some((number.to_string(), tile.join(&name)))
                })
                .collect::<Vec<_>>()
        })
        .collect();
    parts.sort();
    parts
}

impl Label {
    fn labels(self, part: &str) -> Labels {
        match self {
            Self::None => Vec::new(),
            Self::Is(name, value) => vec![(name, value.to_owned())],
            Self::PartClock if part == "0" => vec![("clock", "graphics".to_owned())],
            Self::PartClock => vec![("clock", format!("gt{part}"))],
            Self::Part => vec![("gt", part.to_owned())],
            Self::Reason(reason) => vec![("gt", part.to_owned()), ("reason", reason.to_owned())],
        }
    }
}

impl Card {
    /// The card as it is now, and its figures. It is at fault where it has files and none can be
    /// read.
    pub(super) fn read(&mut self, figures: &mut Figures) -> Gpu {
        let mut gpu = self.gpu.clone();
        let asleep = match self.power.read() {
            Ok(b"active\n") => Some(false),
            Ok(b"suspended\n" | b"suspending\n") => Some(true),
            _ => None,
        };
        if asleep != Some(true) {
            gpu.fault = self.read_sources(figures).err();
        }
        if let Some(asleep) = asleep.filter(|_| gpu.fault.is_none()) {
            figures.push((&family::SUSPENDED, Vec::new(), f64::from(u8::from(asleep))));
        }
        gpu
    }

    fn read_sources(&mut self, figures: &mut Figures) -> Result<(), Reason> {
        let mut worked = self.sources.is_empty();
        let mut last = Reason::DriverError;
        for source in &mut self.sources {
            match source.file.read() {
                Ok(text) => {
                    worked = true;
                    let value = source.unit.value(text);
                    figures
                        .extend(value.map(|value| (source.family, source.labels.clone(), value)));
                }
                Err(error) => last = reason(&error),
            }
        }
        let of = |family: &Family| {
            let figure = figures.iter().find(|(found, _, _)| *found == family);
            figure.map(|(_, _, value)| *value)
        };
        if let (Some(total), Some(used)) = (of(&family::MEMORY_TOTAL), of(&family::MEMORY_USED))
            && used <= total
        {
            figures.push((&family::MEMORY_FREE, Vec::new(), total - used));
        }
        if worked { Ok(()) } else { Err(last) }
    }
}

/// What an error means where nothing of a card can be read.
fn reason(error: &CollectError) -> Reason {
    use std::io::ErrorKind::{NotFound, PermissionDenied};
    let CollectError::Read { source, .. } = error else {
        return Reason::DriverError;
    };
    let gone = [rustix::io::Errno::NODEV, rustix::io::Errno::NXIO];
    match source.kind() {
        NotFound => Reason::Lost,
        PermissionDenied => Reason::NoPermission,
        _ if gone
            .iter()
            .any(|gone| source.raw_os_error() == Some(gone.raw_os_error())) =>
        {
            Reason::Lost
        }
        _ => Reason::DriverError,
    }
}
