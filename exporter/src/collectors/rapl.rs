//! `rapl`: the energy that parts of the processor used, `/sys/class/powercap`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Counter;
use watchpost_model::text::Page;

use super::faults::Faults;
use super::{
    CollectError, Collector, Definition, Flag, Inventory, KeptFile, Settings, folder, read_small,
    text,
};

const ZONE_LABEL: Flag = Flag::switch(
    "rapl.enable-zone-label",
    "Tell the zones apart by a label of one family, not by families of their own.",
);

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "rapl",
    help: "Energy that parts of the processor used.",
    default_on: true,
    flags: &[ZONE_LABEL],
    new: |settings| Box::new(Rapl::new(settings)),
};

struct Rapl {
    folder: PathBuf,
    zone_label: bool,
    found: Inventory<Found>,
}

/// What there is to read.
enum Found {
    Zones(Vec<Zone>),
    /// The kernel does not measure, or only root may read what it measures.
    Nothing(&'static str),
}

struct Zone {
    /// The family of the zone, where zones have their own.
    family: String,
    help: String,
    name: String,
    /// Tells zones of the same name apart.
    index: String,
    path: String,
    /// In millionths of a joule.
    energy: KeptFile,
}

impl Rapl {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/powercap"),
            zone_label: settings.switch(&ZONE_LABEL),
            found: Inventory::default(),
        }
    }
}

impl Collector for Rapl {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let find = |_| find(&self.folder);
        let zones = match self.found.get(Instant::now(), find)? {
            Found::Zones(zones) => zones,
            Found::Nothing(why) => return Err(CollectError::NoData(why)),
        };
        let mut faults = Faults::default();
        let mut family = None;
        if self.zone_label {
            let help = "Current RAPL value in joules";
            page.family("node_rapl_joules_total", help, Counter);
        }
        for zone in zones {
            if !self.zone_label && family != Some(&zone.family) {
                page.family(&zone.family, &zone.help, Counter);
                family = Some(&zone.family);
            }
            let Some(energy) = faults.unless(zone.energy.number()) else {
                continue;
            };
            let mut series = page.series("");
            series.label("index", &zone.index).label("path", &zone.path);
            if self.zone_label {
                series.label("rapl_zone", &zone.name);
            }
            text::put_fraction(series, energy, 6);
        }
        faults.settle(&mut self.found)
    }
}

/// The zones in the order of their families.
fn find(folder: &Path) -> Result<Found, CollectError> {
    let Some(entries) = folder::entries(folder)? else {
        return Ok(Found::Nothing("this host does not measure energy"));
    };
    let mut zones = Vec::new();
    let mut used = BTreeMap::new();
    for (_, path) in entries {
        let Ok(name) = read_small(&path.join("name")) else {
            continue;
        };
        let energy = path.join("energy_uj");
        match std::fs::File::open(&energy) {
            Ok(_) => zones.push(Zone::new(&name, &path, &mut used)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Ok(Found::Nothing("only root may read `energy_uj`"));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(CollectError::read(&energy, error)),
        }
    }
    zones.sort_by(|a, b| a.family.cmp(&b.family));
    Ok(Found::Zones(zones))
}

impl Zone {
    /// A zone; `used` has the next index of each name.
    fn new(name: &str, path: &Path, used: &mut BTreeMap<String, u32>) -> Self {
        let (name, index) = match name.split_once('-') {
            Some((name, index)) if text::is_integer(index.as_bytes()) => {
                (name, index.parse().unwrap_or(0))
            }
            _ => (name, used.get(name).copied().unwrap_or(0)),
        };
        used.insert(name.to_owned(), index.saturating_add(1));
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let clean = name.replace(|c| !fits(c), "_");
        Self {
            family: format!("node_rapl_{clean}_joules_total"),
            help: format!("Current RAPL {name} value in joules"),
            name: name.to_owned(),
            index: index.to_string(),
            path: path.to_string_lossy().into_owned(),
            energy: KeptFile::new(path.join("energy_uj")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::Paths;

    fn collect(sysfs: &Path, zone_label: bool) -> Result<Vec<String>, CollectError> {
        let mut settings = Settings::new(Paths {
            sysfs: sysfs.to_owned(),
            ..Paths::default()
        });
        let given = vec![zone_label.to_string()];
        settings.set(&ZONE_LABEL, given).unwrap();
        let mut page = Page::new();
        Rapl::new(&settings).collect(&mut page)?;
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let root = sysfs.to_str().unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("# TYPE"));
        Ok(lines.map(|line| line.replace(root, "")).collect())
    }

    fn write(sysfs: &Path, file: &str, text: &str) {
        let path = sysfs.join("class/powercap").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_host_that_does_not_measure_has_no_data() {
        let sysfs = tempfile::tempdir().unwrap();
        let outcome = collect(sysfs.path(), false);
        assert!(matches!(outcome, Err(CollectError::NoData(_))));
    }

    #[test]
    fn zones_have_families_of_their_own_or_a_label() {
        let sysfs = tempfile::tempdir().unwrap();
        let sysfs = sysfs.path();
        write(sysfs, "intel-rapl/enabled", "1\n");
        for (zone, name, energy) in [
            ("a:0", "package-1", "240422366267\n"),
            ("a:0:0", "dram", "5\n"),
            ("a:1:0", "dram", "1000000\n"),
            ("a:2", "package-0-die-1", "7\n"),
        ] {
            write(sysfs, &format!("{zone}/name"), name);
            write(sysfs, &format!("{zone}/energy_uj"), energy);
        }
        assert_eq!(
            collect(sysfs, false).unwrap(),
            [
                "# HELP node_rapl_dram_joules_total Current RAPL dram value in joules",
                r#"node_rapl_dram_joules_total{index="0",path="/class/powercap/a:0:0"} 0.000005"#,
                r#"node_rapl_dram_joules_total{index="1",path="/class/powercap/a:1:0"} 1"#,
                "# HELP node_rapl_package_0_die_1_joules_total Current RAPL package-0-die-1 value in joules",
                r#"node_rapl_package_0_die_1_joules_total{index="0",path="/class/powercap/a:2"} 0.000007"#,
                "# HELP node_rapl_package_joules_total Current RAPL package value in joules",
                r#"node_rapl_package_joules_total{index="1",path="/class/powercap/a:0"} 240422.366267"#,
            ]
        );
        let labelled = collect(sysfs, true).unwrap();
        assert_eq!(labelled.len(), 5);
        assert!(labelled.contains(
            &r#"node_rapl_joules_total{index="1",path="/class/powercap/a:1:0",rapl_zone="dram"} 1"#
                .to_owned()
        ));
    }

    #[test]
    fn a_zone_that_says_no_number_costs_itself_and_is_told() {
        let sysfs = tempfile::tempdir().unwrap();
        let sysfs = sysfs.path();
        write(sysfs, "a:0/name", "core\n");
        write(sysfs, "a:0/energy_uj", "-1\n");
        let told = collect(sysfs, false).unwrap_err().to_string();
        assert!(told.contains("a:0/energy_uj`: expected"), "{told}");
    }
}
