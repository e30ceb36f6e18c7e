//! `status/*`, and our own metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{App, Error, Params, response};
use crate::clock;
use crate::embedded::host_name;

/// The type of a page in text format 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let page = app.telemetry.page();
    ([(CONTENT_TYPE, TEXT)], page).into_response()
}

/// The Prometheus whose API this is. Clients choose by it what they ask for: below 2.24, for one,
/// Grafana asks for all series where it wants names.
const PROMETHEUS: &str = "3.14.0";

pub(super) async fn build() -> Response {
    let data = json!({
        "version": PROMETHEUS,
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
        "application": "Watchpost",
        "applicationVersion": env!("CARGO_PKG_VERSION"),
    });
    response::success(&data, &[])
}

pub(super) async fn runtime(State(app): State<Arc<App>>) -> Response {
    let stats = app.db.stats();
    let directory = std::env::current_dir().unwrap_or_default();
    let data = json!({
        "startTime": clock::rfc3339(app.started_ms),
        "CWD": directory.display().to_string(),
        "hostname": host_name(),
        "serverTime": clock::rfc3339(clock::now_ms()),
        "reloadConfigSuccess": true,
        "lastConfigTime": clock::rfc3339(app.started_ms),
        "timeSeriesCount": stats.series,
        "corruptionCount": stats.quarantined_files,
        "storageRetention": app.flags.iter()
            .find(|(name, _)| name == "storage.tsdb.retention.time")
            .map_or("", |(_, value)| value.as_str()),
    });
    response::success(&data, &[])
}

pub(super) async fn flags(State(app): State<Arc<App>>) -> Response {
    let flags: BTreeMap<&str, &str> = app
        .flags
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    response::success(&flags, &[])
}

pub(super) async fn config(State(app): State<Arc<App>>) -> Response {
    response::success(&json!({"yaml": app.config}), &[])
}

/// How many entries each list of `status/tsdb` has where nobody says, and at the most.
const TOP: usize = 10;
const MAX_TOP: usize = 10_000;

/// What brings how many series.
pub(super) async fn tsdb(State(app): State<Arc<App>>, params: Params) -> Result<Response, Error> {
    let text = params.get("limit");
    let limit = if text.is_empty() {
        Some(TOP)
    } else {
        text.parse().ok()
    };
    let Some(top @ 1..=MAX_TOP) = limit else {
        let text = format!("limit must be a positive number of at most {MAX_TOP}");
        return Err(Error::BadData(text));
    };
    let db = app.db.clone();
    let counting = app
        .queries
        .run(move |_| Ok((db.stats(), db.cardinality(top))));
    let (stats, counted) = counting.await?;
    let data = json!({
        "headStats": {
            "numSeries": stats.series,
            "numLabelPairs": counted.label_pairs,
            "chunkCount": stats.head_blocks,
            "minTime": stats.min_time_ms.unwrap_or(i64::MAX),
            "maxTime": stats.max_time_ms.unwrap_or(i64::MIN),
        },
        "seriesCountByMetricName": list(&counted.series_by_metric),
        "labelValueCountByLabelName": list(&counted.values_by_label),
        "memoryInBytesByLabelName": list(&counted.bytes_by_label),
        "seriesCountByLabelValuePair": list(&counted.series_by_pair),
    });
    Ok(response::success(&data, &[]))
}

fn list(counted: &[(String, u64)]) -> Vec<Value> {
    counted
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

/// The segments of the store, as Prometheus's blocks. Each is a block of its own source; the head is
/// none.
pub(super) async fn blocks(State(app): State<Arc<App>>) -> Response {
    let blocks: Vec<Value> = app
        .db
        .segments()
        .into_iter()
        .map(|segment| {
            json!({
                "ulid": segment.name,
                "minTime": segment.min_time_ms,
                "maxTime": segment.max_time_ms.saturating_add(1),
                "stats": {
                    "numSamples": segment.samples,
                    "numSeries": segment.series,
                    "numBytes": segment.bytes,
                },
                "compaction": {"level": 1, "sources": [segment.name]},
                "version": 1,
            })
        })
        .collect();
    response::success(&json!({"blocks": blocks}), &[])
}

/// The replay is over before anything is served.
pub(super) async fn wal_replay(State(app): State<Arc<App>>) -> Response {
    let records = app.db.stats().replayed_records;
    let data = json!({"min": 0, "max": records, "current": records, "state": "done"});
    response::success(&data, &[])
}
