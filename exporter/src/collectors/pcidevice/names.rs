//! The names of PCI devices, from the file `pci.ids`:
//!
//! ```text
//! 1022  Advanced Micro Devices, Inc. [AMD]
//! TAB 1634  Renoir/Cezanne PCIe GPP Bridge
//! TAB TAB 17aa 5095  T540-5095 Unified Wire Ethernet Controller
//! C 06  Bridge device
//! TAB 04  PCI bridge
//! ```
//!
//! The file has some forty thousand names: only those that are asked for are kept, and it is read
//! only where one is asked for the first time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::read_small;
use super::device::{Device, Ids};

/// Where distributions have the file.
const USUAL: [&str; 2] = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];

/// The names that were asked for.
pub(super) struct Names {
    files: Vec<PathBuf>,
    /// By [`key`]; none where the file does not have it.
    found: BTreeMap<String, Option<String>>,
}

impl Names {
    /// Names of a file, or where that is empty of the first one at the usual places.
    pub(super) fn new(file: &str) -> Self {
        let files = match file {
            "" => USUAL.iter().map(PathBuf::from).collect(),
            file => vec![file.into()],
        };
        let found = BTreeMap::new();
        Self { files, found }
    }

    /// Adds the names to the devices' labels.
    pub(super) fn add_to(&mut self, devices: &mut [Device]) {
        let keys = devices.iter().flat_map(|device| keys(&device.ids));
        let unknown: Vec<_> = keys.filter(|key| !self.found.contains_key(key)).collect();
        if !unknown.is_empty() {
            self.found
                .extend(unknown.into_iter().map(|key| (key, None)));
            let text = self.files.iter().find_map(|file| read_small(file).ok());
            fill(&text.unwrap_or_default(), &mut self.found);
        }
        for device in devices {
            let labels = self.labels(&device.ids);
            device.info.extend(labels);
            device.info.sort_by_key(|(label, _)| *label);
        }
    }

    /// A name, or the digits where there is none.
    fn name(&self, parts: &[&str], digits: &str) -> String {
        let name = self.found.get(&key(parts)).cloned().flatten();
        name.unwrap_or_else(|| digits.to_owned())
    }

    fn labels(&self, ids: &Ids) -> [(&'static str, String); 5] {
        let Ids {
            class,
            vendor,
            device,
            subsystem_vendor,
            subsystem_device,
        } = ids;
        let subsystem = [vendor, device, subsystem_vendor, subsystem_device].map(String::as_str);
        let mut classes = class_keys(class).into_iter();
        let class_name = classes.find_map(|key| self.found.get(&key).cloned().flatten());
        [
            (
                "class_name",
                class_name.unwrap_or_else(|| format!("Unknown class ({class})")),
            ),
            ("device_name", self.name(&[vendor, device], device)),
            (
                "subsystem_device_name",
                self.name(&subsystem, subsystem_device),
            ),
            (
                "subsystem_vendor_name",
                self.name(&[subsystem_vendor], subsystem_vendor),
            ),
            ("vendor_name", self.name(&[vendor], vendor)),
        ]
    }
}

/// A line's numbers behind those of the lines that it belongs to.
fn key(parts: &[&str]) -> String {
    parts.join(" ")
}

/// All that a device may be called by.
fn keys(ids: &Ids) -> Vec<String> {
    let subsystem = [
        ids.vendor.as_str(),
        &ids.device,
        &ids.subsystem_vendor,
        &ids.subsystem_device,
    ];
    let mut keys = class_keys(&ids.class);
    keys.extend([
        key(&[&ids.vendor]),
        key(&[&ids.vendor, &ids.device]),
        key(&[&ids.subsystem_vendor]),
        key(&subsystem),
    ]);
    keys
}

/// A class with its part and its programming interface, with its part, and alone.
fn class_keys(class: &str) -> Vec<String> {
    let at = |from, to| class.get(from..to);
    let (Some(base), Some(part), Some(interface)) = (at(0, 2), at(2, 4), at(4, 6)) else {
        return Vec::new();
    };
    vec![
        key(&["C", base, part, interface]),
        key(&["C", base, part]),
        key(&["C", base]),
    ]
}

/// Fills in the names that a file's text has.
fn fill(text: &str, names: &mut BTreeMap<String, Option<String>>) {
    // The numbers of the lines that the next one may belong to, by how far they are indented.
    let mut above: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let indented = line.trim_start_matches('\t');
        let depth = line.len() - indented.len();
        let Some((numbers, name)) = indented.split_once("  ") else {
            continue;
        };
        if depth > above.len() {
            // What it belongs to was not readable.
            continue;
        }
        above.truncate(depth);
        above.push(numbers.trim());
        if let Some(found) = names.get_mut(&key(&above)) {
            *found = Some(name.trim().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# comment\nC 01  Mass storage\n\t08  Non-Volatile memory\n\t\t02  NVM Express\n\n\
        1022  Advanced Micro Devices\n\t1634  GPP Bridge\n\t\t17aa 5095  Wire\n\
        broken\n17aa  Lenovo\n\t\t1634 1634  nobody's\n";

    fn named(text: &str) -> BTreeMap<String, Option<String>> {
        let ids = |class: &str| Ids {
            class: class.to_owned(),
            vendor: "1022".to_owned(),
            device: "1634".to_owned(),
            subsystem_vendor: "17aa".to_owned(),
            subsystem_device: "5095".to_owned(),
        };
        let keys = [ids("010802"), ids("010900"), ids("")].into_iter();
        let mut names = keys.flat_map(|ids| keys_of(&ids)).collect();
        fill(text, &mut names);
        names
    }

    fn keys_of(ids: &Ids) -> Vec<(String, Option<String>)> {
        keys(ids).into_iter().map(|key| (key, None)).collect()
    }

    #[test]
    fn names_are_found_below_what_they_belong_to() {
        let names = named(TEXT);
        for (key, name) in [
            ("C 01", Some("Mass storage")),
            ("C 01 08 02", Some("NVM Express")),
            ("C 01 09", None),
            ("1022", Some("Advanced Micro Devices")),
            ("1022 1634", Some("GPP Bridge")),
            ("1022 1634 17aa 5095", Some("Wire")),
            ("17aa", Some("Lenovo")),
        ] {
            assert_eq!(names[key].as_deref(), name, "{key}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_text_gives_a_part_of_the_names(end in 0..TEXT.len()) {
            let all = named(TEXT);
            // A name that is cut within its text is a part of it.
            for (key, name) in named(TEXT.get(..end).unwrap()) {
                if let Some(name) = name {
                    prop_assert!(all[&key].as_ref().unwrap().starts_with(&name));
                }
            }
        }

        #[test]
        fn no_text_panics(text in "([C\t #]{0,3}[0-9a-f]{0,4}( {1,2}[0-9a-z\u{e9}]{0,4}){0,2}\n?){0,8}") {
            prop_assert!(named(&text).len() == named(TEXT).len());
        }
    }
}
