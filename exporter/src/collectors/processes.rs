//! `processes`: how many processes and threads there are, by state. Off unless asked for, since it
//! reads a file for each thread of the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Settings, read_small};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "processes",
    help: "Number of processes and threads in each state.",
    default_on: false,
    flags: &[],
    new: |settings| Box::new(Processes::new(settings)),
};

#[derive(Debug)]
struct Processes {
    procfs: PathBuf,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    processes: u64,
    threads: u64,
    process_states: BTreeMap<char, u64>,
    thread_states: BTreeMap<char, u64>,
}

impl Processes {
    fn new(settings: &Settings) -> Self {
        Self {
            procfs: settings.paths.procfs.clone(),
        }
    }

    /// Processes come and go while they are counted; those that are gone are not counted.
    fn count(&self) -> Result<Counts, CollectError> {
        let mut counts = Counts::default();
        for folder in numbered(&self.procfs)? {
            let Some(stat) = Stat::read(&folder.join("stat")) else {
                continue;
            };
            counts.processes += 1;
            counts.threads += stat.threads;
            *counts.process_states.entry(stat.state).or_default() += 1;
            for thread in numbered(&folder.join("task")).unwrap_or_default() {
                if let Some(stat) = Stat::read(&thread.join("stat")) {
                    *counts.thread_states.entry(stat.state).or_default() += 1;
                }
            }
        }
        Ok(counts)
    }

    fn limit(&self, file: &str) -> Result<f64, CollectError> {
        let path = self.procfs.join("sys/kernel").join(file);
        let text = read_small(&path)?;
        let fault = |_| CollectError::parse(&path, "an integer", text.as_bytes());
        text.parse::<u64>().map(|limit| limit as f64).map_err(fault)
    }
}

impl Collector for Processes {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let counts = self.count()?;
        let mut gauge = |name: &str, help: &str, value: f64| {
            page.family(name, help, MetricType::Gauge);
            page.sample(&[], value);
        };
        gauge(
            "node_processes_threads",
            "Allocated threads in system",
            counts.threads as f64,
        );
        gauge(
            "node_processes_max_threads",
            "Limit of threads in the system",
            self.limit("threads-max")?,
        );
        gauge(
            "node_processes_pids",
            "Number of PIDs",
            counts.processes as f64,
        );
        gauge(
            "node_processes_max_processes",
            "Number of max PIDs limit",
            self.limit("pid_max")?,
        );
        let mut states = |name: &str, help: &str, label: &str, states: &BTreeMap<char, u64>| {
            page.family(name, help, MetricType::Gauge);
            for (state, count) in states {
                page.sample(&[(label, state.encode_utf8(&mut [0; 4]))], *count as f64);
            }
        };
        states(
            "node_processes_state",
            "Number of processes in each state.",
            "state",
            &counts.process_states,
        );
        states(
            "node_processes_threads_state",
            "Number of threads in each state.",
            "thread_state",
            &counts.thread_states,
        );
        Ok(())
    }
}

/// The folders whose names are numbers: processes, or threads.
fn numbered(folder: &Path) -> Result<Vec<PathBuf>, CollectError> {
    let entries = std::fs::read_dir(folder).map_err(|error| CollectError::read(folder, error))?;
    Ok(entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
        })
        .map(|entry| entry.path())
        .collect())
}

/// What `/proc/PID/stat` says.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    threads: u64,
}

impl Stat {
    fn read(path: &Path) -> Option<Self> {
        Self::parse(&read_small(path).ok()?)
    }

    /// The second field is the program's name in parentheses, which may hold anything, spaces and
    /// parentheses too; the state is the third field and the number of threads the twentieth.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let threads = fields.nth(16)?.parse().ok()?;
        // The text goes on: where it ends here, it may be cut off within the number.
        fields.next()?;
        Some(Self { state, threads })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_spaces_and_parentheses() {
        let text = "26231 (a ) S 9 (x)) R 5392 7446 5392 34835 7446 4218880 1 2 3 4 5 6 7 8 20 0 17 0 82375 1 2";
        let stat = Stat {
            state: 'R',
            threads: 17,
        };
        assert_eq!(Stat::parse(text), Some(stat));
        assert_eq!(Stat::parse("1 (x) S 1"), None);
        assert_eq!(Stat::parse(""), None);
        for end in 0..text.len() {
            let cut = Stat::parse(text.get(..end).unwrap());
            assert!(cut.is_none_or(|stat| stat.threads == 17), "{end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_does_not_panic(text: String) {
            Stat::parse(&text);
        }
    }

    #[test]
    fn this_process_is_among_those_counted() {
        let mut page = Page::new();
        Processes::new(&Settings::default())
            .collect(&mut page)
            .unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!(value("node_processes_pids ") >= 1.0);
        assert!(value("node_processes_threads ") >= value("node_processes_pids "));
        assert!(value("node_processes_max_processes ") >= value("node_processes_pids "));
        assert!(value("node_processes_threads_state{thread_state=\"R\"}") >= 1.0);
    }
}
