//! Aggregations that make one series of each group.

use std::collections::BTreeMap;

use foldhash::HashMap;
use watchpost_model::{Labels, format_value};

use super::kahan::{Kahan, Mean};
use super::{Eval, unique};
use crate::error::Error;
use crate::functions::quantile;
use crate::parse::ast::{Aggregate, AggregateOp, Node};
use crate::series::{Points, StepSeries, is_metric_label};

/// The series that belong together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) labels: Labels,
    pub(super) drop_name: bool,
    /// Places in the vector.
    pub(super) members: Vec<usize>,
}

impl Eval<'_> {
    pub(super) fn aggregate(&self, aggregate: &Aggregate) -> Result<Vec<StepSeries>, Error> {
        let param = aggregate.param.as_deref();
        match (aggregate.op, param) {
            (AggregateOp::CountValues, Some(param)) => self.count_values(aggregate, param),
            (AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk, Some(param)) => {
                self.ranking(aggregate, param)
            }
            (AggregateOp::LimitRatio, Some(param)) => self.limit_ratio(aggregate, param),
            (AggregateOp::Quantile, Some(param)) => self.quantile(aggregate, param),
            _ => {
                let vector = self.vector(&aggregate.expr)?;
                let groups = groups(aggregate, &vector);
                let fold = |group: &Group| {
                    self.query.check_time()?;
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
        for group in groups(aggregate, &vector) {
            let mut counts: BTreeMap<String, Points> = BTreeMap::new();
            for series in members(&group, &vector) {
                self.query.check_time()?;
                for (step, value) in series.points.present() {
                    let text = format_value(value);
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
                labels: group.labels.with(&label, &value),
                drop_name: group.drop_name,
                points,
            }));
        }
        unique(out)
    }
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
    let mut states = vec![State::default(); steps];
    for series in members(group, vector) {
        for (state, value) in states.iter_mut().zip(series.points.iter()) {
            if let Some(value) = value {
                state.add(op, value);
            }
        }
    }
    StepSeries {
        labels: group.labels.clone(),
        drop_name: group.drop_name,
        points: states.iter().map(|state| state.value(op)).collect(),
    }
}

/// What is known of a group at one step.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    count: f64,
    sum: Kahan,
    mean: Mean,
    /// The least or greatest value, or the running mean of a variance.
    one: f64,
    /// The sum of squared deviations.
    squares: f64,
}

impl State {
    fn add(&mut self, op: AggregateOp, value: f64) {
        self.count += 1.0;
        let first = self.count <= 1.0;
        match op {
            AggregateOp::Sum if first => self.sum = Kahan::from_first(value),
            AggregateOp::Sum => self.sum.add(value),
            AggregateOp::Avg => self.mean.add(value),
            AggregateOp::Min if first || value < self.one || self.one.is_nan() => {
                self.one = value;
            }
            AggregateOp::Max if first || value > self.one || self.one.is_nan() => {
                self.one = value;
            }
            AggregateOp::Stddev | AggregateOp::Stdvar => self.deviate(value, first),
            _ => {}
        }
    }

    /// Welford's algorithm.
    fn deviate(&mut self, value: f64, first: bool) {
        if first {
            self.one = value;
            self.squares = if value.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = value - self.one;
        self.one += delta / self.count;
        self.squares += delta * (value - self.one);
    }

    fn value(&self, op: AggregateOp) -> Option<f64> {
        if self.count < 1.0 {
            return None;
        }
        Some(match op {
            AggregateOp::Sum => self.sum.sum + self.sum.rest,
            AggregateOp::Avg => self.mean.value(),
            AggregateOp::Min | AggregateOp::Max => self.one,
            AggregateOp::Count => self.count,
            AggregateOp::Stdvar => self.squares / self.count,
            AggregateOp::Stddev => (self.squares / self.count).sqrt(),
            _ => 1.0,
        })
    }
}
