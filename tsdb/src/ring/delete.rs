//! Deleting: hidden at once, gone when the files are written again.

use watchpost_model::Matcher;

use super::tombstones::{MAX_TOMBSTONES, Tombstone, Tombstones};
use crate::store::Store;
use crate::{Error, TimeRange};

impl Store {
    /// Hides the samples in a range of the series that pass all matchers.
    pub(crate) fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), Error> {
        let Some(files) = &self.files else {
            return Err(Error::NotYet("deletion in a store without files"));
        };
        let mut work = files.ring.work.lock();
        let list = files.ring.list();
        if list.stones.0.len() >= MAX_TOMBSTONES {
            return Err(Error::Full("deletions; clean the tombstones first"));
        }
        // What is newer comes after the deletion, and so is not hidden; without this end the
        // tombstone could not be told to be done.
        let groups = self.all_groups();
        let in_head = groups
            .iter()
            .filter_map(|group| group.body.lock().time_span());
        let in_segments = list.segments.iter();
        let in_segments = in_segments.map(|sealed| sealed.segment.info().max_time_ms);
        let newest = in_head.map(|(_, last)| last).chain(in_segments).max();
        let Some(newest) = newest.filter(|newest| range.from_ms <= *newest) else {
            return Ok(());
        };
        let mut stones = Tombstones::clone(&list.stones);
        drop(list);
        stones.0.push(Tombstone {
            range: TimeRange::new(range.from_ms, range.to_ms.min(newest)),
            matchers: matchers.to_vec(),
            sequence: self.counters.coming_sequence(),
            segment: work.last_number() + 1,
        });
        let sequence = stones.0.last().map_or(0, |stone| stone.sequence);
        files.ring.set_stones(stones, &mut work)?;
        // What comes from now on is not to go into rows that are hidden.
        self.counters.note_deletion(sequence);
        for group in &groups {
            self.flush_group(group, range.to_ms.min(newest).saturating_add(1));
        }
        Ok(())
    }

    /// Writes the segments anew that have something that is deleted.
    pub(crate) fn clean_tombstones(&self) -> Result<(), Error> {
        let Some(files) = &self.files else {
            return Ok(());
        };
        let mut work = files.ring.work.lock();
        let list = files.ring.list();
        let touched = list.segments.iter().filter(|sealed| {
            let info = sealed.segment.info();
            let span = TimeRange::new(info.min_time_ms, info.max_time_ms);
            let mut stones = list.stones.0.iter();
            stones.any(|stone| sealed.name.number < stone.segment && stone.range.touches(span))
        });
        let names: Vec<_> = touched.map(|sealed| sealed.name).collect();
        drop(list);
        for name in names {
            let bounds = (name.from_ms, name.to_ms);
            files.ring.merge(bounds, &[name.number], self, &mut work)?;
        }
        self.drop_tombstones(files, &mut work)
    }
}
