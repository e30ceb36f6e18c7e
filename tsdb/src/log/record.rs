//! Records: what they say.
//!
//! A payload starts with its kind, one byte. Numbers are base-128, least first; a text is its
//! length and its UTF-8 bytes. Lines and groups are numbered by the store that wrote the file, and
//! columns within a group; each number is defined in the file before it is used in it.
//!
//! ```text
//! 1 line      id | labels | count, name*          the names it removes from the group's
//! 2 group     id | 0 | labels                     a shared one; columns and rows start anew
//!             id | 1 | line                       a single column
//!             id | 2 | labels | number            a side head of a shared one
//!             id | 3 | line | number              a side head of a single column
//! 3 columns   group | (column, line)*             up to the end of the record
//! 4 row       group | row                         a page; see `row`
//! 5 part      group | time: zigzag | (column, change against 0)*
//! labels    = count, (name, value)*
//! ```
//!
//! Kinds 6 to 10 are kept for blocks, histograms, exemplars, metadata and tombstones.

use watchpost_model::Labels;

use super::bytes::{Malformed, Reader, put_number, put_text, zigzag};
use super::delta::put_change;
use super::frame::put_record;
use crate::LineId;
use crate::head::GroupState;
use crate::index::Line;

/// What a group's definition says of it: a single column.
pub(crate) const GROUP_SINGLE: u8 = 1;
/// What a group's definition says of it: a side head, with its number at the end.
pub(crate) const GROUP_SIDE: u8 = 2;

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A line.
    Line,
    /// A group.
    Group,
    /// Which lines the columns of a group are.
    Columns,
    /// A page.
    Row,
    /// A part of a row.
    Part,
}

impl Kind {
    const ALL: [(Self, u8); 5] = [
        (Self::Line, 1),
        (Self::Group, 2),
        (Self::Columns, 3),
        (Self::Row, 4),
        (Self::Part, 5),
    ];

    fn byte(self) -> u8 {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or(0, |(_, byte)| *byte)
    }

    /// The kind of a payload.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let byte = reader.byte()?;
        let known = Self::ALL.iter().find(|(_, have)| *have == byte);
        known.map(|(kind, _)| *kind).ok_or(Malformed)
    }
}

/// Appends a record of a kind; false where it would be too long.
pub(crate) fn put(out: &mut Vec<u8>, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) -> bool {
    put_record(out, |out| {
        out.push(kind.byte());
        fill(out);
    })
}

/// Appends the definition of a line.
pub(crate) fn put_line(out: &mut Vec<u8>, id: LineId, line: &Line) -> bool {
    put(out, Kind::Line, |out| {
        put_number(out, id.0.into());
        put_labels(out, &line.labels);
        put_number(out, line.removed.len() as u64);
        for name in &*line.removed {
            put_text(out, name);
        }
    })
}

/// Appends the definition of a group.
pub(crate) fn put_group(out: &mut Vec<u8>, group: &GroupState) -> bool {
    put(out, Kind::Group, |out| {
        put_number(out, group.id.0.into());
        let side = if group.side.is_some() { GROUP_SIDE } else { 0 };
        match group.single {
            None => {
                out.push(side);
                put_labels(out, &group.labels);
            }
            Some(line) => {
                out.push(side | GROUP_SINGLE);
                put_number(out, line.0.into());
            }
        }
        if let Some(side) = group.side {
            put_number(out, side.number.into());
        }
    })
}

/// Appends a part of a row.
pub(crate) fn put_part(
    out: &mut Vec<u8>,
    group: &GroupState,
    time: i64,
    cells: &[(usize, f64)],
) -> bool {
    put(out, Kind::Part, |out| {
        put_number(out, group.id.0.into());
        put_number(out, zigzag(time));
        for (column, value) in cells {
            put_number(out, *column as u64);
            put_change(out, 0.0, *value);
        }
    })
}

fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    put_number(out, labels.len() as u64);
    for (name, value) in labels {
        put_text(out, name);
        put_text(out, value);
    }
}

/// Reads a set of labels.
pub(crate) fn read_labels(reader: &mut Reader<'_>) -> Result<Labels, Malformed> {
    let mut pairs = Vec::new();
    for _ in 0..reader.count()? {
        pairs.push((reader.text()?, reader.text()?));
    }
    Ok(Labels::from_pairs(pairs))
}

/// Reads a line without its id.
pub(crate) fn read_line(reader: &mut Reader<'_>) -> Result<Line, Malformed> {
    let labels = read_labels(reader)?;
    let mut removed = Vec::new();
    for _ in 0..reader.count()? {
        removed.push(reader.text()?);
    }
    Ok(Line::new(&labels, &removed))
}
