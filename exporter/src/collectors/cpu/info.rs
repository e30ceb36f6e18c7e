//! What `/proc/cpuinfo` says of each CPU. Off unless asked for: it is a long file.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::super::{CollectError, Flag, KeptFile, Pattern, Settings, text};

pub(in super::super) const INFO: Flag = Flag::switch("cpu.info", "Export what /proc/cpuinfo says.");
pub(super) const FLAGS_INCLUDE: Flag = Flag::pattern(
    "cpu.info.flags-include",
    "",
    "Regexp of CPU flags to export.",
);
pub(super) const BUGS_INCLUDE: Flag =
    Flag::pattern("cpu.info.bugs-include", "", "Regexp of CPU bugs to export.");

/// The labels of `node_cpu_info` and the keys of the file they come from.
const LABELS: [(&str, &str); 10] = [
    ("cachesize", "cache size"),
    ("core", "core id"),
    ("cpu", "processor"),
    ("family", "cpu family"),
    ("microcode", "microcode"),
    ("model", "model"),
    ("model_name", "model name"),
    ("package", "physical id"),
    ("stepping", "stepping"),
    ("vendor", "vendor_id"),
];

/// Whether one of the flags asks for what the file says, the frequencies among it.
pub(in super::super) fn is_wanted(settings: &Settings) -> bool {
    let given = |flag| !settings.text(flag).is_empty();
    settings.switch(&INFO) || given(&FLAGS_INCLUDE) || given(&BUGS_INCLUDE)
}

pub(super) struct Info {
    file: KeptFile,
    flags: Option<Pattern>,
    bugs: Option<Pattern>,
}

impl Info {
    /// Nothing unless one of the flags asks for it.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        is_wanted(settings).then(|| Self {
            file: KeptFile::new(settings.paths.procfs.join("cpuinfo")),
            flags: settings.pattern(&FLAGS_INCLUDE),
            bugs: settings.pattern(&BUGS_INCLUDE),
        })
    }

    pub(super) fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let text = String::from_utf8_lossy(self.file.read()?);
        write(&text, page);
        for (name, help, key, pattern) in [
            (
                "node_cpu_flag_info",
                "The `flags` field of CPU information from /proc/cpuinfo taken from the first core.",
                "flags",
                &self.flags,
            ),
            (
                "node_cpu_bug_info",
                "The `bugs` field of CPU information from /proc/cpuinfo taken from the first core.",
                "bugs",
                &self.bugs,
            ),
        ] {
            let Some(pattern) = pattern else { continue };
            let Some(cpu) = text.split("\n\n").next() else {
                continue;
            };
            page.family(name, help, MetricType::Gauge);
            let label = key.trim_end_matches('s');
            for word in field(cpu, key).split_whitespace() {
                if pattern.occurs_in(word) {
                    page.sample(&[(label, word)], 1.0);
                }
            }
        }
        Ok(())
    }
}

fn write(text: &str, page: &mut Page) {
    let cpus = || {
        text.split("\n\n")
            .filter(|cpu| !field(cpu, "processor").is_empty())
    };
    page.family(
        "node_cpu_frequency_hertz",
        "CPU frequency in hertz from /proc/cpuinfo.",
        MetricType::Gauge,
    );
    for cpu in cpus() {
        let Some(megahertz) = text::number(field(cpu, "cpu MHz").as_bytes()) else {
            continue;
        };
        let labels = ["core", "cpu", "package"].map(|name| (name, label(cpu, name)));
        page.sample(&labels, megahertz * 1e6);
    }
    page.family(
        "node_cpu_info",
        "CPU information from /proc/cpuinfo.",
        MetricType::Gauge,
    );
    for cpu in cpus() {
        page.sample(&LABELS.map(|(name, key)| (name, field(cpu, key))), 1.0);
    }
}

fn label<'a>(cpu: &'a str, name: &str) -> &'a str {
    let key = LABELS.iter().find(|(label, _)| *label == name);
    key.map_or("", |(_, key)| field(cpu, key))
}

/// The text behind `key` and a colon in one CPU's block.
fn field<'a>(cpu: &'a str, key: &str) -> &'a str {
    cpu.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(have, _)| have.trim_end() == key)
        .map_or("", |(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPUINFO: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 142\n\
        model name\t: Some CPU @ 1.90GHz\nstepping\t: 10\nmicrocode\t: 0xb4\ncpu MHz\t\t: 799.998\n\
        cache size\t: 8192 KB\nphysical id\t: 0\ncore id\t\t: 3\nflags\t\t: fpu aes avx2\n\n";

    #[test]
    fn a_block_is_a_cpu() {
        let mut page = Page::new();
        write(CPUINFO, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert!(text.contains(
            "\nnode_cpu_info{cachesize=\"8192 KB\",core=\"3\",cpu=\"0\",family=\"6\",\
             microcode=\"0xb4\",model=\"142\",model_name=\"Some CPU @ 1.90GHz\",package=\"0\",\
             stepping=\"10\",vendor=\"GenuineIntel\"} 1\n"
        ));
        assert!(text.contains(
            "\nnode_cpu_frequency_hertz{core=\"3\",cpu=\"0\",package=\"0\"} 7.99998e+08\n"
        ));
    }
}
