//! What the kernel's samepage merging does, `/sys/kernel/mm/ksm`.

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, text};

/// A file and its family; the decimals turn thousandths into the whole.
const FILES: [(&str, usize, &str, &str, MetricType); 10] = [
    (
        "full_scans",
        0,
        "node_ksmd_full_scans_total",
        "How many times all mergeable areas have been scanned.",
        Counter,
    ),
    (
        "general_profit",
        0,
        "node_ksmd_general_profit_bytes",
        "How effective is KSM. ksm_saved_pages * sizeof(page) - (all_rmap_items) * sizeof(rmap_item)",
        Gauge,
    ),
    (
        "merge_across_nodes",
        0,
        "node_ksmd_merge_across_nodes",
        "Specifies if pages from different NUMA nodes can be merged.",
        Gauge,
    ),
    (
        "pages_shared",
        0,
        "node_ksmd_pages_shared",
        "How many shared pages are being used.",
        Gauge,
    ),
    (
        "pages_sharing",
        0,
        "node_ksmd_pages_sharing",
        "How many more sites are sharing them i.e. how much saved.",
        Gauge,
    ),
    (
        "pages_to_scan",
        0,
        "node_ksmd_pages_to_scan",
        "How many pages to scan before ksmd goes to sleep.",
        Gauge,
    ),
    (
        "pages_unshared",
        0,
        "node_ksmd_pages_unshared",
        "How many pages unique but repeatedly checked for merging.",
        Gauge,
    ),
    (
        "pages_volatile",
        0,
        "node_ksmd_pages_volatile",
        "How many pages changing too fast to be placed in a tree.",
        Gauge,
    ),
    (
        "run",
        0,
        "node_ksmd_run",
        "The status of ksmd. stopped = 0, running = 1",
        Gauge,
    ),
    (
        "sleep_millisecs",
        3,
        "node_ksmd_sleep_seconds",
        "How many seconds ksmd should sleep before next scan.",
        Gauge,
    ),
];

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "ksmd",
    help: "What the merging of equal pages of memory does.",
    default_on: false,
    flags: &[],
    new: |settings| {
        let folder = settings.paths.sysfs.join("kernel/mm/ksm");
        let files = FILES.map(|(file, ..)| KeptFile::new(folder.join(file)));
        Box::new(Ksmd { files })
    },
};

struct Ksmd {
    files: [KeptFile; FILES.len()],
}

impl Collector for Ksmd {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut outcome = Ok(());
        let figures = FILES.into_iter().zip(&mut self.files);
        for ((_, decimals, name, help, metric_type), file) in figures {
            page.family(name, help, metric_type);
            let read = file.read().map(|_| ());
            let written = read.and_then(|()| write(file, decimals, page));
            match written {
                // An older kernel has fewer.
                Err(error) if error.is_missing() => {}
                written => outcome = outcome.and(written),
            }
        }
        outcome
    }
}

fn write(file: &KeptFile, decimals: usize, page: &mut Page) -> Result<(), CollectError> {
    let figure = file.text().trim_ascii();
    // Merging may cost more than it saves: the profit may be negative.
    let digits = figure.strip_prefix(b"-").unwrap_or(figure);
    match text::integer(digits) {
        Some(value) if decimals > 0 && digits == figure => {
            text::put_fraction(page.series(""), value, decimals);
        }
        Some(_) if decimals == 0 => page.series("").digits(figure),
        _ => return Err(file.fault("an integer", figure)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::FakeHost;
    use super::*;

    #[test]
    fn files_that_an_older_kernel_lacks_are_left_out() {
        let (outcome, series) = FakeHost::new(&[]).collect(&DEFINITION);
        assert!(outcome.is_ok() && series.is_empty());
        let host = FakeHost::new(&[
            ("sys/kernel/mm/ksm/general_profit", "-4096\n"),
            ("sys/kernel/mm/ksm/sleep_millisecs", "20\n"),
        ]);
        let (outcome, series) = host.collect(&DEFINITION);
        outcome.unwrap();
        assert_eq!(
            series,
            [
                "node_ksmd_general_profit_bytes -4096",
                "node_ksmd_sleep_seconds 0.02",
            ]
        );
    }

    #[test]
    fn a_bad_file_is_told_and_costs_its_own_figure_only() {
        for bad in ["", "x\n", "1 2\n", "--1\n", "-\n"] {
            let host = FakeHost::new(&[
                ("sys/kernel/mm/ksm/full_scans", "323\n"),
                ("sys/kernel/mm/ksm/pages_shared", bad),
                ("sys/kernel/mm/ksm/run", "1\n"),
            ]);
            let (outcome, series) = host.collect(&DEFINITION);
            let error = outcome.unwrap_err().to_string();
            assert!(
                error.contains("pages_shared`: expected an integer"),
                "{error}"
            );
            assert_eq!(
                series,
                ["node_ksmd_full_scans_total 323", "node_ksmd_run 1"]
            );
        }
    }
}
