//! The engine: from an expression to the shape of the answer.

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use watchpost_model::{Duration, FloatHistogram, Labels};
use watchpost_tsdb::Db;

use crate::error::Error;
use crate::eval::{Eval, final_labels, finish, same_labels};
use crate::number::seconds;
use crate::parse::ast::Kind;
use crate::parse::{Expr, deep, lengths};
use crate::query::Query;
use crate::series::{Evaluated, Grid, Points, Sample, StepSeries, weight};
use crate::value::{Answer, InstantSample, RangeSeries, Value};

/// The bounds and habits of an engine.
#[derive(Clone, Debug)]
pub struct Options {
    /// How far an instant selector looks back (default 5 min).
    pub lookback: Duration,
    /// The most samples a query may hold at once (default 50,000,000).
    pub max_samples: usize,
    /// How long a query may take (default 2 min).
    pub timeout: Duration,
    /// The step of a subquery that names none (default 1 min, as `global.evaluation_interval`).
    pub subquery_step: Duration,
    /// Whether metric names go at the end of the evaluation and not where they are lost
    /// (`--enable-feature=promql-delayed-name-removal`).
    pub delayed_name_removal: bool,
    /// How many threads a query may use at once (default the cores of the machine).
    pub threads: usize,
    /// Set to end a running query early, because nobody waits for it any more.
    pub canceled: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(300),
            max_samples: 50_000_000,
            timeout: Duration::from_secs(120),
            subquery_step: Duration::from_secs(60),
            delayed_name_removal: false,
            threads: std::thread::available_parallelism().map_or(1, NonZero::get),
            canceled: Arc::default(),
        }
    }
}

/// A range query's steps: `start`, `start + step`, ... up to and including `end`. All ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The first time.
    pub start_ms: i64,
    /// The time not to pass.
    pub end_ms: i64,
    /// The distance, more than 0.
    pub step_ms: i64,
}

/// Evaluates expressions over a store.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: Options,
}

impl Engine {
    /// An engine with these bounds.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// The value at one time.
    pub fn instant(&self, db: &Db, expr: &Expr, time_ms: i64) -> Result<Answer, Error> {
        deep::with(expr.root.height, || self.at_time(db, expr, time_ms))
            .map_err(|error| no_stack(&error))?
    }

    /// The values at each step; the answer is always a matrix.
    pub fn range(&self, db: &Db, expr: &Expr, steps: Steps) -> Result<Answer, Error> {
        deep::with(expr.root.height, || self.over_steps(db, expr, steps))
            .map_err(|error| no_stack(&error))?
    }

    fn at_time(&self, db: &Db, expr: &Expr, time_ms: i64) -> Result<Answer, Error> {
        let steps = Steps {
            start_ms: time_ms,
            end_ms: time_ms,
            step_ms: 0,
        };
        let resolved = resolve(expr, steps)?;
        let expr = resolved.as_ref().unwrap_or(expr);
        let query = Query::new((&self.options, db), expr, (steps, false), 1);
        let eval = Eval {
            query: &query,
            grid: Grid {
                start_ms: time_ms,
                step_ms: 1,
                count: 1,
            },
            counts: Some(&query.counts),
        };
        let value = match &expr.root.bare().kind {
            Kind::Range(..) | Kind::Subquery(_) => raw_samples(&eval, expr)?,
            _ => at_one_time(eval.node(&expr.root)?, time_ms)?,
        };
        Ok(query.answer(value))
    }

    fn over_steps(&self, db: &Db, expr: &Expr, steps: Steps) -> Result<Answer, Error> {
        let grid = self.grid(steps)?;
        let resolved = resolve(expr, steps)?;
        let expr = resolved.as_ref().unwrap_or(expr);
        let query = Query::new((&self.options, db), expr, (steps, true), grid.count);
        let eval = Eval {
            query: &query,
            grid,
            counts: Some(&query.counts),
        };
        if let Kind::Range(..) | Kind::Subquery(_) = &expr.root.bare().kind {
            return Err(Error::WrongType("range vector"));
        }
        let series = match eval.node(&expr.root)? {
            Evaluated::Text(_) => return Err(Error::WrongType("string")),
            Evaluated::Scalar(values) => vec![StepSeries {
                labels: Labels::empty(),
                drop_name: false,
                points: values.into_iter().map(Some).collect(),
            }],
            Evaluated::Vector(series) => finish(series)?,
        };
        let mut matrix: Vec<RangeSeries> = series
            .into_iter()
            .map(|one| RangeSeries {
                points: points_with_times(&one.points, grid),
                histograms: histograms_with_times(one.points, grid),
                labels: one.labels,
            })
            .filter(|one| !one.points.is_empty() || !one.histograms.is_empty())
            .collect();
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(query.answer(Value::Matrix(matrix)))
    }

