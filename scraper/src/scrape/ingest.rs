//! From a page to one row of the store.
//!
//! The row holds the target's report series (`up` and its companions) and the samples of the page
//! that have no time of their own. The report series stand first, so that a page cannot claim its
//! own `up`. A page that is faulty anywhere leaves only the report.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use watchpost_model::text::{Entry, Format, ParseError, Parser, Sample};
use watchpost_model::{Labels, LabelsBuilder, METRIC_NAME};
use watchpost_tsdb::{Appended, Db, Group, Layout, LineId, Row};

use super::cycle::Fetched;
use super::labels::{Conflict, add_target_labels};
use super::layout::{Line, Remembered, Texts};
use super::pool::Settings;
use super::{metadata, relabel};
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
    labels: Labels,
    settings: Settings,
    texts: Arc<Texts>,
    remembered: Remembered,
    group: Option<Group>,
    report: Vec<LineId>,
    layout: Option<Layout>,
    /// A hash of the last page's metadata.
    metadata: u64,
    hashing: foldhash::fast::FixedState,
    ids: Vec<LineId>,
    values: Vec<f64>,
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
    /// The page has too many samples.
    #[error("sample limit exceeded (limit: {limit})")]
    SampleLimit {
        /// The most allowed.
        limit: usize,
    },
    /// The label rules took away a metric's name.
    #[error("expected a metric name after `metric_relabel_configs`, found none for `{0}`")]
    NoName(String),
    /// The store did not take it.
    #[error("cannot store: {0}")]
    Store(#[from] watchpost_tsdb::Error),
}

/// A sample with a time of its own.
struct Timed {
    labels: Labels,
    time_ms: i64,
    value: f64,
}

/// What a page gave besides the row.
#[derive(Default)]
struct Page {
    samples: usize,
    kept: usize,
    new: usize,
    timed: Vec<Timed>,
    metadata: u64,
}

