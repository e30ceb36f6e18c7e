//! Functions of histograms: classic ones, series with a label `le` that count the observations up to
//! it, and native ones.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use foldhash::HashMap;
use watchpost_model::histogram::NanEffect;
use watchpost_model::{FloatHistogram, Labels};

use super::classic::{self, Bucket, Forced};
use super::date::rfc3339;
use super::quantile::out_of_range;
use crate::error::Error;
use crate::eval::{Eval, unique};
use crate::number::{short, two_digits};
use crate::parse::ast::{Call, Node};
use crate::remarks::{self, with_metric};
use crate::series::{Evaluated, Points, StepSeries};

/// The series of one classic histogram, each with its bound.
struct Classic {
    labels: Labels,
    drop_name: bool,
    series: Vec<(f64, usize)>,
}

/// The histograms of a vector.
struct Histograms<'e> {
    eval: &'e Eval<'e>,
    node: &'e Node,
    vector: Vec<StepSeries>,
    classic: Vec<Classic>,
    /// The steps at which there is a native histogram of the same labels as a classic one, which is told
    /// by its place. Neither counts.
    clashes: HashSet<(usize, usize)>,
    /// What had to be made monotonic, by metric.
    forced: RefCell<BTreeMap<String, Made>>,
}

/// What had to be made monotonic.
#[derive(Clone, Copy)]
struct Made {
    forced: Forced,
    samples: usize,
    first_ms: i64,
    last_ms: i64,
}

/// `histogram_quantile(rank, histograms)`.
pub(super) fn quantile(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let [rank, vector] = call.args.as_slice() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let ranks = ranks(eval, rank)?;
    let histograms = Histograms::read(eval, vector)?;
    let series = histograms.quantiles(&ranks)?;
    histograms.remark_on_forced();
    unique(series).map(Evaluated::Vector)
}

/// `histogram_quantiles(histograms, label, rank, ...)`.
pub(super) fn quantiles(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let [vector, label, many @ ..] = call.args.as_slice() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let label = eval.text(label)?;
    let mut columns = Vec::with_capacity(many.len());
    for rank in many {
        columns.push(ranks(eval, rank)?);
    }
    let histograms = Histograms::read(eval, vector)?;
    let mut out = Vec::new();
    for ranks in &columns {
        for one in histograms.quantiles(ranks)? {
            out.extend(with_ranks(eval, &one, &label, ranks)?);
        }
    }
    histograms.remark_on_forced();
    unique(out).map(Evaluated::Vector)
}

/// The ranks of all steps, with a word about those that are none.
fn ranks(eval: &Eval<'_>, rank: &Node) -> Result<Vec<f64>, Error> {
    let ranks = eval.scalar(rank)?;
    for message in ranks.iter().filter_map(|rank| out_of_range(*rank)) {
        eval.query.warn(rank.span, &message);
    }
    Ok(ranks)
}

/// A series for each of the ranks, which is nearly always one, with the rank as a label.
fn with_ranks(
    eval: &Eval<'_>,
    series: &StepSeries,
    label: &str,
    ranks: &[f64],
) -> Result<Vec<StepSeries>, Error> {
    let mut different: Vec<f64> = ranks.to_vec();
    different.sort_by(f64::total_cmp);
    different.dedup_by_key(|rank| rank.to_bits());
    let of = |rank: f64| {
        // A rank that changes at each step makes as many columns as there are steps.
        eval.query.check_time()?;
        eval.query.hold(series.points.len())?;
        let mut points = series.points.clone();
        let same = |step: usize| {
            ranks
                .get(step)
                .is_some_and(|it| it.to_bits() == rank.to_bits())
        };
        points.retain(same);
        Ok(StepSeries {
            labels: series.labels.with(label, &open_metrics(rank)),
            drop_name: series.drop_name,
            points,
        })
    };
    different.into_iter().map(of).collect()
}

