//! `bcachefs`: bcachefs file systems and their devices, `/sys/fs/bcachefs`.

mod families;
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::{Counter, Gauge};
use watchpost_model::text::{Page, Series};

use super::attributes::{self, Device, Labels, keep_first, labelled};
use super::folder::{entries, entries_if_any};
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, human, text};
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
    counters: BTreeMap<String, Vec<(Labels, KeptFile)>>,
    devices: Vec<Device>,
    details: Vec<Details>,
}

/// What a device says other than numbers in files of their own.
#[derive(Debug)]
struct Details {
    labels: Labels,
    label: KeptFile,
    state: KeptFile,
    io_done: KeptFile,
    io_errors: KeptFile,
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
        for (name, files) in &mut found.counters {
            keep_first(&mut result, write_counter(name, files, page));
        }
        let written = attributes::write(DEVICE, &mut found.devices, page, put);
        keep_first(&mut result, written);
        keep_first(&mut result, write_details(&mut found.details, page));
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
            if let Some(file) = file_if_any(folder, table.file) {
                files.push((labels.clone(), file));
            }
        }
        for (name, path) in entries_if_any(&folder.join("counters"))? {
            let files = self.counters.entry(name).or_default();
            files.push((labels.clone(), KeptFile::one_of_many(path)));
        }
        for (name, folder) in entries {
            let Some(device) = name.strip_prefix("dev-") else {
                continue;
            };
            let mut labels = labels.clone();
            labels.insert(0, ("device", device.to_owned()));
            let file = |name| KeptFile::one_of_many(folder.join(name));
            self.devices
                .push(Device::new(folder, labels.clone(), DEVICE));
            self.details.push(Details {
                labels,
                label: file("label"),
                state: file("state"),
                io_done: file("io_done"),
                io_errors: file("io_errors"),
            });
        }
        self.filesystems
            .push(Device::new(folder, labels, FILESYSTEM));
        Ok(())
    }
}

fn file_if_any(folder: &Path, name: &str) -> Option<KeptFile> {
    let path = folder.join(name);
    path.exists().then(|| KeptFile::one_of_many(path))
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
                let mut series = labelled(page, labels);
                series.label(table.label, name);
                let number = text::words(line).nth(column);
                if number.and_then(|number| put(number, (), series)).is_none() {
                    keep_first(&mut result, Err(file.fault("a name and numbers", line)));
                }
            }
        }
    }
    result
}

fn write_counter(
    name: &str,
    files: &mut [(Labels, KeptFile)],
    page: &mut Page,
) -> Result<(), CollectError> {
    let mut result = read_all(files.iter_mut().map(|(_, file)| file));
    let is_fit = |c: char| c.is_ascii_alphanumeric();
    let fit: String = name
        .chars()
        .map(|c| if is_fit(c) { c } else { '_' })
        .collect();
    page.family(
        &format!("node_bcachefs_{fit}_total"),
        &format!("Bcachefs counter {name} since filesystem creation."),
        Counter,
    );
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

fn write_details(details: &mut [Details], page: &mut Page) -> Result<(), CollectError> {
    let mut result = Ok(());
    for device in &mut *details {
        let files = [
            &mut device.label,
            &mut device.state,
            &mut device.io_done,
            &mut device.io_errors,
        ];
        // A device need not have all of them; one that went away is off the list soon.
        let read = read_all(files.into_iter());
        if read.as_ref().is_err_and(|error| !error.is_missing()) {
            keep_first(&mut result, read);
        }
    }
    page.family("node_bcachefs_device_info", "Device information.", Gauge);
    for device in &*details {
        let mut series = labelled(page, &device.labels);
        series.label("label", device.label.text().trim_ascii());
        series.label("state", device.state.text().trim_ascii());
        series.digits(b"1");
    }
    page.family(
        "node_bcachefs_device_io_done_bytes_total",
        "IO bytes by operation type and data type.",
        Counter,
    );
    for device in &*details {
        for row in rows::of_io_done(device.io_done.text()) {
            let mut series = labelled(page, &device.labels);
            series.label("operation", row.operation);
            series.label("data_type", row.name);
            if put(row.number, (), series).is_none() {
                let fault = device.io_done.fault("a number of bytes", row.number);
                keep_first(&mut result, Err(fault));
            }
        }
    }
    page.family(
        "node_bcachefs_device_io_errors_total",
        "IO errors by error type.",
        Counter,
    );
    for device in &*details {
        for (name, number) in rows::of_io_errors(device.io_errors.text()) {
            let mut series = labelled(page, &device.labels);
            series.label("type", name);
            if put(number, (), series).is_none() {
                let fault = device.io_errors.fault("a number of errors", number);
                keep_first(&mut result, Err(fault));
            }
        }
    }
    result
}

#[cfg(test)]
mod tests;
