//! The zones of memory, `/proc/zoneinfo`:
//!
//! ```text
//! Node 0, zone      DMA
//!   per-node stats
//!       nr_inactive_anon 95612
//!   pages free     2949
//!         min      8
//!         protection: (0, 2039, 31932, 31932, 31932)
//! ```

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, text};
use fields::FIELDS;

mod fields;

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "zoneinfo",
    help: "The zones of memory.",
    default_on: false,
    flags: &[],
    new: |settings| {
        let file = KeptFile::new(settings.paths.procfs.join("zoneinfo"));
        Box::new(ZoneInfo { file })
    },
};

struct ZoneInfo {
    file: KeptFile,
}

impl Collector for ZoneInfo {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let zones = parse(self.file.read()?);
        for (at, (_, name, help, metric_type)) in FIELDS.iter().enumerate() {
            page.family(name, help, *metric_type);
            for zone in &zones {
                if let Some(figure) = zone.figures.get(at).copied().flatten() {
                    zone.write(figure, page);
                }
            }
        }
        let most = zones.iter().map(|zone| zone.protection.len()).max();
        for at in 0..most.unwrap_or(0) {
            page.family(
                &format!("node_zoneinfo_protection_{at}"),
                &format!("Protection array {at}. field"),
                MetricType::Gauge,
            );
            for zone in &zones {
                if let Some(figure) = zone.protection.get(at) {
                    zone.write(figure, page);
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Zone<'a> {
    node: &'a [u8],
    name: &'a [u8],
    /// In the order of [`FIELDS`].
    figures: [Option<&'a [u8]>; FIELDS.len()],
    protection: Vec<&'a [u8]>,
}

impl<'a> Zone<'a> {
    /// `Node 0, zone      DMA`.
    fn begin(line: &'a [u8]) -> Option<Self> {
        let mut words = text::words(line.strip_prefix(b"Node ")?);
        let node = words.next()?.strip_suffix(b",")?;
        let name = words.nth(1)?;
        text::is_integer(node).then_some(Self {
            node,
            name,
            figures: [None; FIELDS.len()],
            protection: Vec::new(),
        })
    }

    /// A line below the zone's first. What is not known is left out.
    fn take(&mut self, line: &'a [u8]) {
        let mut words = text::words(line);
        let (Some(key), Some(value)) = (words.next(), words.next()) else {
            return;
        };
        if key == b"protection:" {
            self.protection = protection(line).unwrap_or_default();
        } else if let Some(at) = FIELDS.iter().position(|field| field.0.as_bytes() == key)
            && let Some(figure) = self.figures.get_mut(at)
        {
            *figure = Some(value).filter(|word| text::is_integer(word));
        }
    }

    fn write(&self, figure: &[u8], page: &mut Page) {
        let mut series = page.series("");
        series.label("node", self.node).label("zone", self.name);
        series.digits(figure);
    }
}

fn parse(text: &[u8]) -> Vec<Zone<'_>> {
    let mut zones: Vec<Zone<'_>> = Vec::new();
    for line in text.split_inclusive(|c| *c == b'\n') {
        // A line that is not ended may have been cut off, unless it ends with its parenthesis.
        let Some(line) = line
            .strip_suffix(b"\n")
            .or_else(|| line.ends_with(b")").then_some(line))
        else {
            continue;
        };
        if let Some(zone) = Zone::begin(line) {
            zones.push(zone);
        } else if let Some(zone) = zones.last_mut() {
            zone.take(line);
        }
    }
    zones
}

/// `protection: (0, 2039, 31932)`.
fn protection(line: &[u8]) -> Option<Vec<&[u8]>> {
    let (_, list) = text::split_at(line, b'(')?;
    let list = list.trim_ascii_end().strip_suffix(b")")?;
    list.split(|c| *c == b',')
        .map(|word| Some(word.trim_ascii()).filter(|word| text::is_integer(word)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::FakeHost;
    use super::*;

    const ZONEINFO: &str = "Node 0, zone      DMA\n  per-node stats\n      nr_dirtied   1189097\n\
        \x20 pages free     2949\n        min      8\n        high     14\n\
        \x20       protection: (0, 2039)\n      nr_free_pages 2949\n  pagesets\n    cpu: 0\n\
        \x20             high:  7\nNode 1, zone  Movable\n        min      0\n\
        \x20       protection: (0, 0)";

    #[test]
    fn figures_are_those_of_their_zones() {
        let (outcome, series) = FakeHost::new(&[("proc/zoneinfo", ZONEINFO)]).collect(&DEFINITION);
        outcome.unwrap();
        let mut expected = vec![
            "node_zoneinfo_high_pages{node=\"0\",zone=\"DMA\"} 14",
            "node_zoneinfo_min_pages{node=\"0\",zone=\"DMA\"} 8",
            "node_zoneinfo_min_pages{node=\"1\",zone=\"Movable\"} 0",
            "node_zoneinfo_nr_dirtied_total{node=\"0\",zone=\"DMA\"} 1189097",
            "node_zoneinfo_nr_free_pages{node=\"0\",zone=\"DMA\"} 2949",
            "node_zoneinfo_protection_0{node=\"0\",zone=\"DMA\"} 0",
            "node_zoneinfo_protection_0{node=\"1\",zone=\"Movable\"} 0",
            "node_zoneinfo_protection_1{node=\"0\",zone=\"DMA\"} 2039",
            "node_zoneinfo_protection_1{node=\"1\",zone=\"Movable\"} 0",
        ];
        let mut found: Vec<_> = series.iter().map(String::as_str).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_figure_that_is_none_is_left_out() {
        let zones = parse(b"Node 0, zone DMA\nmin x\nlow 3\nprotection: (0, y)\nmanaged 12");
        assert_eq!(zones.len(), 1);
        let figures: Vec<_> = zones[0].figures.iter().flatten().collect();
        assert_eq!(figures, [b"3"]);
        assert!(zones[0].protection.is_empty());
        assert!(parse(b"min 3\nNode x, zone DMA\nmin 4\n").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_no_other_figure(end in 0..ZONEINFO.len()) {
            let whole = parse(ZONEINFO.as_bytes());
            for (cut, whole) in parse(&ZONEINFO.as_bytes()[..end]).iter().zip(&whole) {
                assert_eq!((cut.node, cut.name), (whole.node, whole.name));
                for (cut, whole) in cut.figures.iter().zip(&whole.figures) {
                    assert!(cut.is_none() || cut == whole);
                }
                assert!(cut.protection.is_empty() || cut.protection == whole.protection);
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(text: Vec<u8>) {
            let text = [b"Node 0, zone DMA\n", &text[..]].concat();
            assert!(!parse(&text).is_empty());
        }
    }
}
