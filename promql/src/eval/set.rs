//! The set operators `and`, `or` and `unless`.

use super::matching::number_signatures;
use super::unique;
use crate::error::Error;
use crate::parse::ast::{Binary, BinaryOp};
use crate::series::StepSeries;

/// Which signatures have a value at which steps.
struct Seen {
    steps: usize,
    seen: Vec<bool>,
}

impl Seen {
    fn new(series: &[StepSeries], numbers: &[usize], signatures: usize, steps: usize) -> Self {
        let mut seen = vec![false; signatures.saturating_mul(steps)];
        for (one, number) in series.iter().zip(numbers) {
            for (step, _) in one.points.samples() {
                if let Some(slot) = seen.get_mut(number * steps + step) {
                    *slot = true;
                }
            }
        }
        Self { steps, seen }
    }

    fn at(&self, number: usize, step: usize) -> bool {
        self.seen
            .get(number * self.steps + step)
            .copied()
            .unwrap_or(false)
    }
}

pub(super) fn combine(
    binary: &Binary,
    mut lhs: Vec<StepSeries>,
    mut rhs: Vec<StepSeries>,
    steps: usize,
) -> Result<Vec<StepSeries>, Error> {
    let (signatures, [of_lhs, of_rhs]) = number_signatures(&binary.matching, [&lhs, &rhs]);
    let count = signatures.len();
    if binary.op == BinaryOp::Or {
        let left = Seen::new(&lhs, &of_lhs, count, steps);
        keep(&mut rhs, &of_rhs, |number, step| !left.at(number, step));
        lhs.append(&mut rhs);
        return unique(lhs);
    }
    let wanted = binary.op == BinaryOp::And;
    let right = Seen::new(&rhs, &of_rhs, count, steps);
    keep(&mut lhs, &of_lhs, |number, step| {
        right.at(number, step) == wanted
    });
    Ok(lhs)
}

/// Keeps the values whose signature and step pass, and the series that have any left.
fn keep(series: &mut Vec<StepSeries>, numbers: &[usize], pass: impl Fn(usize, usize) -> bool) {
    for (one, number) in series.iter_mut().zip(numbers) {
        one.points.retain(|step| pass(*number, step));
    }
    series.retain(|one| !one.points.is_empty());
}
