//! What a function is, and short ways to write the lines of the table.

use std::fmt;

use watchpost_model::FloatHistogram;

use super::mixed::{self, Mixed};
use crate::error::Error;
use crate::eval::{Eval, Window};
use crate::parse::ast::Type::{self, Range, Scalar, Vector};
use crate::parse::ast::{Call, Node};
use crate::series::{Evaluated, Sample};

/// A function of the language.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// The types of its arguments; where it takes more, they are of the last type.
    pub(crate) args: &'static [Type],
    rest: Rest,
    pub(crate) returns: Type,
    /// Whether it needs [`crate::Features::experimental_functions`].
    pub(crate) experimental: bool,
    pub(crate) run: Run,
}

/// Whether the last argument may be left out or given again.
#[derive(Clone, Copy)]
enum Rest {
    Fixed,
    Optional,
    Repeated,
}

/// How a function is computed.
pub(crate) enum Run {
    /// Value by value.
    Value(fn(f64) -> f64),
    /// Value by value, with scalar arguments.
    Values(fn(f64, &[f64]) -> Option<f64>),
    /// Value by value of histograms.
    Histogram(fn(&FloatHistogram) -> f64),
    /// Window by window.
    Over(Over),
    /// From the steps alone.
    Scalar(fn(&Eval<'_>) -> Vec<f64>),
    /// In its own way.
    Whole(fn(&Eval<'_>, &Node, &Call) -> Result<Evaluated, Error>),
}

/// A value of the samples in a window. Never called for a window without samples.
#[derive(Clone, Copy)]
pub(crate) enum Fold {
    Always(fn(&Window<'_>) -> f64),
    /// Only where there are enough samples.
    Sometimes(fn(&Window<'_>) -> Option<f64>),
}

impl Fold {
    pub(crate) fn value(self, window: &Window<'_>) -> Option<f64> {
        match self {
            Self::Always(value) => Some(value(window)),
            Self::Sometimes(value) => value(window),
        }
    }
}

/// Looks at a call's scalar arguments before anything is computed.
type Check = fn(&Eval<'_>, &Call, &[Vec<f64>]) -> Result<(), Error>;

/// What a function tells of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    Rate,
    Increase,
}

/// A function over the samples in a window.
pub(crate) struct Over {
    pub(crate) fold: Fold,
    /// Whether its result is still the metric it was.
    pub(crate) keeps_name: bool,
    /// What it is of a counter, where it makes sense for counters only.
    pub(crate) counter: Option<Counter>,
    pub(crate) check: Option<Check>,
    /// What it makes of a window that has histograms.
    pub(crate) mixed: OnMixed,
}

/// What a function makes of a window that has histograms.
pub(crate) type OnMixed = fn(&Over, &Mixed<'_>) -> Option<Sample>;

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}()", self.name)
    }
}

impl Function {
    pub(super) const fn new(
        name: &'static str,
        args: &'static [Type],
        returns: Type,
        run: Run,
    ) -> Self {
        Self {
            name,
            args,
            rest: Rest::Fixed,
            returns,
            experimental: false,
            run,
        }
    }

    pub(super) const fn optional(mut self) -> Self {
        self.rest = Rest::Optional;
        self
    }

    pub(super) const fn repeated(mut self) -> Self {
        self.rest = Rest::Repeated;
        self
    }

    /// Of a function over windows: what it makes of one that has histograms.
    pub(super) const fn on_mixed(mut self, value: OnMixed) -> Self {
        if let Run::Over(over) = &mut self.run {
            over.mixed = value;
        }
        self
    }

    pub(super) const fn experimental(mut self) -> Self {
        self.experimental = true;
        self
    }

    /// The least number of arguments, and the greatest where there is one.
    pub(crate) fn arity(&self) -> (usize, Option<usize>) {
        let all = self.args.len();
        match self.rest {
            Rest::Fixed => (all, Some(all)),
            Rest::Optional => (all.saturating_sub(1), Some(all)),
            Rest::Repeated => (all.saturating_sub(1), None),
        }
    }
}

impl Function {
    /// How often the last argument may be given again, as Prometheus counts: -1 is any number of
    /// times; where it may be left out, once.
    pub(crate) fn variadic(&self) -> i32 {
        match self.rest {
            Rest::Fixed => 0,
            Rest::Optional => 1,
            Rest::Repeated => -1,
        }
    }
}

pub(super) const fn value(name: &'static str, run: fn(f64) -> f64) -> Function {
    Function::new(name, &[Vector], Vector, Run::Value(run))
}

pub(super) const fn histogram(name: &'static str, run: fn(&FloatHistogram) -> f64) -> Function {
    Function::new(name, &[Vector], Vector, Run::Histogram(run))
}

pub(super) const fn date(
    name: &'static str,
    run: fn(&Eval<'_>, &Node, &Call) -> Result<Evaluated, Error>,
) -> Function {
    Function::new(name, &[Vector], Vector, Run::Whole(run)).optional()
}

pub(super) const fn whole(
    name: &'static str,
    args: &'static [Type],
    returns: Type,
    run: fn(&Eval<'_>, &Node, &Call) -> Result<Evaluated, Error>,
) -> Function {
    Function::new(name, args, returns, Run::Whole(run))
}

pub(super) const fn values(
    name: &'static str,
    args: &'static [Type],
    run: fn(f64, &[f64]) -> Option<f64>,
) -> Function {
    Function::new(name, args, Vector, Run::Values(run))
}

pub(super) const fn all(name: &'static str, value: fn(&Window<'_>) -> f64) -> Function {
    over(name, &[Range], plain(Fold::Always(value)))
}

pub(super) const fn some(name: &'static str, value: fn(&Window<'_>) -> Option<f64>) -> Function {
    over(name, &[Range], plain(Fold::Sometimes(value)))
}

pub(super) const fn over(name: &'static str, args: &'static [Type], over: Over) -> Function {
    Function::new(name, args, Vector, Run::Over(over))
}

pub(super) const fn scalar(name: &'static str, run: fn(&Eval<'_>) -> Vec<f64>) -> Function {
    Function::new(name, &[], Scalar, Run::Scalar(run))
}

pub(super) const fn plain(fold: Fold) -> Over {
    Over {
        fold,
        keeps_name: false,
        counter: None,
        check: None,
        mixed: mixed::ignore,
    }
}

pub(super) const fn named(value: fn(&Window<'_>) -> Option<f64>) -> Over {
    Over {
        keeps_name: true,
        ..plain(Fold::Sometimes(value))
    }
}

pub(super) const fn counter(counter: Counter, value: fn(&Window<'_>) -> Option<f64>) -> Over {
    Over {
        counter: Some(counter),
        ..plain(Fold::Sometimes(value))
    }
}

pub(super) const fn checked(value: fn(&Window<'_>) -> Option<f64>, check: Check) -> Over {
    Over {
        check: Some(check),
        ..plain(Fold::Sometimes(value))
    }
}
