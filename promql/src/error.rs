//! What can go wrong with a query.

/// Why a query failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text is not PromQL.
    #[error("{0}")]
    Parse(ParseError),
    /// The expression is of a type that this kind of query does not take.
    #[error("invalid expression type {0:?} for range query, must be Scalar or instant Vector")]
    WrongType(&'static str),
    /// The expression cannot be evaluated over the data (many-to-many matching, ...).
    #[error("{0}")]
    Execution(String),
    /// A limit was reached.
    #[error("query processing would load too many samples into memory in {0}")]
    TooManySamples(&'static str),
    /// It took too long.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Nobody waited for it any more.
    #[error("query was canceled in expression evaluation")]
    Canceled,
}

impl From<watchpost_tsdb::Error> for Error {
    fn from(error: watchpost_tsdb::Error) -> Self {
        Self::Execution(error.to_string())
    }
}

/// Where and why a text is not PromQL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: parse error: {message}", self.place())]
pub struct ParseError {
    /// First byte of the place.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Line, from 1; 0 where the text is empty, so that there is no place.
    pub line: usize,
    /// Column in bytes, from 1, as Prometheus counts.
    pub column: usize,
    /// What was expected and what was found.
    pub message: String,
}

impl ParseError {
    fn place(&self) -> String {
        if self.line == 0 {
            return "unknown position".to_owned();
        }
        format!("{}:{}", self.line, self.column)
    }
}

/// Line and column of a byte, both from 1, the column in bytes; zeros in an empty text.
pub(crate) fn place(text: &str, byte: usize) -> (usize, usize) {
    if text.is_empty() {
        return (0, 0);
    }
    let before = text.as_bytes().get(..byte).unwrap_or(text.as_bytes());
    let mut line = 1;
    let mut column = 1;
    for byte in before {
        if *byte == b'\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    (line, column)
}
