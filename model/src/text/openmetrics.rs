//! What OpenMetrics 1.0 does differently from text format 0.0.4: exactly one blank between the
//! parts of a line, no blank lines, times in seconds, units, exemplars, and `# EOF` at the end, by
//! which a page that was cut off is told from a whole one.
//!
//! Source: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use crate::MetricType;

use super::error::Fault;
use super::lex::{Cursor, unescape};
use super::number::parse_number;
use super::{Entry, Exemplar, Format, Parser, Sample};

impl<'a> Parser<'a> {
    pub(super) fn openmetrics_entry(&mut self) -> Result<Option<Entry<'a>>, Fault> {
        match self.cursor.peek() {
            None => Err(self.cursor.fault("`# EOF` at the end of the page")),
            Some(b'#') => self.openmetrics_comment(),
            Some(_) => self.series_line().map(Some),
        }
    }

    fn openmetrics_comment(&mut self) -> Result<Option<Entry<'a>>, Fault> {
        let cursor = &mut self.cursor;
        let start = *cursor;
        if cursor.eat_all(b"# EOF") {
            cursor.eat(b'\n');
            return if cursor.is_at_end() {
                Ok(None)
            } else {
                Err(cursor.fault("nothing after `# EOF`"))
            };
        }
        let entry = if cursor.eat_all(b"# HELP ") {
            let name = self.metadata_name()?;
            let help = self.openmetrics_text()?;
            let help = unescape(help, true);
            Entry::Help { name, help }
        } else if cursor.eat_all(b"# TYPE ") {
            let name = self.metadata_name()?;
            let place = self.cursor;
            let metric_type = MetricType::from_openmetrics(self.openmetrics_text()?)
                .ok_or_else(|| place.fault("a type of OpenMetrics"))?;
            Entry::Type { name, metric_type }
        } else if cursor.eat_all(b"# UNIT ") {
            let name = self.metadata_name()?;
            let place = self.cursor;
            let unit = self.openmetrics_text()?;
            let ends_name = name
                .strip_suffix(unit)
                .is_some_and(|before| before.ends_with('_'));
            if !unit.is_empty() && !ends_name {
                return Err(place.fault("a unit that is the end of the metric's name"));
            }
            Entry::Unit { name, unit }
        } else {
            return Err(start.fault("`# HELP`, `# TYPE`, `# UNIT` or `# EOF`"));
        };
        Ok(Some(entry))
    }

    /// What stands after the metric's name and a blank, up to the end of the line.
    fn openmetrics_text(&mut self) -> Result<&'a str, Fault> {
        let cursor = &mut self.cursor;
        if !cursor.eat(b' ') {
            return Err(cursor.fault("a blank after the metric name"));
        }
        let start = *cursor;
        let text = cursor.line();
        if !cursor.eat(b'\n') {
            return Err(cursor.fault("the end of the line"));
        }
        std::str::from_utf8(text).map_err(|_| start.fault("a text in UTF-8"))
    }
}

/// The rest of a line with a sample, after the series.
pub(super) fn sample<'a>(cursor: &mut Cursor<'a>, series: &'a [u8]) -> Result<Sample<'a>, Fault> {
    let page = cursor.before();
    let value = number(cursor, "a value")?;
    let mut timestamp_ms = None;
    if cursor.peek() == Some(b' ') && !cursor.rest().starts_with(EXEMPLAR) {
        timestamp_ms = Some(time(cursor)?);
    }
    let mut exemplar = None;
    if cursor.eat_all(EXEMPLAR) {
        exemplar = Some(read_exemplar(cursor)?);
    }
    if !cursor.eat(b'\n') {
        return Err(cursor.fault("the end of the line"));
    }
    Ok(Sample {
        series,
        value,
        timestamp_ms,
        exemplar,
        page,
    })
}

const EXEMPLAR: &[u8] = b" # {";

/// An exemplar from after its opening brace.
fn read_exemplar<'a>(cursor: &mut Cursor<'a>) -> Result<Exemplar<'a>, Fault> {
    let start = cursor.at - 1;
    cursor.labels(Format::OpenMetrics, false, &mut |_| Ok(()))?;
    let labels = cursor.since(start);
    let page = cursor.before();
    let value = number(cursor, "the exemplar's value")?;
    let timestamp_ms = match cursor.peek() {
        Some(b' ') => Some(time(cursor)?),
        _ => None,
    };
    Ok(Exemplar {
        labels,
        value,
        timestamp_ms,
        page,
    })
}

/// A blank and a number.
fn number(cursor: &mut Cursor<'_>, expected: &'static str) -> Result<f64, Fault> {
    if !cursor.eat(b' ') {
        return Err(cursor.fault("one blank before the value"));
    }
    let start = *cursor;
    parse_number(cursor.take_while(|c| c != b' ' && c != b'\n'))
        .ok_or_else(|| start.fault(expected))
}

/// A blank and a time in seconds, as milliseconds.
fn time(cursor: &mut Cursor<'_>) -> Result<i64, Fault> {
    const EXPECTED: &str = "a time in seconds";
    let mut start = *cursor;
    start.at += 1;
    let millis = number(cursor, EXPECTED)? * 1_000.0;
    // The range in which milliseconds are exact, which no time leaves.
    if millis.abs() < 9_007_199_254_740_992.0 {
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        let millis = millis as i64;
        Ok(millis)
    } else {
        Err(start.fault(EXPECTED))
    }
}
