//! Which faults the CPUs have and what the kernel does about them,
//! `/sys/devices/system/cpu/vulnerabilities`, a file a fault.

use std::path::PathBuf;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, read_small};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "cpu_vulnerabilities",
    help: "Faults of the CPUs and what is done about them.",
    default_on: false,
    flags: &[],
    new: |settings| {
        let folder = settings.paths.sysfs.join("devices/system/cpu");
        let folder = folder.join("vulnerabilities");
        Box::new(Vulnerabilities { folder })
    },
};

struct Vulnerabilities {
    folder: PathBuf,
}

impl Collector for Vulnerabilities {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        page.family(
            "node_cpu_vulnerabilities_info",
            "Details of each CPU vulnerability reported by sysfs. The value of the series is an int \
             encoded state of the vulnerability. The same state is stored as a string in the label",
            MetricType::Gauge,
        );
        // A kernel without the folder knows of no faults.
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let mut outcome = Ok(());
        for path in paths {
            let text = match read_small(&path) {
                Ok(text) => text,
                Err(error) => {
                    outcome = outcome.and(Err(error));
                    continue;
                }
            };
            let name = path.file_name().unwrap_or_default();
            let (state, mitigation) = parse(&text);
            let mut series = page.series("");
            series
                .label("codename", name.as_encoded_bytes())
                .label("mitigation", mitigation)
                .label("state", state);
            series.digits(b"1");
        }
        outcome
    }
}

/// The state as the label has it, and what is done about the fault. What begins otherwise, such as
/// `KVM: Mitigation: VMX disabled`, is passed on whole.
fn parse(text: &str) -> (&'static str, &str) {
    if text.starts_with("Not affected") {
        return ("not affected", "");
    }
    for (prefix, state) in [("Vulnerable", "vulnerable"), ("Mitigation", "mitigation")] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return (state, rest.trim_start_matches([':', ' ']));
        }
    }
    ("unknown", text)
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::FakeHost;
    use super::*;

    #[test]
    fn a_text_is_a_state_and_what_is_done() {
        for (text, expected) in [
            ("Not affected", ("not affected", "")),
            ("Vulnerable", ("vulnerable", "")),
            (
                "Vulnerable: Clear CPU buffers attempted, no microcode",
                ("vulnerable", "Clear CPU buffers attempted, no microcode"),
            ),
            (
                "Mitigation: Retpolines; STIBP: disabled",
                ("mitigation", "Retpolines; STIBP: disabled"),
            ),
            (
                "KVM: Mitigation: VMX disabled",
                ("unknown", "KVM: Mitigation: VMX disabled"),
            ),
            ("", ("unknown", "")),
        ] {
            assert_eq!(parse(text), expected);
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_and_costs_itself_only() {
        let folder = "sys/devices/system/cpu/vulnerabilities";
        let host = FakeHost::new(&[
            (&format!("{folder}/a_folder/x"), ""),
            (&format!("{folder}/mds"), "Vulnerable\n"),
        ]);
        let (outcome, series) = host.collect(&DEFINITION);
        let error = outcome.unwrap_err().to_string();
        assert!(error.ends_with("/a_folder`"), "{error}");
        let labels = "codename=\"mds\",mitigation=\"\",state=\"vulnerable\"";
        let line = format!("node_cpu_vulnerabilities_info{{{labels}}} 1");
        assert_eq!(series, [line]);
    }
}
