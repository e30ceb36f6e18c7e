//! Records: what they say.
//!
//! A payload starts with its kind, one byte. Numbers are base-128, least first; a text is its
//! length and its UTF-8 bytes. Lines, groups and schemas are numbered by the store that wrote the
//! file; each number is defined in the file before it is used in it (see `define`).
//!
//! ```text
//! 5 row       group | row                         see `row`
//! 6 cells     group | number << 1 | page | time: zigzag | sequence | cell*
//! 7 block     group | schema | block              see `head::record`
//! 8, 9                                            see `note`
//! ```
//!
//! cell      = column | change against 0 | (length | histogram, where the change gives a mark)
//!
//! Cells are values put into a row that may have others. Rows and cells stand in log files, blocks
//! in head files.

use watchpost_model::Labels;
use watchpost_model::histogram::histogram_index;

use super::bytes::{Malformed, Reader, put_number, put_text, unzigzag, zigzag};
use super::change::{put_change, read_change};
use super::frame::put_record;
use super::marked::{MarkedHere, put_histogram};
use crate::LineId;
use crate::head::GroupState;
use crate::histogram::OpenHistograms;
use crate::index::{GroupId, Line};

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
    /// A list of lines.
    Schema,
    /// Which lines the columns of a group are.
    Columns,
    /// A row.
    Row,
    /// Some values of a row.
    Cells,
    /// A block of rows.
    Block,
    /// An exemplar.
    Exemplar,
    /// What groups say of metrics.
    Metadata,
}

impl Kind {
    const ALL: [(Self, u8); 9] = [
        (Self::Line, 1),
        (Self::Group, 2),
        (Self::Schema, 3),
        (Self::Columns, 4),
        (Self::Row, 5),
        (Self::Cells, 6),
        (Self::Block, 7),
        (Self::Exemplar, 8),
        (Self::Metadata, 9),
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

/// Values that were put into a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cells {
    /// Whether they came by a page.
    pub(crate) page: bool,
    pub(crate) time: i64,
    pub(crate) sequence: u64,
    /// The columns, ascending, and their values.
    pub(crate) values: Vec<(usize, f64)>,
}

/// Appends values of a row; `number` is that of the record in its group and file.
pub(crate) fn put_cells(
    out: &mut Vec<u8>,
    group: GroupId,
    number: u64,
    (cells, histograms): (&Cells, &OpenHistograms),
) -> bool {
    put(out, Kind::Cells, |out| {
        put_number(out, group.0.into());
        put_number(out, number << 1 | u64::from(cells.page));
        put_number(out, zigzag(cells.time));
        put_number(out, cells.sequence);
        for (column, value) in &cells.values {
            put_number(out, *column as u64);
            put_change(out, 0.0, *value);
            if histogram_index(*value).is_some() {
                put_histogram(out, *value, histograms);
            }
        }
    })
}

/// Reads values of a row and what marks among them stand for; gives the number of the record.
pub(crate) fn read_cells(
    reader: &mut Reader<'_>,
    width: usize,
) -> Result<(u64, Cells, MarkedHere), Malformed> {
    let flags = reader.number()?;
    let mut marked = MarkedHere::default();
    let mut cells = Cells {
        page: flags & 1 == 1,
        time: unzigzag(reader.number()?),
        sequence: reader.number()?,
        values: Vec::new(),
    };
    while !reader.0.is_empty() {
        let column = usize::try_from(reader.id()?).map_err(|_| Malformed)?;
        let ascends = cells.values.last().is_none_or(|(last, _)| *last < column);
        if column >= width || !ascends {
            return Err(Malformed);
        }
        let value = read_change(reader, 0.0)?;
        if histogram_index(value).is_some() {
            marked.read(reader, value)?;
        }
        cells.values.push((column, value));
    }
    Ok((flags >> 1, cells, marked))
}

/// Appends a set of labels.
pub(crate) fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
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
