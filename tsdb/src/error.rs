//! What can go wrong with the store.

use std::path::PathBuf;

use watchpost_model::histogram::HistogramError;

/// Why an operation on the store failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the directory.
    #[error("data directory `{path}` is in use by another process{holder}", path = path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// ` (pid 12)` where it is known.
        holder: String,
    },
    /// A file operation failed.
    #[error("cannot {action} `{path}`", path = path.display())]
    Io {
        /// What was tried, such as `open`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A sample was refused.
    #[error("{0}")]
    Refused(Refusal),
    /// A row does not have a value for each line of its layout.
    #[error("expected a row of {expected} values, one a line, found {found}")]
    RowShape {
        /// Lines of the layout.
        expected: usize,
        /// Values of the row.
        found: usize,
    },
    /// The directory's format is newer than this program knows, or is not ours.
    #[error("data directory `{path}` {reason}", path = path.display())]
    Format {
        /// The directory or file.
        path: PathBuf,
        /// What is there and what can be done.
        reason: String,
    },
    /// A file cannot be read in part.
    #[error("`{path}` is damaged: cannot read its {part}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What of it, such as `footer`.
        part: &'static str,
    },
    /// A size limit that no store can keep to.
    #[error("expected a size limit of at least {needed} bytes, found {found}")]
    SizeLimit {
        /// The limit.
        found: u64,
        /// The least one.
        needed: u64,
    },
    /// A native histogram that makes no sense.
    #[error("{0}")]
    Histogram(HistogramError),
    /// A native histogram that is too large.
    #[error("native histogram with {found} buckets, spans and bounds, more than {most}")]
    HistogramSize {
        /// Buckets, spans and bounds.
        found: usize,
        /// The most of them.
        most: usize,
    },
    /// More lines or groups than a store can number.
    #[error("the store is out of numbers for {0}")]
    Full(&'static str),
    /// Something that the store cannot do yet.
    #[error("the store does not have {0} yet")]
    NotYet(&'static str),
}

/// Why a sample was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// Older than the newest sample of its series.
    #[error("out of order sample")]
    OutOfOrder,
    /// Older than what the store keeps.
    #[error("sample too old")]
    TooOld,
    /// Too far ahead of now.
    #[error("sample too far in the future")]
    TooFarAhead,
    /// Another value at a time that has one.
    #[error("duplicate sample for timestamp with another value")]
    Duplicate,
    /// A new series above the limit.
    #[error("too many series")]
    SeriesLimit,
    /// A new series of a line that was forgotten.
    #[error("the line of the series is forgotten")]
    ForgottenLine,
    /// The value has the bits by which the store marks that there is none.
    #[error("value is the mark of a missing value")]
    AbsentMark,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OutOfOrder,
        Self::TooOld,
        Self::TooFarAhead,
        Self::Duplicate,
        Self::SeriesLimit,
        Self::ForgottenLine,
        Self::AbsentMark,
    ];
}
