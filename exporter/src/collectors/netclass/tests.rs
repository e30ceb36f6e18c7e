use std::path::PathBuf;

use super::super::fake_host::{FakeHost, series};
use super::super::links::{self, Links};
use super::super::shared::Shared;
use super::*;

const ETH0: &[(&str, &str)] = &[
    ("sys/class/net/bonding_masters", "bond0\n"),
    ("sys/class/net/eth0/address", "02:fc:00:00:00:01\n"),
    ("sys/class/net/eth0/addr_assign_type", "3\n"),
    ("sys/class/net/eth0/dev_id", "0x20\n"),
    ("sys/class/net/eth0/flags", "0x1103\n"),
    ("sys/class/net/eth0/speed", "1000\n"),
    ("sys/class/net/eth0/duplex", "full\n"),
    ("sys/class/net/eth0/mtu", "15x0\n"),
    ("sys/class/net/eth0/operstate", "up\n"),
];

#[test]
fn files_become_figures_and_what_is_missing_or_bad_costs_itself_only() {
    let host = FakeHost::new(ETH0);
    let (outcome, series) = host.collect(&DEFINITION);
    outcome.unwrap();
    assert_eq!(
        series,
        [
            r#"node_network_address_assign_type{device="eth0"} 3"#,
            r#"node_network_device_id{device="eth0"} 32"#,
            r#"node_network_flags{device="eth0"} 4355"#,
            r#"node_network_speed_bytes{device="eth0"} 125000000"#,
            r#"node_network_info{address="02:fc:00:00:00:01",adminstate="up",broadcast="",device="eth0",duplex="full",ifalias="",operstate="up"} 1"#,
            r#"node_network_up{device="eth0"} 1"#,
        ]
    );
}

#[test]
fn a_speed_that_is_none_is_left_out_on_demand_and_devices_may_be_ignored() {
    let host = FakeHost::new(ETH0);
    host.write("sys/class/net/eth0/speed", "-1\n");
    host.write("sys/class/net/tap0/speed", "10\n");
    let speeds = |settings: &Settings| {
        let (_, series) = super::super::fake_host::collect(&DEFINITION, settings);
        let speeds = series.into_iter().filter(|line| line.contains("_speed_"));
        speeds.collect::<Vec<_>>()
    };
    let mut settings = host.settings();
    let eth0 = r#"node_network_speed_bytes{device="eth0"} -125000"#;
    let tap0 = r#"node_network_speed_bytes{device="tap0"} 1250000"#;
    assert_eq!(speeds(&settings), [eth0, tap0]);
    let set = |settings: &mut Settings, flag, value: &str| {
        settings.set(flag, vec![value.to_owned()]).unwrap();
    };
    set(&mut settings, &IGNORED, "^tap");
    assert_eq!(speeds(&settings), [eth0]);
    set(&mut settings, &IGNORE_INVALID_SPEED, "true");
    assert_eq!(speeds(&settings), [""; 0]);
}

#[test]
fn a_dump_says_what_the_files_say() {
    let host = FakeHost::new(ETH0);
    // This dump does not tell who else asked for all multicasts.
    host.write("sys/class/net/eth0/flags", "0x1303\n");
    let links = Shared::new(links::tests::links(&[&links::tests::eth0()]));
    // As read by another collector of this pass.
    drop(links.get(|_| Ok(())).unwrap());
    let folder = host.root().join("sys/class/net");
    let mut netlink = Netlink::new(links, folder);
    let mut page = Page::new();
    let write = |devices: &[Device<'_>]| write(devices, true, &mut page);
    netlink.with_devices(&mut |_| true, write).unwrap();
    assert_eq!(
        series(&mut page),
        [
            r#"node_network_address_assign_type{device="eth0"} 3"#,
            r#"node_network_carrier{device="eth0"} 1"#,
            r#"node_network_device_id{device="eth0"} 32"#,
            r#"node_network_dormant{device="eth0"} 0"#,
            r#"node_network_flags{device="eth0"} 4867"#,
            r#"node_network_iface_id{device="eth0"} 2"#,
            r#"node_network_iface_link{device="eth0"} 2"#,
            r#"node_network_mtu_bytes{device="eth0"} 1500"#,
            r#"node_network_protocol_type{device="eth0"} 1"#,
            r#"node_network_speed_bytes{device="eth0"} 125000000"#,
            r#"node_network_info{address="02:fc:00:00:00:01",adminstate="up",broadcast="",device="eth0",duplex="full",ifalias="",operstate="up"} 1"#,
            r#"node_network_up{device="eth0"} 1"#,
        ]
    );
}

#[test]
fn this_hosts_dump_and_files_agree() {
    let folder = PathBuf::from("/sys/class/net");
    let mut files = Files::new(folder.clone());
    let mut by_files: Vec<_> = files.devices(&mut |_| true).unwrap();
    by_files.sort_by(|a, b| a.name.cmp(&b.name));
    let links = Shared::new(Links::default());
    let mut netlink = Netlink::new(links, folder);
    let compare = |devices: &[Device<'_>]| {
        let mut devices = devices.to_vec();
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(devices, by_files);
    };
    netlink.with_devices(&mut |_| true, compare).unwrap();
}
