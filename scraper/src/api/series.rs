//! `series`, `labels`, `label/<name>/values` and `metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use watchpost_model::{Labels, Matcher};
use watchpost_tsdb::{Db, TimeRange};

use super::{App, Error, Params, response};

/// The warning of an answer that `limit` cut off.
pub(super) const TRUNCATED: &str = "results truncated due to limit";

/// The label sets of series.
pub(super) async fn series(State(app): State<Arc<App>>, params: Params) -> Result<Response, Error> {
    let selectors = params.selectors()?;
    if selectors.is_empty() {
        return Err(Error::BadData("no match[] parameter provided".to_owned()));
    }
    union(&app, &params, selectors, |db, range, matchers| {
        db.series(range, matchers)
    })
    .await
}

/// The names of labels.
pub(super) async fn labels(State(app): State<Arc<App>>, params: Params) -> Result<Response, Error> {
    let selectors = or_all(params.selectors()?);
    union(&app, &params, selectors, |db, range, matchers| {
        db.label_names(range, matchers)
    })
    .await
}

/// The values of a label.
pub(super) async fn values(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    if name.is_empty() {
        return Err(Error::BadData(format!("invalid label name: \"{name}\"")));
    }
    let selectors = or_all(params.selectors()?);
    union(&app, &params, selectors, move |db, range, matchers| {
        db.label_values(&name, range, matchers)
    })
    .await
}

/// No selector selects everything.
fn or_all(selectors: Vec<Vec<Matcher>>) -> Vec<Vec<Matcher>> {
    if selectors.is_empty() {
        vec![Vec::new()]
    } else {
        selectors
    }
}

/// What all selectors together find, sorted, each once.
async fn union<T: Ord + Send + Serialize + 'static>(
    app: &App,
    params: &Params,
    selectors: Vec<Vec<Matcher>>,
    find: impl Fn(&Db, TimeRange, &[Matcher]) -> Result<Vec<T>, watchpost_tsdb::Error> + Send + 'static,
) -> Result<Response, Error> {
    let range = params.range()?;
    let limit = params.limit()?;
    let db = app.db.clone();
    let found = app.queries.run(None, move |_| {
        let mut all = BTreeSet::new();
        for matchers in &selectors {
            all.extend(find(&db, range, matchers)?);
        }
        Ok(all)
    });
    let mut found: Vec<T> = found.await?.into_iter().collect();
    let cut = found.len() > limit;
    found.truncate(limit);
    let warnings = if cut {
        vec![TRUNCATED.to_owned()]
    } else {
        Vec::new()
    };
    Ok(response::success(&found, &warnings))
}

/// What a target says of a metric.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Entry {
    #[serde(rename = "type")]
    metric_type: &'static str,
    help: String,
    unit: String,
}

/// What targets say of metrics.
pub(super) async fn metadata(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let metric = Some(params.get("metric")).filter(|metric| !metric.is_empty());
    let limit = params.limit()?;
    let per_metric: usize = params.get("limit_per_metric").parse().unwrap_or(usize::MAX);
    let mut metrics: BTreeMap<String, BTreeSet<Entry>> = BTreeMap::new();
    let known: Vec<(Labels, String, _)> = app.db.metadata(metric);
    for (_, metric, metadata) in known {
        if metrics.len() >= limit && !metrics.contains_key(&metric) {
            continue;
        }
        let entries = metrics.entry(metric).or_default();
        if entries.len() < per_metric {
            entries.insert(Entry {
                metric_type: metadata.metric_type.as_str(),
                help: metadata.help,
                unit: metadata.unit,
            });
        }
    }
    Ok(response::success(&metrics, &[]))
}
