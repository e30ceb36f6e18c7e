//! Bonded network devices: how many parts each has and how many of them have a link,
//! `/sys/class/net`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::rare::RareFile;
use super::{CollectError, Collector, Definition, KeptFile, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "bonding",
    help: "Parts of bonded network devices, and those with a link.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Bonding::new(settings.paths.sysfs.join("class/net"))),
};

struct Bonding {
    folder: PathBuf,
    masters: RareFile,
    bonds: BTreeMap<String, Bond>,
}

/// A bonded device.
struct Bond {
    folder: PathBuf,
    slaves: KeptFile,
    /// The state of the link of each part.
    links: BTreeMap<String, KeptFile>,
}

/// How many parts a bond has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts {
    all: u64,
    active: u64,
}

impl Bonding {
    fn new(folder: PathBuf) -> Self {
        Self {
            masters: RareFile::new(folder.join("bonding_masters"), "no device is bonded"),
            folder,
            bonds: BTreeMap::new(),
        }
    }
}

impl Collector for Bonding {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let none = |error: CollectError| error.or_no_data("no device is bonded");
        self.masters.read()?;
        let folder = &self.folder;
        keep(self.masters.text(), &mut self.bonds, |name| {
            Bond::new(folder.join(name))
        });
        let mut bonds = Vec::with_capacity(self.bonds.len());
        for (name, bond) in &mut self.bonds {
            bonds.push((name, bond.parts().map_err(none)?));
        }
        page.family(
            "node_bonding_slaves",
            "Number of configured slaves per bonding interface.",
            Gauge,
        );
        for (name, parts) in &bonds {
            put(name, parts.all, page);
        }
        page.family(
            "node_bonding_active",
            "Number of active slaves per bonding interface.",
            Gauge,
        );
        for (name, parts) in &bonds {
            put(name, parts.active, page);
        }
        Ok(())
    }
}

fn put(master: &str, value: u64, page: &mut Page) {
    let mut series = page.series("");
    series.label("master", master);
    text::put_integer(series, value);
}

impl Bond {
    fn new(folder: PathBuf) -> Self {
        Self {
            slaves: KeptFile::new(folder.join("bonding/slaves")),
            folder,
            links: BTreeMap::new(),
        }
    }

    fn parts(&mut self) -> Result<Parts, CollectError> {
        self.slaves.read()?;
        let folder = &self.folder;
        keep(self.slaves.text(), &mut self.links, |name| {
            link(folder, name)
        });
        let mut parts = Parts::default();
        for file in self.links.values_mut() {
            let state = file.read()?.trim_ascii();
            parts.all += 1;
            parts.active += u64::from(state == b"up");
        }
        Ok(parts)
    }
}

/// The state of a part's link; older kernels name the folder otherwise.
fn link(bond: &Path, slave: &str) -> KeptFile {
    let file = |prefix: &str| bond.join(format!("{prefix}_{slave}/bonding_slave/mii_status"));
    let (new, old) = (file("lower"), file("slave"));
    KeptFile::new(if !new.exists() && old.exists() {
        old
    } else {
        new
    })
}

/// Drops what is not among the words of a text any more, and makes what is new. A name that leads
/// out of its folder is none.
fn keep<T>(text: &[u8], map: &mut BTreeMap<String, T>, make: impl Fn(&str) -> T) {
    let names = || {
        text::words(text)
            .filter_map(|word| std::str::from_utf8(word).ok())
            .filter(|name| !name.contains('/') && *name != "..")
    };
    map.retain(|name, _| names().any(|word| word == name));
    for name in names() {
        if !map.contains_key(name) {
            map.insert(name.to_owned(), make(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn lines(collector: &mut Bonding) -> Result<Vec<String>, CollectError> {
        let mut page = Page::new();
        collector.collect(&mut page)?;
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Ok(lines.map(str::to_owned).collect())
    }

    #[test]
    fn parts_are_counted_under_either_name_and_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let none = lines(&mut Bonding::new(folder.to_owned())).unwrap_err();
        assert!(matches!(none, CollectError::NoData(_)));
        let mut collector = Bonding::new(folder.to_owned());
        write(folder, "bonding_masters", "b0 b1\n");
        write(folder, "b0/bonding/slaves", "e0 e1\n");
        write(folder, "b0/lower_e0/bonding_slave/mii_status", "up\n");
        write(folder, "b0/slave_e1/bonding_slave/mii_status", "down\n");
        write(folder, "b1/bonding/slaves", "\n");
        assert_eq!(
            lines(&mut collector).unwrap(),
            [
                "node_bonding_slaves{master=\"b0\"} 2",
                "node_bonding_slaves{master=\"b1\"} 0",
                "node_bonding_active{master=\"b0\"} 1",
                "node_bonding_active{master=\"b1\"} 0",
            ]
        );
        write(folder, "bonding_masters", "b0\n");
        write(folder, "b0/bonding/slaves", "e1\n");
        write(folder, "b0/slave_e1/bonding_slave/mii_status", "up\n");
        assert_eq!(
            lines(&mut collector).unwrap(),
            [
                "node_bonding_slaves{master=\"b0\"} 1",
                "node_bonding_active{master=\"b0\"} 1",
            ]
        );
    }

    #[test]
    fn names_that_lead_elsewhere_or_are_no_text_are_left_out() {
        let mut map = BTreeMap::new();
        keep(b"a ../b \xff .. c", &mut map, str::len);
        assert_eq!(map.into_keys().collect::<Vec<_>>(), ["a", "c"]);
    }
}
