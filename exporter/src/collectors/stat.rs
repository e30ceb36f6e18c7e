//! What the kernel counts since it started, `/proc/stat` below its CPU lines.

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::shared::Shared;
use super::{CollectError, Collector, Definition, Flag, KeptFile, Settings, text};

const SOFTIRQ: Flag = Flag::switch("stat.softirq", "Export softirq calls per vector.");

/// The first word of a line, and the family of the number behind it.
const FAMILIES: [(&[u8], &str, &str, MetricType); 6] = [
    (
        b"intr",
        "node_intr_total",
        "Total number of interrupts serviced.",
        Counter,
    ),
    (
        b"ctxt",
        "node_context_switches_total",
        "Total number of context switches.",
        Counter,
    ),
    (
        b"btime",
        "node_boot_time_seconds",
        "Node boot time, in unixtime.",
        Gauge,
    ),
    (
        b"processes",
        "node_forks_total",
        "Total number of forks.",
        Counter,
    ),
    (
        b"procs_running",
        "node_procs_running",
        "Number of processes in runnable state.",
        Gauge,
    ),
    (
        b"procs_blocked",
        "node_procs_blocked",
        "Number of processes blocked waiting for I/O to complete.",
        Gauge,
    ),
];

/// The softirq line's numbers behind the sum.
const VECTORS: [&str; 10] = [
    "hi",
    "timer",
    "net_tx",
    "net_rx",
    "block",
    "block_iopoll",
    "tasklet",
    "sched",
    "hrtimer",
    "rcu",
];

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "stat",
    help: "Interrupts, context switches, forks, boot time.",
    default_on: true,
    flags: &[SOFTIRQ],
    new,
};

struct Stat {
    file: Shared<KeptFile>,
    softirq: bool,
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    Box::new(Stat {
        file: settings.stat.clone(),
        softirq: settings.switch(&SOFTIRQ),
    })
}

impl Collector for Stat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let file = self.file.get(|file| file.read().map(|_| ()))?;
        for line in text::ended_lines(file.text()) {
            if write(line, self.softirq, page).is_none() {
                return Err(file.fault("a name and integers", line));
            }
        }
        Ok(())
    }
}

fn write(line: &[u8], softirq: bool, page: &mut Page) -> Option<()> {
    let mut words = text::words(line);
    let key = words.next()?;
    if let Some((_, name, help, metric_type)) = FAMILIES.iter().find(|family| family.0 == key) {
        let value = words.next().filter(|word| text::is_integer(word))?;
        page.family(name, help, *metric_type);
        page.series("").digits(value);
    }
    if softirq && key == b"softirq" {
        page.family("node_softirqs_total", "Number of softirq calls.", Counter);
        words.next()?;
        for (vector, value) in VECTORS.iter().zip(words) {
            let mut series = page.series("");
            series.label("vector", vector);
            series.digits(Some(value).filter(|word| text::is_integer(word))?);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, bears_bad_input};
    use super::*;

    #[test]
    fn the_lines_below_the_cpus_are_families() {
        let mut page = Page::new();
        for line in [
            "cpu  1 2 3",
            "intr 8885917 17 0",
            "ctxt 38014093",
            "btime 1418183276",
            "processes 26442",
            "procs_running 2",
            "procs_blocked 1",
            "softirq 5057579 250191 1481983 1647",
        ] {
            write(line.as_bytes(), true, &mut page).unwrap();
        }
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let values: Vec<_> = text.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                "node_intr_total 8885917",
                "node_context_switches_total 38014093",
                "node_boot_time_seconds 1418183276",
                "node_forks_total 26442",
                "node_procs_running 2",
                "node_procs_blocked 1",
                "node_softirqs_total{vector=\"hi\"} 250191",
                "node_softirqs_total{vector=\"timer\"} 1481983",
                "node_softirqs_total{vector=\"net_tx\"} 1647",
            ]
        );
        assert!(write(b"btime", false, &mut page).is_none());
        assert!(write(b"btime -1", false, &mut page).is_none());
        page.clear();
        assert!(write(b"softirq 1 x", true, &mut page).is_none());
        assert_eq!(page.finish(), b"");
    }

    #[test]
    fn a_cut_text_gives_no_other_number() {
        let host = FakeHost::new(&[(
            "proc/stat",
            "cpu  1 2 3\nintr 8885917 17 0\nctxt 38014093\nbtime 1418183276\nprocesses 26442\n",
        )]);
        let file = host.root().join("proc/stat");
        bears_bad_input(&DEFINITION, &host.settings(), &file);
    }
}
