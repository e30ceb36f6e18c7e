//! The question: PromQL text to numbers over the store.

mod value;

pub use value::{Answer, InstantSample, RangeSeries, Value};

use watchpost_model::{Duration, Matcher};
use watchpost_tsdb::Db;

/// The bounds of an engine.
#[derive(Clone, Debug)]
pub struct Options {
    /// How far an instant selector looks back (default 5 min).
    pub lookback: Duration,
    /// The most samples a query may hold at once (default 50,000,000).
    pub max_samples: usize,
    /// How long a query may take (default 2 min).
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(300),
            max_samples: 50_000_000,
            timeout: Duration::from_secs(120),
        }
    }
}

/// A range query's steps: `start`, `start + step`, ... up to and including `end`. All ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The first time.
    pub start_ms: i64,
    /// The time not to pass.
    pub end_ms: i64,
    /// The distance, more than 0.
    pub step_ms: i64,
}

/// Why a query failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text is not PromQL.
    #[error("{0}")]
    Parse(ParseError),
    /// The expression cannot be evaluated over the data (many-to-many matching, ...).
    #[error("{0}")]
    Execution(String),
    /// A limit was reached.
    #[error("query processing would load too many samples into memory in {0}")]
    TooManySamples(&'static str),
    /// It took too long.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Valid PromQL that this engine cannot do yet.
    #[error("{0} is not supported yet")]
    NotYet(String),
}

/// Where and why a text is not PromQL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: parse error: {message}")]
pub struct ParseError {
    /// First byte of the place.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What was expected and what was found.
    pub message: String,
}

/// A checked expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr(());

impl Expr {
    /// The matchers of every selector of the expression.
    pub fn selectors(&self) -> Vec<Vec<Matcher>> {
        todo!()
    }
}

/// Reads and checks a text.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let _ = text;
    todo!()
}

/// Reads a series selector such as `up{job="a"}` (what `match[]` holds).
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let _ = text;
    todo!()
}

/// Evaluates expressions over a store.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: Options,
}

impl Engine {
    /// An engine with these bounds.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// The value at one time.
    pub fn instant(&self, db: &Db, expr: &Expr, time_ms: i64) -> Result<Answer, Error> {
        let _ = (db, expr, time_ms, &self.options);
        todo!()
    }

    /// The values at each step; the answer is always a matrix.
    pub fn range(&self, db: &Db, expr: &Expr, steps: Steps) -> Result<Answer, Error> {
        let _ = (db, expr, steps);
        todo!()
    }
}
