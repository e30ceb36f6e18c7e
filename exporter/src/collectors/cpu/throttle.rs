//! How often heat slowed a core or a package down, `/sys/devices/system/cpu/cpu*/thermal_throttle`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::super::{KeptFile, read_small, text};

/// The counters, one file for each core and each package; virtual machines have none.
pub(super) struct Throttle {
    folder: PathBuf,
    /// How many CPUs there were when the files were looked for.
    cpus: Option<usize>,
    cores: BTreeMap<(u64, u64), KeptFile>,
    packages: BTreeMap<u64, KeptFile>,
}

impl Throttle {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            cpus: None,
            cores: BTreeMap::new(),
            packages: BTreeMap::new(),
        }
    }

    /// Looks for the files again when the number of CPUs has changed.
    pub(super) fn collect(&mut self, cpus: usize, page: &mut Page) {
        if self.cpus != Some(cpus) {
            self.cpus = Some(cpus);
            self.find();
        }
        page.family(
            "node_cpu_core_throttles_total",
            "Number of times this CPU core has been throttled.",
            MetricType::Counter,
        );
        for ((package, core), file) in &mut self.cores {
            if let Some(count) = count(file) {
                let (core, package) = (core.to_string(), package.to_string());
                let mut series = page.series("");
                series.label("core", core).label("package", package);
                series.digits(count);
            }
        }
        page.family(
            "node_cpu_package_throttles_total",
            "Number of times this CPU package has been throttled.",
            MetricType::Counter,
        );
        for (package, file) in &mut self.packages {
            if let Some(count) = count(file) {
                let mut series = page.series("");
                series.label("package", package.to_string());
                series.digits(count);
            }
        }
    }

    fn find(&mut self) {
        self.cores.clear();
        self.packages.clear();
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        folders.sort();
        for cpu in folders {
            let number = |path| read_small(&cpu.join(path)).ok()?.parse::<u64>().ok();
            let Some(package) = number("topology/physical_package_id") else {
                continue;
            };
            let Some(core) = number("topology/core_id") else {
                continue;
            };
            let throttle = cpu.join("thermal_throttle");
            add(
                &mut self.cores,
                (package, core),
                &throttle.join("core_throttle_count"),
            );
            add(
                &mut self.packages,
                package,
                &throttle.join("package_throttle_count"),
            );
        }
    }
}

/// The first CPU of a core or package speaks for it.
fn add<K: Ord>(files: &mut BTreeMap<K, KeptFile>, key: K, path: &Path) {
    if path.exists() {
        files
            .entry(key)
            .or_insert_with(|| KeptFile::one_of_many(path));
    }
}

fn count(file: &mut KeptFile) -> Option<&[u8]> {
    let text = file.read().ok()?.trim_ascii();
    text::is_integer(text).then_some(text)
}
