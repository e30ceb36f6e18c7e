//! `infiniband`: InfiniBand, RoCE and Omni-Path ports, `/sys/class/infiniband`.

mod families;

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::attributes::{self, Device, Labels};
use super::folder::{entries, entries_if_any};
use super::{CollectError, Collector, Definition, Filter, Flag, Inventory, Settings, read_small};
use families::{TABLE, put};

const INCLUDE: Flag = Flag::pattern(
    "infiniband.device-include",
    "",
    "Regexp of infiniband devices to include (mutually exclusive to device-exclude).",
);
const EXCLUDE: Flag = Flag::pattern(
    "infiniband.device-exclude",
    "",
    "Regexp of infiniband devices to exclude (mutually exclusive to device-include).",
);

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "infiniband",
    help: "What each InfiniBand port sent and received, and its errors.",
    default_on: true,
    flags: &[INCLUDE, EXCLUDE],
    new: |settings| Box::new(InfiniBand::new(settings)),
};

#[derive(Debug)]
struct InfiniBand {
    folder: PathBuf,
    filter: Filter,
    /// None on a host without such devices.
    devices: Inventory<Option<Devices>>,
}

#[derive(Debug, Default)]
struct Devices {
    /// What does not change while a device is there.
    infos: Vec<Labels>,
    ports: Vec<Device>,
}

impl InfiniBand {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/infiniband"),
            filter: settings.filter(&INCLUDE, &EXCLUDE),
            devices: Inventory::default(),
        }
    }
}

impl Collector for InfiniBand {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let list = |_| list(&self.folder, &self.filter);
        let Some(devices) = self.devices.get(Instant::now(), list)? else {
            return Err(CollectError::NoData("this host has no InfiniBand devices"));
        };
        page.family(
            "node_infiniband_info",
            "Non-numeric data from /sys/class/infiniband/<device>, value is always 1.",
            MetricType::Gauge,
        );
        for labels in &devices.infos {
            attributes::labelled(page, labels).digits(b"1");
        }
        let result = attributes::write(TABLE, &mut devices.ports, page, put);
        attributes::settle(result, &mut self.devices)
    }
}

fn list(folder: &Path, filter: &Filter) -> Result<Option<Devices>, CollectError> {
    let Some(entries) = entries(folder)? else {
        return Ok(None);
    };
    let mut found = Devices::default();
    for (device, folder) in entries {
        if !filter.lets_through(&device) {
            continue;
        }
        for (port, folder) in entries_if_any(&folder.join("ports"))? {
            let labels = vec![("device", device.clone()), ("port", port)];
            found.ports.push(Device::new(&folder, labels, TABLE));
        }
        // Not all drivers have all of them.
        let text = |file| read_small(&folder.join(file)).unwrap_or_default();
        found.infos.push(vec![
            ("board_id", text("board_id")),
            ("device", device),
            ("firmware_version", text("fw_ver")),
            ("hca_type", text("hca_type")),
        ]);
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::families::Unit;
    use super::*;

    fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Settings) {
        let sysfs = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = sysfs.path().join("class/infiniband").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{text}\n")).unwrap();
        }
        let settings = Settings::new(Paths {
            sysfs: sysfs.path().to_owned(),
            ..Paths::default()
        });
        (sysfs, settings)
    }

    fn collect(settings: &Settings) -> (Vec<String>, Result<(), CollectError>) {
        let mut page = Page::new();
        let result = InfiniBand::new(settings).collect(&mut page);
        let text = String::from_utf8_lossy(page.finish()).into_owned();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        (lines.map(str::to_owned).collect(), result)
    }

    const HOST: &[(&str, &str)] = &[
        ("mlx5_0/fw_ver", "20.1"),
        ("mlx5_0/ports/1/state", "4: ACTIVE"),
        ("mlx5_0/ports/1/rate", "2.5 Gb/sec (1X)"),
        ("mlx5_0/ports/1/counters/port_xmit_data", "10"),
        ("mlx5_0/ports/1/counters/link_downed", "N/A (no PMA)"),
        ("mlx5_0/ports/1/hw_counters/lifespan", "10"),
        ("mlx5_1/fw_ver", "20.2"),
        ("mlx5_1/ports/1/state", "?"),
        ("mlx5_1/ports/1/phys_state", "5: LinkUp"),
    ];

    #[test]
    fn data_are_counted_in_words_and_a_bad_file_costs_itself_only() {
        let (_folder, settings) = host(HOST);
        let (lines, result) = collect(&settings);
        assert_eq!(
            lines,
            [
                r#"node_infiniband_info{board_id="",device="mlx5_0",firmware_version="20.1",hca_type=""} 1"#,
                r#"node_infiniband_info{board_id="",device="mlx5_1",firmware_version="20.2",hca_type=""} 1"#,
                r#"node_infiniband_state_id{device="mlx5_0",port="1"} 4"#,
                r#"node_infiniband_physical_state_id{device="mlx5_1",port="1"} 5"#,
                r#"node_infiniband_rate_bytes_per_second{device="mlx5_0",port="1"} 3.125e+08"#,
                r#"node_infiniband_port_data_transmitted_bytes_total{device="mlx5_0",port="1"} 40"#,
                r#"node_infiniband_lifespan_seconds{device="mlx5_0",port="1"} 0.01"#,
            ]
        );
        let error = result.unwrap_err().to_string();
        assert!(error.ends_with("state`: expected a number, found `?`"));
    }

    #[test]
    fn devices_that_are_excluded_are_not_looked_at() {
        let (_folder, mut settings) = host(HOST);
        settings.set(&EXCLUDE, vec!["_1$".to_owned()]).unwrap();
        let (lines, result) = collect(&settings);
        assert!(result.is_ok());
        assert!(!lines.is_empty() && !lines.iter().any(|line| line.contains("mlx5_1")));
    }

    #[test]
    fn a_host_without_devices_has_no_data() {
        let (_folder, settings) = host(&[]);
        let (lines, result) = collect(&settings);
        assert!(lines.is_empty());
        assert!(matches!(result, Err(CollectError::NoData(_))));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_number_or_a_fault(text: Vec<u8>, near in "[0-9]{0,22}[:. ]?[0-9]{0,3}( Gb/sec.?|: ACTIVE)?") {
            attributes::assert_bears(&text, &UNITS, put);
            attributes::assert_bears(near.as_bytes(), &UNITS, put);
        }
    }

    #[test]
    fn a_rate_or_a_state_that_is_cut_is_none_or_the_same() {
        let rows: [(&[u8], Unit); 2] = [
            (b"2.5 Gb/sec (1X)", Unit::Rate),
            (b"4: ACTIVE", Unit::State),
        ];
        for (text, unit) in rows {
            let value = |text: &[u8]| {
                let mut page = Page::new();
                page.family("x", "X.", MetricType::Gauge);
                put(text, unit, page.series(""))?;
                Some(page.finish().to_vec())
            };
            let whole = value(text);
            assert!(whole.is_some());
            for end in 0..text.len() {
                let cut = value(&text[..end]);
                assert!(cut.is_none() || cut == whole, "{end}");
            }
        }
    }

    const UNITS: [Unit; 5] = [
        Unit::Count,
        Unit::Words,
        Unit::Milliseconds,
        Unit::State,
        Unit::Rate,
    ];
}
