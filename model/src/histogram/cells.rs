//! The buckets of one side of a histogram as a list: each with its index, ascending, and a count that
//! loses no low digits.

use super::Span;
use crate::Kahan;

/// An index and a count.
pub(super) type Cell = (i32, Kahan);

/// The buckets of one side, by index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cells(pub(super) Vec<Cell>);

/// The indices of the buckets that spans stand for.
pub(super) fn indices(spans: &[Span]) -> impl Iterator<Item = i32> {
    let mut next = 0_i32;
    spans.iter().flat_map(move |span| {
        let first = next.saturating_add(span.offset);
        let length = i32::try_from(span.length).unwrap_or(i32::MAX);
        next = first.saturating_add(length);
        first..next
    })
}

/// The spans of ascending indices.
pub(super) fn spans(indices: impl Iterator<Item = i32>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut next = 0;
    for index in indices {
        match spans.last_mut() {
            Some(last) if index == next => last.length += 1,
            _ => spans.push(Span {
                offset: index.saturating_sub(next),
                length: 1,
            }),
        }
        next = index.saturating_add(1);
    }
    spans
}

impl Cells {
    pub(super) fn new(spans: &[Span], counts: &[f64]) -> Self {
        let counts = counts.iter().map(|count| Kahan::from_first(*count));
        Self(indices(spans).zip(counts).collect())
    }

    /// Spans and counts, the latter as `count` reads them.
    pub(super) fn into_parts(self, count: fn(Kahan) -> f64) -> (Vec<Span>, Vec<f64>) {
        let spans = spans(self.0.iter().map(|(index, _)| *index));
        let counts = self.0.into_iter().map(|(_, cell)| count(cell));
        (spans, counts.collect())
    }

    pub(super) fn for_each(&mut self, change: impl Fn(&mut Kahan)) {
        for (_, cell) in &mut self.0 {
            change(cell);
        }
    }

    /// Whether any count is infinite.
    pub(super) fn overflows(&self) -> bool {
        self.0.iter().any(|(_, cell)| cell.sum.is_infinite())
    }

    /// Leaves out what is exactly zero.
    pub(super) fn retain_populated(&mut self) {
        let populated = |cell: &Kahan| cell.sum != 0.0 || cell.rest != 0.0;
        self.0.retain(|(_, cell)| populated(cell));
    }

    /// Puts buckets together that are one at a resolution that is lower by some powers of two.
    pub(super) fn reduce(&mut self, by: u32) {
        for (index, _) in &mut self.0 {
            *index = reduced_index(*index, by);
        }
        self.0.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1.add_sum(later.1);
            }
            same
        });
    }

    /// Adds the buckets of another list.
    pub(super) fn add(&mut self, other: Self) {
        let mut merged = Vec::with_capacity(self.0.len().max(other.0.len()));
        let mut mine = std::mem::take(&mut self.0).into_iter().peekable();
        for (index, cell) in other.0 {
            while let Some(before) = mine.next_if(|(other, _)| *other < index) {
                merged.push(before);
            }
            let cell = match mine.next_if(|(other, _)| *other == index) {
                Some((_, mut sum)) => {
                    sum.add_sum(cell);
                    sum
                }
                None => cell,
            };
            merged.push((index, cell));
        }
        merged.extend(mine);
        self.0 = merged;
    }
}

/// The index of a bucket at a resolution that is lower by some powers of two.
pub(super) fn reduced_index(index: i32, by: u32) -> i32 {
    let below = index.saturating_sub(1);
    below.checked_shr(by).unwrap_or(below >> 31) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_stand_for_the_indices_they_were_made_of() {
        for list in [
            vec![],
            vec![0],
            vec![-3, -2, 5, 7],
            (0..9).collect(),
            vec![i32::MAX - 1],
        ] {
            let made = spans(list.iter().copied());
            assert_eq!(indices(&made).collect::<Vec<_>>(), list);
        }
    }

    #[test]
    fn a_lower_resolution_keeps_upper_bounds_where_they_are() {
        // Of schema 1 to schema 0: (2^0.5, 2] and (1, 2^0.5] are (1, 2].
        for (index, reduced) in [(-1, 0), (0, 0), (1, 1), (2, 1), (3, 2), (4, 2)] {
            assert_eq!(reduced_index(index, 1), reduced, "{index}");
        }
    }
}
