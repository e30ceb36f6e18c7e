//! The shape of a target's last page: which line stood where, and which line of the store it is.
//!
//! A page has nearly the same lines in the same order each time. The walk over a page compares each
//! line with the one that stood there last time ([`Walk::expected`]); only where they differ is the
//! text looked up, and only a text that was never seen is read as labels.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use watchpost_tsdb::LineId;

/// The texts of the series of all targets, each kept once: hosts have the same lines.
#[derive(Debug, Default)]
pub(super) struct Texts(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    texts: HashSet<Arc<[u8]>, RandomState>,
    /// At how many texts it is time to look for those that nobody needs any more.
    sweep_at: usize,
}

impl Texts {
    /// The kept copy of a text.
    pub(super) fn keep(&self, text: &[u8]) -> Arc<[u8]> {
        let mut kept = self.0.lock();
        if let Some(known) = kept.texts.get(text) {
            return Arc::clone(known);
        }
        if kept.texts.len() >= kept.sweep_at {
            kept.texts.retain(|text| Arc::strong_count(text) > 1);
            kept.sweep_at = 2 * kept.texts.len() + 1_024;
        }
        let text: Arc<[u8]> = Arc::from(text);
        kept.texts.insert(Arc::clone(&text));
        text
    }
}

/// What a line of a page is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line of the store.
    Kept(LineId),
    /// The label rules drop it.
    Dropped,
}

/// A line's text and what it is.
type Entry = (Arc<[u8]>, Line);

/// The shape of a target's last page, and lines that stood on earlier ones.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    entries: Vec<Entry>,
    /// The entries of the last page in order.
    order: Vec<u32>,
}

/// So many entries more than the last page has are kept for lines that come and go.
const SPARE: usize = 1_000;

impl Remembered {
    /// A walk over the next page.
    pub(super) fn walk(&mut self) -> Walk<'_> {
        Walk {
            remembered: self,
            at: 0,
            order: None,
            index: None,
            new: 0,
        }
    }

    /// Forgets lines that the last page does not have when there are too many of them.
    fn tidy(&mut self) {
        if self.entries.len() <= 2 * self.order.len() + SPARE {
            return;
        }
        let mut entries = Vec::with_capacity(self.order.len());
        let mut places = HashMap::new();
        for place in &mut self.order {
            if let Some(entry) = usize::try_from(*place)
                .ok()
                .and_then(|at| self.entries.get(at))
            {
                *place = *places.entry(*place).or_insert_with(|| {
                    entries.push(entry.clone());
                    index_of_last(entries.len())
                });
            }
        }
        self.entries = entries;
    }
}

fn index_of_last(length: usize) -> u32 {
    u32::try_from(length.saturating_sub(1)).unwrap_or(u32::MAX)
}

/// A walk over a page beside the shape of the last one.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    remembered: &'a mut Remembered,
    /// Where in the old order the next line is expected.
    at: usize,
    /// The order of this page, from the first difference on.
    order: Option<Vec<u32>>,
    /// The entries by text, made when the first line is not where it was.
    index: Option<HashMap<Arc<[u8]>, u32, RandomState>>,
    new: usize,
}