impl Ingest {
    pub(super) fn new(db: Db, labels: Labels, settings: Settings, texts: Arc<Texts>) -> Self {
        Self {
            db,
            labels,
            settings,
            texts,
            remembered: Remembered::default(),
            group: None,
            report: Vec::new(),
            layout: None,
            metadata: 0,
            hashing: foldhash::fast::FixedState::default(),
            ids: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Stores what a round gave.
    pub(super) fn store(&mut self, fetched: &Fetched) -> Stored {
        let mut stored = Stored::default();
        if let Err(error) = self.store_into(fetched, &mut stored) {
            stored.error = Some(error);
        }
        stored
    }

    fn store_into(&mut self, fetched: &Fetched, stored: &mut Stored) -> Result<(), IngestError> {
        let group = self.prepare()?;
        let read = match &fetched.page {
            Ok(content_type) => self.read(content_type, &fetched.body).map(Some),
            Err(_) => Ok(None),
        };
        let (page, error) = match read {
            Ok(page) => (page, None),
            Err(error) => (None, Some(error)),
        };
        let up = page.is_some();
        let page = page.unwrap_or_else(|| {
            self.start_row();
            Page::default()
        });
        stored.samples = page.samples;
        self.fill_report(up, fetched.seconds, &page);
        self.append(&group, fetched.time_ms, stored)?;
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
        if up && page.metadata != self.metadata {
            self.metadata = page.metadata;
            metadata::store(&self.db, &group, fetched);
        }
        error.map_or(Ok(()), Err)
    }

    /// The group and the report's lines, made at the first round.
    fn prepare(&mut self) -> Result<Group, IngestError> {
        if let Some(group) = &self.group {
            return Ok(group.clone());
        }
        let report = REPORT.iter().map(|name| {
            self.db
                .line(&Labels::from_pairs([(METRIC_NAME, *name)]), &[])
        });
        self.report = report.collect::<Result<_, _>>()?;
        let group = self.db.group(&self.labels)?;
        self.group = Some(group.clone());
        Ok(group)
    }

    fn start_row(&mut self) {
        self.ids.clear();
        self.values.clear();
        self.ids.extend_from_slice(&self.report);
        self.values.resize(self.ids.len(), 0.0);
    }

    fn fill_report(&mut self, up: bool, seconds: f64, page: &Page) {
        let values = [
            if up { 1.0 } else { 0.0 },
            seconds,
            page.samples as f64,
            page.kept as f64,
            page.new as f64,
        ];
        for (place, value) in self.values.iter_mut().zip(values) {
            *place = value;
        }
    }

    fn append(
        &mut self,
        group: &Group,
        time_ms: i64,
        stored: &mut Stored,
    ) -> Result<(), IngestError> {
        let same = self
            .layout
            .take()
            .filter(|layout| layout.lines() == self.ids);
        let layout = same.unwrap_or_else(|| self.db.layout(&self.ids));
        let row = Row {
            time_ms,
            layout: &layout,
            values: &self.values,
        };
        let appended = group.append(row, clock::now_ms())?;
        self.layout = Some(layout);
        if appended.forgotten > 0 {
            // Lines that were away for long: the next page asks for all of them anew.
            self.remembered = Remembered::default();
            self.group = None;
        }
        stored.count(&appended);
        Ok(())
    }

    /// Reads a page into the row.
    fn read(&mut self, content_type: &str, body: &[u8]) -> Result<Page, IngestError> {
        let format = format(content_type)?;
        self.start_row();
        let mut remembered = std::mem::take(&mut self.remembered);
        let mut walk = remembered.walk();
        let mut page = Page::default();
        let mut hasher = self.hashing.build_hasher();
        let mut parser = Parser::new(format, body);
        let result = loop {
            match parser.next_like(walk.expected()) {
                None => break Ok(()),
                Some(Err(error)) => break Err(error.into()),
                Some(Ok(Entry::Sample(sample))) => {
                    let line = match walk.step(sample.series) {
                        Some(line) => Ok(line),
                        None => self.new_line(&sample).inspect(|line| {
                            walk.learn(self.texts.keep(sample.series), *line);
                        }),
                    };
                    let taken = line.and_then(|line| self.take(&sample, line, &mut page));
                    if let Err(error) = taken {
                        break Err(error);
                    }
                }
                Some(Ok(other)) => metadata::hash(&other, &mut hasher),
            }
        };
        page.new = walk.new_lines();
        page.metadata = hasher.finish();
        walk.finish();
        self.remembered = remembered;
        result.map(|()| page)
    }

    fn take(
        &mut self,
        sample: &Sample<'_>,
        line: Line,
        page: &mut Page,
    ) -> Result<(), IngestError> {
        page.samples += 1;
        let Line::Kept(id) = line else {
            return Ok(());
        };
        page.kept += 1;
        let limit = self.settings.sample_limit;
        if limit > 0 && page.kept > limit {
            return Err(IngestError::SampleLimit { limit });
        }
        match sample
            .timestamp_ms
            .filter(|_| self.settings.honor_timestamps)
        {
            None => {
                self.ids.push(id);
                self.values.push(sample.value);
            }
            Some(time_ms) => {
                if let Some(labels) = self.final_labels(sample)? {
                    page.timed.push(Timed {
                        labels,
                        time_ms,
                        value: sample.value,
                    });
                }
            }
        }
        Ok(())
    }

    /// The line of a series that was never seen: what its labels add to the target's.
    fn new_line(&self, sample: &Sample<'_>) -> Result<Line, IngestError> {
        let Some(labels) = self.final_labels(sample)? else {
            return Ok(Line::Dropped);
        };
        let own = labels
            .iter()
            .filter(|(name, value)| self.labels.get(name) != *value);
        let removed: Vec<&str> = self
            .labels
            .iter()
            .filter(|(name, _)| !labels.has(name))
            .map(|(name, _)| name)
            .collect();
        let id = self.db.line(&Labels::from_pairs(own), &removed)?;
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
        add_target_labels(&mut labels, &self.labels, on);
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
