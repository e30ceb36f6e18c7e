//! `query` and `query_range`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::Response;
use watchpost_promql::{Answer, Engine, Expr, Steps, Value, parse};

use super::{App, Error, Params, response};
use crate::clock;

/// The most points a series of a range query may have.
const MAX_POINTS: i64 = 11_000;

/// The value of an expression at one time.
pub(super) async fn instant(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let time_ms = params.time("time")?.unwrap_or_else(clock::now_ms);
    let limit = params.limit()?;
    let timeout = params.duration("timeout")?;
    let expr = expression(&params)?;
    let db = app.db.clone();
    let run = move |engine: &Engine| Ok(engine.instant(&db, &expr, time_ms)?);
    Ok(answer(counted(&app, timeout, run).await?, limit))
}

/// The values of an expression at each step.
pub(super) async fn range(State(app): State<Arc<App>>, params: Params) -> Result<Response, Error> {
    let steps = steps(&params)?;
    let limit = params.limit()?;
    let timeout = params.duration("timeout")?;
    let expr = expression(&params)?;
    let db = app.db.clone();
    let run = move |engine: &Engine| Ok(engine.range(&db, &expr, steps)?);
    Ok(answer(counted(&app, timeout, run).await?, limit))
}

/// Runs a query and counts it.
async fn counted(
    app: &App,
    timeout: Option<i64>,
    question: impl FnOnce(&Engine) -> Result<Answer, Error> + Send + 'static,
) -> Result<Answer, Error> {
    let counters = app.telemetry.counters();
    counters.queries.fetch_add(1, Ordering::Relaxed);
    app.queries.run(timeout, question).await.inspect_err(|_| {
        counters.failed_queries.fetch_add(1, Ordering::Relaxed);
    })
}

fn expression(params: &Params) -> Result<Expr, Error> {
    parse(params.get("query")).map_err(|error| Error::parameter("query", error))
}

fn steps(params: &Params) -> Result<Steps, Error> {
    let start_ms = params.required_time("start")?;
    let end_ms = params.required_time("end")?;
    if end_ms < start_ms {
        return Err(Error::parameter(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let step_ms = params
        .duration("step")?
        .ok_or_else(|| Error::parameter("step", "cannot parse \"\" to a valid duration"))?;
    if step_ms <= 0 {
        return Err(Error::parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if end_ms.saturating_sub(start_ms) / step_ms > MAX_POINTS {
        return Err(Error::BadData(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
                .to_owned(),
        ));
    }
    Ok(Steps {
        start_ms,
        end_ms,
        step_ms,
    })
}

fn answer(mut answer: Answer, limit: usize) -> Response {
    let cut = match &mut answer.value {
        Value::Vector(samples) => cut(samples, limit),
        Value::Matrix(series) => cut(series, limit),
        Value::Scalar { .. } | Value::String { .. } => false,
    };
    if cut {
        answer.warnings.push(super::series::TRUNCATED.to_owned());
    }
    response::answer(&answer)
}

fn cut<T>(list: &mut Vec<T>, limit: usize) -> bool {
    let cut = list.len() > limit;
    list.truncate(limit);
    cut
}
