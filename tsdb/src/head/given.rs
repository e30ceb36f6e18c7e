//! Histograms that come with an append: the values that stand for them get places of the group's own.

use std::borrow::Cow;
use std::sync::Arc;

use watchpost_model::histogram::histogram_index;
use watchpost_model::{Histogram, absent_nan, stale_nan};

use crate::histogram::{OpenHistograms, check, encode};
use crate::{Error, LineId};

/// Samples, and the histograms that some of them stand for.
pub(crate) type Samples<'a> = (&'a [(LineId, f64)], &'a Given);

/// The histograms of an append, encoded. Nothing stands for one that ends its series.
#[derive(Debug, Default)]
pub(crate) struct Given(Vec<Option<Arc<[u8]>>>);

impl Given {
    /// Checks and encodes histograms.
    pub(crate) fn new(histograms: &[Histogram]) -> Result<Self, Error> {
        let mut given = Vec::with_capacity(histograms.len());
        for histogram in histograms {
            check(histogram)?;
            given.push((!histogram.is_stale()).then(|| {
                let mut encoded = Vec::new();
                encode(histogram, None, &mut encoded);
                encoded.into()
            }));
        }
        Ok(Self(given))
    }

    /// A value as the group has it. What stands for a histogram that did not come is none.
    fn own(&self, value: f64, open: &mut OpenHistograms) -> f64 {
        let Some(place) = histogram_index(value) else {
            return value;
        };
        match self.0.get(place as usize) {
            None => absent_nan(),
            Some(None) => stale_nan(),
            Some(Some(encoded)) => open.take_in(encoded),
        }
    }

    /// The values of a row as the group has them.
    pub(super) fn own_values(&self, values: &[f64], open: &mut OpenHistograms) -> Vec<f64> {
        let values = values.iter();
        values.map(|value| self.own(*value, open)).collect()
    }

    /// Samples as the group has them.
    pub(super) fn own_samples<'a>(
        &self,
        samples: &'a [(LineId, f64)],
        open: &mut OpenHistograms,
    ) -> Cow<'a, [(LineId, f64)]> {
        let mut marks = samples.iter().map(|(_, value)| histogram_index(*value));
        if !marks.any(|mark| mark.is_some()) {
            return samples.into();
        }
        let samples = samples.iter();
        let own = samples.map(|(line, value)| (*line, self.own(*value, open)));
        own.collect()
    }
}
