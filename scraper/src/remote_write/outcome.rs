//! What came of a write request.

use std::fmt;

use watchpost_tsdb::Refusal;

/// What came of a write request: how many samples were stored, and what was not and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Samples that are stored, those that were there before included.
    pub samples: usize,
    /// Exemplars that are kept.
    pub exemplars: usize,
    /// Entries on what a metric is.
    pub metadata: usize,
    /// What was not stored, each reason once.
    pub refused: Vec<(Reason, usize)>,
    /// What the first refusal was about.
    pub first: Option<String>,
}

/// Why something was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The store refused the samples.
    Store(Refusal),
    /// The labels of the series are no labels.
    InvalidLabels,
    /// Native histograms that make no sense, or are too large.
    Histogram,
    /// Exemplars: the store keeps none, or they are out of order or have too long labels. This alone
    /// is no fault of the sender's.
    Exemplar,
}

impl Reason {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let store = Refusal::ALL.into_iter().map(Self::Store);
        store.chain([Self::InvalidLabels, Self::Histogram, Self::Exemplar])
    }

    /// The reason as the value of a label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Store(Refusal::OutOfOrder) => "out_of_order",
            Self::Store(Refusal::TooOld) => "too_old",
            Self::Store(Refusal::TooFarAhead) => "too_far_ahead",
            Self::Store(Refusal::Duplicate) => "duplicate",
            Self::Store(Refusal::SeriesLimit) => "series_limit",
            Self::Store(Refusal::ForgottenLine) => "forgotten_line",
            Self::Store(Refusal::AbsentMark) => "absent_mark",
            Self::InvalidLabels => "invalid_labels",
            Self::Histogram => "invalid_histogram",
            Self::Exemplar => "exemplar",
        }
    }

    /// Whether the sender is told with an error.
    fn is_fault(self) -> bool {
        self != Self::Exemplar
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(refusal) => refusal.fmt(f),
            Self::InvalidLabels => f.write_str("invalid labels"),
            Self::Histogram => f.write_str("invalid native histograms"),
            Self::Exemplar => f.write_str("exemplars that are not kept"),
        }
    }
}

impl Outcome {
    /// Counts what was not stored; `what` tells what it was about.
    pub(super) fn refuse(&mut self, reason: Reason, count: usize, what: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        if reason.is_fault() && self.first.is_none() {
            self.first = Some(what());
        }
        match self.refused.iter_mut().find(|(have, _)| *have == reason) {
            Some((_, sum)) => *sum += count,
            None => self.refused.push((reason, count)),
        }
    }

    /// What the sender is told; nothing where everything was stored that could be.
    pub fn fault(&self) -> Option<String> {
        use fmt::Write;
        let mut text = String::new();
        for (reason, count) in self.refused.iter().filter(|(reason, _)| reason.is_fault()) {
            let separator = if text.is_empty() { "" } else { ", " };
            write!(text, "{separator}{reason} ({count})").ok()?;
        }
        if text.is_empty() {
            return None;
        }
        let first = self.first.as_deref().unwrap_or_default();
        write!(
            text,
            "; first: {first}; {} samples were stored",
            self.samples
        )
        .ok()?;
        Some(text)
    }
}
