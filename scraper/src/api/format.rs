//! `format_query` and `parse_query`: an expression in its usual form, and as a tree.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::query::expression;
use super::{App, Error, Params, response};

/// The expression over as many lines as it needs.
pub(super) async fn format(State(app): State<Arc<App>>, params: Params) -> Result<Response, Error> {
    let expr = expression(&app, &params)?;
    Ok(response::success(&expr.format(), &[]))
}

/// The expression as a tree.
pub(super) async fn parse(State(app): State<Arc<App>>, params: Params) -> Result<Response, Error> {
    let tree = expression(&app, &params)?.ast_json();
    let body = format!("{{\"status\":\"success\",\"data\":{tree}}}");
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}
