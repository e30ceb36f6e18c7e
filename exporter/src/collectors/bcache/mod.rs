//! `bcache`: caches of block devices, `/sys/fs/bcache`.

mod families;

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::attributes::{self, Device, Labels, keep_first};
use super::folder::entries_if_any;
use super::{
    CollectError, Collector, Definition, Flag, Inventory, KeptFile, Settings, human, text,
};
use families::{BACKING, CACHE, Line, PRIORITY, RATE, SET, put};

const PRIORITY_STATS: Flag =
    Flag::switch("bcache.priorityStats", "Expose expensive priority stats.");

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "bcache",
    help: "Caches of block devices.",
    default_on: true,
    flags: &[PRIORITY_STATS],
    new: |settings| Box::new(Bcache::new(settings)),
};

#[derive(Debug)]
struct Bcache {
    folder: PathBuf,
    with_priorities: bool,
    /// Empty on a host without such a cache.
    caches: Inventory<Caches>,
}

#[derive(Debug, Default)]
struct Caches {
    sets: Vec<Device>,
    backing: Vec<Device>,
    /// The files `writeback_rate_debug` of the backing devices.
    rates: Vec<Lines>,
    caching: Vec<Device>,
    /// The files `priority_stats` of the cache devices.
    priorities: Vec<Lines>,
}

/// A file of which each line is a family.
#[derive(Debug)]
struct Lines {
    labels: Labels,
    file: KeptFile,
}

impl Bcache {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("fs/bcache"),
            with_priorities: settings.switch(&PRIORITY_STATS),
            caches: Inventory::default(),
        }
    }
}

impl Collector for Bcache {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let list = |_| Caches::list(&self.folder, self.with_priorities);
        let caches = self.caches.get(Instant::now(), list)?;
        if caches.sets.is_empty() {
            return Ok(());
        }
        let mut result = Ok(());
        for (table, devices) in [
            (SET, &mut caches.sets),
            (BACKING, &mut caches.backing),
            (CACHE, &mut caches.caching),
        ] {
            keep_first(&mut result, attributes::write(table, devices, page, put));
        }
        for (table, files) in [
            (RATE, &mut caches.rates),
            (PRIORITY, &mut caches.priorities),
        ] {
            keep_first(&mut result, write_lines(table, files, page));
        }
        attributes::settle(result, &mut self.caches)
    }
}

impl Caches {
    fn list(folder: &Path, with_priorities: bool) -> Result<Self, CollectError> {
        let mut found = Self::default();
        for (set, folder) in entries_if_any(folder)? {
            // Beside the sets there are files to register devices with.
            if set.contains('-') {
                found.list_set(&set, &folder, with_priorities)?;
            }
        }
        Ok(found)
    }

    fn list_set(
        &mut self,
        set: &str,
        folder: &Path,
        with_priorities: bool,
    ) -> Result<(), CollectError> {
        let uuid = || ("uuid", set.to_owned());
        self.sets.push(Device::new(folder, vec![uuid()], SET));
        for (name, folder) in entries_if_any(folder)? {
            if is_numbered(&name, "bdev") {
                let labels = vec![("backing_device", name), uuid()];
                self.backing
                    .push(Device::new(&folder, labels.clone(), BACKING));
                let file = attributes::file_if_any(&folder, "writeback_rate_debug");
                self.rates.extend(file.map(|file| Lines { labels, file }));
            } else if is_numbered(&name, "cache") {
                let labels = vec![("cache_device", name), uuid()];
                self.caching
                    .push(Device::new(&folder, labels.clone(), CACHE));
                if with_priorities {
                    let file = attributes::file_if_any(&folder, "priority_stats");
                    self.priorities
                        .extend(file.map(|file| Lines { labels, file }));
                }
            }
        }
        Ok(())
    }
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    let number = name.strip_prefix(prefix).unwrap_or_default();
    number.starts_with(|c: char| c.is_ascii_digit())
}

