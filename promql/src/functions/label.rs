//! Changes to labels.

use watchpost_model::{Labels, METRIC_NAME, Regex};

use crate::error::Error;
use crate::eval::{Eval, unique};
use crate::parse::ast::{Call, Node};
use crate::series::Evaluated;

/// The longest value that is made: a nest of calls that double one would have no end.
const MAX_VALUE: usize = 1 << 20;
/// As many bytes of values count as one sample.
const SAMPLE_BYTES: usize = 16;

/// `label_replace(vector, to, template, from, regex)`.
pub(super) fn replace(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let [vector, to, template, from, pattern] = call.args.as_slice() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let (to, template) = (eval.text(to)?, eval.text(template)?);
    let (from, pattern) = (eval.text(from)?, eval.text(pattern)?);
    let regex = Regex::new(&pattern).map_err(|_| {
        Error::Execution(format!(
            "invalid regular expression in label_replace(): {pattern}"
        ))
    })?;
    if to.is_empty() {
        return Err(invalid("destination", "label_replace", &to));
    }
    relabel(eval, vector, &to, |labels| {
        regex.expand(labels.get(&from), &template)
    })
}

/// `label_join(vector, to, separator, from, ...)`.
pub(super) fn join(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    let [vector, to, separator, from @ ..] = call.args.as_slice() else {
        return Ok(Evaluated::Vector(Vec::new()));
    };
    let (to, separator) = (eval.text(to)?, eval.text(separator)?);
    let from = from
        .iter()
        .map(|arg| eval.text(arg))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(name) = from.iter().find(|name| name.is_empty()) {
        return Err(invalid("source", "label_join", name));
    }
    if to.is_empty() {
        return Err(invalid("destination", "label_join", &to));
    }
    relabel(eval, vector, &to, |labels| {
        let values: Vec<&str> = from.iter().map(|name| labels.get(name)).collect();
        Some(values.join(&separator))
    })
}

fn invalid(which: &str, function: &str, name: &str) -> Error {
    Error::Execution(format!(
        "invalid {which} label name in {function}(): {name}"
    ))
}

/// Sets a label to what `value` makes of the others; none leaves the series as it is.
fn relabel(
    eval: &Eval<'_>,
    vector: &Node,
    to: &str,
    value: impl Fn(&Labels) -> Option<String>,
) -> Result<Evaluated, Error> {
    let mut vector = eval.vector(vector)?;
    let mut made = 0;
    for series in &mut vector {
        eval.query.check_time()?;
        let Some(value) = value(&series.labels) else {
            continue;
        };
        if value.len() > MAX_VALUE {
            return Err(Error::Execution(format!(
                "expected a value of at most {MAX_VALUE} bytes for label `{to}`, found {}",
                value.len()
            )));
        }
        made += value.len();
        eval.query.room_for(made / SAMPLE_BYTES)?;
        series.labels = series.labels.with(to, &value);
        // A name that is set by hand is not the one that was to go.
        series.drop_name &= to != METRIC_NAME;
    }
    unique(vector).map(Evaluated::Vector)
}
