//! The handle to a store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use watchpost_model::histogram::histogram_mark;
use watchpost_model::{Histogram, Labels, Matcher, Metadata};

use crate::disk::{Disk, SystemDisk};
use crate::exemplars::{Exemplar, ExemplarOutcome, ExemplarStats};
use crate::head::{Given, GroupState, Lateness};
use crate::index::{Cardinality, Head, Line, cardinality, matching};
use crate::select::{label_names, label_values, series};
use crate::store::Store;
use crate::{
    Appended, Config, Error, Group, Layout, LineId, Scan, SegmentStatus, Selection, Stats,
    TimeRange,
};

/// A store. A clone is another handle to the same store.
#[derive(Clone, Debug)]
pub struct Db {
    store: Arc<Store>,
}

impl Db {
    /// Opens the store in `config.path`, replays its log, and locks the directory.
    pub fn open(config: Config) -> Result<Self, Error> {
        Self::open_on(config, Arc::new(SystemDisk))
    }

    /// As [`open`](Self::open), with the log's files on a disk of the caller's.
    pub fn open_on(config: Config, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        Ok(Self {
            store: Arc::new(Store::open(config, disk)?),
        })
    }

    /// Opens a store to read it, beside the process that has its directory. Nothing is written; rows
    /// that are appended all the same are in memory only.
    pub fn open_read_only(config: Config) -> Result<Self, Error> {
        Ok(Self {
            store: Arc::new(Store::open_read_only(config)?),
        })
    }

    /// A store without files.
    pub fn in_memory(config: Config) -> Self {
        Self {
            store: Arc::new(Store::new(config)),
        }
    }

    /// The group with these labels (those of a target or a rule group), made where it is new.
    pub fn group(&self, labels: &Labels) -> Result<Group, Error> {
        let known = self.store.groups.read().find(labels).map(Arc::clone);
        let state = match known {
            Some(state) => state,
            None => self.store.groups.write().intern(labels)?,
        };
        Ok(Group {
            store: Arc::clone(&self.store),
            state,
        })
    }

    /// The id of a line, good for as long as a group has the line, a layout with it is held, or the
    /// line is asked for between two calls of [`maintain`](Self::maintain): a label set without the group's labels. A line's label shadows the
    /// group's of the same name, and [`LineId`]s are the same for all groups of the store.
    /// `removed` names labels of the group that the line takes away.
    pub fn line(&self, labels: &Labels, removed: &[&str]) -> Result<LineId, Error> {
        let line = Line::new(labels, removed);
        if let Some(id) = self.store.lines.read().find(&line) {
            return Ok(id);
        }
        self.store.lines.write().intern(line)
    }

    /// A list of lines, in the order of a page; equal lists are stored once.
    pub fn layout(&self, lines: &[LineId]) -> Layout {
        self.store.layouts.lock().intern(lines)
    }

    /// Appends one sample of a series that shares its times with no other (a page with a time per
    /// line, a remote sender). It comes in order of time, or, like a late part, between or at the
    /// times of the series' last samples.
    pub fn append_single(
        &self,
        labels: &Labels,
        time_ms: i64,
        value: f64,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        let line = self.line(labels, &[])?;
        let sample = (line, value);
        self.store
            .append_single((sample, &Given::default()), time_ms, now_ms)
    }

    /// As [`append_single`](Self::append_single), of a native histogram.
    pub fn append_single_histogram(
        &self,
        labels: &Labels,
        time_ms: i64,
        histogram: &Histogram,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        let given = Given::new(std::slice::from_ref(histogram))?;
        let sample = (self.line(labels, &[])?, histogram_mark(0));
        self.store.append_single((sample, &given), time_ms, now_ms)
    }

    /// Appends past data of one series: an import, a backfill. However much older than the series'
    /// newest sample they are, they are taken, where the retention has room for them; samples at
    /// times that the series' own rows in memory have are judged as ever. In ascending order they
    /// are cheapest.
    pub fn append_past(
        &self,
        labels: &Labels,
        samples: &[(i64, f64)],
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.append_past_with(labels, (samples, &[]), now_ms)
    }

