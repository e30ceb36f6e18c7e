//! How long processes waited for CPU, memory, input and output, `/proc/pressure`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "pressure",
    help: "How long processes waited for CPU, memory, input and output.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Pressure::new(settings)),
};

/// A line of a file, and its family.
type Family = (&'static [u8], &'static str, &'static str);

/// The files, and what is told of each.
const FILES: [(&str, &[Family]); 4] = [
    (
        "cpu",
        &[(
            b"some",
            "node_pressure_cpu_waiting_seconds_total",
            "Total time in seconds that processes have waited for CPU time",
        )],
    ),
    (
        "io",
        &[
            (
                b"some",
                "node_pressure_io_waiting_seconds_total",
                "Total time in seconds that processes have waited due to IO congestion",
            ),
            (
                b"full",
                "node_pressure_io_stalled_seconds_total",
                "Total time in seconds no process could make progress due to IO congestion",
            ),
        ],
    ),
    (
        "memory",
        &[
            (
                b"some",
                "node_pressure_memory_waiting_seconds_total",
                "Total time in seconds that processes have waited for memory",
            ),
            (
                b"full",
                "node_pressure_memory_stalled_seconds_total",
                "Total time in seconds no process could make progress due to memory congestion",
            ),
        ],
    ),
    (
        "irq",
        &[(
            b"full",
            "node_pressure_irq_stalled_seconds_total",
            "Total time in seconds no process could make progress due to IRQ congestion",
        )],
    ),
];

struct Pressure {
    /// In the order of [`FILES`].
    files: [KeptFile; FILES.len()],
}

impl Pressure {
    fn new(settings: &Settings) -> Self {
        let folder = settings.paths.procfs.join("pressure");
        let files = FILES.map(|(file, _)| KeptFile::at_once(folder.join(file)));
        Self { files }
    }
}

impl Collector for Pressure {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut found = false;
        for (file, (_, families)) in self.files.iter_mut().zip(FILES) {
            // A kernel may have been built without some of them, or keep them switched off.
            if file.read().is_err() {
                continue;
            }
            found = true;
            let text = file.ended();
            for (line, name, help) in families {
                let micros = total(&text, line)
                    .ok_or_else(|| file.fault("`some` and `full` with a `total`", file.text()))?;
                page.family(name, help, MetricType::Counter);
                text::put_fraction(page.series(""), micros, 6);
            }
        }
        if found {
            Ok(())
        } else {
            Err(CollectError::NoData(
                "the kernel does not tell its pressure",
            ))
        }
    }
}

/// The microseconds of the line that begins with `some` or `full`.
fn total(text: &[u8], first: &[u8]) -> Option<u64> {
    let line = text::ended_lines(text).find(|line| text::words(line).next() == Some(first))?;
    text::words(line).find_map(|word| text::integer(word.strip_prefix(b"total=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_total() {
        let text = b"some avg10=1.53 avg60=1.15 avg300=2.85 total=65780402\n\
            full avg10=0.00 avg60=0.00 avg300=0.00 total=16189511\n";
        assert_eq!(total(text, b"some"), Some(65_780_402));
        assert_eq!(total(text, b"full"), Some(16_189_511));
        assert_eq!(total(b"some avg10=1.53", b"some"), None);
        assert_eq!(total(b"", b"full"), None);
        for end in 0..text.len() {
            assert_eq!(total(&text[..end], b"full"), None, "{end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            total(&text, b"some");
            total(&[b"full total=", &text[..]].concat(), b"full");
        }
    }
}
