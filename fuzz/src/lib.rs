//! What is fuzzed. Each target takes any bytes, and holds the code to more than not to panic.

mod block;
#[path = "../../promql/tests/it/generate.rs"]
mod generate;
mod promql;
mod store;
mod text;

/// A target: takes any bytes, and panics where the code is wrong.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("text", text::target),
    ("log", store::log),
    ("head", store::head),
    ("segment", store::segment),
    ("tombstones", store::tombstones),
    ("block", block::target),
    ("promql_parse", promql::parse),
    ("promql_eval", promql::eval),
];

/// The target of a name.
pub fn target(name: &str) -> Option<Target> {
    let mut targets = TARGETS.iter();
    targets
        .find(|(have, _)| *have == name)
        .map(|(_, target)| *target)
}

/// Inputs to begin with: real pages, and the files of a real store.
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    match name {
        "text" => text::seeds(),
        "block" => block::seeds(),
        "promql_parse" | "promql_eval" => promql::seeds(),
        _ => store::seeds(name),
    }
}
