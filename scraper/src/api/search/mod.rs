//! `search/metric_names`, `search/label_names` and `search/label_values`
//! (`--enable-feature=search-api`): names and values that look like what somebody types.
//!
//! Answers are lines of JSON: batches of results, then a line that tells that it was all, or why it
//! was not.

mod matching;
mod params;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use watchpost_model::METRIC_NAME;
use watchpost_tsdb::Db;

use self::matching::Search;
use self::params::{Order, Wanted};
use super::{App, Error, Params, response};
use crate::clock;

/// What is searched.
enum Kind {
    LabelNames,
    LabelValues(String),
}

/// One result.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(flatten)]
    about: Option<About>,
}

/// What is known of a metric.
#[derive(Debug, Serialize)]
struct About {
    #[serde(rename = "type")]
    metric_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    help: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    unit: String,
}

pub(super) async fn metric_names(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let about = params.boolean("include_metadata")?.unwrap_or(false);
    let kind = Kind::LabelValues(METRIC_NAME.to_owned());
    search(&app, &params, kind, about).await
}

pub(super) async fn label_names(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    search(&app, &params, Kind::LabelNames, false).await
}

pub(super) async fn label_values(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let label = params.get("label").to_owned();
    if enabled(&app).is_ok() && label.is_empty() {
        let text = "missing required parameter \"label\"";
        return Err(Error::BadData(text.to_owned()));
    }
    search(&app, &params, Kind::LabelValues(label), false).await
}

fn enabled(app: &App) -> Result<(), Error> {
    if app.enabled.search {
        Ok(())
    } else {
        Err(Error::Unavailable("search API disabled".to_owned()))
    }
}

async fn search(app: &App, params: &Params, kind: Kind, about: bool) -> Result<Response, Error> {
    enabled(app)?;
    let wanted = Wanted::new(params, clock::now_ms(), app.bounds.search_results)?;
    let db = app.db.clone();
    let batch = wanted.batch;
    let work = app.queries.run(move |_| {
        let (found, more) = find(&db, &kind, &wanted)?;
        let entries = found.into_iter().map(|(name, score)| Entry {
            about: about.then(|| self::about(&db, &name)).flatten(),
            score: wanted.with_score.then_some(score),
            name,
        });
        Ok((entries.collect::<Vec<Entry>>(), more))
    });
    let (entries, more) = work.await?;
    Ok(lines(&entries, batch, more))
}

/// What is found, with its score, and whether there is more.
fn find(db: &Db, kind: &Kind, wanted: &Wanted) -> Result<(Vec<(String, f64)>, bool), Error> {
    let search = Search::new(&wanted.terms, wanted.way);
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    for matchers in &wanted.selectors {
        let names = match kind {
            Kind::LabelNames => db.label_names(wanted.range, matchers)?,
            Kind::LabelValues(label) => db.label_values(label, wanted.range, matchers)?,
        };
        for name in names {
            if let Some(score) = search.score(&name) {
                found.insert(name, score);
            }
        }
    }
    let mut found: Vec<(String, f64)> = found.into_iter().collect();
    match wanted.order {
        Order::Ascending => {}
        Order::Descending => found.reverse(),
        Order::Score => found.sort_by(|a, b| b.1.total_cmp(&a.1)),
    }
    let more = found.len() > wanted.limit;
    found.truncate(wanted.limit);
    Ok((found, more))
}

fn about(db: &Db, metric: &str) -> Option<About> {
    let (_, _, about) = db.metadata(Some(metric)).into_iter().next()?;
    Some(About {
        metric_type: about.metric_type.as_str(),
        help: about.help,
        unit: about.unit,
    })
}

fn lines(entries: &[Entry], batch: usize, more: bool) -> Response {
    let mut body = Vec::new();
    // Without results there is a batch all the same.
    let nothing: &[Entry] = &[];
    let none = entries.is_empty().then_some(nothing);
    for batch in entries.chunks(batch).chain(none) {
        response::put_json(&mut body, &json!({"results": batch}));
        body.push(b'\n');
    }
    body.extend_from_slice(b"{\"status\":\"success\",\"has_more\":");
    response::put_json(&mut body, &more);
    body.extend_from_slice(b"}\n");
    let kind = "application/x-ndjson; charset=utf-8";
    ([(CONTENT_TYPE, kind)], body).into_response()
}
