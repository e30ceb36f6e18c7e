//! `query` and `query_range`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use watchpost_promql::{Answer, Engine, Expr, Steps, Value, parse_with};

use super::queries::{Asked, Origin, Parameters};
use super::{App, Error, Params, answer};
use crate::clock;

/// The most points a series of a range query may have.
const MAX_POINTS: i64 = 11_000;

/// What is told of a query besides its value.
struct Wish {
    limit: usize,
    stats: bool,
    /// The steps, where it is to be told what each of them took.
    steps: Option<Steps>,
    warning: Option<&'static str>,
}

/// The value of an expression at one time.
pub(super) async fn instant(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let limit = params.limit()?;
    let time_ms = params.time("time")?.unwrap_or_else(clock::now_ms);
    let at_once = Steps {
        start_ms: time_ms,
        end_ms: time_ms,
        step_ms: 0,
    };
    let asked = asked(&params, at_once)?;
    let wish = Wish::new(&app, &params, limit, at_once);
    let expr = expression(&app, &params)?;
    let db = app.db.clone();
    let run = move |engine: &Engine| Ok(engine.instant(&db, &expr, time_ms)?);
    tell(&app, asked, wish, run).await
}

/// The values of an expression at each step.
pub(super) async fn range(State(app): State<Arc<App>>, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let steps = steps(&params)?;
    let asked = asked(&params, steps)?;
    let wish = Wish::new(&app, &params, limit, steps);
    let expr = expression(&app, &params)?;
    let db = app.db.clone();
    let run = move |engine: &Engine| Ok(engine.range(&db, &expr, steps)?);
    tell(&app, asked, wish, run).await
}

/// Runs a query and writes its answer.
async fn tell(
    app: &App,
    asked: Asked,
    wish: Wish,
    run: impl FnOnce(&Engine) -> Result<Answer, Error> + Send + 'static,
) -> Result<Response, Error> {
    let (mut found, mut stats) = app.queries.ask(asked, run).await?;
    if let Some(steps) = wish.steps {
        stats = stats.with_steps(&found.samples, steps);
    }
    let cut = match &mut found.value {
        Value::Vector(samples) => cut(samples, wish.limit),
        Value::Matrix(series) => cut(series, wish.limit),
        Value::Scalar { .. } | Value::String { .. } => false,
    };
    if cut {
        found.warnings.push(super::series::TRUNCATED.to_owned());
    }
    found.warnings.extend(wish.warning.map(str::to_owned));
    Ok(answer::answer(found, wish.stats.then_some(&stats)))
}

impl Wish {
    fn new(app: &App, params: &Params, limit: usize, steps: Steps) -> Self {
        let stats = params.get("stats");
        let is_known = matches!(stats, "" | "true" | "all");
        let deprecated =
            "values of `stats` other than `true` and `all` are deprecated; it is read as `true`";
        Self {
            limit,
            stats: !stats.is_empty(),
            steps: (stats == "all" && app.enabled.step_stats).then_some(steps),
            warning: (!is_known).then_some(deprecated),
        }
    }
}

fn asked(params: &Params, steps: Steps) -> Result<Asked, Error> {
    let query = params.get("query");
    Ok(Asked {
        parameters: Parameters::new(query, steps.start_ms, steps.end_ms, steps.step_ms),
        origin: Origin::Request(params.request().clone()),
        timeout_ms: timeout(params)?,
        lookback_ms: lookback(params)?,
    })
}

fn timeout(params: &Params) -> Result<Option<i64>, Error> {
    let timeout = params.duration("timeout")?;
    if timeout.is_some_and(|timeout| timeout < 0) {
        return Err(Error::parameter("timeout", "expected at least 0"));
    }
    Ok(timeout)
}

fn lookback(params: &Params) -> Result<Option<i64>, Error> {
    params.duration("lookback_delta").map_err(|_| {
        Error::BadData(format!(
            "error parsing lookback delta duration: cannot parse \"{}\" to a valid duration",
            params.get("lookback_delta")
        ))
    })
}

pub(super) fn expression(app: &App, params: &Params) -> Result<Expr, Error> {
    parse_with(params.get("query"), app.features).map_err(|error| Error::parameter("query", error))
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

fn cut<T>(list: &mut Vec<T>, limit: usize) -> bool {
    let cut = list.len() > limit;
    list.truncate(limit);
    cut
}
