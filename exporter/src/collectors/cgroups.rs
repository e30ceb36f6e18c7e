//! How many control groups each controller has, `/proc/cgroups`:
//!
//! ```text
//! #subsys_name    hierarchy   num_cgroups enabled
//! cpuset          5           47          1
//! ```

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "cgroups",
    help: "Number of control groups of each controller.",
    default_on: false,
    flags: &[],
    new: |settings| {
        let file = KeptFile::new(settings.paths.procfs.join("cgroups"));
        Box::new(CGroups { file })
    },
};

/// Both have the same help in `node_exporter`.
const FAMILIES: [&str; 2] = ["node_cgroups_cgroups", "node_cgroups_enabled"];

struct CGroups {
    file: KeptFile,
}

impl Collector for CGroups {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.file.read()?;
        let controllers = parse(self.file.text())
            .map_err(|line| self.file.fault("a name and three integers", line))?;
        for (at, name) in FAMILIES.into_iter().enumerate() {
            let help = "Current cgroup number of the subsystem.";
            page.family(name, help, MetricType::Gauge);
            for controller in &controllers {
                let Some(figure) = controller.figures.get(at) else {
                    continue;
                };
                let mut series = page.series("");
                series.label("subsys_name", controller.name);
                series.digits(figure);
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Controller<'a> {
    name: &'a [u8],
    /// In the order of [`FAMILIES`].
    figures: [&'a [u8]; FAMILIES.len()],
}

/// All controllers. The error is the line at fault.
fn parse(text: &[u8]) -> Result<Vec<Controller<'_>>, &[u8]> {
    text::lines(text)
        .filter(|line| !line.starts_with(b"#"))
        .map(|line| controller(line).ok_or(line))
        .collect()
}

/// The last column is a single digit: a line that is cut off lacks it.
fn controller(line: &[u8]) -> Option<Controller<'_>> {
    let mut words = text::words(line);
    let name = words.next()?;
    let mut integer = || words.next().filter(|word| text::is_integer(word));
    let (_hierarchy, groups, enabled) = (integer()?, integer()?, integer()?);
    let figures = [groups, enabled];
    Some(Controller { name, figures })
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::FakeHost;
    use super::*;

    const CGROUPS: &str =
        "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t5\t47\t1\nrdma\t0\t12\t0\n";

    #[test]
    fn a_line_is_a_controller() {
        let (outcome, series) = FakeHost::new(&[("proc/cgroups", CGROUPS)]).collect(&DEFINITION);
        outcome.unwrap();
        assert_eq!(
            series,
            [
                "node_cgroups_cgroups{subsys_name=\"cpuset\"} 47",
                "node_cgroups_cgroups{subsys_name=\"rdma\"} 12",
                "node_cgroups_enabled{subsys_name=\"cpuset\"} 1",
                "node_cgroups_enabled{subsys_name=\"rdma\"} 0",
            ]
        );
    }

    #[test]
    fn a_line_that_is_none_is_told() {
        assert_eq!(parse(b"cpu 1 2 3\nmemory 1\n"), Err(b"memory 1".as_slice()));
        assert_eq!(parse(b"cpu 1 -2 3"), Err(b"cpu 1 -2 3".as_slice()));
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_the_first_of_the_controllers(end in 0..CGROUPS.len()) {
            let whole = parse(CGROUPS.as_bytes()).unwrap();
            if let Ok(cut) = parse(&CGROUPS.as_bytes()[..end]) {
                assert!(whole.starts_with(&cut));
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(text: Vec<u8>) {
            assert_ne!(parse(&text).map(|found| found.len()), Ok(text.len() + 1));
        }
    }
}
