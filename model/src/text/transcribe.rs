//! From OpenMetrics to text format 0.0.4, for pages that a library writes in OpenMetrics only.
//!
//! The formats differ in what a family is called: OpenMetrics says `# TYPE requests counter` above
//! `requests_total`, 0.0.4 says `# TYPE requests_total counter`. Types that 0.0.4 does not have
//! become `gauge` (info, state set) or `untyped`; times become milliseconds; units, exemplars and
//! `# EOF` are left out.

use std::borrow::Cow;
use std::io::Write;

use crate::{MetricType, is_metric_name};

use super::write::{escape, type_name};
use super::{Entry, Format, ParseError, Parser, Sample, write_number};

/// An OpenMetrics page as text format 0.0.4.
pub fn transcribe(openmetrics: &[u8]) -> Result<Vec<u8>, ParseError> {
    let mut page = Transcript {
        out: Vec::with_capacity(openmetrics.len()),
        family: Family::default(),
    };
    for entry in Parser::new(Format::OpenMetrics, openmetrics) {
        match entry? {
            Entry::Help { name, help } => page.of_family(name).help = Some(help),
            Entry::Type { name, metric_type } => {
                page.of_family(name).metric_type = Some(metric_type);
            }
            Entry::Sample(sample) => page.sample(&sample),
            Entry::Unit { .. } | Entry::Comment(_) => {}
        }
    }
    page.end_metadata();
    Ok(page.out)
}

struct Transcript<'a> {
    out: Vec<u8>,
    family: Family<'a>,
}

/// What was said of a family and is not written yet: its name there depends on its type.
#[derive(Default)]
struct Family<'a> {
    name: Cow<'a, str>,
    help: Option<Cow<'a, str>>,
    metric_type: Option<MetricType>,
}

impl<'a> Transcript<'a> {
    /// The family of this name; what is left of another one is written first.
    fn of_family(&mut self, name: Cow<'a, str>) -> &mut Family<'a> {
        if self.family.name != name {
            self.end_metadata();
            self.family.name = name;
        }
        &mut self.family
    }

    fn end_metadata(&mut self) {
        let family = std::mem::take(&mut self.family);
        let metric_type = family.metric_type.unwrap_or_default();
        let suffix = match metric_type {
            MetricType::Counter if !family.name.ends_with("_total") => "_total",
            MetricType::Info if !family.name.ends_with("_info") => "_info",
            _ => "",
        };
        if let Some(help) = &family.help {
            self.metadata("HELP", &family.name, suffix);
            escape(&mut self.out, help.as_bytes(), false);
            self.out.push(b'\n');
        }
        if family.metric_type.is_some() {
            self.metadata("TYPE", &family.name, suffix);
            self.out
                .extend_from_slice(type_name(metric_type).as_bytes());
            self.out.push(b'\n');
        }
    }

    /// `# TYPE name `
    fn metadata(&mut self, keyword: &str, name: &str, suffix: &str) {
        let quote: &[u8] = if is_metric_name(name) { b"" } else { b"\"" };
        for part in [b"# ", keyword.as_bytes(), b" ", quote] {
            self.out.extend_from_slice(part);
        }
        escape(&mut self.out, name.as_bytes(), true);
        for part in [suffix.as_bytes(), quote, b" "] {
            self.out.extend_from_slice(part);
        }
    }

    fn sample(&mut self, sample: &Sample<'_>) {
        self.end_metadata();
        self.out.extend_from_slice(sample.series);
        self.out.push(b' ');
        write_number(&mut self.out, sample.value);
        if let Some(time) = sample.timestamp_ms {
            let written = write!(self.out, " {time}");
            debug_assert!(written.is_ok(), "a Vec takes every write");
        }
        self.out.push(b'\n');
    }
}
