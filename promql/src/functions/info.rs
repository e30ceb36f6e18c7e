//! `info`: labels of info metrics (`target_info` where none is named) for the series that share
//! their `instance` and `job`.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use watchpost_model::{Labels, METRIC_NAME, MatchOp, Matcher};

use crate::error::Error;
use crate::eval::{Eval, same_labels};
use crate::number::to_i64;
use crate::parse::ast::{At, Call, Kind, Lengths, Node, Selector, When};
use crate::series::{Evaluated, Points, StepSeries};

/// The info metric where the call names none.
const TARGET_INFO: &str = "target_info";
/// The info metrics where the call only says what they are not.
const ANY_INFO: &str = ".+_info";
/// The labels by which series and info series belong together.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// `info(vector, {labels})`.
pub(super) fn info(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let Some(base) = call.args.first() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let wanted = Wanted::of(call);
    let series = eval.vector(base)?;
    let infos = Infos::find(eval, base, &series, &wanted)?;
    let mut enriched = Enriched {
        eval,
        places: HashMap::default(),
        out: Vec::new(),
    };
    for one in series {
        eval.query.check_time()?;
        if wanted.is_info(&one.labels) {
            enriched.pass(&one)?;
        } else {
            enriched.add(&one, &infos, &wanted)?;
        }
    }
    Ok(Evaluated::Vector(enriched.out))
}

/// Which info metrics and which of their labels a call asks for.
struct Wanted<'c> {
    names: Vec<&'c Matcher>,
    labels: Vec<&'c Matcher>,
    /// Whether the call names `target_info` by saying nothing.
    plain: bool,
}

impl<'c> Wanted<'c> {
    fn of(call: &'c Call) -> Self {
        let selector = call.args.get(1).and_then(Eval::selector_of);
        let matchers = selector.iter().flat_map(|selector| &selector.matchers);
        let (names, labels) = matchers.partition(|matcher| matcher.name() == METRIC_NAME);
        Self {
            names,
            labels,
            plain: selector.is_none(),
        }
    }

    /// Whether a series is itself one of the info series: it keeps its labels.
    fn is_info(&self, labels: &Labels) -> bool {
        let name = labels.metric_name();
        if self.plain {
            return name == TARGET_INFO;
        }
        self.names_some() && self.names.iter().all(|matcher| matcher.matches(name))
    }

    /// Whether the call says what the info metrics are called, and not only what they are not.
    fn names_some(&self) -> bool {
        let says = |matcher: &&Matcher| matches!(matcher.op(), MatchOp::Equal | MatchOp::Regex);
        self.names.iter().any(says)
    }

    /// The matcher of the names that are meant where the call does not say.
    fn other_name(&self) -> Result<Option<Matcher>, Error> {
        if self.names.is_empty() {
            return Ok(Some(Matcher::equal(METRIC_NAME, TARGET_INFO)));
        }
        if self.names_some() {
            return Ok(None);
        }
        Matcher::new(MatchOp::Regex, METRIC_NAME, ANY_INFO)
            .map(Some)
            .map_err(|error| Error::Execution(error.to_string()))
    }

    /// Whether a label of an info series is asked for.
    fn takes(&self, label: &str) -> bool {
        self.labels.is_empty() || self.labels.iter().any(|matcher| matcher.name() == label)
    }

    /// Whether a series without any info series passes.
    fn passes_without(&self) -> bool {
        self.labels.iter().all(|matcher| matcher.matches_empty())
    }
}

/// The info series, each step the time of its sample, by metric name and identifying labels.
struct Infos {
    series: Vec<StepSeries>,
    places: BTreeMap<String, HashMap<Labels, Vec<usize>>>,
}

impl Infos {
    fn find(
        eval: &Eval<'_>,
        base: &Node,
        series: &[StepSeries],
        wanted: &Wanted<'_>,
    ) -> Result<Self, Error> {
        let mut found = Self {
            series: Vec::new(),
            places: BTreeMap::new(),
        };
        let of_base = series.iter().filter(|one| !wanted.is_info(&one.labels));
        let Some(mut matchers) = identifying_matchers(of_base)? else {
            return Ok(found);
        };
        matchers.extend(wanted.labels.iter().chain(&wanted.names).copied().cloned());
        matchers.extend(wanted.other_name()?);
        let selector = Selector {
            name: None,
            matchers,
            when: when(eval, base),
            extension: None,
            lengths: Lengths::default(),
        };
        found.series = eval.sample_times(&selector)?;
        for (place, one) in found.series.iter().enumerate() {
            let name = one.labels.metric_name().to_owned();
            let of_name = found.places.entry(name).or_default();
            let members = of_name.entry(identity(&one.labels)).or_default();
            members.push(place);
        }
        Ok(found)
    }

    /// Of some info series the one with the newest sample at a step.
    fn newest(&self, members: &[usize], step: usize) -> Result<Option<usize>, Error> {
        let mut newest: Option<(usize, f64)> = None;
        for place in members {
            let Some(time) = self.time(*place, step) else {
                continue;
            };
            match newest {
                Some((_, other)) if other > time => {}
                Some((first, other)) if other >= time => {
                    return Err(self.conflict(first, *place, time));
                }
                _ => newest = Some((*place, time)),
            }
        }
        Ok(newest.map(|(place, _)| place))
    }

    fn time(&self, place: usize, step: usize) -> Option<f64> {
        self.series.get(place)?.points.get(step)
    }

    fn conflict(&self, first: usize, second: usize, seconds: f64) -> Error {
        let time = to_i64((seconds * 1_000.0).round());
        let labels = |place: usize| self.labels(place).cloned().unwrap_or_default();
        Error::Execution(format!(
            "found duplicate series for info metric: existing {} @ {time}, new {} @ {time}",
            labels(first),
            labels(second)
        ))
    }

