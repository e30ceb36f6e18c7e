//! One query: its limits, its deadline, and what is said about it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use watchpost_tsdb::Db;

use crate::counts::SampleCounts;
use crate::engine::{Options, Steps};
use crate::error::Error;
use crate::notes::Notes;
use crate::parse::Expr;
use crate::parse::ast::Span;
use crate::value::{Answer, Value};

/// What all evaluations of one query share.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    pub(crate) db: &'a Db,
    pub(crate) options: &'a Options,
    pub(crate) text: &'a str,
    /// The steps as they were asked for; those of an instant query are one time and a step of 0.
    pub(crate) steps: Steps,
    pub(crate) is_range: bool,
    deadline: Option<Instant>,
    held: AtomicUsize,
    peak: AtomicUsize,
    notes: Notes,
    /// The samples that were loaded, by step.
    pub(crate) counts: Mutex<SampleCounts>,
}

impl<'a> Query<'a> {
    pub(crate) fn new(
        (options, db): (&'a Options, &'a Db),
        expr: &'a Expr,
        (steps, is_range): (Steps, bool),
        count: usize,
    ) -> Self {
        Self {
            db,
            options,
            text: &expr.source,
            steps,
            is_range,
            deadline: Instant::now().checked_add(options.timeout.as_std()),
            held: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            notes: Notes::default(),
            counts: Mutex::new(SampleCounts::new(count)),
        }
    }

    /// Fails when the query has taken too long, or nobody waits for it.
    pub(crate) fn check_time(&self) -> Result<(), Error> {
        if self.options.canceled.load(Ordering::Relaxed) {
            return Err(Error::Canceled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Error::Timeout),
            _ => Ok(()),
        }
    }

    /// Counts samples that are held now; fails when they are too many.
    pub(crate) fn hold(&self, samples: usize) -> Result<(), Error> {
        let before = self.held.fetch_add(samples, Ordering::Relaxed);
        let held = before.saturating_add(samples);
        self.peak.fetch_max(held, Ordering::Relaxed);
        if held > self.options.max_samples {
            return Err(Error::TooManySamples("query execution"));
        }
        Ok(())
    }

    /// Fails when so many samples more would be too many.
    pub(crate) fn room_for(&self, samples: usize) -> Result<(), Error> {
        if self.held().saturating_add(samples) > self.options.max_samples {
            return Err(Error::TooManySamples("query execution"));
        }
        Ok(())
    }

    /// How many samples are held.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Goes back to this many held samples.
    pub(crate) fn release_to(&self, held: usize) {
        self.held.store(held, Ordering::Relaxed);
    }

    pub(crate) fn warn(&self, span: Span, message: &str) {
        self.notes.warn(span, message);
    }

    pub(crate) fn info(&self, span: Span, message: &str) {
        self.notes.info(span, message);
    }

    pub(crate) fn answer(self, value: Value) -> Answer {
        let peak_samples = self.peak.load(Ordering::Relaxed);
        let (warnings, infos) = self.notes.into_parts(self.text);
        Answer {
            value,
            warnings,
            infos,
            peak_samples,
            samples: self.counts.into_inner(),
        }
    }
}
