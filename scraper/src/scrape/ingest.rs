//! From a page to one row of the store.
//!
//! The row holds the target's report series (`up` and its companions) and the samples of the page
//! that have no time of their own. The report series stand first, so that a page cannot claim its
//! own `up`. A page that is faulty anywhere leaves only the report.
//!
//! Between two rounds a target keeps next to nothing: its group and the shape of its last page,
//! which it shares with the others of its class.

use std::sync::Arc;

use watchpost_model::text::{Format, ParseError};
use watchpost_model::{Labels, METRIC_NAME};
use watchpost_tsdb::{Appended, Db, Exemplar, Group, Layout, LineId, Row};

use super::class::{Class, PageShape};
use super::cycle::{Body, Fetched};
use super::limits::LimitError;
use super::reading::{Example, Page, Read, Reader};
use super::{Pool, Target};
use crate::clock;

/// The series that tell of each scrape, in the order in which a report gives its values.
const REPORT: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Stores the pages of one target.
#[derive(Debug)]
pub(super) struct Ingest {
    db: Db,
    pool: Arc<Pool>,
    target: Arc<Target>,
    class: Arc<Class>,
    group: Option<Group>,
    report: [Option<LineId>; REPORT.len()],
    /// The shape of the last good page, and its format.
    shape: Option<(Format, Arc<PageShape>)>,
}

/// What came of storing.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) samples: usize,
    pub(super) duplicates: usize,
    pub(super) refused_samples: usize,
    pub(super) error: Option<IngestError>,
}

