//! `series`, `labels`, `label/<name>/values` and `metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use watchpost_model::{Labels, Matcher};
use watchpost_tsdb::{Db, TimeRange};

use super::{App, Error, Params, label_name, response};

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
    let selectors = selectors(&params)?;
    union(&app, &params, selectors, |db, range, matchers| {
        db.label_names(range, matchers)
    })
    .await
}

/// The values of a label.
pub(super) async fn values(
    State(app): State<Arc<App>>,
    uri: Uri,
    params: Params,
) -> Result<Response, Error> {
    // As it stands there: what is not UTF-8 is to be told as a wrong name.
    let mut parts = uri.path().rsplit('/');
    let raw = parts.nth(1).unwrap_or_default();
    let Some(name) = label_name::read(raw) else {
        return Err(Error::BadData(format!("invalid label name: {raw:?}")));
    };
    let selectors = selectors(&params)?;
    union(&app, &params, selectors, move |db, range, matchers| {
        db.label_values(&name, range, matchers)
    })
    .await
}

/// The selectors; none selects everything. Here Prometheus does not name the parameter in errors.
fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, Error> {
    let mut selectors = params
        .selectors()
        .map_err(|error| error.without_parameter("match[]"))?;
    if selectors.is_empty() {
        selectors.push(Vec::new());
    }
    Ok(selectors)
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
    let found = app.queries.run(move |_| {
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

/// The most of something; below 0 there is no limit, as in Prometheus.
fn most(params: &Params, name: &str) -> Result<usize, Error> {
    match params.get(name) {
        "" => Ok(usize::MAX),
        text => {
            let number: Result<i64, _> = text.parse();
            let number = number.map_err(|_| Error::BadData(format!("{name} must be a number")))?;
            Ok(usize::try_from(number).unwrap_or(usize::MAX))
        }
    }
}

/// What targets say of metrics.
pub(super) async fn metadata(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let metric = Some(params.get("metric")).filter(|metric| !metric.is_empty());
    let limit = most(&params, "limit")?;
    let per_metric = most(&params, "limit_per_metric")?;
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
