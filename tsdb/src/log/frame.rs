//! Framing: how records stand in a file, and how they are found again after damage.
//!
//! ```text
//! file    = magic (8 bytes) | version u32 | crc u32 | record*      "WPLOG\r\n\0", "WPHEAD\r\n"
//! record  = mark u16 | length u32 | crc u32 | payload
//! ```
//!
//! All numbers are little-endian. The length is the payload's; the checksum is CRC-32C over the
//! length and the payload. After a record that does not check the search goes on at the next byte
//! that starts one that does: the mark makes false starts rare and the checksum makes them harmless.

use std::io::Read;

/// The first bytes of a log file.
pub(crate) const LOG_MAGIC: [u8; 8] = *b"WPLOG\r\n\0";
/// The first bytes of a head file.
pub(crate) const HEAD_MAGIC: [u8; 8] = *b"WPHEAD\r\n";
/// The version of the format that this program writes and reads.
pub(crate) const VERSION: u32 = 2;
/// Bytes before the first record.
pub(crate) const FILE_HEADER: usize = 16;
/// Bytes before a payload.
pub(crate) const RECORD_HEADER: usize = 10;
/// The longest payload that is written or believed.
pub(crate) const MAX_PAYLOAD: usize = 64 << 20;

/// How much is read at a time.
const READ_AHEAD: usize = 1 << 20;
const MARK: [u8; 2] = [0xa7, 0x57];

/// The header of a file.
pub(crate) fn file_header(magic: [u8; 8]) -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..8].copy_from_slice(&magic);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32c::crc32c(&header[..12]);
    header[12..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// What the start of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// It is of this version.
    Version(u32),
    /// It is one of ours, of a version that cannot be told any more: the records tell themselves.
    Damaged,
    /// It is none of ours.
    Foreign,
}

/// Reads the header of a file.
pub(crate) fn read_header(file: &[u8], magic: [u8; 8]) -> Header {
    let Some(header) = file.first_chunk::<FILE_HEADER>() else {
        return Header::Foreign;
    };
    let [m @ .., v0, v1, v2, v3, c0, c1, c2, c3] = *header;
    let version = u32::from_le_bytes([v0, v1, v2, v3]);
    let crc = u32::from_le_bytes([c0, c1, c2, c3]);
    // The first version had no checksum.
    if m != magic {
        Header::Foreign
    } else if crc32c::crc32c(&header[..12]) == crc || (version, crc) == (1, 0) {
        Header::Version(version)
    } else {
        Header::Damaged
    }
}

/// Appends a record whose payload `fill` writes. A payload that is too long leaves nothing behind.
pub(crate) fn put_record(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) -> bool {
    let start = out.len();
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&[0; 8]);
    fill(out);
    let payload = out.len() - start - RECORD_HEADER;
    let length = match u32::try_from(payload) {
        Ok(length) if payload <= MAX_PAYLOAD => length.to_le_bytes(),
        _ => {
            out.truncate(start);
            return false;
        }
    };
    let crc = checksum(length, &out[start + RECORD_HEADER..]).to_le_bytes();
    out[start + 2..start + 6].copy_from_slice(&length);
    out[start + 6..start + 10].copy_from_slice(&crc);
    true
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}

/// What stands at a place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A good record: where it starts in the file, and its payload.
    Record(u64, &'a [u8]),
    /// Bytes that are no record, with good ones after them.
    Damage(u64),
    /// Bytes that are no record, up to the end of the file.
    TornTail(u64),
}

/// Reads the records of a file whose header was read, a part of the file at a time.
#[derive(Debug)]
pub(crate) struct RecordReader<R> {
    file: R,
    buffer: Vec<u8>,
    /// What was read of the buffer, and where in the file the buffer starts.
    start: usize,
    offset: u64,
    ended: bool,
}

impl<R: Read> RecordReader<R> {
    /// The records after a header.
    pub(crate) fn new(file: R) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            start: 0,
            offset: FILE_HEADER as u64,
            ended: false,
        }
    }

    /// The next record, or the damage before it.
    pub(crate) fn next(&mut self) -> std::io::Result<Option<Found<'_>>> {
        let mut skipped = 0;
        loop {
            let wanted = match record_at(&self.buffer[self.start..]) {
                At::Record(_) if skipped > 0 => return Ok(Some(Found::Damage(skipped))),
                At::Record(length) => {
                    let from = self.start + RECORD_HEADER;
                    let at = self.offset + self.start as u64;
                    self.start = from + length;
                    return Ok(Some(Found::Record(at, &self.buffer[from..self.start])));
                }
                At::Short(wanted) => wanted,
                At::Damage => 0,
            };
            if wanted > 0 && !self.ended {
                self.fill(wanted)?;
            } else if self.start == self.buffer.len() {
                return Ok((skipped > 0).then_some(Found::TornTail(skipped)));
            } else {
                self.start += 1;
                skipped += 1;
            }
        }
    }

    /// Reads on until there are so many bytes after the start.
    fn fill(&mut self, wanted: usize) -> std::io::Result<()> {
        self.buffer.drain(..self.start);
        self.offset += self.start as u64;
        self.start = 0;
        let more = wanted.saturating_sub(self.buffer.len()).max(READ_AHEAD) as u64;
        let read = self
            .file
            .by_ref()
            .take(more)
            .read_to_end(&mut self.buffer)?;
        self.ended = (read as u64) < more;
        Ok(())
    }
}

