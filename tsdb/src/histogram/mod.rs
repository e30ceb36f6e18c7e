//! Native histograms in columns of floats.
//!
//! A value of a column that is a histogram is a mark: a NaN with a place in a list beside the column.
//! Which list that is depends on where the column is:
//!
//! - open rows: the group's [`OpenHistograms`], encoded; equal ones have one place, so that equal cells
//!   have equal bits;
//! - what is read, on its way to a query or a segment: [`Histograms`], decoded;
//! - encoded columns and records of the log: the histograms stand with the values, see `codec`.
//!
//! A histogram that says that its series ends is kept as the stale marker of floats: it says no more.

mod codec;
mod list;
mod open;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use watchpost_model::histogram::{Counts, histogram_index};
use watchpost_model::{Histogram, is_absent, is_stale};

pub(crate) use self::codec::{decode, encode, read_one};
pub use self::list::Histograms;
pub(crate) use self::open::OpenHistograms;
use crate::{Error, Refusal};

/// The most buckets, spans and bounds of a histogram, all together.
pub(crate) const MOST_PARTS: usize = 1 << 14;

/// A list that marks are places of.
pub(crate) trait Marked {
    /// The histogram at a place.
    fn at(&self, place: u32) -> Option<Arc<Histogram>>;
}

/// Refuses what makes no sense or is too large for a store.
pub fn check(histogram: &Histogram) -> Result<(), Error> {
    let parts = parts(histogram);
    if parts > MOST_PARTS {
        return Err(Error::HistogramSize {
            found: parts,
            most: MOST_PARTS,
        });
    }
    histogram.validate().map_err(Error::Histogram)?;
    if has_marks(histogram) {
        return Err(Error::Refused(Refusal::AbsentMark));
    }
    Ok(())
}

/// Whether one of its figures is a NaN that means something else: a query makes floats of them.
fn has_marks(histogram: &Histogram) -> bool {
    let is_mark = |value: f64| is_absent(value) || histogram_index(value).is_some();
    let counts = match &histogram.counts {
        Counts::Integer { .. } => false,
        Counts::Float {
            count,
            zero_count,
            positive,
            negative,
        } => {
            let buckets = positive.iter().chain(negative);
            let mut all = buckets.chain([count, zero_count]).copied();
            all.any(|value| is_mark(value) || is_stale(value))
        }
    };
    counts || is_mark(histogram.sum) || is_mark(histogram.zero_threshold)
}

fn parts(histogram: &Histogram) -> usize {
    let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
    histogram.bucket_count() + spans + histogram.custom_values.len()
}

/// About how many bytes of memory a decoded histogram takes.
pub(crate) fn memory(histogram: &Histogram) -> usize {
    size_of::<Histogram>() + 8 * parts(histogram)
}
