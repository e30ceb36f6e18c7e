//! The expressions of other people's dashboards and rule files, read in place where they are.

use std::path::Path;

use watchpost_promql::parse;

use crate::conformance::conformance;

/// Grafana's variables stand for these where a number, a duration or a label is wanted.
const VARIABLES: &[(&str, &str)] = &[
    ("$__rate_interval", "5m"),
    ("$__interval", "1m"),
    ("$__range", "1h"),
    ("$aggregation_interval", "5m"),
    ("$datasource", "x"),
];

#[test]
fn expressions_of_dashboards_and_rule_files_parse() {
    let Some(folder) = conformance() else {
        println!("skipped: no conformance data");
        return;
    };
    let mut expressions = Vec::new();
    for part in ["dashboards", "rulepacks"] {
        collect(&folder.join(part), &mut expressions);
    }
    assert!(expressions.len() > 400, "found {}", expressions.len());
    let mut wrong = Vec::new();
    for expression in &expressions {
        match parse(expression) {
            Ok(expr) => {
                let again = parse(&expr.to_string());
                assert_eq!(again.as_ref(), Ok(&expr), "{expression}");
            }
            Err(error) => wrong.push(format!("{expression}: {error}")),
        }
    }
    println!("{} expressions", expressions.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The expressions of all JSON and YAML files below a folder.
fn collect(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), found);
        }
        return;
    }
    let extension = path.extension().unwrap_or_default();
    let text = || std::fs::read_to_string(path).unwrap();
    if extension == "json" {
        walk(&serde_json::from_str(&text()).unwrap(), found);
    } else if extension == "yml" || extension == "yaml" {
        walk(&serde_yaml::from_str(&text()).unwrap(), found);
    }
}

fn walk(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            let expr = map.get("expr").and_then(serde_json::Value::as_str);
            if let Some(expr) = expr.filter(|expr| !expr.trim().is_empty()) {
                found.push(without_variables(expr));
            }
            map.values().for_each(|value| walk(value, found));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| walk(value, found)),
        _ => {}
    }
}

fn without_variables(expr: &str) -> String {
    let mut text = expr.to_owned();
    for (variable, value) in VARIABLES {
        text = text.replace(variable, value);
    }
    text
}
