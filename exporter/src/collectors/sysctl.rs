//! Settings of the kernel that the user names, `/proc/sys`. Each may hold several values:
//!
//! ```text
//! --collector.sysctl.include=vm.swappiness                       node_sysctl_vm_swappiness 60
//! --collector.sysctl.include=fs.file-nr                          node_sysctl_fs_file_nr{index="0"} 1024
//! --collector.sysctl.include=fs.file-nr:total,current,max        node_sysctl_fs_file_nr_total 1024
//! --collector.sysctl.include-info=kernel.seccomp.actions_avail   node_sysctl_info{name,value,index} 1
//! ```

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, FlagKind, KeptFile, Settings, text};

const INCLUDE: Flag = Flag {
    name: "sysctl.include",
    help: "Select sysctl metrics to include, NAME or NAME:KEY,KEY,...; may be repeated.",
    kind: FlagKind::List,
};
const INCLUDE_INFO: Flag = Flag {
    name: "sysctl.include-info",
    help: "Select sysctl metrics to include as info metrics; may be repeated.",
    kind: FlagKind::List,
};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "sysctl",
    help: "Settings of the kernel.",
    default_on: false,
    flags: &[INCLUDE, INCLUDE_INFO],
    new: |settings| {
        Box::new(Sysctl {
            numbers: variables(settings, &INCLUDE),
            texts: variables(settings, &INCLUDE_INFO),
        })
    },
};

/// Judges `sysctl.include` at the start.
pub(super) fn check_numbers(settings: &Settings) -> Result<(), String> {
    let is_good = |text: &&String| match text.split_once(':') {
        Some((name, keys)) => {
            let is_key = |key: &str| !key.is_empty() && !key.contains(':');
            !name.is_empty() && keys.split(',').all(is_key)
        }
        None => !text.is_empty(),
    };
    judge(settings, &INCLUDE, "NAME or NAME:KEY,KEY,...", is_good)
}

/// Judges `sysctl.include-info` at the start.
pub(super) fn check_texts(settings: &Settings) -> Result<(), String> {
    let is_good = |text: &&String| !text.is_empty() && !text.contains(':');
    judge(settings, &INCLUDE_INFO, "a name without keys", is_good)
}

fn judge(
    settings: &Settings,
    flag: &Flag,
    expected: &str,
    is_good: impl Fn(&&String) -> bool,
) -> Result<(), String> {
    match settings.list(flag).iter().find(|text| !is_good(text)) {
        Some(found) => Err(format!("expected {expected}, found `{found}`")),
        None => Ok(()),
    }
}

struct Sysctl {
    numbers: Vec<Variable>,
    texts: Vec<Variable>,
}

/// A variable and how its values are told apart.
struct Variable {
    name: String,
    /// What its family is called.
    family: String,
    /// Names of the values; none where they are counted.
    keys: Vec<String>,
    file: KeptFile,
}

/// The variables of a flag, each once.
fn variables(settings: &Settings, flag: &Flag) -> Vec<Variable> {
    let mut wanted = settings.list(flag).to_vec();
    wanted.sort();
    wanted.dedup();
    let variable = |text: &String| Variable::new(text, settings);
    wanted.iter().map(variable).collect()
}

impl Variable {
    fn new(text: &str, settings: &Settings) -> Self {
        let (name, keys) = match text.split_once(':') {
            Some((name, keys)) => (name, keys.split(',').map(str::to_owned).collect()),
            None => (text, Vec::new()),
        };
        let path = settings.paths.procfs.join("sys");
        Self {
            name: name.to_owned(),
            family: format!("node_sysctl_{}", sanitize(name)),
            keys,
            file: KeptFile::new(path.join(name.replace('.', "/"))),
        }
    }

    fn write_numbers(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        let text = self.file.ended();
        let values: Vec<_> = text::words(&text).collect();
        let is_whole = text.ends_with(b"\n") && !values.is_empty();
        if !is_whole || !values.iter().all(|word| text::is_whole(word)) {
            return Err(self.file.fault("integers", self.file.text()));
        }
        let help = format!("sysctl {}", self.name);
        match (values.as_slice(), self.keys.as_slice()) {
            ([value], []) => {
                page.family(&self.family, &help, MetricType::Unknown);
                page.series("").digits(value);
            }
            (values, []) => {
                page.family(&self.family, &help, MetricType::Unknown);
                for (index, value) in values.iter().enumerate() {
                    let mut series = page.series("");
                    series.label("index", text::Digits::new(index));
                    series.digits(value);
                }
            }
            (values, keys) if values.len() == keys.len() => {
                for (at, (value, key)) in values.iter().zip(keys).enumerate() {
                    let family = format!("{}_{}", self.family, sanitize(key));
                    page.family(&family, &format!("{help}, field {at}"), MetricType::Unknown);
                    page.series("").digits(value);
                }
            }
            _ => {
                let expected = "as many values as keys in --collector.sysctl.include";
                return Err(self.file.fault(expected, self.file.text()));
            }
        }
        Ok(())
    }

