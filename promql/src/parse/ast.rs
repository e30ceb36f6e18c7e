//! The tree of an expression. Every node knows its bytes in the text.

use std::fmt;

use watchpost_model::Matcher;

pub(crate) use super::ops::{AggregateOp, BinaryOp};
use crate::functions::Function;

/// Bytes of the text: the first, and one past the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// From the start of one to the end of another.
    pub(crate) fn to(self, last: Self) -> Self {
        Self {
            start: self.start,
            end: last.end,
        }
    }
}

/// A part of an expression and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
    /// How many nodes stand on the longest way down, this one included. The parser bounds it, so
    /// that recursion over a tree, its release included, cannot exhaust the stack.
    pub(crate) height: usize,
}

impl Node {
    pub(crate) fn new(kind: Kind, span: Span) -> Self {
        let below = kind.children().map(|child| child.height).max();
        Self {
            height: below.unwrap_or(0) + 1,
            kind,
            span,
        }
    }

    /// The node without the parentheses around it.
    pub(crate) fn bare(&self) -> &Self {
        let mut node = self;
        while let Kind::Paren(inner) = &node.kind {
            node = inner;
        }
        node
    }
}

/// Places are not compared: two texts that mean the same tree are equal.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What a part of an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Number(Number),
    Text(String),
    Selector(Selector),
    /// A selector with `[range]`.
    Range(Selector, i64),
    Subquery(Subquery),
    Call(Call),
    Aggregate(Aggregate),
    Binary(Binary),
    /// `-` where true, `+` where false.
    Unary(bool, Box<Node>),
    Paren(Box<Node>),
}

impl Kind {
    /// The nodes directly below.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Node> {
        let (one, two, many): (Option<&Node>, Option<&Node>, &[Node]) = match self {
            Self::Number(_) | Self::Text(_) | Self::Selector(_) | Self::Range(..) => {
                (None, None, &[])
            }
            Self::Subquery(subquery) => (Some(&subquery.expr), None, &[]),
            Self::Call(call) => (None, None, &call.args),
            Self::Aggregate(aggregate) => (aggregate.param.as_deref(), Some(&aggregate.expr), &[]),
            Self::Binary(binary) => (Some(&binary.lhs), Some(&binary.rhs), &[]),
            Self::Unary(_, inner) | Self::Paren(inner) => (Some(inner), None, &[]),
        };
        one.into_iter().chain(two).chain(many)
    }
}

impl Kind {
    /// The nodes directly below, to be changed.
    pub(crate) fn children_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        let (one, two, many): (Option<&mut Node>, Option<&mut Node>, &mut [Node]) = match self {
            Self::Number(_) | Self::Text(_) | Self::Selector(_) | Self::Range(..) => {
                (None, None, &mut [])
            }
            Self::Subquery(subquery) => (Some(&mut subquery.expr), None, &mut []),
            Self::Call(call) => (None, None, &mut call.args),
            Self::Aggregate(aggregate) => (
                aggregate.param.as_deref_mut(),
                Some(&mut aggregate.expr),
                &mut [],
            ),
            Self::Binary(binary) => (Some(&mut binary.lhs), Some(&mut binary.rhs), &mut []),
            Self::Unary(_, inner) | Self::Paren(inner) => (Some(inner), None, &mut []),
        };
        one.into_iter().chain(two).chain(many)
    }
}

/// A number, compared by its bits so that `NaN` is equal to itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    pub(crate) value: f64,
    /// Whether it was written as a duration, such as `5m`.
    pub(crate) duration: bool,
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.value.to_bits() == other.value.to_bits() && self.duration == other.duration
    }
}

/// Which series, and when.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    /// The metric name that stands before the braces.
    pub(crate) name: Option<String>,
    /// All matchers, that of the name included.
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) when: When,
    pub(crate) extension: Option<Extension>,
    pub(crate) lengths: Lengths,
}

/// What a selector looks at beyond the samples in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// `anchored`: the newest sample before the window stands at its start.
    Anchored,
    /// `smoothed`: values at the window's ends are interpolated.
    Smoothed,
}

/// Durations that are written as expressions. Before an evaluation they are computed, and the plain
/// fields (`When::offset_ms`, the range of a selector, ...) hold what they come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lengths {
    pub(crate) range: Option<Box<Length>>,
    pub(crate) step: Option<Box<Length>>,
    pub(crate) offset: Option<Box<Length>>,
}