    fn grid(&self, steps: Steps) -> Result<Grid, Error> {
        if steps.step_ms <= 0 {
            return Err(Error::Execution(format!(
                "expected a step of more than 0 ms, found {}",
                steps.step_ms
            )));
        }
        let length = i128::from(steps.end_ms) - i128::from(steps.start_ms);
        let count = if length < 0 {
            0
        } else {
            usize::try_from(length / i128::from(steps.step_ms) + 1).unwrap_or(usize::MAX)
        };
        if count > self.options.max_samples {
            return Err(Error::TooManySamples("query execution"));
        }
        Ok(Grid {
            start_ms: steps.start_ms,
            step_ms: steps.step_ms,
            count,
        })
    }
}

fn no_stack(error: &io::Error) -> Error {
    Error::Execution(format!(
        "no stack for an expression of so many levels: {error}"
    ))
}

/// The expression with its durations computed, where some are expressions themselves.
fn resolve(expr: &Expr, steps: Steps) -> Result<Option<Expr>, Error> {
    let known = lengths::Steps {
        step: seconds(steps.step_ms),
        range: seconds(steps.end_ms.saturating_sub(steps.start_ms)),
    };
    lengths::resolve(expr, known).map_err(Error::Parse)
}

fn points_with_times(points: &Points, grid: Grid) -> Vec<(i64, f64)> {
    grid.times()
        .zip(points.iter())
        .filter_map(|(time, value)| Some((time, value?)))
        .collect()
}

fn histograms_with_times(mut points: Points, grid: Grid) -> Vec<(i64, Arc<FloatHistogram>)> {
    let histograms = points.take_histograms().into_iter();
    let timed = histograms.filter_map(|(step, histogram)| Some((grid.time(step)?, histogram)));
    timed.collect()
}

/// The samples of a range vector as they are.
fn raw_samples(eval: &Eval<'_>, expr: &Expr) -> Result<Value, Error> {
    let input = eval.range_input_of(&expr.root, true)?;
    // Of a subquery, what it is made of is counted.
    let counting = matches!(&expr.root.bare().kind, Kind::Range(..));
    let eval = eval.counting(eval.counts.filter(|_| counting));
    let mut matrix = Vec::new();
    for series in &input.series {
        let points: Vec<(i64, f64)> = input
            .first_window(series)
            .map(|(time, value)| (*time, *value))
            .collect();
        if !points.is_empty() {
            eval.count_with(|counts| counts.add(0, points.len() as u64));
            matrix.push(RangeSeries {
                labels: final_labels(&series.labels, series.drop_name),
                points,
                histograms: Vec::new(),
            });
        }
    }
    for series in &input.mixed {
        let (points, histograms) = input.first_mixed_window(series);
        if !points.is_empty() || !histograms.is_empty() {
            let weights = histograms.iter().map(|(_, histogram)| weight(histogram));
            let samples = points.len() + weights.sum::<usize>();
            eval.count_with(|counts| counts.add(0, samples as u64));
            matrix.push(RangeSeries {
                labels: final_labels(&series.floats.labels, series.floats.drop_name),
                points,
                histograms,
            });
        }
    }
    matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
    let twice = matrix
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.labels == b.labels));
    if twice {
        return Err(same_labels());
    }
    Ok(Value::Matrix(matrix))
}

fn at_one_time(value: Evaluated, time_ms: i64) -> Result<Value, Error> {
    Ok(match value {
        Evaluated::Scalar(values) => Value::Scalar {
            time_ms,
            value: values.first().copied().unwrap_or(f64::NAN),
        },
        Evaluated::Text(value) => Value::String { time_ms, value },
        Evaluated::Vector(series) => {
            let sample = |one: StepSeries| {
                let (value, histogram) = match one.points.sample(0)? {
                    Sample::Float(value) => (value, None),
                    Sample::Histogram(histogram) => (0.0, Some(histogram)),
                };
                Some(InstantSample {
                    labels: one.labels,
                    time_ms,
                    value,
                    histogram,
                })
            };
            Value::Vector(finish(series)?.into_iter().filter_map(sample).collect())
        }
    })
}
