//! Extents: items (columns, or groups' rows) packed one after the other into pieces of about
//! 16 KiB, each with a checksum of its own. So one item costs a read of some 16 KiB, and many that
//! stand together are one contiguous read.

use crate::log::bytes::{Malformed, Reader, put_number};

/// How many bytes an extent has at least, but the last one of a list.
pub(super) const EXTENT_BYTES: usize = 16 << 10;
/// Bytes of the checksum before an extent.
pub(super) const CHECKSUM: usize = 4;

/// Packs items into extents.
#[derive(Debug)]
pub(super) struct Packer {
    /// How many bytes an extent has at least.
    extent: usize,
    items: u64,
    lengths: Vec<u8>,
    data: Vec<u8>,
    /// Items and bytes of the extents that are done.
    done: Vec<(u64, u64)>,
}

impl Packer {
    pub(super) fn new(extent: usize) -> Self {
        Self {
            extent,
            items: 0,
            lengths: Vec::new(),
            data: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Adds an item. Gives whether the extent is full.
    pub(super) fn push(&mut self, item: &[u8]) -> bool {
        self.items += 1;
        put_number(&mut self.lengths, item.len() as u64);
        self.data.extend_from_slice(item);
        self.lengths.len() + self.data.len() >= self.extent
    }

    /// Ends the extent, where it has items, and appends its bytes.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.items == 0 {
            return;
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(&self.lengths), &self.data);
        out.extend(crc.to_le_bytes());
        out.extend_from_slice(&self.lengths);
        out.extend_from_slice(&self.data);
        let length = CHECKSUM + self.lengths.len() + self.data.len();
        self.done.push((self.items, length as u64));
        self.items = 0;
        self.lengths.clear();
        self.data.clear();
    }

    /// Appends the list of the extents for the index, and starts a new list.
    pub(super) fn list(&mut self, out: &mut Vec<u8>) {
        put_number(out, self.done.len() as u64);
        for (items, length) in self.done.drain(..) {
            put_number(out, items);
            put_number(out, length);
        }
    }
}

/// Where the extents of a list are.
#[derive(Debug, Default)]
pub(super) struct Extents {
    /// The first item and the offset of each extent, and of what comes after the last.
    starts: Vec<(u64, u64)>,
}

impl Extents {
    /// Reads a list. `offset` is where its first extent is, and is moved behind its last.
    pub(super) fn read(reader: &mut Reader<'_>, offset: &mut u64) -> Result<Self, Malformed> {
        let count = reader.count()?;
        let mut starts = Vec::with_capacity(count + 1);
        let mut item = 0_u64;
        starts.push((item, *offset));
        for _ in 0..count {
            let (items, length) = (reader.number()?, reader.number()?);
            // An item has at least its length, of one byte.
            if items == 0 || length < items.saturating_add(CHECKSUM as u64) {
                return Err(Malformed);
            }
            item = item.checked_add(items).ok_or(Malformed)?;
            *offset = offset.checked_add(length).ok_or(Malformed)?;
            starts.push((item, *offset));
        }
        Ok(Self { starts })
    }

    /// How many extents there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// How many items there are.
    pub(super) fn items(&self) -> u64 {
        self.starts.last().map_or(0, |(item, _)| *item)
    }

    /// The extent that has an item.
    pub(super) fn find(&self, item: u64) -> usize {
        let after = self.starts.partition_point(|(first, _)| *first <= item);
        after.saturating_sub(1)
    }

    /// The first item and the offset of an extent, or of what comes after the last.
    pub(super) fn start(&self, extent: usize) -> (u64, u64) {
        self.starts.get(extent).copied().unwrap_or_default()
    }

    /// Bytes of heap.
    pub(super) fn size(&self) -> usize {
        self.starts.capacity() * size_of::<(u64, u64)>()
    }
}

/// Checks an extent and appends where each of its items ends; the first begins at the returned
/// offset. All are offsets in `bytes`.
pub(super) fn open(bytes: &[u8], items: u64, ends: &mut Vec<usize>) -> Result<usize, Malformed> {
    let (crc, rest) = bytes.split_first_chunk::<CHECKSUM>().ok_or(Malformed)?;
    if crc32c::crc32c(rest) != u32::from_le_bytes(*crc) {
        return Err(Malformed);
    }
    let mut reader = Reader(rest);
    let first = ends.len();
    let mut sum = 0_usize;
    for _ in 0..items {
        let length = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
        sum = sum.checked_add(length).ok_or(Malformed)?;
        ends.push(sum);
    }
    if sum != reader.0.len() {
        return Err(Malformed);
    }
    let start = bytes.len() - sum;
    for end in ends.get_mut(first..).unwrap_or_default() {
        *end += start;
    }
    Ok(start)
}
