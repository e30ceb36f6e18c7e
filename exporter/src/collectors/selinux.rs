//! `SELinux`: whether it is on, its mode, and what its cache of decisions counts, `/sys/fs/selinux`.

use std::path::PathBuf;

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, Settings, read_small, text};

/// The columns of `cache_stats`, which has a line for each CPU below its heading.
const STATS: [(&str, &str); 6] = [
    ("node_selinux_avc_lookups_total", "SELinux AVC lookups"),
    ("node_selinux_avc_hits_total", "SELinux AVC hits"),
    ("node_selinux_avc_misses_total", "SELinux AVC misses"),
    (
        "node_selinux_avc_allocations_total",
        "SELinux AVC allocations",
    ),
    ("node_selinux_avc_reclaims_total", "SELinux AVC reclaims"),
    ("node_selinux_avc_frees_total", "SELinux AVC frees"),
];

/// The numbers of `hash_stats` in their order.
const HASH_STATS: [(&str, &str); 4] = [
    ("node_selinux_avc_hash_entries", "SELinux AVC hash entries"),
    (
        "node_selinux_avc_hash_buckets_used",
        "SELinux AVC hash buckets used",
    ),
    (
        "node_selinux_avc_hash_buckets_available",
        "SELinux AVC hash buckets available",
    ),
    (
        "node_selinux_avc_hash_longest_chain",
        "SELinux AVC hash longest chain",
    ),
];

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "selinux",
    help: "Mode of SELinux, and what its cache counts.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Selinux::new(settings)),
};

struct Selinux {
    /// There where `SELinux` is part of the kernel and switched on.
    enforce: KeptFile,
    /// What we run as: `kernel` as long as no policy is loaded.
    label: KeptFile,
    config: PathBuf,
    cache_stats: KeptFile,
    hash_stats: KeptFile,
    threshold: KeptFile,
}

impl Selinux {
    fn new(settings: &Settings) -> Self {
        let paths = &settings.paths;
        let file = |name| KeptFile::at_once(paths.sysfs.join("fs/selinux").join(name));
        Self {
            enforce: file("enforce"),
            label: KeptFile::at_once(paths.procfs.join("self/attr/current")),
            config: paths.rootfs.join("etc/selinux/config"),
            // A row for each CPU, which the kernel hands over by pages.
            cache_stats: KeptFile::rows(paths.sysfs.join("fs/selinux/avc/cache_stats")),
            hash_stats: file("avc/hash_stats"),
            threshold: file("avc/cache_threshold"),
        }
    }

    fn is_enabled(&mut self) -> bool {
        let label = |file: &mut KeptFile| file.read().is_ok_and(is_kernel);
        self.enforce.read().is_ok() && !label(&mut self.label)
    }
}

impl Collector for Selinux {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let enabled = self.is_enabled();
        put(
            page,
            (
                "node_selinux_enabled",
                "SELinux is enabled, 1 is true, 0 is false",
            ),
            Gauge,
            f64::from(u8::from(enabled)),
        );
        if !enabled {
            return Ok(());
        }
        put(
            page,
            (
                "node_selinux_config_mode",
                "Configured SELinux enforcement mode",
            ),
            Gauge,
            configured(&read_small(&self.config).unwrap_or_default()),
        );
        let mode = text::integer(self.enforce.text().trim_ascii());
        let mode = mode.ok_or_else(|| self.enforce.fault("a mode", self.enforce.text()))?;
        let family = (
            "node_selinux_current_mode",
            "Current SELinux enforcement mode",
        );
        put(page, family, Gauge, mode as f64);
        self.cache_stats.read()?;
        let sums = sums(self.cache_stats.text())
            .map_err(|line| self.cache_stats.fault("six integers", line))?;
        for (family, sum) in STATS.into_iter().zip(sums) {
            put(page, family, Counter, sum as f64);
        }
        self.hash_stats.read()?;
        let numbers = hash_stats(self.hash_stats.text()).ok_or_else(|| {
            let expected = "entries, buckets used and longest chain";
            self.hash_stats.fault(expected, self.hash_stats.text())
        })?;
        for (family, number) in HASH_STATS.into_iter().zip(numbers) {
            put(page, family, Gauge, number as f64);
        }
        self.threshold.read()?;
        let threshold = text::integer(self.threshold.text().trim_ascii())
            .ok_or_else(|| self.threshold.fault("an integer", self.threshold.text()))?;
        let family = ("node_selinux_avc_threshold", "SELinux AVC threshold");
        put(page, family, Gauge, threshold as f64);
        Ok(())
    }
}

fn put(page: &mut Page, (name, help): (&str, &str), metric_type: MetricType, value: f64) {
    page.family(name, help, metric_type);
    page.series("").value(value);
}

/// The kernel ends the label with a zero byte.
fn is_kernel(label: &[u8]) -> bool {
    label.strip_suffix(b"\0").unwrap_or(label).trim_ascii() == b"kernel"
}

const DISABLED: f64 = -1.0;

/// `SELINUX=` of `/etc/selinux/config`.
fn configured(config: &str) -> f64 {
    let mode = config.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "SELINUX").then(|| value.trim())
    });
    match mode {
        Some("enforcing") => 1.0,
        Some("permissive") => 0.0,
        _ => DISABLED,
    }
}

