//! The frame of a segment: what stands at its two ends. See `docs/storage-format.md`.

use crate::log::bytes::Malformed;

/// The first bytes of a segment.
pub(super) const MAGIC: [u8; 8] = *b"WPSEG\r\n\0";
/// The last bytes of a segment.
const END: [u8; 8] = *b"\0\r\nWPEND";
/// The version that is written, and the newest that is read.
pub(super) const VERSION: u32 = 1;
/// Bytes before the data.
pub(super) const HEADER: usize = 16;
/// The sections of the index, in the order of the file.
pub(super) const SECTIONS: [&str; 4] = ["lines", "groups", "schemas", "extents"];
/// Bytes after the index.
pub(super) const FOOTER: usize = 8 * FIGURES + SECTIONS.len() * 12 + 4 + END.len();
const FIGURES: usize = 9;

/// What a segment holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SegmentInfo {
    /// The time of the oldest row, ms.
    pub(crate) min_time_ms: i64,
    /// The time of the newest row, ms.
    pub(crate) max_time_ms: i64,
    /// Values, stale markers included.
    pub(crate) samples: u64,
    /// Pairs of a line and a group.
    pub(crate) series: u64,
    pub(crate) groups: u64,
    pub(crate) lines: u64,
    /// The lowest place in the order of acceptance.
    pub(crate) min_sequence: u64,
    /// The highest place in the order of acceptance.
    pub(crate) max_sequence: u64,
    /// Bytes of the file.
    pub(crate) bytes: u64,
}

/// Where a section of the index is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) crc: u32,
}

/// The bytes before the data.
pub(super) fn header() -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let (magic, rest) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    let (version, crc) = rest.split_at_mut(4);
    version.copy_from_slice(&VERSION.to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(magic), version);
    crc.copy_from_slice(&sum.to_le_bytes());
    header
}

/// The format version of a file that begins so; nothing where it is damaged or no segment.
pub(super) fn version(header: &[u8]) -> Option<u32> {
    let (checked, crc) = header.split_at_checked(12)?;
    let crc = u32::from_le_bytes(crc.try_into().ok()?);
    let version = checked.strip_prefix(&MAGIC)?.try_into().ok()?;
    (crc32c::crc32c(checked) == crc).then(|| u32::from_le_bytes(version))
}

/// The bytes after the index.
pub(super) fn footer(info: &SegmentInfo, sections: &[Section; SECTIONS.len()]) -> Vec<u8> {
    let mut out = Vec::with_capacity(FOOTER);
    for figure in [
        info.min_time_ms.cast_unsigned(),
        info.max_time_ms.cast_unsigned(),
        info.samples,
        info.series,
        info.groups,
        info.lines,
        info.min_sequence,
        info.max_sequence,
        sections[0].offset,
    ] {
        out.extend(figure.to_le_bytes());
    }
    for section in sections {
        out.extend(section.length.to_le_bytes());
        out.extend(section.crc.to_le_bytes());
    }
    out.extend(crc32c::crc32c(&out).to_le_bytes());
    out.extend(END);
    out
}

/// What the last bytes of a file say, which has `length` bytes.
pub(super) fn read_footer(
    footer: &[u8],
    length: u64,
) -> Result<(SegmentInfo, [Section; SECTIONS.len()]), Malformed> {
    let checked = footer.strip_suffix(&END).ok_or(Malformed)?;
    let (checked, crc) = checked.split_last_chunk::<4>().ok_or(Malformed)?;
    if footer.len() != FOOTER || crc32c::crc32c(checked) != u32::from_le_bytes(*crc) {
        return Err(Malformed);
    }
    let (figures, mut sizes) = checked.split_at_checked(8 * FIGURES).ok_or(Malformed)?;
    let mut figures = figures
        .as_chunks::<8>()
        .0
        .iter()
        .map(|it| u64::from_le_bytes(*it));
    let mut figure = || figures.next().ok_or(Malformed);
    let info = SegmentInfo {
        min_time_ms: figure()?.cast_signed(),
        max_time_ms: figure()?.cast_signed(),
        samples: figure()?,
        series: figure()?,
        groups: figure()?,
        lines: figure()?,
        min_sequence: figure()?,
        max_sequence: figure()?,
        bytes: length,
    };
    let mut offset = figure()?;
    let mut sections = [Section::default(); SECTIONS.len()];
    for section in &mut sections {
        let (size, rest) = sizes.split_first_chunk::<8>().ok_or(Malformed)?;
        let (crc, rest) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
        *section = Section {
            offset,
            length: u64::from_le_bytes(*size),
            crc: u32::from_le_bytes(*crc),
        };
        offset = offset.checked_add(section.length).ok_or(Malformed)?;
        sizes = rest;
    }
    let whole = offset.checked_add(FOOTER as u64) == Some(length);
    let after_header = sections[0].offset >= HEADER as u64;
    if whole && after_header && info.min_time_ms <= info.max_time_ms {
        Ok((info, sections))
    } else {
        Err(Malformed)
    }
}
