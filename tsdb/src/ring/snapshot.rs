//! Snapshots: a directory with the segments, and the head's rows as more of them, that opens as a data
//! directory. Segments are linked, not copied.

use std::path::Path;

use super::maintain::MEMORY;
use super::name::SegmentName;
use super::seal::HeadSource;
use super::tombstones::{self, Tombstones};
use crate::directory::{io, mark};
use crate::segment;
use crate::store::{Files, Store};
use crate::{Error, TimeRange};

impl Store {
    /// Makes a snapshot in a directory that is not there yet.
    pub(crate) fn snapshot(&self, directory: &Path, with_head: bool) -> Result<(), Error> {
        let Some(files) = &self.files else {
            return Err(Error::NotYet("snapshots of a store without files"));
        };
        if directory.exists() {
            let source = std::io::ErrorKind::AlreadyExists.into();
            return Err(io("make directory", directory, source));
        }
        let ring = &files.ring;
        let mut work = ring.work.lock();
        self.let_go_of_moved(files, &mut work);
        let segments = directory.join("segments");
        // All parts of a data directory, so that it can be read without being changed.
        for part in ["log", "head", "segments"].map(|part| directory.join(part)) {
            ring.disk
                .create_directory(&part)
                .map_err(|source| io("make directory", &part, source))?;
        }
        let list = ring.list();
        for sealed in &list.segments {
            let (from, to) = (sealed.segment.path(), sealed.name.path(&segments));
            let linked = ring.disk.link(from, &to);
            linked.map_err(|source| io("link", &to, source))?;
        }
        tombstones::write(&*ring.disk, directory, &list.stones)?;
        if with_head {
            let mut number = work.last_number();
            self.snapshot_head(files, &segments, &list.stones, &mut number)?;
        }
        let synced = ring.disk.sync_directory(&segments);
        synced.map_err(|source| io("sync", &segments, source))?;
        mark(directory, &*ring.disk)
    }

    /// Writes the head's rows as segments, window by window.
    fn snapshot_head(
        &self,
        files: &Files,
        segments: &Path,
        stones: &Tombstones,
        number: &mut u64,
    ) -> Result<(), Error> {
        let ring = &files.ring;
        let groups = self.all_groups();
        let mut newest = None;
        for group in &groups {
            let mut body = group.body.lock();
            let bytes = body.close(self.block_target(group));
            newest = newest.max(body.time_span().map(|(_, last)| last));
            drop(body);
            self.count_memory(bytes);
        }
        let (Some(mut from), Some(newest)) = (self.oldest_row(), newest) else {
            return Ok(());
        };
        while from <= newest {
            let (from_ms, to_ms) = ring.spans.window(from);
            let range = TimeRange::new(from_ms, to_ms.saturating_sub(1));
            // By their numbers these segments come after the tombstones.
            let mut source = HeadSource::new(&self.lines, stones.within(range));
            for group in &groups {
                source.add(group, range)?;
            }
            *number += 1;
            let name = SegmentName {
                from_ms,
                to_ms,
                number: *number,
            };
            segment::write(&*ring.disk, &name.path(segments), &mut source, MEMORY)?;
            // Windows without a row are passed over.
            let after = groups.iter().filter_map(|group| {
                let body = group.body.lock();
                let blocks = body.blocks(TimeRange::new(to_ms, i64::MAX));
                blocks
                    .iter()
                    .map(|block| block.first_time().max(to_ms))
                    .min()
            });
            from = after.min().unwrap_or(i64::MAX).max(to_ms);
            if from == i64::MAX {
                break;
            }
        }
        Ok(())
    }
}