impl Lengths {
    pub(crate) fn is_empty(&self) -> bool {
        self.range.is_none() && self.step.is_none() && self.offset.is_none()
    }
}

/// A duration as an expression, and its place.
#[derive(Clone, Debug)]
pub(crate) struct Length {
    pub(crate) kind: LengthKind,
    pub(crate) span: Span,
    /// As that of a node.
    pub(crate) height: usize,
}

impl Length {
    pub(crate) fn new(kind: LengthKind, span: Span) -> Self {
        let below = match &kind {
            LengthKind::Number(_) | LengthKind::Step | LengthKind::Range => 0,
            LengthKind::Minus(inner) | LengthKind::Paren(inner) => inner.height,
            LengthKind::Lesser(left, right)
            | LengthKind::Greater(left, right)
            | LengthKind::Binary(_, left, right) => left.height.max(right.height),
        };
        Self {
            kind,
            span,
            height: below + 1,
        }
    }
}

impl PartialEq for Length {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What a part of a duration expression is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LengthKind {
    Number(Number),
    /// `step()`, the distance of the query's steps.
    Step,
    /// `range()`, from the query's first step to its last.
    Range,
    Lesser(Box<Length>, Box<Length>),
    Greater(Box<Length>, Box<Length>),
    Minus(Box<Length>),
    Paren(Box<Length>),
    Binary(BinaryOp, Box<Length>, Box<Length>),
}

/// The order of matchers does not matter.
impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |selector: &Self| {
            let mut texts: Vec<String> =
                selector.matchers.iter().map(ToString::to_string).collect();
            texts.sort_unstable();
            texts
        };
        self.name == other.name
            && self.when == other.when
            && self.extension == other.extension
            && self.lengths == other.lengths
            && sorted(self) == sorted(other)
    }
}

/// The modifiers of a selector's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct When {
    /// `offset`, ms, negative for the future.
    pub(crate) offset_ms: i64,
    pub(crate) at: Option<At>,
}

/// The time of `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Time(i64),
    Start,
    End,
}

/// `expr[range:step]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subquery {
    pub(crate) expr: Box<Node>,
    pub(crate) range_ms: i64,
    pub(crate) step_ms: Option<i64>,
    pub(crate) when: When,
    pub(crate) lengths: Lengths,
}

/// `function(args)`.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: &'static Function,
    pub(crate) args: Vec<Node>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name && self.args == other.args
    }
}

/// `op by (grouping) (param, expr)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aggregate {
    pub(crate) op: AggregateOp,
    pub(crate) without: bool,
    pub(crate) grouping: Vec<String>,
    pub(crate) param: Option<Box<Node>>,
    pub(crate) expr: Box<Node>,
}

/// `lhs op rhs`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Binary {
    pub(crate) op: BinaryOp,
    pub(crate) bool_modifier: bool,
    pub(crate) matching: Matching,
    pub(crate) lhs: Box<Node>,
    pub(crate) rhs: Box<Node>,
}

/// Which series of both sides belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matching {
    /// `on` where true, `ignoring` where false.
    pub(crate) on: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) card: Card,
    /// The labels of `group_left` or `group_right`.
    pub(crate) include: Vec<String>,
    /// `fill`, `fill_left`, `fill_right`.
    pub(crate) fill: Fill,
}

/// The values that stand in for a missing match.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fill {
    pub(crate) left: Option<f64>,
    pub(crate) right: Option<f64>,
    /// Whether both were given by `fill`.
    pub(crate) both: bool,
}

impl Fill {
    pub(crate) fn is_none(self) -> bool {
        self.left.is_none() && self.right.is_none()
    }
}

/// By bits, so that `NaN` is equal to itself.
impl PartialEq for Fill {
    fn eq(&self, other: &Self) -> bool {
        let bits = |value: Option<f64>| value.map(f64::to_bits);
        (bits(self.left), bits(self.right), self.both)
            == (bits(other.left), bits(other.right), other.both)
    }
}

impl Eq for Fill {}

/// How many series of each side may belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Card {
    #[default]
    OneToOne,
    /// `group_left`.
    ManyToOne,
    /// `group_right`.
    OneToMany,
}

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Scalar,
    Text,
    Vector,
    Range,
}

impl Type {
    /// As Prometheus's API and code name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Text => "string",
            Self::Vector => "vector",
            Self::Range => "matrix",
        }
    }
}

/// As the documentation names it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Text => "string",
            Self::Vector => "instant vector",
            Self::Range => "range vector",
        })
    }
}
