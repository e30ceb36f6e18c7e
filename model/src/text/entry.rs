//! What stands on a page.

use std::borrow::Cow;

use crate::{LabelsBuilder, METRIC_NAME, MetricType};

use super::error::ParseError;
use super::lex::{Cursor, Part};

/// The format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus's text format 0.0.4.
    Text,
    /// OpenMetrics 1.0 text.
    OpenMetrics,
}

impl Format {
    /// The format that an HTTP `Content-Type` names, if it is one of ours.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("text/plain") {
            Some(Self::Text)
        } else if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Some(Self::OpenMetrics)
        } else {
            None
        }
    }
}

/// One line of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    /// `# HELP name text`
    Help {
        /// The metric.
        name: Cow<'a, str>,
        /// What it is.
        help: Cow<'a, str>,
    },
    /// `# TYPE name type`
    Type {
        /// The metric.
        name: Cow<'a, str>,
        /// Its kind.
        metric_type: MetricType,
    },
    /// `# UNIT name unit`, in OpenMetrics only.
    Unit {
        /// The metric.
        name: Cow<'a, str>,
        /// Its unit.
        unit: &'a str,
    },
    /// A comment, from its `#` on; in text format 0.0.4 only.
    Comment(&'a [u8]),
    /// A sample.
    Sample(Sample<'a>),
}

/// One sample as it stands on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The text before the value: metric name and labels.
    pub series: &'a [u8],
    /// The value; every NaN is the normal one.
    pub value: f64,
    /// The sample's own time, in milliseconds.
    pub timestamp_ms: Option<i64>,
    /// An example of what the sample counts, in OpenMetrics only.
    pub exemplar: Option<Exemplar<'a>>,
    /// The page up to the end of the series.
    pub(super) page: &'a [u8],
}

/// An example of what a sample counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar<'a> {
    /// Its labels, with their braces.
    pub labels: &'a [u8],
    /// Its value.
    pub value: f64,
    /// Its time, in milliseconds.
    pub timestamp_ms: Option<i64>,
    /// The page up to the end of the labels.
    pub(super) page: &'a [u8],
}

impl Sample<'_> {
    /// Adds the series' labels, with the metric name as `__name__`. A label that stands twice is
    /// refused.
    pub fn labels_into(&self, labels: &mut LabelsBuilder) -> Result<(), ParseError> {
        let mut names: Vec<Cow<'_, str>> = Vec::new();
        let mut cursor = Cursor::new(self.page);
        cursor.at = self.page.len() - self.series.len();
        cursor
            .series(Format::Text, |part| add_part(part, &mut names, labels))
            .map_err(|fault| fault.locate(self.page))
    }

    /// Whether the page gives this label an empty value. The series is without the label either way;
    /// where the page's labels are honored this says that it is to stay so.
    pub fn has_empty(&self, wanted: &str) -> bool {
        let mut cursor = Cursor::new(self.page);
        cursor.at = self.page.len() - self.series.len();
        let mut found = false;
        let read = cursor.series(Format::Text, |part| {
            if let Part::Label(name, value) = part {
                let is_empty = value.text().is_some_and(|value| value.is_empty());
                found |= is_empty && name.text().is_some_and(|name| name == wanted);
            }
            Ok(())
        });
        read.is_ok() && found
    }

    /// The line that the sample begins at, counted from 1.
    pub fn line(&self) -> usize {
        let before = self.page.len() - self.series.len();
        let before = self.page.get(..before).unwrap_or_default();
        1 + memchr::memchr_iter(b'\n', before).count()
    }
}

impl Exemplar<'_> {
    /// Adds the exemplar's labels.
    pub fn labels_into(&self, labels: &mut LabelsBuilder) -> Result<(), ParseError> {
        let mut names: Vec<Cow<'_, str>> = Vec::new();
        let mut cursor = Cursor::new(self.page);
        cursor.at = self.page.len() - self.labels.len();
        cursor.eat(b'{');
        cursor
            .labels(Format::OpenMetrics, false, &mut |part| {
                add_part(part, &mut names, labels)
            })
            .map(drop)
            .map_err(|fault| fault.locate(self.page))
    }
}

fn add_part<'a>(
    part: Part<'a>,
    names: &mut Vec<Cow<'a, str>>,
    labels: &mut LabelsBuilder,
) -> Result<(), &'static str> {
    let (name, value) = match part {
        Part::MetricName(name) => (Some(METRIC_NAME.into()), name.text()),
        Part::Label(name, value) => (name.text(), value.text()),
    };
    let (Some(name), Some(value)) = (name, value) else {
        return Err("a name in UTF-8");
    };
    if name.is_empty() || (name == METRIC_NAME && value.is_empty()) {
        return Err("a name that is not empty");
    }
    if value.is_empty() {
        return Ok(());
    }
    if names.contains(&name) {
        return Err("each label once");
    }
    labels.set(&name, &value);
    names.push(name);
    Ok(())
}
