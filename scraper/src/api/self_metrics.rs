//! `status/self_metrics`: our own metrics as JSON, in the shape that Protocol Buffers give the message
//! `io.prometheus.client.MetricFamily`.
//!
//! What is told is read from the page `/metrics`, so that both tell the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};
use watchpost_model::text::{Entry, Format, Parser, Sample};
use watchpost_model::{Labels, LabelsBuilder, METRIC_NAME, MetricType, Regex, format_value};

use super::{App, Error, Params, response};

/// A metric with its series.
#[derive(Debug, Default)]
struct Family {
    help: String,
    kind: Option<MetricType>,
    /// By labels but `le`.
    series: BTreeMap<Labels, Map<String, Value>>,
}

/// Our own metrics, or those whose whole name a pattern matches.
pub(super) async fn self_metrics(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let pattern = match params.get("metric_name_pattern") {
        "" => None,
        text => {
            Some(Regex::new(text).map_err(|error| Error::parameter("metric_name_pattern", error))?)
        }
    };
    let page = app.telemetry.page();
    let families = families(&page);
    let wanted = families
        .iter()
        .filter(|(name, _)| pattern.as_ref().is_none_or(|it| it.is_match(name)));
    let data: Vec<Value> = wanted.map(|(name, family)| family.json(name)).collect();
    Ok(response::success(&data, &[]))
}

fn families(page: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for entry in Parser::new(Format::Text, page.as_bytes()).flatten() {
        match entry {
            Entry::Help { name, help } => {
                families.entry(name.into_owned()).or_default().help = help.into_owned();
            }
            Entry::Type { name, metric_type } => {
                families.entry(name.into_owned()).or_default().kind = Some(metric_type);
            }
            Entry::Sample(sample) => add(&mut families, &sample),
            Entry::Unit { .. } | Entry::Comment(_) => {}
        }
    }
    families.retain(|_, family| !family.series.is_empty());
    families
}

/// Puts a sample where it belongs: those of a histogram or a summary have a suffix.
fn add(families: &mut BTreeMap<String, Family>, sample: &Sample<'_>) {
    let mut labels = LabelsBuilder::default();
    if sample.labels_into(&mut labels).is_err() {
        return;
    }
    let name = labels.get(METRIC_NAME).to_owned();
    let bound = labels.get("le").to_owned();
    labels.remove(METRIC_NAME);
    if let Some(family) = families.get_mut(&name) {
        family.set(labels.build(), "value", number(sample.value));
        return;
    }
    for (suffix, key) in [
        ("_bucket", "bucket"),
        ("_sum", "sampleSum"),
        ("_count", "sampleCount"),
    ] {
        let family = name.strip_suffix(suffix);
        let Some(family) = family.and_then(|name| families.get_mut(name)) else {
            continue;
        };
        let labels = labels.build().retain(|name| name != "le");
        if key == "bucket" {
            let bucket = json!({"cumulativeCount": whole(sample.value), "upperBound": number(bound.parse().unwrap_or(f64::INFINITY))});
            family.push(labels, bucket);
        } else if key == "sampleCount" {
            family.set(labels, key, whole(sample.value));
        } else {
            family.set(labels, key, number(sample.value));
        }
        return;
    }
}

/// A number; what JSON has no number for is a text.
fn number(value: f64) -> Value {
    if value.is_finite() {
        json!(value)
    } else {
        json!(
            format_value(value)
                .replace("Inf", "Infinity")
                .replace('+', "")
        )
    }
}

/// A whole number of 64 bits, which is a text there.
fn whole(value: f64) -> Value {
    json!(format_value(value))
}

impl Family {
    fn set(&mut self, labels: Labels, key: &str, value: Value) {
        let series = self.series.entry(labels).or_default();
        series.insert(key.to_owned(), value);
    }

    fn push(&mut self, labels: Labels, bucket: Value) {
        let series = self.series.entry(labels).or_default();
        let buckets = series
            .entry("bucket")
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(buckets) = buckets {
            buckets.push(bucket);
        }
    }

    fn json(&self, name: &str) -> Value {
        let (kind, key) = match self.kind {
            Some(MetricType::Counter) => ("COUNTER", "counter"),
            Some(MetricType::Gauge) => ("GAUGE", "gauge"),
            Some(MetricType::Histogram) => ("HISTOGRAM", "histogram"),
            Some(MetricType::Summary) => ("SUMMARY", "summary"),
            _ => ("UNTYPED", "untyped"),
        };
        let metrics = self.series.iter().map(|(labels, value)| {
            let labels: Vec<Value> = labels
                .iter()
                .map(|(name, value)| json!({"name": name, "value": value}))
                .collect();
            json!({"label": labels, key: value})
        });
        let metrics: Vec<Value> = metrics.collect();
        json!({"name": name, "help": self.help, "type": kind, "metric": metrics})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_told_as_families() {
        let page = "# HELP a What a is\n# TYPE a gauge\na{x=\"1\"} 2\na{x=\"2\"} NaN\n\
            # TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 4\nh_sum 5.5\nh_count 4\n";
        let found = families(page);
        assert_eq!(
            found["a"].json("a"),
            json!({"name": "a", "help": "What a is", "type": "GAUGE", "metric": [
                {"label": [{"name": "x", "value": "1"}], "gauge": {"value": 2.0}},
                {"label": [{"name": "x", "value": "2"}], "gauge": {"value": "NaN"}}]})
        );
        assert_eq!(
            found["h"].json("h")["metric"],
            json!([{"label": [], "histogram": {"sampleCount": "4", "sampleSum": 5.5, "bucket": [
                {"cumulativeCount": "3", "upperBound": 1.0},
                {"cumulativeCount": "4", "upperBound": "Infinity"}]}}])
        );
    }
}
