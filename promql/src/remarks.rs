//! What is said about histograms, in Prometheus's words (`util/annotations`).

/// What histograms are put together by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Addition,
    Subtraction,
    Aggregation,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Addition => "addition",
            Self::Subtraction => "subtraction",
            Self::Aggregation => "aggregation",
        }
    }
}

pub(crate) fn mixed_samples(metric: &str) -> String {
    format!("encountered a mix of histograms and floats for metric name {metric:?}")
}

pub(crate) const MIXED_IN_AGGREGATION: &str =
    "encountered a mix of histograms and floats for aggregation";

pub(crate) fn mixed_buckets(metric: &str) -> String {
    format!(
        "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {metric:?}"
    )
}

pub(crate) fn not_counter(metric: &str) -> String {
    format!("this native histogram metric is not a counter: {metric:?}")
}

pub(crate) fn not_gauge(metric: &str) -> String {
    format!("this native histogram metric is not a gauge: {metric:?}")
}

pub(crate) fn ignored_in_range(metric: &str) -> String {
    format!(
        "ignored histograms in a range containing both floats and histograms for metric name {metric:?}"
    )
}

pub(crate) fn ignored_in(aggregation: &str) -> String {
    format!("ignored histogram in {aggregation} aggregation")
}

pub(crate) fn incompatible_types(lhs: &str, operator: &str, rhs: &str) -> String {
    format!(
        "incompatible sample types encountered for binary operator {operator:?}: {lhs} {operator} {rhs}"
    )
}

pub(crate) fn incompatible_buckets(operator: &str) -> String {
    format!("incompatible bucket layout encountered for binary operator {operator}")
}

pub(crate) fn reset_collision(operation: Operation) -> String {
    format!(
        "conflicting counter resets during histogram {}",
        operation.name()
    )
}

pub(crate) fn bounds_differ(operation: Operation) -> String {
    format!(
        "mismatched custom buckets were reconciled during {}",
        operation.name()
    )
}

pub(crate) const CLASSIC_AND_NATIVE: &str =
    "vector contains a mix of classic and native histograms";
pub(crate) const NAN_RESULT: &str =
    "input to histogram_quantile has NaN observations, result is NaN";
pub(crate) const NAN_SKEW: &str =
    "input to histogram_quantile has NaN observations, result is skewed higher";
pub(crate) const NAN_FRACTION: &str =
    "input to histogram_fraction has NaN observations, which are excluded from all fractions";

/// A remark that ends with the name of the metric, where there is one.
pub(crate) fn with_metric(remark: &str, metric: &str) -> String {
    if metric.is_empty() {
        return remark.to_owned();
    }
    format!("{remark} for metric name {metric:?}")
}
