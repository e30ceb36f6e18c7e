//! What a segment says of the rows that a head file or the log may still have.

use crate::segment::GroupKey;

/// Which rows of a body are in a segment: those up to the time of one of these rows that were accepted
/// up to its sequence, for a seal takes all that is older than what it takes. The time alone does not
/// tell: a group that is forgotten takes rows as old as they come.
#[derive(Debug)]
pub(crate) struct Watermark {
    pub(crate) key: GroupKey,
    pub(crate) rows: Vec<(i64, u64)>,
}

impl Watermark {
    /// The rows, ascending in time, that have no later one with a higher sequence. Mostly that is the
    /// last. Its time and the highest sequence of all would say too much: a merge brings rows together
    /// of which another seal took the older ones.
    pub(super) fn highest(rows: impl DoubleEndedIterator<Item = (i64, u64)>) -> Vec<(i64, u64)> {
        let mut found: Vec<(i64, u64)> = Vec::new();
        for row in rows.rev() {
            if found.last().is_none_or(|(_, highest)| row.1 > *highest) {
                found.push(row);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_is_below_one_of_the_highest_just_where_it_is_below_any(
            sequences in vec(0..20_u64, 0..20),
            asked in (-1..21_i64, 0..21_u64),
        ) {
            let rows: Vec<(i64, u64)> = (0..).zip(sequences).collect();
            let highest = Watermark::highest(rows.iter().copied());
            let is_below = |rows: &[(i64, u64)]| {
                let mut rows = rows.iter();
                rows.any(|(time, sequence)| asked.0 <= *time && asked.1 <= *sequence)
            };
            prop_assert_eq!(is_below(&highest), is_below(&rows));
            prop_assert!(highest.is_sorted_by(|one, other| one.0 > other.0 && one.1 < other.1));
        }
    }
}
