//! Text to a checked expression: our own lexer and Pratt parser.
//!
//! Promises: every error has its place; a text longer than [`MAX_BYTES`], a tree higher than
//! [`deep::MAX_HEIGHT`] and more than [`MAX_MATCHERS`] matchers are errors, and what is higher than
//! [`deep::SHALLOW`] gets a stack of its own, so no text can exhaust the stack here, in the
//! evaluator, or when the tree is released; what parses has passed the type checks that Prometheus
//! makes.
//!
//! Sources: Prometheus 3.14's documentation (`querying/basics`, `querying/operators`).

pub(crate) mod ast;
mod check;
pub(crate) mod deep;
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

use std::fmt;
use std::sync::Arc;

use watchpost_model::Matcher;

use crate::error::{ParseError, place};
use ast::{Kind, Node, Span};
use stream::Stream;

/// The longest text.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The most label matchers: each may hold a compiled regular expression.
pub(crate) const MAX_MATCHERS: usize = 1_000;

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
#[derive(Clone)]
pub struct Expr {
    pub(crate) root: Arc<Node>,
    /// The text it was read from, for the places in warnings.
    pub(crate) source: Arc<str>,
}

impl Expr {
    /// The matchers of every selector of the expression, in the order of the text.
    pub fn selectors(&self) -> Vec<Vec<Matcher>> {
        let mut found = Vec::new();
        let mut open = vec![&*self.root];
        while let Some(node) = open.pop() {
            if let Kind::Selector(selector) | Kind::Range(selector, _) = &node.kind {
                found.push(selector.matchers.clone());
            }
            let mut below: Vec<&Node> = node.kind.children().collect();
            below.reverse();
            open.append(&mut below);
        }
        found
    }

    /// The expression as text over as many lines as it takes, what is longer than 100 bytes split
    /// and indented (`/api/v1/format_query`).
    pub fn format(&self) -> String {
        self.written(|root| pretty::Pretty(root).to_string())
    }

    /// The tree as a JSON object (`/api/v1/parse_query`).
    pub fn ast_json(&self) -> String {
        json::node(&self.root)
    }

    /// The tree as a text; where there is no stack for it, the text it was read from.
    fn written(&self, write: impl FnOnce(&Node) -> String + Send) -> String {
        deep::with(self.root.height, || write(&self.root))
            .unwrap_or_else(|_| self.source.to_string())
    }
}

/// Two expressions are equal where they mean the same; their texts may differ.
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        let height = self.root.height;
        height == other.root.height
            && deep::with(height, || self.root == other.root)
                .unwrap_or_else(|_| self.source == other.source)
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(|root| format!("{root:?}")))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(Node::to_string))
    }
}

impl Drop for Expr {
    fn drop(&mut self) {
        deep::release(&mut self.root);
    }
}

/// Reads and checks a text, without experimental features.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    parse_with(text, Features::default())
}

/// Reads and checks a text.
pub fn parse_with(text: &str, features: Features) -> Result<Expr, ParseError> {
    bounded(text).map_err(|fault| fault.locate(text))?;
    let mut read = root(text, features, deep::SHALLOW);
    if read.as_ref().is_err_and(|fault| fault.too_deep) {
        let again = || root(text, features, deep::MAX_HEIGHT);
        read = deep::with(deep::MAX_HEIGHT, again).unwrap_or(read);
    }
    let root = read.map_err(|fault| fault.locate(text))?;
    Ok(Expr {
        root: Arc::new(root),
        source: text.into(),
    })
}

/// Reads a series selector such as `up{job="a"}` (what `match[]` holds).
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let node = bounded(text)
        .and_then(|()| {
            let mut stream = Stream::new(text, Features::default(), deep::SHALLOW);
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

fn root(text: &str, features: Features, max_height: usize) -> Result<Node, Fault> {
    let mut stream = Stream::new(text, features, max_height);
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
    /// Whether a higher limit would help.
    too_deep: bool,
}

impl Fault {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            too_deep: false,
        }
    }

    /// A tree that gets too high.
    fn too_deep(span: Span) -> Self {
        let most = deep::MAX_HEIGHT;
        let message = format!("expected at most {most} levels of nesting, found more");
        Self {
            too_deep: true,
            ..Self::new(span, message)
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
