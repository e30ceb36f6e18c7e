//! Reading a whole segment to see whether it can be read.

use watchpost_model::is_absent;

use super::extents;
use super::file::Segment;
use super::index::{PartIndex, SegmentIndex};
use super::{rows, runs};
use crate::Error;
use crate::histogram::Histograms;
use crate::log::bytes::Malformed;

/// What was found in a segment.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    /// Values that could be read, stale markers included.
    pub(crate) samples: u64,
    /// What cannot be read.
    pub(crate) faults: Vec<Error>,
}

impl Segment {
    /// Reads everything. One fault does not keep the rest from being read.
    pub(crate) fn verify(&self) -> Verified {
        let mut verified = Verified::default();
        let index = match self.read_index() {
            Ok(index) => index,
            Err(fault) => {
                verified.faults.push(fault);
                return verified;
            }
        };
        for part in &index.parts {
            self.verify_part(&index, part, &mut verified);
        }
        if verified.faults.is_empty() && verified.samples != self.info().samples {
            verified.faults.push(self.damaged("count of samples"));
        }
        verified
    }

    fn verify_part(&self, index: &SegmentIndex, part: &PartIndex, verified: &mut Verified) {
        let mut counts = Vec::with_capacity(index.group_count());
        let (mut times, mut sequences) = (Vec::new(), Vec::new());
        self.each(&part.rows, "rows", verified, |item| {
            let Some(bytes) = item else {
                counts.push(None);
                return Ok(());
            };
            times.clear();
            sequences.clear();
            let read = rows::decode(bytes, &mut times, Some(&mut sequences));
            let within = times
                .iter()
                .all(|time| (part.span.0..=part.span.1).contains(time));
            let read = read.and(if within { Ok(()) } else { Err(Malformed) });
            counts.push(read.is_ok().then_some(times.len()));
            read
        });
        let groups: Vec<u32> = (0..).take(index.group_count()).collect();
        let lines = (0..).take(index.line_count());
        let columns = lines.flat_map(|line| index.schemas.columns_of(line, &groups));
        let mut groups = columns.map(|(_, group)| group);
        let (mut values, mut samples) = (Vec::new(), 0);
        let list = Histograms::default();
        self.each(&part.columns, "columns", verified, |item| {
            let group = groups.next();
            let rows = group.and_then(|group| counts.get(group)).copied().flatten();
            let (Some(bytes), Some(rows)) = (item, rows) else {
                return Ok(());
            };
            values.clear();
            list.clear();
            runs::decode(bytes, rows, 0..rows, &list, &mut values)?;
            samples += values.iter().filter(|value| !is_absent(**value)).count() as u64;
            Ok(())
        });
        verified.samples += samples;
    }

    /// Calls a function for each item of a list of extents; without bytes for those of an extent
    /// that cannot be read.
    fn each(
        &self,
        list: &extents::Extents,
        name: &'static str,
        verified: &mut Verified,
        mut each: impl FnMut(Option<&[u8]>) -> Result<(), Malformed>,
    ) {
        let mut ends = Vec::new();
        for extent in 0..list.len() {
            let ((first, from), (after, to)) = (list.start(extent), list.start(extent + 1));
            ends.clear();
            let bytes = usize::try_from(to - from)
                .map_err(|_| self.damaged(name))
                .and_then(|length| self.bytes(from, length));
            let opened = bytes.and_then(|bytes| {
                let start = extents::open(&bytes, after - first, &mut ends);
                let start = start.map_err(|Malformed| self.damaged(name))?;
                Ok((bytes, start))
            });
            match opened {
                Err(fault) => {
                    verified.faults.push(fault);
                    for _ in first..after {
                        // What it says of them is not another fault.
                        each(None).unwrap_or_default();
                    }
                }
                Ok((bytes, mut start)) => {
                    for end in &ends {
                        let read = each(bytes.get(start..*end));
                        if read.is_err() {
                            verified.faults.push(self.damaged(name));
                        }
                        start = *end;
                    }
                }
            }
        }
    }
}