impl Walk<'_> {
    /// The text that stood here last time; empty where there was none.
    pub(super) fn expected(&self) -> &[u8] {
        self.expected_entry().map_or(&[], |(_, (text, _))| text)
    }

    fn expected_entry(&self) -> Option<(u32, &Entry)> {
        let place = *self.remembered.order.get(self.at)?;
        let entry = self.remembered.entries.get(usize::try_from(place).ok()?)?;
        Some((place, entry))
    }

    /// Which line a text is, where that is known, and one step on.
    pub(super) fn step(&mut self, text: &[u8]) -> Option<Line> {
        if let Some((place, (expected, line))) = self.expected_entry()
            && **expected == *text
        {
            let line = *line;
            self.at += 1;
            if let Some(order) = &mut self.order {
                order.push(place);
            }
            return Some(line);
        }
        self.differ();
        let place = *self.index.as_ref()?.get(text)?;
        let (_, line) = *self.remembered.entries.get(usize::try_from(place).ok()?)?;
        self.resume_after(place);
        self.order.get_or_insert_default().push(place);
        Some(line)
    }

    /// Remembers a new line.
    pub(super) fn learn(&mut self, text: Arc<[u8]>, line: Line) {
        self.differ();
        self.new += 1;
        self.remembered.entries.push((Arc::clone(&text), line));
        let place = index_of_last(self.remembered.entries.len());
        self.index.get_or_insert_default().insert(text, place);
        self.order.get_or_insert_default().push(place);
    }

    /// How many lines were never seen.
    pub(super) fn new_lines(&self) -> usize {
        self.new
    }

    /// Ends the walk: this page is the last one now.
    pub(super) fn finish(mut self) {
        if self.order.is_none() && self.at < self.remembered.order.len() {
            self.differ();
        }
        if let Some(order) = self.order.take() {
            self.remembered.order = order;
            self.remembered.tidy();
        }
    }

    /// From here on this page's order is not the last one's.
    fn differ(&mut self) {
        if self.order.is_none() {
            let same = self.remembered.order.get(..self.at).unwrap_or_default();
            self.order = Some(same.to_vec());
        }
        if self.index.is_none() {
            let entries = self.remembered.entries.iter().enumerate();
            let pairs = entries.map(|(at, (text, _))| (Arc::clone(text), index_of_last(at + 1)));
            self.index = Some(pairs.collect());
        }
    }

    /// After a line that stood elsewhere the page is likely to go on as it did after that line:
    /// true for lines that were left out or put in.
    fn resume_after(&mut self, place: u32) {
        let ahead = self.remembered.order.iter().skip(self.at);
        if let Some(distance) = ahead.take(64).position(|have| *have == place) {
            self.at += distance + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks over pages of lines and says for each line whether it was known.
    fn known(remembered: &mut Remembered, page: &[&str]) -> Vec<bool> {
        let texts = Texts::default();
        let mut walk = remembered.walk();
        let known = page
            .iter()
            .map(|line| {
                let known = walk.step(line.as_bytes()).is_some();
                if !known {
                    walk.learn(texts.keep(line.as_bytes()), Line::Dropped);
                }
                known
            })
            .collect();
        walk.finish();
        known
    }

    fn expectations(remembered: &mut Remembered, count: usize) -> Vec<String> {
        let mut walk = remembered.walk();
        (0..count)
            .map(|_| {
                let expected = walk.expected().to_vec();
                walk.step(&expected);
                String::from_utf8(expected).unwrap()
            })
            .collect()
    }

    #[test]
    fn a_page_is_expected_as_it_was() {
        let mut remembered = Remembered::default();
        assert_eq!(known(&mut remembered, &["a", "b", "c"]), [false; 3]);
        assert_eq!(known(&mut remembered, &["a", "b", "c"]), [true; 3]);
        assert_eq!(expectations(&mut remembered, 4), ["a", "b", "c", ""]);
    }

    #[test]
    fn lines_that_come_go_or_move_are_found() {
        let mut remembered = Remembered::default();
        known(&mut remembered, &["a", "b", "c", "d"]);
        assert_eq!(known(&mut remembered, &["a", "c", "d"]), [true; 3]);
        assert_eq!(expectations(&mut remembered, 4), ["a", "c", "d", ""]);
        assert_eq!(
            known(&mut remembered, &["a", "x", "c", "d", "b"]),
            [true, false, true, true, true]
        );
        assert_eq!(
            expectations(&mut remembered, 6),
            ["a", "x", "c", "d", "b", ""]
        );
        assert_eq!(known(&mut remembered, &["b", "a", "a"]), [true; 3]);
        assert_eq!(expectations(&mut remembered, 4), ["b", "a", "a", ""]);
        assert_eq!(known(&mut remembered, &["b"]), [true]);
        assert_eq!(expectations(&mut remembered, 2), ["b", ""]);
    }

    #[test]
    fn what_is_gone_for_good_is_forgotten() {
        let mut remembered = Remembered::default();
        for round in 0..20 {
            let page: Vec<String> = (0..200).map(|line| format!("{round}-{line}")).collect();
            let page: Vec<&str> = page.iter().map(String::as_str).collect();
            known(&mut remembered, &page);
            assert_eq!(known(&mut remembered, &page), [true; 200]);
        }
        assert!(remembered.entries.len() <= 2 * 200 + SPARE + 200);
    }

    #[test]
    fn equal_texts_are_kept_once_and_dropped_when_nobody_needs_them() {
        let texts = Texts::default();
        let kept = texts.keep(b"a");
        assert!(Arc::ptr_eq(&kept, &texts.keep(b"a")));
        for number in 0..5_000_u32 {
            texts.keep(&number.to_le_bytes());
        }
        assert!(texts.0.lock().texts.len() <= 2_048);
        assert!(Arc::ptr_eq(&kept, &texts.keep(b"a")));
    }
}
