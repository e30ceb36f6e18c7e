//! Aggregations over series whose labels stay apart: which output a series belongs to is told by its
//! line and its group, once for each of them, and no label set is made but the outputs' own.
//!
//! Values are added in the order of the series' labels, whoever computed them and when, so that a sum
//! is the same to the last bit however many threads there are and wherever the samples are stored.

use foldhash::HashMap;
use watchpost_model::Labels;
use watchpost_tsdb::Scan;

use super::columns::{Columns, Input};
use super::fold::Accumulator;
use super::order::Order;
use super::{Eval, workers};
use crate::error::Error;
use crate::parse::ast::{Aggregate, AggregateOp};
use crate::series::{Points, StepSeries, is_metric_label};

/// Which labels tell outputs apart, by line and by group.
struct Keys {
    lines: Distinct,
    groups: Distinct,
}

/// Label sets, each once, and the number of each line's, or group's, among them.
struct Distinct {
    numbers: Vec<u32>,
    labels: Vec<Labels>,
}

impl Distinct {
    fn new<'a>(sets: impl Iterator<Item = &'a Labels>, keep: impl Fn(&str) -> bool) -> Self {
        let (mut labels, mut known) = (Vec::new(), HashMap::default());
        let mut before: Option<(&Labels, u32)> = None;
        let numbers = sets.map(|set| {
            if let Some((_, number)) = before.filter(|(before, _)| *before == set) {
                return number;
            }
            let restricted = set.retain(&keep);
            let number = *known
                .entry(restricted)
                .or_insert_with_key(|restricted: &Labels| {
                    labels.push(restricted.clone());
                    u32::try_from(labels.len() - 1).unwrap_or(u32::MAX)
                });
            before = Some((set, number));
            number
        });
        let numbers = numbers.collect();
        Self { numbers, labels }
    }

    fn number(&self, place: u32) -> u32 {
        self.numbers.get(place as usize).copied().unwrap_or(0)
    }
}

impl Keys {
    /// Nothing where the metric name is lost and series get to have the same labels.
    fn new(aggregate: &Aggregate, input: &Input<'_>, scan: &Scan) -> Option<Self> {
        let lines = || (0..scan.line_count()).filter_map(|line| scan.line(line));
        let drops = input.drops_name();
        if drops {
            let named = |labels: &Labels| labels.iter().any(|(name, _)| is_metric_label(name));
            let mut groups = (0..scan.group_count()).filter_map(|group| scan.group(group));
            let others = Distinct::new(lines(), |name| !is_metric_label(name));
            if groups.any(named) || others.labels.len() < scan.line_count() {
                return None;
            }
        }
        let keep = |name: &str| {
            let listed = aggregate.grouping.iter().any(|label| label == name);
            if aggregate.without {
                !listed && !is_metric_label(name)
            } else {
                listed && !(drops && is_metric_label(name))
            }
        };
        let groups = (0..scan.group_count()).filter_map(|group| scan.group(group));
        Some(Self {
            lines: Distinct::new(lines(), keep),
            groups: Distinct::new(groups, keep),
        })
    }

    /// The key of the output of a series.
    fn of(&self, (group, line): (u32, u32)) -> (u32, u32) {
        (self.groups.number(group), self.lines.number(line))
    }

    /// The labels of an output.
    fn labels(&self, (group, line): (u32, u32)) -> Labels {
        let labels = |all: &Distinct, number: u32| all.labels.get(number as usize).cloned();
        let group = labels(&self.groups, group).unwrap_or_default();
        let line = labels(&self.lines, line).unwrap_or_default();
        group.overlaid(&line, |_| true)
    }

    /// Whether all series of an output are in one group.
    fn within_groups(&self) -> bool {
        self.groups.labels.len() == self.groups.numbers.len()
    }
}

/// An output, with the place of its first series in the order of labels.
struct Output {
    first: u128,
    series: StepSeries,
}

/// A series of a chunk: where it comes in the order of labels, its output, its column.
type Member = (u128, (u32, u32), usize);

