//! How often each CPU served each interrupt, `/proc/interrupts`:
//!
//! ```text
//!            CPU0       CPU1
//!   1:      17960        105  IR-IO-APIC-edge      i8042
//! NMI:         47       5031   Non-maskable interrupts
//! ```

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Filter, Flag, FlagKind, KeptFile, text};

const NAME_INCLUDE: Flag = Flag::pattern(
    "interrupts.name-include",
    "",
    "Regexp of interrupts (NAME;INFO;DEVICES) to include (mutually exclusive to name-exclude).",
);
const NAME_EXCLUDE: Flag = Flag::pattern(
    "interrupts.name-exclude",
    "",
    "Regexp of interrupts (NAME;INFO;DEVICES) to exclude (mutually exclusive to name-include).",
);
const INCLUDE_ZEROS: Flag = Flag {
    name: "interrupts.include-zeros",
    help: "Include interrupts that have a zero value.",
    kind: FlagKind::Switch { default: true },
};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "interrupts",
    help: "Number of each interrupt on each CPU.",
    default_on: false,
    flags: &[NAME_INCLUDE, NAME_EXCLUDE, INCLUDE_ZEROS],
    new: |settings| {
        Box::new(Interrupts {
            file: KeptFile::new(settings.paths.procfs.join("interrupts")),
            wanted: Wanted {
                names: settings.filter(&NAME_INCLUDE, &NAME_EXCLUDE),
                zeros: settings.switch(&INCLUDE_ZEROS),
            },
        })
    },
};

struct Interrupts {
    file: KeptFile,
    wanted: Wanted,
}

struct Wanted {
    names: Filter,
    zeros: bool,
}

impl Collector for Interrupts {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        let mut lines = text::ended_lines(self.file.text());
        let heading = lines
            .next()
            .ok_or_else(|| self.file.fault("a heading with the CPUs", b""))?;
        let cpus = text::words(heading).count();
        page.family(
            "node_interrupts_total",
            "Interrupt details.",
            MetricType::Counter,
        );
        for line in lines {
            if let Some(interrupt) = Interrupt::parse(line, cpus) {
                interrupt
                    .write(&self.wanted, page)
                    .ok_or_else(|| self.file.fault("an integer for each CPU", line))?;
            }
        }
        Ok(())
    }
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Interrupt<'a> {
    name: &'a [u8],
    counts: Vec<&'a [u8]>,
    info: Vec<u8>,
    devices: Vec<u8>,
}

impl<'a> Interrupt<'a> {
    /// None for what is not counted by CPU, such as `ERR`.
    fn parse(line: &'a [u8], cpus: usize) -> Option<Self> {
        // There may be no space behind the colon.
        let (name, rest) = text::split_at(line, b':')?;
        let name = name.trim_ascii_start();
        let mut words = text::words(rest);
        let counts: Vec<_> = words.by_ref().take(cpus).collect();
        let first = words.next()?;
        // Behind a number stand the chip and the devices, behind a name what it means.
        let (info, devices) = if text::is_integer(name) {
            (first.to_vec(), join(words))
        } else {
            (join(std::iter::once(first).chain(words)), Vec::new())
        };
        Some(Self {
            name,
            counts,
            info,
            devices,
        })
    }

    /// Writes the interrupt if it is wanted; none where a count is no integer.
    fn write(&self, wanted: &Wanted, page: &mut Page) -> Option<()> {
        let key = [self.name, &self.info, &self.devices].join(&b';');
        if !wanted.names.lets_through(&String::from_utf8_lossy(&key)) {
            return Some(());
        }
        for (cpu, count) in self.counts.iter().enumerate() {
            if !text::is_integer(count) {
                return None;
            }
            if !wanted.zeros && count.iter().all(|digit| *digit == b'0') {
                continue;
            }
            let mut series = page.series("");
            series
                .label("cpu", text::Digits::new(cpu))
                .label("devices", &self.devices)
                .label("info", &self.info)
                .label("type", self.name);
            series.digits(count);
        }
        Some(())
    }
}

/// Words with a space between each two.
fn join<'a>(words: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    words.collect::<Vec<_>>().join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{self, FakeHost};
    use super::*;

    const INTERRUPTS: &str = "           CPU0       CPU1\n  \
        1:      17960          0  IR-IO-APIC-edge      i8042\n \
        16:          5          6  IR-IO-APIC-fasteoi   ehci_hcd:usb1, mmc0\n\
        IPI0:1 2 Rescheduling  interrupts\nERR:          0\n";

    fn collect(flag: Option<(&Flag, &str)>) -> Vec<String> {
        let host = FakeHost::new(&[("proc/interrupts", INTERRUPTS)]);
        let mut settings = host.settings();
        if let Some((flag, value)) = flag {
            settings.set(flag, vec![value.to_owned()]).unwrap();
        }
        let (outcome, series) = fake_host::collect(&DEFINITION, &settings);
        outcome.unwrap();
        series
    }

    fn line(cpu: u32, labels: [&str; 3], value: u32) -> String {
        let [devices, info, name] = labels;
        format!(
            "node_interrupts_total{{cpu=\"{cpu}\",devices=\"{devices}\",info=\"{info}\",type=\"{name}\"}} {value}"
        )
    }

    #[test]
    fn a_number_has_devices_and_a_name_has_a_meaning() {
        let keyboard = ["i8042", "IR-IO-APIC-edge", "1"];
        let usb = ["ehci_hcd:usb1, mmc0", "IR-IO-APIC-fasteoi", "16"];
        let ipi = ["", "Rescheduling interrupts", "IPI0"];
        let expected = [
            line(0, keyboard, 17_960),
            line(1, keyboard, 0),
            line(0, usb, 5),
            line(1, usb, 6),
            line(0, ipi, 1),
            line(1, ipi, 2),
        ];
        assert_eq!(collect(None), expected);
    }

    #[test]
    fn flags_leave_out_names_and_zeros() {
        let types = |flag: &Flag, value| {
            let series = collect(Some((flag, value)));
            let types = series
                .iter()
                .map(|line| line.split("type=\"").nth(1).unwrap().to_owned());
            types.collect::<Vec<_>>()
        };
        assert_eq!(types(&NAME_INCLUDE, "mmc0$"), ["16\"} 5", "16\"} 6"],);
        assert_eq!(types(&NAME_EXCLUDE, ";IR-|^1;"), ["IPI0\"} 1", "IPI0\"} 2"]);
        assert_eq!(
            types(&INCLUDE_ZEROS, "false"),
            ["1\"} 17960", "16\"} 5", "16\"} 6", "IPI0\"} 1", "IPI0\"} 2"]
        );
    }

    #[test]
    fn what_is_no_count_is_told() {
        for (text, found) in [
            ("", ""),
            ("CPU0 CPU1\n1: 5 x chip dev\n", "1: 5 x chip dev"),
        ] {
            let host = FakeHost::new(&[("proc/interrupts", text)]);
            let error = host.collect(&DEFINITION).0.unwrap_err().to_string();
            assert!(error.ends_with(&format!("found `{found}`")), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(line: Vec<u8>, cpus in 0_usize..5) {
            if let Some(interrupt) = Interrupt::parse(&line, cpus) {
                assert!(interrupt.counts.len() == cpus && !interrupt.info.is_empty());
            }
        }
    }
}
