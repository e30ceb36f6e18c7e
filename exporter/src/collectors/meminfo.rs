//! Memory as the kernel accounts for it, `/proc/meminfo`: a family for each line.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

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
    name: String,
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    Box::new(MemInfo {
        file: KeptFile::new(settings.paths.procfs.join("meminfo")),
        name: String::new(),
    })
}

impl Collector for MemInfo {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        for line in text::lines(self.file.text()) {
            if write(line, &mut self.name, page).is_none() {
                return Err(self.file.fault("`Name:  12345 kB`", line));
            }
        }
        Ok(())
    }
}

/// `name` lends its memory.
fn write(line: &[u8], name: &mut String, page: &mut Page) -> Option<()> {
    let (key, rest) = text::split_at(line, b':')?;
    let mut words = text::words(rest);
    let value = text::integer(words.next()?)?;
    let factor = match words.next() {
        None => 1,
        Some(b"kB") => 1_024,
        Some(_) => return None,
    };
    name.clear();
    name.push_str("node_memory_");
    // `Active(anon)` is `Active_anon`.
    for c in key.iter().filter(|c| **c != b')') {
        name.push(if c.is_ascii_alphanumeric() {
            char::from(*c)
        } else {
            '_'
        });
    }
    if factor > 1 {
        name.push_str("_bytes");
    }
    let short = name.strip_prefix("node_memory_").unwrap_or_default();
    page.family(
        name,
        &format!("Memory information field {short}."),
        MetricType::Gauge,
    );
    text::put_integer(page.series(""), value.checked_mul(factor)?);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(line: &str) -> Option<String> {
        let mut page = Page::new();
        write(line.as_bytes(), &mut String::new(), &mut page)?;
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
        assert_eq!(write(line, &mut String::new(), &mut page), None);
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
}
