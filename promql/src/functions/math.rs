//! Functions of a value that the standard library does not have.

pub(super) fn clamp(value: f64, params: &[f64]) -> Option<f64> {
    let [least, most] = params else {
        return None;
    };
    if most < least {
        return None;
    }
    Some(greater(*least, lesser(*most, value)))
}

pub(super) fn clamp_min(value: f64, params: &[f64]) -> Option<f64> {
    params.first().map(|least| greater(*least, value))
}

pub(super) fn clamp_max(value: f64, params: &[f64]) -> Option<f64> {
    params.first().map(|most| lesser(*most, value))
}

/// To the nearest multiple (of 1 where none is given), halves up.
#[expect(clippy::unnecessary_wraps, reason = "the table's type")]
pub(super) fn round(value: f64, params: &[f64]) -> Option<f64> {
    // The inverse keeps decimal fractions exact: 3 / 10 is 0.3, 3 * 0.1 is not.
    let inverse = 1.0 / params.first().copied().unwrap_or(1.0);
    Some((value * inverse + 0.5).floor() / inverse)
}

pub(super) fn sgn(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

/// The greater of two, NaN where one is: `f64::max` would give the other.
pub(super) fn greater(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// The lesser of two, NaN where one is.
pub(super) fn lesser(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}
