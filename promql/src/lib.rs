//! The question: PromQL text to numbers over the store.
//!
//! A text is parsed and checked once ([`parse()`]) and evaluated by an [`Engine`] at one time or at
//! many. The reference is Prometheus 3.14: ranges are open on the left, an instant selector looks
//! back 5 min, stale markers end a series.
//!
//! Evaluation goes node by node over whole step vectors: each series is one column with a value or
//! nothing for every step. Nothing here reads the clock but for the deadline of a query.

mod counts;
mod engine;
mod error;
mod eval;
mod functions;
mod notes;
mod number;
mod parse;
mod query;
mod remarks;
mod series;
mod value;

pub use counts::SampleCounts;
pub use engine::{Engine, Options, Steps};
pub use error::{Error, ParseError};
pub use functions::function_names;
pub use parse::{Expr, Features, parse, parse_selector, parse_with};
pub use value::{Answer, InstantSample, RangeSeries, Value};
