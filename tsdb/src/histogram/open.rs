//! The histograms of a group's open rows.

use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::Histogram;
use watchpost_model::histogram::{histogram_index, histogram_mark};

use super::{Marked, read_one};

/// Encoded histograms by their places; equal ones have one place.
#[derive(Debug, Default)]
pub(crate) struct OpenHistograms {
    list: Vec<Option<Arc<[u8]>>>,
    places: HashMap<Arc<[u8]>, u32>,
    /// Places that are free again.
    free: Vec<u32>,
    bytes: usize,
    /// How many bytes were left the last time that unused ones were forgotten.
    bytes_kept: usize,
}

/// Below so many bytes nothing is looked for that could be forgotten.
const FEW_BYTES: usize = 64 << 10;

impl OpenHistograms {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Their bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there may be as many unused ones as used ones: what is refused, or goes to a side, was
    /// taken in before.
    pub(crate) fn has_grown(&self) -> bool {
        self.bytes > FEW_BYTES.max(2 * self.bytes_kept)
    }

    /// Takes an encoded histogram in. Gives the value that stands for it.
    pub(crate) fn take_in(&mut self, encoded: &Arc<[u8]>) -> f64 {
        if let Some(place) = self.places.get(encoded) {
            return histogram_mark(*place);
        }
        let place = self.free.pop().or_else(|| {
            self.list.push(None);
            u32::try_from(self.list.len() - 1).ok()
        });
        let entry = place.and_then(|place| Some((place, self.list.get_mut(place as usize)?)));
        let Some((place, entry)) = entry else {
            return watchpost_model::absent_nan();
        };
        *entry = Some(Arc::clone(encoded));
        self.places.insert(Arc::clone(encoded), place);
        self.bytes += encoded.len();
        histogram_mark(place)
    }

    /// The bytes of the histogram that a value stands for.
    pub(crate) fn encoded(&self, value: f64) -> Option<&Arc<[u8]>> {
        let place = histogram_index(value)?;
        self.list.get(place as usize)?.as_ref()
    }

    /// Forgets those that none of some values stands for.
    pub(crate) fn keep(&mut self, values: impl Iterator<Item = f64>) {
        let mut kept = vec![false; self.list.len()];
        for place in values.filter_map(histogram_index) {
            if let Some(kept) = kept.get_mut(place as usize) {
                *kept = true;
            }
        }
        for ((entry, kept), place) in self.list.iter_mut().zip(kept).zip(0..) {
            if let Some(encoded) = entry.take_if(|_| !kept) {
                self.bytes -= encoded.len();
                self.places.remove(&encoded);
                self.free.push(place);
            }
        }
        self.bytes_kept = self.bytes;
        if self.places.is_empty() {
            *self = Self::default();
        }
    }
}

impl Marked for OpenHistograms {
    fn at(&self, place: u32) -> Option<Arc<Histogram>> {
        let encoded = self.list.get(place as usize)?.as_ref()?;
        read_one(encoded).ok().map(Arc::new)
    }
}