/// What stands at the start of some bytes.
enum At {
    /// A record with a payload of this length.
    Record(usize),
    /// What may be a record, if there are so many bytes.
    Short(usize),
    Damage,
}

fn record_at(bytes: &[u8]) -> At {
    let Some((header, rest)) = bytes.split_first_chunk::<RECORD_HEADER>() else {
        return At::Short(RECORD_HEADER);
    };
    let [m0, m1, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    let length = [l0, l1, l2, l3];
    let Ok(payload) = usize::try_from(u32::from_le_bytes(length)) else {
        return At::Damage;
    };
    if [m0, m1] != MARK || payload > MAX_PAYLOAD {
        return At::Damage;
    }
    match rest.get(..payload) {
        None => At::Short(RECORD_HEADER + payload),
        Some(bytes) if checksum(length, bytes) == u32::from_le_bytes([c0, c1, c2, c3]) => {
            At::Record(payload)
        }
        Some(_) => At::Damage,
    }
}

/// The payload of a record that is all of some bytes.
pub(crate) fn whole_record(bytes: &[u8]) -> Option<&[u8]> {
    match record_at(bytes) {
        At::Record(length) if RECORD_HEADER + length == bytes.len() => bytes.get(RECORD_HEADER..),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let mut file = file_header(LOG_MAGIC).to_vec();
        for payload in payloads {
            assert!(put_record(&mut file, |out| out.extend_from_slice(payload)));
        }
        file
    }

    /// Payloads, and what was no record.
    fn read(file: &[u8]) -> (Vec<Vec<u8>>, Vec<u64>) {
        let mut reader = RecordReader::new(&file[FILE_HEADER..]);
        let (mut payloads, mut damage) = (Vec::new(), Vec::new());
        while let Some(found) = reader.next().unwrap() {
            match found {
                Found::Record(at, payload) => {
                    let at = usize::try_from(at).unwrap();
                    let record = &file[at..at + RECORD_HEADER + payload.len()];
                    assert_eq!(whole_record(record), Some(payload));
                    payloads.push(payload.to_vec());
                }
                Found::Damage(bytes) | Found::TornTail(bytes) => damage.push(bytes),
            }
        }
        (payloads, damage)
    }

    #[test]
    fn records_come_back_and_a_torn_tail_is_told() {
        let file = file(&[b"one", b"", b"three"]);
        assert_eq!(read_header(&file, LOG_MAGIC), Header::Version(VERSION));
        assert_eq!(read_header(&file, HEAD_MAGIC), Header::Foreign);
        let mut damaged = file.clone();
        damaged[9] ^= 4;
        assert_eq!(read_header(&damaged, LOG_MAGIC), Header::Damaged);
        let whole = [b"one".to_vec(), Vec::new(), b"three".to_vec()];
        assert_eq!(read(&file), (whole.to_vec(), Vec::new()));
        let torn = read(&file[..file.len() - 1]);
        assert_eq!(torn, (whole[..2].to_vec(), vec![RECORD_HEADER as u64 + 4]));
    }

    #[test]
    fn records_are_found_across_reads() {
        let long = vec![7; READ_AHEAD - 5];
        let file = file(&[b"one", &long, b"two", &long]);
        assert_eq!(read(&file).0.len(), 4);
        let mut bad = file.clone();
        bad[FILE_HEADER + 30] ^= 1;
        let (payloads, damage) = read(&bad);
        assert_eq!(payloads, [b"one".to_vec(), b"two".to_vec(), long.clone()]);
        assert_eq!(damage, [(RECORD_HEADER + long.len()) as u64]);
    }

    #[test]
    fn one_flipped_bit_costs_one_record() {
        let good = file(&[b"one", b"two", b"three"]);
        for place in FILE_HEADER..good.len() {
            let mut file = good.clone();
            file[place] ^= 0x10;
            assert_eq!(read(&file).0.len(), 2, "byte {place}");
        }
    }
}
