//! `zfs`: the statistics of ZFS, of its caches, pools and datasets, `/proc/spl/kstat/zfs`.
//!
//! Names and help texts of the families come from the files, since each version of ZFS has other
//! statistics.

mod kstat;
mod pools;

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::text::Page;

use super::attributes::{keep_first, settle};
use super::folder::entries;
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, text};
use kstat::Family;
use pools::Pools;

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
    pools: Pools,
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
        let written = statistics.pools.write(&mut self.family, page);
        keep_first(&mut result, written);
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
                found.pools.add(&name, &path)?;
            }
        }
        Ok(Some(found))
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
    let rows = kstat::rows(text::ended_lines(file.text()))
        .ok_or_else(|| file.fault("a table", file.text()))?;
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

#[cfg(test)]
mod tests;
