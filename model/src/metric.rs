//! What is known about a metric besides its samples.

use std::fmt;

/// The kind of a metric, as exposition text names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// Only goes up, or starts again at zero.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, sum and count of observations.
    Histogram,
    /// Buckets whose counts can go down.
    GaugeHistogram,
    /// Quantiles, sum and count of observations.
    Summary,
    /// Always 1; what it says is in its labels.
    Info,
    /// One series a state, 1 for those that hold.
    StateSet,
    /// Not stated.
    #[default]
    Unknown,
}

impl MetricType {
    /// The type's name in OpenMetrics and in Prometheus's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }

    /// The type of a name in OpenMetrics.
    pub fn from_openmetrics(name: &str) -> Option<Self> {
        Some(match name {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            "unknown" => Self::Unknown,
            _ => return None,
        })
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a page says of a metric besides its samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// The kind.
    pub metric_type: MetricType,
    /// One sentence for people.
    pub help: String,
    /// The base unit, empty where none is stated.
    pub unit: String,
}
