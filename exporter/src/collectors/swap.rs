//! `swap`: the devices and files that memory is swapped to, `/proc/swaps`.

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::faults::Faults;
use super::{CollectError, Collector, Definition, KeptFile, text};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "swap",
    help: "Devices and files that memory is swapped to.",
    default_on: false,
    flags: &[],
    new: |settings| {
        Box::new(Swap {
            file: KeptFile::new(settings.paths.procfs.join("swaps")),
        })
    },
};

struct Swap {
    file: KeptFile,
}

/// A line of the file.
#[derive(Debug, PartialEq, Eq)]
struct Area<'a> {
    device: &'a [u8],
    kind: &'a [u8],
    /// In bytes.
    size: u64,
    used: u64,
    /// May be negative.
    priority: &'a [u8],
}

impl Collector for Swap {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        let mut faults = Faults::default();
        let mut areas = Vec::new();
        // The first line names the columns.
        for line in self.file.text().split_inclusive(|c| *c == b'\n').skip(1) {
            match line.strip_suffix(b"\n").and_then(area) {
                Some(area) => areas.push(area),
                None => faults.note(self.file.fault("name, type, size, use and priority", line)),
            }
        }
        write(&areas, page);
        faults.finish()
    }
}

fn area(line: &[u8]) -> Option<Area<'_>> {
    let mut words = text::words(line);
    let bytes = |kilobytes| text::integer(kilobytes)?.checked_mul(1024);
    Some(Area {
        device: words.next()?,
        kind: words.next()?,
        size: bytes(words.next()?)?,
        used: bytes(words.next()?)?,
        priority: words.next().filter(|word| text::is_whole(word))?,
    })
}

fn write(areas: &[Area<'_>], page: &mut Page) {
    page.family("node_swap_priority", "Swap device priority.", Gauge);
    for area in areas {
        let mut series = page.series("");
        series.label("device", area.device).label("type", area.kind);
        series.digits(area.priority);
    }
    page.family("node_swap_size_bytes", "Swap device size in bytes.", Gauge);
    for area in areas {
        let mut series = page.series("");
        series.label("device", area.device).label("type", area.kind);
        text::put_integer(series, area.size);
    }
    page.family("node_swap_used_bytes", "Swap device used in bytes.", Gauge);
    for area in areas {
        let mut series = page.series("");
        series.label("device", area.device).label("type", area.kind);
        text::put_integer(series, area.used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::fake_host::FakeHost;

    #[test]
    fn areas_are_told_in_bytes_and_a_bad_line_costs_itself_only() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
            /dev/zram0                              partition\t8388604\t\t76\t\t100\n\
            /dev/sdb partition 1 x 0\n\
            /swap\\040file file 4 0 -2\n\
            /dev/sdc partition 1 1 1";
        let host = FakeHost::new(&[("proc/swaps", text)]);
        let (outcome, series) = host.collect(&DEFINITION);
        assert_eq!(
            series,
            [
                r#"node_swap_priority{device="/dev/zram0",type="partition"} 100"#,
                r#"node_swap_priority{device="/swap\\040file",type="file"} -2"#,
                r#"node_swap_size_bytes{device="/dev/zram0",type="partition"} 8589930496"#,
                r#"node_swap_size_bytes{device="/swap\\040file",type="file"} 4096"#,
                r#"node_swap_used_bytes{device="/dev/zram0",type="partition"} 77824"#,
                r#"node_swap_used_bytes{device="/swap\\040file",type="file"} 0"#,
            ]
        );
        let told = outcome.unwrap_err().to_string();
        assert!(told.ends_with("found `/dev/sdb partition 1 x 0`"), "{told}");
    }

    proptest::proptest! {
        #[test]
        fn no_line_panics(line: Vec<u8>) {
            if let Some(area) = area(&line) {
                assert!(area.size % 1024 == 0 && text::is_whole(area.priority));
            }
        }
    }
}
