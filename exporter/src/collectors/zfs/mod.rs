//! `zfs`: the statistics of ZFS, of its caches, pools and datasets, `/proc/spl/kstat/zfs`.
//!
//! Names and help texts of the families come from the files, since each version of ZFS has other
//! statistics.

mod kstat;

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::attributes::{keep_first, settle};
use super::folder::{entries, entries_if_any};
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings};
use kstat::Family;

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "zfs",
    help: "Statistics of ZFS, its pools and datasets.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Zfs::new(settings)),
};

/// The files of ZFS as a whole, and what their families' names begin with. A version of ZFS has
/// some of them.
const FILES: [(&str, &str); 11] = [
    ("abdstats", "node_zfs_abd_"),
    ("arcstats", "node_zfs_arc_"),
    ("dbufstats", "node_zfs_dbuf_"),
    ("dmu_tx", "node_zfs_dmu_tx_"),
    ("dnodestats", "node_zfs_dnode_"),
    ("fm", "node_zfs_fm_"),
    ("vdev_cache_stats", "node_zfs_vdev_cache_"),
    ("vdev_mirror_stats", "node_zfs_vdev_mirror_"),
    ("xuio_stats", "node_zfs_xuio_"),
    ("zfetchstats", "node_zfs_zfetch_"),
    ("zil", "node_zfs_zil_"),
];

/// The states of a pool; at most one of them holds.
const STATES: [&str; 7] = [
    "online",
    "degraded",
    "faulted",
    "offline",
    "removed",
    "unavail",
    "suspended",
];

#[derive(Debug)]
struct Zfs {
    folder: PathBuf,
    /// None on a host without ZFS.
    statistics: Inventory<Option<Statistics>>,
    /// Reused from series to series.
    family: Family,
}

#[derive(Debug, Default)]
struct Statistics {
    /// Those of [`FILES`] that are there, each with its name and its families' prefix.
    whole: Vec<(&'static str, &'static str, KeptFile)>,
    /// The files `POOL/io`, each with its pool.
    io: Vec<(String, KeptFile)>,
    /// The files `POOL/objset-ID`, one for each dataset, each with its pool.
    datasets: Vec<(String, KeptFile)>,
    /// The files `POOL/state`, each with its pool.
    states: Vec<(String, KeptFile)>,
}

impl Zfs {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.procfs.join("spl/kstat/zfs"),
            statistics: Inventory::default(),
            family: Family::default(),
        }
    }
}

impl Collector for Zfs {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let list = |_| Statistics::list(&self.folder);
        let Some(statistics) = self.statistics.get(Instant::now(), list)? else {
            return Err(CollectError::NoData("this host has no ZFS"));
        };
        let mut result = Ok(());
        for (name, prefix, file) in &mut statistics.whole {
            let written = write_whole(name, prefix, file, &mut self.family, page);
            keep_first(&mut result, written);
        }
        let written = write_io(&mut statistics.io, &mut self.family, page);
        keep_first(&mut result, written);
        let written = write_datasets(&mut statistics.datasets, &mut self.family, page);
        keep_first(&mut result, written);
        keep_first(&mut result, write_states(&mut statistics.states, page));
        settle(result, &mut self.statistics)
    }
}

impl Statistics {
    fn list(folder: &Path) -> Result<Option<Self>, CollectError> {
        let Some(entries) = entries(folder)? else {
            return Ok(None);
        };
        let mut found = Self::default();
        for (name, path) in entries {
            if let Some((file, prefix)) = FILES.into_iter().find(|(file, _)| *file == name) {
                found.whole.push((file, prefix, KeptFile::new(path)));
            } else if path.is_dir() {
                found.list_pool(&name, &path)?;
            }
        }
        Ok(Some(found))
    }

    fn list_pool(&mut self, pool: &str, folder: &Path) -> Result<(), CollectError> {
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
}

fn write_whole(
    name: &str,
    prefix: &str,
    file: &mut KeptFile,
    family: &mut Family,
    page: &mut Page,
) -> Result<(), CollectError> {
    file.read()?;
    let rows = kstat::rows(file.text()).ok_or_else(|| file.fault("a table", file.text()))?;
    let mut result = Ok(());
    for row in rows.filter(kstat::Row::is_number) {
        if !row.is_whole() {
            keep_first(&mut result, Err(file.fault("an integer", row.value)));
        } else if family.begin(prefix, name, row.name, page) {
            page.series("").digits(row.value);
        }
    }
    result
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
        let dataset = kstat::rows(file.text()).and_then(kstat::dataset);
        let (Some(dataset), Some(rows)) = (dataset, kstat::rows(file.text())) else {
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
    let result = read_all(files);
    page.family(
        "node_zfs_zpool_state",
        "kstat.zfs.misc.state",
        MetricType::Gauge,
    );
    for (pool, file) in files.iter().filter(|(_, file)| !file.text().is_empty()) {
        let is = file.text().trim_ascii();
        for state in STATES {
            let mut series = page.series("");
            series.label("state", state).label("zpool", pool);
            let holds = is.eq_ignore_ascii_case(state.as_bytes());
            series.digits(if holds { b"1" } else { b"0" });
        }
    }
    result
}

#[cfg(test)]
mod tests;