    fn labels(&self, place: usize) -> Option<&Labels> {
        self.series.get(place).map(|one| &one.labels)
    }
}

fn identity(labels: &Labels) -> Labels {
    labels.retain(|name| IDENTIFYING.contains(&name))
}

/// Matchers of the values that the identifying labels have; nothing where they have none.
fn identifying_matchers<'s>(
    series: impl Iterator<Item = &'s StepSeries>,
) -> Result<Option<Vec<Matcher>>, Error> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in series {
        for label in IDENTIFYING {
            let value = one.labels.get(label);
            if !value.is_empty() {
                values.entry(label).or_default().insert(value);
            }
        }
    }
    let matcher = |(label, values): (&str, BTreeSet<&str>)| {
        let quoted: Vec<String> = values.into_iter().map(quoted).collect();
        Matcher::new(MatchOp::Regex, label, quoted.join("|"))
            .map_err(|error| Error::Execution(error.to_string()))
    };
    if values.is_empty() {
        return Ok(None);
    }
    values
        .into_iter()
        .map(matcher)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// A regular expression that matches a text alone.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// The time at which the info series are looked at: that of the first selector of the expression,
/// as the subqueries around it move it.
fn when(eval: &Eval<'_>, base: &Node) -> When {
    let mut total = When::default();
    for when in path(base).unwrap_or_default() {
        let fixed = match when.at {
            None => None,
            Some(At::Time(time)) => Some(time),
            Some(At::Start) => Some(eval.query.steps.start_ms),
            Some(At::End) => Some(eval.query.steps.end_ms),
        };
        if let Some(time) = fixed {
            total = When {
                at: Some(At::Time(time)),
                offset_ms: 0,
            };
        }
        total.offset_ms = total.offset_ms.saturating_add(when.offset_ms);
    }
    total
}

/// The modifiers of time on the way to the first selector, from the outermost on.
fn path(node: &Node) -> Option<Vec<When>> {
    match &node.kind {
        Kind::Selector(selector) | Kind::Range(selector, _) => Some(vec![selector.when]),
        Kind::Subquery(subquery) => {
            let mut found = path(&subquery.expr)?;
            found.insert(0, subquery.when);
            Some(found)
        }
        kind => kind.children().find_map(path),
    }
}

/// The series with the labels they got.
struct Enriched<'e> {
    eval: &'e Eval<'e>,
    places: HashMap<(Labels, bool), usize>,
    out: Vec<StepSeries>,
}

impl Enriched<'_> {
    /// A series as it is.
    fn pass(&mut self, series: &StepSeries) -> Result<(), Error> {
        let place = self.place(&series.labels, series.drop_name)?;
        let fits = self
            .out
            .get_mut(place)
            .is_some_and(|out| out.points.absorb(&series.points));
        if fits { Ok(()) } else { Err(same_labels()) }
    }

    /// A series with the labels that its info series have at each step.
    fn add(
        &mut self,
        series: &StepSeries,
        infos: &Infos,
        wanted: &Wanted<'_>,
    ) -> Result<(), Error> {
        let identity = identity(&series.labels);
        let members: Vec<&Vec<usize>> = infos
            .places
            .values()
            .filter_map(|of_name| of_name.get(&identity))
            .collect();
        let mut before: Option<(Vec<usize>, Option<usize>)> = None;
        for (step, value) in series.points.present() {
            let mut found = Vec::new();
            for members in &members {
                found.extend(infos.newest(members, step)?);
            }
            let place = match &before {
                Some((same, place)) if *same == found => *place,
                _ => {
                    let place = match labels(&series.labels, &found, infos, wanted)? {
                        Some(labels) => Some(self.place(&labels, series.drop_name)?),
                        None => None,
                    };
                    before = Some((found, place));
                    place
                }
            };
            let Some(out) = place.and_then(|place| self.out.get_mut(place)) else {
                continue;
            };
            if out.points.get(step).is_some() {
                return Err(same_labels());
            }
            out.points.set(step, value);
        }
        Ok(())
    }

    /// The place of the series with these labels.
    fn place(&mut self, labels: &Labels, drop_name: bool) -> Result<usize, Error> {
        if let Some(place) = self.places.get(&(labels.clone(), drop_name)) {
            return Ok(*place);
        }
        let steps = self.eval.grid.count;
        self.eval.query.hold(steps)?;
        self.out.push(StepSeries {
            labels: labels.clone(),
            drop_name,
            points: Points::none(steps),
        });
        let place = self.out.len() - 1;
        self.places.insert((labels.clone(), drop_name), place);
        Ok(place)
    }
}

/// A series' labels with those of its info series; nothing where it has none and needs one.
fn labels(
    base: &Labels,
    found: &[usize],
    infos: &Infos,
    wanted: &Wanted<'_>,
) -> Result<Option<Labels>, Error> {
    if found.is_empty() && !wanted.passes_without() {
        return Ok(None);
    }
    let mut added: BTreeMap<&str, &str> = BTreeMap::new();
    for labels in found.iter().filter_map(|place| infos.labels(*place)) {
        for (name, value) in labels {
            if name == METRIC_NAME || !wanted.takes(name) {
                continue;
            }
            if added.get(name).is_some_and(|other| *other != value) {
                return Err(Error::Execution(format!("conflicting label: {name}")));
            }
            if base.get(name).is_empty() {
                added.insert(name, value);
            }
        }
    }
    let labels = added.iter().fold(base.clone(), |labels, (name, value)| {
        labels.with(name, value)
    });
    Ok(Some(labels))
}
