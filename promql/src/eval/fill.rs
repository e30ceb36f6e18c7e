//! `fill`, `fill_left`, `fill_right`: series that stand in where one side has no match.

use super::matching::number_signatures;
use crate::parse::ast::{Card, Fill, Matching};
use crate::series::{Points, StepSeries};

/// Adds to each side, where it is to be filled, a series for every set of matching labels that has a
/// value on the other side at some step and none on this one. The sides are given as many and one.
pub(super) fn fill(
    matching: &Matching,
    many: &[StepSeries],
    one: &[StepSeries],
    steps: usize,
) -> (Vec<StepSeries>, Vec<StepSeries>) {
    let Fill { left, right, .. } = matching.fill;
    let (for_many, for_one) = if matching.card == Card::OneToMany {
        (right, left)
    } else {
        (left, right)
    };
    let (signatures, [of_many, of_one]) = number_signatures(matching, [many, one]);
    let sides = [(many, of_many), (one, of_one)];
    let present = sides.map(|(series, numbers)| {
        let mut present = vec![vec![false; steps]; signatures.len()];
        for (series, number) in series.iter().zip(numbers) {
            for (step, _) in series.points.samples() {
                if let Some(slot) = present.get_mut(number).and_then(|row| row.get_mut(step)) {
                    *slot = true;
                }
            }
        }
        present
    });
    let [in_many, in_one] = &present;
    let filled = |value: Option<f64>, own: &[Vec<bool>], other: &[Vec<bool>]| {
        let value = value?;
        let rows = signatures.iter().zip(own.iter().zip(other));
        let series = rows.filter_map(|(labels, (own, other))| {
            let steps = own.iter().zip(other);
            let points: Points = steps
                .map(|(own, other)| (*other && !*own).then_some(value))
                .collect();
            (!points.is_empty()).then(|| StepSeries {
                labels: labels.clone(),
                drop_name: false,
                points,
            })
        });
        Some(series.collect::<Vec<_>>())
    };
    let more = |series: &[StepSeries], added: Option<Vec<StepSeries>>| {
        let mut series = series.to_vec();
        series.extend(added.unwrap_or_default());
        series
    };
    (
        more(many, filled(for_many, in_many, in_one)),
        more(one, filled(for_one, in_one, in_many)),
    )
}
