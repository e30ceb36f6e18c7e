//! How often each CPU served each kind of softirq, `/proc/softirqs`:
//!
//! ```text
//!                     CPU0       CPU1
//!           HI:          7          1
//! ```

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, text};

/// The kinds that `node_exporter` knows.
const KINDS: [&[u8]; 10] = [
    b"HI",
    b"TIMER",
    b"NET_TX",
    b"NET_RX",
    b"BLOCK",
    b"IRQ_POLL",
    b"TASKLET",
    b"SCHED",
    b"HRTIMER",
    b"RCU",
];

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "softirqs",
    help: "Number of softirqs of each kind on each CPU.",
    default_on: false,
    flags: &[],
    new: |settings| {
        let file = KeptFile::new(settings.paths.procfs.join("softirqs"));
        Box::new(SoftIrqs { file })
    },
};

struct SoftIrqs {
    file: KeptFile,
}

impl Collector for SoftIrqs {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        page.family(
            "node_softirqs_functions_total",
            "Softirq counts per CPU.",
            MetricType::Counter,
        );
        // The first line names the CPUs.
        for line in text::ended_lines(self.file.text()).skip(1) {
            write(line, page).ok_or_else(|| self.file.fault("a name and integers", line))?;
        }
        Ok(())
    }
}

fn write(line: &[u8], page: &mut Page) -> Option<()> {
    let (kind, counts) = text::split_at(line, b':')?;
    let kind = kind.trim_ascii_start();
    if !KINDS.contains(&kind) {
        return Some(());
    }
    for (cpu, count) in text::words(counts).enumerate() {
        let mut series = page.series("");
        series
            .label("cpu", text::Digits::new(cpu))
            .label("type", kind);
        series.digits(Some(count).filter(|word| text::is_integer(word))?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, series};
    use super::*;

    #[test]
    fn a_column_is_a_cpu_and_kinds_that_are_not_known_are_left_out() {
        let text = "  CPU0 CPU1\n  HI: 7 1\nNET_RX: 43066 104508\nNEW: 1 2\n TIMER: 4 5";
        let (outcome, series) = FakeHost::new(&[("proc/softirqs", text)]).collect(&DEFINITION);
        outcome.unwrap();
        assert_eq!(
            series,
            [
                "node_softirqs_functions_total{cpu=\"0\",type=\"HI\"} 7",
                "node_softirqs_functions_total{cpu=\"1\",type=\"HI\"} 1",
                "node_softirqs_functions_total{cpu=\"0\",type=\"NET_RX\"} 43066",
                "node_softirqs_functions_total{cpu=\"1\",type=\"NET_RX\"} 104508",
            ]
        );
    }

    #[test]
    fn a_line_that_is_no_counts_is_told() {
        for line in ["HI: 7 x", "HI 7"] {
            let text = format!("CPU0 CPU1\n{line}\n");
            let (outcome, _) = FakeHost::new(&[("proc/softirqs", &text)]).collect(&DEFINITION);
            let error = outcome.unwrap_err().to_string();
            assert!(error.ends_with(&format!("found `{line}`")), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(text: Vec<u8>) {
            let mut page = Page::new();
            page.family("x", "X.", MetricType::Gauge);
            write(&[b"HI: 1 ", &text[..]].concat(), &mut page);
            assert_eq!(series(&mut page)[0], "x{cpu=\"0\",type=\"HI\"} 1");
        }
    }
}
