use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::super::Paths;
use super::super::fake_host::{FakeHost, bears_any_bytes};
use super::*;

fn page(sysfs: &Path) -> String {
    let settings = Settings::new(Paths {
        sysfs: sysfs.to_owned(),
        ..Paths::default()
    });
    let mut page = Page::new();
    Hwmon::new(&settings).collect(&mut page).unwrap();
    String::from_utf8(page.finish().to_vec()).unwrap()
}

/// A chip under `/sys/devices/platform/DEVICE`, or one without a device.
fn add_chip(sysfs: &Path, number: u32, device: Option<&str>, files: &[(&str, &str)]) {
    let class = sysfs.join("class/hwmon");
    fs::create_dir_all(&class).unwrap();
    let home = match device {
        Some(device) => sysfs.join("devices/platform").join(device),
        None => sysfs.join("devices/virtual"),
    };
    let folder = home.join(format!("hwmon/hwmon{number}"));
    fs::create_dir_all(&folder).unwrap();
    if device.is_some() {
        symlink(&home, folder.join("device")).unwrap();
    }
    for (name, text) in files {
        fs::write(folder.join(name), format!("{text}\n")).unwrap();
    }
    symlink(&folder, class.join(format!("hwmon{number}"))).unwrap();
}

#[test]
fn a_host_without_chips_has_no_data() {
    let sysfs = tempfile::tempdir().unwrap();
    let settings = Settings::new(Paths {
        sysfs: sysfs.path().to_owned(),
        ..Paths::default()
    });
    let error = Hwmon::new(&settings).collect(&mut Page::new()).unwrap_err();
    assert!(matches!(error, CollectError::NoData(_)));
}

#[test]
fn sensors_have_their_units_and_a_bad_one_costs_itself_only() {
    let sysfs = tempfile::tempdir().unwrap();
    let files = [
        ("name", "k10temp"),
        ("temp1_input", "55125"),
        ("temp1_label", "Tctl"),
        ("temp1_crit", "100000"),
        ("temp2_input", "no number"),
        ("fan1_input", "1200"),
        ("in0_input", "792"),
        ("power1_average", "12500000"),
        ("energy1_input", "2000000"),
        ("curr1_input", "1500"),
        ("temp1_alarm", "0"),
        ("pwm1", "128"),
    ];
    add_chip(sysfs.path(), 0, Some("k10.0"), &files);
    // What cannot be read, here a folder, has no series.
    fs::create_dir(
        sysfs
            .path()
            .join("devices/platform/k10.0/hwmon/hwmon0/temp3_input"),
    )
    .unwrap();
    let page = page(sysfs.path());
    let mut lines: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            r#"node_hwmon_chip_names{chip="platform_k10_0",chip_name="k10temp"} 1"#,
            r#"node_hwmon_curr_amps{chip="platform_k10_0",sensor="curr1"} 1.5"#,
            r#"node_hwmon_energy_joule_total{chip="platform_k10_0",sensor="energy1"} 2"#,
            r#"node_hwmon_fan_rpm{chip="platform_k10_0",sensor="fan1"} 1200"#,
            r#"node_hwmon_in_volts{chip="platform_k10_0",sensor="in0"} 0.792"#,
            r#"node_hwmon_power_average_watt{chip="platform_k10_0",sensor="power1"} 12.5"#,
            r#"node_hwmon_pwm{chip="platform_k10_0",sensor="pwm1"} 128"#,
            r#"node_hwmon_sensor_label{chip="platform_k10_0",label="Tctl",sensor="temp1"} 1"#,
            r#"node_hwmon_temp_alarm{chip="platform_k10_0",sensor="temp1"} 0"#,
            r#"node_hwmon_temp_celsius{chip="platform_k10_0",sensor="temp1"} 55.125"#,
            r#"node_hwmon_temp_crit_celsius{chip="platform_k10_0",sensor="temp1"} 100"#,
        ]
    );
    assert!(page.contains("# TYPE node_hwmon_energy_joule_total counter\n"));
    assert!(
        page.contains("# HELP node_hwmon_temp_celsius Hardware monitor for temperature (input)\n")
    );
}

#[test]
fn chips_of_one_device_are_told_apart() {
    let sysfs = tempfile::tempdir().unwrap();
    let temp = ("temp1_input", "1000");
    add_chip(sysfs.path(), 0, Some("asus"), &[("name", "fans"), temp]);
    add_chip(sysfs.path(), 1, Some("asus"), &[("name", "wmi"), temp]);
    add_chip(sysfs.path(), 2, Some("twin"), &[("name", "same"), temp]);
    add_chip(sysfs.path(), 3, Some("twin"), &[("name", "same"), temp]);
    add_chip(sysfs.path(), 4, None, &[("name", "nct6779"), temp]);
    add_chip(sysfs.path(), 5, None, &[temp]);
    let page = page(sysfs.path());
    let chips: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("node_hwmon_temp_celsius{chip=\""))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(
        chips,
        [
            "hwmon5",
            "nct6779",
            "platform_asus_fans",
            "platform_asus_wmi",
            "platform_twin_hwmon2",
            "platform_twin_hwmon3",
        ]
    );
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let host = FakeHost::new(&[
        ("sys/class/hwmon/hwmon0/name", "nct6779\n"),
        ("sys/class/hwmon/hwmon0/temp1_input", "12376\n"),
    ]);
    let file = host.root().join("sys/class/hwmon/hwmon0/temp1_input");
    bears_any_bytes(&DEFINITION, &host.settings(), &file);
}
