//! The peers' scripts, read in place where they are, and our own.

use std::path::{Path, PathBuf};

use watchpost_model::Duration;
use watchpost_promql::Options;

use crate::script::{Score, run};

/// The peers' scripts and how many of their evals over floats, and over native histograms, pass at
/// least. What passes once must not stop to.
const FLOORS: &[(&str, usize, usize)] = &[
    ("promql/aggregators.test", 89, 12),
    ("promql/at_modifier.test", 52, 0),
    ("promql/collision.test", 2, 0),
    ("promql/duration_expression.test", 39, 0),
    ("promql/extended_vectors.test", 79, 28),
    ("promql/fill-modifier.test", 29, 0),
    ("promql/functions.test", 196, 76),
    ("promql/histograms.test", 64, 60),
    ("promql/info.test", 35, 0),
    ("promql/limit.test", 1, 24),
    ("promql/literals.test", 17, 0),
    ("promql/name_label_dropping.test", 20, 0),
    ("promql/native_histograms.test", 0, 329),
    ("promql/operators.test", 95, 68),
    ("promql/range_queries.test", 10, 1),
    ("promql/selectors.test", 20, 0),
    ("promql/staleness.test", 11, 0),
    ("promql/start_timestamps.test", 2, 0),
    ("promql/subquery.test", 21, 1),
    ("promql/trig_functions.test", 13, 0),
    ("promql/type_and_unit.test", 38, 0),
    ("promql_recorded/compliance_3_1.test", 200, 0),
    ("promql_recorded/compliance_3_2.test", 101, 0),
    ("promql_recorded/random_3_1.test", 200, 0),
    ("promql_recorded/random_3_2.test", 4, 0),
];

/// The folder with the peers' test data, where there is one.
pub(crate) fn conformance() -> Option<PathBuf> {
    let folder = std::env::var_os("WATCHPOST_CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

#[test]
fn the_peers_scripts_pass_as_far_as_they_did() {
    let Some(folder) = conformance() else {
        println!("skipped: no conformance data");
        return;
    };
    let mut sum = Score::default();
    let mut fallen = Vec::new();
    for (file, floor, native_floor) in FLOORS {
        // The recordings were made by a server with this `global.evaluation_interval`.
        let recorded = file.starts_with("promql_recorded/");
        let subquery_step = Duration::from_secs(if recorded { 3_600 } else { 60 });
        let options = Options {
            delayed_name_removal: true,
            subquery_step,
            ..Options::default()
        };
        let score = run(&folder.join(file), options);
        println!(
            "{file}: {}/{} floats, {}/{} native histograms",
            score.passed, score.total, score.native_passed, score.native_total
        );
        for failure in &score.failures {
            let short: String = failure.chars().take(300).collect();
            println!("    {short}");
        }
        if score.passed < *floor || score.native_passed < *native_floor {
            fallen.push(format!(
                "{file}: expected at least {floor} and {native_floor}, found {} and {}",
                score.passed, score.native_passed
            ));
        }
        sum.passed += score.passed;
        sum.total += score.total;
        sum.native_passed += score.native_passed;
        sum.native_total += score.native_total;
    }
    println!(
        "all: {}/{} floats, {}/{} native histograms",
        sum.passed, sum.total, sum.native_passed, sum.native_total
    );
    assert!(fallen.is_empty(), "{fallen:?}");
}

#[test]
fn our_own_scripts_pass_wholly() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        for delayed_name_removal in [false, true] {
            let options = Options {
                delayed_name_removal,
                ..Options::default()
            };
            let score = run(&path, options);
            assert!(score.total > 0, "{}", path.display());
            let failures = score.failures;
            assert!(failures.is_empty(), "{}: {failures:#?}", path.display());
        }
        files += 1;
    }
    assert!(files > 0);
}
