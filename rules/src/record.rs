//! The series that a rule writes, and their end.

use std::collections::BTreeMap;

use watchpost_model::histogram::histogram_mark;
use watchpost_model::{Histogram, Labels, stale_nan};
use watchpost_tsdb::{Db, Error, Group, LineId};

/// The label that tells the store's groups of rules apart. Every line takes it away again, so no
/// series has it.
pub(crate) const RULE_GROUP: &str = "__rule_group__";

/// What a rule writes.
#[derive(Clone, Debug)]
pub(crate) enum Recorded {
    Float(f64),
    Histogram(Histogram),
}

/// When a row is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The time of the row, ms.
    pub(crate) time_ms: i64,
    /// The present, ms.
    pub(crate) now_ms: i64,
}

/// The series that a rule wrote at its last good evaluation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    lines: BTreeMap<Labels, LineId>,
}

impl Written {
    /// Writes a rule's series as a part of its group's row. Series of the last time that are not
    /// among them end. A rule that failed writes nothing, so its series do not end by that.
    pub(crate) fn write(
        &mut self,
        db: &Db,
        group: &Group,
        moment: Moment,
        samples: &[(Labels, Recorded)],
    ) -> Result<(), Error> {
        let mut lines = BTreeMap::new();
        for (labels, _) in samples {
            let id = match self.lines.get(labels) {
                Some(id) => *id,
                None => db.line(labels, &[RULE_GROUP])?,
            };
            lines.insert(labels.clone(), id);
        }
        let (mut row, mut histograms) = (Vec::with_capacity(samples.len()), Vec::new());
        for (labels, value) in samples {
            let Some(id) = lines.get(labels) else {
                continue;
            };
            let value = match value {
                Recorded::Float(value) => *value,
                Recorded::Histogram(histogram) => {
                    let place = u32::try_from(histograms.len()).unwrap_or(u32::MAX);
                    histograms.push(histogram.clone());
                    histogram_mark(place)
                }
            };
            row.push((*id, value));
        }
        for (labels, id) in &self.lines {
            if !lines.contains_key(labels) {
                row.push((*id, stale_nan()));
            }
        }
        if !row.is_empty() {
            let samples = (&row[..], &histograms[..]);
            let appended = group.append_samples_with(moment.time_ms, samples, moment.now_ms)?;
            if appended.forgotten > 0 {
                // Lines that were not written for long: the next time asks for them anew.
                lines.clear();
            }
        }
        self.lines = lines;
        Ok(())
    }

    /// Takes over the series of another rule, so that the next write ends them.
    pub(crate) fn adopt(&mut self, other: &Self) {
        self.lines
            .extend(other.lines.iter().map(|(labels, id)| (labels.clone(), *id)));
    }
}
