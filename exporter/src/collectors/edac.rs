//! `edac`: memory errors that the hardware found, `/sys/devices/system/edac/mc`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Counter;
use watchpost_model::text::Page;

use super::attribute::{self, Device, Family, Faults, entries_if_any, numbered};
use super::{CollectError, Collector, Definition, Inventory, Settings, read_small};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "edac",
    help: "Memory errors that the hardware found.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Edac::new(settings)),
};

const fn family(name: &'static str, help: &'static str) -> Family {
    let kind = Counter;
    Family { name, help, kind }
}

/// Errors that were corrected, and those that were not: of a controller, of a row of chips, and of
/// a row's channel.
const OF_CONTROLLERS: [Family; 2] = [
    family(
        "node_edac_correctable_errors_total",
        "Total correctable memory errors.",
    ),
    family(
        "node_edac_uncorrectable_errors_total",
        "Total uncorrectable memory errors.",
    ),
];
const OF_ROWS: [Family; 2] = [
    family(
        "node_edac_csrow_correctable_errors_total",
        "Total correctable memory errors for this csrow.",
    ),
    family(
        "node_edac_csrow_uncorrectable_errors_total",
        "Total uncorrectable memory errors for this csrow.",
    ),
];
const OF_CHANNELS: [Family; 2] = [
    family(
        "node_edac_channel_correctable_errors_total",
        "Total correctable memory errors for this channel.",
    ),
    family(
        "node_edac_channel_uncorrectable_errors_total",
        "Total uncorrectable memory errors for this channel.",
    ),
];

struct Edac {
    folder: PathBuf,
    memory: Inventory<Memory>,
}

#[derive(Default)]
struct Memory {
    controllers: Vec<Device>,
    rows: Vec<Device>,
    channels: Vec<Device>,
}

impl Edac {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("devices/system/edac/mc"),
            memory: Inventory::default(),
        }
    }
}

impl Collector for Edac {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let find = |_| Memory::find(&self.folder);
        let memory = self.memory.get(Instant::now(), find)?;
        let mut faults = Faults::default();
        attribute::write(&OF_CHANNELS, &mut memory.channels, page, &mut faults);
        attribute::write(&OF_CONTROLLERS, &mut memory.controllers, page, &mut faults);
        attribute::write(&OF_ROWS, &mut memory.rows, page, &mut faults);
        if faults.gone {
            self.memory.forget();
        }
        faults.finish()
    }
}

impl Memory {
    fn find(folder: &Path) -> Result<Self, CollectError> {
        let mut memory = Self::default();
        for (controller, folder) in numbered(entries_if_any(folder)?, "mc") {
            memory.add_controller(&controller, &folder)?;
        }
        let devices = memory.controllers.iter_mut().chain(&mut memory.rows);
        attribute::limit_open(devices.chain(&mut memory.channels));
        Ok(memory)
    }

    fn add_controller(&mut self, controller: &str, folder: &Path) -> Result<(), CollectError> {
        let labels = vec![("controller", controller.to_owned())];
        let files = ["ce_count", "ue_count"].map(|file| folder.join(file));
        self.controllers.push(Device::new(labels, files));
        for (row, folder) in numbered(entries_if_any(folder)?, "csrow") {
            let labels = row_labels(controller, &row);
            let files = ["ce_count", "ue_count"].map(|file| folder.join(file));
            self.rows.push(Device::new(labels, files));
            self.add_channels(controller, &row, &folder)?;
        }
        // Errors of which the controller does not know the row.
        let labels = row_labels(controller, "unknown");
        let files = ["ce_noinfo_count", "ue_noinfo_count"].map(|file| folder.join(file));
        self.rows.push(Device::new(labels, files));
        Ok(())
    }

    /// A row's channels are the files `chN_ce_count`.
    fn add_channels(
        &mut self,
        controller: &str,
        row: &str,
        folder: &Path,
    ) -> Result<(), CollectError> {
        for (name, path) in entries_if_any(folder)? {
            let channel = name.strip_prefix("ch");
            let Some(channel) = channel.and_then(|rest| rest.strip_suffix("_ce_count")) else {
                continue;
            };
            let label = read_small(&folder.join(format!("ch{channel}_dimm_label")));
            let mut labels = vec![("channel", channel.to_owned())];
            labels.extend(row_labels(controller, row));
            labels.push(("dimm_label", clean(&label.unwrap_or_default())));
            let uncorrected = folder.join(format!("ch{channel}_ue_count"));
            self.channels.push(Device::new(labels, [path, uncorrected]));
        }
        Ok(())
    }
}

fn row_labels(controller: &str, row: &str) -> Vec<(&'static str, String)> {
    vec![
        ("controller", controller.to_owned()),
        ("csrow", row.to_owned()),
    ]
}

/// A module's label as `node_exporter` writes it.
fn clean(label: &str) -> String {
    if label.is_empty() {
        return "unknown".to_owned();
    }
    label
        .replace('#', "")
        .replace("csrow", "_csrow")
        .replace("channel", "_channel")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::Paths;

    fn collect(sysfs: &Path) -> (Result<(), CollectError>, Vec<String>) {
        let mut collector = Edac::new(&Settings::new(Paths {
            sysfs: sysfs.to_owned(),
            ..Paths::default()
        }));
        let mut page = Page::new();
        let outcome = collector.collect(&mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let series = text.lines().filter(|line| !line.starts_with('#'));
        (outcome, series.map(str::to_owned).collect())
    }

    #[test]
    fn a_host_whose_memory_is_not_watched_has_no_series_and_no_fault() {
        let sysfs = tempfile::tempdir().unwrap();
        let (outcome, series) = collect(sysfs.path());
        assert!(outcome.is_ok() && series.is_empty());
    }

    #[test]
    fn errors_are_told_by_controller_row_and_channel_and_a_bad_count_costs_itself_only() {
        let sysfs = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("mc0/ce_count", "1\n"),
            ("mc0/ue_count", "5\n"),
            ("mc0/ce_noinfo_count", "2\n"),
            ("mc0/csrow3/ce_count", "3\n"),
            ("mc0/csrow3/ue_count", "many\n"),
            ("mc0/csrow3/ch1_ce_count", "4\n"),
            ("mc0/csrow3/ch1_dimm_label", "CPU#0_channel1\n"),
            ("mc0/csrow3/ch2_ce_count", "6\n"),
            ("power/ce_count", "7\n"),
        ] {
            let path = sysfs.path().join("devices/system/edac/mc").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (outcome, series) = collect(sysfs.path());
        assert_eq!(
            series,
            [
                "node_edac_channel_correctable_errors_total{channel=\"1\",controller=\"0\",\
                 csrow=\"3\",dimm_label=\"CPU0__channel1\"} 4",
                "node_edac_channel_correctable_errors_total{channel=\"2\",controller=\"0\",\
                 csrow=\"3\",dimm_label=\"unknown\"} 6",
                "node_edac_correctable_errors_total{controller=\"0\"} 1",
                "node_edac_uncorrectable_errors_total{controller=\"0\"} 5",
                "node_edac_csrow_correctable_errors_total{controller=\"0\",csrow=\"3\"} 3",
                "node_edac_csrow_correctable_errors_total{controller=\"0\",csrow=\"unknown\"} 2",
            ]
        );
        let told = outcome.unwrap_err().to_string();
        assert!(told.contains("csrow3/ue_count"), "{told}");
    }
}
