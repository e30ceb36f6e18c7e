//! Reads a page line by line: text format 0.0.4 here, what OpenMetrics does differently in
//! [`super::openmetrics`].
//!
//! What is accepted and refused is what Prometheus's parsers accept and refuse. A sample's series
//! stays text until its labels are asked for, so that a page whose series are known costs one
//! comparison and one number a line ([`Parser::next_like`]).
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::borrow::Cow;

use crate::MetricType;

use super::entry::{Entry, Format, Sample};
use super::error::{Fault, ParseError};
use super::lex::{Cursor, Raw, unescape};
use super::number::{parse_exact, parse_number};
use super::openmetrics;

/// Reads a page. After an error it ends.
///
/// ```
/// use watchpost_model::LabelsBuilder;
/// use watchpost_model::text::{Entry, Format, Parser};
///
/// let page = b"# TYPE up gauge\nup{job=\"node\"} 1\n";
/// let mut labels = LabelsBuilder::default();
/// for entry in Parser::new(Format::Text, page) {
///     if let Entry::Sample(sample) = entry? {
///         sample.labels_into(&mut labels)?;
///         assert_eq!(labels.get("__name__"), "up");
///         assert_eq!(sample.value, 1.0);
///     }
/// }
/// # Ok::<(), watchpost_model::text::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    format: Format,
    ended: bool,
}

