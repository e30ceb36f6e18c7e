//! Reads a page into the values of a row.
//!
//! Lines that stand where they stood on the target's last page cost a comparison and a number.
//! Others are looked up by their text, and only a text that no target of the class had before is
//! read as labels.

use std::sync::Arc;

use foldhash::HashSet;
use watchpost_model::text::{Format, Sample, Step, Walk};
use watchpost_model::{Labels, LabelsBuilder, METRIC_NAME};
use watchpost_tsdb::{Db, LineId};

use super::class::{Class, Line, Lines, PageLayout, PageLine, PageShape};
use super::ingest::IngestError;
use super::labels::{Conflict, add_target_labels};
use super::pool::Settings;
use super::{metadata, relabel};

/// What the pages of a target are read with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) db: &'a Db,
    pub(super) target: &'a Labels,
    pub(super) settings: &'a Settings,
    pub(super) class: &'a Class,
    /// The lines that stand first in each row.
    pub(super) report: &'a [LineId],
    /// Whether the store keeps exemplars.
    pub(super) exemplars: bool,
}

/// What a page gave besides the values of its row.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) shape: Arc<PageShape>,
    /// Series that the page before did not have.
    pub(super) added: usize,
    pub(super) timed: Vec<Timed>,
    pub(super) exemplars: Vec<Example>,
}

/// An exemplar of a series.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) series: Labels,
    pub(super) labels: Labels,
    pub(super) value: f64,
    /// Its own time, where it has one.
    pub(super) time_ms: Option<i64>,
}

/// A sample with a time of its own.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) labels: Labels,
    pub(super) time_ms: i64,
    pub(super) value: f64,
}

/// What came of reading.
#[derive(Debug)]
pub(super) enum Read {
    Page(Page),
    /// A line depends on the values of the target's labels: the target needs a class of its own.
    NeedsOwnClass,
}

impl Reader<'_> {
    /// Reads a page. Its values follow those of the report in `row`. `before` is the shape of the
    /// page before.
    pub(super) fn read(
        &self,
        format: Format,
        body: &[u8],
        before: Option<&Arc<PageShape>>,
        row: &mut Vec<f64>,
    ) -> Result<Read, IngestError> {
        row.clear();
        row.resize(self.report.len(), 0.0);
        let (lines, at) = before.map_or((0, 0), |shape| {
            row.reserve(shape.lines().len());
            shape.read(body, |line, value| {
                if let Line::Kept(_) = line {
                    row.push(value);
                }
            })
        });
        if let Some(shape) = before
            && shape.ends_with(lines, body.get(at..).unwrap_or_default())
        {
            return Ok(Read::Page(Page {
                shape: Arc::clone(shape),
                added: 0,
                timed: Vec::new(),
                exemplars: Vec::new(),
            }));
        }
        let known = before.map_or(&[][..], |shape| shape.lines());
        let (same, ahead) = known.split_at_checked(lines).unwrap_or((known, &[]));
        let walk = Walk::new((format, self.settings.honor_timestamps), (body, at), ahead);
        let mut rest = Rest {
            reader: self,
            order: same.to_vec(),
            kept: row.len() - self.report.len(),
            row,
            timed: Vec::new(),
            exemplars: Vec::new(),
        };
        let mut lines = self.class.lines(format).lock();
        let Some(tail) = rest.walk(walk, &mut lines)? else {
            return Ok(Read::NeedsOwnClass);
        };
        let (order, kept) = (rest.order, rest.kept);
        let (timed, exemplars) = (rest.timed, rest.exemplars);
        let added = added(known, &order);
        let shape = lines.shape(order, tail, |order| {
            Ok::<_, IngestError>(self.layout((format, tail), order, kept))
        })?;
        Ok(Read::Page(Page {
            shape,
            added,
            timed,
            exemplars,
        }))
    }

    /// What is kept with a new shape.
    fn layout(
        &self,
        (format, tail): (Format, &[u8]),
        order: &[PageLine],
        kept: usize,
    ) -> PageLayout {
        let mut ids = self.report.to_vec();
        ids.extend(order.iter().filter_map(|line| match line.what() {
            Line::Kept(id) => Some(id),
            _ => None,
        }));
        let comments = order.iter().map(|line| line.comments());
        PageLayout {
            row: self.db.layout(&ids),
            kept,
            metadata: metadata::read(format, comments.chain([tail])).into(),
        }
    }

    /// What a series is that no target of the class had before.
    fn line(&self, sample: &Sample<'_>, has_time: bool) -> Result<Line, IngestError> {
        let Some(labels) = self.final_labels(sample)? else {
            return Ok(Line::Dropped);
        };
        if self.settings.honor_labels && !self.class.is_of_one {
            let mut own = LabelsBuilder::default();
            sample.labels_into(&mut own)?;
            if own.iter().any(|(name, _)| self.target.has(name)) {
                return Ok(Line::OfTarget);
            }
        }
        self.settings.limits.check_labels(&labels)?;
        if has_time {
            return Ok(Line::Timed);
        }
        let own = labels.without_those_of(self.target);
        let removed: Vec<&str> = self
            .target
            .iter()
            .filter(|(name, _)| !labels.has(name))
            .map(|(name, _)| name)
            .collect();
        let id = self.db.line(&own, &removed)?;
        Ok(Line::Kept(id))
    }

    /// The labels of a series after the target's labels and the label rules; nothing where a rule
    /// drops it.
    fn final_labels(&self, sample: &Sample<'_>) -> Result<Option<Labels>, IngestError> {
        let mut labels = LabelsBuilder::default();
        sample.labels_into(&mut labels)?;
        let is_empty = |name: &str| sample.has_empty(name);
        let on = if self.settings.honor_labels {
            Conflict::Honor(&is_empty)
        } else {
            Conflict::Rename
        };
        add_target_labels(&mut labels, self.target, on);
        if !relabel::apply(&self.settings.metric_relabel, &mut labels) {
            return Ok(None);
        }
        if labels.get(METRIC_NAME).is_empty() {
            let series = String::from_utf8_lossy(sample.series).into_owned();
            return Err(IngestError::NoName(series));
        }
        Ok(Some(labels.build()))
    }
}

