//! `nvmesubsystem`: `NVMe` subsystems and the paths to them, `/sys/class/nvme-subsystem`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::faults::Faults;
use super::folder::{self, entries_if_any};
use super::{CollectError, Collector, Definition, Inventory, KeptFile, Settings, read_small, text};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "nvmesubsystem",
    help: "NVMe subsystems and the paths to them.",
    default_on: false,
    flags: &[],
    new: |settings| Box::new(Subsystems::new(settings)),
};

/// The states of a path, each with a series.
const STATES: [&str; 5] = ["connecting", "dead", "live", "resetting", "unknown"];

/// States that have no series: a path in one of them is in none of [`STATES`].
const PASSING: [&[u8]; 3] = [b"deleting", b"deleting (no IO)", b"new"];

/// The labels of `node_nvmesubsystem_info` and their files.
const INFO: [(&str, &str); 4] = [
    ("iopolicy", "iopolicy"),
    ("model", "model"),
    ("nqn", "subsysnqn"),
    ("serial", "serial"),
];

struct Subsystems {
    folder: PathBuf,
    /// None where the kernel knows no subsystems.
    found: Inventory<Option<Vec<Subsystem>>>,
}

struct Subsystem {
    name: String,
    /// In the order of [`INFO`].
    info: [String; INFO.len()],
    spaces: Vec<String>,
    controllers: Vec<Controller>,
}

/// A way to a subsystem.
struct Controller {
    name: String,
    transport: String,
    state: KeptFile,
}

impl Subsystems {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/nvme-subsystem"),
            found: Inventory::default(),
        }
    }
}

impl Collector for Subsystems {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let find = |_| find(&self.folder);
        let Some(subsystems) = self.found.get(Instant::now(), find)? else {
            return Err(CollectError::NoData("this host has no NVMe subsystems"));
        };
        let mut faults = Faults::default();
        for controller in subsystems.iter_mut().flat_map(|s| &mut s.controllers) {
            faults.unless(controller.state.read());
        }
        write_info(subsystems, page);
        write_paths(subsystems, page);
        faults.settle(&mut self.found)
    }
}

fn write_info(subsystems: &[Subsystem], page: &mut Page) {
    let help = "Non-numeric information about an NVMe subsystem.";
    page.family("node_nvmesubsystem_info", help, Gauge);
    for subsystem in subsystems {
        let mut series = page.series("");
        for ((label, _), text) in INFO.iter().zip(&subsystem.info) {
            series.label(label, text);
        }
        series.label("subsystem", &subsystem.name);
        series.digits(b"1");
    }
    let help = "Maps an NVMe namespace block device to its subsystem.";
    page.family("node_nvmesubsystem_namespace_info", help, Gauge);
    for subsystem in subsystems {
        for space in &subsystem.spaces {
            let mut series = page.series("");
            series.label("device", space);
            series.label("subsystem", &subsystem.name);
            series.digits(b"1");
        }
    }
}

fn write_paths(subsystems: &[Subsystem], page: &mut Page) {
    let help = "Current NVMe controller path state (1 for the current state, 0 for all others).";
    page.family("node_nvmesubsystem_path_state", help, Gauge);
    for subsystem in subsystems {
        for controller in subsystem.controllers.iter().filter(|c| c.is_known()) {
            let now = controller.state();
            for state in STATES {
                let mut series = page.series("");
                series
                    .label("controller", &controller.name)
                    .label("state", state)
                    .label("subsystem", &subsystem.name)
                    .label("transport", &controller.transport);
                series.digits(if now == Some(state) { b"1" } else { b"0" });
            }
        }
    }
    let help = "Number of controller paths for an NVMe subsystem.";
    page.family("node_nvmesubsystem_paths", help, Gauge);
    for subsystem in subsystems {
        put_paths(subsystem, Controller::is_known, page);
    }
    let help = "Number of controller paths in live state for an NVMe subsystem.";
    page.family("node_nvmesubsystem_paths_live", help, Gauge);
    for subsystem in subsystems {
        put_paths(subsystem, |path| path.state() == Some("live"), page);
    }
}

fn put_paths(subsystem: &Subsystem, counts: fn(&Controller) -> bool, page: &mut Page) {
    let paths = subsystem.controllers.iter().filter(|path| counts(path));
    let mut series = page.series("");
    series.label("subsystem", &subsystem.name);
    text::put_integer(series, paths.count() as u64);
}

impl Controller {
    /// Whether the state could be read.
    fn is_known(&self) -> bool {
        !self.state.text().is_empty()
    }

