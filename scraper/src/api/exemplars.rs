//! `query_exemplars`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use watchpost_model::{Labels, format_value};

use super::query::expression;
use super::{App, Error, Params, response};

/// The exemplars of a series.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    series_labels: Labels,
    exemplars: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    labels: Labels,
    value: String,
    /// Seconds.
    timestamp: f64,
}

/// The exemplars of the series that an expression selects.
pub(super) async fn exemplars(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let range = params
        .ordered_range()
        .map_err(|error| error.without_parameter("end"))?;
    let expr = expression(&app, &params).map_err(|error| error.without_parameter("query"))?;
    let db = app.db.clone();
    let select = move |_: &_| Ok(db.exemplars(range, &expr.selectors()));
    let found = app.queries.run(select).await?;
    let found: Vec<Found> = found
        .into_iter()
        .map(|(series_labels, exemplars)| Found {
            series_labels,
            exemplars: exemplars.into_iter().map(Entry::from).collect(),
        })
        .collect();
    Ok(response::success(&found, &[]))
}

impl From<watchpost_tsdb::Exemplar> for Entry {
    fn from(exemplar: watchpost_tsdb::Exemplar) -> Self {
        Self {
            labels: exemplar.labels,
            value: format_value(exemplar.value),
            timestamp: exemplar.time_ms as f64 / 1_000.0,
        }
    }
}
