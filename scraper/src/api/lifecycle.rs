//! `/-/*`: health, readiness, reload and stop.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{App, Error};

/// What is said where `--web.enable-lifecycle` is not given.
const NOT_ENABLED: &str = "Lifecycle API is not enabled.\n";

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

/// Opens log files anew. The configuration itself is read at the start only, and whoever changed it
/// has to learn that.
pub(super) async fn reload(State(app): State<Arc<App>>) -> Response {
    if !app.enabled.lifecycle {
        return (StatusCode::FORBIDDEN, NOT_ENABLED).into_response();
    }
    match app.reload() {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error.into_response(),
    }
}

/// Ends the program in good order.
pub(super) async fn quit(State(app): State<Arc<App>>) -> Response {
    if !app.enabled.lifecycle {
        return (StatusCode::FORBIDDEN, NOT_ENABLED).into_response();
    }
    app.quit.notify_one();
    "Requesting termination... Goodbye!".into_response()
}

/// The methods that change something.
pub(super) async fn only_post_or_put() -> (StatusCode, &'static str) {
    let text = "Only POST or PUT requests allowed\n";
    (StatusCode::METHOD_NOT_ALLOWED, text)
}

impl App {
    /// Opens log files anew, and tells whether the configuration file has changed since the start.
    pub fn reload(&self) -> Result<(), Error> {
        if let Some(log) = self.queries.log() {
            log.reopen().map_err(|error| {
                Error::Internal(format!("cannot open the query log again: {error}"))
            })?;
        }
        let Some(file) = &self.config_file else {
            return Ok(());
        };
        match std::fs::read_to_string(&file.path) {
            Ok(text) if text == file.text => Ok(()),
            Ok(_) => Err(Error::NotYet(
                "the configuration file has changed; it is read at the start only: restart"
                    .to_owned(),
            )),
            Err(error) => Err(Error::Internal(format!(
                "cannot read the configuration file {}: {error}",
                file.path.display()
            ))),
        }
    }
}
