//! The collector over a folder like that of bcachefs.

use super::super::fake_host::FakeHost;
use super::*;

fn host() -> FakeHost {
    let host = FakeHost::new(&[("sys/fs/bcachefs/file", "")]);
    for (file, text) in [
        ("btree_cache_size", "2.00M\n"),
        (
            "compression_stats",
            "type compressed\nlz4  1.00k 2048 3\nzstd x 1 1\n",
        ),
        ("errors", "bset_bad_csum  2  1767112063\n"),
        (
            "counters/data-read",
            "since mount: 1\nsince filesystem creation: 7\n",
        ),
        ("dev-4/label", "a\"b\n"),
        ("dev-4/nbuckets", "95\n"),
        ("dev-4/io_done", "read:\nsb  : 86\nwrite:\nsb  : 7"),
        (
            "dev-4/io_errors",
            "IO errors since filesystem creation\n  read: 3\n",
        ),
    ] {
        host.write(&format!("sys/fs/bcachefs/de-ad/{file}"), text);
    }
    host
}

#[test]
fn a_file_system_has_its_numbers_and_a_bad_one_costs_itself_only() {
    let (result, series) = host().collect(&DEFINITION);
    assert_eq!(
        series,
        [
            r#"node_bcachefs_info{uuid="de-ad"} 1"#,
            r#"node_bcachefs_btree_cache_size_bytes{uuid="de-ad"} 2.097152e+06"#,
            r#"node_bcachefs_compression_compressed_bytes{algorithm="lz4",uuid="de-ad"} 1024"#,
            r#"node_bcachefs_compression_uncompressed_bytes{algorithm="lz4",uuid="de-ad"} 2048"#,
            r#"node_bcachefs_compression_uncompressed_bytes{algorithm="zstd",uuid="de-ad"} 1"#,
            r#"node_bcachefs_errors_total{error_type="bset_bad_csum",uuid="de-ad"} 2"#,
            r#"node_bcachefs_data_read_total{uuid="de-ad"} 7"#,
            r#"node_bcachefs_device_buckets{device="4",uuid="de-ad"} 95"#,
            r#"node_bcachefs_device_info{device="4",label="a\"b",state="",uuid="de-ad"} 1"#,
            r#"node_bcachefs_device_io_done_bytes_total{data_type="sb",device="4",operation="read",uuid="de-ad"} 86"#,
            r#"node_bcachefs_device_io_errors_total{device="4",type="read",uuid="de-ad"} 3"#,
        ]
    );
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains("compression_stats`: expected a name and numbers"),
        "{error}"
    );
}

#[test]
fn a_host_without_such_a_file_system_has_no_data() {
    for files in [&[][..], &[("sys/fs/bcachefs/file", "")]] {
        let (result, series) = FakeHost::new(files).collect(&DEFINITION);
        assert!(matches!(result, Err(CollectError::NoData(_))));
        assert!(series.is_empty());
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_number_or_a_fault(text: Vec<u8>, near in "[0-9]{0,22}[.]?[0-9]{0,2}[kMGTPEZY]?") {
        attributes::assert_bears(&text, &[()], put);
        attributes::assert_bears(near.as_bytes(), &[()], put);
    }
}
