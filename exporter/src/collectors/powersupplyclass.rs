//! `powersupplyclass`: batteries and mains adapters of `/sys/class/power_supply`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use watchpost_model::MetricType;
use watchpost_model::text::{Page, Series};

use super::{
    CollectError, Collector, Definition, Flag, Inventory, KeptFile, Pattern, Settings, folder,
};

const IGNORED: Flag = Flag::pattern(
    "powersupply.ignored-supplies",
    "^$",
    "Regexp of power supplies to ignore for powersupplyclass collector.",
);

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "powersupplyclass",
    help: "Batteries and mains adapters.",
    default_on: true,
    flags: &[IGNORED],
    new: |settings| Box::new(PowerSupplies::new(settings)),
};

/// Family (after `node_power_supply_`), file, and what one of the family's unit is in the file's.
const NUMBERS: &[(&str, &str, f64)] = &[
    ("authentic", "authentic", 1.0),
    ("calibrate", "calibrate", 1.0),
    ("capacity", "capacity", 1.0),
    ("capacity_alert_max", "capacity_alert_max", 1.0),
    ("capacity_alert_min", "capacity_alert_min", 1.0),
    ("cyclecount", "cycle_count", 1.0),
    ("online", "online", 1.0),
    ("present", "present", 1.0),
    ("time_to_empty_seconds", "time_to_empty_now", 1.0),
    ("time_to_full_seconds", "time_to_full_now", 1.0),
    ("current_boot", "current_boot", 1e6),
    ("current_max", "current_max", 1e6),
    ("current_ampere", "current_now", 1e6),
    ("energy_empty", "energy_empty", 1e6),
    ("energy_empty_design", "energy_empty_design", 1e6),
    ("energy_full", "energy_full", 1e6),
    ("energy_full_design", "energy_full_design", 1e6),
    ("energy_watthour", "energy_now", 1e6),
    ("voltage_boot", "voltage_boot", 1e6),
    ("voltage_max", "voltage_max", 1e6),
    ("voltage_max_design", "voltage_max_design", 1e6),
    ("voltage_min", "voltage_min", 1e6),
    ("voltage_min_design", "voltage_min_design", 1e6),
    ("voltage_volt", "voltage_now", 1e6),
    ("voltage_ocv", "voltage_ocv", 1e6),
    ("charge_control_limit", "charge_control_limit", 1e6),
    ("charge_control_limit_max", "charge_control_limit_max", 1e6),
    ("charge_counter", "charge_counter", 1e6),
    ("charge_empty", "charge_empty", 1e6),
    ("charge_empty_design", "charge_empty_design", 1e6),
    ("charge_full", "charge_full", 1e6),
    ("charge_full_design", "charge_full_design", 1e6),
    ("charge_ampere", "charge_now", 1e6),
    ("charge_term_current", "charge_term_current", 1e6),
    ("constant_charge_current", "constant_charge_current", 1e6),
    (
        "constant_charge_current_max",
        "constant_charge_current_max",
        1e6,
    ),
    ("constant_charge_voltage", "constant_charge_voltage", 1e6),
    (
        "constant_charge_voltage_max",
        "constant_charge_voltage_max",
        1e6,
    ),
    ("precharge_current", "precharge_current", 1e6),
    ("input_current_limit", "input_current_limit", 1e6),
    ("power_watt", "power_now", 1e6),
    ("temp_celsius", "temp", 10.0),
    ("temp_alert_max_celsius", "temp_alert_max", 10.0),
    ("temp_alert_min_celsius", "temp_alert_min", 10.0),
    ("temp_ambient_celsius", "temp_ambient", 10.0),
    ("temp_ambient_max_celsius", "temp_ambient_max", 10.0),
    ("temp_ambient_min_celsius", "temp_ambient_min", 10.0),
    ("temp_max_celsius", "temp_max", 10.0),
    ("temp_min_celsius", "temp_min", 10.0),
];

/// The files that are labels of `node_power_supply_info`, in the order of its labels.
const TEXTS_BEFORE_NAME: &[&str] = &[
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
];
const TEXTS_AFTER_NAME: &[&str] = &[
    "scope",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
];

#[derive(Debug)]
struct PowerSupplies {
    folder: PathBuf,
    ignored: Option<Pattern>,
    supplies: Inventory<Vec<Supply>>,
}

/// A supply and those of its files that are there.
#[derive(Debug)]
struct Supply {
    name: String,
    /// For each of [`NUMBERS`].
    numbers: Vec<Option<KeptFile>>,
    /// For each of [`TEXTS_BEFORE_NAME`].
    before: Vec<Option<KeptFile>>,
    /// For each of [`TEXTS_AFTER_NAME`].
    after: Vec<Option<KeptFile>>,
}

impl PowerSupplies {
    fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.paths.sysfs.join("class/power_supply"),
            ignored: settings.pattern(&IGNORED),
            supplies: Inventory::default(),
        }
    }
}

