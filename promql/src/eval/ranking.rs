//! Aggregations that keep some series of each group: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;

use watchpost_model::Labels;

use super::aggregate::{Group, groups};
use super::{Eval, hash};
use crate::error::Error;
use crate::number::to_usize;
use crate::parse::ast::{Aggregate, AggregateOp, Node, Span};
use crate::series::{Points, StepSeries};

/// So many are picked one by one; for more of them all are sorted.
const FEW: usize = 32;

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
                let limit = to_usize(*limit);
                let ranked = ranked((aggregate.op, limit), &group, &vector, step);
                for place in ranked.into_iter().take(limit) {
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

/// The members of a group that have a value at a step, best first; at least so many as are wanted, if
/// there are.
fn ranked(
    (op, limit): (AggregateOp, usize),
    group: &Group,
    vector: &[StepSeries],
    step: usize,
) -> Vec<usize> {
    let order: fn(Ordering) -> Ordering = match op {
        AggregateOp::Topk => Ordering::reverse,
        AggregateOp::Bottomk => |order| order,
        _ => {
            let has = |place: &usize| vector.get(*place).is_some_and(|one| one.points.has(step));
            return group.members.iter().copied().filter(has).collect();
        }
    };
    let value = |place: &usize| Some((*place, vector.get(*place)?.points.get(step)?));
    let values = group.members.iter().filter_map(value);
    let ranked = if limit <= FEW {
        best(values, limit, order)
    } else {
        let mut ranked: Vec<(usize, f64)> = values.collect();
        ranked.sort_by(|(_, a), (_, b)| nan_last(*a, *b, order));
        ranked
    };
    ranked.into_iter().map(|(place, _)| place).collect()
}

/// The first ones that a stable sort would give.
fn best(
    values: impl Iterator<Item = (usize, f64)>,
    limit: usize,
    order: fn(Ordering) -> Ordering,
) -> Vec<(usize, f64)> {
    let mut best: Vec<(usize, f64)> = Vec::with_capacity(limit);
    for (place, value) in values {
        let stays = |other: &(usize, f64)| nan_last(other.1, value, order).is_le();
        if best.len() >= limit && best.last().is_none_or(stays) {
            continue;
        }
        let at = best.partition_point(stays);
        if best.len() >= limit {
            best.pop();
        }
        best.insert(at, (place, value));
    }
    best
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_few_are_those_that_a_sort_puts_in_front(
            values in vec(prop_oneof![(0_u8..5).prop_map(f64::from), Just(f64::NAN)], 0..30),
            limit in 0_usize..10,
        ) {
            for order in [Ordering::reverse, |order: Ordering| order] {
                let mut sorted: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
                let few = best(sorted.iter().copied(), limit, order);
                sorted.sort_by(|(_, a), (_, b)| nan_last(*a, *b, order));
                let places = |all: &[(usize, f64)]| all.iter().map(|(at, _)| *at).collect::<Vec<_>>();
                prop_assert_eq!(places(&few), places(&sorted[..limit.min(sorted.len())]));
            }
        }
    }
}
