//! The collector over a folder like ZFS's.

use super::super::Paths;
use super::pools::STATES;
use super::*;

fn collect(files: &[(&str, &str)]) -> (String, Result<(), CollectError>) {
    let procfs = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = procfs.path().join("spl/kstat/zfs").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let settings = Settings::new(Paths {
        procfs: procfs.path().to_owned(),
        ..Paths::default()
    });
    let mut page = Page::new();
    let result = Zfs::new(&settings).collect(&mut page);
    (String::from_utf8_lossy(page.finish()).into_owned(), result)
}

fn series(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn statistics_are_named_by_their_file_and_a_bad_one_costs_itself_only() {
    let (text, result) = collect(&[
        (
            "fm",
            "1\nname type data\nerpt-dropped 4 18\nx 4 y\na{ 4 1\n",
        ),
        ("zil", "cut"),
        ("other", "1\nname type data\na 4 1\n"),
    ]);
    assert_eq!(
        text,
        "# HELP node_zfs_fm_erpt_dropped kstat.zfs.misc.fm.erpt-dropped\n\
         # TYPE node_zfs_fm_erpt_dropped untyped\nnode_zfs_fm_erpt_dropped 18\n"
    );
    let error = result.unwrap_err().to_string();
    assert!(
        error.ends_with("fm`: expected an integer, found `y`"),
        "{error}"
    );
}

#[test]
fn pools_and_datasets_share_families() {
    let io = "1 3\nnread nwritten\n7 8\n";
    let dataset = |name| format!("1\nname type data\ndataset_name 7 {name}\nreads 4 3\n");
    let (text, result) = collect(&[
        ("a/io", io),
        ("a/objset-0x1", &dataset("a/b c")),
        ("a/objset-0x2", &dataset("a")),
        ("b/io", io),
        ("b/state", "DEGRADED\n"),
    ]);
    assert!(result.is_ok());
    let states = STATES.map(|state| {
        let value = u8::from(state == "degraded");
        format!("node_zfs_zpool_state{{state=\"{state}\",zpool=\"b\"}} {value}")
    });
    let mut expected = vec![
        r#"node_zfs_zpool_nread{zpool="a"} 7"#,
        r#"node_zfs_zpool_nread{zpool="b"} 7"#,
        r#"node_zfs_zpool_nwritten{zpool="a"} 8"#,
        r#"node_zfs_zpool_nwritten{zpool="b"} 8"#,
        r#"node_zfs_zpool_dataset_reads{dataset="a/b c",zpool="a"} 3"#,
        r#"node_zfs_zpool_dataset_reads{dataset="a",zpool="a"} 3"#,
    ];
    expected.extend(states.iter().map(String::as_str));
    assert_eq!(series(&text), expected);
}

#[test]
fn a_state_that_was_cut_is_none() {
    let (text, result) = collect(&[("a/state", "SUSPEND"), ("b/state", "ONLINE\n")]);
    assert!(text.contains("{state=\"online\",zpool=\"b\"} 1\n"));
    assert!(!text.contains("zpool=\"a\""));
    let error = result.unwrap_err().to_string();
    assert!(error.ends_with("a/state`: expected a state, found `SUSPEND`"));
}

#[test]
fn a_host_without_zfs_has_no_data_and_one_without_pools_nothing_wrong() {
    assert!(matches!(collect(&[]).1, Err(CollectError::NoData(_))));
    let (text, result) = collect(&[("unknown", "x")]);
    assert!(text.is_empty() && result.is_ok());
}
