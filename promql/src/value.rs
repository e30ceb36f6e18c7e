//! What a query gives.

use std::sync::Arc;

use watchpost_model::{FloatHistogram, Labels};

use crate::counts::SampleCounts;

/// A query's value with what the engine has to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// What may be wrong with the value.
    pub warnings: Vec<String>,
    /// What the author may want to know.
    pub infos: Vec<String>,
    /// The most samples that the query held at once.
    pub peak_samples: usize,
    /// The samples that the query loaded.
    pub samples: SampleCounts,
}

/// A value of PromQL.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One number at a time (ms).
    Scalar {
        /// When, ms.
        time_ms: i64,
        /// The number.
        value: f64,
    },
    /// A text at a time (ms).
    String {
        /// When, ms.
        time_ms: i64,
        /// The text.
        value: String,
    },
    /// Series with one sample each.
    Vector(Vec<InstantSample>),
    /// Series with many samples each.
    Matrix(Vec<RangeSeries>),
}

/// A series with one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct InstantSample {
    /// Its labels.
    pub labels: Labels,
    /// When, ms.
    pub time_ms: i64,
    /// The value; 0 where it is a histogram.
    pub value: f64,
    /// The histogram, where it is one.
    pub histogram: Option<Arc<FloatHistogram>>,
}

/// A series with samples in time order.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeSeries {
    /// Its labels.
    pub labels: Labels,
    /// Time (ms) and value.
    pub points: Vec<(i64, f64)>,
    /// Time (ms) and histogram of those samples that are one.
    pub histograms: Vec<(i64, Arc<FloatHistogram>)>,
}
