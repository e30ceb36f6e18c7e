//! What the kernel's network caches count on each CPU, `/proc/net/stat`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Counter;
use watchpost_model::text::Page;

use super::text::{self, Digits};
use super::{CollectError, Collector, Definition, Inventory, KeptFile};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "lnstat",
    help: "What the kernel's network caches count.",
    default_on: false,
    flags: &[],
    new: |settings| {
        Box::new(LnStat {
            folder: settings.paths.procfs.join("net/stat"),
            files: Inventory::default(),
        })
    },
};

/// The kernel writes each number in at least so many digits; a shorter word is cut.
const DIGITS: usize = 8;

struct LnStat {
    folder: PathBuf,
    /// Each cache's file with its name.
    files: Inventory<Vec<(String, KeptFile)>>,
}

/// The numbers below each name, one for each CPU.
type Table<'a> = Vec<(&'a str, Vec<u64>)>;

impl Collector for LnStat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let list = |_| list(&self.folder);
        let mut faults = Vec::new();
        for (subsystem, file) in self.files.get(Instant::now(), list)? {
            let result = file.read().map(|_| ()).and_then(|()| {
                let expected = "names, and below them hexadecimal digits";
                let table = parse(file.text()).map_err(|line| file.fault(expected, line))?;
                write(subsystem, &table, page);
                Ok(())
            });
            faults.extend(result.err());
        }
        // The other caches stand on the page.
        match faults.into_iter().next() {
            None => Ok(()),
            Some(fault) => {
                self.files.forget();
                Err(fault)
            }
        }
    }
}

fn list(folder: &Path) -> Result<Vec<(String, KeptFile)>, CollectError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CollectError::read(folder, error)),
    };
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, KeptFile::new(entry.path()))
        })
        .collect();
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(files)
}

/// The error is the line at fault.
fn parse(text: &[u8]) -> Result<Table<'_>, &[u8]> {
    let mut lines = text::lines(text);
    let head = lines.next().unwrap_or_default();
    let mut table = text::words(head)
        .map(|word| Some((name(word)?, Vec::new())))
        .collect::<Option<Table<'_>>>()
        .ok_or(head)?;
    if !text.is_empty() && !text.ends_with(b"\n") {
        // What is cut off may be part of a number.
        return Err(text.rsplit(|c| *c == b'\n').next().unwrap_or_default());
    }
    for line in lines {
        let mut words = text::words(line);
        for (_, cpus) in &mut table {
            let word = words.next().filter(|word| word.len() >= DIGITS);
            cpus.push(word.and_then(text::hexadecimal).ok_or(line)?);
        }
        if words.next().is_some() {
            return Err(line);
        }
    }
    Ok(table)
}

/// A word that can be part of a metric's name.
fn name(word: &[u8]) -> Option<&str> {
    let fits = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
    std::str::from_utf8(word)
        .ok()
        .filter(|_| word.iter().all(fits))
}

fn write(subsystem: &str, table: &Table<'_>, page: &mut Page) {
    for (name, cpus) in table {
        let name = format!("node_lnstat_{name}_total");
        page.family(&name, "linux network cache stats", Counter);
        for (cpu, value) in cpus.iter().enumerate() {
            let mut series = page.series("");
            series.label("cpu", Digits::new(cpu));
            series.label("subsystem", subsystem);
            text::put_integer(series, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Paths, Settings};
    use super::*;

    const CACHE: &[u8] = b"entries  hits\n00000014  00000001\n00000014 ffffffffff\n";

    #[test]
    fn the_numbers_below_a_name_are_those_of_the_cpus() {
        let table = parse(CACHE).unwrap();
        assert_eq!(
            table,
            [("entries", vec![20, 20]), ("hits", vec![1, 0xff_ffff_ffff])]
        );
        let mut page = Page::new();
        write("arp_cache", &table, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let line = "\nnode_lnstat_hits_total{cpu=\"1\",subsystem=\"arp_cache\"} 1099511627775\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn a_line_that_does_not_fit_its_head_is_told_and_costs_its_file_only() {
        for bad in [
            "a b\n00000001\n",
            "a\n00000001 00000002\n",
            "a\n1\n",
            "a{\n",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let procfs = tempfile::tempdir().unwrap();
        let folder = procfs.path().join("net/stat");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a"), "entries\nx\n").unwrap();
        std::fs::write(folder.join("b"), CACHE).unwrap();
        let settings = Settings::new(Paths {
            procfs: procfs.path().to_owned(),
            ..Paths::default()
        });
        let mut page = Page::new();
        let error = (DEFINITION.new)(&settings).collect(&mut page).unwrap_err();
        assert!(error.to_string().contains("net/stat/a`: expected names"));
        assert!(!page.finish().is_empty());
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_some_of_its_numbers_or_an_error(end in 0..CACHE.len()) {
            let whole = parse(CACHE).unwrap();
            for ((name, cut), (expected, all)) in parse(&CACHE[..end]).into_iter().flatten().zip(whole) {
                assert_eq!(name, expected);
                assert!(all.starts_with(&cut), "{cut:?}");
            }
        }

        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            if let Ok(table) = parse(&text) {
                write("x", &table, &mut Page::new());
            }
        }
    }
}