/// The sums over all CPUs. The error is the line at fault.
fn sums(text: &[u8]) -> Result<[u64; STATS.len()], &[u8]> {
    let mut sums = [0_u64; STATS.len()];
    if text::ended_lines(text).nth(1).is_none() {
        return Err(text);
    }
    for line in text.split_inclusive(|c| *c == b'\n').skip(1) {
        // Where the end of the line is cut off, so may be its last number.
        let mut words = text::words(line.strip_suffix(b"\n").ok_or(line)?);
        for sum in &mut sums {
            let count = words.next().and_then(text::integer).ok_or(line)?;
            *sum = sum.wrapping_add(count);
        }
        if words.next().is_some() {
            return Err(line);
        }
    }
    Ok(sums)
}

/// `entries: 503`, `buckets used: 283/512`, `longest chain: 7`.
fn hash_stats(text: &[u8]) -> Option<[u64; HASH_STATS.len()]> {
    let mut lines = text::ended_lines(text);
    let mut value = |key: &[u8]| lines.next()?.strip_prefix(key);
    let entries = text::integer(value(b"entries: ")?)?;
    let (used, available) = text::split_at(value(b"buckets used: ")?, b'/')?;
    let chain = text::integer(value(b"longest chain: ")?)?;
    Some([
        entries,
        text::integer(used)?,
        text::integer(available)?,
        chain,
    ])
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{self, FakeHost};
    use super::*;

    const ENFORCE: (&str, &str) = ("sys/fs/selinux/enforce", "1");

    #[test]
    fn a_host_without_it_says_so() {
        for files in [
            &[][..],
            &[ENFORCE, ("proc/self/attr/current", "kernel\0")][..],
        ] {
            let (outcome, lines) = FakeHost::new(files).collect(&DEFINITION);
            outcome.unwrap();
            assert_eq!(lines, ["node_selinux_enabled 0"]);
        }
    }

    #[test]
    fn modes_and_counts_are_there_where_it_is_on() {
        let label = "system_u:system_r:unconfined_service_t:s0\0";
        let host = FakeHost::new(&[
            ENFORCE,
            ("proc/self/attr/current", label),
            (
                "etc/selinux/config",
                "# SELINUX=disabled\nSELINUX=permissive\nSELINUXTYPE=targeted\n",
            ),
            (
                "sys/fs/selinux/avc/cache_stats",
                "lookups hits misses allocations reclaims frees\n10 9 1 1 0 0\n5 3 2 2 1 1\n",
            ),
            (
                "sys/fs/selinux/avc/hash_stats",
                "entries: 503\nbuckets used: 283/512\nlongest chain: 7\n",
            ),
            ("sys/fs/selinux/avc/cache_threshold", "512"),
        ]);
        let (outcome, lines) = host.collect(&DEFINITION);
        outcome.unwrap();
        assert_eq!(
            lines,
            [
                "node_selinux_enabled 1",
                "node_selinux_config_mode 0",
                "node_selinux_current_mode 1",
                "node_selinux_avc_lookups_total 15",
                "node_selinux_avc_hits_total 12",
                "node_selinux_avc_misses_total 3",
                "node_selinux_avc_allocations_total 3",
                "node_selinux_avc_reclaims_total 1",
                "node_selinux_avc_frees_total 1",
                "node_selinux_avc_hash_entries 503",
                "node_selinux_avc_hash_buckets_used 283",
                "node_selinux_avc_hash_buckets_available 512",
                "node_selinux_avc_hash_longest_chain 7",
                "node_selinux_avc_threshold 512",
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_and_costs_what_follows_it() {
        let stats = ("sys/fs/selinux/avc/cache_stats", "heading\n1 2 3\n");
        let (outcome, lines) = FakeHost::new(&[ENFORCE, stats]).collect(&DEFINITION);
        let error = outcome.unwrap_err().to_string();
        assert!(
            error.ends_with("avc/cache_stats`: expected six integers, found `1 2 3`"),
            "{error}"
        );
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn a_configuration_without_a_mode_is_disabled() {
        for (config, mode) in [
            ("SELINUX=enforcing", 1.0),
            ("SELINUX = permissive", 0.0),
            ("SELINUX=disabled", DISABLED),
            ("", DISABLED),
        ] {
            assert!((configured(config) - mode).abs() < 0.1, "{config}");
        }
    }

    #[test]
    fn a_bad_file_gives_no_other_number() {
        // The threshold has no end of a line, also as the kernel writes it.
        let files = [
            ENFORCE,
            ("sys/fs/selinux/avc/cache_threshold", "5"),
            (
                "sys/fs/selinux/avc/cache_stats",
                "lookups hits misses allocations reclaims frees\n10 9 1 1 0 12\n",
            ),
            (
                "sys/fs/selinux/avc/hash_stats",
                "entries: 503\nbuckets used: 283/512\nlongest chain: 77\n",
            ),
        ];
        fake_host::bears_bad_files(&DEFINITION, &files);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(text: Vec<u8>) {
            let sums = sums(&text);
            assert!(sums.is_err() || text.len() > 12);
            assert_eq!(hash_stats(&text), None);
            hash_stats(&[b"entries: 1\nbuckets used: ", &text[..]].concat());
        }
    }
}
