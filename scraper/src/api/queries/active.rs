//! The queries that run now, in a file that outlives a crash.
//!
//! The file has a place of [`PLACE`] bytes for each query that may run at once: a JSON object
//! (`query`, `timestamp_sec`) and zeros, or only zeros. A place is written before its query starts
//! and blanked when it ends, so what a start finds are the queries that ran when the process died.
//! The writes stop at the page cache: a killed process leaves them behind, and that is what is asked.
//! Prometheus keeps the same record under the same name.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::json;

/// The bytes of one place.
const PLACE: usize = 1_000;
/// What is read of a file at the most.
const READ_LIMIT: u64 = 4 << 20;
/// The file's name in the store's directory.
pub(super) const FILE_NAME: &str = "queries.active";

/// The record of the queries that run now.
#[derive(Debug)]
pub(super) struct Active {
    file: File,
    free: Mutex<Vec<u32>>,
    /// Whether a failed write was told; each query would tell it again.
    told: AtomicBool,
}

impl Active {
    /// Makes the file new, with so many places. Gives what stood in it.
    pub(super) fn open(path: &Path, places: u32) -> std::io::Result<(Self, Vec<String>)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut before = Vec::new();
        Read::by_ref(&mut file)
            .take(READ_LIMIT)
            .read_to_end(&mut before)?;
        file.set_len(0)?;
        file.set_len(u64::from(places) * PLACE as u64)?;
        let this = Self {
            file,
            free: Mutex::new((0..places).rev().collect()),
            told: AtomicBool::new(false),
        };
        Ok((this, unfinished(&before)))
    }

    /// Writes a query down until the result is dropped. Where no place is free, nothing is written.
    pub(super) fn insert(&self, query: &str, now_ms: i64) -> Entry<'_> {
        let place = self.free.lock().pop();
        if let Some(place) = place {
            self.write(place, entry(query, now_ms).as_bytes());
        }
        Entry {
            active: self,
            place,
        }
    }

    fn write(&self, place: u32, bytes: &[u8]) {
        let mut all = [0; PLACE];
        for (to, from) in all.iter_mut().zip(bytes) {
            *to = *from;
        }
        let at = u64::from(place) * PLACE as u64;
        if let Err(error) = self.file.write_all_at(&all, at)
            && !self.told.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "cannot record the running queries in {FILE_NAME}");
        }
    }
}

/// A query that stands in the record.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    active: &'a Active,
    place: Option<u32>,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.active.write(place, b"");
            self.active.free.lock().push(place);
        }
    }
}

/// What is written of a query: as much of it as a place takes.
fn entry(query: &str, now_ms: i64) -> String {
    let mut length = query.floor_char_boundary(PLACE);
    loop {
        let query = query.get(..length).unwrap_or_default();
        let text = json!({"query": query, "timestamp_sec": now_ms / 1_000}).to_string();
        if text.len() <= PLACE || length == 0 {
            return text;
        }
        let over = (text.len() - PLACE).div_ceil(6);
        length = query.floor_char_boundary(length.saturating_sub(over));
    }
}

fn unfinished(bytes: &[u8]) -> Vec<String> {
    bytes
        .chunks(PLACE)
        .filter_map(|place| {
            let end = place.iter().position(|byte| *byte == 0);
            let text = place.get(..end.unwrap_or(place.len()))?;
            (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_finds_the_queries_that_ran_when_the_process_died() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let (active, before) = Active::open(&path, 2).unwrap();
        assert_eq!(before, Vec::<String>::new());
        let ended = active.insert("ended", 1_000);
        let first = active.insert("sum(a)", 5_000);
        drop(ended);
        // A process that dies drops nothing.
        std::mem::forget(first);
        let (active, before) = Active::open(&path, 1).unwrap();
        assert_eq!(before, [r#"{"query":"sum(a)","timestamp_sec":5}"#]);
        drop(active);
        assert!(Active::open(&path, 1).unwrap().1.is_empty());
    }

    #[test]
    fn a_long_query_is_cut_to_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        for query in ["a\"".repeat(4_000), "\u{1}\u{e4}".repeat(4_000)] {
            let (active, _) = Active::open(&path, 1).unwrap();
            std::mem::forget(active.insert(&query, 0));
            let (_, before) = Active::open(&path, 1).unwrap();
            let found: serde_json::Value = serde_json::from_str(&before[0]).unwrap();
            let found = found["query"].as_str().unwrap();
            assert!(found.len() > 100 && query.starts_with(found), "{found}");
        }
    }

    #[test]
    fn more_queries_than_places_are_not_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let (active, _) = Active::open(&folder.path().join(FILE_NAME), 1).unwrap();
        let first = active.insert("a", 0);
        assert_eq!(active.insert("b", 0).place, None);
        drop(first);
        assert_eq!(active.insert("c", 0).place, Some(0));
    }
}
