use std::os::unix::fs::symlink;

use super::device::Location;
use super::*;
use crate::collectors::fake_host::{FakeHost, collect};

/// A bridge and a device behind it.
fn host() -> FakeHost {
    let host = FakeHost::new(&[("sys/bus/pci/devices/not-a-location/class", "0x1\n")]);
    let bridge = "devices/pci0000:00/0000:00:02.1";
    let device = "devices/pci0000:00/0000:00:02.1/0000:01:0a.7";
    for (folder, files) in [
        (
            bridge,
            [("class", "0x060400\n"), ("vendor", "0x1022\n")].as_slice(),
        ),
        (
            device,
            &[
                ("class", "0x010802\n"),
                ("revision", "0x01\n"),
                ("numa_node", "1\n"),
                ("current_link_speed", "16.0 GT/s PCIe\n"),
                ("current_link_width", "x4\n"),
                ("max_link_speed", "Unknown\n"),
                ("max_link_width", "8\n"),
                ("d3cold_allowed", "1\n"),
                ("sriov_numvfs", "4\n"),
                ("power_state", "D3hot\n"),
            ],
        ),
    ] {
        for (file, text) in files {
            host.write(&format!("sys/{folder}/{file}"), text);
        }
        let name = folder.rsplit('/').next().unwrap();
        let link = host.root().join("sys/bus/pci/devices").join(name);
        symlink(format!("../../../{folder}"), link).unwrap();
    }
    host.write("sys/devices/pci0000:00/0000:00:02.1/numa_node", "-1\n");
    host.write("pci.ids", "C 06  Bridge\n1022  AMD\n");
    host
}

#[test]
fn devices_have_their_place_their_links_and_their_power_and_a_bad_file_costs_itself_only() {
    let (outcome, lines) = host().collect(&DEFINITION);
    let has = |line: &str| lines.iter().any(|have| have == line);
    let at = r#"bus="01",device="0a",function="7",segment="0000""#;
    for line in [
        r#"node_pcidevice_info{bus="00",class_id="0x060400",device="02",device_id="",function="1",parent_bus="*",parent_device="*",parent_function="*",parent_segment="*",revision="",segment="0000",subsystem_device_id="",subsystem_vendor_id="",vendor_id="0x1022"} 1"#,
        r#"node_pcidevice_info{bus="01",class_id="0x010802",device="0a",device_id="",function="7",parent_bus="00",parent_device="02",parent_function="1",parent_segment="0000",revision="0x01",segment="0000",subsystem_device_id="",subsystem_vendor_id="",vendor_id=""} 1"#,
        &format!("node_pcidevice_current_link_transfers_per_second{{{at}}} 1.6e+10"),
        &format!("node_pcidevice_max_link_transfers_per_second{{{at}}} -1"),
        &format!("node_pcidevice_max_link_width{{{at}}} 8"),
        &format!("node_pcidevice_d3cold_allowed{{{at}}} 1"),
        &format!("node_pcidevice_sriov_numvfs{{{at}}} 4"),
        &format!("node_pcidevice_sriov_totalvfs{{{at}}} 0"),
        &format!("node_pcidevice_numa_node{{{at}}} 1"),
        &format!("node_pcidevice_power_state{{{at},state=\"D3hot\"}} 1"),
        &format!("node_pcidevice_power_state{{{at},state=\"D0\"}} 0"),
    ] {
        assert!(has(line), "{line}\n{lines:#?}");
    }
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("numa_node"))
            .count(),
        1
    );
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("current_link_width"))
            .count(),
        1
    );
    let told = outcome.unwrap_err().to_string();
    assert!(
        told.ends_with("current_link_width`: expected a number, found `x4`"),
        "{told}"
    );
}

#[test]
fn devices_have_names_where_they_are_wanted() {
    let host = host();
    let mut settings = host.settings();
    let file = host.root().join("pci.ids").to_str().unwrap().to_owned();
    settings.set(&IDS_FILE, vec![file]).unwrap();
    settings.set(&NAMES, vec!["true".to_owned()]).unwrap();
    let (_, lines) = collect(&DEFINITION, &settings);
    let info: Vec<_> = lines.iter().filter(|l| l.contains("_info{")).collect();
    assert!(info[0].contains(r#"class_id="0x060400",class_name="Bridge",device="02""#));
    assert!(info[0].contains(r#"vendor_id="0x1022",vendor_name="AMD""#));
    assert!(info[1].contains(r#"class_name="Unknown class (010802)""#));
    assert!(info[1].contains(r#"vendor_name="""#));
}

#[test]
fn a_host_without_the_bus_has_no_data() {
    let (outcome, _) = FakeHost::new(&[]).collect(&DEFINITION);
    assert!(matches!(outcome, Err(CollectError::NoData(_))));
}

#[test]
fn a_location_is_four_hexadecimal_numbers() {
    assert!(Location::parse("10000:e0:1f.7").is_some());
    for name in ["0000:00:02", "pci0000:00", "0000:zz:00.0", "", "::."] {
        assert_eq!(Location::parse(name), None, "{name}");
    }
}
