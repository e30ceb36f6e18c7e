//! The frequency of each CPU, its limits and its governor, `/sys/devices/system/cpu/cpu*/cpufreq`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::cpu::info;
use super::{CollectError, Collector, Definition, KeptFile, Settings, read_small, text};

/// Its family is also that of the frequencies in `/proc/cpuinfo`: where those are asked for, the
/// file is left alone, or each CPU would be there twice.
const CURRENT: &str = "cpuinfo_cur_freq";

/// The file in kilohertz, and its family.
const FREQUENCIES: [(&str, &str, &str); 7] = [
    (
        CURRENT,
        "node_cpu_frequency_hertz",
        "Current CPU thread frequency in hertz.",
    ),
    (
        "cpuinfo_avg_freq",
        "node_cpu_frequency_avg_hertz",
        "Average CPU thread frequency in hertz.",
    ),
    (
        "cpuinfo_max_freq",
        "node_cpu_frequency_max_hertz",
        "Maximum CPU thread frequency in hertz.",
    ),
    (
        "cpuinfo_min_freq",
        "node_cpu_frequency_min_hertz",
        "Minimum CPU thread frequency in hertz.",
    ),
    (
        "scaling_cur_freq",
        "node_cpu_scaling_frequency_hertz",
        "Current scaled CPU thread frequency in hertz.",
    ),
    (
        "scaling_max_freq",
        "node_cpu_scaling_frequency_max_hertz",
        "Maximum scaled CPU thread frequency in hertz.",
    ),
    (
        "scaling_min_freq",
        "node_cpu_scaling_frequency_min_hertz",
        "Minimum scaled CPU thread frequency in hertz.",
    ),
];

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "cpufreq",
    help: "The frequency of each CPU.",
    default_on: true,
    flags: &[],
    new,
};

/// Up to this many CPUs have their files kept open, eight each: a host may have hundreds of CPUs,
/// and a process a thousand open files.
const KEPT_OPEN: usize = 16;

/// Where no CPU has a frequency, as in most virtual machines, they are looked for again in this
/// many scrapes: the driver may come later.
const LOOK_AGAIN: u32 = 64;

struct CpuFreq {
    folder: PathBuf,
    /// Whether [`CURRENT`] is left to the collector `cpu`.
    without_current: bool,
    cpus: Vec<Cpu>,
    /// Which CPUs are online, and were when the CPUs were looked for.
    online: KeptFile,
    were_online: Vec<u8>,
    /// How many scrapes are left before the CPUs are looked for.
    rest: u32,
}

struct Cpu {
    number: String,
    /// In the order of [`FREQUENCIES`]; none where the file cannot be read.
    frequencies: [Option<KeptFile>; FREQUENCIES.len()],
    governor: Option<KeptFile>,
    governors: Vec<String>,
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    let folder = settings.paths.sysfs.join("devices/system/cpu");
    Box::new(CpuFreq {
        without_current: info::is_wanted(settings),
        online: KeptFile::at_once(folder.join("online")),
        were_online: Vec::new(),
        folder,
        cpus: Vec::new(),
        rest: 0,
    })
}

impl Collector for CpuFreq {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let is_old = |cpu: &mut Cpu| cpu.is_old();
        let online = self.online.read().unwrap_or_default();
        let changed = online != self.were_online;
        if changed {
            self.were_online = online.to_vec();
        }
        let late = self.cpus.is_empty() && self.rest == 0;
        if self.cpus.iter_mut().any(is_old) || changed || late {
            self.cpus = find(&self.folder)?;
            self.rest = LOOK_AGAIN;
        }
        self.rest = self.rest.saturating_sub(1);
        for (at, (source, name, help)) in FREQUENCIES.into_iter().enumerate() {
            if self.without_current && source == CURRENT {
                continue;
            }
            page.family(name, help, MetricType::Gauge);
            for cpu in &mut self.cpus {
                let file = cpu.frequencies.get_mut(at).and_then(Option::as_mut);
                let Some(kilohertz) = file.and_then(kilohertz) else {
                    continue;
                };
                let mut series = page.series("");
                series.label("cpu", &cpu.number);
                text::put_integer(series, kilohertz.saturating_mul(1_000));
            }
        }
        page.family(
            "node_cpu_scaling_governor",
            "Current enabled CPU frequency governor.",
            MetricType::Gauge,
        );
        for cpu in &self.cpus {
            let Some(file) = &cpu.governor else { continue };
            let now = file.text().trim_ascii();
            for governor in &cpu.governors {
                let mut series = page.series("");
                series.label("cpu", &cpu.number).label("governor", governor);
                series.digits(if governor.as_bytes() == now {
                    b"1"
                } else {
                    b"0"
                });
            }
        }
        Ok(())
    }
}

impl Cpu {
    /// Whether its files are gone, or its governor is one that came after the list was read, such as
    /// one that is a module of the kernel.
    fn is_old(&mut self) -> bool {
        let governors = &self.governors;
        let is_known = |now: &[u8]| governors.iter().any(|known| known.as_bytes() == now);
        self.governor.as_mut().is_some_and(|file| {
            let now = file.read().map(<[u8]>::trim_ascii);
            now.map_or(true, |now| !governors.is_empty() && !is_known(now))
        })
    }
}

fn kilohertz(file: &mut KeptFile) -> Option<u64> {
    text::integer(file.read().ok()?.trim_ascii())
}

fn find(folder: &Path) -> Result<Vec<Cpu>, CollectError> {
    let entries = std::fs::read_dir(folder).map_err(|error| CollectError::read(folder, error))?;
    let mut cpus: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number: u32 = name.strip_prefix("cpu")?.parse().ok()?;
            let folder = entry.path().join("cpufreq");
            folder.is_dir().then_some((number, folder))
        })
        .collect();
    cpus.sort_unstable();
    let file: fn(PathBuf) -> KeptFile = if cpus.len() <= KEPT_OPEN {
        KeptFile::at_once
    } else {
        KeptFile::one_of_many
    };
    let cpus = cpus.iter();
    Ok(cpus
        .map(|(number, folder)| open(*number, folder, file))
        .collect())
}

fn open(number: u32, folder: &Path, file: fn(PathBuf) -> KeptFile) -> Cpu {
    let open = |name| {
        let mut file = file(folder.join(name));
        let there = match file.read() {
            Ok(_) => true,
            // An idle CPU has no average; it will have one again.
            Err(CollectError::Read { source, .. }) => source.kind() == ErrorKind::WouldBlock,
            Err(_) => false,
        };
        there.then_some(file)
    };
    let governors = read_small(&folder.join("scaling_available_governors")).unwrap_or_default();
    Cpu {
        number: number.to_string(),
        frequencies: FREQUENCIES.map(|(name, _, _)| open(name)),
        governor: open("scaling_governor"),
        governors: governors.split_whitespace().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests;
