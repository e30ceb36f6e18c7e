//! The histograms of columns that are read.

use std::sync::Arc;

use parking_lot::Mutex;
use watchpost_model::Histogram;
use watchpost_model::histogram::{histogram_index, histogram_mark};

use super::Marked;

/// Histograms by their places. A mark among the values of a column that was read with this list is a
/// place in it. Several threads may add to it at a time.
#[derive(Debug, Default)]
pub struct Histograms {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    list: Vec<Arc<Histogram>>,
    /// Bytes of memory of those that were added since it was asked for.
    added: usize,
}

impl Histograms {
    /// The histogram that a value stands for; nothing where it is a float.
    pub fn get(&self, value: f64) -> Option<Arc<Histogram>> {
        self.at(histogram_index(value)?)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.inner.lock().list.is_empty()
    }

    /// Adds a histogram. Gives the value that stands for it.
    pub(crate) fn add(&self, histogram: Arc<Histogram>) -> f64 {
        let mut inner = self.inner.lock();
        let Ok(place) = u32::try_from(inner.list.len()) else {
            return watchpost_model::absent_nan();
        };
        inner.added += super::memory(&histogram);
        inner.list.push(histogram);
        histogram_mark(place)
    }

    /// Forgets all of them: nothing that is kept was read with them.
    pub(crate) fn clear(&self) {
        let mut inner = self.inner.lock();
        inner.list.clear();
        inner.added = 0;
    }

    /// The bytes of memory of those that were added since the last call.
    pub(crate) fn take_added(&self) -> usize {
        std::mem::take(&mut self.inner.lock().added)
    }
}

impl Marked for Histograms {
    fn at(&self, place: u32) -> Option<Arc<Histogram>> {
        self.inner.lock().list.get(place as usize).map(Arc::clone)
    }
}
