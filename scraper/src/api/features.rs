//! `features`: what this server can do and what is switched on, by Prometheus's names.
//!
//! Clients take what is left out for something that is not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use watchpost_promql::function_names;

use super::{App, response};

/// What is always there, by category.
const ALWAYS: [(&str, &[&str]); 6] = [
    (
        "api",
        &[
            "exclude_alerts",
            "label_values_match",
            "lifecycle_quit",
            "query_stats",
            "query_warnings",
            "rule_group_pagination",
            "time_range_labels",
            "time_range_series",
        ],
    ),
    (
        "promql",
        &[
            "at_modifier",
            "bool",
            "by",
            "group_left",
            "group_right",
            "ignoring",
            "negative_offset",
            "offset",
            "on",
            "subqueries",
            "without",
        ],
    ),
    (
        "promql_operators",
        &[
            "!=",
            "!~",
            "%",
            "*",
            "+",
            "-",
            "/",
            "<",
            "<=",
            "==",
            "=~",
            ">",
            ">=",
            "^",
            "and",
            "atan2",
            "or",
            "unless",
            "avg",
            "bottomk",
            "count",
            "count_values",
            "group",
            "max",
            "min",
            "quantile",
            "stddev",
            "stdvar",
            "sum",
            "topk",
        ],
    ),
    ("rules", &["keep_firing_for", "query_offset"]),
    ("service_discovery", &["static"]),
    ("ui", &["ui_v3"]),
];

/// All categories.
pub(super) async fn features(State(app): State<Arc<App>>) -> Response {
    response::success(&all(&app), &[])
}

fn all(app: &App) -> BTreeMap<&'static str, BTreeMap<&'static str, bool>> {
    let mut all: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (category, names) in ALWAYS {
        let names = names.iter().map(|name| (*name, true));
        all.entry(category).or_default().extend(names);
    }
    let experimental = app.features.experimental_functions;
    for (category, name, enabled) in [
        ("api", "admin", app.enabled.admin),
        ("api", "lifecycle", app.enabled.lifecycle),
        ("api", "search", app.enabled.search),
        (
            "api",
            "remote_write_receiver",
            app.enabled.remote_write_receiver,
        ),
        ("api", "otlp_write_receiver", false),
        ("prometheus", "agent_mode", false),
        ("prometheus", "auto_reload_config", false),
        ("promql", "experimental_functions", experimental),
        ("promql", "duration_expr", app.features.duration_expressions),
        ("promql", "anchored", app.features.extended_range_selectors),
        ("promql", "smoothed", app.features.extended_range_selectors),
        ("promql", "fill_modifiers", app.features.fill_modifiers),
        (
            "promql",
            "delayed_name_removal",
            app.queries.drops_names_late(),
        ),
        ("promql", "per_step_stats", app.enabled.step_stats),
        ("tsdb", "exemplar_storage", app.db.keeps_exemplars()),
    ] {
        all.entry(category).or_default().insert(name, enabled);
    }
    let functions = function_names().map(|(name, new)| (name, !new || experimental));
    all.entry("promql_functions").or_default().extend(functions);
    all
}
