use proptest::prelude::*;

use super::parse::mounts;
use super::*;
use crate::collectors::fake_host::FakeHost;

const MOUNTS: &str = "device sysfs mounted on /sys with fstype sysfs\n\
    no device mounted on /x with fstype autofs\n\
    device 10.0.0.1:/srv mounted on /mnt/a with fstype nfs4 statvers=1.1\n\
    \topts:\trw,vers=4.0\n\
    \tage:\t13968\n\
    \tevents:\t1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27\n\
    \tbytes:\t101 102 103 104 105 106 107 108\n\
    \txprt:\ttcp 832 0 1 0 11 6428 6427 0 12154 7 24 26 5726\n\
    \tper-op statistics\n\
    \t        READ: 1298 1297 0 207680 1210292152 18446743919241604546 79386 79407 9\n\n\
    device 10.0.0.1:/srv mounted on /mnt/b with fstype nfs statvers=1.0\n\
    \tage:\t1\n\
    \txprt:\tudp 832 21 22 23 24 25 26\n\
    device 10.0.0.1:/srv mounted on /mnt/c with fstype nfs4 statvers=1.1\n\
    \tage:\t2\n\
    \txprt:\ttcp 832 0 1 0 11 1 1 0 1 1 1 1 1\n";

const INFO: &str = "1 1 0:5 / / rw - rootfs rootfs rw\n\
    2 1 0:42 / /mnt/a rw shared:144 - nfs4 10.0.0.1:/srv rw,clientaddr=10.0.0.5,addr=10.0.0.1\n\
    3 1 0:42 / /mnt/b rw - nfs 10.0.0.1:/srv rw,mountaddr=10.0.0.9,addr=10.0.0.2\n\
    4 1 0:42 / /mnt/c rw - nfs4 10.0.0.1:/srv rw,addr=10.0.0.1\n";

fn collect(stats: &str) -> (Result<(), CollectError>, Vec<String>) {
    let files = [
        ("proc/self/mountstats", stats),
        ("proc/self/mountinfo", INFO),
    ];
    FakeHost::new(&files).collect(&DEFINITION)
}

#[test]
fn mounts_of_the_same_export_share_their_numbers() {
    let (outcome, lines) = collect(MOUNTS);
    outcome.unwrap();
    let short = |line: &String| {
        let line = line.strip_prefix("node_mountstats_nfs_").unwrap();
        line.replace("export=\"10.0.0.1:/srv\",mountaddr=", "")
    };
    let lines: Vec<_> = lines.iter().map(short).collect();
    for expected in [
        r#"mountpoint_info{"10.0.0.1",mountpoint="/mnt/a",protocol="tcp"} 1"#,
        r#"mountpoint_info{"10.0.0.1",mountpoint="/mnt/c",protocol="tcp"} 1"#,
        r#"mountpoint_info{"10.0.0.2",mountpoint="/mnt/b",protocol="udp"} 1"#,
        r#"age_seconds_total{"10.0.0.1",protocol="tcp"} 13968"#,
        r#"age_seconds_total{"10.0.0.2",protocol="udp"} 1"#,
        r#"write_pages_total{"10.0.0.1",protocol="tcp"} 108"#,
        r#"event_pnfs_write_total{"10.0.0.1",protocol="tcp"} 27"#,
        r#"event_truncation_total{"10.0.0.1",protocol="tcp"} 20"#,
        r#"transport_receives_total{"10.0.0.1",protocol="tcp",transport="0"} 6427"#,
        r#"transport_pending_queue_total{"10.0.0.1",protocol="tcp",transport="0"} 5726"#,
        r#"transport_connect_total{"10.0.0.2",protocol="udp",transport="0"} 0"#,
        r#"transport_sends_total{"10.0.0.2",protocol="udp",transport="0"} 22"#,
        r#"transport_maximum_rpc_slots{"10.0.0.2",protocol="udp",transport="0"} 0"#,
        r#"operations_transmissions_total{"10.0.0.1",operation="READ",protocol="tcp"} 1297"#,
        r#"operations_request_time_seconds_total{"10.0.0.1",operation="READ",protocol="tcp"} 79.407"#,
        // What overflowed in the kernel.
        r#"operations_queue_time_seconds_total{"10.0.0.1",operation="READ",protocol="tcp"} 9007044786793.922"#,
    ] {
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected}\n{lines:#?}"
        );
    }
    assert_eq!(lines.len(), 3 + 2 + 8 + 26 + 2 * 10 + 8);
}

#[test]
fn a_bad_line_costs_itself_only_and_is_told() {
    let bad = MOUNTS
        .replace("bytes:\t101", "bytes:\tmany")
        .replace("tcp 832 0 1 0 11 1 1", "avian 832 0 1 0 11 1 1");
    let (outcome, lines) = collect(&bad);
    assert_eq!(lines.len(), 2 + 2 + 26 + 2 * 10 + 8);
    let told = outcome.unwrap_err().to_string();
    assert!(
        told.contains("expected a mount's numbers, found `bytes:\tmany"),
        "{told}"
    );
}

proptest! {
    #[test]
    fn a_cut_text_gives_a_part_of_the_numbers(end in 0..MOUNTS.len()) {
        let (all, _) = mounts(MOUNTS.as_bytes());
        let cut = MOUNTS.get(..end).unwrap();
        let (some, bad) = mounts(cut.as_bytes());
        prop_assert_eq!(bad.is_none(), cut.is_empty() || cut.ends_with('\n'));
        for (some, all) in some.iter().zip(&all) {
            prop_assert_eq!((some.export, some.point), (all.export, all.point));
            prop_assert!(some.age.is_none() || some.age == all.age);
            prop_assert!(some.bytes.is_none() || some.bytes == all.bytes);
            prop_assert!(some.events.is_none() || some.events == all.events);
            prop_assert!(all.transports.starts_with(&some.transports));
            prop_assert!(all.operations.starts_with(&some.operations));
        }
    }

    #[test]
    fn no_text_panics(
        text in "(device a mounted on b with fstype nfs statvers=1.1\n|xprt: udp|per-op\n|[a-z:0-9 \t\n]{0,9}){0,12}",
    ) {
        let (mounts, _) = mounts(text.as_bytes());
        prop_assert_eq!(addresses(text.as_bytes(), &mounts).len(), mounts.len());
    }
}