/// The page from the first line on that is not where it was.
struct Rest<'a> {
    reader: &'a Reader<'a>,
    order: Vec<PageLine>,
    kept: usize,
    row: &'a mut Vec<f64>,
    timed: Vec<Timed>,
    exemplars: Vec<Example>,
}

impl Rest<'_> {
    /// Walks to the end of the page and gives what stands after the last sample; nothing where a
    /// line depends on the values of the target's labels.
    fn walk<'a>(
        &mut self,
        mut walk: Walk<'a, '_, Line>,
        lines: &mut Lines,
    ) -> Result<Option<&'a [u8]>, IngestError> {
        while let Some(step) = walk.step(lines) {
            let line = match step? {
                Step::Value(line, value) => {
                    self.take(line.what(), value);
                    line
                }
                Step::Known(line, sample) => {
                    self.take_sample(line.what(), &sample)?;
                    line
                }
                Step::New(new) => {
                    let line = self.reader.line(&new.sample, new.has_time())?;
                    let line = lines.learn(&new, line);
                    self.take_sample(line.what(), &new.sample)?;
                    line
                }
            };
            if line.what() == Line::OfTarget {
                return Ok(None);
            }
            self.order.push(line);
            self.reader.settings.limits.check_samples(self.kept)?;
        }
        Ok(Some(walk.tail()))
    }

    fn take(&mut self, line: Line, value: f64) {
        if let Line::Kept(_) = line {
            self.row.push(value);
            self.kept += 1;
        }
    }

    fn take_sample(&mut self, line: Line, sample: &Sample<'_>) -> Result<(), IngestError> {
        if let Some(exemplar) = sample.exemplar
            && self.reader.exemplars
            && let Some(series) = self.reader.final_labels(sample)?
        {
            let mut labels = LabelsBuilder::default();
            exemplar.labels_into(&mut labels)?;
            self.exemplars.push(Example {
                series,
                labels: labels.build(),
                value: exemplar.value,
                time_ms: exemplar.timestamp_ms,
            });
        }
        if line != Line::Timed {
            self.take(line, sample.value);
            return Ok(());
        }
        self.kept += 1;
        if let (Some(time_ms), Some(labels)) =
            (sample.timestamp_ms, self.reader.final_labels(sample)?)
        {
            self.timed.push(Timed {
                labels,
                time_ms,
                value: sample.value,
            });
        }
        Ok(())
    }
}

/// How many series a page has that the one before did not have. What both begin and end with alike
/// is not looked at.
fn added(before: &[PageLine], now: &[PageLine]) -> usize {
    let same = |(one, other): &(&PageLine, &PageLine)| Arc::ptr_eq(one, other);
    let start = before.iter().zip(now).take_while(same).count();
    let before = before.get(start..).unwrap_or_default();
    let now = now.get(start..).unwrap_or_default();
    let end = before.iter().rev().zip(now.iter().rev());
    let end = end.take_while(same).count();
    let before = before.iter().take(before.len() - end);
    let here: HashSet<*const _> = before.clone().map(Arc::as_ptr).collect();
    let now = now.iter().take(now.len() - end);
    // Nearly always a series has the line that it had; the same under other comments has not.
    let others =
        now.filter(|line| line.what() != Line::Dropped && !here.contains(&Arc::as_ptr(line)));
    let mut others = others.peekable();
    if others.peek().is_none() {
        return 0;
    }
    let mut seen: HashSet<&[u8]> = before.map(|line| line.series()).collect();
    others.filter(|line| seen.insert(line.series())).count()
}
