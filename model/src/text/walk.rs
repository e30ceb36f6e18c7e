//! A walk over a page beside the shape of an earlier one: where they differ, and until they agree
//! again.

use std::sync::Arc;

use super::entry::{Entry, Format, Sample};
use super::error::ParseError;
use super::parse::Parser;
use super::shape::{KnownLine, Unknown};
use super::shapes::Shapes;

/// So many lines ahead the place where the page goes on is looked for without a limit in total.
const NEAR: usize = 16;

/// Reads a page line by line beside the lines of an earlier one.
#[derive(Debug)]
pub struct Walk<'a, 's, T> {
    parser: Parser<'a>,
    page: &'a [u8],
    lines: &'s [Arc<KnownLine<T>>],
    /// The line that is expected next.
    at: usize,
    /// Whether times on the page count.
    times: bool,
    /// Where what belongs to the next line begins.
    start: usize,
    /// How many lines may yet be compared to find where the page goes on.
    search: usize,
}

/// A line of the page.
#[derive(Debug)]
pub enum Step<'a, T> {
    /// A known one with its value and nothing else.
    Value(Arc<KnownLine<T>>, f64),
    /// A known one.
    Known(Arc<KnownLine<T>>, Sample<'a>),
    /// One that is to be learnt.
    New(Unknown<'a>),
}

impl<'a, 's, T: Copy> Walk<'a, 's, T> {
    /// A walk over a page from the byte `from` on, which is the beginning of a line, where the page
    /// is expected to go on with `lines`. `times` says whether the times on the page count.
    pub fn new(
        (format, times): (Format, bool),
        (page, from): (&'a [u8], usize),
        lines: &'s [Arc<KnownLine<T>>],
    ) -> Self {
        Self {
            parser: Parser::from(format, page, from),
            page,
            lines,
            at: 0,
            times,
            start: from,
            search: 8 * lines.len(),
        }
    }

    /// The next line with a sample. `shapes` knows the lines.
    pub fn step<P>(&mut self, shapes: &Shapes<T, P>) -> Option<Result<Step<'a, T>, ParseError>> {
        if let Some(step) = self.expected().or_else(|| self.moved(shapes)) {
            return Some(Ok(step));
        }
        let sample = loop {
            match self.parser.next()? {
                Ok(Entry::Sample(sample)) => break sample,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        };
        let unknown = self.unknown(sample);
        Some(Ok(match shapes.find(&unknown) {
            None => Step::New(unknown),
            Some(line) => {
                self.resume_after(line);
                Step::Known(Arc::clone(line), unknown.sample)
            }
        }))
    }

    /// The line that is expected here.
    fn expected(&mut self) -> Option<Step<'a, T>> {
        let line = self.lines.get(self.at)?;
        if let Some((value, length)) = line.quick(self.rest()) {
            self.at += 1;
            self.pass(length);
            return Some(Step::Value(Arc::clone(line), value));
        }
        let (text, series) = line.expected()?;
        let sample = self.parser.sample_of(text, series)?;
        if self.has_time(&sample) != line.has_time() {
            self.parser = Parser::from(self.parser.format(), self.page, self.start);
            return None;
        }
        self.at += 1;
        self.start = self.parser.offset();
        Some(Step::Known(Arc::clone(line), sample))
    }

    /// A known line that is not expected here, if it has a value and nothing else: its text goes up
    /// to the last blank of the first line that is no comment. What that guess finds is right,
    /// because a known text with a number after it can be nothing else.
    fn moved<P>(&mut self, shapes: &Shapes<T, P>) -> Option<Step<'a, T>> {
        let rest = self.rest();
        let mut start = 0;
        while rest.get(start) == Some(&b'#') {
            start += memchr::memchr(b'\n', rest.get(start..)?)? + 1;
        }
        let line = rest.get(start..)?;
        let line = line.get(..memchr::memchr(b'\n', line)?)?;
        let blank = memchr::memrchr(b' ', line)?;
        let known = shapes.find_text(rest.get(..=start + blank)?)?;
        let (value, length) = known.value(rest)?;
        self.resume_after(known);
        self.pass(length);
        Some(Step::Value(Arc::clone(known), value))
    }

    fn rest(&self) -> &'a [u8] {
        self.page.get(self.start..).unwrap_or_default()
    }

    fn pass(&mut self, length: usize) {
        self.parser.advance(length);
        self.start += length;
    }

    fn has_time(&self, sample: &Sample<'_>) -> bool {
        self.times && sample.timestamp_ms.is_some()
    }

    fn unknown(&mut self, sample: Sample<'a>) -> Unknown<'a> {
        let end = sample.page.len();
        let after = self.page.get(end..).unwrap_or_default();
        let blanks = after.iter().take_while(|c| matches!(c, b' ' | b'\t'));
        let text_end = end + blanks.count();
        let start = std::mem::replace(&mut self.start, self.parser.offset());
        Unknown {
            text: self.page.get(start..text_end).unwrap_or_default(),
            series: end - sample.series.len() - start..end - start,
            has_time: self.has_time(&sample),
            sample,
        }
    }

    /// After a line that stood elsewhere the page is likely to go on as it did after that line: true
    /// for lines that were left out or put in.
    fn resume_after(&mut self, line: &Arc<KnownLine<T>>) {
        let ahead = self.lines.get(self.at..).unwrap_or_default();
        let reach = ahead.len().min(NEAR + self.search);
        let found = ahead
            .iter()
            .take(reach)
            .position(|have| Arc::ptr_eq(have, line));
        let far = found.unwrap_or(reach).saturating_sub(NEAR);
        self.search = self.search.saturating_sub(far);
        if let Some(distance) = found {
            self.at += distance + 1;
        }
    }

    /// What stands after the last sample, once the walk has ended.
    pub fn tail(&self) -> &'a [u8] {
        self.rest()
    }
}
