//! What the drivers of network devices count, and what their hardware can do, `ethtool(8)`.

mod call;
mod modes;
mod name;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use watchpost_model::MetricType::{Gauge, Unknown};
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Filter, Flag, Pattern, Settings, text};
use call::{Driver, Ethtool};

const INCLUDE: Flag = Flag::pattern(
    "ethtool.device-include",
    "",
    "Regexp of ethtool devices to include (mutually exclusive to device-exclude).",
);
const EXCLUDE: Flag = Flag::pattern(
    "ethtool.device-exclude",
    "",
    "Regexp of ethtool devices to exclude (mutually exclusive to device-include).",
);
const METRICS: Flag = Flag::pattern(
    "ethtool.metrics-include",
    ".*",
    "Regexp of ethtool stats to include.",
);

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "ethtool",
    help: "What the drivers of network devices count.",
    default_on: false,
    flags: &[INCLUDE, EXCLUDE, METRICS],
    new: |settings| Box::new(Ethtools::new(settings)),
};

struct Ethtools {
    folder: PathBuf,
    devices: Filter,
    metrics: Option<Pattern>,
}

/// The families of what is counted: help text, and each device's place with its number.
type Statistics = BTreeMap<String, (String, Vec<(usize, u64)>)>;

impl Ethtools {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/net"),
            devices: settings.filter(&INCLUDE, &EXCLUDE),
            metrics: settings.pattern(&METRICS),
        }
    }

    /// Adds what a device's driver counts. Of names that become the same family none is told.
    fn add(&self, place: usize, counted: &[(String, u64)], all: &mut Statistics) {
        let mut families = BTreeMap::<String, Option<(String, u64)>>::new();
        for (name, value) in counted {
            let clean = name::clean(name);
            let metrics = self.metrics.as_ref();
            if clean.is_empty() || !metrics.is_none_or(|pattern| pattern.occurs_in(&clean)) {
                continue;
            }
            families
                .entry(name::family(&clean))
                .and_modify(|twice| *twice = None)
                .or_insert(Some((clean, *value)));
        }
        for (family, told) in families {
            if let Some((clean, value)) = told {
                let help = || (name::help(&clean).into_owned(), Vec::new());
                all.entry(family)
                    .or_insert_with(help)
                    .1
                    .push((place, value));
            }
        }
    }
}

impl Collector for Ethtools {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut devices = list(&self.folder)?;
        if devices.is_empty() {
            let error = "no network devices found";
            return Err(CollectError::Call(error.to_owned()));
        }
        devices.retain(|device| self.devices.lets_through(device));
        let ethtool = Ethtool::open()
            .map_err(|error| CollectError::Call(format!("socket for ethtool: {error}")))?;
        let (mut links, mut drivers) = (Vec::new(), Vec::new());
        let mut statistics = Statistics::new();
        // What a device does not tell, mostly because there is no hardware, is left out.
        for (place, device) in devices.iter().enumerate() {
            links.extend(
                ethtool
                    .link(device)
                    .ok()
                    .map(|link| (device.as_str(), link)),
            );
            drivers.extend(ethtool.driver(device).ok().map(|driver| (device, driver)));
            let counted = ethtool.statistics(device).unwrap_or_default();
            self.add(place, &counted, &mut statistics);
        }
        modes::write(&links, page);
        page.family(
            "node_ethtool_info",
            "A metric with a constant '1' value labeled by bus_info, device, driver, \
             expansion_rom_version, firmware_version, version.",
            Gauge,
        );
        for (device, driver) in &drivers {
            write_driver(device, driver, page);
        }
        write_statistics(&devices, &statistics, page);
        Ok(())
    }
}

/// The devices; a file among their folders is none.
fn list(folder: &Path) -> Result<Vec<String>, CollectError> {
    let none = |error| {
        let error = CollectError::read(folder, error);
        error.or_no_data("there are no network devices")
    };
    let entries = std::fs::read_dir(folder).map_err(none)?;
    let mut devices: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    devices.sort();
    Ok(devices)
}

fn write_driver(device: &str, driver: &Driver, page: &mut Page) {
    let labels = [
        ("bus_info", driver.bus.as_str()),
        ("device", device),
        ("driver", &driver.name),
        ("expansion_rom_version", &driver.rom),
        ("firmware_version", &driver.firmware),
        ("version", &driver.version),
    ];
    page.sample(&labels, 1.0);
}

fn write_statistics(devices: &[String], statistics: &Statistics, page: &mut Page) {
    for (family, (help, values)) in statistics {
        page.family(family, help, Unknown);
        for (place, value) in values {
            let mut series = page.series("");
            series.label("device", devices.get(*place).map_or("", String::as_str));
            text::put_integer(series, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::*;

    fn counted(names: &[(&str, u64)]) -> Vec<(String, u64)> {
        let owned = |(name, value): &(&str, u64)| ((*name).to_owned(), *value);
        names.iter().map(owned).collect()
    }

    #[test]
    fn what_drivers_count_is_told_by_family_and_device() {
        let mut settings = Settings::default();
        settings.set(&METRICS, vec!["rx|twice".to_owned()]).unwrap();
        let collector = Ethtools::new(&settings);
        let mut statistics = Statistics::new();
        let first = [
            ("rx_bytes", 1),
            ("tx_bytes", 2),
            ("twice.a", 3),
            ("twice-a", 4),
        ];
        collector.add(0, &counted(&first), &mut statistics);
        collector.add(
            1,
            &counted(&[("rx_bytes", u64::MAX), ("q rx", 6)]),
            &mut statistics,
        );
        let mut page = Page::new();
        let devices = ["eth0".to_owned(), "eth1".to_owned()];
        write_statistics(&devices, &statistics, &mut page);
        assert_eq!(
            String::from_utf8(page.finish().to_vec()).unwrap(),
            "# HELP node_ethtool_q_received Network interface q_rx\n\
             # TYPE node_ethtool_q_received untyped\n\
             node_ethtool_q_received{device=\"eth1\"} 6\n\
             # HELP node_ethtool_received_bytes_total Network interface bytes received\n\
             # TYPE node_ethtool_received_bytes_total untyped\n\
             node_ethtool_received_bytes_total{device=\"eth0\"} 1\n\
             node_ethtool_received_bytes_total{device=\"eth1\"} 18446744073709551615\n"
        );
    }

    #[test]
    fn files_are_no_devices_and_without_any_there_is_an_error() {
        let sysfs = tempfile::tempdir().unwrap();
        let settings = Settings::new(Paths {
            sysfs: sysfs.path().to_owned(),
            ..Paths::default()
        });
        let collect = || Ethtools::new(&settings).collect(&mut Page::new());
        assert!(matches!(collect(), Err(CollectError::NoData(_))));
        let folder = sysfs.path().join("class/net");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("bonding_masters"), "").unwrap();
        assert!(matches!(collect(), Err(CollectError::Call(_))));
        std::fs::create_dir(folder.join("none-such")).unwrap();
        assert!(collect().is_ok());
    }
}