    /// The one of [`STATES`] that it is in.
    fn state(&self) -> Option<&'static str> {
        let now = self.state.text().trim_ascii();
        if PASSING.contains(&now) {
            return None;
        }
        let known = STATES.into_iter().find(|state| state.as_bytes() == now);
        Some(known.unwrap_or("unknown"))
    }
}

fn find(folder: &Path) -> Result<Option<Vec<Subsystem>>, CollectError> {
    let Some(entries) = folder::entries(folder)? else {
        return Ok(None);
    };
    let entries = entries.into_iter();
    let subsystems = entries.filter(|(name, _)| name.starts_with("nvme-subsys"));
    subsystems
        .map(|(name, path)| Subsystem::find(name, &path))
        .collect::<Result<_, _>>()
        .map(Some)
}

impl Subsystem {
    fn find(name: String, folder: &Path) -> Result<Self, CollectError> {
        let text = |folder: &Path, file| read_small(&folder.join(file)).unwrap_or_default();
        let mut subsystem = Self {
            name,
            info: INFO.map(|(_, file)| text(folder, file)),
            spaces: Vec::new(),
            controllers: Vec::new(),
        };
        for (name, path) in entries_if_any(folder)? {
            match part(&name) {
                Some(Part::Controller) => subsystem.controllers.push(Controller {
                    transport: text(&path, "transport"),
                    state: KeptFile::one_of_many(path.join("state")),
                    name,
                }),
                Some(Part::Space) => subsystem.spaces.push(name),
                None => {}
            }
        }
        Ok(subsystem)
    }
}

/// What a folder of a subsystem is.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// `nvme0`
    Controller,
    /// `nvme0n1`
    Space,
}

fn part(name: &str) -> Option<Part> {
    let rest = name.strip_prefix("nvme")?;
    let is_number = |text: &str| text::is_integer(text.as_bytes());
    match rest.split_once('n') {
        None if is_number(rest) => Some(Part::Controller),
        Some((controller, space)) if is_number(controller) && is_number(space) => Some(Part::Space),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::Paths;

    #[test]
    fn a_subsystem_counts_the_paths_to_it_by_state() {
        let sysfs = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("model", "Store\n"),
            ("subsysnqn", "nqn.x\n"),
            ("nvme0/state", "live\n"),
            ("nvme0/transport", "tcp\n"),
            ("nvme1/state", "new\n"),
            ("nvme2/state", "on fire\n"),
            ("nvme3/transport", "tcp\n"),
            ("nvme0n1/size", "1\n"),
            ("power/state", "live\n"),
        ] {
            let folder = sysfs.path().join("class/nvme-subsystem/nvme-subsys0");
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut page = Page::new();
        let mut collector = Subsystems::new(&Settings::new(Paths {
            sysfs: sysfs.path().to_owned(),
            ..Paths::default()
        }));
        collector.collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let (zeros, others): (Vec<_>, Vec<_>) = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .partition(|line| line.ends_with(" 0"));
        assert_eq!(
            others,
            [
                r#"node_nvmesubsystem_info{iopolicy="",model="Store",nqn="nqn.x",serial="",subsystem="nvme-subsys0"} 1"#,
                r#"node_nvmesubsystem_namespace_info{device="nvme0n1",subsystem="nvme-subsys0"} 1"#,
                r#"node_nvmesubsystem_path_state{controller="nvme0",state="live",subsystem="nvme-subsys0",transport="tcp"} 1"#,
                r#"node_nvmesubsystem_path_state{controller="nvme2",state="unknown",subsystem="nvme-subsys0",transport=""} 1"#,
                r#"node_nvmesubsystem_paths{subsystem="nvme-subsys0"} 3"#,
                r#"node_nvmesubsystem_paths_live{subsystem="nvme-subsys0"} 1"#,
            ]
        );
        assert_eq!(zeros.len(), 4 + 5 + 4);
    }

    #[test]
    fn a_host_without_subsystems_has_no_data() {
        let paths = Paths {
            sysfs: "/nonexistent".into(),
            ..Paths::default()
        };
        let outcome = Subsystems::new(&Settings::new(paths)).collect(&mut Page::new());
        assert!(matches!(outcome, Err(CollectError::NoData(_))));
    }

    #[test]
    fn folders_are_told_by_their_names() {
        assert_eq!(part("nvme12"), Some(Part::Controller));
        assert_eq!(part("nvme0n1"), Some(Part::Space));
        for name in ["nvme", "nvme0n", "nvme0c0n1", "nvme0n1p1", "subsysnqn"] {
            assert_eq!(part(name), None, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_is_that_of_a_part_or_not(name in "(nvme|[0-9cn]|\\PC){0,8}") {
            let of_nvme = name.starts_with("nvme") && name.len() > 4;
            proptest::prop_assert!(of_nvme || part(&name).is_none());
        }
    }
}
