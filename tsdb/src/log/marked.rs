//! The histograms of records, and what marks stand for in a file.

use std::sync::Arc;

use foldhash::HashMap;
use watchpost_model::absent_nan;
use watchpost_model::histogram::histogram_index;

use super::bytes::{Malformed, Reader, put_number};
use crate::histogram::{OpenHistograms, read_one};

/// Appends the histogram that a value stands for.
pub(super) fn put_histogram(out: &mut Vec<u8>, mark: f64, histograms: &OpenHistograms) {
    let encoded = histograms.encoded(mark).map_or(&[][..], |encoded| encoded);
    put_number(out, encoded.len() as u64);
    out.extend_from_slice(encoded);
}

/// What the marks among a group's values stand for, as a file tells it.
#[derive(Clone, Debug, Default)]
pub(crate) struct MarkedHere(HashMap<u32, Arc<[u8]>>);

impl MarkedHere {
    /// Reads the histogram that a mark stands for from now on.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, mark: f64) -> Result<(), Malformed> {
        let length = reader.count()?;
        let encoded = reader.bytes(length)?;
        read_one(encoded)?;
        let place = histogram_index(mark).ok_or(Malformed)?;
        self.0.insert(place, encoded.into());
        Ok(())
    }

    /// Takes in what another one says.
    pub(super) fn extend(&mut self, other: &Self) {
        let all = other.0.iter();
        self.0
            .extend(all.map(|(place, encoded)| (*place, Arc::clone(encoded))));
    }

    /// Whether no value stands for anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A value as a group's open rows have it.
    pub(super) fn own(&self, value: f64, open: &mut OpenHistograms) -> f64 {
        match histogram_index(value) {
            None => value,
            Some(place) => match self.0.get(&place) {
                Some(encoded) => open.take_in(encoded),
                None => absent_nan(),
            },
        }
    }
}
