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

/// The greater of two, NaN where one is; but infinity is greater than NaN, as in Go.
pub(super) fn greater(a: f64, b: f64) -> f64 {
    let infinite = |value: f64| value.is_infinite() && value > 0.0;
    if infinite(a) || infinite(b) {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// The lesser of two, likewise.
pub(super) fn lesser(a: f64, b: f64) -> f64 {
    -greater(-a, -b)
}

/// Multiplied first and divided then, for the same last digit as Prometheus's.
pub(super) fn deg(radians: f64) -> f64 {
    radians * 180.0 / std::f64::consts::PI
}

/// As [`deg`].
pub(super) fn rad(degrees: f64) -> f64 {
    degrees * std::f64::consts::PI / 180.0
}
