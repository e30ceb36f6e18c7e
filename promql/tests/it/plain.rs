//! What single operators, aggregations and functions give, written as plainly as the documentation.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use watchpost_model::Labels;

/// What a node gives at one time.
pub(crate) enum Slow {
    Scalar(f64),
    Vector(Vec<(Labels, f64)>),
    /// Samples, and the window they are of.
    Range(Vec<(Labels, Vec<(i64, f64)>)>, (i64, i64)),
}

/// Why there is no value.
#[derive(Debug, PartialEq)]
pub(crate) enum Why {
    /// The expression is wrong for the data.
    Error,
    /// It is not known here.
    Unknown,
}

pub(crate) type Found<T> = Result<T, Why>;

pub(crate) fn text<'j>(node: &'j Json, key: &str) -> &'j str {
    node[key].as_str().unwrap_or_default()
}

pub(crate) fn texts(node: &Json) -> Vec<&str> {
    node.as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect()
}

pub(crate) fn nameless(labels: &Labels) -> Labels {
    labels.retain(|name| name != "__name__")
}

/// A vector in which each label set stands once.
pub(crate) fn once(vector: Vec<(Labels, f64)>) -> Found<Slow> {
    let mut all: Vec<&Labels> = vector.iter().map(|(labels, _)| labels).collect();
    all.sort();
    if all.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Why::Error);
    }
    Ok(Slow::Vector(vector))
}

pub(crate) fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        other => other.parse().unwrap(),
    }
}

pub(crate) fn computed(op: &str, left: f64, right: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match op {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        "^" => left.powf(right),
        "atan2" => left.atan2(right),
        "<" => truth(left < right),
        "<=" => truth(left <= right),
        ">" => truth(left > right),
        ">=" => truth(left >= right),
        "==" => truth(left.partial_cmp(&right) == Some(std::cmp::Ordering::Equal)),
        _ => truth(left.partial_cmp(&right) != Some(std::cmp::Ordering::Equal)),
    }
}

#[expect(clippy::too_many_lines, reason = "one rule after the other")]
pub(crate) fn matched(
    node: &Json,
    left: &[(Labels, f64)],
    right: &[(Labels, f64)],
    (filter, comparison): (bool, bool),
    kept: impl Fn(f64, f64, f64) -> Option<f64>,
) -> Found<Slow> {
    let matching = &node["matching"];
    let names = texts(&matching["labels"]);
    let on = matching["on"].as_bool().unwrap();
    let signature = |labels: &Labels| {
        if on {
            labels.retain(|name| names.contains(&name))
        } else {
            labels.retain(|name| name != "__name__" && !names.contains(&name))
        }
    };
    let has = |side: &[(Labels, f64)], labels: &Labels| {
        let wanted = signature(labels);
        side.iter().any(|(labels, _)| signature(labels) == wanted)
    };
    let of =
        |side: &[(Labels, f64)], other: &[(Labels, f64)], wanted: bool| -> Vec<(Labels, f64)> {
            let passes = |one: &&(Labels, f64)| has(other, &one.0) == wanted;
            side.iter().filter(passes).cloned().collect()
        };
    match text(node, "op") {
        "and" => return Ok(Slow::Vector(of(left, right, true))),
        "unless" => return Ok(Slow::Vector(of(left, right, false))),
        "or" => {
            let mut all = left.to_vec();
            all.extend(of(right, left, false));
            return once(all);
        }
        _ => {}
    }
    if left.is_empty() || right.is_empty() {
        return Ok(Slow::Vector(Vec::new()));
    }
    let card = text(matching, "card");
    let swapped = card == "one-to-many";
    let (many, one) = if swapped {
        (right, left)
    } else {
        (left, right)
    };
    let mut partners: BTreeMap<Labels, &(Labels, f64)> = BTreeMap::new();
    for sample in one {
        if partners.insert(signature(&sample.0), sample).is_some() {
            return Err(Why::Error);
        }
    }
    let mut out: BTreeMap<Labels, (Labels, f64)> = BTreeMap::new();
    for (labels, value) in many {
        let key = signature(labels);
        let Some((other_labels, other)) = partners.get(&key) else {
            continue;
        };
        let (a, b) = if swapped {
            (*other, *value)
        } else {
            (*value, *other)
        };
        let Some(result) = kept(a, b, a) else {
            continue;
        };
        let mut named = if filter || comparison {
            labels.clone()
        } else {
            nameless(labels)
        };
        if card == "one-to-one" {
            named = named.retain(|name| names.contains(&name) == on);
        }
        for name in texts(&matching["include"]) {
            named = named.with(name, other_labels.get(name));
        }
        if !filter {
            named = nameless(&named);
        }
        let key = if card == "one-to-one" {
            key
        } else {
            named.clone()
        };
        if out.insert(key, (named, result)).is_some() {
            return Err(Why::Error);
        }
    }
    once(out.into_values().collect())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / values.len() as f64
}

