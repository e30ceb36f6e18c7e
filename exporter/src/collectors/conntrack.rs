//! The kernel's table of tracked connections: how full it is, and how its searches went.

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "conntrack",
    help: "How full the table of tracked connections is.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Conntrack::new(settings)),
};

/// Files below `sys/net/netfilter` that hold one number.
const SIZES: [(&str, &str, &str); 2] = [
    (
        "nf_conntrack_count",
        "node_nf_conntrack_entries",
        "Number of currently allocated flow entries for connection tracking.",
    ),
    (
        "nf_conntrack_max",
        "node_nf_conntrack_entries_limit",
        "Maximum size of connection tracking table.",
    ),
];

/// Columns of `net/stat/nf_conntrack`; each is summed over the CPUs.
#[rustfmt::skip]
const COLUMNS: [(usize, &str, &str); 8] = [
    (2, "node_nf_conntrack_stat_found", "Number of searched entries which were successful."),
    (4, "node_nf_conntrack_stat_invalid", "Number of packets seen which can not be tracked."),
    (5, "node_nf_conntrack_stat_ignore", "Number of packets seen which are already connected to a conntrack entry."),
    (8, "node_nf_conntrack_stat_insert", "Number of entries inserted into the list."),
    (9, "node_nf_conntrack_stat_insert_failed", "Number of entries for which list insertion was attempted but failed."),
    (10, "node_nf_conntrack_stat_drop", "Number of packets dropped due to conntrack failure."),
    (11, "node_nf_conntrack_stat_early_drop", "Number of dropped conntrack entries to make room for new ones, if maximum table size was reached."),
    (16, "node_nf_conntrack_stat_search_restart", "Number of conntrack table lookups which had to be restarted due to hashtable resizes."),
];

/// A line has the last column, or, on old kernels, all but it.
const WIDTH: usize = 17;

/// The kernel writes each number in at least so many digits; a shorter word is cut.
const DIGITS: usize = 8;

struct Conntrack {
    sizes: [KeptFile; SIZES.len()],
    searches: KeptFile,
}

impl Conntrack {
    fn new(settings: &Settings) -> Self {
        let procfs = &settings.paths.procfs;
        let folder = procfs.join("sys/net/netfilter");
        Self {
            sizes: SIZES.map(|(file, _, _)| KeptFile::at_once(folder.join(file))),
            searches: KeptFile::rows(procfs.join("net/stat/nf_conntrack")),
        }
    }
}

impl Collector for Conntrack {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let none = |error: CollectError| error.or_no_data("no connection is tracked");
        for (file, (_, name, help)) in self.sizes.iter_mut().zip(SIZES) {
            file.read().map_err(none)?;
            let value = text::only_line(file.text()).filter(|value| text::is_integer(value));
            let value = value.ok_or_else(|| file.fault("an integer", file.text()))?;
            page.family(name, help, Gauge);
            page.series("").digits(value);
        }
        self.searches.read().map_err(none)?;
        let sums = sum(self.searches.text()).map_err(|line| {
            let expected = "16 or 17 columns of 8 hexadecimal digits";
            self.searches.fault(expected, line)
        })?;
        for (sum, (_, name, help)) in sums.into_iter().zip(COLUMNS) {
            page.family(name, help, Gauge);
            text::put_integer(page.series(""), sum);
        }
        Ok(())
    }
}

/// The sum over the CPUs of each of [`COLUMNS`]. The error is the line at fault.
fn sum(text: &[u8]) -> Result<[u64; COLUMNS.len()], &[u8]> {
    let mut sums = [0_u64; COLUMNS.len()];
    if text::ended_lines(text).nth(1).is_none() {
        return Err(text);
    }
    for line in text.split_inclusive(|c| *c == b'\n').skip(1) {
        // Where the end of the line is cut off, so may be its last column.
        let cpu = line.strip_suffix(b"\n").and_then(columns).ok_or(line)?;
        for (sum, (column, _, _)) in sums.iter_mut().zip(COLUMNS) {
            let value = cpu.get(column).copied().unwrap_or_default();
            *sum = sum.wrapping_add(value);
        }
    }
    Ok(sums)
}

fn columns(line: &[u8]) -> Option<[u64; WIDTH]> {
    let mut columns = [0; WIDTH];
    let mut count = 0;
    for word in text::words(line) {
        let value = text::hexadecimal(word).filter(|_| word.len() >= DIGITS)?;
        *columns.get_mut(count)? = value;
        count += 1;
    }
    (count + 1 >= WIDTH).then_some(columns)
}

#[cfg(test)]
mod tests {
    use super::super::{Paths, fake_host};
    use super::*;

    const HEAD: &str = "entries  searched found new invalid ignore\n";

    fn line(first: u64, width: usize) -> String {
        let words: Vec<_> = (first..)
            .take(width)
            .map(|word| format!("{word:08x}"))
            .collect();
        words.join(" ") + "\n"
    }

    #[test]
    fn the_cpus_are_added_up_and_an_old_kernel_has_no_restarts() {
        let text = HEAD.to_owned() + &line(0, 17) + &line(100, 17);
        let sums = sum(text.as_bytes()).unwrap();
        assert_eq!(sums, [104, 108, 110, 116, 118, 120, 122, 132]);
        let text = HEAD.to_owned() + &line(0, 16);
        assert_eq!(
            sum(text.as_bytes()).unwrap(),
            [2, 4, 5, 8, 9, 10, 11, 0],
            "no restarts"
        );
    }

    #[test]
    fn a_line_of_another_width_or_with_a_cut_word_is_told() {
        for bad in [line(0, 15), line(0, 18), line(0, 16) + "0000001"] {
            let text = HEAD.to_owned() + bad.trim_end_matches('\n');
            assert!(sum(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bad_file_gives_no_other_number() {
        let searches = HEAD.to_owned() + &line(1, 17);
        let files = [
            ("proc/sys/net/netfilter/nf_conntrack_count", "123\n"),
            ("proc/sys/net/netfilter/nf_conntrack_max", "65536\n"),
            ("proc/net/stat/nf_conntrack", &searches),
        ];
        fake_host::bears_bad_files(&DEFINITION, &files);
    }

    #[test]
    fn without_the_module_there_is_no_data_and_a_bad_size_names_its_file() {
        let procfs = tempfile::tempdir().unwrap();
        let settings = Settings::new(Paths {
            procfs: procfs.path().to_owned(),
            ..Paths::default()
        });
        let mut collector = Conntrack::new(&settings);
        let error = collector.collect(&mut Page::new()).unwrap_err();
        assert!(matches!(error, CollectError::NoData(_)));
        let folder = procfs.path().join("sys/net/netfilter");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("nf_conntrack_count"), "12\n").unwrap();
        std::fs::write(folder.join("nf_conntrack_max"), "many\n").unwrap();
        let mut page = Page::new();
        let error = collector.collect(&mut page).unwrap_err().to_string();
        assert!(
            error.ends_with("nf_conntrack_max`: expected an integer, found `many`"),
            "{error}"
        );
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert!(text.ends_with("node_nf_conntrack_entries 12\n"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn a_cut_or_garbled_text_does_not_panic(at in 0..350_usize, byte: u8, end in 0..350_usize) {
            let mut text = (HEAD.to_owned() + &line(0, 17) + &line(100, 17)).into_bytes();
            if let Some(place) = text.get_mut(at) {
                *place = byte;
            }
            text.truncate(end);
            let _sums = sum(&text);
        }
    }
}
