//! The evaluation of a tree, node by node, each over all steps at once.

mod aggregate;
mod binary;
mod call;
mod columns;
mod extended;
mod factored;
mod fill;
mod fold;
mod hash;
mod kahan;
mod matching;
mod mixed;
mod order;
mod ranges;
mod ranking;
mod selector;
mod set;
mod shared;
mod subquery;
mod windows;
mod workers;

use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashMapExt as _};
use parking_lot::Mutex;
use watchpost_model::Labels;

use crate::counts::SampleCounts;
use crate::error::Error;
use crate::parse::ast::{Kind, Node};
use crate::query::Query;
use crate::series::{Evaluated, Grid, StepSeries, is_metric_label};

pub(crate) use kahan::{Kahan, Mean};
pub(crate) use ranking::nan_last;
pub(crate) use windows::Window;

/// The evaluation of a query, or of one of its subqueries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eval<'a> {
    pub(crate) query: &'a Query<'a>,
    pub(crate) grid: Grid,
    /// Where the samples that it loads are counted, if they are.
    pub(crate) counts: Option<&'a Mutex<SampleCounts>>,
}

impl Eval<'_> {
    /// What a node gives. Samples that were held on the way there are given back.
    pub(crate) fn node(&self, node: &Node) -> Result<Evaluated, Error> {
        self.query.check_time()?;
        let held = self.query.held();
        let value = self.kind(node)?;
        self.query.release_to(held);
        self.query.hold(value.size())?;
        Ok(value)
    }

    fn kind(&self, node: &Node) -> Result<Evaluated, Error> {
        match &node.kind {
            Kind::Number(number) => Ok(Evaluated::Scalar(vec![number.value; self.grid.count])),
            Kind::Text(text) => Ok(Evaluated::Text(text.clone())),
            Kind::Selector(selector) => self.selector(node, selector).map(Evaluated::Vector),
            Kind::Range(..) | Kind::Subquery(_) => Err(wrong_type("an instant vector")),
            Kind::Call(call) => self.call(node, call),
            Kind::Aggregate(aggregate) => self.aggregate(node, aggregate).map(Evaluated::Vector),
            Kind::Binary(binary) => self.binary(binary),
            Kind::Unary(minus, inner) => self.unary(*minus, inner),
            Kind::Paren(inner) => self.node(inner),
        }
    }

    /// The same, with samples counted elsewhere or nowhere.
    pub(crate) fn counting<'b>(&'b self, counts: Option<&'b Mutex<SampleCounts>>) -> Eval<'b> {
        Eval { counts, ..*self }
    }

    /// Counts samples.
    pub(crate) fn count(&self, counts: &SampleCounts) {
        if let Some(all) = self.counts {
            all.lock().merge(counts);
        }
    }

    /// Counts samples of a series, if they are counted at all.
    pub(crate) fn count_with(&self, add: impl FnOnce(&mut SampleCounts)) {
        if let Some(all) = self.counts {
            add(&mut all.lock());
        }
    }

    /// The value of a node that the type check knows to be a scalar.
    pub(crate) fn scalar(&self, node: &Node) -> Result<Vec<f64>, Error> {
        match self.node(node)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => Err(wrong_type("a scalar")),
        }
    }

    /// The value of a node that the type check knows to be a vector.
    pub(crate) fn vector(&self, node: &Node) -> Result<Vec<StepSeries>, Error> {
        match self.node(node)? {
            Evaluated::Vector(series) => Ok(series),
            _ => Err(wrong_type("an instant vector")),
        }
    }

    /// The value of a node that the type check knows to be a string.
    pub(crate) fn text(&self, node: &Node) -> Result<String, Error> {
        match self.node(node)? {
            Evaluated::Text(text) => Ok(text),
            _ => Err(wrong_type("a string")),
        }
    }

    fn unary(&self, minus: bool, inner: &Node) -> Result<Evaluated, Error> {
        let value = self.node(inner)?;
        if !minus {
            return Ok(value);
        }
        match value {
            Evaluated::Scalar(values) => Ok(Evaluated::Scalar(
                values.iter().map(|value| -value).collect(),
            )),
            Evaluated::Vector(mut series) => {
                for one in &mut series {
                    one.points.negate();
                    self.drop_name(one);
                }
                unique(series).map(Evaluated::Vector)
            }
            Evaluated::Text(_) => Err(wrong_type("a scalar or an instant vector")),
        }
    }

    /// A series has got a new meaning: its name goes, now or at the end.
    pub(crate) fn drop_name(&self, series: &mut StepSeries) {
        if self.query.options.delayed_name_removal {
            series.drop_name = true;
        } else {
            series.labels = without_name(&series.labels);
        }
    }
}

/// The series of the answer: without the names that are to go, each label set once.
pub(crate) fn finish(mut series: Vec<StepSeries>) -> Result<Vec<StepSeries>, Error> {
    for one in &mut series {
        one.labels = final_labels(&one.labels, one.drop_name);
        one.drop_name = false;
    }
    unique(series)
}

/// The labels a reader of the answer gets to see.
pub(crate) fn final_labels(labels: &Labels, drop_name: bool) -> Labels {
    if drop_name {
        without_name(labels)
    } else {
        labels.clone()
    }
}

/// The labels without those that name the metric.
pub(crate) fn without_name(labels: &Labels) -> Labels {
    labels.retain(|name| !is_metric_label(name))
}

/// Folds series that have got the same labels into one. Where two of them have a value at the same
/// step, there is no right answer.
pub(crate) fn unique(series: Vec<StepSeries>) -> Result<Vec<StepSeries>, Error> {
    let mut places: HashMap<(Labels, bool), usize> = HashMap::with_capacity(series.len());
    let mut kept: Vec<StepSeries> = Vec::with_capacity(series.len());
    for one in series {
        match places.entry((one.labels.clone(), one.drop_name)) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(one);
            }
            Entry::Occupied(place) => {
                let fits = kept
                    .get_mut(*place.get())
                    .is_some_and(|first| first.points.absorb(&one.points));
                if !fits {
                    return Err(same_labels());
                }
            }
        }
    }
    Ok(kept)
}

pub(crate) fn same_labels() -> Error {
    Error::Execution("vector cannot contain metrics with the same labelset".to_owned())
}

/// The parser's type check rules this out.
pub(crate) fn wrong_type(expected: &str) -> Error {
    Error::Execution(format!(
        "expected {expected}, found a value of another type"
    ))
}
