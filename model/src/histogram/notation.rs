//! Histograms as test scripts write them: `{{schema:1 sum:3 count:22 buckets:[5 10 7]}}`.

use std::str::FromStr;

use super::{CounterReset, FloatHistogram, Span};

/// Why a text is no histogram.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotationError {
    /// The double braces are missing.
    #[error("expected `{{{{...}}}}`, found `{0}`")]
    Braces(String),
    /// A field that there is none of.
    #[error("expected a field of a histogram, found `{0}`")]
    Field(String),
    /// A value that is none for its field.
    #[error("expected a value for `{field}`, found `{value}`")]
    Value {
        /// The field.
        field: String,
        /// What stands there.
        value: String,
    },
}

/// Only what is written: the reader of a test wants to know which fields were left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramNotation {
    /// The histogram.
    pub histogram: FloatHistogram,
    /// Whether it tells of resets.
    pub tells_reset: bool,
}

impl FromStr for HistogramNotation {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        let inner = text
            .trim()
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"))
            .ok_or_else(|| NotationError::Braces(text.to_owned()))?;
        let mut reader = Reader::default();
        let mut rest = inner.trim();
        while !rest.is_empty() {
            let (field, tail) = rest
                .split_once(':')
                .ok_or_else(|| NotationError::Field(rest.to_owned()))?;
            let tail = tail.trim_start();
            let end = if tail.starts_with('[') {
                tail.find(']').map(|place| place + 1)
            } else {
                tail.find(char::is_whitespace)
            };
            let (value, tail) = tail.split_at(end.unwrap_or(tail.len()));
            reader.field(field.trim(), value)?;
            rest = tail.trim_start();
        }
        Ok(reader.finish())
    }
}

#[derive(Default)]
struct Reader {
    read: HistogramNotation,
    offset: i32,
    negative_offset: i32,
}

impl Reader {
    fn field(&mut self, field: &str, value: &str) -> Result<(), NotationError> {
        let wrong = || NotationError::Value {
            field: field.to_owned(),
            value: value.to_owned(),
        };
        let number = || value.parse::<f64>().map_err(|_| wrong());
        let whole = || value.parse::<i32>().map_err(|_| wrong());
        let list = || {
            let inner = value.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            let words = inner.ok_or_else(wrong)?.split_whitespace();
            let numbers = words.map(|word| word.parse::<f64>().map_err(|_| wrong()));
            numbers.collect::<Result<Vec<_>, _>>()
        };
        let histogram = &mut self.read.histogram;
        match field {
            "schema" => histogram.schema = whole()?,
            "sum" => histogram.sum = number()?,
            "count" => histogram.count = number()?,
            "z_bucket" => histogram.zero_count = number()?,
            "z_bucket_w" => histogram.zero_threshold = number()?,
            "custom_values" => histogram.custom_values = list()?.into(),
            "buckets" => histogram.positive_buckets = list()?,
            "n_buckets" => histogram.negative_buckets = list()?,
            "offset" => self.offset = whole()?,
            "n_offset" => self.negative_offset = whole()?,
            "counter_reset_hint" => {
                histogram.counter_reset = match value {
                    "unknown" => CounterReset::Unknown,
                    "reset" => CounterReset::Reset,
                    "not_reset" => CounterReset::NotReset,
                    "gauge" => CounterReset::Gauge,
                    _ => return Err(wrong()),
                };
                self.read.tells_reset = true;
            }
            _ => return Err(NotationError::Field(field.to_owned())),
        }
        Ok(())
    }

    fn finish(mut self) -> HistogramNotation {
        let span = |offset: i32, counts: &[f64]| {
            let length = u32::try_from(counts.len()).unwrap_or(u32::MAX);
            let some = length > 0;
            some.then_some(Span { offset, length }).into_iter()
        };
        let histogram = &mut self.read.histogram;
        histogram.positive_spans = span(self.offset, &histogram.positive_buckets).collect();
        histogram.negative_spans =
            span(self.negative_offset, &histogram.negative_buckets).collect();
        self.read
    }
}
