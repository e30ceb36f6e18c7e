//! Marks: NaNs that stand for a histogram in a column of floats.

/// The bits of a mark whose place is 0. The place is the lower half.
pub const HISTOGRAM_MARK_BITS: u64 = 0x7ff0_b10b_0000_0000;

/// The mark of the histogram at a place of the list beside the column.
pub fn histogram_mark(place: u32) -> f64 {
    f64::from_bits(HISTOGRAM_MARK_BITS | u64::from(place))
}

/// The place that a mark holds; nothing where the value is none.
pub fn histogram_index(value: f64) -> Option<u32> {
    let place = value.to_bits() ^ HISTOGRAM_MARK_BITS;
    u32::try_from(place).ok()
}