/// Why a page was not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum IngestError {
    /// The page is in no format that we read.
    #[error("expected a page in Prometheus's text format or OpenMetrics, found content type `{0}`")]
    ContentType(String),
    /// The page does not follow its format.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// The page has more than it may have.
    #[error("{0}")]
    Limit(#[from] LimitError),
    /// The label rules took away a metric's name.
    #[error("expected a metric name after `metric_relabel_configs`, found none for `{0}`")]
    NoName(String),
    /// The store did not take it.
    #[error("cannot store: {0}")]
    Store(#[from] watchpost_tsdb::Error),
}

impl Ingest {
    pub(super) fn new(db: Db, pool: Arc<Pool>, target: Arc<Target>, class: Arc<Class>) -> Self {
        Self {
            db,
            pool,
            target,
            class,
            group: None,
            report: [None; REPORT.len()],
            shape: None,
        }
    }

    /// Stores what a round gave. `row` is room for its values.
    pub(super) fn store(&mut self, fetched: &Fetched, row: &mut Vec<f64>) -> Stored {
        let mut stored = Stored::default();
        if let Err(error) = self.store_into(fetched, row, &mut stored) {
            stored.error = Some(error);
        }
        stored
    }

    fn store_into(
        &mut self,
        fetched: &Fetched,
        row: &mut Vec<f64>,
        stored: &mut Stored,
    ) -> Result<(), IngestError> {
        let group = self.prepare()?;
        let read = match &fetched.page {
            Ok(body) => self.read(body, row).map(Some),
            Err(_) => Ok(None),
        };
        let (page, error) = match read {
            Ok(page) => (page, None),
            Err(error) => (None, Some(error)),
        };
        let layout = match &page {
            Some(page) => page.shape.kept().row.clone(),
            None => self.empty_row(row),
        };
        stored.samples = page.as_ref().map_or(0, |page| page.shape.lines().len());
        fill_report(row, fetched.seconds, page.as_ref());
        let appended = append(&group, fetched.time_ms, &layout, row)?;
        stored.count(&appended);
        if let Some(page) = page {
            self.append_timed(&page, stored)?;
            self.append_exemplars(page.exemplars.as_slice(), fetched.time_ms);
            self.remember(&group, fetched, &page.shape);
        }
        if appended.forgotten > 0 {
            self.append_forgotten(fetched, row)?;
        }
        error.map_or(Ok(()), Err)
    }

    /// The group and the report's lines, made at the first round.
    fn prepare(&mut self) -> Result<Group, IngestError> {
        if let Some(group) = &self.group {
            return Ok(group.clone());
        }
        for (line, name) in self.report.iter_mut().zip(REPORT) {
            let labels = Labels::from_pairs([(METRIC_NAME, name)]);
            *line = Some(self.db.line(&labels, &[])?);
        }
        let group = self.db.group(&self.target.labels)?;
        self.group = Some(group.clone());
        Ok(group)
    }

    fn report(&self) -> Vec<LineId> {
        self.report.iter().flatten().copied().collect()
    }

    /// A row with nothing but the report.
    fn empty_row(&self, row: &mut Vec<f64>) -> Layout {
        let report = self.report();
        row.clear();
        row.resize(report.len(), 0.0);
        self.db.layout(&report)
    }

    /// Reads a page into the row.
    fn read(&mut self, body: &Body, row: &mut Vec<f64>) -> Result<Page, IngestError> {
        let format = format(&body.content_type)?;
        let report = self.report();
        loop {
            let reader = Reader {
                db: &self.db,
                target: &self.target.labels,
                settings: &self.pool.settings,
                class: &self.class,
                report: &report,
                exemplars: self.db.keeps_exemplars(),
            };
            let before = self.shape.as_ref();
            let before = before
                .filter(|(of, _)| *of == format)
                .map(|(_, shape)| shape);
            match reader.read(format, body.text(), before, row)? {
                Read::Page(page) => {
                    let limits = &self.pool.settings.limits;
                    if page.shape.kept().kept > 0 {
                        limits.check_lengths(&self.target.labels)?;
                    }
                    return Ok(page);
                }
                Read::NeedsOwnClass => {
                    self.class = Class::of_one();
                    self.shape = None;
                }
            }
        }
    }

    /// Appends the samples that have times of their own.
    fn append_timed(&self, page: &Page, stored: &mut Stored) -> Result<(), IngestError> {
        for timed in &page.timed {
            let now_ms = clock::now_ms();
            match self
                .db
                .append_single(&timed.labels, timed.time_ms, timed.value, now_ms)
            {
                Ok(appended) => stored.count(&appended),
                Err(watchpost_tsdb::Error::Refused(_)) => stored.refused_samples += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives the exemplars to the store, which counts those that it does not take.
    fn append_exemplars(&self, examples: &[Example], time_ms: i64) {
        for example in examples {
            let exemplar = Exemplar {
                labels: example.labels.clone(),
                value: example.value,
                time_ms: example.time_ms.unwrap_or(time_ms),
            };
            let has_time = example.time_ms.is_some();
            self.db.append_exemplar(&example.series, exemplar, has_time);
        }
    }

    /// Remembers the shape of the page, and tells the store what a new one says of its metrics.
    fn remember(&mut self, group: &Group, fetched: &Fetched, shape: &Arc<PageShape>) {
        let same = |(_, known): &(Format, Arc<PageShape>)| Arc::ptr_eq(known, shape);
        if self.shape.as_ref().is_some_and(same) {
            return;
        }
        self.db.set_page_metadata(group, &shape.kept().metadata);
        let body = fetched.page.as_ref().ok();
        let format = body.and_then(|body| format(&body.content_type).ok());
        self.shape = format.map(|format| (format, Arc::clone(shape)));
    }

    /// Asks for all lines of a page anew and appends again what was refused: some lines had been
    /// away for so long that the store forgot them.
    fn append_forgotten(
        &mut self,
        fetched: &Fetched,
        row: &mut Vec<f64>,
    ) -> Result<(), IngestError> {
        for format in [Format::Text, Format::OpenMetrics] {
            self.class.lines(format).lock().clear();
        }
        self.shape = None;
        self.group = None;
        let Ok(body) = &fetched.page else {
            return Ok(());
        };
        let group = self.prepare()?;
        let page = self.read(body, row)?;
        let lines = page.shape.kept().row.lines().iter().copied();
        let samples: Vec<_> = lines.zip(row.iter().copied()).skip(REPORT.len()).collect();
        group.append_samples(fetched.time_ms, &samples, clock::now_ms())?;
        self.remember(&group, fetched, &page.shape);
        Ok(())
    }
}

fn append(
    group: &Group,
    time_ms: i64,
    layout: &Layout,
    values: &[f64],
) -> Result<Appended, IngestError> {
    let row = Row {
        time_ms,
        layout,
        values,
    };
    Ok(group.append(row, clock::now_ms())?)
}

/// The report's values, which stand first in the row.
fn fill_report(row: &mut [f64], seconds: f64, page: Option<&Page>) {
    let count = |of: fn(&Page) -> usize| page.map_or(0.0, |page| of(page) as f64);
    let values = [
        if page.is_some() { 1.0 } else { 0.0 },
        seconds,
        count(|page| page.shape.lines().len()),
        count(|page| page.shape.kept().kept),
        count(|page| page.added),
    ];
    for (place, value) in row.iter_mut().zip(values) {
        *place = value;
    }
}

impl Stored {
    fn count(&mut self, appended: &Appended) {
        self.duplicates += appended.duplicates;
        self.refused_samples += appended.refused;
    }
}

/// A target that names no type is taken at its word that it serves metrics, as exporters in shell
/// scripts do.
pub(super) fn format(content_type: &str) -> Result<Format, IngestError> {
    if content_type.is_empty() {
        return Ok(Format::Text);
    }
    Format::from_content_type(content_type)
        .ok_or_else(|| IngestError::ContentType(content_type.to_owned()))
}