impl<'a> Parser<'a> {
    /// A parser at the top of a page.
    pub fn new(format: Format, page: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(page),
            format,
            ended: page.is_empty(),
        }
    }

    /// A parser within a page, at the beginning of a line.
    pub(super) fn from(format: Format, page: &'a [u8], at: usize) -> Self {
        let mut parser = Self::new(format, page);
        parser.cursor.at = at;
        parser
    }

    /// The format that it reads.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// The sample that comes next, where `text`, in which its series has the given place, stands
    /// here and an ordinary line goes on with it. Where it gives nothing, nothing is read.
    pub(super) fn sample_of(
        &mut self,
        text: &[u8],
        place: std::ops::Range<usize>,
    ) -> Option<Sample<'a>> {
        if self.ended || !self.cursor.rest().starts_with(text) {
            return None;
        }
        let start = self.cursor.at;
        let end = start + place.end;
        let series = self.cursor.text.get(start + place.start..end)?;
        self.cursor.at = end;
        let sample = self.rest_of_sample(series);
        if sample.is_none() {
            self.cursor.at = start;
        }
        sample
    }

    /// Passes over bytes.
    pub(super) fn advance(&mut self, length: usize) {
        self.cursor.at += length;
    }

    /// How many bytes have been read: the page up to the end of the last entry's line.
    pub fn offset(&self) -> usize {
        self.cursor.at
    }

    /// The next entry, where a sample of the series `expected` is likely to come: if it does, its
    /// text is only compared. `expected` is the series text of an earlier sample of this format.
    pub fn next_like(&mut self, expected: &[u8]) -> Option<Result<Entry<'a>, ParseError>> {
        let start = self.cursor.at;
        let likely = !self.ended && !expected.is_empty() && self.cursor.eat_all(expected);
        if likely && let Some(entry) = self.likely_sample(start) {
            return Some(Ok(entry));
        }
        self.cursor.at = start;
        self.next()
    }

    /// The sample whose series was just passed over; nothing where the text goes on otherwise, or
    /// is faulty.
    #[inline]
    fn likely_sample(&mut self, start: usize) -> Option<Entry<'a>> {
        let series = self.cursor.since(start);
        if let Some(value) = self.plain_value() {
            let page = self.cursor.text.get(..start + series.len())?;
            return Some(Entry::Sample(Sample {
                series,
                value,
                timestamp_ms: None,
                exemplar: None,
                page,
            }));
        }
        self.rest_of_sample(series).map(Entry::Sample)
    }

    /// The sample whose series ends here; nothing where the text goes on otherwise, or is faulty.
    fn rest_of_sample(&mut self, series: &'a [u8]) -> Option<Sample<'a>> {
        let ends = match self.format {
            Format::Text => {
                let mut ahead = self.cursor;
                ahead.skip_blanks() && ahead.peek() != Some(b'{')
            }
            Format::OpenMetrics => self.cursor.peek() == Some(b' '),
        };
        if !ends {
            return None;
        }
        self.sample(series).ok()
    }

    /// Most lines in both formats: one blank, a number, the end of the line.
    #[inline]
    fn plain_value(&mut self) -> Option<f64> {
        let (blank, rest) = self.cursor.rest().split_first()?;
        if *blank != b' ' {
            return None;
        }
        let (value, length) = parse_exact(rest)?;
        if rest.get(length) != Some(&b'\n') {
            return None;
        }
        self.cursor.at += length + 2;
        Some(value)
    }

    fn entry(&mut self) -> Result<Option<Entry<'a>>, Fault> {
        match self.format {
            Format::Text => self.text_entry(),
            Format::OpenMetrics => self.openmetrics_entry(),
        }
    }

    fn text_entry(&mut self) -> Result<Option<Entry<'a>>, Fault> {
        loop {
            self.cursor.skip_blanks();
            match self.cursor.peek() {
                None => return Ok(None),
                Some(b'\n') => self.cursor.at += 1,
                Some(b'#') => return self.comment().map(Some),
                Some(_) => return self.series_line().map(Some),
            }
        }
    }

    /// A line with a sample.
    pub(super) fn series_line(&mut self) -> Result<Entry<'a>, Fault> {
        let start = self.cursor.at;
        self.cursor.series(self.format, |_| Ok(()))?;
        let series = self.cursor.since(start);
        self.sample(series).map(Entry::Sample)
    }

    /// The rest of a line with a sample: value, time, exemplar.
    fn sample(&mut self, series: &'a [u8]) -> Result<Sample<'a>, Fault> {
        if self.format == Format::OpenMetrics {
            return openmetrics::sample(&mut self.cursor, series);
        }
        let page = self.cursor.before();
        self.cursor.skip_blanks();
        let value = self.value(|c| !matches!(c, b'{' | b' ' | b'\t' | b'\n'))?;
        self.cursor.skip_blanks();
        let timestamp_ms = self.timestamp()?;
        self.end_of_line()?;
        Ok(Sample {
            series,
            value,
            timestamp_ms,
            exemplar: None,
            page,
        })
    }

    fn value(&mut self, accept: impl Fn(u8) -> bool) -> Result<f64, Fault> {
        let start = self.cursor;
        parse_number(self.cursor.take_while(accept)).ok_or_else(|| start.fault("a value"))
    }

    fn timestamp(&mut self) -> Result<Option<i64>, Fault> {
        let start = self.cursor;
        let digits = self.cursor.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return Ok(None);
        }
        std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .map(Some)
            .ok_or_else(|| start.fault("a time in milliseconds"))
    }

    /// The end of the line, or of the page.
    fn end_of_line(&mut self) -> Result<(), Fault> {
        if self.cursor.eat(b'\n') || self.cursor.is_at_end() {
            Ok(())
        } else {
            Err(self.cursor.fault("the end of the line"))
        }
    }

    /// A line that starts with `#`.
    fn comment(&mut self) -> Result<Entry<'a>, Fault> {
        let start = self.cursor.at;
        self.cursor.at += 1;
        let entry = match self.keyword() {
            Some(Keyword::Help) => {
                let name = self.metadata_name()?;
                let text = self.metadata_text();
                let help = std::str::from_utf8(text)
                    .map_err(|_| self.cursor.fault("a help text in UTF-8"))?;
                let help = unescape(help, false);
                Entry::Help { name, help }
            }
            Some(Keyword::Type) => {
                let name = self.metadata_name()?;
                let place = self.cursor;
                let metric_type = text_type(self.metadata_text()).ok_or_else(|| {
                    place.fault("a type: counter, gauge, histogram, summary or untyped")
                })?;
                Entry::Type { name, metric_type }
            }
            None => {
                self.cursor.line();
                Entry::Comment(self.cursor.since(start))
            }
        };
        self.end_of_line()?;
        Ok(entry)
    }

    /// The keyword after `#`, with the blanks around it.
    fn keyword(&mut self) -> Option<Keyword> {
        if !self.cursor.skip_blanks() {
            return None;
        }
        let keyword = if self.cursor.eat_all(b"HELP") {
            Keyword::Help
        } else if self.cursor.eat_all(b"TYPE") {
            Keyword::Type
        } else {
            return None;
        };
        self.cursor.skip_blanks().then_some(keyword)
    }

    pub(super) fn metadata_name(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.cursor;
        self.cursor
            .metadata_name(self.format)
            .map(Raw::text)?
            .ok_or_else(|| start.fault("a metric name in UTF-8"))
    }

    /// What stands after the metric's name, without the one byte between them.
    fn metadata_text(&mut self) -> &'a [u8] {
        let text = self.cursor.line();
        text.get(1..).unwrap_or_default()
    }
}

impl<'a> Iterator for Parser<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entry().transpose()?;
        Some(entry.map_err(|fault| {
            self.ended = true;
            fault.locate(self.cursor.text)
        }))
    }
}

/// The comments that say something of a metric.
#[derive(Clone, Copy, Debug)]
enum Keyword {
    Help,
    Type,
}

fn text_type(name: &[u8]) -> Option<MetricType> {
    match name {
        b"counter" => Some(MetricType::Counter),
        b"gauge" => Some(MetricType::Gauge),
        b"histogram" => Some(MetricType::Histogram),
        b"summary" => Some(MetricType::Summary),
        b"untyped" => Some(MetricType::Unknown),
        _ => None,
    }
}
