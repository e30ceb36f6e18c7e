//! The time each CPU spent in each mode, `/proc/stat`, and what `/sys/devices/system/cpu` says of
//! throttling and isolation.
//!
//! The kernel's counters may go back a little (idle time is estimated). What has been served once
//! is never taken back, unless the idle time falls by three seconds: then the CPU has been off.

pub(super) mod info;
mod online;
mod throttle;

use std::collections::BTreeMap;
use std::path::Path;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::shared::Shared;
use super::{
    CollectError, Collector, Definition, Flag, FlagKind, KeptFile, Settings, read_small, text,
};

/// Every Linux counts 100 ticks a second here, whatever its own clock is.
const DECIMALS_OF_A_TICK: usize = 2;

/// A fall of the idle time that means that the CPU has been off, in ticks.
const JUMP_BACK: u64 = 300;

/// The modes in the order of the file, the time of guests behind them.
const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];
const GUEST_MODES: [&str; 2] = ["user", "nice"];
const IDLE: usize = 3;
const COLUMNS: usize = MODES.len() + GUEST_MODES.len();

const GUEST: Flag = Flag {
    name: "cpu.guest",
    help: "Export the time CPUs spent in guests.",
    kind: FlagKind::Switch { default: true },
};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "cpu",
    help: "The time each CPU spent in each mode.",
    default_on: true,
    flags: &[GUEST, info::INFO, info::FLAGS_INCLUDE, info::BUGS_INCLUDE],
    new,
};

struct Cpu {
    file: Shared<KeptFile>,
    guest: bool,
    info: Option<info::Info>,
    throttle: throttle::Throttle,
    isolated: Vec<u32>,
    online: online::Online,
    cpus: BTreeMap<u32, Times>,
}

/// The ticks of one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times([u64; COLUMNS]);

fn new(settings: &Settings) -> Box<dyn Collector> {
    let folder = settings.paths.sysfs.join("devices/system/cpu");
    Box::new(Cpu {
        file: settings.stat.clone(),
        guest: settings.switch(&GUEST),
        info: info::Info::new(settings),
        isolated: isolated(&folder),
        online: online::Online::new(&folder),
        throttle: throttle::Throttle::new(folder),
        cpus: BTreeMap::new(),
    })
}

impl Collector for Cpu {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        if let Some(info) = &mut self.info {
            info.collect(page)?;
        }
        let file = self.file.get(|file| file.read().map(|_| ()))?;
        let seen = parse(file.text())
            .map_err(|line| file.fault("`cpu0` and the ticks of each mode", line))?;
        self.cpus
            .retain(|cpu, _| seen.iter().any(|(now, _)| now == cpu));
        for (cpu, times) in seen {
            self.cpus.entry(cpu).or_default().advance(&times);
        }
        write(&self.cpus, self.guest, page);
        page.family(
            "node_cpu_isolated",
            "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.",
            MetricType::Gauge,
        );
        for cpu in &self.isolated {
            page.sample(&[("cpu", &cpu.to_string())], 1.0);
        }
        self.online.collect(page);
        self.throttle.collect(self.cpus.len(), page);
        Ok(())
    }
}

impl Times {
    fn idle(&self) -> u64 {
        self.0.get(IDLE).copied().unwrap_or_default()
    }

    /// Takes over what has grown.
    fn advance(&mut self, now: &Self) {
        if self.idle() >= now.idle().saturating_add(JUMP_BACK) {
            *self = Self::default();
        }
        for (have, now) in self.0.iter_mut().zip(now.0) {
            *have = now.max(*have);
        }
    }
}

/// The lines `cpu0 ...`; an older kernel has fewer columns. The error is the line at fault.
fn parse(text: &[u8]) -> Result<Vec<(u32, Times)>, &[u8]> {
    let mut cpus = Vec::new();
    for line in text::ended_lines(text) {
        // The CPUs come first, and the sum of them all before them.
        let Some(rest) = line.strip_prefix(b"cpu") else {
            break;
        };
        if rest.starts_with(b" ") {
            continue;
        }
        let mut words = text::words(rest);
        let number = words
            .next()
            .and_then(text::integer)
            .and_then(|number| u32::try_from(number).ok());
        let mut times = Times::default();
        for (ticks, word) in times.0.iter_mut().zip(words) {
            *ticks = text::integer(word).ok_or(line)?;
        }
        cpus.push((number.ok_or(line)?, times));
    }
    Ok(cpus)
}

fn write(cpus: &BTreeMap<u32, Times>, guest: bool, page: &mut Page) {
    if guest {
        page.family(
            "node_cpu_guest_seconds_total",
            "Seconds the CPUs spent in guests (VMs) for each mode.",
            MetricType::Counter,
        );
        for (cpu, times) in cpus {
            let ticks = times.0.iter().skip(MODES.len());
            write_modes(*cpu, GUEST_MODES.iter().zip(ticks), page);
        }
    }
    page.family(
        "node_cpu_seconds_total",
        "Seconds the CPUs spent in each mode.",
        MetricType::Counter,
    );
    for (cpu, times) in cpus {
        write_modes(*cpu, MODES.iter().zip(&times.0), page);
    }
}

fn write_modes<'a>(cpu: u32, modes: impl Iterator<Item = (&'a &'a str, &'a u64)>, page: &mut Page) {
    let cpu = cpu.to_string();
    for (mode, ticks) in modes {
        let mut series = page.series("");
        series.label("cpu", &cpu).label("mode", mode);
        text::put_fraction(series, *ticks, DECIMALS_OF_A_TICK);
    }
}

/// The CPUs that the scheduler leaves alone: `1,3-5`. They are chosen when the kernel starts.
fn isolated(folder: &Path) -> Vec<u32> {
    let list = read_small(&folder.join("isolated")).unwrap_or_default();
    list.split(',').filter_map(range).flatten().collect()
}

fn range(text: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    // No host has more CPUs than this.
    (last < 1 << 16).then_some(first..=last)
}

#[cfg(test)]
mod tests;
