//! Calls: the arguments of a function, and one column of results per series.

use watchpost_model::FloatHistogram;

use super::{Eval, Window, extended, unique};
use crate::error::Error;
use crate::functions::{Over, Run};
use crate::parse::ast::{Call, Kind, Node, Type};
use crate::series::{Evaluated, Points, StepSeries};

impl Eval<'_> {
    pub(super) fn call(&self, node: &Node, call: &Call) -> Result<Evaluated, Error> {
        extended::check(call)?;
        match &call.function.run {
            Run::Value(function) => self.of_values(call, |value, _| Some(function(value))),
            Run::Values(function) => self.of_values(call, function),
            Run::Histogram(function) => self.of_histograms(call, *function),
            Run::Over(over) => self.over_ranges(call, over),
            Run::Scalar(function) => Ok(Evaluated::Scalar(function(self))),
            Run::Whole(function) => function(self, node, call),
        }
    }

    /// The scalar arguments, each as a column.
    pub(crate) fn params(&self, args: &[Node]) -> Result<Vec<Vec<f64>>, Error> {
        args.iter().map(|arg| self.scalar(arg)).collect()
    }

    fn of_values(
        &self,
        call: &Call,
        function: impl Fn(f64, &[f64]) -> Option<f64>,
    ) -> Result<Evaluated, Error> {
        let Some((vector, params)) = call.args.split_first() else {
            return Ok(Evaluated::Vector(Vec::new()));
        };
        let mut vector = self.vector(vector)?;
        let params = self.params(params)?;
        let mut now = vec![f64::NAN; params.len()];
        for series in &mut vector {
            series.points.take_histograms();
            series.points.map(|step, value| {
                for (slot, column) in now.iter_mut().zip(&params) {
                    *slot = column.get(step).copied().unwrap_or(f64::NAN);
                }
                function(value, &now)
            });
            self.drop_name(series);
        }
        vector.retain(|series| !series.points.is_empty());
        unique(vector).map(Evaluated::Vector)
    }

    fn of_histograms(
        &self,
        call: &Call,
        function: fn(&FloatHistogram) -> f64,
    ) -> Result<Evaluated, Error> {
        let Some(vector) = call.args.first() else {
            return Ok(Evaluated::Vector(Vec::new()));
        };
        let mut vector = self.vector(vector)?;
        vector.retain(|series| series.points.has_histograms());
        for series in &mut vector {
            let mut points = Points::none(self.grid.count);
            for (step, histogram) in series.points.histograms() {
                points.set(*step, function(histogram));
            }
            series.points = points;
            self.drop_name(series);
        }
        unique(vector).map(Evaluated::Vector)
    }

    fn over_ranges(&self, call: &Call, over: &Over) -> Result<Evaluated, Error> {
        if let Some(input) = self.input_over(call, over)?
            && let Some(mut series) = self.series(&input)?
        {
            if !over.keeps_name {
                for one in &mut series {
                    self.drop_name(one);
                }
            }
            return unique(series).map(Evaluated::Vector);
        }
        let types = call.function.args.iter();
        let place = types.clone().position(|kind| *kind == Type::Range);
        let Some(range) = place.and_then(|place| call.args.get(place)) else {
            return Ok(Evaluated::Vector(Vec::new()));
        };
        if extended::extended(range).is_some() {
            return self.over_extended(call, over, range).map(Evaluated::Vector);
        }
        let mut params = Vec::new();
        for arg in call.args.iter().filter(|arg| !std::ptr::eq(*arg, range)) {
            params.push(self.scalar(arg)?);
        }
        if let Some(check) = over.check {
            check(&self.counting(None), call, &params)?;
        }
        let input = self.range_input(range)?;
        let mixed = self.over_mixed((over, range), &input, &params)?;
        let mut out = Vec::with_capacity(input.series.len() + mixed.len());
        let fold = |window: &Window<'_>| over.fold.value(window);
        input.for_each(self, &params, fold, |series, points| {
            if over.counter.is_some() && !points.is_empty() {
                self.note_counter(series.labels.metric_name(), range);
            }
            if points.is_empty() {
                return Ok(());
            }
            self.query.hold(points.len())?;
            let mut one = StepSeries {
                labels: series.labels.clone(),
                drop_name: series.drop_name,
                points,
            };
            if !over.keeps_name {
                self.drop_name(&mut one);
            }
            out.push(one);
            Ok(())
        })?;
        if !mixed.is_empty() {
            out.extend(mixed);
            out.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        unique(out).map(Evaluated::Vector)
    }

    /// A name that does not look like a counter's is worth a word where a counter is expected.
    pub(super) fn note_counter(&self, name: &str, range: &Node) {
        if looks_like_counter(name) {
            return;
        }
        self.query.info(
            range.span,
            &format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
            ),
        );
    }

    /// The selector that an argument is, if it is one, with or without a range.
    pub(crate) fn selector_of(node: &Node) -> Option<&crate::parse::ast::Selector> {
        match &node.bare().kind {
            Kind::Selector(selector) | Kind::Range(selector, _) => Some(selector),
            _ => None,
        }
    }
}

/// Whether a name is one that counters have, or there is none.
pub(super) fn looks_like_counter(name: &str) -> bool {
    let suffixes = ["_total", "_sum", "_count", "_bucket"];
    name.is_empty() || suffixes.iter().any(|suffix| name.ends_with(suffix))
}
