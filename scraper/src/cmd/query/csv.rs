//! Answers as comma-separated values (RFC 4180), with a column for each label.

use std::collections::BTreeSet;

use serde_json::Value;

use super::table::{samples, time, value};
use crate::cmd::say;

/// Writes the data of an answer.
pub(super) fn write(data: &Value) {
    for row in rows(data) {
        let row: Vec<String> = row.iter().map(|field| quoted(field)).collect();
        say(format_args!("{}", row.join(",")));
    }
}

/// All rows, the first of them the names of the columns.
fn rows(data: &Value) -> Vec<Vec<String>> {
    let Some(kind) = data.get("resultType").and_then(Value::as_str) else {
        return list(data);
    };
    let result = data.get("result").unwrap_or(&Value::Null);
    if matches!(kind, "scalar" | "string") {
        let names = ["time", "value"].map(str::to_owned).to_vec();
        return vec![names, vec![time(result), value(result)]];
    }
    let series: Vec<&Value> = result.as_array().into_iter().flatten().collect();
    let metrics = series.iter().filter_map(|one| one.get("metric"));
    let names = names(metrics);
    let mut rows = vec![[&names[..], &["time".to_owned(), "value".to_owned()]].concat()];
    for one in series {
        let labels = labels(one.get("metric"), &names);
        let sample = one.get("value").or_else(|| one.get("histogram"));
        let one = sample.map_or_else(|| samples(one), |pair| vec![(time(pair), value(pair))]);
        rows.extend(one.into_iter().map(|(time, value)| {
            let mut row = labels.clone();
            row.extend([time, value]);
            row
        }));
    }
    rows
}

/// Names or values in one column, or label sets.
fn list(data: &Value) -> Vec<Vec<String>> {
    let entries: Vec<&Value> = data.as_array().into_iter().flatten().collect();
    if entries.first().is_some_and(|entry| entry.is_object()) {
        let names = names(entries.iter().copied());
        let rows = entries.iter().map(|entry| labels(Some(entry), &names));
        return std::iter::once(names.clone()).chain(rows).collect();
    }
    let texts = entries.iter().filter_map(|entry| entry.as_str());
    let names = std::iter::once("name").chain(texts);
    names.map(|text| vec![text.to_owned()]).collect()
}

/// The names of all labels, sorted.
fn names<'a>(metrics: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let names: BTreeSet<&String> = metrics
        .filter_map(Value::as_object)
        .flat_map(|labels| labels.keys())
        .collect();
    names.into_iter().cloned().collect()
}

fn labels(metric: Option<&Value>, names: &[String]) -> Vec<String> {
    let value = |name: &String| metric?.get(name)?.as_str();
    let values = names.iter().map(|name| value(name).unwrap_or_default());
    values.map(str::to_owned).collect()
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_label_has_a_column() {
        let first = json!({"metric": {"__name__": "a", "x": "1"}, "values": [[0, "1"], [1, "2"]]});
        let second = json!({"metric": {"__name__": "a", "y": "2"}, "values": [[0, "3"]]});
        let found = rows(&json!({"resultType": "matrix", "result": [first, second]}));
        assert_eq!(
            found,
            [
                vec!["__name__", "x", "y", "time", "value"],
                vec!["a", "1", "", "1970-01-01T00:00:00Z", "1"],
                vec!["a", "1", "", "1970-01-01T00:00:01Z", "2"],
                vec!["a", "", "2", "1970-01-01T00:00:00Z", "3"],
            ]
        );
        let found = rows(&json!([{"__name__": "a"}, {"b": "c"}]));
        assert_eq!(found, [vec!["__name__", "b"], vec!["a", ""], vec!["", "c"]]);
        assert_eq!(rows(&json!(["x"])), [vec!["name"], vec!["x"]]);
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
