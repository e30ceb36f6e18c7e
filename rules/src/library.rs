//! The rules that come with the program.

use watchpost_model::config::Faults;
use watchpost_promql::Features;

use crate::file::{RuleGroup, load_rule_file};

/// The shipped files: name and content.
pub const LIBRARY: [(&str, &str); 4] = [
    ("library/host.yaml", include_str!("../library/host.yaml")),
    ("library/gpu.yaml", include_str!("../library/gpu.yaml")),
    (
        "library/exporter.yaml",
        include_str!("../library/exporter.yaml"),
    ),
    ("library/self.yaml", include_str!("../library/self.yaml")),
];

/// The shipped rules. A test holds that they have no fault.
pub fn library() -> Result<Vec<RuleGroup>, Faults> {
    let mut groups = Vec::new();
    for (name, text) in LIBRARY {
        groups.extend(load_rule_file(name, text, Features::default())?);
    }
    Ok(groups)
}
