//! What a target may ask of the store at most.

use watchpost_model::{Labels, METRIC_NAME};

use crate::config::{Global, ScrapeConfig};

/// The limits of a job's pages; 0 is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    /// Samples on a page.
    pub(super) samples: usize,
    /// Targets of the job.
    pub(super) targets: usize,
    /// Labels of a series, those of its target included.
    labels: usize,
    /// Bytes of a label's name.
    name_length: usize,
    /// Bytes of a label's value.
    value_length: usize,
}

/// What was passed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LimitError {
    /// `sample_limit`
    #[error("sample limit exceeded (limit: {limit})")]
    Samples {
        /// The most allowed.
        limit: usize,
    },
    /// `label_limit`
    #[error("label_limit exceeded (metric: {metric}, number of labels: {found}, limit: {limit})")]
    Labels {
        /// The series' metric.
        metric: String,
        /// How many it has.
        found: usize,
        /// The most allowed.
        limit: usize,
    },
    /// `label_name_length_limit`
    #[error(
        "label_name_length_limit exceeded (metric: {metric}, label name: {name}, length: {found}, limit: {limit})"
    )]
    NameLength {
        /// The series' metric.
        metric: String,
        /// The label.
        name: String,
        /// How long its name is.
        found: usize,
        /// The most allowed.
        limit: usize,
    },
    /// `label_value_length_limit`
    #[error(
        "label_value_length_limit exceeded (metric: {metric}, label name: {name}, value: {value:?}, length: {found}, limit: {limit})"
    )]
    ValueLength {
        /// The series' metric.
        metric: String,
        /// The label.
        name: String,
        /// The beginning of its value.
        value: String,
        /// How long it is.
        found: usize,
        /// The most allowed.
        limit: usize,
    },
}

impl LimitError {
    /// The reason by which refused pages are counted.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Samples { .. } => Reason::Samples,
            Self::Labels { .. } | Self::NameLength { .. } | Self::ValueLength { .. } => {
                Reason::Labels
            }
        }
    }
}

/// Why a page was refused, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Too many samples.
    Samples,
    /// Too many labels, or too long ones.
    Labels,
}

impl Limits {
    /// The limits of a job; what it does not set is as in `global`.
    pub(super) fn of(job: &ScrapeConfig, global: &Global) -> Self {
        let set = |own: usize, global: usize| if own == 0 { global } else { own };
        Self {
            samples: set(job.sample_limit, global.sample_limit),
            targets: set(job.target_limit, global.target_limit),
            labels: set(job.label_limit, global.label_limit),
            name_length: set(job.label_name_length_limit, global.label_name_length_limit),
            value_length: set(
                job.label_value_length_limit,
                global.label_value_length_limit,
            ),
        }
    }

    /// Whether a page may have so many samples.
    pub(super) fn check_samples(&self, found: usize) -> Result<(), LimitError> {
        match self.samples {
            limit if limit > 0 && found > limit => Err(LimitError::Samples { limit }),
            _ => Ok(()),
        }
    }

    /// Whether a series may have these labels.
    pub(super) fn check_labels(&self, labels: &Labels) -> Result<(), LimitError> {
        if self.labels > 0 && labels.len() > self.labels {
            return Err(LimitError::Labels {
                metric: cut(labels.get(METRIC_NAME)),
                found: labels.len(),
                limit: self.labels,
            });
        }
        self.check_lengths(labels)
    }

    /// Whether labels may have these names and values, however many they are.
    pub(super) fn check_lengths(&self, labels: &Labels) -> Result<(), LimitError> {
        let metric = || cut(labels.get(METRIC_NAME));
        for (name, value) in labels {
            if self.name_length > 0 && name.len() > self.name_length {
                return Err(LimitError::NameLength {
                    metric: metric(),
                    name: cut(name),
                    found: name.len(),
                    limit: self.name_length,
                });
            }
            if self.value_length > 0 && value.len() > self.value_length {
                return Err(LimitError::ValueLength {
                    metric: metric(),
                    name: cut(name),
                    value: cut(value),
                    found: value.len(),
                    limit: self.value_length,
                });
            }
        }
        Ok(())
    }
}

/// The first characters of a text that may be long.
fn cut(text: &str) -> String {
    text.chars().take(50).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_above_a_limit_are_refused_with_what_is_too_much() {
        let labels = Labels::from_pairs([("__name__", "up"), ("long_name", "a long value")]);
        let limits = |labels, name_length, value_length| Limits {
            labels,
            name_length,
            value_length,
            ..Limits::default()
        };
        let told = |limits: Limits| {
            let checked = limits.check_labels(&labels);
            checked.map_or_else(|error| error.to_string(), |()| String::new())
        };
        assert_eq!(told(limits(0, 0, 0)), "");
        assert_eq!(told(limits(2, 9, 12)), "");
        assert_eq!(
            told(limits(1, 0, 0)),
            "label_limit exceeded (metric: up, number of labels: 2, limit: 1)"
        );
        assert_eq!(
            told(limits(2, 8, 0)),
            "label_name_length_limit exceeded (metric: up, label name: long_name, length: 9, limit: 8)"
        );
        assert_eq!(
            told(limits(2, 9, 11)),
            "label_value_length_limit exceeded (metric: up, label name: long_name, value: \"a long value\", length: 12, limit: 11)"
        );
    }
}
