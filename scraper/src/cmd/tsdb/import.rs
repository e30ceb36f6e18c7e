//! `watchpost tsdb import`: samples from OpenMetrics with times.
//!
//! The file is read to its end first, so that nothing is stored of a faulty one. Then it is read
//! again, once for each span of time whose samples fit into memory, and the samples of the span go to
//! the store in order of time, row by row: whatever order the file has (promtool's has all samples of
//! a series together), and however long it is. Samples that are there already are accepted, so that
//! an import can be repeated.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use watchpost_model::text::Sample;
use watchpost_model::{Labels, LabelsBuilder};
use watchpost_tsdb::{Appended, Db, Error, Group, LineId, Refusal};

use super::super::say;
use super::pieces::each_sample;
use crate::clock;
use crate::flags::ImportFlags;

/// How many samples are held at once.
const BUDGET: usize = 4 << 20;
/// How fine times are counted, ms.
const BUCKET_MS: i64 = 60_000;
/// How many series are remembered by their text.
const MAX_REMEMBERED: usize = 1 << 18;

/// Runs the verb.
pub(super) fn import(flags: &ImportFlags) -> anyhow::Result<()> {
    let now_ms = clock::now_ms();
    let plans = flags
        .files
        .iter()
        .map(|file| Plan::of(file, flags, now_ms))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let db = super::open_for_writing(&flags.directory)?;
    let mut sum = Sum::default();
    for (file, plan) in flags.files.iter().zip(&plans) {
        let progress = progress(file, "storing", plan.spans.len() as u64)?;
        for span in &plan.spans {
            let mut store = Storing::new(&db, flags, now_ms);
            each_sample(
                file,
                |bytes| progress.inc(bytes),
                |sample, line| store.take(sample, line, *span),
            )?;
            store.flush()?;
            sum.add(&store.sum);
        }
        progress.finish_and_clear();
    }
    db.maintain(now_ms)?;
    db.sync()?;
    sum.tell()
}

/// What an import did.
#[derive(Debug, Default)]
struct Sum {
    samples: usize,
    new_series: usize,
    refused: BTreeMap<Refusal, usize>,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.new_series += other.new_series;
        for (refusal, count) in &other.refused {
            *self.refused.entry(*refusal).or_default() += count;
        }
    }

    fn count(&mut self, appended: &Appended) {
        self.samples += appended.samples;
        self.new_series += appended.new_series;
        for (refusal, count) in [
            (Refusal::Duplicate, appended.conflicts),
            (Refusal::SeriesLimit, appended.refused),
            (Refusal::AbsentMark, appended.marks),
            (Refusal::OutOfOrder, appended.out_of_order),
            (Refusal::TooOld, appended.too_old),
        ] {
            self.refuse(refusal, count);
        }
    }

    fn refuse(&mut self, refusal: Refusal, count: usize) {
        if count > 0 {
            *self.refused.entry(refusal).or_default() += count;
        }
    }

    /// Says what was done; refused samples are a failure.
    fn tell(&self) -> anyhow::Result<()> {
        say(format_args!(
            "{} samples are stored ({} new series)",
            self.samples, self.new_series
        ));
        if self.refused.is_empty() {
            return Ok(());
        }
        let reasons: Vec<_> = self
            .refused
            .iter()
            .map(|(refusal, count)| format!("{refusal} ({count})"))
            .collect();
        bail!("refused: {}; all others are stored", reasons.join(", "))
    }
}

/// In which spans of time a file is stored.
struct Plan {
    spans: Vec<(i64, i64)>,
}

impl Plan {
    /// Reads a file to its end and checks it.
    fn of(file: &Path, flags: &ImportFlags, now_ms: i64) -> anyhow::Result<Self> {
        let progress = progress(file, "checking", 1)?;
        let mut buckets: BTreeMap<i64, usize> = BTreeMap::new();
        let newest = now_ms.saturating_add(FUTURE_MS);
        let mut checked: Vec<u8> = Vec::new();
        let read = |bytes| progress.inc(bytes);
        each_sample(file, read, |sample, line| {
            let place = || format!("line {line}");
            let Some(time) = sample.timestamp_ms else {
                bail!("{}: expected a sample with a time, found none", place());
            };
            if time > newest {
                bail!(
                    "{}: expected a time up to now, found {}",
                    place(),
                    clock::rfc3339(time)
                );
            }
            if checked != sample.series {
                split(sample, flags).with_context(place)?;
                checked.clear();
                checked.extend_from_slice(sample.series);
            }
            *buckets.entry(time.div_euclid(BUCKET_MS)).or_default() += 1;
            Ok(())
        })?;
        progress.finish_and_clear();
        Ok(Self {
            spans: spans(&buckets),
        })
    }
}

/// How far ahead of now a sample may be.
const FUTURE_MS: i64 = 600_000;

