//! Records of what is no row: exemplars, and what is said of metrics.
//!
//! ```text
//! 8 exemplar  series: labels | labels | value u64 | time: zigzag
//! 9 metadata  whole | count, group: labels * | count, (metric, type, help, unit) *
//! ```
//!
//! `whole` (one byte) is 1 where it is all that the groups' pages say, in place of what they said before. A
//! type is its name as on a page.

use watchpost_model::{Labels, Metadata, MetricType};

use super::bytes::{Malformed, Reader, put_number, put_text, unzigzag, zigzag};
use super::record::{Kind, put, put_labels, read_labels};
use crate::Exemplar;

/// Appends an exemplar of a series.
pub(crate) fn put_exemplar(out: &mut Vec<u8>, series: &Labels, exemplar: &Exemplar) -> bool {
    put(out, Kind::Exemplar, |out| {
        put_labels(out, series);
        put_labels(out, &exemplar.labels);
        out.extend(exemplar.value.to_bits().to_le_bytes());
        put_number(out, zigzag(exemplar.time_ms));
    })
}

/// Reads a series and its exemplar.
pub(crate) fn read_exemplar(reader: &mut Reader<'_>) -> Result<(Labels, Exemplar), Malformed> {
    let (series, labels) = (read_labels(reader)?, read_labels(reader)?);
    let bits = reader.0.first_chunk().ok_or(Malformed)?;
    let value = f64::from_bits(u64::from_le_bytes(*bits));
    reader.bytes(8)?;
    let time_ms = unzigzag(reader.number()?);
    let exemplar = Exemplar {
        labels,
        value,
        time_ms,
    };
    Ok((series, exemplar))
}

/// What some groups say of metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Said {
    /// Whether it is all that their pages say.
    pub(crate) whole: bool,
    pub(crate) groups: Vec<Labels>,
    pub(crate) entries: Vec<(String, Metadata)>,
}

/// Appends what some groups say.
pub(crate) fn put_metadata(out: &mut Vec<u8>, said: &Said) -> bool {
    put(out, Kind::Metadata, |out| {
        out.push(u8::from(said.whole));
        put_number(out, said.groups.len() as u64);
        for labels in &said.groups {
            put_labels(out, labels);
        }
        put_number(out, said.entries.len() as u64);
        for (metric, metadata) in &said.entries {
            put_text(out, metric);
            put_text(out, metadata.metric_type.as_str());
            put_text(out, &metadata.help);
            put_text(out, &metadata.unit);
        }
    })
}

/// Reads what some groups say.
pub(crate) fn read_metadata(reader: &mut Reader<'_>) -> Result<Said, Malformed> {
    let mut said = Said {
        whole: reader.byte()? == 1,
        ..Said::default()
    };
    for _ in 0..reader.count()? {
        said.groups.push(read_labels(reader)?);
    }
    for _ in 0..reader.count()? {
        let metric = reader.text()?.to_owned();
        let metadata = Metadata {
            metric_type: MetricType::from_openmetrics(reader.text()?).unwrap_or_default(),
            help: reader.text()?.to_owned(),
            unit: reader.text()?.to_owned(),
        };
        said.entries.push((metric, metadata));
    }
    Ok(said)
}
