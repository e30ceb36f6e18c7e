//! Aggregations that keep some series of each group: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;

use watchpost_model::Labels;

use super::aggregate::{Group, groups};
use super::{Eval, hash};
use crate::error::Error;
use crate::number::to_usize;
use crate::parse::ast::{Aggregate, AggregateOp, Node, Span};
use crate::series::{Points, StepSeries};

impl Eval<'_> {
    pub(super) fn ranking(
        &self,
        span: Span,
        aggregate: &Aggregate,
        param: &Node,
    ) -> Result<Vec<StepSeries>, Error> {
        let limits = self.scalar(param)?;
        if limits.iter().any(|limit| limit.is_nan()) {
            return Err(Error::Execution("Parameter value is NaN".to_owned()));
        }
        let vector = self.vector(&aggregate.expr)?;
        if aggregate.op != AggregateOp::Limitk {
            self.remark_on_ignored(aggregate.op, &vector, span);
        }
        let mut kept: Vec<Points> = vector
            .iter()
            .map(|series| Points::none(series.points.len()))
            .collect();
        let mut order = Vec::new();
        for group in groups(aggregate, &vector) {
            self.query.check_time()?;
            for (step, limit) in limits.iter().enumerate() {
                self.query.check_time()?;
                let ranked = ranked(aggregate.op, &group, &vector, step);
                for place in ranked.into_iter().take(to_usize(*limit)) {
                    let sample = vector.get(place).and_then(|one| one.points.sample(step));
                    if let (Some(points), Some(sample)) = (kept.get_mut(place), sample) {
                        points.set_sample(step, sample);
                    }
                    if !self.query.is_range {
                        order.push(place);
                    }
                }
            }
        }
        if self.query.is_range || self.grid.count != 1 {
            order = (0..vector.len()).collect();
        }
        let series = |place: usize| {
            let series = vector.get(place)?;
            let points = kept.get(place)?.clone();
            (!points.is_empty()).then(|| StepSeries {
                labels: series.labels.clone(),
                drop_name: series.drop_name,
                points,
            })
        };
        Ok(order.into_iter().filter_map(series).collect())
    }
}

impl Eval<'_> {
    /// A share of the series, chosen by their labels. A share of `-0.3` is what `0.7` leaves out.
    pub(super) fn limit_ratio(
        &self,
        aggregate: &Aggregate,
        param: &Node,
    ) -> Result<Vec<StepSeries>, Error> {
        let ratios = self.scalar(param)?;
        for ratio in &ratios {
            if ratio.is_nan() {
                return Err(Error::Execution("Ratio value is NaN".to_owned()));
            }
            if ratio.abs() > 1.0 {
                let message = format!(
                    "ratio value should be between -1 and 1, got {ratio}, capping to {}",
                    ratio.signum()
                );
                self.query.warn(param.span, &message);
            }
        }
        let mut vector = self.vector(&aggregate.expr)?;
        for series in &mut vector {
            let place = fraction(&series.labels);
            series.points.retain(|step| {
                let ratio = ratios.get(step).copied().unwrap_or(f64::NAN);
                let ratio = ratio.clamp(-1.0, 1.0);
                if ratio < 0.0 {
                    place >= 1.0 + ratio
                } else {
                    place < ratio
                }
            });
        }
        vector.retain(|series| !series.points.is_empty());
        Ok(vector)
    }
}

/// A number from 0 to 1 that depends on the labels alone.
fn fraction(labels: &Labels) -> f64 {
    hash::labels(labels) as f64 / u64::MAX as f64
}

/// The members of a group that have a value at a step, best first.
fn ranked(op: AggregateOp, group: &Group, vector: &[StepSeries], step: usize) -> Vec<usize> {
    let order: fn(Ordering) -> Ordering = match op {
        AggregateOp::Topk => Ordering::reverse,
        AggregateOp::Bottomk => |order| order,
        _ => {
            let has = |place: &usize| vector.get(*place).is_some_and(|one| one.points.has(step));
            return group.members.iter().copied().filter(has).collect();
        }
    };
    let value = |place: &usize| Some((*place, vector.get(*place)?.points.get(step)?));
    let mut ranked: Vec<(usize, f64)> = group.members.iter().filter_map(value).collect();
    ranked.sort_by(|(_, a), (_, b)| nan_last(*a, *b, order));
    ranked.into_iter().map(|(place, _)| place).collect()
}

/// The order of two values, changed by `change` but for NaN, which comes last.
pub(crate) fn nan_last(a: f64, b: f64, change: fn(Ordering) -> Ordering) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => change(a.partial_cmp(&b).unwrap_or(Ordering::Equal)),
    }
}
