//! The pools of ZFS, a folder each, with a file for each dataset.

use std::path::Path;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::super::attributes::keep_first;
use super::super::folder::entries_if_any;
use super::super::{CollectError, KeptFile, text};
use super::kstat::{self, Family};

/// The states of a pool; at most one of them holds.
pub(super) const STATES: [&str; 7] = [
    "online",
    "degraded",
    "faulted",
    "offline",
    "removed",
    "unavail",
    "suspended",
];

/// The files of all pools, each with its pool.
#[derive(Debug, Default)]
pub(super) struct Pools {
    /// The files `POOL/io`.
    io: Vec<(String, KeptFile)>,
    /// The files `POOL/objset-ID`, one for each dataset.
    datasets: Vec<(String, KeptFile)>,
    /// The files `POOL/state`.
    states: Vec<(String, KeptFile)>,
}

impl Pools {
    /// Finds the files of a pool.
    pub(super) fn add(&mut self, pool: &str, folder: &Path) -> Result<(), CollectError> {
        for (name, path) in entries_if_any(folder)? {
            let pool = pool.to_owned();
            match name.as_str() {
                "io" => self.io.push((pool, KeptFile::one_of_many(path))),
                "state" => self.states.push((pool, KeptFile::one_of_many(path))),
                _ if name.starts_with("objset-") => {
                    self.datasets.push((pool, KeptFile::one_of_many(path)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        family: &mut Family,
        page: &mut Page,
    ) -> Result<(), CollectError> {
        let mut result = write_io(&mut self.io, family, page);
        keep_first(
            &mut result,
            write_datasets(&mut self.datasets, family, page),
        );
        keep_first(&mut result, write_states(&mut self.states, page));
        result
    }
}

/// A number of a pool or of a dataset.
struct Entry<'a> {
    name: &'a [u8],
    value: &'a [u8],
    pool: &'a str,
    dataset: Option<&'a [u8]>,
}

fn write_io(
    files: &mut [(String, KeptFile)],
    family: &mut Family,
    page: &mut Page,
) -> Result<(), CollectError> {
    let mut result = read_all(files);
    let mut entries = Vec::new();
    for (pool, file) in files.iter().filter(|(_, file)| !file.text().is_empty()) {
        let Some(columns) = kstat::columns(file.text()) else {
            let fault = file.fault("a line of names and one of integers", file.text());
            keep_first(&mut result, Err(fault));
            continue;
        };
        entries.extend(columns.map(|(name, value)| Entry {
            name,
            value,
            pool,
            dataset: None,
        }));
    }
    write_entries(("node_zfs_zpool_", "io"), &mut entries, family, page);
    result
}

fn write_datasets(
    files: &mut [(String, KeptFile)],
    family: &mut Family,
    page: &mut Page,
) -> Result<(), CollectError> {
    let mut result = read_all(files);
    let mut entries = Vec::new();
    for (pool, file) in files.iter().filter(|(_, file)| !file.text().is_empty()) {
        // The kernel gives this file whole. Copies of it, as of a recorded host, lack the last end.
        let rows = || kstat::rows(text::lines(file.text()));
        let dataset = rows().and_then(kstat::dataset);
        let (Some(dataset), Some(rows)) = (dataset, rows()) else {
            let fault = file.fault("a table with a `dataset_name`", file.text());
            keep_first(&mut result, Err(fault));
            continue;
        };
        for row in rows.filter(|row| row.kind == kstat::UNSIGNED) {
            if row.is_whole() {
                entries.push(Entry {
                    name: row.name,
                    value: row.value,
                    pool,
                    dataset: Some(dataset),
                });
            } else {
                keep_first(&mut result, Err(file.fault("an integer", row.value)));
            }
        }
    }
    let prefix = ("node_zfs_zpool_dataset_", "objset");
    write_entries(prefix, &mut entries, family, page);
    result
}

/// Reads files; those that cannot be read have no text.
fn read_all(files: &mut [(String, KeptFile)]) -> Result<(), CollectError> {
    let mut result = Ok(());
    for (_, file) in files {
        keep_first(&mut result, file.read().map(|_| ()));
    }
    result
}

/// Writes family by family what was gathered pool by pool.
fn write_entries(
    (prefix, file): (&str, &str),
    entries: &mut [Entry<'_>],
    family: &mut Family,
    page: &mut Page,
) {
    entries.sort_by_key(|entry| entry.name);
    for family_entries in entries.chunk_by(|a, b| a.name == b.name) {
        let Some(first) = family_entries.first() else {
            continue;
        };
        if !family.begin(prefix, file, first.name, page) {
            continue;
        }
        for entry in family_entries {
            let mut series = page.series("");
            if let Some(dataset) = entry.dataset {
                series.label("dataset", dataset);
            }
            series.label("zpool", entry.pool);
            series.digits(entry.value);
        }
    }
}

fn write_states(files: &mut [(String, KeptFile)], page: &mut Page) -> Result<(), CollectError> {
    let mut result = read_all(files);
    page.family(
        "node_zfs_zpool_state",
        "kstat.zfs.misc.state",
        MetricType::Gauge,
    );
    for (pool, file) in files.iter().filter(|(_, file)| !file.text().is_empty()) {
        let Some(is) = file.text().strip_suffix(b"\n") else {
            keep_first(&mut result, Err(file.fault("a state", file.text())));
            continue;
        };
        for state in STATES {
            let mut series = page.series("");
            series.label("state", state).label("zpool", pool);
            let holds = is.eq_ignore_ascii_case(state.as_bytes());
            series.digits(if holds { b"1" } else { b"0" });
        }
    }
    result
}