    fn write_texts(&mut self, page: &mut Page) -> Result<(), CollectError> {
        if !self.keys.is_empty() {
            return Err(CollectError::Call(format!(
                "--collector.sysctl.include-info: expected a name without keys, found `{}:{}`",
                self.name,
                self.keys.join(",")
            )));
        }
        self.file.read()?;
        if text::words(self.file.text()).next().is_none() {
            return Err(self.file.fault("a value", self.file.text()));
        }
        for (index, value) in text::words(self.file.text()).enumerate() {
            let mut series = page.series("");
            series
                .label("index", text::Digits::new(index))
                .label("name", &self.name)
                .label("value", value);
            series.digits(b"1");
        }
        Ok(())
    }
}

impl Collector for Sysctl {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut outcome = Ok(());
        for variable in &mut self.numbers {
            outcome = outcome.and(variable.write_numbers(page));
        }
        page.family("node_sysctl_info", "sysctl info", MetricType::Gauge);
        for variable in &mut self.texts {
            outcome = outcome.and(variable.write_texts(page));
        }
        outcome
    }
}

/// A part of a family's name.
fn sanitize(text: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.replace(|c| !known(c), "_")
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{self, FakeHost};
    use super::*;

    fn collect(flag: &Flag, values: &[&str]) -> (Result<(), CollectError>, Vec<String>) {
        let host = FakeHost::new(&[
            ("proc/sys/fs/file-nr", "1024\t0\t1631329\n"),
            ("proc/sys/kernel/sched_rt_runtime_us", "-1\n"),
            ("proc/sys/kernel/hostname", "pg \"1\"\n"),
            ("proc/sys/kernel/modprobe", "\n"),
        ]);
        let mut settings = host.settings();
        let values = values.iter().map(|value| (*value).to_owned());
        settings.set(flag, values.collect()).unwrap();
        fake_host::collect(&DEFINITION, &settings)
    }

    #[test]
    fn numbers_are_single_counted_or_named() {
        let one = "kernel.sched_rt_runtime_us";
        let many = "fs.file-nr";
        let (outcome, series) = collect(&INCLUDE, &[one, many, "fs.file-nr:total,now,max", many]);
        outcome.unwrap();
        assert_eq!(
            series,
            [
                "node_sysctl_fs_file_nr{index=\"0\"} 1024",
                "node_sysctl_fs_file_nr{index=\"1\"} 0",
                "node_sysctl_fs_file_nr{index=\"2\"} 1631329",
                "node_sysctl_fs_file_nr_total 1024",
                "node_sysctl_fs_file_nr_now 0",
                "node_sysctl_fs_file_nr_max 1631329",
                "node_sysctl_kernel_sched_rt_runtime_us -1",
            ]
        );
    }

    #[test]
    fn texts_are_labels() {
        let (outcome, series) = collect(&INCLUDE_INFO, &["kernel.hostname"]);
        outcome.unwrap();
        let line = |index, value| {
            format!(
                "node_sysctl_info{{index=\"{index}\",name=\"kernel.hostname\",value=\"{value}\"}} 1"
            )
        };
        assert_eq!(series, [line(0, "pg"), line(1, "\\\"1\\\"")]);
    }

    #[test]
    fn what_cannot_be_served_is_told_and_costs_the_others_nothing() {
        let good = "kernel.sched_rt_runtime_us";
        for (flag, bad, told) in [
            (&INCLUDE, "kernel.nonsense", "cannot read `"),
            (
                &INCLUDE,
                "kernel.hostname",
                "expected integers, found `pg \"1\"`",
            ),
            (&INCLUDE, "kernel.modprobe", "expected integers, found ``"),
            (
                &INCLUDE,
                "fs.file-nr:total",
                "expected as many values as keys",
            ),
            (
                &INCLUDE,
                "kernel.sched_rt_runtime_us:a,b",
                "expected as many values as keys",
            ),
            (
                &INCLUDE_INFO,
                "kernel.modprobe",
                "expected a value, found ``",
            ),
            (
                &INCLUDE_INFO,
                "fs.file-nr:a,b,c",
                "expected a name without keys, found `fs.file-nr:a,b,c`",
            ),
        ] {
            let (outcome, series) = collect(flag, &[bad, good]);
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
            assert_eq!(series.len(), 1, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_name_its_family_is_fit_for_a_page(name: String) {
            assert!(sanitize(&name).bytes().all(|c| c.is_ascii_alphanumeric() || b"_:".contains(&c)));
        }
    }
}