    /// As [`append_past`](Self::append_past), with native histograms: a value that is the mark of a
    /// place stands for the one there.
    pub fn append_past_with(
        &self,
        labels: &Labels,
        (samples, histograms): (&[(i64, f64)], &[Histogram]),
        now_ms: i64,
    ) -> Result<Appended, Error> {
        let given = Given::new(histograms)?;
        let line = self.line(labels, &[])?;
        let group = self.store.single(line)?;
        let late = Lateness {
            now_ms,
            window_ms: 0,
            past: true,
        };
        let mut all = Appended::default();
        for (time_ms, value) in samples {
            let sample = [(line, *value)];
            match self
                .store
                .append_late(&group, *time_ms, (&sample, &given), late)
            {
                Ok(appended) => all.add(&appended),
                // It is counted by its reason; the others may be taken.
                Err(Error::Refused(crate::Refusal::TooOld)) => all.too_old += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// The series that pass all matchers and have a sample in the range (both ends inclusive),
    /// sorted by labels, each label set once.
    pub fn select(&self, range: TimeRange, matchers: &[Matcher]) -> Result<Selection, Error> {
        self.select_within(range, matchers, |_| Ok(()))
    }

    /// As [`select`](Self::select), within the caller's bounds: `admit` gets the number of rows of
    /// each series before they are read, and its error ends the selection.
    pub fn select_within<E: From<Error>>(
        &self,
        range: TimeRange,
        matchers: &[Matcher],
        admit: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Selection, E> {
        crate::select::select(&self.store, range, matchers, admit)
    }

    /// The series that pass all matchers, to be read piece by piece; nothing where they are not
    /// plain, see [`Scan`], and [`select`](Self::select) has to read them.
    pub fn scan(&self, range: TimeRange, matchers: &[Matcher]) -> Result<Option<Scan>, Error> {
        Scan::new(&self.store, range, matchers)
    }

    /// The label sets of the series that pass all matchers and have a sample in the range, sorted.
    pub fn series(&self, range: TimeRange, matchers: &[Matcher]) -> Result<Vec<Labels>, Error> {
        series(&self.store, range, matchers)
    }

    /// The label names of such series, sorted.
    pub fn label_names(
        &self,
        range: TimeRange,
        matchers: &[Matcher],
    ) -> Result<Vec<String>, Error> {
        let (names, _) = label_names(&self.store, range, matchers, 0)?;
        Ok(names)
    }

    /// The values of one label of such series, sorted.
    pub fn label_values(
        &self,
        name: &str,
        range: TimeRange,
        matchers: &[Matcher],
    ) -> Result<Vec<String>, Error> {
        let (values, _) = self.first_label_values(name, (range, 0), matchers)?;
        Ok(values)
    }

    /// The first values of one label of such series, sorted, and whether there are more; a limit of 0
    /// is none.
    pub fn first_label_values(
        &self,
        name: &str,
        (range, limit): (TimeRange, usize),
        matchers: &[Matcher],
    ) -> Result<(Vec<String>, bool), Error> {
        label_values(&self.store, name, (range, limit), matchers)
    }

    /// Remembers what a target says of a metric.
    pub fn set_metadata(&self, group: &Group, metric: &str, metadata: &Metadata) {
        let mut table = self.store.metadata.lock();
        if table.set(group.state.id, metric, metadata) {
            self.store.notes.metadata_changed();
        }
    }

    /// Remembers what a target's page says of its metrics, in place of what its page before said.
    /// Targets with the same page share the list.
    pub fn set_page_metadata(&self, group: &Group, page: &Arc<[(String, Metadata)]>) {
        let mut table = self.store.metadata.lock();
        if table.set_page(group.state.id, page) {
            self.store.notes.metadata_changed();
        }
    }

    /// What targets say of metrics: (group labels, metric, metadata), of one metric or of all.
    pub fn metadata(&self, metric: Option<&str>) -> Vec<(Labels, String, Metadata)> {
        let found = self.store.metadata.lock().get(metric);
        let groups = self.store.groups.read();
        found
            .into_iter()
            .filter_map(|(group, metric, metadata)| {
                Some((groups.get(group)?.labels.clone(), metric, metadata))
            })
            .collect()
    }

    /// Keeps an exemplar of a series. `has_time` says whether its time is its own: else one that
    /// differs from the series' newest in nothing but the time is that one.
    pub fn append_exemplar(
        &self,
        series: &Labels,
        exemplar: Exemplar,
        has_time: bool,
    ) -> ExemplarOutcome {
        let record = self.store.exemplar_record(series, &exemplar);
        let mut ring = self.store.exemplars.lock();
        let outcome = ring.append(series, exemplar, has_time);
        drop(ring);
        if outcome == ExemplarOutcome::Taken {
            self.store.log_exemplar(&record);
        }
        outcome
    }

    /// The exemplars in a range of series that pass all matchers of one of the sets, by series in
    /// the order of labels, each in order of time.
    pub fn exemplars(
        &self,
        range: TimeRange,
        matchers: &[Vec<Matcher>],
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        self.store.exemplars.lock().select(range, matchers)
    }

    /// Whether exemplars are kept at all.
    pub fn keeps_exemplars(&self) -> bool {
        self.store.config.max_exemplars > 0
    }

    /// Figures of the exemplars.
    pub fn exemplar_stats(&self) -> ExemplarStats {
        self.store.exemplars.lock().stats()
    }

    /// Seals the windows that are past, merges segments, drops what is older than the retention or
    /// above the size limit, and forgets lines that nobody needs any more. Called by the server every
    /// few seconds; it may take long, and neither appends nor readers wait for it.
    pub fn maintain(&self, now_ms: i64) -> Result<(), Error> {
        let cutoff = self.store.cutoff(now_ms);
        self.store.drop_before(cutoff);
        self.store.forget_lines();
        let kept = self.store.maintain_ring(now_ms);
        self.store.keep_notes(Some(now_ms));
        let released = self.store.release_files();
        kept.and(released)
    }

    /// Deletes the samples in a range of the series that pass all matchers: no reader sees them from
    /// now on, and they go from the files when these are written again. Samples that come later are
    /// not touched.
    pub fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), Error> {
        self.store.delete(range, matchers)
    }

    /// Writes the files anew that have something that is deleted. What is in the head goes when it is
    /// sealed.
    pub fn clean_tombstones(&self) -> Result<(), Error> {
        self.store.clean_tombstones()
    }

    /// Makes a snapshot in a directory that is not there yet: it opens as a data directory. Without
    /// the head it lacks what is not in a segment yet, which is the last window or two.
    pub fn snapshot(&self, directory: &Path, with_head: bool) -> Result<(), Error> {
        self.store.snapshot(directory, with_head)
    }

    /// Forces the log and the head to the disk; where they could not be written before, tries new
    /// files.
    pub fn sync(&self) -> Result<(), Error> {
        let Some(files) = &self.store.files else {
            return Ok(());
        };
        self.store.keep_notes(None);
        files.log.sync()?;
        files.head.sync()
    }

    /// What makes most of the series in memory; each list has at most `top` entries.
    pub fn cardinality(&self, top: usize) -> Cardinality {
        let (lines, groups) = (self.store.lines.read(), self.store.groups.read());
        let index = Head {
            lines: &lines,
            groups: &groups,
        };
        cardinality(&index, top)
    }

    /// The segments, by window; none in a store without files.
    pub fn segments(&self) -> Vec<SegmentStatus> {
        let files = self.store.files.as_ref();
        files.map_or_else(Vec::new, |files| files.ring.segments())
    }

    /// Figures of the store.
    pub fn stats(&self) -> Stats {
        let counters = &self.store.counters;
        let groups: Vec<_> = self.store.groups.read().iter().map(Arc::clone).collect();
        let (mut head_blocks, mut histogram_bytes) = (0, 0);
        let spans: Vec<_> = groups
            .iter()
            .filter_map(|group| {
                let body = group.body.lock();
                head_blocks += body.block_count() as u64;
                histogram_bytes += body.open_histogram_bytes();
                body.time_span()
            })
            .collect();
        let mut stats = Stats {
            series: counters.series.load(Ordering::Relaxed) as u64,
            groups: groups.len() as u64,
            lines: self.store.lines.read().len() as u64,
            samples_appended: counters.samples.load(Ordering::Relaxed),
            refused: counters.refused(),
            side_rows: counters.side_rows.load(Ordering::Relaxed),
            memory_bytes: (counters.memory.load(Ordering::Relaxed) + histogram_bytes) as u64,
            dropped_blocks: counters.dropped_blocks.load(Ordering::Relaxed),
            head_blocks,
            min_time_ms: spans.iter().map(|(first, _)| *first).min(),
            max_time_ms: spans.iter().map(|(_, last)| *last).max(),
            ..Stats::default()
        };
        if let Some(files) = &self.store.files {
            stats.head_bytes = files.head.bytes();
            stats.log_bytes = files.log.bytes();
            files.log.fill(&mut stats);
            files.ring.fill(&mut stats);
            stats.disk_bytes = stats.head_bytes
                + stats.log_bytes
                + stats.segment_bytes
                + stats.tombstone_bytes
                + stats.set_aside_bytes;
            stats.log_failures += files.head.failures();
            stats.replayed_records = files.replayed.records;
            stats.damaged_records += files.replayed.damaged;
        }
        stats
    }
}

impl Store {
    /// The series that pass all matchers, by group.
    pub(crate) fn matching(&self, matchers: &[Matcher]) -> Vec<(Arc<GroupState>, Arc<[LineId]>)> {
        let (lines, groups) = (self.lines.read(), self.groups.read());
        let index = Head {
            lines: &lines,
            groups: &groups,
        };
        let mut series = Vec::new();
        for found in matching(&index, matchers) {
            let states = found.groups.iter().filter_map(|group| groups.get(*group));
            series.extend(states.map(|state| (Arc::clone(state), Arc::clone(&found.lines))));
        }
        series
    }
}
