//! Stores one write request after another.

use std::fmt::Write;

use watchpost_model::Labels;
use watchpost_tsdb::{
    Appended, Db, Error, Exemplar, ExemplarOutcome, Group, LineId, Refusal, check_histogram,
};

use super::batch::{Batches, Gathered, Row};
use super::histogram::histogram;
use super::known::{Known, Series};
use super::labels::{LabelFault, Split, labels, line_labels, split};
use super::message::{Entry, Part, Parts, Request, Sample, exemplar, labels_first, metadata};
use super::outcome::{Outcome, Reason};
use super::wire::Malformed;

/// Why a request failed as a whole. What came before is stored, and may come again.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Store(#[from] Error),
}

/// What one request at a time needs. A worker that has seen a sender's requests before knows what
/// to expect.
#[derive(Debug)]
pub(super) struct Worker {
    db: Db,
    /// What a sender says of metrics stands here; the store forgets an empty group that nobody holds.
    sender: Option<Group>,
    known: Known,
    batches: Batches,
    /// The fields of a line, put together.
    line: Vec<u8>,
    /// The body of the request.
    pub(super) body: Vec<u8>,
}

/// A series that was found, or why it is not taken; and what follows its labels.
type Found<'a> = (Result<Series, LabelFault>, &'a [u8]);

