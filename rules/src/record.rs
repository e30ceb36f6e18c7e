//! The series that a rule writes, and their end.

use std::collections::BTreeMap;

use watchpost_model::{Labels, stale_nan};
use watchpost_tsdb::{Db, Error, Group, LineId, Row};

/// The label that tells the store's groups of rules apart. Every line takes it away again, so no
/// series has it.
pub(crate) const RULE_GROUP: &str = "__rule_group__";

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
        samples: &[(Labels, f64)],
    ) -> Result<(), Error> {
        let mut lines = BTreeMap::new();
        for (labels, _) in samples {
            let id = match self.lines.get(labels) {
                Some(id) => *id,
                None => db.line(labels, &[RULE_GROUP])?,
            };
            lines.insert(labels.clone(), id);
        }
        let mut ids: Vec<LineId> = samples
            .iter()
            .filter_map(|(labels, _)| lines.get(labels).copied())
            .collect();
        let mut values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
        for (labels, id) in &self.lines {
            if !lines.contains_key(labels) {
                ids.push(*id);
                values.push(stale_nan());
            }
        }
        if !ids.is_empty() {
            let layout = db.layout(&ids);
            let row = Row {
                time_ms: moment.time_ms,
                layout: &layout,
                values: &values,
            };
            let appended = group.append_part(row, moment.now_ms)?;
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
