//! Text to a checked expression: our own lexer and Pratt parser.
//!
//! Promises: every error has its place; a text longer than [`MAX_BYTES`], a tree higher than
//! [`MAX_HEIGHT`] and more than [`MAX_MATCHERS`] matchers are errors, so no text can exhaust the
//! stack here, in the evaluator, or when the tree is released; what parses has passed the type
//! checks that Prometheus makes.
//!
//! Sources: Prometheus 3.14's documentation (`querying/basics`, `querying/operators`).

pub(crate) mod ast;
mod check;
mod expr;
mod json;
mod length;
pub(crate) mod lengths;
mod lex;
mod literal;
mod operators;
mod ops;
mod pretty;
mod print;
mod quote;
mod selector;
mod stream;
mod words;

use watchpost_model::Matcher;

use crate::error::{ParseError, place};
use ast::{Kind, Node, Span};
use stream::Stream;

/// The longest text.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The most label matchers: each may hold a compiled regular expression.
pub(crate) const MAX_MATCHERS: usize = 1_000;
/// The highest tree, in nodes.
pub(crate) const MAX_HEIGHT: usize = 400;

/// What the language has besides its stable part. All is off by default, as in Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a feature flag of its own"
)]
pub struct Features {
    /// Functions and aggregations that may still change
    /// (`--enable-feature=promql-experimental-functions`).
    pub experimental_functions: bool,
    /// Durations that are computed, as in `x[2 * step()]` (`promql-duration-expr`).
    pub duration_expressions: bool,
    /// `anchored` and `smoothed` (`promql-extended-range-selectors`).
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left` and `fill_right` (`promql-binop-fill-modifiers`).
    pub fill_modifiers: bool,
}

impl Features {
    /// The whole language.
    pub const ALL: Self = Self {
        experimental_functions: true,
        duration_expressions: true,
        extended_range_selectors: true,
        fill_modifiers: true,
    };
}

/// A checked expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub(crate) root: Node,
    /// The text it was read from, for the places in warnings.
    pub(crate) source: Source,
}

/// A text; all texts are equal, so that two expressions are when they mean the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source(pub(crate) std::sync::Arc<str>);

impl PartialEq for Source {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Expr {
    /// The matchers of every selector of the expression, in the order of the text.
    pub fn selectors(&self) -> Vec<Vec<Matcher>> {
        let mut found = Vec::new();
        collect_selectors(&self.root, &mut found);
        found
    }

    /// The expression as text over as many lines as it takes, what is longer than 100 bytes split
    /// and indented (`/api/v1/format_query`).
    pub fn format(&self) -> String {
        pretty::Pretty(&self.root).to_string()
    }

    /// The tree as a JSON object (`/api/v1/parse_query`).
    pub fn ast_json(&self) -> String {
        json::node(&self.root)
    }
}

fn collect_selectors(node: &Node, found: &mut Vec<Vec<Matcher>>) {
    if let Kind::Selector(selector) | Kind::Range(selector, _) = &node.kind {
        found.push(selector.matchers.clone());
    }
    for child in node.kind.children() {
        collect_selectors(child, found);
    }
}

/// Reads and checks a text, without experimental features.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    parse_with(text, Features::default())
}

/// Reads and checks a text.
pub fn parse_with(text: &str, features: Features) -> Result<Expr, ParseError> {
    let root = root(text, features).map_err(|fault| fault.locate(text))?;
    Ok(Expr {
        root,
        source: Source(text.into()),
    })
}

/// Reads a series selector such as `up{job="a"}` (what `match[]` holds).
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let node = bounded(text)
        .and_then(|()| {
            let mut stream = Stream::new(text, Features::default());
            let mut node = expr::selector_alone(&mut stream)?;
            check::check(&mut node, text)?;
            Ok(node)
        })
        .map_err(|fault| fault.locate(text))?;
    match node.kind {
        Kind::Selector(selector) => Ok(selector.matchers),
        _ => Ok(Vec::new()),
    }
}

fn root(text: &str, features: Features) -> Result<Node, Fault> {
    bounded(text)?;
    let mut stream = Stream::new(text, features);
    let mut node = expr::whole(&mut stream)?;
    check::check(&mut node, text)?;
    Ok(node)
}

fn bounded(text: &str) -> Result<(), Fault> {
    if text.len() <= MAX_BYTES {
        return Ok(());
    }
    let span = Span {
        start: MAX_BYTES,
        end: text.len(),
    };
    let found = text.len();
    Err(Fault::new(
        span,
        format!("expected an expression of at most {MAX_BYTES} bytes, found {found}"),
    ))
}

/// What is wrong, and where.
#[derive(Clone, Debug)]
struct Fault {
    span: Span,
    message: String,
}

impl Fault {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
        }
    }

    fn locate(self, text: &str) -> ParseError {
        let (line, column) = place(text, self.span.start);
        ParseError {
            start: self.span.start,
            end: self.span.end,
            line,
            column,
            message: self.message,
        }
    }
}

#[cfg(test)]
mod tests;
