//! `edac`: memory errors that the hardware found, `/sys/devices/system/edac/mc`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType::Counter;
use watchpost_model::text::Page;

use super::attributes::{self, Attribute, Device, Labels, keep_first, put_whole};
use super::folder::{entries_if_any, numbered};
use super::{CollectError, Collector, Definition, Inventory, Settings, read_small};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "edac",
    help: "Memory errors that the hardware found.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(Edac::new(settings)),
};

/// Errors that were corrected, and those that were not.
type Errors = [Attribute<()>; 2];

const OF_CONTROLLERS: Errors = [
    (
        "node_edac_correctable_errors_total",
        "Total correctable memory errors.",
        Counter,
        "ce_count",
        (),
    ),
    (
        "node_edac_uncorrectable_errors_total",
        "Total uncorrectable memory errors.",
        Counter,
        "ue_count",
        (),
    ),
];

/// Of a row of chips; errors of an unknown row are `ce_noinfo_count` of the controller.
const OF_ROWS: Errors = [
    (
        "node_edac_csrow_correctable_errors_total",
        "Total correctable memory errors for this csrow.",
        Counter,
        "ce_count",
        (),
    ),
    (
        "node_edac_csrow_uncorrectable_errors_total",
        "Total uncorrectable memory errors for this csrow.",
        Counter,
        "ue_count",
        (),
    ),
];

/// Of a row's channel, which has its number in the names of its files.
const OF_CHANNELS: Errors = [
    (
        "node_edac_channel_correctable_errors_total",
        "Total correctable memory errors for this channel.",
        Counter,
        "ch*_ce_count",
        (),
    ),
    (
        "node_edac_channel_uncorrectable_errors_total",
        "Total uncorrectable memory errors for this channel.",
        Counter,
        "ch*_ue_count",
        (),
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
        let mut result = Ok(());
        for (table, devices) in [
            (&OF_CHANNELS, &mut memory.channels),
            (&OF_CONTROLLERS, &mut memory.controllers),
            (&OF_ROWS, &mut memory.rows),
        ] {
            let written = attributes::write(table, devices, page, put_whole);
            keep_first(&mut result, written);
        }
        attributes::settle(result, &mut self.memory)
    }
}

impl Memory {
    fn find(folder: &Path) -> Result<Self, CollectError> {
        let mut memory = Self::default();
        for (controller, folder) in numbered(entries_if_any(folder)?, "mc") {
            memory.add_controller(&controller, &folder)?;
        }
        Ok(memory)
    }

    fn add_controller(&mut self, controller: &str, folder: &Path) -> Result<(), CollectError> {
        let labels = vec![("controller", controller.to_owned())];
        let device = Device::new(folder, labels, &OF_CONTROLLERS);
        self.controllers.push(device);
        for (row, folder) in numbered(entries_if_any(folder)?, "csrow") {
            let labels = row_labels(controller, &row);
            self.rows.push(Device::new(&folder, labels, &OF_ROWS));
            self.add_channels(controller, &row, &folder)?;
        }
        // Errors of which the controller does not know the row.
        let labels = row_labels(controller, "unknown");
        let files = ["ce_noinfo_count", "ue_noinfo_count"].map(|file| folder.join(file));
        self.rows.push(Device::of_files(labels, files));
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
            let device = Device::of_files(labels, [path, uncorrected]);
            self.channels.push(device);
        }
        Ok(())
    }
}

fn row_labels(controller: &str, row: &str) -> Labels {
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
    use crate::collectors::fake_host::FakeHost;

    #[test]
    fn a_host_whose_memory_is_not_watched_has_no_series_and_no_fault() {
        let (outcome, series) = FakeHost::new(&[]).collect(&DEFINITION);
        assert!(outcome.is_ok() && series.is_empty());
    }

    #[test]
    fn errors_are_told_by_controller_row_and_channel_and_a_bad_count_costs_itself_only() {
        let host = FakeHost::new(&[
            ("sys/devices/system/edac/mc/mc0/ce_count", "1\n"),
            ("sys/devices/system/edac/mc/mc0/ue_count", "5\n"),
            ("sys/devices/system/edac/mc/mc0/ce_noinfo_count", "2\n"),
            ("sys/devices/system/edac/mc/mc0/csrow3/ce_count", "3\n"),
            ("sys/devices/system/edac/mc/mc0/csrow3/ue_count", "many\n"),
            ("sys/devices/system/edac/mc/mc0/csrow3/ch1_ce_count", "4\n"),
            (
                "sys/devices/system/edac/mc/mc0/csrow3/ch1_dimm_label",
                "CPU#0_channel1\n",
            ),
            ("sys/devices/system/edac/mc/mc0/csrow3/ch2_ce_count", "6\n"),
            ("sys/devices/system/edac/mc/power/ce_count", "7\n"),
        ]);
        let (outcome, series) = host.collect(&DEFINITION);
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
