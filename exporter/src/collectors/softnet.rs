//! What each CPU did with the packets that came in, `/proc/net/softnet_stat`.

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::text::{self, Digits};
use super::{CollectError, Collector, Definition, KeptFile};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "softnet",
    help: "What each CPU did with the packets that came in.",
    default_on: true,
    flags: &[],
    new: |settings| {
        let file = KeptFile::rows(settings.paths.procfs.join("net/softnet_stat"));
        Box::new(SoftNet { file })
    },
};

/// The columns that are figures. Older kernels have fewer: what they do not count is zero.
#[rustfmt::skip]
const FAMILIES: [(usize, &str, &str, MetricType); 7] = [
    (0, "node_softnet_processed_total", "Number of processed packets", Counter),
    (1, "node_softnet_dropped_total", "Number of dropped packets", Counter),
    (2, "node_softnet_times_squeezed_total", "Number of times processing packets ran out of quota", Counter),
    (8, "node_softnet_cpu_collision_total", "Number of collision occur while obtaining device lock while transmitting", Counter),
    (9, "node_softnet_received_rps_total", "Number of times cpu woken up received_rps", Counter),
    (10, "node_softnet_flow_limit_count_total", "Number of times flow limit has been reached", Counter),
    (11, "node_softnet_backlog_len", "Softnet backlog status", Gauge),
];

/// The CPU's number; a line without it stands for the CPU at its own place.
const CPU: usize = 12;

/// The columns that the oldest kernel has, and those that are read.
const FEWEST: usize = 9;
const COLUMNS: usize = 13;

/// The kernel writes 32 bits in as many digits; a shorter word is cut.
const DIGITS: usize = 8;

struct SoftNet {
    file: KeptFile,
}

/// A line of the file.
type Cpu = [u64; COLUMNS];

impl Collector for SoftNet {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        let cpus = parse(&self.file.ended()).map_err(|line| {
            let expected = "at least 9 columns of 8 hexadecimal digits";
            self.file.fault(expected, line)
        })?;
        write(&cpus, page);
        Ok(())
    }
}

/// The error is the line at fault.
fn parse(text: &[u8]) -> Result<Vec<Cpu>, &[u8]> {
    (0..)
        .zip(text.split_inclusive(|c| *c == b'\n'))
        .map(|(place, line)| {
            // Where the end of the line is cut off, so may be columns.
            let whole = line.strip_suffix(b"\n");
            whole.and_then(|line| cpu(place, line)).ok_or(line)
        })
        .collect()
}

fn cpu(place: u64, line: &[u8]) -> Option<Cpu> {
    let mut columns = [0; COLUMNS];
    columns[CPU] = place;
    let mut count = 0;
    for (column, word) in columns.iter_mut().zip(text::words(line)) {
        *column = text::hexadecimal(word).filter(|_| word.len() == DIGITS)?;
        count += 1;
    }
    (count >= FEWEST).then_some(columns)
}

fn write(cpus: &[Cpu], page: &mut Page) {
    for (column, name, help, metric_type) in FAMILIES {
        page.family(name, help, metric_type);
        for cpu in cpus {
            let number = usize::try_from(cpu[CPU]).unwrap_or_default();
            let mut series = page.series("");
            series.label("cpu", Digits::new(number));
            text::put_integer(series, cpu.get(column).copied().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of words, each a number.
    fn line(words: &[u64]) -> String {
        let words: Vec<_> = words.iter().map(|word| format!("{word:08x}")).collect();
        words.join(" ") + "\n"
    }

    fn page(text: &str) -> String {
        let mut page = Page::new();
        write(&parse(text.as_bytes()).unwrap(), &mut page);
        String::from_utf8(page.finish().to_vec()).unwrap()
    }

    #[test]
    fn a_line_tells_its_cpu_where_others_are_offline() {
        let text = page(&(line(&[1; 15]) + &line(&[2, 3, 4, 0, 0, 0, 0, 0, 5, 6, 7, 8, 9, 10])));
        for sample in [
            "node_softnet_processed_total{cpu=\"1\"} 1",
            "node_softnet_processed_total{cpu=\"9\"} 2",
            "node_softnet_dropped_total{cpu=\"9\"} 3",
            "node_softnet_times_squeezed_total{cpu=\"9\"} 4",
            "node_softnet_cpu_collision_total{cpu=\"9\"} 5",
            "node_softnet_received_rps_total{cpu=\"9\"} 6",
            "node_softnet_flow_limit_count_total{cpu=\"9\"} 7",
            "node_softnet_backlog_len{cpu=\"9\"} 8",
        ] {
            assert!(text.lines().any(|line| line == sample), "{sample}\n{text}");
        }
    }

    #[test]
    fn an_older_kernels_lines_count_the_cpus() {
        let text = page(&(line(&[1; 9]) + &line(&[u64::from(u32::MAX); 11])));
        assert!(text.contains("node_softnet_processed_total{cpu=\"1\"} 4294967295\n"));
        assert!(text.contains("node_softnet_received_rps_total{cpu=\"0\"} 0\n"));
        assert!(text.contains("node_softnet_backlog_len{cpu=\"1\"} 0\n"));
    }

    #[test]
    fn a_line_that_is_cut_or_no_number_is_told() {
        let good = line(&[1; 13]);
        for bad in [&line(&[1; 8]), "0000000g 00000000\n", "\u{fffd}\n"] {
            let text = format!("{good}{bad}");
            assert_eq!(parse(text.as_bytes()), Err(bad.as_bytes()));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_no_number_that_the_whole_does_not(end in 0..240_usize) {
            let text = line(&[u64::from(u32::MAX); 13]) + &line(&[0x1234_5678; 13]);
            let whole = parse(text.as_bytes()).unwrap();
            let cut = text.as_bytes().get(..end).unwrap_or(text.as_bytes());
            for (cut, whole) in parse(cut).into_iter().flatten().zip(&whole) {
                assert_eq!(cut, *whole);
            }
        }

        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            if let Ok(cpus) = parse(&text) {
                write(&cpus, &mut Page::new());
            }
        }
    }
}