/// A number as a label of `OpenMetrics` has it: always a fraction.
fn open_metrics(value: f64) -> String {
    let mut text = short(value);
    if value.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

/// `histogram_fraction(lower, upper, histograms)`.
pub(super) fn fraction(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let [lower, upper, vector] = call.args.as_slice() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let (lower, upper) = (eval.scalar(lower)?, eval.scalar(upper)?);
    let at = |column: &[f64], step: usize| column.get(step).copied().unwrap_or(f64::NAN);
    let histograms = Histograms::read(eval, vector)?;
    let series = histograms.map(
        |step, _, buckets| classic::share(at(&lower, step), at(&upper, step), buckets),
        |step, name, histogram| {
            let (share, nans) = histogram.fraction(at(&lower, step), at(&upper, step));
            if nans {
                let remark = with_metric(remarks::NAN_FRACTION, name);
                eval.query.info(vector.span, &remark);
            }
            share
        },
    )?;
    unique(series).map(Evaluated::Vector)
}

impl<'e> Histograms<'e> {
    fn read(eval: &'e Eval<'e>, node: &'e Node) -> Result<Self, Error> {
        let vector = eval.vector(node)?;
        let mut read = Self {
            eval,
            node,
            vector,
            classic: Vec::new(),
            clashes: HashSet::new(),
            forced: RefCell::default(),
        };
        let places = read.group();
        read.find_clashes(&places);
        Ok(read)
    }

    /// Puts the series of each classic histogram together.
    fn group(&mut self) -> HashMap<Labels, usize> {
        let mut places: HashMap<Labels, usize> = HashMap::default();
        for (place, series) in self.vector.iter().enumerate() {
            if series.points.present().next().is_none() {
                continue;
            }
            let text = series.labels.get("le");
            let Ok(bound) = text.parse::<f64>() else {
                let message =
                    format!("bucket label \"le\" is missing or has a malformed value of {text:?}");
                let message = with_metric(&message, series.labels.metric_name());
                self.eval.query.warn(self.node.span, &message);
                continue;
            };
            let labels = series.labels.retain(|name| name != "le");
            let at = *places.entry(labels).or_insert_with_key(|labels| {
                self.classic.push(Classic {
                    labels: labels.clone(),
                    drop_name: series.drop_name,
                    series: Vec::new(),
                });
                self.classic.len() - 1
            });
            if let Some(histogram) = self.classic.get_mut(at) {
                histogram.series.push((bound, place));
            }
        }
        places
    }

    fn find_clashes(&mut self, places: &HashMap<Labels, usize>) {
        for series in self.vector.iter().filter(|one| one.points.has_histograms()) {
            let labels = series.labels.retain(|name| name != "le");
            let Some(place) = places.get(&labels) else {
                continue;
            };
            let classic = self.classic.get(*place);
            let members = classic.iter().flat_map(|classic| &classic.series);
            let members: Vec<&StepSeries> = members
                .filter_map(|(_, place)| self.vector.get(*place))
                .collect();
            for (step, _) in series.points.histograms() {
                if members.iter().any(|one| one.points.get(*step).is_some()) {
                    self.clashes.insert((*place, *step));
                    let name = series.labels.metric_name();
                    let remark = with_metric(remarks::CLASSIC_AND_NATIVE, name);
                    self.eval.query.warn(self.node.span, &remark);
                }
            }
        }
    }

    /// One series a histogram: what `classic` makes of its buckets, or `native` of itself, at each step
    /// that has it. Both get the name of the metric, where it is still there.
    fn map(
        &self,
        classic: impl Fn(usize, &str, Vec<Bucket>) -> f64,
        native: impl Fn(usize, &str, &FloatHistogram) -> f64,
    ) -> Result<Vec<StepSeries>, Error> {
        let mut out = Vec::new();
        let clashing: HashMap<Labels, usize> = if self.clashes.is_empty() {
            HashMap::default()
        } else {
            let places = self.classic.iter().zip(0..);
            places
                .map(|(it, place)| (it.labels.clone(), place))
                .collect()
        };
        for series in self.vector.iter().filter(|one| one.points.has_histograms()) {
            self.eval.query.check_time()?;
            let twin = clashing.get(&series.labels.retain(|name| name != "le"));
            let clashes = |step: usize| twin.is_some_and(|it| self.clashes.contains(&(*it, step)));
            let mut points = Points::none(self.eval.grid.count);
            for (step, histogram) in series.points.histograms() {
                if !clashes(*step) {
                    points.set(*step, native(*step, self.name(&series.labels), histogram));
                }
            }
            self.push((&series.labels, series.drop_name), points, &mut out);
        }
        for (place, histogram) in self.classic.iter().enumerate() {
            self.eval.query.check_time()?;
            let points = (0..self.eval.grid.count).map(|step| {
                let buckets = self.buckets(histogram, step);
                let there = !buckets.is_empty() && !self.clashes.contains(&(place, step));
                there.then(|| classic(step, self.name(&histogram.labels), buckets))
            });
            let labels = (&histogram.labels, histogram.drop_name);
            self.push(labels, points.collect(), &mut out);
        }
        Ok(out)
    }

    fn push(
        &self,
        (labels, drop_name): (&Labels, bool),
        points: Points,
        out: &mut Vec<StepSeries>,
    ) {
        if points.is_empty() {
            return;
        }
        let mut series = StepSeries {
            labels: labels.clone(),
            drop_name,
            points,
        };
        self.eval.drop_name(&mut series);
        out.push(series);
    }

    /// The name of the metric, where names go at the end.
    fn name<'l>(&self, labels: &'l Labels) -> &'l str {
        if self.eval.query.options.delayed_name_removal {
            labels.metric_name()
        } else {
            ""
        }
    }

    fn buckets(&self, histogram: &Classic, step: usize) -> Vec<Bucket> {
        let bucket = |(bound, place): &(f64, usize)| {
            let count = self.vector.get(*place)?.points.get(step)?;
            Some(Bucket {
                bound: *bound,
                count,
            })
        };
        histogram.series.iter().filter_map(bucket).collect()
    }

    fn quantiles(&self, ranks: &[f64]) -> Result<Vec<StepSeries>, Error> {
        let rank = |step: usize| ranks.get(step).copied().unwrap_or(f64::NAN);
        self.map(
            |step, name, buckets| {
                let (value, forced) = classic::value_at(rank(step), buckets);
                if let Some(forced) = forced {
                    self.note_forced(name, forced, step);
                }
                value
            },
            |step, name, histogram| {
                let (value, effect) = histogram.quantile(rank(step));
                let remark = match effect {
                    NanEffect::None => return value,
                    NanEffect::Result => remarks::NAN_RESULT,
                    NanEffect::Skew => remarks::NAN_SKEW,
                };
                let remark = with_metric(remark, name);
                self.eval.query.info(self.node.span, &remark);
                value
            },
        )
    }

    fn note_forced(&self, name: &str, forced: Forced, step: usize) {
        let time_ms = self.eval.grid.time(step).unwrap_or_default();
        let mut all = self.forced.borrow_mut();
        let made = all.entry(name.to_owned()).or_insert(Made {
            forced,
            samples: 0,
            first_ms: time_ms,
            last_ms: time_ms,
        });
        made.forced = made.forced.and(forced);
        made.samples += 1;
        made.first_ms = made.first_ms.min(time_ms);
        made.last_ms = made.last_ms.max(time_ms);
    }

    fn remark_on_forced(&self) {
        let message = "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
        for (name, made) in self.forced.borrow().iter() {
            let remark = format!(
                "{}, from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
                with_metric(message, name),
                short(made.forced.lowest),
                short(made.forced.highest),
                two_digits(made.forced.most),
                made.samples,
                rfc3339(made.first_ms / 1_000),
                rfc3339(made.last_ms / 1_000),
            );
            self.eval.query.info(self.node.span, &remark);
        }
    }
}
