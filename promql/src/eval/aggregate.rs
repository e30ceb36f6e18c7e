//! Aggregations that make one series of each group.

use std::collections::BTreeMap;

use foldhash::HashMap;
use watchpost_model::{Labels, format_value};

use super::fold::Accumulator;
use super::{Eval, mixed};
use crate::error::Error;
use crate::functions::quantile;
use crate::parse::ast::{Aggregate, AggregateOp, Node};
use crate::series::{Points, Sample, StepSeries, is_metric_label};

/// The series that belong together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) labels: Labels,
    pub(super) drop_name: bool,
    /// Places in the vector.
    pub(super) members: Vec<usize>,
}

impl Eval<'_> {
    pub(super) fn aggregate(
        &self,
        node: &Node,
        aggregate: &Aggregate,
    ) -> Result<Vec<StepSeries>, Error> {
        let param = aggregate.param.as_deref();
        match (aggregate.op, param) {
            (AggregateOp::CountValues, Some(param)) => self.count_values(aggregate, param),
            (AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk, Some(param)) => {
                self.ranking(node.span, aggregate, param)
            }
            (AggregateOp::LimitRatio, Some(param)) => self.limit_ratio(aggregate, param),
            (AggregateOp::Quantile, Some(param)) => self.quantile(aggregate, param),
            _ => {
                if let Some(series) = self.factored(aggregate)? {
                    return Ok(series);
                }
                let vector = self.vector(&aggregate.expr)?;
                let groups = groups(aggregate, &vector);
                let fold = |group: &Group| {
                    self.query.check_time()?;
                    if members(group, &vector).any(|one| one.points.has_histograms()) {
                        return Ok(mixed::folded(self, aggregate, group, &vector));
                    }
                    Ok(folded(aggregate.op, group, &vector, self.grid.count))
                };
                groups.iter().map(fold).collect()
            }
        }
    }

    fn quantile(&self, aggregate: &Aggregate, param: &Node) -> Result<Vec<StepSeries>, Error> {
        let ranks = self.scalar(param)?;
        for rank in &ranks {
            if let Some(message) = quantile::out_of_range(*rank) {
                self.query.warn(param.span, &message);
            }
        }
        let vector = self.vector(&aggregate.expr)?;
        self.remark_on_ignored(aggregate.op, &vector, aggregate.expr.span);
        let mut out = Vec::new();
        for group in groups(aggregate, &vector) {
            self.query.check_time()?;
            let mut values: Vec<Vec<f64>> = vec![Vec::new(); self.grid.count];
            for series in members(&group, &vector) {
                for (step, value) in series.points.present() {
                    if let Some(values) = values.get_mut(step) {
                        values.push(value);
                    }
                }
            }
            let ranked = values.into_iter().zip(&ranks);
            let points = ranked
                .map(|(values, rank)| (!values.is_empty()).then(|| quantile::of(*rank, values)))
                .collect();
            out.push(group.into_series(points));
        }
        Ok(out)
    }

    fn count_values(&self, aggregate: &Aggregate, param: &Node) -> Result<Vec<StepSeries>, Error> {
        let label = self.text(param)?;
        if label.is_empty() {
            return Err(Error::Execution(format!("invalid label name {label:?}")));
        }
        let vector = self.vector(&aggregate.expr)?;
        let mut out = Vec::new();
        let hidden = aggregate.without && aggregate.grouping.contains(&label);
        for group in groups(aggregate, &vector) {
            let mut counts: BTreeMap<String, Points> = BTreeMap::new();
            for series in members(&group, &vector) {
                self.query.check_time()?;
                for (step, sample) in series.points.samples() {
                    let text = match sample {
                        Sample::Float(value) => format_value(value),
                        Sample::Histogram(histogram) => histogram.to_string(),
                    };
                    if !counts.contains_key(&text) {
                        self.query.hold(self.grid.count)?;
                    }
                    let points = counts
                        .entry(text)
                        .or_insert_with(|| Points::none(self.grid.count));
                    points.set(step, points.get(step).unwrap_or(0.0) + 1.0);
                }
            }
            out.extend(counts.into_iter().map(|(value, points)| StepSeries {
                labels: if hidden {
                    group.labels.clone()
                } else {
                    group.labels.with(&label, &value)
                },
                drop_name: group.drop_name,
                points,
            }));
        }
        Ok(counted_together(out))
    }
}

/// Sums the counts of groups that differ by nothing but the label that now tells the value.
fn counted_together(counts: Vec<StepSeries>) -> Vec<StepSeries> {
    let mut places: HashMap<Labels, usize> = HashMap::default();
    let mut out: Vec<StepSeries> = Vec::with_capacity(counts.len());
    for one in counts {
        let next = out.len();
        let place = *places.entry(one.labels.clone()).or_insert(next);
        let Some(first) = out.get_mut(place) else {
            out.push(one);
            continue;
        };
        first.drop_name |= one.drop_name;
        for (step, count) in one.points.present() {
            let sum = first.points.get(step).unwrap_or(0.0) + count;
            first.points.set(step, sum);
        }
    }
    out
}

impl Group {
    fn into_series(self, points: Points) -> StepSeries {
        StepSeries {
            labels: self.labels,
            drop_name: self.drop_name,
            points,
        }
    }
}

/// The members of a group.
pub(super) fn members<'v>(
    group: &'v Group,
    vector: &'v [StepSeries],
) -> impl Iterator<Item = &'v StepSeries> {
    group.members.iter().filter_map(|place| vector.get(*place))
}

/// The groups of a vector, in the order of their first members.
pub(super) fn groups(aggregate: &Aggregate, vector: &[StepSeries]) -> Vec<Group> {
    let listed = |name: &str| aggregate.grouping.iter().any(|label| label == name);
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::default();
    for (place, series) in vector.iter().enumerate() {
        let labels = if aggregate.without {
            series
                .labels
                .retain(|name| !listed(name) && !is_metric_label(name))
        } else {
            series.labels.retain(listed)
        };
        let at = *places.entry(labels).or_insert_with_key(|labels| {
            groups.push(Group {
                labels: labels.clone(),
                drop_name: false,
                members: Vec::new(),
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.members.push(place);
            group.drop_name |= series.drop_name;
        }
    }
    groups
}

/// One series of a group.
fn folded(op: AggregateOp, group: &Group, vector: &[StepSeries], steps: usize) -> StepSeries {
    let mut all = Accumulator::new(op, steps);
    for series in members(group, vector) {
        all.add(series.points.marked());
    }
    StepSeries {
        labels: group.labels.clone(),
        drop_name: group.drop_name,
        points: all.points(),
    }
}
