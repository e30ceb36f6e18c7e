//! `bcachefs`: bcachefs file systems and their devices, `/sys/fs/bcachefs`.

mod details;
mod families;
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::{self, Gauge};
use watchpost_model::text::{Page, Series};

use super::attributes::{self, Device, Labels, keep_first, labelled};
use super::folder::{entries, entries_if_any};
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, human, text};
use details::Details;
use families::{DEVICE, FILESYSTEM, TABLES, Table};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "bcachefs",
    help: "Bcachefs file systems and their devices.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Bcachefs::new(settings)),
};

#[derive(Debug)]
struct Bcachefs {
    folder: PathBuf,
    /// Empty on a host without such a file system.
    filesystems: Inventory<FileSystems>,
}

/// Everything is labelled with the file system's UUID, and most files are there many times, so none
/// stays open.
#[derive(Debug, Default)]
struct FileSystems {
    filesystems: Vec<Device>,
    /// The files of each line of [`TABLES`].
    tables: [Vec<(Labels, KeptFile)>; TABLES.len()],
    /// By name.
    counters: BTreeMap<String, Counter>,
    devices: Vec<Device>,
    details: Vec<Details>,
}

/// A counter, which each of the file systems has.
#[derive(Debug)]
struct Counter {
    family: String,
    help: String,
    files: Vec<(Labels, KeptFile)>,
}

impl Counter {
    fn new(name: &str) -> Self {
        let fit = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        Self {
            family: format!("node_bcachefs_{fit}_total"),
            help: format!("Bcachefs counter {name} since filesystem creation."),
            files: Vec::new(),
        }
    }
}

impl Bcachefs {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("fs/bcachefs"),
            filesystems: Inventory::default(),
        }
    }
}

impl Collector for Bcachefs {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let list = |_| FileSystems::list(&self.folder);
        let found = self.filesystems.get(Instant::now(), list)?;
        if found.filesystems.is_empty() {
            return Err(CollectError::NoData(
                "this host has no bcachefs file system",
            ));
        }
        page.family("node_bcachefs_info", "Filesystem information.", Gauge);
        for filesystem in &found.filesystems {
            labelled(page, filesystem.labels()).digits(b"1");
        }
        let mut result = attributes::write(FILESYSTEM, &mut found.filesystems, page, put);
        for (table, files) in TABLES.iter().zip(&mut found.tables) {
            keep_first(&mut result, write_table(table, files, page));
        }
        for counter in found.counters.values_mut() {
            keep_first(&mut result, write_counter(counter, page));
        }
        let written = attributes::write(DEVICE, &mut found.devices, page, put);
        keep_first(&mut result, written);
        keep_first(&mut result, details::write(&mut found.details, page));
        attributes::settle(result, &mut self.filesystems)
    }
}

impl FileSystems {
    fn list(folder: &Path) -> Result<Self, CollectError> {
        let mut found = Self::default();
        for (uuid, folder) in entries_if_any(folder)? {
            // A file, or gone by now.
            if let Ok(Some(entries)) = entries(&folder) {
                found.list_one(&uuid, &folder, &entries)?;
            }
        }
        Ok(found)
    }

    fn list_one(
        &mut self,
        uuid: &str,
        folder: &Path,
        entries: &[(String, PathBuf)],
    ) -> Result<(), CollectError> {
        let labels = vec![("uuid", uuid.to_owned())];
        for (table, files) in TABLES.iter().zip(&mut self.tables) {
            if let Some(file) = attributes::file_if_any(folder, table.file) {
                files.push((labels.clone(), file));
            }
        }
        for (name, path) in entries_if_any(&folder.join("counters"))? {
            let new = Counter::new(&name);
            let counter = self.counters.entry(name).or_insert(new);
            let file = KeptFile::one_of_many(path);
            counter.files.push((labels.clone(), file));
        }
        for (name, folder) in entries {
            let Some(device) = name.strip_prefix("dev-") else {
                continue;
            };
            let labels = vec![("device", device.to_owned()), ("uuid", uuid.to_owned())];
            self.devices.push(Device::new(folder, labels, DEVICE));
            self.details.push(Details::new(folder, device, uuid));
        }
        self.filesystems
            .push(Device::new(folder, labels, FILESYSTEM));
        Ok(())
    }
}

fn put(text: &[u8], (): (), series: Series<'_>) -> Option<()> {
    if text::is_integer(text) {
        series.digits(text);
    } else {
        series.value(human::number(text)?);
    }
    Some(())
}

/// Reads files; those that cannot be read have no text.
fn read_all<'a>(files: impl Iterator<Item = &'a mut KeptFile>) -> Result<(), CollectError> {
    let mut result = Ok(());
    for file in files {
        keep_first(&mut result, file.read().map(|_| ()));
    }
    result
}

/// A file in which each line has a name and numbers, and a family for each of the numbers.
fn write_table(
    table: &Table,
    files: &mut [(Labels, KeptFile)],
    page: &mut Page,
) -> Result<(), CollectError> {
    let mut result = read_all(files.iter_mut().map(|(_, file)| file));
    for (column, (family, help, metric_type)) in table.families.iter().enumerate() {
        page.family(family, help, *metric_type);
        for (labels, file) in &*files {
            for (name, line) in rows::of_table(file.text(), table.headings) {
                let mut series = page.series("");
                series.label(table.label, name);
                attributes::add_labels(&mut series, labels);
                let number = text::words(line).nth(column);
                if number.and_then(|number| put(number, (), series)).is_none() {
                    keep_first(&mut result, Err(file.fault("a name and numbers", line)));
                }
            }
        }
    }
    result
}

fn write_counter(counter: &mut Counter, page: &mut Page) -> Result<(), CollectError> {
    let Counter {
        family,
        help,
        files,
    } = counter;
    let mut result = read_all(files.iter_mut().map(|(_, file)| file));
    page.family(family, help, MetricType::Counter);
    for (labels, file) in files.iter().filter(|(_, file)| !file.text().is_empty()) {
        let number = rows::since_creation(file.text());
        let written = number.and_then(|number| put(number, (), labelled(page, labels)));
        if written.is_none() {
            let fault = file.fault("a number since filesystem creation", file.text());
            keep_first(&mut result, Err(fault));
        }
    }
    result
}

#[cfg(test)]
mod tests;
