//! How long each CPU ran processes and how long they waited for it, `/proc/schedstat`:
//!
//! ```text
//! cpu0 498494191 0 3533438552 2553969831 3853684107 2465731542 running waiting timeslices
//! domain0 ...
//! ```

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, text};

/// Name and help of a family, and the decimals of its figure: times are nanoseconds.
const FAMILIES: [(&str, &str, usize); 3] = [
    (
        "node_schedstat_running_seconds_total",
        "Number of seconds CPU spent running a process.",
        9,
    ),
    (
        "node_schedstat_waiting_seconds_total",
        "Number of seconds spent by processing waiting for this CPU.",
        9,
    ),
    (
        "node_schedstat_timeslices_total",
        "Number of timeslices executed by CPU.",
        0,
    ),
];

/// The columns between a CPU's name and the figures.
const SKIPPED: usize = 6;

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "schedstat",
    help: "How long CPUs ran processes and how long those waited.",
    default_on: true,
    flags: &[],
    new: |settings| {
        // A CPU comes with all its domains at once, so it is not a table of short rows.
        let file = KeptFile::new(settings.paths.procfs.join("schedstat"));
        Box::new(Schedstat { file })
    },
};

struct Schedstat {
    file: KeptFile,
}

impl Collector for Schedstat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let text = self
            .file
            .read()
            .map_err(|error| error.or_no_data("this kernel keeps no scheduler statistics"))?;
        let cpus: Vec<_> = parse(text).collect();
        for (at, (name, help, decimals)) in FAMILIES.into_iter().enumerate() {
            page.family(name, help, MetricType::Counter);
            for cpu in &cpus {
                let Some(figure) = cpu.figures.get(at) else {
                    continue;
                };
                let mut series = page.series("");
                series.label("cpu", cpu.number);
                text::put_fraction(series, *figure, decimals);
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cpu<'a> {
    number: &'a [u8],
    /// In the order of [`FAMILIES`].
    figures: [u64; FAMILIES.len()],
}

/// The CPUs whose line is whole.
fn parse(text: &[u8]) -> impl Iterator<Item = Cpu<'_>> {
    text::ended_lines(text).filter_map(cpu)
}

fn cpu(line: &[u8]) -> Option<Cpu<'_>> {
    let mut words = text::words(line.strip_prefix(b"cpu")?);
    let number = words.next().filter(|word| text::is_integer(word))?;
    let mut words = words.skip(SKIPPED);
    let mut figures = [0; FAMILIES.len()];
    for figure in &mut figures {
        *figure = text::integer(words.next()?)?;
    }
    Some(Cpu { number, figures })
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::FakeHost;
    use super::*;

    const SCHEDSTAT: &str = "version 15\ntimestamp 4301234567\n\
        cpu0 1 0 2 3 4 5 2500000000 1500000001 77\n\
        domain0 00000000,00000003 21 22\n\
        cpu17 1 0 2 3 4 5 3000000000 0 88\n";

    #[test]
    fn times_are_seconds_of_each_cpu() {
        let host = FakeHost::new(&[("proc/schedstat", SCHEDSTAT)]);
        let (outcome, series) = host.collect(&DEFINITION);
        outcome.unwrap();
        assert_eq!(
            series,
            [
                "node_schedstat_running_seconds_total{cpu=\"0\"} 2.5",
                "node_schedstat_running_seconds_total{cpu=\"17\"} 3",
                "node_schedstat_waiting_seconds_total{cpu=\"0\"} 1.500000001",
                "node_schedstat_waiting_seconds_total{cpu=\"17\"} 0",
                "node_schedstat_timeslices_total{cpu=\"0\"} 77",
                "node_schedstat_timeslices_total{cpu=\"17\"} 88",
            ]
        );
    }

    #[test]
    fn a_kernel_without_the_file_has_no_data() {
        let (outcome, series) = FakeHost::new(&[]).collect(&DEFINITION);
        assert!(matches!(outcome, Err(CollectError::NoData(_))));
        assert!(series.is_empty());
    }

    #[test]
    fn a_bad_line_costs_its_own_cpu_only() {
        let text = b"cpux 1 2 3 4 5 6 7 8 9\ncpu1 1 2 3 4 5 6 7 8\ncpu2 1 2 3 4 5 6 7 -8 9\n\
            cpu3 1 2 3 4 5 6 7 8 99999999999999999999\ncpu4 1 2 3 4 5 6 7 8 9\n";
        let numbers: Vec<_> = parse(text).map(|cpu| cpu.number.to_vec()).collect();
        assert_eq!(numbers, [b"4".to_vec()]);
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_the_first_of_the_cpus(end in 0..SCHEDSTAT.len()) {
            let whole: Vec<_> = parse(SCHEDSTAT.as_bytes()).collect();
            let cut: Vec<_> = parse(&SCHEDSTAT.as_bytes()[..end]).collect();
            assert!(whole.starts_with(&cut) && cut.len() < whole.len());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(text: Vec<u8>) {
            parse(&[b"cpu0 ", &text[..], b"\n"].concat()).for_each(drop);
        }
    }
}
