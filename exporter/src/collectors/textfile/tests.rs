use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;
use crate::collectors::Settings;

/// Folders with text files, and a collector of them.
struct Case {
    root: tempfile::TempDir,
    collector: Textfiles,
}

impl Case {
    /// The files are an hour old.
    fn new(patterns: &[&str], files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let whole = |pattern: &&str| root.path().join(pattern).display().to_string();
        let mut settings = Settings::default();
        settings
            .set(&DIRECTORY, patterns.iter().map(whole).collect())
            .unwrap();
        let collector = Textfiles::new(&settings);
        let case = Self { root, collector };
        for (name, text) in files {
            case.write(name, text, 3_600);
        }
        case
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file whose content is so many seconds old.
    fn write(&self, name: &str, text: &str, age: u64) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age))
            .unwrap();
    }

    /// The page with the folders' path as `ROOT`, and the faults.
    fn collect(&mut self) -> (String, Vec<String>) {
        let mut page = Page::new();
        self.collector.collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let root = self.root.path().display().to_string();
        let told = self.collector.told.iter();
        let faults = told.map(|fault| fault.replace(&root, "ROOT")).collect();
        (text.replace(&root, "ROOT"), faults)
    }
}

fn samples(page: &str) -> Vec<&str> {
    page.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn without_a_folder_there_is_no_error() {
    let (page, faults) = Case::new(&[], &[]).collect();
    assert_eq!(
        page,
        "# HELP node_textfile_scrape_error 1 if there was an error opening or reading a file, 0 otherwise\n\
         # TYPE node_textfile_scrape_error gauge\nnode_textfile_scrape_error 0\n"
    );
    assert!(faults.is_empty());
}

#[test]
fn the_files_of_all_folders_are_on_the_page_with_the_time_of_their_writing() {
    let files = [
        ("one/b.prom", "b{z=\"1\",a=\"x\\\"\\n\"} 1e6\n"),
        (
            "one/a.prom",
            "# HELP a_total Help.\n# TYPE a_total counter\na_total 2\n",
        ),
        ("one/other.txt", "not read"),
        ("two/c.prom", "c NaN\n"),
    ];
    let (page, faults) = Case::new(&["one/", "t*"], &files).collect();
    assert_eq!(faults, [""; 0]);
    assert_eq!(
        samples(&page),
        [
            "node_textfile_mtime_seconds{file=\"ROOT/one/a.prom\"} 996400",
            "node_textfile_mtime_seconds{file=\"ROOT/one/b.prom\"} 996400",
            "node_textfile_mtime_seconds{file=\"ROOT/two/c.prom\"} 996400",
            "node_textfile_scrape_error 0",
            "a_total 2",
            "b{a=\"x\\\"\\n\",z=\"1\"} 1e+06",
            "c NaN",
        ]
    );
    assert!(page.contains("# HELP a_total Help.\n# TYPE a_total counter\n"));
    assert!(page.contains("# HELP b Metric read from ROOT/one/b.prom\n# TYPE b untyped\n"));
}

#[test]
fn a_bad_file_or_folder_costs_itself_only() {
    let files = [
        ("one/bad.prom", "a 1\nb x\n"),
        ("one/cut.prom", "c 12"),
        ("one/good.prom", "d 1\n"),
        ("one/timed.prom", "e 1 1441205977284\n"),
    ];
    let mut case = Case::new(&["missing", "one"], &files);
    fs::create_dir(case.path("one/folder.prom")).unwrap();
    let (page, faults) = case.collect();
    assert_eq!(
        samples(&page),
        [
            "node_textfile_mtime_seconds{file=\"ROOT/one/good.prom\"} 996400",
            "node_textfile_scrape_error 1",
            "d 1",
        ]
    );
    assert_eq!(
        faults,
        [
            "`ROOT/missing`: No such file or directory (os error 2)",
            "`ROOT/one/bad.prom`: line 2, column 3: expected a value, found `x`",
            "`ROOT/one/cut.prom`: line 1, column 1: expected a newline at the end of the last line, found `the end of the file`",
            "`ROOT/one/folder.prom`: expected a regular file",
            "`ROOT/one/timed.prom`: line 1, column 1: expected samples without a time of their own, found `e`",
        ]
    );
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let mut case = Case::new(&["one"], &[("one/a.prom", "a 1\n")]);
    let pipe = case.path("one/pipe.prom");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    let (page, faults) = case.collect();
    assert!(page.contains("\na 1\n"));
    assert_eq!(faults, ["`ROOT/one/pipe.prom`: expected a regular file"]);
}

#[test]
fn files_share_a_family_and_its_help() {
    let files = [
        ("one/a.prom", "# TYPE x counter\nx{file=\"a\"} 1\n"),
        (
            "one/b.prom",
            "# HELP x Help.\n# TYPE x counter\nx{file=\"b\"} 2\n",
        ),
        ("one/c.prom", "# HELP y \n# TYPE y gauge\ny{file=\"c\"} 3\n"),
        (
            "one/d.prom",
            "# HELP y \n# TYPE y gauge\ny{file=\"d\"} 4\nz{file=\"d\"} 5\n",
        ),
        ("one/e.prom", "z{file=\"e\"} 6\n"),
    ];
    let (page, faults) = Case::new(&["one"], &files).collect();
    assert_eq!(faults, [""; 0]);
    let (_, families) = page.split_once("scrape_error 0\n").unwrap();
    assert_eq!(
        families,
        "# HELP x Help.\n# TYPE x counter\nx{file=\"a\"} 1\nx{file=\"b\"} 2\n\
          # HELP y \n# TYPE y gauge\ny{file=\"c\"} 3\ny{file=\"d\"} 4\n\
          # HELP z Metric read from ROOT/one/d.prom, ROOT/one/e.prom\n# TYPE z untyped\n\
          z{file=\"d\"} 5\nz{file=\"e\"} 6\n"
    );
}

#[test]
fn the_first_files_word_on_a_family_counts() {
    let files = [
        (
            "one/a.prom",
            "# HELP x Help.\n# TYPE x counter\nx{file=\"a\"} 1\n",
        ),
        (
            "one/b.prom",
            "# HELP x Other.\n# TYPE x counter\nx{file=\"b\"} 2\ny 3\n",
        ),
        ("one/c.prom", "# TYPE x gauge\nx{file=\"c\"} 4\n"),
    ];
    let (page, faults) = Case::new(&["one"], &files).collect();
    assert_eq!(
        samples(&page)[3..],
        ["node_textfile_scrape_error 1", "x{file=\"a\"} 1", "y 3"]
    );
    assert_eq!(
        faults,
        [
            "`ROOT/one/b.prom`: expected the help of `x` to be `Help.` as in `ROOT/one/a.prom`, found `Other.`",
            "`ROOT/one/c.prom`: expected `x` to be counter as in `ROOT/one/a.prom`, found gauge",
        ]
    );
}

#[test]
fn a_series_that_is_there_already_is_left_out_and_both_places_are_named() {
    let files = [
        (
            "one/a.prom",
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\nx{a=\"1\",b=\"2\"} 1\n",
        ),
        (
            "one/b.prom",
            "h_count 2\nx{b=\"2\" , a=\"1\", c=\"\"} 2\nx{a=\"2\"} 3\nx{a=\"2\"} 4\n",
        ),
    ];
    let (page, faults) = Case::new(&["one"], &files).collect();
    assert_eq!(
        samples(&page)[2..],
        [
            "node_textfile_scrape_error 1",
            "h_bucket{le=\"+Inf\"} 1",
            "h_sum 1",
            "h_count 1",
            "x{a=\"1\",b=\"2\"} 1",
            "x{a=\"2\"} 3",
        ]
    );
    assert_eq!(
        faults,
        [
            "`ROOT/one/b.prom` line 1: `h_count` is in `ROOT/one/a.prom` line 4 already",
            "`ROOT/one/b.prom` line 2: `x{a=\"1\", b=\"2\"}` is in `ROOT/one/a.prom` line 5 already",
            "`ROOT/one/b.prom` line 4: `x{a=\"2\"}` is in `ROOT/one/b.prom` line 3 already",
        ]
    );
}

#[test]
fn a_family_that_another_collector_has_is_told_with_the_next_page() {
    let mut case = Case::new(&["one"], &[("one/a.prom", "node_load1 1\n")]);
    assert!(
        case.collect()
            .0
            .contains("\nnode_textfile_scrape_error 0\n")
    );
    case.collector.note_refused(&["node_load1".to_owned()]);
    let (page, faults) = case.collect();
    assert!(page.contains("\nnode_textfile_scrape_error 1\n"));
    assert_eq!(
        faults,
        ["`ROOT/one/a.prom`: `node_load1` is a family of the exporter, which goes first"]
    );
    case.collector.note_refused(&[]);
    assert!(
        case.collect()
            .0
            .contains("\nnode_textfile_scrape_error 0\n")
    );
}

#[test]
fn a_folder_that_is_named_twice_is_read_once() {
    let (page, faults) = Case::new(&["one", "o*", "./one//"], &[("one/a.prom", "a 1\n")]).collect();
    assert_eq!(faults, [""; 0]);
    assert_eq!(
        samples(&page).iter().filter(|line| **line == "a 1").count(),
        1
    );
}

#[test]
fn the_page_follows_the_files_as_they_come_change_and_go() {
    let mut case = Case::new(&["one"], &[("one/a.prom", "a 1\n")]);
    assert!(case.collect().0.ends_with("\na 1\n"));
    case.write("one/a.prom", "a 2\n", 1_800);
    assert!(case.collect().0.ends_with("\na 2\n"));
    case.write("one/b.prom", "b 1\n", 60);
    assert!(case.collect().0.ends_with("\nb 1\n"));
    fs::remove_file(case.path("one/a.prom")).unwrap();
    assert!(!case.collect().0.contains("\na 2\n"));
}

#[test]
fn a_file_that_looks_as_before_is_not_read_again() {
    let mut case = Case::new(&["one"], &[("one/a.prom", "a 1\n")]);
    let paths = || vec![case.path("one/a.prom")];
    let (first, second, third) = (paths(), paths(), paths());
    case.collect();
    assert!(
        case.collector.refresh(first),
        "it changed a moment ago, and might change once more and look the same"
    );
    case.collector.files[0].settle();
    assert!(!case.collector.refresh(second));
    case.write("one/a.prom", "a 2\n", 3_600);
    assert!(case.collector.refresh(third));
}

#[test]
fn a_file_that_is_too_long_is_left_out() {
    let mut case = Case::new(&["one"], &[("one/a.prom", "a 1\n")]);
    let long = fs::File::create(case.path("one/long.prom")).unwrap();
    long.set_len((16 << 20) + 1).unwrap();
    let (page, faults) = case.collect();
    assert!(page.contains("\na 1\n"));
    assert_eq!(
        faults,
        ["`ROOT/one/long.prom`: expected at most 16 MiB in a text file, and 64 MiB in all"]
    );
}

#[test]
fn only_so_many_bytes_are_taken_in_all() {
    let case = Case::new(&[], &[("one/a.prom", "a 1\n")]);
    let path: &Path = &case.path("one/a.prom");
    assert!(TextFile::read(path.to_owned(), 4).content.is_ok());
    assert!(TextFile::read(path.to_owned(), 3).content.is_err());
}
