//! The actions that are part of the exporter: they read, change nothing and start no process.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use sysinfo::{MemoryRefreshKind, Process, ProcessRefreshKind, ProcessesToUpdate, System};

/// A built-in action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    /// What this host is and how it fares.
    Status,
    /// How many processes there are.
    ProcessCount,
    /// The processes that use the most processor time and memory.
    TopProcesses {
        /// How many of each.
        count: usize,
    },
}

/// The time between two looks at the processes; the kernel counts their time in hundredths of a
/// second.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How many processes `top_processes` lists unless told otherwise.
const DEFAULT_COUNT: usize = 10;

/// A built-in action's answer: text for people, figures for programs.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) data: Value,
}

impl Builtin {
    /// The built-in action of this name.
    pub(super) fn named(name: &str, count: Option<usize>) -> Option<Self> {
        match name {
            "status" => Some(Self::Status),
            "process_count" => Some(Self::ProcessCount),
            "top_processes" => Some(Self::TopProcesses {
                count: count.unwrap_or(DEFAULT_COUNT),
            }),
            _ => None,
        }
    }

    /// What it does, for the list of actions.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Status => "host name, system, uptime, load, memory, version",
            Self::ProcessCount => "number of processes in each state",
            Self::TopProcesses { .. } => "the processes that use the most CPU and memory",
        }
    }

    /// Runs it. Blocks for up to a few hundred milliseconds.
    pub(super) fn run(self) -> Result<Answer, sysinfo::Error> {
        match self {
            Self::Status => status(),
            Self::ProcessCount => process_count(),
            Self::TopProcesses { count } => top_processes(count),
        }
    }
}

fn status() -> Result<Answer, sysinfo::Error> {
    let mut system = System::new()?;
    system.refresh_memory_specifics(MemoryRefreshKind::everything());
    let load = System::load_average()?;
    let unknown = |_| "unknown".to_owned();
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let facts = [
        (
            "hostname",
            json!(System::host_name().unwrap_or_else(unknown)),
        ),
        (
            "os",
            json!(System::long_os_version().unwrap_or_else(unknown)),
        ),
        (
            "kernel",
            json!(System::kernel_version().unwrap_or_else(unknown)),
        ),
        ("architecture", json!(System::cpu_arch())),
        ("cpus", json!(cpus)),
        ("uptime_seconds", json!(System::uptime()?)),
        ("load1", json!(load.one)),
        ("load5", json!(load.five)),
        ("load15", json!(load.fifteen)),
        ("memory_total_bytes", json!(system.total_memory())),
        ("memory_available_bytes", json!(system.available_memory())),
        ("swap_total_bytes", json!(system.total_swap())),
        ("swap_used_bytes", json!(system.used_swap())),
        ("exporter_version", json!(env!("CARGO_PKG_VERSION"))),
    ];
    let mut text = String::new();
    for (name, value) in &facts {
        match value.as_str() {
            Some(value) => line(&mut text, format_args!("{name}: {value}")),
            None => line(&mut text, format_args!("{name}: {value}")),
        }
    }
    let data = facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Ok(Answer {
        text,
        data: Value::Object(data.collect()),
    })
}

fn process_count() -> Result<Answer, sysinfo::Error> {
    let mut system = System::new()?;
    refresh(&mut system, ProcessRefreshKind::nothing());
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    for process in system.processes().values() {
        let state = process.status().to_string().to_lowercase();
        *states.entry(state).or_default() += 1;
    }
    let total = system.processes().len();
    let mut text = String::new();
    line(&mut text, format_args!("processes: {total}"));
    for (state, count) in &states {
        line(&mut text, format_args!("  {state}: {count}"));
    }
    let data = json!({ "processes": total, "states": states });
    Ok(Answer { text, data })
}

/// Processor time is what a process used between two looks at it.
fn top_processes(count: usize) -> Result<Answer, sysinfo::Error> {
    let mut system = System::new()?;
    let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
    refresh(&mut system, what);
    std::thread::sleep(LOOK_AGAIN);
    refresh(&mut system, what);
    let processes: Vec<&Process> = system.processes().values().collect();
    let top = |key: fn(&Process) -> f64| {
        let mut sorted = processes.clone();
        sorted.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.pid().cmp(&b.pid())));
        sorted.truncate(count);
        sorted
    };
    let by_cpu = top(cpu_ratio);
    let by_memory = top(|process| process.memory() as f64);
    let mut text = String::new();
    for (title, list) in [("CPU", &by_cpu), ("memory", &by_memory)] {
        line(&mut text, format_args!("by {title}:"));
        line(
            &mut text,
            format_args!("{:>10} {:>8} {:>12}  NAME", "PID", "CPU %", "MEMORY MiB"),
        );
        for process in list {
            line(
                &mut text,
                format_args!(
                    "{:>10} {:>8.1} {:>12.1}  {}",
                    process.pid().as_u32(),
                    cpu_ratio(process) * 100.0,
                    process.memory() as f64 / f64::from(1 << 20),
                    name(process)
                ),
            );
        }
    }
    let list = |list: &[&Process]| {
        list.iter()
            .map(|process| figures(process))
            .collect::<Value>()
    };
    let data = json!({ "by_cpu": list(&by_cpu), "by_memory": list(&by_memory) });
    Ok(Answer { text, data })
}

/// A process chooses its name; a line feed in it must not make a line of its own.
fn name(process: &Process) -> String {
    let name = process.name().to_string_lossy();
    name.replace(char::is_control, "\u{fffd}")
}

/// Names only: command lines hold passwords.
fn figures(process: &Process) -> Value {
    json!({
        "pid": process.pid().as_u32(),
        "name": name(process),
        "cpu_ratio": cpu_ratio(process),
        "memory_bytes": process.memory(),
    })
}

/// 1 is one processor in full use.
fn cpu_ratio(process: &Process) -> f64 {
    f64::from(process.cpu_usage()) / 100.0
}

fn refresh(system: &mut System, what: ProcessRefreshKind) {
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what.without_tasks());
}

/// Writing to memory cannot fail.
fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok(), "a String takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_tells_this_host() {
        let answer = Builtin::Status.run().unwrap();
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(answer.data["kernel"], kernel.trim());
        assert!(answer.data["memory_total_bytes"].as_u64().unwrap() > 0);
        assert!(answer.text.contains(&format!("kernel: {}", kernel.trim())));
    }

    #[test]
    fn processes_are_counted() {
        let answer = Builtin::ProcessCount.run().unwrap();
        let total = answer.data["processes"].as_u64().unwrap();
        let states = answer.data["states"].as_object().unwrap();
        let sum: u64 = states.values().filter_map(Value::as_u64).sum();
        assert!(total > 0);
        assert_eq!(sum, total);
    }

    #[test]
    fn the_top_is_sorted_short_and_without_command_lines() {
        let answer = Builtin::TopProcesses { count: 3 }.run().unwrap();
        let list = answer.data["by_memory"].as_array().unwrap();
        assert!((1..=3).contains(&list.len()));
        let sizes: Vec<u64> = list
            .iter()
            .map(|process| process["memory_bytes"].as_u64().unwrap())
            .collect();
        assert!(sizes.is_sorted_by(|a, b| a >= b));
        let keys: Vec<&String> = list[0].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["cpu_ratio", "memory_bytes", "name", "pid"]);
    }
}
