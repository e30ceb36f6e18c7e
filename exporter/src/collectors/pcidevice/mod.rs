//! `pcidevice`: devices on the PCI bus, their links and their power, `/sys/bus/pci/devices`.

mod device;
mod names;

use std::path::PathBuf;
use std::time::Instant;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::faults::Faults;
use super::{
    CollectError, Collector, Definition, Flag, FlagKind, Inventory, KeptFile, Settings, folder,
};
use device::{Device, FAMILIES, Reading};
use names::Names;

const NAMES: Flag = Flag::switch(
    "pcidevice.names",
    "Tell the names of the devices as well (needs a file pci.ids).",
);
const IDS_FILE: Flag = Flag {
    name: "pcidevice.idsfile",
    help: "The file pci.ids, where it is not at one of its usual places.",
    kind: FlagKind::Text { default: "" },
};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "pcidevice",
    help: "Devices on the PCI bus, their links and their power.",
    default_on: false,
    flags: &[IDS_FILE, NAMES],
    new: |settings| Box::new(PciDevices::new(settings)),
};

/// The states of power that a device may be in.
const POWER_STATES: [&str; 7] = ["D0", "D1", "D2", "D3cold", "D3hot", "error", "unknown"];

struct PciDevices {
    folder: PathBuf,
    devices: Inventory<Option<Vec<Device>>>,
    /// None where names are not wanted.
    names: Option<Names>,
}

impl PciDevices {
    fn new(settings: &Settings) -> Self {
        let file = settings.text(&IDS_FILE);
        Self {
            folder: settings.paths.sysfs.join("bus/pci/devices"),
            devices: Inventory::default(),
            names: settings.switch(&NAMES).then(|| Names::new(file)),
        }
    }
}

impl Collector for PciDevices {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let find = |_| {
            let Some(entries) = folder::entries(&self.folder)? else {
                return Ok(None);
            };
            let devices = entries.into_iter();
            let mut devices: Vec<_> = devices
                .filter_map(|(name, path)| Device::find(&name, &path))
                .collect();
            if let Some(names) = &mut self.names {
                names.add_to(&mut devices);
            }
            Ok(Some(devices))
        };
        let Some(devices) = self.devices.get(Instant::now(), find)? else {
            return Err(CollectError::NoData("this host has no PCI bus"));
        };
        let mut faults = Faults::default();
        page.family(
            "node_pcidevice_info",
            "Non-numeric data from /sys/bus/pci/devices/<location>, value is always 1.",
            Gauge,
        );
        for device in &*devices {
            let mut series = page.series("");
            for (label, text) in &device.info {
                series.label(label, text);
            }
            series.digits(b"1");
        }
        write_numbers(devices, page, &mut faults);
        write_power(devices, page, &mut faults);
        faults.settle(&mut self.devices)
    }
}

fn write_numbers(devices: &mut [Device], page: &mut Page, faults: &mut Faults) {
    for (at, family) in FAMILIES.iter().enumerate() {
        page.family(family.name, family.help, Gauge);
        for device in &mut *devices {
            let Some(reading) = device.readings.get_mut(at) else {
                continue;
            };
            let value = match reading {
                Reading::Known(value) => *value,
                Reading::File(file) => faults.unless(family.read(file)).flatten(),
            };
            if let Some(value) = value {
                device.location.start(page.series("")).value(value);
            }
        }
    }
}

fn write_power(devices: &mut [Device], page: &mut Page, faults: &mut Faults) {
    page.family(
        "node_pcidevice_power_state",
        "PCIe device power state, one of: D0, D1, D2, D3hot, D3cold, unknown or error.",
        Gauge,
    );
    for device in devices {
        let read = device.power.as_mut().map(KeptFile::read);
        let Some(now) = read.and_then(|read| faults.unless(read)) else {
            continue;
        };
        for state in POWER_STATES {
            let mut series = device.location.start(page.series(""));
            series.label("state", state);
            series.digits(if now.trim_ascii() == state.as_bytes() {
                b"1"
            } else {
                b"0"
            });
        }
    }
}

#[cfg(test)]
mod tests;
