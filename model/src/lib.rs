//! The words all parts of Watchpost share. No I/O, no clock, no async.
//!
//! # Glossary
//!
//! | word | meaning |
//! |---|---|
//! | *target* | one HTTP endpoint that is scraped; it has the labels `job` and `instance` |
//! | *scrape* | one fetch of a target's page, and what came of it |
//! | *sample* | one value at one time (milliseconds since the Unix epoch, UTC) |
//! | *series* | the samples that share one label set |
//! | *label* | a name and a value; an empty value is the same as no label |
//! | *matcher* | a test on the value of one label |
//! | *line* | one series as it stands on a target's page, without the target's own labels |
//! | *group* | series that are written together and share their times: a target, a rule group |
//! | *native histogram* | a sample that is a whole distribution: counts in buckets ([`histogram`]) |
//! | *rule* | an expression that is evaluated on a schedule |
//! | *alert* | one series of an alert rule's result, with a state |
//! | *receiver* | where notices go |
//! | *silence* | a stated wish not to be told about some alerts for a while |

pub mod config;
mod duration;
pub mod histogram;
mod kahan;
mod labels;
mod matcher;
mod metric;
mod regex;
mod sample;
pub mod text;

pub use duration::{Duration, DurationError};
pub use histogram::{FloatHistogram, Histogram};
pub use kahan::Kahan;
pub use labels::{LabelIter, Labels, LabelsBuilder, METRIC_NAME, is_label_name, is_metric_name};
pub use matcher::{MatchOp, Matcher};
pub use metric::{Metadata, MetricType};
pub use regex::{Regex, RegexError};
pub use sample::{
    ABSENT_NAN_BITS, NORMAL_NAN_BITS, STALE_NAN_BITS, absent_nan, format_value, is_absent,
    is_stale, stale_nan,
};
