//! Answers for people.

use serde_json::Value;
use watchpost_model::Labels;

use super::client;
use crate::clock;
use crate::cmd::{complain, say};

/// Writes the data of an answer.
pub(super) fn write(data: &Value) {
    let lines = lines(data);
    if lines.is_empty() {
        complain(format_args!("no series"));
    }
    for line in lines {
        say(format_args!("{line}"));
    }
}

fn lines(data: &Value) -> Vec<String> {
    let Some(kind) = data.get("resultType").and_then(Value::as_str) else {
        return list(data);
    };
    let result = data.get("result").unwrap_or(&Value::Null);
    match kind {
        "scalar" | "string" => vec![value(result)],
        "vector" => vector(result),
        _ => matrix(result),
    }
}

/// Names, values, or label sets.
fn list(data: &Value) -> Vec<String> {
    let entries = data.as_array().into_iter().flatten();
    let line = |entry: &Value| match entry {
        Value::String(text) => text.clone(),
        labels => series_text(Some(labels)),
    };
    entries.map(line).collect()
}

/// One line a series: its labels, then its value.
fn vector(result: &Value) -> Vec<String> {
    let rows: Vec<(String, String)> = result
        .as_array()
        .into_iter()
        .flatten()
        .map(|series| {
            let sample = series.get("value").or_else(|| series.get("histogram"));
            (
                series_text(series.get("metric")),
                sample.map(value).unwrap_or_default(),
            )
        })
        .collect();
    let widths = rows.iter().map(|(labels, _)| labels.chars().count());
    let width = widths.max().unwrap_or(0);
    let line = |(labels, value): (String, String)| format!("{labels:width$}  {value}");
    rows.into_iter().map(line).collect()
}

/// A series' labels, then a line for each of its samples.
fn matrix(result: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for series in result.as_array().into_iter().flatten() {
        lines.push(series_text(series.get("metric")));
        for (time, value) in samples(series) {
            lines.push(format!("  {time}  {value}"));
        }
    }
    lines
}

/// The samples of a series, floats and histograms, in order of time.
pub(super) fn samples(series: &Value) -> Vec<(String, String)> {
    let mut found: Vec<(f64, String)> = ["values", "histograms"]
        .into_iter()
        .filter_map(|key| series.get(key)?.as_array())
        .flatten()
        .map(|pair| (seconds(pair), value(pair)))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let found = found.into_iter();
    found
        .map(|(seconds, value)| (time_text(seconds), value))
        .collect()
}

fn seconds(pair: &Value) -> f64 {
    pair.get(0).and_then(Value::as_f64).unwrap_or(0.0)
}

/// The time of `[time, value]`, RFC 3339.
pub(super) fn time(pair: &Value) -> String {
    time_text(seconds(pair))
}

fn time_text(seconds: f64) -> String {
    client::parse_time(&seconds.to_string()).map_or_else(|| seconds.to_string(), clock::rfc3339)
}

/// The value of `[time, value]`; a histogram as Prometheus writes it for people.
pub(super) fn value(pair: &Value) -> String {
    match pair.get(1) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => histogram(value).unwrap_or_else(|| value.to_string()),
        None => String::new(),
    }
}

/// A histogram such as `{count:3, sum:4.5, (1,2]:3}`.
fn histogram(value: &Value) -> Option<String> {
    let text = |key: &str| value.get(key)?.as_str();
    let head = format!("count:{}, sum:{}", text("count")?, text("sum")?);
    let buckets = value.get("buckets").and_then(Value::as_array);
    let buckets = buckets.into_iter().flatten().map(bucket);
    let parts: Option<Vec<String>> = std::iter::once(Some(head)).chain(buckets).collect();
    Some(format!("{{{}}}", parts?.join(", ")))
}

/// A bucket `[boundaries, lower, upper, count]`; the first of these says which limits are inside.
fn bucket(bucket: &Value) -> Option<String> {
    let (open, close) = match bucket.get(0)?.as_u64()? {
        0 => ('(', ']'),
        1 => ('[', ')'),
        2 => ('(', ')'),
        _ => ('[', ']'),
    };
    let part = |at: usize| bucket.get(at)?.as_str();
    Some(format!(
        "{open}{},{}{close}:{}",
        part(1)?,
        part(2)?,
        part(3)?
    ))
}

fn series_text(metric: Option<&Value>) -> String {
    let pairs = metric.and_then(Value::as_object).into_iter().flatten();
    let pairs = pairs.map(|(name, value)| (name, value.as_str().unwrap_or_default()));
    Labels::from_pairs(pairs).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_told_in_lines() {
        let series = json!({"metric": {"__name__": "a", "x": "1"}, "value": [1.5, "2"]});
        let other = json!({"metric": {"__name__": "long_name"}, "value": [1.5, "NaN"]});
        assert_eq!(
            lines(&json!({"resultType": "vector", "result": [series, other]})),
            ["a{x=\"1\"}   2", "long_name  NaN"]
        );
        let series = json!({"metric": {"__name__": "a"}, "values": [[0, "1"], [60.5, "2"]]});
        assert_eq!(
            lines(&json!({"resultType": "matrix", "result": [series]})),
            [
                "a",
                "  1970-01-01T00:00:00Z  1",
                "  1970-01-01T00:01:00.5Z  2"
            ]
        );
        assert_eq!(
            lines(&json!({"resultType": "scalar", "result": [1, "5"]})),
            ["5"]
        );
        assert_eq!(lines(&json!(["job", "x"])), ["job", "x"]);
        assert_eq!(lines(&json!([{"__name__": "a", "x": "1"}])), ["a{x=\"1\"}"]);
        assert!(lines(&json!([])).is_empty());
    }

    #[test]
    fn a_histogram_is_told_by_its_buckets() {
        let buckets = json!([
            [1, "-2", "-1", "1"],
            [3, "-0.5", "0.5", "2"],
            [0, "1", "2", "3"],
            [2, "2", "3", "4"]
        ]);
        let sample = json!([0, {"count": "10", "sum": "7.5", "buckets": buckets}]);
        let text = "{count:10, sum:7.5, [-2,-1):1, [-0.5,0.5]:2, (1,2]:3, (2,3):4}";
        assert_eq!(value(&sample), text);
        let series =
            json!({"metric": {"__name__": "h"}, "values": [[1, "5"]], "histograms": [sample]});
        assert_eq!(
            lines(&json!({"resultType": "matrix", "result": [series]})),
            [
                "h",
                &format!("  1970-01-01T00:00:00Z  {text}"),
                "  1970-01-01T00:00:01Z  5"
            ]
        );
        assert_eq!(
            value(&json!([0, {"count": "0", "sum": "0"}])),
            "{count:0, sum:0}"
        );
        assert_eq!(value(&json!([0, {"other": 1}])), "{\"other\":1}");
    }
}
