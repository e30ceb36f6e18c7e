//! The value at a rank among others.

use std::cmp::Ordering;

use crate::number::to_usize;

/// What is wrong with a rank, if anything is.
pub(crate) fn out_of_range(rank: f64) -> Option<String> {
    let right = (0.0..=1.0).contains(&rank);
    (!right).then(|| {
        let rank = watchpost_model::format_value(rank);
        format!("quantile value should be between 0 and 1, got {rank}")
    })
}

/// The value at a rank from 0 to 1, interpolated between its neighbours; NaN counts as less than
/// any number.
pub(crate) fn of(rank: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || rank.is_nan() {
        return f64::NAN;
    }
    if rank < 0.0 {
        return f64::NEG_INFINITY;
    }
    if rank > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
    });
    let place = rank * (values.len() - 1) as f64;
    let weight = place - place.floor();
    let lower = to_usize(place.floor());
    let upper = (lower + 1).min(values.len() - 1);
    let value = |at: usize| values.get(at).copied().unwrap_or(f64::NAN);
    value(lower) * (1.0 - weight) + value(upper) * weight
}
