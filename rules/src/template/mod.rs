//! Templates of labels and annotations: the part of Go's `text/template` that alert rules use,
//! with Prometheus's functions and variables.
//!
//! A text is read once, when its rule file is loaded: syntax errors, unknown functions and unknown
//! variables are found then, with their place. It is rendered for each alert at each evaluation,
//! within bounds of steps and output. What fails at that time gives an error, which the caller puts
//! where the text would be: a notice is never lost over its template.
//!
//! There are `{{ $labels.x }}`, `{{ .Value }}`, pipes, `if`, `else if`, `with`, `range`, `break`,
//! `continue`, variables, comments and trimming. `define`, `template` and `block` are not there
//! yet. Unlike in Go, whole numbers and floats compare with each other (`gt $value 80`).

mod exec;
mod format;
mod functions;
mod humanize;
mod lex;
mod parse;
mod pattern;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;

use watchpost_model::{FloatHistogram, Labels};
use watchpost_promql::InstantSample;

pub(crate) use format::general as digits;
pub(crate) use humanize::humanize_duration;
use parse::Block;

/// What a template can see.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// `$labels`: the labels of the series.
    pub labels: &'a Labels,
    /// `$value`: its value, where that is no histogram.
    pub value: f64,
    /// Its histogram, where it is one.
    pub histogram: Option<&'a FloatHistogram>,
    /// `$externalLabels`
    pub external_labels: &'a Labels,
    /// `$externalURL`
    pub external_url: &'a str,
    /// The time of the evaluation, ms.
    pub now_ms: i64,
    /// Runs a query for the function `query`.
    pub query: &'a dyn Fn(&str) -> Result<Vec<InstantSample>, String>,
}

impl Context<'_> {
    /// `$value`.
    fn value(&self) -> value::Value {
        match self.histogram {
            Some(histogram) => value::Value::text(histogram.to_string()),
            None => value::Value::Float(self.value),
        }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("labels", self.labels)
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}

/// A template that was read.
#[derive(Clone, Debug)]
pub struct Template {
    source: String,
    block: Block,
}

/// Why a text is not a template, or why it has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: template error: {message}")]
pub struct TemplateError {
    /// Line of the template, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What was expected and what was found.
    pub message: String,
}

/// An error at a byte of a template.
#[derive(Debug)]
struct Fault {
    at: usize,
    message: String,
}

impl Fault {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }

    fn place(self, text: &str) -> TemplateError {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let start_of_line = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before
            .get(start_of_line..)
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        TemplateError {
            line,
            column,
            message: self.message,
        }
    }
}

impl Template {
    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let block = parse::parse(text).map_err(|fault| fault.place(text))?;
        Ok(Self {
            source: text.to_owned(),
            block,
        })
    }

    /// A text without actions, whatever it looks like.
    pub fn plain(text: &str) -> Self {
        Self {
            source: text.to_owned(),
            block: vec![parse::Node::Text(text.to_owned())],
        }
    }

    /// The text as it was given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text with its actions carried out.
    pub fn render(&self, context: &Context<'_>) -> Result<String, TemplateError> {
        exec::run(&self.block, context).map_err(|fault| fault.place(&self.source))
    }

    /// The text with its actions carried out, or the error in its place as Prometheus writes it.
    pub fn render_or_error(&self, context: &Context<'_>) -> String {
        self.render(context)
            .unwrap_or_else(|error| format!("<error expanding template: {error}>"))
    }
}

/// Two templates are equal when their texts are.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