fn quantile(rank: f64, values: &[f64]) -> f64 {
    if rank < 0.0 {
        return f64::NEG_INFINITY;
    }
    if rank > 1.0 {
        return f64::INFINITY;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let place = rank * (sorted.len() - 1) as f64;
    let (low, high) = (
        place.floor(),
        (place.floor() + 1.0).min((sorted.len() - 1) as f64),
    );
    let at = |place: f64| sorted[format!("{place}").parse::<usize>().unwrap()];
    at(low) * (1.0 - (place - low)) + at(high) * (place - low)
}

pub(crate) fn folded(op: &str, rank: f64, values: &[f64]) -> Found<f64> {
    // Sums of what is not finite, and the order of NaN, have tests of their own.
    if values
        .iter()
        .any(|value| !value.is_finite() || value.abs() > 1e12)
    {
        return Err(Why::Unknown);
    }
    Ok(match op {
        "sum" => values.iter().sum(),
        "avg" => mean(values),
        "min" => values.iter().copied().fold(f64::INFINITY, f64::min),
        "max" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "count" => values.len() as f64,
        "group" => 1.0,
        "stdvar" => variance(values),
        "stddev" => variance(values).sqrt(),
        "quantile" => quantile(rank, values),
        _ => return Err(Why::Unknown),
    })
}

pub(crate) fn of_value(name: &str, value: f64, numbers: &[f64]) -> Found<Option<f64>> {
    let plain: fn(f64) -> f64 = match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sqrt" => f64::sqrt,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "deg" => f64::to_degrees,
        "rad" => f64::to_radians,
        "sgn" => |value| {
            if value > 0.0 {
                1.0
            } else if value < 0.0 {
                -1.0
            } else {
                value
            }
        },
        "round" => {
            let nearest = numbers.first().copied().unwrap_or(1.0);
            return Ok(Some((value / nearest + 0.5).floor() * nearest));
        }
        "clamp" | "clamp_min" | "clamp_max"
            if numbers.iter().any(|number| number.is_nan()) || value.is_nan() =>
        {
            return Err(Why::Unknown);
        }
        "clamp" if numbers[0] > numbers[1] => return Ok(None),
        "clamp" => return Ok(Some(value.max(numbers[0]).min(numbers[1]))),
        "clamp_min" => return Ok(Some(value.max(numbers[0]))),
        "clamp_max" => return Ok(Some(value.min(numbers[0]))),
        _ => return Err(Why::Unknown),
    };
    Ok(Some(plain(value)))
}

#[expect(clippy::too_many_lines, reason = "one line a function")]
pub(crate) fn of_window(
    name: &str,
    samples: &[(i64, f64)],
    numbers: &[f64],
    ((start, end), now): ((i64, i64), i64),
) -> Found<Option<f64>> {
    let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    if values
        .iter()
        .any(|value| !value.is_finite() || value.abs() > 1e12)
    {
        return Err(Why::Unknown);
    }
    let pairs = || values.windows(2).map(|pair| (pair[0], pair[1]));
    let last = samples[samples.len() - 1];
    let best = |better: fn(f64, f64) -> bool| {
        let first = (samples[0].0, samples[0].1);
        samples.iter().fold(
            first,
            |best, one| if better(one.1, best.1) { *one } else { best },
        )
    };
    let seconds = |millis: i64| millis as f64 / 1_000.0;
    Ok(Some(match name {
        "avg_over_time" => mean(&values),
        "sum_over_time" => values.iter().sum(),
        "count_over_time" => values.len() as f64,
        "present_over_time" => 1.0,
        "last_over_time" => last.1,
        "min_over_time" => best(|value, best| value < best).1,
        "max_over_time" => best(|value, best| value > best).1,
        "ts_of_min_over_time" => seconds(best(|value, best| value <= best).0),
        "ts_of_max_over_time" => seconds(best(|value, best| value >= best).0),
        "ts_of_last_over_time" => seconds(last.0),
        "stdvar_over_time" => variance(&values),
        "stddev_over_time" => variance(&values).sqrt(),
        "quantile_over_time" => quantile(numbers[0], &values),
        "mad_over_time" => {
            let median = quantile(0.5, &values);
            let distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
            quantile(0.5, &distances)
        }
        "changes" => pairs()
            .filter(|(a, b)| computed("!=", *a, *b) > 0.0)
            .count() as f64,
        "resets" => pairs().filter(|(a, b)| b < a).count() as f64,
        _ if samples.len() < 2 => return Ok(None),
        "idelta" | "irate" => {
            let before = samples[samples.len() - 2];
            let reset = name == "irate" && last.1 < before.1;
            let grown = if reset { last.1 } else { last.1 - before.1 };
            let per = if name == "irate" {
                seconds(last.0 - before.0)
            } else {
                1.0
            };
            grown / per
        }
        "rate" | "increase" | "delta" => {
            let counter = name != "delta";
            let mut grown = last.1 - samples[0].1;
            if counter {
                grown += pairs().filter(|(a, b)| b < a).map(|(a, _)| a).sum::<f64>();
            }
            let sampled = seconds(last.0 - samples[0].0);
            let gap = sampled / (samples.len() - 1) as f64;
            let near = |far: f64| if far >= gap * 1.1 { gap / 2.0 } else { far };
            let mut before = near(seconds(samples[0].0 - start));
            if counter && grown > 0.0 && samples[0].1 >= 0.0 {
                before = before.min(sampled * samples[0].1 / grown);
            }
            let whole = grown * (sampled + before + near(seconds(end - last.0))) / sampled;
            if name == "rate" {
                whole / seconds(end - start)
            } else {
                whole
            }
        }
        "deriv" | "predict_linear" => {
            let origin = if name == "deriv" { samples[0].0 } else { now };
            let xs: Vec<f64> = samples
                .iter()
                .map(|(time, _)| seconds(time - origin))
                .collect();
            let (x_mean, y_mean) = (mean(&xs), mean(&values));
            let both = xs.iter().zip(&values);
            let covariance: f64 = both.map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
            let slope = covariance / xs.iter().map(|x| (x - x_mean).powi(2)).sum::<f64>();
            if name == "deriv" {
                slope
            } else {
                y_mean - slope * x_mean + slope * numbers[0]
            }
        }
        _ => return Err(Why::Unknown),
    }))
}
