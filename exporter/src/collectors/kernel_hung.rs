//! How many tasks the kernel has found hung, `/proc/sys/kernel/hung_task_detect_count`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "kernel_hung",
    help: "Number of tasks that the kernel found hung.",
    default_on: true,
    flags: &[],
    new: |settings| {
        let path = &settings.paths.procfs;
        let file = KeptFile::new(path.join("sys/kernel/hung_task_detect_count"));
        Box::new(KernelHung { file })
    },
};

struct KernelHung {
    file: KeptFile,
}

impl Collector for KernelHung {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file
            .read()
            .map_err(|error| error.or_no_data("this kernel does not count hung tasks"))?;
        let count = text::only_line(self.file.text()).filter(|count| text::is_integer(count));
        let count = count.ok_or_else(|| self.file.fault("an integer", self.file.text()))?;
        page.family(
            "node_kernel_hung_tasks_total",
            "Total number of tasks that have been detected as hung since the system booted.",
            MetricType::Counter,
        );
        page.series("").digits(count);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{self, FakeHost};
    use super::*;

    const FILE: &str = "proc/sys/kernel/hung_task_detect_count";

    #[test]
    fn a_bad_file_gives_no_other_number() {
        fake_host::bears_bad_files(&DEFINITION, &[(FILE, "42\n")]);
    }

    fn collect(count: &str) -> (Result<(), CollectError>, Vec<String>) {
        FakeHost::new(&[(FILE, count)]).collect(&DEFINITION)
    }

    #[test]
    fn the_count_is_served() {
        let (outcome, series) = collect("42\n");
        outcome.unwrap();
        assert_eq!(series, ["node_kernel_hung_tasks_total 42"]);
    }

    #[test]
    fn a_kernel_without_the_count_has_no_data_and_a_bad_count_is_told() {
        let (outcome, _) = FakeHost::new(&[]).collect(&DEFINITION);
        assert!(matches!(outcome, Err(CollectError::NoData(_))));
        for text in ["", "-1\n", "4 2\n"] {
            let error = collect(text).0.unwrap_err().to_string();
            assert!(error.contains("expected an integer, found `"), "{error}");
        }
    }
}
