//! Why an evaluation failed.

/// What kept a rule from having a result. It is shown as the rule's last error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The query failed.
    #[error("{0}")]
    Query(watchpost_promql::Error),
    /// The expression gives a range or a text.
    #[error("rule result is not a vector or scalar")]
    NotVector,
    /// Two series would be the same.
    #[error("vector contains metrics with the same labelset after applying {0} labels")]
    SameLabels(&'static str),
    /// The group's `limit` is passed.
    #[error("exceeded limit of {limit} with {found} {what}")]
    Limit {
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
        /// `alerts` or `series`.
        what: &'static str,
    },
    /// The store refused the result.
    #[error("cannot store the result: {0}")]
    Store(watchpost_tsdb::Error),
}
