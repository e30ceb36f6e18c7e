//! The shape of a page: its lines in order, each with what it is known to be.
//!
//! A target's page has nearly the same lines in the same order each time. What stands before a
//! value (the comment lines above it too) is one text, and as long as the next page has the text
//! that is expected, one comparison tells which line it is and where its number begins. Nothing
//! else of it is looked at: a line of a page is read without any regard to the lines before it, so
//! equal bytes mean the same.

use std::ops::Range;
use std::sync::Arc;

use super::entry::Sample;
use super::line_number::line_number;

/// A text that stands before a value, and what the reader of pages knows about it.
#[derive(Debug)]
pub struct KnownLine<T> {
    /// From the end of the line with the sample before up to the value.
    text: Box<[u8]>,
    /// Where in the text the series ends.
    series_end: usize,
    series_start: usize,
    has_time: bool,
    /// Whether a number after the text is the value of this series whatever follows.
    ends_series: bool,
    what: T,
}

impl<T: Copy> KnownLine<T> {
    /// A line of which a sample was read.
    pub(super) fn new(found: &Unknown<'_>, what: T) -> Self {
        Self {
            text: found.text.into(),
            series_end: found.series.end,
            series_start: found.series.start,
            has_time: found.has_time,
            // A name that the number follows at once would be another name with other digits.
            ends_series: matches!(found.text.last(), Some(b' ' | b'\t' | b'}')),
            what,
        }
    }

    /// What the line is.
    pub fn what(&self) -> T {
        self.what
    }

    /// The series: metric name and labels.
    pub fn series(&self) -> &[u8] {
        let series = self.series_start..self.series_end;
        self.text.get(series).unwrap_or_default()
    }

    /// The comment lines above.
    pub fn comments(&self) -> &[u8] {
        self.text.get(..self.series_start).unwrap_or_default()
    }

    /// Whether its samples have a time of their own.
    pub fn has_time(&self) -> bool {
        self.has_time
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The text and where in it the series stands, where a number after the text is the series'
    /// value.
    pub(super) fn expected(&self) -> Option<(&[u8], Range<usize>)> {
        let series = self.series_start..self.series_end;
        self.ends_series.then_some((&*self.text, series))
    }

    /// The value of this line, where it and nothing else stands at the start of `page`, and the
    /// length of it all.
    #[inline]
    pub(super) fn quick(&self, page: &[u8]) -> Option<(f64, usize)> {
        let text = page.get(..self.text.len())?;
        if *text != *self.text {
            return None;
        }
        self.value(page)
    }

    /// As `quick`, where it is known that `page` starts with this line's text.
    #[inline]
    pub(super) fn value(&self, page: &[u8]) -> Option<(f64, usize)> {
        if self.has_time || !self.ends_series {
            return None;
        }
        let (value, length) = line_number(page.get(self.text.len()..)?)?;
        Some((value, self.text.len() + length + 1))
    }
}

/// A line that is not known yet.
#[derive(Clone, Debug)]
pub struct Unknown<'a> {
    /// From the end of the line with the sample before up to the value.
    pub(super) text: &'a [u8],
    /// Where in the text the series stands.
    pub(super) series: Range<usize>,
    pub(super) has_time: bool,
    /// Its sample.
    pub sample: Sample<'a>,
}

impl Unknown<'_> {
    /// Whether the sample has a time of its own that counts.
    pub fn has_time(&self) -> bool {
        self.has_time
    }
}

/// The lines of a page in order, and what the caller keeps with them.
#[derive(Debug)]
pub struct Shape<T, P> {
    pub(super) lines: Box<[Arc<KnownLine<T>>]>,
    /// What stands after the last sample: comments, the mark of the end.
    pub(super) tail: Box<[u8]>,
    pub(super) kept: P,
}

impl<T: Copy, P> Shape<T, P> {
    /// The lines.
    pub fn lines(&self) -> &[Arc<KnownLine<T>>] {
        &self.lines
    }

    /// What stands after the last sample.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// What the caller keeps with the shape.
    pub fn kept(&self) -> &P {
        &self.kept
    }

    /// Gives the values of a page for as long as it has the lines of the shape and none of them is
    /// out of the ordinary. Gives how many lines these are and how many bytes.
    #[inline]
    pub fn read(&self, page: &[u8], mut each: impl FnMut(T, f64)) -> (usize, usize) {
        let mut at = 0;
        for (lines, line) in self.lines.iter().enumerate() {
            let rest = page.get(at..).unwrap_or_default();
            let Some((value, length)) = line.quick(rest) else {
                return (lines, at);
            };
            each(line.what, value);
            at += length;
        }
        (self.lines.len(), at)
    }

    /// Whether a page of which all lines were read ends as the shape does.
    pub fn ends_with(&self, lines: usize, rest: &[u8]) -> bool {
        lines == self.lines.len() && *rest == *self.tail
    }
}