impl Worker {
    pub(super) fn new(db: Db) -> Self {
        Self {
            sender: db.group(&Labels::empty()).ok(),
            db,
            known: Known::default(),
            batches: Batches::default(),
            line: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Stores what is in the body.
    pub(super) fn write(&mut self, now_ms: i64) -> Result<Outcome, WriteError> {
        self.known.tidy(now_ms);
        let body = std::mem::take(&mut self.body);
        let mut result = self.write_body(&body, now_ms);
        if result.as_ref().is_ok_and(Outcome::has_forgotten) {
            // The store has forgotten lines that nobody sent for a while: ask for all of them anew.
            // What was stored just now is accepted again.
            self.known.forget();
            result = self.write_body(&body, now_ms);
        }
        self.body = body;
        result
    }

    fn write_body(&mut self, body: &[u8], now_ms: i64) -> Result<Outcome, WriteError> {
        let mut outcome = Outcome::default();
        let written = self.entries(body, &mut outcome, now_ms);
        for gathered in self.batches.end() {
            if written.is_ok() {
                self.store(gathered, &mut outcome, now_ms)?;
            }
        }
        written.map(|()| outcome)
    }

    fn entries(
        &mut self,
        body: &[u8],
        outcome: &mut Outcome,
        now_ms: i64,
    ) -> Result<(), WriteError> {
        let mut request = Request::new(body);
        while let Some(entry) = request.next()? {
            match entry {
                Entry::Series(series) => {
                    if !self.series(series, outcome, now_ms)? {
                        self.series(&labels_first(series)?, outcome, now_ms)?;
                    }
                }
                Entry::Metadata(bytes) => self.metadata(bytes, outcome)?,
            }
        }
        Ok(())
    }

    /// Takes a series; false where its labels do not stand together at its front.
    #[inline]
    fn series(
        &mut self,
        series: &[u8],
        outcome: &mut Outcome,
        now_ms: i64,
    ) -> Result<bool, WriteError> {
        let (found, after) = match self.known.expected(series) {
            Some((found, after)) => (Ok(found), after),
            None => self.find(series, now_ms)?,
        };
        let mut parts = Parts::new(after);
        let found = match found {
            Ok(found) => found,
            Err(fault) => return refuse_series(series, parts, &fault, outcome),
        };
        if let Some(ready) = self.batches.begin(found.target) {
            self.store(ready, outcome, now_ms)?;
        }
        while let Some(part) = parts.next()? {
            match part {
                Part::Sample(sample) => {
                    if let Some(full) = self.batches.push(found.line, sample) {
                        self.store(full, outcome, now_ms)?;
                    }
                }
                Part::Exemplar(bytes) => self.exemplar(series, bytes, outcome)?,
                Part::Histogram(bytes) => {
                    let of = (series, found.line);
                    if let Some(full) = self.histogram(of, bytes, outcome)? {
                        self.store(full, outcome, now_ms)?;
                    }
                }
                Part::LateLabel => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Takes a native histogram of a series.
    #[cold]
    fn histogram(
        &mut self,
        (series, line): (&[u8], LineId),
        bytes: &[u8],
        outcome: &mut Outcome,
    ) -> Result<Option<Gathered>, WriteError> {
        let (time_ms, histogram) = histogram(bytes)?;
        if let Err(fault) = check_histogram(&histogram) {
            outcome.refuse(Reason::Histogram, 1, || {
                format!("{fault} in {} at {time_ms} ms", told(series))
            });
            return Ok(None);
        }
        Ok(self.batches.push_histogram(line, time_ms, histogram))
    }

    /// Keeps an exemplar of a series, where the store keeps any.
    #[cold]
    fn exemplar(
        &self,
        series: &[u8],
        bytes: &[u8],
        outcome: &mut Outcome,
    ) -> Result<(), WriteError> {
        let Sample { value, time_ms } = exemplar(bytes)?;
        let mut taken = false;
        if self.db.keeps_exemplars()
            && let (Ok(series), Ok(labels)) = (labels(series)?, labels(&labels_first(bytes)?)?)
        {
            let exemplar = Exemplar {
                labels,
                value,
                time_ms,
            };
            let became = self.db.append_exemplar(&series, exemplar, true);
            taken = matches!(became, ExemplarOutcome::Taken | ExemplarOutcome::Known);
        }
        if taken {
            outcome.exemplars += 1;
        } else {
            outcome.refuse(Reason::Exemplar, 1, String::new);
        }
        Ok(())
    }

    /// The series of some labels that were not expected.
    #[cold]
    fn find<'a>(&mut self, series: &'a [u8], now_ms: i64) -> Result<Found<'a>, WriteError> {
        let mut line = std::mem::take(&mut self.line);
        let split = split(series, &mut line)?;
        let found = self.find_split(&split, &line, now_ms);
        self.line = line;
        Ok((found?, split.after))
    }

    fn find_split(
        &mut self,
        split: &Split<'_>,
        fields: &[u8],
        now_ms: i64,
    ) -> Result<Result<Series, LabelFault>, WriteError> {
        let line = match self.known.line(fields, split.places) {
            Some(number) => number,
            None => match line_labels(fields)? {
                Ok(labels) => {
                    let id = self.db.line(&labels, &[])?;
                    self.known.add_line(fields, split.places, id)
                }
                Err(fault) => return Ok(Err(fault)),
            },
        };
        let target = match self.known.target(split.target) {
            Some(number) => number,
            None => match labels(&split.target.concat())? {
                Ok(labels) => {
                    let group = self.db.group(&labels)?;
                    self.known.add_target(split.target, group, now_ms)
                }
                Err(fault) => return Ok(Err(fault)),
            },
        };
        Ok(self
            .known
            .came(line, target, now_ms)
            .ok_or(LabelFault::NoName))
    }

    fn store(
        &mut self,
        gathered: Gathered,
        outcome: &mut Outcome,
        now_ms: i64,
    ) -> Result<(), WriteError> {
        if let Some(group) = self.known.group(gathered.target) {
            for row in &gathered.rows {
                store_row(group, row, outcome, now_ms)?;
            }
        }
        self.batches.reuse(gathered.rows);
        Ok(())
    }

    /// Remembers what a metric is, for the sender as a whole: the protocol names no target.
    fn metadata(&mut self, bytes: &[u8], outcome: &mut Outcome) -> Result<(), WriteError> {
        let (metric, metadata) = metadata(bytes)?;
        if !metric.is_empty() {
            let group = match &self.sender {
                Some(group) => group,
                None => self.sender.insert(self.db.group(&Labels::empty())?),
            };
            self.db.set_metadata(group, &metric, &metadata);
            outcome.metadata += 1;
        }
        Ok(())
    }
}

fn store_row(
    group: &Group,
    row: &Row,
    outcome: &mut Outcome,
    now_ms: i64,
) -> Result<(), WriteError> {
    let what = || format!("a sample of {} at {} ms", group.labels(), row.time_ms);
    let samples = (&*row.cells, &*row.histograms);
    match group.append_samples_with(row.time_ms, samples, now_ms) {
        Ok(appended) => {
            outcome.samples += appended.samples;
            for (refusal, count) in refusals(&appended) {
                outcome.refuse(Reason::Store(refusal), count, what);
            }
            Ok(())
        }
        Err(Error::Refused(refusal)) => {
            outcome.refuse(Reason::Store(refusal), row.cells.len(), what);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn refusals(appended: &Appended) -> [(Refusal, usize); 6] {
    [
        (Refusal::Duplicate, appended.conflicts),
        (Refusal::SeriesLimit, appended.refused - appended.forgotten),
        (Refusal::ForgottenLine, appended.forgotten),
        (Refusal::AbsentMark, appended.marks),
        (Refusal::OutOfOrder, appended.out_of_order),
        (Refusal::TooOld, appended.too_old),
    ]
}

/// Counts what a series with wrong labels has.
#[cold]
fn refuse_series(
    series: &[u8],
    mut parts: Parts<'_>,
    fault: &LabelFault,
    outcome: &mut Outcome,
) -> Result<bool, WriteError> {
    let mut samples = 0;
    while let Some(part) = parts.next()? {
        match part {
            Part::Sample(_) | Part::Histogram(_) => samples += 1,
            Part::Exemplar(_) => {}
            Part::LateLabel => return Ok(false),
        }
    }
    outcome.refuse(Reason::InvalidLabels, samples.max(1), || {
        format!("{fault} in {}", told(series))
    });
    Ok(true)
}

/// The labels of a series for people.
fn told(series: &[u8]) -> String {
    let mut fields = super::message::LabelFields::new(series);
    let mut text = String::new();
    while let Ok(Some(label)) = fields.next() {
        let (name, value) = (
            String::from_utf8_lossy(label.name),
            String::from_utf8_lossy(label.value),
        );
        let separator = if text.is_empty() { "{" } else { ", " };
        let written = write!(text, "{separator}{name}={value:?}");
        if written.is_err() || text.len() > MAX_TOLD {
            break;
        }
    }
    format!("{text}}}")
}

/// How much of a series' labels an error message tells.
const MAX_TOLD: usize = 1_024;

impl Outcome {
    fn has_forgotten(&self) -> bool {
        let forgotten = Reason::Store(Refusal::ForgottenLine);
        self.refused.iter().any(|(reason, _)| *reason == forgotten)
    }
}
