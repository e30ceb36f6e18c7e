//! What no file of a host may do, whatever is in it: make a collector panic.

use proptest::prelude::*;

use super::{ALL, fake_host};

/// Collectors with a file that they read where it is the only one.
const FILES: [(&str, &str); 16] = [
    ("bonding", "sys/class/net/bonding_masters"),
    ("buddyinfo", "proc/buddyinfo"),
    ("cgroups", "proc/cgroups"),
    (
        "cpu_vulnerabilities",
        "sys/devices/system/cpu/vulnerabilities/a",
    ),
    (
        "cpufreq",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    ),
    ("dmi", "sys/class/dmi/id/bios_date"),
    ("edac", "sys/devices/system/edac/mc/mc0/ce_count"),
    ("interrupts", "proc/interrupts"),
    ("ksmd", "sys/kernel/mm/ksm/sleep_millisecs"),
    ("lnstat", "proc/net/stat/arp_cache"),
    ("meminfo_numa", "sys/devices/system/node/node0/meminfo"),
    (
        "pcidevice",
        "sys/bus/pci/devices/0000:00:00.0/max_link_speed",
    ),
    ("selinux", "sys/fs/selinux/enforce"),
    (
        "time",
        "sys/devices/system/clocksource/clocksource0/available_clocksource",
    ),
    ("watchdog", "sys/class/watchdog/watchdog0/timeout"),
    ("xfrm", "proc/net/xfrm_stat"),
];

/// Any bytes, or what looks a little like the kernel's.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let alike = "([A-Za-z]{0,3}[ :,.-]{0,2}[0-9]{0,21}[ \\n]){0,8}";
    prop_oneof![any::<Vec<u8>>(), alike.prop_map(String::into_bytes)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_do_not_panic(text in text()) {
        for (name, path) in FILES {
            let definition = ALL.iter().find(|definition| definition.name == name).unwrap();
            fake_host::feed(definition, path, &text);
        }
    }
}
