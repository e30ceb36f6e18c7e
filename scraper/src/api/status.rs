//! `status/*`, health, readiness, and our own metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{App, Error, Params, response};
use crate::clock;

/// The type of a page in text format 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn healthy() -> &'static str {
    "Watchpost is Healthy.\n"
}

pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.ready.load(Ordering::Acquire) {
        (StatusCode::OK, "Watchpost is Ready.\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
    }
}

/// Whoever asks for a reload has to learn that nothing was read again.
pub(super) async fn reload() -> Error {
    Error::NotYet("reload is not supported yet: restart".to_owned())
}

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let page = app.telemetry.page();
    ([(CONTENT_TYPE, TEXT)], page).into_response()
}

pub(super) async fn build() -> Response {
    let data = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
        "application": "watchpost",
    });
    response::success(&data, &[])
}

pub(super) async fn runtime(State(app): State<Arc<App>>) -> Response {
    let stats = app.db.stats();
    let directory = std::env::current_dir().unwrap_or_default();
    let data = json!({
        "startTime": clock::rfc3339(app.started_ms),
        "CWD": directory.display().to_string(),
        "serverTime": clock::rfc3339(clock::now_ms()),
        "reloadConfigSuccess": true,
        "lastConfigTime": clock::rfc3339(app.started_ms),
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
        let reason = format_args!("expected a number from 1 to {MAX_TOP}, found \"{text}\"");
        return Err(Error::parameter("limit", reason));
    };
    let db = app.db.clone();
    let counting = app
        .queries
        .run(None, move |_| Ok((db.stats(), db.cardinality(top))));
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

/// The replay is over before anything is served.
pub(super) async fn wal_replay(State(app): State<Arc<App>>) -> Response {
    let records = app.db.stats().replayed_records;
    let data = json!({"min": 0, "max": records, "current": records, "state": "done"});
    response::success(&data, &[])
}
