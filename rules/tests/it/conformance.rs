//! Prometheus's own rule files and rule tests, where they are at hand: `WATCHPOST_CONFORMANCE`, or
//! `../shared/conformance` beside the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use watchpost_promql::Features;
use watchpost_rules::load_rule_file;

use crate::promtool;

fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("WATCHPOST_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"),
    };
    folder.is_dir().then_some(folder)
}

fn verdicts(path: PathBuf) -> BTreeMap<String, String> {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn rule_files_are_taken_and_refused_as_by_prometheus() {
    let Some(folder) = folder() else { return };
    let mut different = Vec::new();
    let mut seen = 0;
    for part in ["rules", "rulepacks"] {
        let folder = folder.join(part);
        for (file, verdict) in verdicts(folder.join("reference-promtool-3.5.3.json")) {
            let Ok(text) = fs::read_to_string(folder.join(&file)) else {
                continue;
            };
            seen += 1;
            let found = match load_rule_file(&file, &text, Features::default()) {
                Ok(_) => "taken".to_owned(),
                Err(faults) => format!("refused: {faults}"),
            };
            if !found.starts_with(&verdict) {
                different.push(format!("{file}: expected {verdict}, found {found}"));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(seen > 20, "only {seen} files");
}

/// A test that needs `start_timestamp`.
const NOT_YET: &str = "start-time-test.yml";

#[test]
fn rule_tests_pass_and_fail_as_with_promtool() {
    let Some(folder) = folder() else { return };
    let folder = folder.join("rules/promtool");
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let mut different = Vec::new();
    for line in index.lines().skip(1) {
        let (file, expected) = line.split_once('\t').unwrap();
        if file == NOT_YET {
            continue;
        }
        let outcome = promtool::run(&folder.join(file), &[]);
        let passed = outcome.as_ref().is_ok_and(Vec::is_empty);
        if passed != expected.starts_with("pass") {
            different.push(format!("{file}: expected {expected}, found {outcome:#?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