impl Eval<'_> {
    /// An aggregation of a selector, or of a function over the range of one, where the store can give
    /// the series piece by piece.
    pub(super) fn factored(&self, aggregate: &Aggregate) -> Result<Option<Vec<StepSeries>>, Error> {
        if self.query.options.delayed_name_removal {
            return Ok(None);
        }
        let Some(input) = self.input_of(&aggregate.expr)? else {
            return Ok(None);
        };
        let Some(mut scan) = self.scan(&input)? else {
            return Ok(None);
        };
        if input.is_newest() && is_count(aggregate.op) {
            scan = scan.presence();
        }
        let keys = Keys::new(aggregate, &input, &scan);
        let (Some(keys), Some(order)) = (keys, Order::new(&scan)) else {
            return Ok(None);
        };
        let outputs = if keys.within_groups() {
            let done =
                |columns: &mut Columns| Ok(self.of_groups(aggregate.op, columns, (&keys, &order)));
            let chunks = self.columns(&input, &scan, done)?;
            chunks.map(|chunks| chunks.into_iter().flatten().collect())
        } else {
            let done = |columns: &mut Columns| {
                let columns = std::mem::take(columns);
                Ok((members(aggregate.op, &columns, (&keys, &order)), columns))
            };
            let chunks = self.columns(&input, &scan, done)?;
            let fold = |chunks: Vec<_>| self.of_all(aggregate.op, &chunks, &keys);
            chunks.map(fold).transpose()?
        };
        Ok(outputs.map(|mut outputs: Vec<Output>| {
            outputs.sort_by_key(|output| output.first);
            outputs.into_iter().map(|output| output.series).collect()
        }))
    }

    /// The outputs of a chunk, each of which has all of its series in one group.
    fn of_groups(
        &self,
        op: AggregateOp,
        columns: &Columns,
        (keys, order): (&Keys, &Order),
    ) -> Vec<Output> {
        let mut outputs = Vec::new();
        let mut members: Vec<Member> = Vec::new();
        let mut all = Accumulator::new(op, self.grid.count);
        let mut start = 0;
        for group in columns.series.chunk_by(|a, b| a.0 == b.0) {
            members.clear();
            let series = group.iter().zip(start..);
            members.extend(series.map(|(one, place)| (order.key(*one), keys.of(*one), place)));
            start += group.len();
            members.sort_unstable_by_key(|(key, output, _)| (*output, *key));
            for members in members.chunk_by(|a, b| a.1 == b.1) {
                all.clear();
                for (_, _, place) in members {
                    all.add(columns.column(*place));
                }
                outputs.extend(output(members, keys, all.points()));
            }
        }
        outputs
    }

    /// The outputs of all chunks. Threads share out the outputs, or the steps where these are few.
    fn of_all(
        &self,
        op: AggregateOp,
        chunks: &[(Vec<Member>, Columns)],
        keys: &Keys,
    ) -> Result<Vec<Output>, Error> {
        let mut members: Vec<(Member, usize)> = Vec::new();
        for (chunk, (of_chunk, _)) in chunks.iter().enumerate() {
            members.extend(of_chunk.iter().map(|member| (*member, chunk)));
        }
        if let (true, Some(((_, only, _), _))) = (is_count(op), members.first())
            && members.iter().all(|((_, output, _), _)| output == only)
        {
            // It does not matter in which order they are counted; only which is the first.
            let first = (0..members.len()).min_by_key(|place| members.get(*place).map(|it| it.0.0));
            members.swap(0, first.unwrap_or(0));
        } else {
            // What is in order already, as the members of a chunk are, this sort merges.
            members.sort_by_key(|((key, output, _), _)| (*output, *key));
        }
        let of_output: Vec<_> = members.chunk_by(|a, b| a.0.1 == b.0.1).collect();
        let threads = self.query.options.threads;
        let spans = threads
            .div_ceil(of_output.len().max(1))
            .min(self.grid.count)
            .max(1);
        let steps = self.grid.count.div_ceil(spans).max(1);
        let work = |piece: usize| {
            self.query.check_time()?;
            let from = piece % spans * steps;
            let span = from..(from + steps).min(self.grid.count);
            let members = of_output.get(piece / spans).copied().unwrap_or_default();
            let mut all = Accumulator::new(op, span.len());
            for ((_, _, place), chunk) in members {
                let column = chunks.get(*chunk).map(|(_, chunk)| chunk.column(*place));
                all.add(
                    column
                        .and_then(|column| column.get(span.clone()))
                        .unwrap_or(&[]),
                );
            }
            Ok(all.values())
        };
        let values = workers::each(threads, of_output.len() * spans, work)?;
        let outputs = of_output.iter().zip(values.chunks(spans));
        Ok(outputs
            .filter_map(|(members, values)| {
                let members: Vec<Member> = members.iter().take(1).map(|(one, _)| *one).collect();
                output(&members, keys, Points::of_marked(values.concat()))
            })
            .collect())
    }
}

/// The series of a chunk, by output and in the order of labels.
fn members(op: AggregateOp, columns: &Columns, (keys, order): (&Keys, &Order)) -> Vec<Member> {
    let series = columns.series.iter().zip(0..);
    let series = series.map(|(one, place)| (order.key(*one), keys.of(*one), place));
    let mut members: Vec<Member> = series.collect();
    if !is_count(op) {
        members.sort_unstable_by_key(|(key, output, _)| (*output, *key));
    }
    members
}

/// Whether an aggregation does not look at values.
fn is_count(op: AggregateOp) -> bool {
    matches!(op, AggregateOp::Count | AggregateOp::Group)
}

/// The output of some series, the first of which is the first in the order of labels.
fn output(members: &[Member], keys: &Keys, points: Points) -> Option<Output> {
    let (first, key, _) = members.first()?;
    Some(Output {
        first: *first,
        series: StepSeries {
            labels: keys.labels(*key),
            drop_name: false,
            points,
        },
    })
}