/// Spans of at most so many samples as fit into memory; a bucket that alone has more is a span.
fn spans(buckets: &BTreeMap<i64, usize>) -> Vec<(i64, i64)> {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    let mut samples = 0;
    for (bucket, count) in buckets {
        let (from, to) = (bucket * BUCKET_MS, bucket * BUCKET_MS + BUCKET_MS - 1);
        samples += count;
        match spans.last_mut() {
            Some(span) if samples <= BUDGET => span.1 = to,
            _ => {
                spans.push((from, to));
                samples = *count;
            }
        }
    }
    spans
}

/// The labels of a sample's group and of its line.
fn split(sample: &Sample<'_>, flags: &ImportFlags) -> anyhow::Result<(Labels, Labels)> {
    let mut labels = LabelsBuilder::default();
    sample.labels_into(&mut labels)?;
    for (name, value) in &flags.labels {
        labels.set(name, value);
    }
    let labels = labels.build();
    if labels.metric_name().is_empty() {
        bail!("expected a series with a metric name, found {labels}");
    }
    let of_group = |name: &str| matches!(name, "instance" | "job");
    Ok((
        labels.retain(of_group),
        labels.retain(|name| !of_group(name)),
    ))
}

/// A sample that waits for its row.
#[derive(Clone, Copy)]
struct Waiting {
    group: usize,
    time_ms: i64,
    line: LineId,
    value: f64,
}

/// Stores the samples of one span.
struct Storing<'a> {
    db: &'a Db,
    flags: &'a ImportFlags,
    now_ms: i64,
    groups: Vec<Group>,
    group_numbers: HashMap<Labels, usize>,
    /// Group and line of a series by its text.
    series: HashMap<Box<[u8]>, (usize, LineId)>,
    waiting: Vec<Waiting>,
    sum: Sum,
}

impl<'a> Storing<'a> {
    fn new(db: &'a Db, flags: &'a ImportFlags, now_ms: i64) -> Self {
        Self {
            db,
            flags,
            now_ms,
            groups: Vec::new(),
            group_numbers: HashMap::new(),
            series: HashMap::new(),
            waiting: Vec::new(),
            sum: Sum::default(),
        }
    }

    fn take(
        &mut self,
        sample: &Sample<'_>,
        line: usize,
        (from, to): (i64, i64),
    ) -> anyhow::Result<()> {
        let Some(time_ms) = sample
            .timestamp_ms
            .filter(|time| (from..=to).contains(time))
        else {
            return Ok(());
        };
        let known = self.series.get(sample.series).copied();
        let (group, line) = match known {
            Some(known) => known,
            None => self.find(sample).with_context(|| format!("line {line}"))?,
        };
        self.waiting.push(Waiting {
            group,
            time_ms,
            line,
            value: sample.value,
        });
        if self.waiting.len() > 2 * BUDGET {
            self.flush()?;
        }
        Ok(())
    }

    fn find(&mut self, sample: &Sample<'_>) -> anyhow::Result<(usize, LineId)> {
        let (group, line) = split(sample, self.flags)?;
        let line = self.db.line(&line, &[])?;
        let group = if let Some(number) = self.group_numbers.get(&group) {
            *number
        } else {
            self.groups.push(self.db.group(&group)?);
            let number = self.groups.len() - 1;
            self.group_numbers.insert(group, number);
            number
        };
        if self.series.len() >= MAX_REMEMBERED {
            self.series.clear();
        }
        self.series.insert(sample.series.into(), (group, line));
        Ok((group, line))
    }

    /// Stores what waits, in order of time.
    fn flush(&mut self) -> anyhow::Result<()> {
        // Of two samples of a series at one time the first one in the file stands.
        self.waiting
            .sort_by_key(|waiting| (waiting.time_ms, waiting.group));
        let mut cells = Vec::new();
        for row in self
            .waiting
            .chunk_by(|a, b| (a.time_ms, a.group) == (b.time_ms, b.group))
        {
            let Some((first, group)) = row
                .first()
                .and_then(|first| Some((first, self.groups.get(first.group)?)))
            else {
                continue;
            };
            cells.clear();
            cells.extend(row.iter().map(|cell| (cell.line, cell.value)));
            match append(group, first.time_ms, &cells, self.now_ms) {
                Ok(appended) => self.sum.count(&appended),
                Err(Error::Refused(refusal)) => self.sum.refuse(refusal, cells.len()),
                Err(error) => return Err(error.into()),
            }
        }
        self.waiting.clear();
        Ok(())
    }
}

/// Appends past data: whatever the store has of later times.
fn append(
    group: &Group,
    time_ms: i64,
    cells: &[(LineId, f64)],
    now_ms: i64,
) -> Result<Appended, Error> {
    group.append_past(time_ms, cells, now_ms)
}

/// A bar over so many readings of a file; nothing where nobody looks.
fn progress(file: &Path, what: &'static str, readings: u64) -> anyhow::Result<ProgressBar> {
    let size = std::fs::metadata(file)
        .with_context(|| format!("cannot open `{}`", file.display()))?
        .len();
    let bar = ProgressBar::with_draw_target(Some(size * readings), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {bytes}/{total_bytes} {eta}")?;
    Ok(bar.with_style(style).with_message(what))
}
