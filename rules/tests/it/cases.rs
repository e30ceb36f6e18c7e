//! The shipped rules: each fires when it should and is silent on a normal day.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use watchpost_rules::library;

use crate::promtool;

#[test]
fn shipped_rules_fire_when_they_should_and_only_then() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let rules = library().unwrap();
    let mut tested = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let failures = promtool::run(&path, &rules).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            failures.is_empty(),
            "{}\n{}",
            path.display(),
            failures.join("\n")
        );
        let text = fs::read_to_string(&path).unwrap();
        let names = text.split("alertname: ").skip(1);
        tested.extend(
            names
                .filter_map(|rest| rest.split_whitespace().next())
                .map(str::to_owned),
        );
    }
    for rule in rules.iter().flat_map(|group| &group.rules) {
        assert!(tested.contains(&rule.name), "`{}` has no case", rule.name);
    }
}
