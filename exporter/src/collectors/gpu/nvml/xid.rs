//! XID errors: what the driver reports of a GPU's faults, such as 79, fallen off the bus.
//!
//! Each GPU has an event set of its own, so that an event of one that is lost need not be traced
//! back to it. A set is registered once and emptied at each reading, without waiting.

use std::collections::BTreeMap;

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, EventSet};

use super::super::family::{XID_ERRORS, XID_LAST};
use super::super::snapshot::Figures;

/// How many codes of a GPU have a series of their own; there are about 150 in all.
const CODES: usize = 32;

/// How many events are taken at one reading.
const EVENTS: usize = 1_000;

/// What NVML says for an error that it has no code for.
const UNKNOWN: u64 = 999;

/// The XID errors of one GPU since the exporter was started.
#[derive(Debug, Default)]
pub(super) struct Xids {
    counts: BTreeMap<u64, u64>,
    /// Those that came when there were too many codes already.
    others: u64,
    last: u64,
}

impl Xids {
    fn count(&mut self, code: u64) {
        self.last = code;
        if self.counts.len() >= CODES && !self.counts.contains_key(&code) {
            self.others += 1;
        } else {
            *self.counts.entry(code).or_default() += 1;
        }
    }

    /// Takes what came since the last time.
    pub(super) fn drain(&mut self, events: &EventSet<'_>) -> Result<(), NvmlError> {
        for _ in 0..EVENTS {
            match events.wait(0) {
                Ok(event) => match event.event_data {
                    Some(XidError::Value(code)) => self.count(code),
                    Some(XidError::Unknown) => self.count(UNKNOWN),
                    None => {}
                },
                Err(NvmlError::Timeout) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The counts, and the code of the last one.
    pub(super) fn put(&self, figures: &mut Figures) {
        figures.push((&XID_LAST, Vec::new(), self.last as f64));
        let counts = self.counts.iter();
        let counts = counts.map(|(code, count)| (code.to_string(), *count));
        let others = (self.others > 0).then(|| ("other".to_owned(), self.others));
        for (code, count) in counts.chain(others) {
            figures.push((&XID_ERRORS, vec![("xid", code)], count as f64));
        }
    }
}

/// Asks for the XID errors of a GPU; none where it does not report any.
pub(super) fn register<'nvml>(device: &Device<'nvml>) -> Option<EventSet<'nvml>> {
    let events = device.nvml().create_event_set().ok()?;
    let registered = device.register_events(EventTypes::CRITICAL_XID_ERROR, events);
    registered
        .inspect_err(|error| tracing::debug!(%error, "the GPU does not report XID errors"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_beyond_the_limit_are_counted_together() {
        let mut xids = Xids::default();
        let mut figures = Vec::new();
        xids.put(&mut figures);
        assert_eq!(figures, [(&XID_LAST, Vec::new(), 0.0)]);
        for code in 0..100 {
            xids.count(code);
        }
        xids.count(31);
        figures.clear();
        xids.put(&mut figures);
        assert_eq!(figures.len(), 1 + CODES + 1);
        assert!(figures.contains(&(&XID_ERRORS, vec![("xid", "31".to_owned())], 2.0)));
        assert!(figures.contains(&(&XID_ERRORS, vec![("xid", "other".to_owned())], 68.0)));
        assert!(figures.contains(&(&XID_LAST, Vec::new(), 31.0)));
    }
}
