//! Aggregations that keep some series of each group: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;

use super::Eval;
use super::aggregate::{Group, groups};
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
        if aggregate.op == AggregateOp::LimitRatio {
            return Err(Error::NotYet("limit_ratio".to_owned()));
        }
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
