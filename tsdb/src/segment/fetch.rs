//! Columns of many groups, fetched in the order of the file and decoded later in any order.

use super::reader::{List, Reader, Rows};
use super::runs;
use crate::column::Decode;
use crate::log::bytes::Malformed;
use crate::{Error, LineId};

/// Encoded columns of some lines in some groups of a segment.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    bytes: Vec<u8>,
    /// Where each column's piece in a part is: by group, then line, then span.
    items: Vec<(u32, u32)>,
    /// Where the items of each group begin.
    first: Vec<usize>,
}

impl Reader<'_> {
    /// Fetches the columns of lines, ascending, in groups whose rows were read before, ascending.
    pub(crate) fn fetch(
        &mut self,
        lines: &[LineId],
        rows: &[&Rows],
        fetched: &mut Fetched,
    ) -> Result<(), Error> {
        fetched.bytes.clear();
        fetched.items.clear();
        fetched.first.clear();
        let (mut parts, mut items) = (Vec::new(), 0);
        for rows in rows {
            fetched.first.push(items);
            items += rows.spans().len() * lines.len();
            parts.extend(rows.spans().iter().map(|span| span.part));
        }
        fetched.items.resize(items, (0, 0));
        parts.sort_unstable();
        parts.dedup();
        let groups: Vec<u32> = rows.iter().map(|rows| rows.group).collect();
        let mut columns = Vec::with_capacity(lines.len());
        for line in lines {
            columns.push(self.columns_of(*line, &groups));
        }
        let mut wanted = Vec::new();
        for part in parts {
            wanted.clear();
            for (line, columns) in columns.iter().enumerate() {
                for (column, place) in columns {
                    let spans = rows.get(*place).map_or(&[][..], |rows| rows.spans());
                    let span = spans.binary_search_by_key(&part, |span| span.part);
                    if let (Ok(span), Some(first)) = (span, fetched.first.get(*place)) {
                        wanted.push((*column, first + line * spans.len() + span));
                    }
                }
            }
            let (bytes, items) = (&mut fetched.bytes, &mut fetched.items);
            self.each_item(List::Columns(part), &wanted, |place, item| {
                let start = u32::try_from(bytes.len()).map_err(|_| Malformed)?;
                let length = u32::try_from(item.len()).map_err(|_| Malformed)?;
                bytes.extend_from_slice(item);
                if let Some(to) = items.get_mut(place) {
                    *to = (start, length);
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl Fetched {
    /// Appends the values of a line in a group, by their places in the lists that were fetched; one
    /// for each row, marks where it has none. Native histograms are refused.
    pub(crate) fn values(
        &self,
        (group, rows): (usize, &Rows),
        line: usize,
        decode: Decode,
        out: &mut Vec<f64>,
    ) -> Result<(), Malformed> {
        let spans = rows.spans();
        let first = self.first.get(group).ok_or(Malformed)? + line * spans.len();
        let items = self.items.get(first..first + spans.len());
        for (span, (start, length)) in spans.iter().zip(items.ok_or(Malformed)?) {
            let start = *start as usize;
            let bytes = self.bytes.get(start..start + *length as usize);
            let bytes = bytes.ok_or(Malformed)?;
            runs::decode_floats((bytes, span.rows), span.range.clone(), decode, out)?;
        }
        Ok(())
    }
}
