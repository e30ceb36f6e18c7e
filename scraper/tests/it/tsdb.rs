//! `watchpost tsdb`: samples out of a store and into one.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use watchpost_model::{Labels, stale_nan};
use watchpost_scraper::cmd::{self, Failure};
use watchpost_scraper::flags::{Flags, Verb};
use watchpost_tsdb::{Config, Db};

/// Runs `watchpost tsdb ...`; what it says of a failure.
fn tsdb(arguments: &[&str]) -> Result<(), String> {
    let line = ["watchpost", "tsdb"].iter().chain(arguments);
    let Some(Verb::Tsdb(verb)) = Flags::try_parse_from(line).unwrap().verb else {
        unreachable!("the verb is tsdb");
    };
    cmd::tsdb::run(&verb).map_err(|failure| match failure {
        Failure::Failed(error) => format!("{error:#}"),
        other => format!("{other:?}"),
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn dump(store: &Path, arguments: &[&str]) -> String {
    let output = store.with_extension("dump");
    let mut all = vec!["dump", text(store), "--output", text(&output)];
    all.extend(arguments);
    tsdb(&all).unwrap();
    fs::read_to_string(output).unwrap()
}

fn import(store: &Path, page: &str) -> Result<(), String> {
    let file = store.with_extension("om");
    fs::write(&file, page).unwrap();
    tsdb(&["import", text(&file), "--storage.tsdb.path", text(store)])
}

/// As `promtool tsdb dump-openmetrics` of Prometheus 3.5 writes them.
const PROMTOOL: &str = r#"a_total{b="q\"\\",job="j",x="1"} 1 1600000000.000
a_total{job="j",x="1"} 2.5e+10 1600000015.123
up{} 1 1600000000.000
up{} NaN 1600000015.000
# EOF
"#;

fn store() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    (folder, store)
}

#[test]
fn a_dump_of_promtool_comes_back_as_it_was() {
    let (_folder, store) = store();
    import(&store, PROMTOOL).unwrap();
    assert_eq!(dump(&store, &[]), PROMTOOL);
    // Once more changes nothing.
    import(&store, PROMTOOL).unwrap();
    assert_eq!(dump(&store, &[]), PROMTOOL);
}

#[test]
fn what_is_dumped_and_imported_is_dumped_the_same() {
    let (folder, first) = store();
    let db = Db::open(Config {
        path: first.clone(),
        ..Config::default()
    })
    .unwrap();
    let now = watchpost_scraper::clock::now_ms();
    for target in 0..5 {
        let instance = format!("host-{target}");
        let labels = Labels::from_pairs([("job", "node"), ("instance", &instance)]);
        let group = db.group(&labels).unwrap();
        for step in 0..200_i64 {
            let cells: Vec<_> = (0..20_u32)
                .map(|line| {
                    let labels = [
                        ("__name__", format!("m{}", line % 4)),
                        ("line", line.to_string()),
                        ("text", "\u{fc}\n\"\\".to_owned()),
                    ];
                    let id = db.line(&Labels::from_pairs(labels), &[]).unwrap();
                    let value = match (line, step) {
                        (3, 7) => stale_nan(),
                        (4, _) => f64::INFINITY,
                        (5, _) => f64::NAN,
                        (6, _) => -0.0,
                        _ => f64::from(line) * 0.1 + step as f64,
                    };
                    (id, value)
                })
                .collect();
            let time = now - 600_000 + step * 1_234 + target;
            group.append_samples(time, &cells, now).unwrap();
        }
    }
    db.sync().unwrap();
    drop(db);
    let dumped = dump(&first, &[]);
    assert_eq!(dumped.lines().count(), 5 * 200 * 20 - 5 + 1);
    let second = folder.path().join("second");
    import(&second, &dumped).unwrap();
    assert!(dump(&second, &[]) == dumped, "the second dump differs");
}

#[test]
fn a_dump_has_what_is_asked_for() {
    let (_folder, store) = store();
    import(&store, PROMTOOL).unwrap();
    assert_eq!(
        dump(&store, &["--match", "up", "--max-time", "1600000000000"]),
        "up{} 1 1600000000.000\n# EOF\n"
    );
    assert_eq!(
        dump(
            &store,
            &["--match", "{x=\"1\"}", "--min-time", "2020-09-13T12:26:41Z"]
        ),
        "a_total{job=\"j\",x=\"1\"} 2.5e+10 1600000015.123\n# EOF\n"
    );
    assert_eq!(
        dump(&store, &["--format", "csv", "--min-time", "1600000000001"]),
        "metric,labels,time,value\n\
         a_total,\"{job=\"\"j\"\", x=\"\"1\"\"}\",2020-09-13T12:26:55.123Z,2.5e+10\n\
         up,,2020-09-13T12:26:55Z,NaN\n"
    );
    let csv = dump(&store, &["--format", "csv", "--match", "{b!=\"\"}"]);
    assert!(csv.ends_with("a_total,\"{b=\"\"q\\\"\"\\\\\"\", job=\"\"j\"\", x=\"\"1\"\"}\",2020-09-13T12:26:40Z,1\n"), "{csv}");
}

#[test]
fn of_a_faulty_file_nothing_is_imported() {
    let (_folder, store) = store();
    for (page, fault) in [
        ("a 1 1\nb{ 1 1\n# EOF\n", "store.om: line 2, column 3"),
        (
            "a 1 1\n# TYPE b gauge\nb 1\n# EOF\n",
            "store.om: line 3: expected a sample with a time",
        ),
        ("a 1 1\n{x=\"1\"} 1 1\n# EOF\n", "2"),
        (
            "a 1 1\nb 1 99999999999\n# EOF\n",
            "store.om: line 2: expected a time up to now",
        ),
        ("a 1 1\n", "expected `# EOF` at the end"),
        (
            "a 1 1\n# EOF\nb 1 1\n",
            "line 3, column 1: expected nothing after",
        ),
        ("", "expected `# EOF` at the end"),
    ] {
        let told = import(&store, page).unwrap_err();
        assert!(told.contains(fault), "{page}: {told}");
        assert!(!store.exists(), "{page}");
    }
}

#[test]
fn another_value_than_the_stored_one_changes_nothing() {
    let (_folder, store) = store();
    import(&store, "a 1 1600000000\n# EOF\n").unwrap();
    // What is in a segment is not compared: the first value stands, and nobody is told.
    import(&store, "a 2 1600000000\nb 3 1600000000\n# EOF\n").unwrap();
    assert_eq!(
        dump(&store, &[]),
        "a{} 1 1600000000.000\nb{} 3 1600000000.000\n# EOF\n"
    );
}

#[test]
fn labels_can_be_added_to_what_is_imported() {
    let (_folder, store) = store();
    let file = store.with_extension("om");
    fs::write(&file, "a{job=\"x\"} 1 1600000000\n# EOF\n").unwrap();
    tsdb(&[
        "import",
        text(&file),
        "--storage.tsdb.path",
        text(&store),
        "--label=job=y",
        "--label=site=z",
    ])
    .unwrap();
    assert_eq!(
        dump(&store, &[]),
        "a{job=\"y\",site=\"z\"} 1 1600000000.000\n# EOF\n"
    );
}

#[test]
fn a_directory_that_is_not_there_is_not_made_by_a_dump() {
    let (_folder, store) = store();
    let told = tsdb(&["dump", text(&store)]).unwrap_err();
    assert!(
        told.starts_with("expected the directory of a store"),
        "{told}"
    );
    assert!(!store.exists());
    fs::create_dir(&store).unwrap();
    let told = tsdb(&["dump", text(&store)]).unwrap_err();
    assert!(told.contains("has no file `format`"), "{told}");
    assert_eq!(fs::read_dir(&store).unwrap().count(), 0);
}

#[test]
fn what_is_older_than_the_stored_comes_in_as_well() {
    let (_folder, store) = store();
    import(&store, "a 2 1600000100\n# EOF\n").unwrap();
    import(&store, "a 1 1600000000\nb 1 1600000050\n# EOF\n").unwrap();
    assert_eq!(
        dump(&store, &[]),
        "a{} 1 1600000000.000\na{} 2 1600000100.000\nb{} 1 1600000050.000\n# EOF\n"
    );
}

#[test]
fn a_store_is_verified_and_a_damaged_one_is_told() {
    let (_folder, store) = store();
    import(&store, PROMTOOL).unwrap();
    tsdb(&["verify", text(&store)]).unwrap();
    let files = ["log", "head", "segments"].map(|part| fs::read_dir(store.join(part)));
    let files = files.into_iter().flatten().flatten();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort_by_key(|path| fs::metadata(path).unwrap().len());
    let largest = paths.pop().unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&largest, bytes).unwrap();
    assert!(tsdb(&["verify", text(&store)]).is_err());
}

#[test]
fn a_store_that_no_server_has_is_snapshotted_and_deleted_from() {
    let (_folder, store) = store();
    import(&store, PROMTOOL).unwrap();
    tsdb(&["snapshot", "--storage.tsdb.path", text(&store)]).unwrap();
    let mut snapshots = fs::read_dir(store.join("snapshots")).unwrap();
    let snapshot = snapshots.next().unwrap().unwrap().path();
    tsdb(&["delete", "--match=up", "--storage.tsdb.path", text(&store)]).unwrap();
    tsdb(&["clean", "--storage.tsdb.path", text(&store)]).unwrap();
    assert!(!dump(&store, &[]).contains("up{}"));
    assert_eq!(dump(&snapshot, &[]), PROMTOOL);
}
