//! `admin/tsdb/*`: what changes the store, where that is enabled.

use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use watchpost_tsdb::Db;

use super::{App, Error, Params, response};
use crate::clock;
use crate::snapshots::{SNAPSHOTS, snapshot_name};

/// Writes all samples into a directory of their own.
pub(super) async fn snapshot(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    enabled(&app)?;
    let skip_head = params.boolean("skip_head")?.unwrap_or(false);
    let directory = enabled(&app)?.join(SNAPSHOTS);
    let name = snapshot_name(clock::now_ms());
    let path = directory.join(&name);
    change(&app, move |db| db.snapshot(&path, !skip_head)).await?;
    Ok(response::success(&json!({"name": name}), &[]))
}

/// Deletes the samples of series in a span of time.
pub(super) async fn delete_series(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<StatusCode, Error> {
    enabled(&app)?;
    let selectors = params.selectors()?;
    if selectors.is_empty() {
        return Err(Error::BadData("no match[] parameter provided".to_owned()));
    }
    let range = params.ordered_range()?;
    change(&app, move |db| {
        selectors
            .iter()
            .try_for_each(|matchers| db.delete(range, matchers))
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes deleted samples out of the files.
pub(super) async fn clean_tombstones(State(app): State<Arc<App>>) -> Result<StatusCode, Error> {
    change(&app, Db::clean_tombstones).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The store's directory, where the store may be changed by requests.
fn enabled(app: &App) -> Result<&Path, Error> {
    let disabled = || Error::Unavailable("admin APIs disabled".to_owned());
    let directory = app.directory.as_deref();
    directory.filter(|_| app.enabled.admin).ok_or_else(disabled)
}

/// Changes the store on a thread of its own, one change at a time.
async fn change<T: Send + 'static>(
    app: &App,
    change: impl FnOnce(&Db) -> Result<T, watchpost_tsdb::Error> + Send + 'static,
) -> Result<T, Error> {
    enabled(app)?;
    let db = app.db.clone();
    let work = tokio::task::spawn_blocking(move || change(&db));
    let done = work
        .await
        .map_err(|error| Error::Internal(format!("it ended unexpectedly: {error}")))?;
    Ok(done?)
}
