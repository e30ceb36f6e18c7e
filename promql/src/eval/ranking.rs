//! Aggregations that keep some series of each group: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;

use watchpost_model::Labels;

use super::aggregate::{Group, groups};
use super::{Eval, hash};
use crate::error::Error;
use crate::number::to_usize;
use crate::parse::ast::{Aggregate, AggregateOp, Node};
use crate::series::{Points, StepSeries};

impl Eval<'_> {
    pub(super) fn ranking(
        &self,
        aggregate: &Aggregate,
        param: &Node,
    ) -> Result<Vec<StepSeries>, Error> {
        let limits = self.scalar(param)?;
        if limits.iter().any(|limit| limit.is_nan()) {
            return Err(Error::Execution("Parameter value is NaN".to_owned()));
        }
        let vector = self.vector(&aggregate.expr)?;
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
                for (place, value) in ranked.into_iter().take(to_usize(*limit)) {
                    if let Some(points) = kept.get_mut(place) {
                        points.set(step, value);
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
            series.points.map(|step, value| {
                let ratio = ratios.get(step)?.clamp(-1.0, 1.0);
                let chosen = if ratio < 0.0 {
                    place >= 1.0 + ratio
                } else {
                    place < ratio
                };
                chosen.then_some(value)
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
fn ranked(op: AggregateOp, group: &Group, vector: &[StepSeries], step: usize) -> Vec<(usize, f64)> {
    let value = |place: &usize| Some((*place, vector.get(*place)?.points.get(step)?));
    let mut ranked: Vec<(usize, f64)> = group.members.iter().filter_map(value).collect();
    match op {
        AggregateOp::Topk => ranked.sort_by(|(_, a), (_, b)| nan_last(*a, *b, Ordering::reverse)),
        AggregateOp::Bottomk => ranked.sort_by(|(_, a), (_, b)| nan_last(*a, *b, |order| order)),
        _ => {}
    }
    ranked
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
