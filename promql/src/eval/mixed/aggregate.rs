//! Aggregations of groups that have histograms.

use std::sync::Arc;

use watchpost_model::FloatHistogram;
use watchpost_model::histogram::{CounterReset, HistogramMean, HistogramSum, Joined, MixedBuckets};

use super::super::Eval;
use super::super::aggregate::{Group, members};
use super::super::fold::State;
use crate::parse::ast::{Aggregate, AggregateOp, Span};
use crate::remarks::{self, Operation};
use crate::series::{Points, Sample, StepSeries};

/// What histograms are put together to.
enum Total {
    Sum(HistogramSum),
    Mean(HistogramMean),
}

impl Total {
    fn new(op: AggregateOp, first: &FloatHistogram) -> Self {
        if op == AggregateOp::Avg {
            Self::Mean(first.into())
        } else {
            Self::Sum(first.into())
        }
    }

    fn add(&mut self, other: &FloatHistogram) -> Result<Joined, MixedBuckets> {
        match self {
            Self::Sum(sum) => sum.add(other),
            Self::Mean(mean) => mean.add(other),
        }
    }

    fn value(self) -> FloatHistogram {
        let mut value = match self {
            Self::Sum(sum) => sum.total(),
            Self::Mean(mean) => mean.value(),
        };
        value.compact();
        value
    }
}

/// One series of a group of which some series have histograms.
pub(in crate::eval) fn folded(
    eval: &Eval<'_>,
    aggregate: &Aggregate,
    group: &Group,
    vector: &[StepSeries],
) -> StepSeries {
    let mut points = Points::none(eval.grid.count);
    for step in 0..eval.grid.count {
        if let Some(sample) = at_step(eval, aggregate, (group, vector), step) {
            points.set_sample(step, sample);
        }
    }
    StepSeries {
        labels: group.labels.clone(),
        drop_name: group.drop_name,
        points,
    }
}

fn at_step(
    eval: &Eval<'_>,
    aggregate: &Aggregate,
    (group, vector): (&Group, &[StepSeries]),
    step: usize,
) -> Option<Sample> {
    let mut floats = State::default();
    let mut histograms: Vec<(&str, Arc<FloatHistogram>)> = Vec::new();
    for series in members(group, vector) {
        match series.points.sample(step) {
            Some(Sample::Float(value)) => floats.add(aggregate.op, value),
            Some(Sample::Histogram(it)) => histograms.push((series.labels.metric_name(), it)),
            None => {}
        }
    }
    let of_floats = floats.value(aggregate.op);
    if histograms.is_empty() {
        return of_floats.map(Sample::Float);
    }
    let span = aggregate.expr.span;
    match aggregate.op {
        AggregateOp::Sum | AggregateOp::Avg if of_floats.is_some() => {
            eval.query.warn(span, remarks::MIXED_IN_AGGREGATION);
            None
        }
        AggregateOp::Sum | AggregateOp::Avg => together(eval, aggregate, &histograms),
        AggregateOp::Count => {
            let count = of_floats.unwrap_or(0.0) + histograms.len() as f64;
            Some(Sample::Float(count))
        }
        AggregateOp::Group => Some(Sample::Float(1.0)),
        op => {
            eval.query.info(span, &remarks::ignored_in(op.name()));
            of_floats.map(Sample::Float)
        }
    }
}

impl Eval<'_> {
    /// Says that an aggregation takes no histograms, where there are some.
    pub(in crate::eval) fn remark_on_ignored(
        &self,
        op: AggregateOp,
        vector: &[StepSeries],
        span: Span,
    ) {
        if vector.iter().any(|series| series.points.has_histograms()) {
            self.query.info(span, &remarks::ignored_in(op.name()));
        }
    }
}

/// The sum or the mean of histograms; nothing where they do not fit together.
fn together(
    eval: &Eval<'_>,
    aggregate: &Aggregate,
    histograms: &[(&str, Arc<FloatHistogram>)],
) -> Option<Sample> {
    let span = aggregate.expr.span;
    let ((_, first), others) = histograms.split_first()?;
    let mut total = Total::new(aggregate.op, first);
    for (name, histogram) in others {
        let Ok(joined) = total.add(histogram) else {
            eval.query.warn(span, &remarks::mixed_buckets(name));
            return None;
        };
        if joined.bounds_differ {
            let remark = remarks::bounds_differ(Operation::Aggregation);
            eval.query.info(span, &remark);
        }
    }
    let tells = |what| histograms.iter().any(|(_, it)| it.counter_reset == what);
    if tells(CounterReset::Reset) && tells(CounterReset::NotReset) {
        let remark = remarks::reset_collision(Operation::Aggregation);
        eval.query.warn(span, &remark);
    }
    Some(Sample::Histogram(total.value().into()))
}