fn write_lines(table: &[Line], files: &mut [Lines], page: &mut Page) -> Result<(), CollectError> {
    let mut result = Ok(());
    for Lines { file, .. } in &mut *files {
        keep_first(&mut result, file.read().map(|_| ()));
    }
    for (family, help, start) in table {
        page.family(family, help, Gauge);
        for Lines { labels, file } in &*files {
            let line = text::ended_lines(file.text()).find(|line| line.starts_with(start));
            match line.map(line_number) {
                Some(Some(number)) => attributes::labelled(page, labels).value(number),
                Some(None) => {
                    let fault = file.fault("a number", line.unwrap_or_default());
                    keep_first(&mut result, Err(fault));
                }
                None => {}
            }
        }
    }
    result
}

/// `rate: 1.1M/sec`, `Unused: 99%`
fn line_number(line: &[u8]) -> Option<f64> {
    let word = text::words(line).last()?;
    let units: [&[u8]; 2] = [b"/sec", b"%"];
    let number = units.into_iter().find_map(|unit| word.strip_suffix(unit));
    human::bcache_number(number.unwrap_or(word))
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, collect};
    use super::*;

    const SET: &str = "sys/fs/bcache/de-ad";

    fn host() -> FakeHost {
        let host = FakeHost::new(&[("sys/fs/bcache/register", "")]);
        for (file, text) in [
            ("btree_cache_size", "1.5M\n"),
            ("cache_available_percent", "100\n"),
            ("internal/btree_read_average_duration_us", "1305\n"),
            ("stats_total/cache_hits", "9\n"),
            ("bdev0/dirty_data", "x\n"),
            ("bdev0/stats_total/cache_hits", "7\n"),
            ("bdev0/stats_total/cache_readaheads", "0\n"),
            (
                "bdev0/writeback_rate_debug",
                "rate: 4.0M/sec\nintegral: -1.0k\ntarget: 3",
            ),
            ("cache0/written", "512\n"),
            ("cache0/priority_stats", "Unused:\t\t99%\nMetadata:\t0%\n"),
        ] {
            host.write(&format!("{SET}/{file}"), text);
        }
        host
    }

    #[test]
    fn sets_and_devices_have_their_numbers_and_a_bad_file_costs_itself_only() {
        let (result, series) = host().collect(&DEFINITION);
        assert_eq!(
            series,
            [
                r#"node_bcache_btree_cache_size_bytes{uuid="de-ad"} 1.560576e+06"#,
                r#"node_bcache_cache_available_percent{uuid="de-ad"} 100"#,
                r#"node_bcache_btree_read_average_duration_seconds{uuid="de-ad"} 0.000001305"#,
                r#"node_bcache_cache_hits_total{backing_device="bdev0",uuid="de-ad"} 7"#,
                r#"node_bcache_written_bytes_total{cache_device="cache0",uuid="de-ad"} 512"#,
                r#"node_bcache_writeback_rate{backing_device="bdev0",uuid="de-ad"} 4.194304e+06"#,
                r#"node_bcache_writeback_rate_integral_term{backing_device="bdev0",uuid="de-ad"} -1024"#,
            ]
        );
        let error = result.unwrap_err().to_string();
        assert!(
            error.ends_with("dirty_data`: expected a number, found `x`"),
            "{error}"
        );
    }

    #[test]
    fn priorities_are_read_when_they_are_asked_for() {
        let host = host();
        let mut settings = host.settings();
        settings
            .set(&PRIORITY_STATS, vec!["true".to_owned()])
            .unwrap();
        let (_, series) = collect(&DEFINITION, &settings);
        let line =
            r#"node_bcache_priority_stats_unused_percent{cache_device="cache0",uuid="de-ad"} 99"#;
        assert!(series.iter().any(|have| have == line), "{series:?}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            line_number(&text);
        }
    }

    #[test]
    fn a_host_without_a_cache_has_no_series_and_nothing_is_wrong() {
        let (result, series) = FakeHost::new(&[]).collect(&DEFINITION);
        assert!(result.is_ok() && series.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_number_or_a_fault(text: Vec<u8>, near in "-?[0-9]{0,22}[.]?[0-9]{0,2}[kMGTPEZY%]?(/sec)?") {
            attributes::assert_bears(&text, &UNITS, put);
            attributes::assert_bears(near.as_bytes(), &UNITS, put);
        }
    }

    const UNITS: [families::Unit; 3] = [
        families::Unit::Number,
        families::Unit::Nanoseconds,
        families::Unit::NotZero,
    ];
}
