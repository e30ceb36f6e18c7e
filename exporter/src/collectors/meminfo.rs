//! Memory as the kernel accounts for it, `/proc/meminfo`: a family for each line.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::text::Names;
use super::{CollectError, Collector, Definition, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "meminfo",
    help: "Memory as the kernel accounts for it.",
    default_on: true,
    flags: &[],
    new,
};

struct MemInfo {
    file: KeptFile,
    /// Name and help of each line.
    names: Names<[String; 2]>,
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    Box::new(MemInfo {
        file: KeptFile::at_once(settings.paths.procfs.join("meminfo")),
        names: Names::default(),
    })
}

impl Collector for MemInfo {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        self.names.rewind();
        for line in text::ended_lines(self.file.text()) {
            if write(line, &mut self.names, page).is_none() {
                return Err(self.file.fault("`Name:  12345 kB`", line));
            }
        }
        Ok(())
    }
}

fn write(line: &[u8], names: &mut Names<[String; 2]>, page: &mut Page) -> Option<()> {
    let (key, rest) = text::split_at(line, b':')?;
    let mut words = text::words(rest);
    let value = text::integer(words.next()?)?;
    let factor = match words.next() {
        None => 1,
        Some(b"kB") => 1_024,
        Some(_) => return None,
    };
    let value = value.checked_mul(factor)?;
    let unit: &[u8] = if factor > 1 { b"_bytes" } else { b"" };
    let [name, help] = names.next([key, unit], || named(key, unit))?;
    page.family(name, help, MetricType::Gauge);
    text::put_integer(page.series(""), value);
    Some(())
}

/// Name and help of a line. `Active(anon)` is `Active_anon`.
fn named(key: &[u8], unit: &[u8]) -> [String; 2] {
    let plain = |c: &u8| {
        if c.is_ascii_alphanumeric() {
            char::from(*c)
        } else {
            '_'
        }
    };
    let letters = key.iter().filter(|c| **c != b')').chain(unit);
    let field: String = letters.map(plain).collect();
    [
        format!("node_memory_{field}"),
        format!("Memory information field {field}."),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, bears_bad_input};
    use super::*;

    fn page(line: &str) -> Option<String> {
        let mut page = Page::new();
        write(line.as_bytes(), &mut Names::default(), &mut page)?;
        Some(String::from_utf8(page.finish().to_vec()).unwrap())
    }

    #[test]
    fn sizes_are_bytes_and_counts_are_counts() {
        assert_eq!(
            page("Active(anon):    2068484 kB").unwrap(),
            "# HELP node_memory_Active_anon_bytes Memory information field Active_anon_bytes.\n\
             # TYPE node_memory_Active_anon_bytes gauge\nnode_memory_Active_anon_bytes 2118127616\n"
        );
        let count = page("HugePages_Total:       3").unwrap();
        assert!(
            count.ends_with("\nnode_memory_HugePages_Total 3\n"),
            "{count}"
        );
    }

    #[test]
    fn a_size_beyond_all_memory_is_a_fault_and_leaves_nothing_on_the_page() {
        let mut page = Page::new();
        let line = b"MemTotal:  18446744073709551615 kB";
        assert_eq!(write(line, &mut Names::default(), &mut page), None);
        assert_eq!(page.finish(), b"");
    }

    #[test]
    fn a_cut_line_is_a_fault() {
        let line = "Active(anon):    2068484 kB";
        for end in 0..line.len() {
            let cut = page(line.get(..end).unwrap());
            assert_eq!(cut.is_some(), end > 17 && end < 26, "{end}");
        }
    }

    #[test]
    fn a_cut_text_gives_no_other_number() {
        let host = FakeHost::new(&[(
            "proc/meminfo",
            "MemTotal:  3742148 kB\nHugePages_Total:   13\nDirectMap4k:   256 kB\n",
        )]);
        let file = host.root().join("proc/meminfo");
        bears_bad_input(&DEFINITION, &host.settings(), &file);
    }
}
