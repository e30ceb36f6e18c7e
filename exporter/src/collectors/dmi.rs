//! `dmi`: who made the machine, its board and its BIOS, `/sys/class/dmi/id`.
//!
//! None of it changes while the kernel runs: it is read once. Serial numbers are for root only and
//! left out where they cannot be read.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, read_small};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "dmi",
    help: "Who made the machine, its board and its BIOS.",
    default_on: true,
    flags: &[],
    new: |settings| {
        Box::new(Dmi {
            folder: settings.paths.sysfs.join("class/dmi/id"),
            texts: None,
        })
    },
};

/// The labels, which are the names of their files save the last one.
const LABELS: [&str; 20] = [
    "bios_date",
    "bios_release",
    "bios_vendor",
    "bios_version",
    "board_asset_tag",
    "board_name",
    "board_serial",
    "board_vendor",
    "board_version",
    "chassis_asset_tag",
    "chassis_serial",
    "chassis_vendor",
    "chassis_version",
    "product_family",
    "product_name",
    "product_serial",
    "product_sku",
    "product_uuid",
    "product_version",
    "system_vendor",
];

const HELP: &str = "A metric with a constant '1' value labeled by bios_date, bios_release, \
    bios_vendor, bios_version, board_asset_tag, board_name, board_serial, board_vendor, \
    board_version, chassis_asset_tag, chassis_serial, chassis_vendor, chassis_version, \
    product_family, product_name, product_serial, product_sku, product_uuid, product_version, \
    system_vendor if provided by DMI.";

struct Dmi {
    folder: PathBuf,
    /// None before they are read.
    texts: Option<Vec<(&'static str, String)>>,
}

impl Collector for Dmi {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        if self.texts.is_none() {
            self.texts = Some(read(&self.folder)?);
        }
        let texts = self.texts.as_deref().unwrap_or_default();
        if texts.is_empty() {
            return Err(CollectError::NoData(
                "this machine does not tell who made it",
            ));
        }
        page.family("node_dmi_info", HELP, Gauge);
        let mut series = page.series("");
        for (label, text) in texts {
            series.label(label, text);
        }
        series.digits(b"1");
        Ok(())
    }
}

fn read(folder: &Path) -> Result<Vec<(&'static str, String)>, CollectError> {
    let mut texts = Vec::new();
    for label in LABELS {
        let file = match label {
            "system_vendor" => "sys_vendor",
            label => label,
        };
        match read_small(&folder.join(file)) {
            Ok(text) => texts.push((label, text)),
            Err(CollectError::Read { source, .. })
                if matches!(
                    source.kind(),
                    ErrorKind::NotFound | ErrorKind::PermissionDenied
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::{Paths, Settings};

    fn collect(sysfs: &Path) -> Result<String, CollectError> {
        let mut collector = (DEFINITION.new)(&Settings::new(Paths {
            sysfs: sysfs.to_owned(),
            ..Paths::default()
        }));
        let mut page = Page::new();
        collector.collect(&mut page)?;
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        Ok(text.lines().last().unwrap().to_owned())
    }

    #[test]
    fn what_the_machine_tells_becomes_labels() {
        let sysfs = tempfile::tempdir().unwrap();
        assert!(matches!(
            collect(sysfs.path()),
            Err(CollectError::NoData(_))
        ));
        let folder = sysfs.path().join("class/dmi/id");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("sys_vendor"), "Dell Inc.\n").unwrap();
        std::fs::write(folder.join("chassis_version"), "  \n").unwrap();
        std::fs::write(folder.join("product_name"), b"\xff\"x\"\n").unwrap();
        std::fs::write(folder.join("modalias"), "dmi:bvnDell\n").unwrap();
        assert_eq!(
            collect(sysfs.path()).unwrap(),
            "node_dmi_info{chassis_version=\"\",product_name=\"\u{fffd}\\\"x\\\"\",\
             system_vendor=\"Dell Inc.\"} 1"
        );
    }

    #[test]
    fn labels_are_those_of_the_help_in_its_order() {
        assert!(LABELS.is_sorted());
        assert!(HELP.contains(&LABELS.join(", ")));
    }
}
