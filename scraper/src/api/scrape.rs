//! `scrape_pools`, `scrape_pools/config`, `targets/relabel_steps` and `targets/metadata`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use watchpost_model::Labels;
use watchpost_promql::parse_selector;

use super::{App, Error, Params, response};
use crate::config::RelabelConfig;
use crate::scrape::{Pool, relabel};

/// The names of all jobs.
pub(super) async fn pools(State(app): State<Arc<App>>) -> Response {
    let mut names: Vec<&str> = app.scrape.pools().iter().map(|pool| &*pool.name).collect();
    names.sort_unstable();
    response::success(&json!({"scrapePools": names}), &[])
}

/// How a job is scraped, without secrets.
pub(super) async fn config(State(app): State<Arc<App>>, params: Params) -> Result<Response, Error> {
    let pool = pool(&app, &params)?;
    Ok(response::success(&json!({"yaml": pool.yaml}), &[]))
}

#[derive(Serialize)]
struct Step<'a> {
    rule: &'a RelabelConfig,
    output: Labels,
    keep: bool,
}

/// What each label rule of a job makes of the labels of a target.
pub(super) async fn relabel_steps(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let pool = pool(&app, &params)?;
    let text = params.get("labels");
    if text.is_empty() {
        return Err(Error::BadData("no labels parameter provided".to_owned()));
    }
    let labels: BTreeMap<String, String> = serde_json::from_str(text)
        .map_err(|error| Error::BadData(format!("error unmarshaling labels: {error}")))?;
    let mut labels = Labels::from_pairs(&labels).builder();
    let mut steps = Vec::new();
    for rule in &pool.relabel {
        let keep = relabel::apply(std::slice::from_ref(rule), &mut labels);
        let output = if keep {
            labels.clone().build()
        } else {
            Labels::empty()
        };
        steps.push(Step { rule, output, keep });
        if !keep {
            break;
        }
    }
    Ok(response::success(&json!({"steps": steps}), &[]))
}

/// The pool that is named.
fn pool<'a>(app: &'a App, params: &Params) -> Result<&'a Arc<Pool>, Error> {
    let name = params.get("scrapePool");
    if name.is_empty() {
        return Err(Error::BadData(
            "no scrapePool parameter provided".to_owned(),
        ));
    }
    let mut pools = app.scrape.pools().iter();
    pools
        .find(|pool| pool.name == name)
        .ok_or_else(|| Error::NotFound(format!("no scrape pool {name:?}")))
}

/// What a target says of a metric.
#[derive(Serialize)]
struct Entry {
    target: Labels,
    /// Left out where only one metric is asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    metric: String,
    #[serde(rename = "type")]
    metric_type: &'static str,
    help: String,
    unit: String,
}

/// What each target says of its metrics.
pub(super) async fn metadata(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let limit = params
        .number("limit")
        .map_err(|_| Error::BadData("limit must be a number".to_owned()))?
        .unwrap_or(usize::MAX);
    let matchers = match params.get("match_target") {
        "" => Vec::new(),
        text => parse_selector(text).map_err(|error| Error::parameter("match_target", error))?,
    };
    let metric = Some(params.get("metric")).filter(|metric| !metric.is_empty());
    let targets: Vec<Labels> = app
        .scrape
        .pools()
        .iter()
        .flat_map(|pool| pool.targets.iter().map(|target| target.labels.clone()))
        .filter(|labels| {
            let mut matchers = matchers.iter();
            matchers.all(|matcher| matcher.matches(labels.get(matcher.name())))
        })
        .collect();
    let mut known: BTreeMap<Labels, Vec<Entry>> = BTreeMap::new();
    for (target, name, about) in app.db.metadata(metric) {
        let entry = Entry {
            target: target.clone(),
            metric: if metric.is_some() {
                String::new()
            } else {
                name
            },
            metric_type: about.metric_type.as_str(),
            help: about.help,
            unit: about.unit,
        };
        known.entry(target).or_default().push(entry);
    }
    // As in Prometheus, the limit is looked at before each target.
    let mut found = Vec::new();
    for target in targets {
        if found.len() < limit {
            found.extend(known.remove(&target).into_iter().flatten());
        }
    }
    Ok(response::success(&found, &[]))
}
