//! Vector matching: which series of two vectors are combined, and what the result is called.

use foldhash::HashMap;
use watchpost_model::{Labels, METRIC_NAME};

use super::binary::{apply, keeps_name};
use super::fill::fill;
use super::mixed::is_trim;
use super::{Eval, unique};
use crate::error::Error;
use crate::parse::ast::{Binary, Card, Matching};
use crate::series::{Points, StepSeries, is_metric_label};

/// The labels by which a series is matched.
pub(super) fn signature(labels: &Labels, matching: &Matching) -> Labels {
    let listed = |name: &str| matching.labels.iter().any(|label| label == name);
    if matching.on {
        labels.retain(listed)
    } else {
        labels.retain(|name| name != METRIC_NAME && !listed(name))
    }
}

/// The place of each series' signature in the list of all signatures.
pub(super) fn number_signatures(
    matching: &Matching,
    sides: [&[StepSeries]; 2],
) -> (Vec<Labels>, [Vec<usize>; 2]) {
    let mut all = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::default();
    let numbers = sides.map(|side| {
        let mut number = |series: &StepSeries| {
            let signature = signature(&series.labels, matching);
            *places.entry(signature).or_insert_with_key(|signature| {
                all.push(signature.clone());
                all.len() - 1
            })
        };
        side.iter().map(&mut number).collect()
    });
    (all, numbers)
}

/// Combines the series of two vectors that match.
pub(super) fn match_vectors(
    eval: &Eval<'_>,
    binary: &Binary,
    lhs: &[StepSeries],
    rhs: &[StepSeries],
) -> Result<Vec<StepSeries>, Error> {
    let swapped = binary.matching.card == Card::OneToMany;
    let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
    let filled;
    let (many, one) = if binary.matching.fill.is_none() {
        (many, one)
    } else {
        filled = fill(&binary.matching, many, one, eval.grid.count);
        (filled.0.as_slice(), filled.1.as_slice())
    };
    let (signatures, [of_many, of_one]) = number_signatures(&binary.matching, [many, one]);
    let mut matcher = Matcher {
        eval,
        binary,
        mixed: is_trim(binary.op) || has_histograms(many) || has_histograms(one),
        many,
        one,
        last: vec![None; many.len()],
        taken: vec![None; signatures.len()],
        signatures,
        of_many,
        of_one,
        places: HashMap::default(),
        labels: HashMap::default(),
        out: Vec::new(),
    };
    for step in 0..eval.grid.count {
        eval.query.check_time()?;
        matcher.step(step)?;
    }
    unique(matcher.out)
}

pub(super) struct Matcher<'m> {
    pub(super) eval: &'m Eval<'m>,
    pub(super) binary: &'m Binary,
    /// Whether it takes the way that knows of histograms.
    mixed: bool,
    /// The side that may have several series of a signature.
    pub(super) many: &'m [StepSeries],
    /// The side that may have one.
    pub(super) one: &'m [StepSeries],
    pub(super) signatures: Vec<Labels>,
    pub(super) of_many: Vec<usize>,
    pub(super) of_one: Vec<usize>,
    /// The partner that each series of the many side had last, and the result of that pair: it is
    /// mostly the one it has at the next step.
    last: Vec<Option<(usize, Out)>>,
    /// The result of a pair.
    places: HashMap<(usize, usize), Out>,
    /// The number of each label set among the results of a grouped match.
    labels: HashMap<Labels, usize>,
    /// The step at which a signature (or, in a grouped match, a label set) had its last result.
    taken: Vec<Option<usize>>,
    pub(super) out: Vec<StepSeries>,
}

/// Where the results of a pair go.
#[derive(Clone, Copy)]
pub(super) struct Out {
    /// The place in `out`.
    pub(super) place: usize,
    /// What may have one result at a step: the number of the signature, or of the labels.
    pub(super) number: usize,
}

impl<'m> Matcher<'m> {
    fn step(&mut self, step: usize) -> Result<(), Error> {
        let some = |side: &[StepSeries]| side.iter().any(|one| one.points.has(step));
        if !some(self.many) || !some(self.one) {
            return Ok(());
        }
        if self.mixed {
            return self.mixed_step(step);
        }
        let partners = self.partners(step)?;
        let swapped = self.binary.matching.card == Card::OneToMany;
        let many: &'m [StepSeries] = self.many;
        for (place, series) in many.iter().enumerate() {
            let signature = self.of_many.get(place).copied().unwrap_or(usize::MAX);
            let partner = partners.get(signature).copied().flatten();
            let (Some(value), Some((partner, other))) = (series.points.get(step), partner) else {
                continue;
            };
            let (lhs, rhs) = if swapped {
                (other, value)
            } else {
                (value, other)
            };
            let Some(result) = apply(self.binary, lhs, rhs, lhs) else {
                continue;
            };
            let at = self.place_of(place, partner, signature)?;
            self.take(at.number, step)?;
            if let Some(out) = self.out.get_mut(at.place) {
                out.points.set(step, result);
            }
        }
        Ok(())
    }

