//! From the labels of a received series to those of its target and of its line.

use std::collections::HashSet;

use watchpost_model::{Labels, METRIC_NAME};

use super::message::LabelFields;
use super::wire::Malformed;

/// The longest labels of a series that are taken, as they come.
const MAX_LABEL_BYTES: usize = 64 << 10;

/// The labels that make a series' target.
const TARGET: [&[u8]; 2] = [b"instance", b"job"];

/// Why a series is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LabelFault {
    #[error("expected a series with a metric name, found none")]
    NoName,
    #[error("expected label names and values in UTF-8")]
    NotUtf8,
    #[error("expected a label with a name, found none")]
    EmptyName,
    #[error("expected each label once, found `{0}` again")]
    Twice(String),
    #[error("expected at most {MAX_LABEL_BYTES} bytes of labels in a series, found {0}")]
    TooLong(usize),
}

/// The labels of a series as they came, taken apart: the fields of `instance` and `job`, and the
/// others in one piece. The places at which the two stood make it possible to tell from the pieces
/// what the whole was.
#[derive(Debug, Default)]
pub(super) struct Split<'a> {
    /// The fields of the target, in the order in which they came.
    pub(super) target: [&'a [u8]; 2],
    /// Where they stood in the rest.
    pub(super) places: [u32; 2],
    /// What follows the labels.
    pub(super) after: &'a [u8],
}

/// Takes the labels of a series apart. The fields that are not the target's go to `line`.
pub(super) fn split<'a>(series: &'a [u8], line: &mut Vec<u8>) -> Result<Split<'a>, Malformed> {
    line.clear();
    let mut split = Split::default();
    let mut found = 0;
    let mut fields = LabelFields::new(series);
    while let Some(label) = fields.next()? {
        let place = split.target.get_mut(found).zip(split.places.get_mut(found));
        match place {
            Some((target, place)) if TARGET.contains(&label.name) => {
                *target = label.field;
                *place = u32::try_from(line.len()).map_err(|_| Malformed)?;
                found += 1;
            }
            _ => line.extend_from_slice(label.field),
        }
    }
    // A field that is not there is empty and stands at the end.
    let end = u32::try_from(line.len()).map_err(|_| Malformed)?;
    for place in split.places.iter_mut().skip(found) {
        *place = end;
    }
    split.after = fields.rest();
    Ok(split)
}

/// The labels in some fields. Empty values are left out.
pub(super) fn labels(fields: &[u8]) -> Result<Result<Labels, LabelFault>, Malformed> {
    let mut pairs = Vec::new();
    let mut names = HashSet::new();
    let mut reader = LabelFields::new(fields);
    while let Some(label) = reader.next()? {
        let (Ok(name), Ok(value)) = (
            std::str::from_utf8(label.name),
            std::str::from_utf8(label.value),
        ) else {
            return Ok(Err(LabelFault::NotUtf8));
        };
        if name.is_empty() {
            return Ok(Err(LabelFault::EmptyName));
        }
        if !names.insert(name) {
            return Ok(Err(LabelFault::Twice(name.to_owned())));
        }
        pairs.push((name, value));
    }
    Ok(Ok(Labels::from_pairs(pairs)))
}

/// The labels of a line: they have a metric name.
pub(super) fn line_labels(fields: &[u8]) -> Result<Result<Labels, LabelFault>, Malformed> {
    if fields.len() > MAX_LABEL_BYTES {
        return Ok(Err(LabelFault::TooLong(fields.len())));
    }
    let labels = labels(fields)?;
    Ok(labels.and_then(|labels| {
        if labels.has(METRIC_NAME) {
            Ok(labels)
        } else {
            Err(LabelFault::NoName)
        }
    }))
}
