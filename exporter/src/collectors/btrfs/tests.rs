//! The collector over a folder like that of Btrfs.

use super::super::fake_host::{FakeHost, series};
use super::ioctl::Device;
use super::*;

fn host() -> FakeHost {
    let host = FakeHost::new(&[
        ("sys/fs/btrfs/features/raid56", "0\n"),
        (
            "proc/1/mountinfo",
            "25 1 0:22 / /data rw - btrfs /dev/sda rw\n26 1 0:22 / /more rw - btrfs /dev/sda rw\n",
        ),
    ]);
    for (file, text) in [
        ("label", "home\n"),
        ("allocation/global_rsv_size", "16777216\n"),
        ("allocation/data/bytes_reserved", "x\n"),
        ("allocation/data/raid1/total_bytes", "7\n"),
        ("allocation/system/bytes_reserved", "0\n"),
        ("commit_stats", "commits 3\nlast_commit_ms 1500\n"),
        ("devices/sda/size", "2\n"),
        ("devices/sdb/size", "4\n"),
    ] {
        host.write(&format!("sys/fs/btrfs/00ab-cd/{file}"), text);
    }
    host
}

fn collect(ask: fn(&Path) -> io::Result<Answer>) -> (Result<(), CollectError>, Vec<String>) {
    let mut page = Page::new();
    let result = Btrfs::new(&host().settings(), ask).collect(&mut page);
    (result, series(&mut page))
}

fn no_answer(_: &Path) -> io::Result<Answer> {
    Err(io::ErrorKind::PermissionDenied.into())
}

fn answer(point: &Path) -> io::Result<Answer> {
    if point.ends_with("data") {
        return no_answer(point);
    }
    Ok(Answer {
        uuid: "00ab-cd".to_owned(),
        devices: vec![Device {
            name: "sda".to_owned(),
            uuid: "11".to_owned(),
            total: 1024,
            used: 1000,
            errors: [1, 2, 3, 4, 5],
        }],
    })
}

#[test]
fn a_file_system_has_its_numbers_and_a_bad_one_costs_itself_only() {
    let (result, series) = collect(no_answer);
    assert_eq!(
        series,
        [
            r#"node_btrfs_info{label="home",uuid="00ab-cd"} 1"#,
            r#"node_btrfs_global_rsv_size_bytes{uuid="00ab-cd"} 16777216"#,
            r#"node_btrfs_reserved_bytes{block_group_type="system",uuid="00ab-cd"} 0"#,
            r#"node_btrfs_size_bytes{block_group_type="data",mode="raid1",uuid="00ab-cd"} 7"#,
            r#"node_btrfs_allocation_ratio{block_group_type="data",mode="raid1",uuid="00ab-cd"} 2"#,
            r#"node_btrfs_commits_total{uuid="00ab-cd"} 3"#,
            r#"node_btrfs_last_commit_seconds{uuid="00ab-cd"} 1.5"#,
            r#"node_btrfs_device_size_bytes{device="sda",uuid="00ab-cd"} 1024"#,
            r#"node_btrfs_device_size_bytes{device="sdb",uuid="00ab-cd"} 2048"#,
        ]
    );
    let error = result.unwrap_err().to_string();
    assert!(
        error.ends_with("bytes_reserved`: expected a number, found `x`"),
        "{error}"
    );
}

#[test]
fn a_file_system_that_answers_at_one_of_its_mounts_tells_what_its_devices_have_left_and_their_errors()
 {
    let (_, series) = collect(answer);
    let devices: Vec<_> = series
        .iter()
        .filter(|line| line.contains("device"))
        .collect();
    let labels = r#"btrfs_dev_uuid="11",device="sda""#;
    let mut expected = vec![
        format!("node_btrfs_device_size_bytes{{{labels},uuid=\"00ab-cd\"}} 1024"),
        format!("node_btrfs_device_unused_bytes{{{labels},uuid=\"00ab-cd\"}} 24"),
    ];
    for (kind, count) in ERRORS.into_iter().zip(1..) {
        expected.push(format!(
            "node_btrfs_device_errors_total{{{labels},type=\"{kind}\",uuid=\"00ab-cd\"}} {count}"
        ));
    }
    assert_eq!(devices, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_host_without_such_a_file_system_has_no_series_and_nothing_is_wrong() {
    let (result, series) = FakeHost::new(&[]).collect(&DEFINITION);
    assert!(result.is_ok() && series.is_empty());
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_number_or_a_fault(text: Vec<u8>, near in "[0-9]{0,22}.?") {
        attributes::assert_bears(&text, &[Count, Milliseconds, Sectors], put);
        attributes::assert_bears(near.as_bytes(), &[Count, Milliseconds, Sectors], put);
    }
}
