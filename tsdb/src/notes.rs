//! Exemplars and metadata in the log: what is there now is written to each new file before an older one
//! goes, and exemplars when they come. A target says what its metrics are each time, so changes of that
//! are written once a minute at the most.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use tracing::warn;
use watchpost_model::Labels;

use crate::Exemplar;
use crate::log::Log;
use crate::log::note::{Said, put_exemplar, put_metadata};
use crate::store::Store;

/// The most bytes of either kind that are written to a new file.
const MOST_BYTES: usize = 16 << 20;
/// How long a change of metadata waits for others, ms.
const PATIENCE_MS: i64 = 60_000;
/// How much is written at a time.
const WRITE: usize = 1 << 20;

/// What the log has of them.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The log file that has all of them, 0 for none.
    file: AtomicU64,
    /// Whether metadata changed since they were written, and when that was.
    changed: AtomicBool,
    written_ms: AtomicI64,
}

impl Notes {
    /// Notes that metadata changed.
    pub(crate) fn metadata_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }
}

impl Store {
    /// The lowest number of a log file that has to stay.
    pub(crate) fn oldest_noted_file(&self) -> u64 {
        if self.metadata.lock().is_empty() && self.exemplars.lock().stats().kept == 0 {
            u64::MAX
        } else {
            self.notes.file.load(Ordering::Relaxed)
        }
    }

    /// The record of an exemplar for the log, which is empty where there is none.
    pub(crate) fn exemplar_record(&self, series: &Labels, exemplar: &Exemplar) -> Vec<u8> {
        let mut out = Vec::new();
        if self.files.is_some() && self.config.max_exemplars > 0 {
            put_exemplar(&mut out, series, exemplar);
        }
        out
    }

    /// Writes an exemplar that was taken to the log.
    pub(crate) fn log_exemplar(&self, record: &[u8]) {
        if let Some(files) = &self.files
            && !record.is_empty()
            && !files.log.write_note(record)
        {
            // All of them come into the next file.
            self.notes.file.store(0, Ordering::Relaxed);
        }
    }

    /// Writes to the log what it does not have; without a time, all that has changed.
    pub(crate) fn keep_notes(&self, now_ms: Option<i64>) {
        let Some(files) = &self.files else { return };
        let current = files.log.current();
        if current == 0 {
            return;
        }
        let new_file = self.notes.file.load(Ordering::Relaxed) != current;
        let waited = now_ms.is_none_or(|now_ms| {
            let written = self.notes.written_ms.load(Ordering::Relaxed);
            now_ms.saturating_sub(written) >= PATIENCE_MS || now_ms < written
        });
        let is_due = self.notes.changed.load(Ordering::Relaxed) && waited;
        if !new_file && !is_due {
            return;
        }
        self.notes.changed.store(false, Ordering::Relaxed);
        let mut whole = self.write_metadata(&files.log);
        if new_file {
            whole &= self.write_exemplars(&files.log);
        }
        if let Some(now_ms) = now_ms {
            self.notes.written_ms.store(now_ms, Ordering::Relaxed);
        }
        let has = if whole && files.log.current() == current {
            current
        } else {
            0
        };
        self.notes.file.store(has, Ordering::Relaxed);
    }

    fn write_metadata(&self, log: &Log) -> bool {
        let all = self.metadata.lock().all();
        let mut writer = Writer::new(log);
        for page in all {
            let groups = self.groups.read();
            let labels = page.groups.iter().filter_map(|group| groups.get(*group));
            let said = Said {
                whole: page.whole,
                groups: labels.map(|group| group.labels.clone()).collect(),
                entries: page.entries,
            };
            drop(groups);
            writer.put(|out| put_metadata(out, &said));
        }
        writer.finish("metadata")
    }

    fn write_exemplars(&self, log: &Log) -> bool {
        let all = self.exemplars.lock().all();
        let mut writer = Writer::new(log);
        // The newest first, so that they are not those for which there is no room.
        let sizes = all.iter().rev().scan(0, |bytes, (series, exemplar)| {
            let mut out = Vec::new();
            put_exemplar(&mut out, series, exemplar);
            *bytes += out.len();
            Some(*bytes)
        });
        let kept = sizes.take_while(|bytes| *bytes < MOST_BYTES).count();
        for (series, exemplar) in all.iter().skip(all.len() - kept) {
            writer.put(|out| put_exemplar(out, series, exemplar));
        }
        writer.finish("exemplars")
    }

    /// Takes back what the log has of an exemplar.
    pub(crate) fn replay_exemplar(&self, series: &Labels, exemplar: Exemplar) {
        self.exemplars.lock().restore(series, exemplar);
    }

    /// Takes back what the log has of metadata.
    pub(crate) fn replay_metadata(&self, said: Said) -> Result<(), crate::Error> {
        let page = said.entries.into();
        for labels in &said.groups {
            let group = self.groups.write().intern(labels)?;
            let mut metadata = self.metadata.lock();
            if said.whole {
                metadata.set_page(group.id, &page);
            } else {
                for (metric, said) in page.iter() {
                    metadata.set(group.id, metric, said);
                }
            }
        }
        Ok(())
    }
}

/// Writes records, up to a bound.
struct Writer<'a> {
    log: &'a Log,
    out: Vec<u8>,
    bytes: usize,
    left_out: usize,
    failed: bool,
}

impl<'a> Writer<'a> {
    fn new(log: &'a Log) -> Self {
        Self {
            log,
            out: Vec::new(),
            bytes: 0,
            left_out: 0,
            failed: false,
        }
    }

    fn put(&mut self, put: impl FnOnce(&mut Vec<u8>) -> bool) {
        let before = self.out.len();
        let fits = put(&mut self.out);
        let more = self.out.len() - before;
        if !fits || self.bytes + more > MOST_BYTES {
            self.out.truncate(before);
            self.left_out += 1;
            return;
        }
        self.bytes += more;
        if self.out.len() >= WRITE {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.failed |= !self.out.is_empty() && !self.log.write_note(&self.out);
        self.out.clear();
    }

    /// Whether everything is in the log that there is room for.
    fn finish(mut self, what: &str) -> bool {
        self.flush();
        if self.left_out > 0 {
            warn!(
                records = self.left_out,
                "the log has no room for all {what}: a restart would forget some"
            );
        }
        !self.failed
    }
}
