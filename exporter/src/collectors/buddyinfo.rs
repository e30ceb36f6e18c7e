//! How many blocks of free memory there are of each size, `/proc/buddyinfo`:
//!
//! ```text
//! Node 0, zone      DMA      1      0      1 ...
//! ```

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "buddyinfo",
    help: "Number of free blocks of memory of each size.",
    default_on: false,
    flags: &[],
    new: |settings| {
        let file = KeptFile::new(settings.paths.procfs.join("buddyinfo"));
        Box::new(BuddyInfo { file })
    },
};

struct BuddyInfo {
    file: KeptFile,
}

impl Collector for BuddyInfo {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        page.family(
            "node_buddyinfo_blocks",
            "Count of free blocks according to size.",
            MetricType::Gauge,
        );
        for line in text::ended_lines(self.file.text()) {
            write(line, page)
                .ok_or_else(|| self.file.fault("a node, a zone and integers", line))?;
        }
        Ok(())
    }
}

/// Writes the blocks of a zone. The column says their size: the power of two of a page.
fn write(line: &[u8], page: &mut Page) -> Option<()> {
    let mut words = text::words(line);
    let node = words.nth(1)?.strip_suffix(b",")?;
    let zone = words.nth(1)?;
    for (size, blocks) in words.enumerate() {
        let mut series = page.series("");
        series
            .label("node", node)
            .label("size", text::Digits::new(size))
            .label("zone", zone);
        series.digits(Some(blocks).filter(|word| text::is_integer(word))?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, series};
    use super::*;

    #[test]
    fn a_column_is_a_size() {
        let text = "Node 0, zone      DMA      1      0 \nNode 1, zone   Normal   4381   1093\n";
        let (outcome, series) = FakeHost::new(&[("proc/buddyinfo", text)]).collect(&DEFINITION);
        outcome.unwrap();
        assert_eq!(
            series,
            [
                "node_buddyinfo_blocks{node=\"0\",size=\"0\",zone=\"DMA\"} 1",
                "node_buddyinfo_blocks{node=\"0\",size=\"1\",zone=\"DMA\"} 0",
                "node_buddyinfo_blocks{node=\"1\",size=\"0\",zone=\"Normal\"} 4381",
                "node_buddyinfo_blocks{node=\"1\",size=\"1\",zone=\"Normal\"} 1093",
            ]
        );
    }

    #[test]
    fn a_bad_line_is_told_and_a_cut_one_left_out() {
        let text = "Node 0, zone DMA 7\nNode 0, zone Normal x 3\n";
        let (outcome, series) = FakeHost::new(&[("proc/buddyinfo", text)]).collect(&DEFINITION);
        let error = outcome.unwrap_err().to_string();
        assert!(
            error.ends_with("found `Node 0, zone Normal x 3`"),
            "{error}"
        );
        assert_eq!(series.len(), 1);
        let cut = FakeHost::new(&[("proc/buddyinfo", "Node 0, zone DMA 7")]);
        let (outcome, series) = cut.collect(&DEFINITION);
        assert!(outcome.is_ok() && series.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(text: Vec<u8>) {
            let mut page = Page::new();
            page.family("x", "X.", MetricType::Gauge);
            write(&text, &mut page);
            write(&[b"Node 0, zone DMA ", &text[..]].concat(), &mut page);
            assert!(series(&mut page).iter().all(|line| line.starts_with("x{node=")));
        }
    }
}