impl Collector for PowerSupplies {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let (folder, ignored) = (&self.folder, self.ignored.as_ref());
        let supplies = self
            .supplies
            .get(Instant::now(), |_| find(folder, ignored))?;
        if supplies.is_empty() {
            return Ok(());
        }
        for (at, (family, _, per_unit)) in NUMBERS.iter().enumerate() {
            page.family(
                &format!("node_power_supply_{family}"),
                &format!("{family} value of /sys/class/power_supply/<power_supply>."),
                MetricType::Gauge,
            );
            for supply in &mut *supplies {
                let file = supply.numbers.get_mut(at).and_then(Option::as_mut);
                if let Some(value) = file.and_then(integer) {
                    let labels = [("power_supply", supply.name.as_str())];
                    page.sample(&labels, value as f64 / per_unit);
                }
            }
        }
        page.family(
            "node_power_supply_info",
            "info of /sys/class/power_supply/<power_supply>.",
            MetricType::Gauge,
        );
        for supply in supplies {
            let mut series = page.series("");
            put_texts(&mut series, TEXTS_BEFORE_NAME, &mut supply.before);
            series.label("power_supply", &supply.name);
            put_texts(&mut series, TEXTS_AFTER_NAME, &mut supply.after);
            series.value(1.0);
        }
        Ok(())
    }
}

fn find(folder: &Path, ignored: Option<&Pattern>) -> Result<Vec<Supply>, CollectError> {
    let entries =
        folder::entries(folder)?.ok_or(CollectError::NoData("this host has no power supplies"))?;
    let wanted = |name: &str| !ignored.is_some_and(|ignored| ignored.occurs_in(name));
    let supplies = entries.into_iter().filter(|(name, _)| wanted(name));
    Ok(supplies.map(Supply::new).collect())
}

impl Supply {
    fn new((name, folder): (String, PathBuf)) -> Self {
        let file = |name: &str| {
            let path = folder.join(name);
            path.exists().then(|| KeptFile::at_once(path))
        };
        Self {
            name,
            numbers: NUMBERS.iter().map(|(_, name, _)| file(name)).collect(),
            before: TEXTS_BEFORE_NAME.iter().map(|name| file(name)).collect(),
            after: TEXTS_AFTER_NAME.iter().map(|name| file(name)).collect(),
        }
    }
}

fn put_texts(series: &mut Series<'_>, names: &[&str], files: &mut [Option<KeptFile>]) {
    for (name, file) in names.iter().zip(files) {
        let text = file.as_mut().and_then(|file| file.read().ok());
        let text = text.unwrap_or_default().trim_ascii();
        if !text.is_empty() {
            series.label(name, text);
        }
    }
}

fn integer(file: &mut KeptFile) -> Option<i64> {
    let text = file.read().ok()?.trim_ascii();
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::super::fake_host::{FakeHost, bears_any_bytes};
    use super::*;

    fn collect(sysfs: &Path) -> Result<String, CollectError> {
        let settings = Settings::new(Paths {
            sysfs: sysfs.to_owned(),
            ..Paths::default()
        });
        let mut page = Page::new();
        PowerSupplies::new(&settings).collect(&mut page)?;
        Ok(String::from_utf8(page.finish().to_vec()).unwrap())
    }

    #[test]
    fn a_host_without_power_supplies_has_no_data() {
        let sysfs = tempfile::tempdir().unwrap();
        let error = collect(sysfs.path()).unwrap_err();
        assert!(matches!(error, CollectError::NoData(_)));
    }

    #[test]
    fn a_battery_has_its_numbers_in_base_units_and_a_bad_file_costs_itself_only() {
        let sysfs = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("AC/type", "Mains"),
            ("AC/online", "0"),
            ("BAT0/type", "Battery"),
            ("BAT0/status", "Discharging"),
            ("BAT0/capacity", "81"),
            ("BAT0/voltage_now", "11660000"),
            ("BAT0/temp", "-25"),
            ("BAT0/power_now", "broken"),
            ("BAT0/manufacturer", ""),
        ] {
            let path = sysfs.path().join("class/power_supply").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{text}\n")).unwrap();
        }
        let text = collect(sysfs.path()).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                r#"node_power_supply_capacity{power_supply="BAT0"} 81"#,
                r#"node_power_supply_online{power_supply="AC"} 0"#,
                r#"node_power_supply_voltage_volt{power_supply="BAT0"} 11.66"#,
                r#"node_power_supply_temp_celsius{power_supply="BAT0"} -2.5"#,
                r#"node_power_supply_info{power_supply="AC",type="Mains"} 1"#,
                r#"node_power_supply_info{power_supply="BAT0",status="Discharging",type="Battery"} 1"#,
            ]
        );
    }

    #[test]
    fn any_bytes_are_read_without_a_panic() {
        let host = FakeHost::new(&[("sys/class/power_supply/BAT0/capacity", "98\n")]);
        let file = host.root().join("sys/class/power_supply/BAT0/capacity");
        bears_any_bytes(&DEFINITION, &host.settings(), &file);
    }
}