    /// Where a pair's results go.
    pub(super) fn place_of(
        &mut self,
        many: usize,
        one: usize,
        signature: usize,
    ) -> Result<Out, Error> {
        if let Some(Some((last, at))) = self.last.get(many)
            && *last == one
        {
            return Ok(*at);
        }
        let at = match self.places.get(&(many, one)) {
            Some(at) => *at,
            None => self.add(many, one, signature)?,
        };
        if let Some(last) = self.last.get_mut(many) {
            *last = Some((one, at));
        }
        Ok(at)
    }

    fn add(&mut self, many: usize, one: usize, signature: usize) -> Result<Out, Error> {
        self.eval.query.hold(self.eval.grid.count)?;
        let mut number = signature;
        if let (Some(many), Some(one)) = (self.many.get(many), self.one.get(one)) {
            let series = named(self.eval, self.binary, many, one);
            if self.binary.matching.card != Card::OneToOne {
                let next = self.labels.len();
                number = *self.labels.entry(series.labels.clone()).or_insert(next);
            }
            self.out.push(series);
        }
        let at = Out {
            place: self.out.len().saturating_sub(1),
            number,
        };
        self.places.insert((many, one), at);
        Ok(at)
    }

    /// Fails where the result is not the only one of its signature (or, in a grouped match, of its
    /// labels) at a step.
    pub(super) fn take(&mut self, number: usize, step: usize) -> Result<(), Error> {
        if self.taken.len() <= number {
            self.taken.resize(number + 1, None);
        }
        let first = match self.taken.get_mut(number) {
            Some(taken) => taken.replace(step) != Some(step),
            None => true,
        };
        if first {
            return Ok(());
        }
        let message = if self.binary.matching.card == Card::OneToOne {
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
        } else {
            "multiple matches for labels: grouping labels must ensure unique matches"
        };
        Err(Error::Execution(message.to_owned()))
    }

    /// For each signature the series of the one side and its value.
    fn partners(&self, step: usize) -> Result<Vec<Option<(usize, f64)>>, Error> {
        let mut partners: Vec<Option<(usize, f64)>> = vec![None; self.signatures.len()];
        for (place, (series, signature)) in self.one.iter().zip(&self.of_one).enumerate() {
            let (Some(value), Some(slot)) = (series.points.get(step), partners.get_mut(*signature))
            else {
                continue;
            };
            if let Some((first, _)) = slot {
                return Err(self.many_to_many(*signature, place, *first));
            }
            *slot = Some((place, value));
        }
        Ok(partners)
    }

    pub(super) fn many_to_many(&self, signature: usize, second: usize, first: usize) -> Error {
        let side = if self.binary.matching.card == Card::OneToMany {
            "left"
        } else {
            "right"
        };
        let group = self.signatures.get(signature).cloned().unwrap_or_default();
        let labels = |place: usize| self.one.get(place).map(|one| braced(&one.labels));
        let second = labels(second).unwrap_or_default();
        let first = labels(first).unwrap_or_default();
        Error::Execution(format!(
            "found duplicate series for the match group {} on the {side} hand-side of the operation: [{second}, {first}];many-to-many matching not allowed: matching labels must be unique on one side",
            braced(&group)
        ))
    }
}

fn has_histograms(side: &[StepSeries]) -> bool {
    side.iter().any(|series| series.points.has_histograms())
}

/// `{a="b", c="d"}`, the metric name as a label.
fn braced(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// The empty column of a pair, with the labels of its result.
fn named(eval: &Eval<'_>, binary: &Binary, many: &StepSeries, one: &StepSeries) -> StepSeries {
    let matching = &binary.matching;
    let listed = |name: &str| matching.labels.iter().any(|label| label == name);
    let mut labels = many.labels.clone();
    if !binary.op.is_comparison() && !is_trim(binary.op) {
        labels = labels.retain(|name| !is_metric_label(name));
    }
    if matching.card == Card::OneToOne {
        labels = labels.retain(|name| listed(name) == matching.on);
    }
    for label in &matching.include {
        labels = labels.with(label, one.labels.get(label));
    }
    let mut series = StepSeries {
        labels,
        drop_name: many.drop_name,
        points: Points::none(eval.grid.count),
    };
    if !keeps_name(binary) {
        eval.drop_name(&mut series);
    }
    series
}
