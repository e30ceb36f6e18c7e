//! Framing: how records stand in a file, and how they are found again after damage.
//!
//! ```text
//! file    = magic "WPLOG\r\n\0" | version u32 | zero u32 | record*
//! record  = mark u16 | length u32 | crc u32 | payload
//! ```
//!
//! All numbers are little-endian. The length is the payload's; the checksum is CRC-32C over the
//! length and the payload. After a record that does not check the search goes on at the next byte
//! that starts one that does: the mark makes false starts rare and the checksum makes them harmless.

/// The first bytes of every file.
pub(crate) const MAGIC: [u8; 8] = *b"WPLOG\r\n\0";
/// The version of the format that this program writes, and the newest that it reads.
pub(crate) const VERSION: u32 = 1;
/// Bytes before the first record.
pub(crate) const FILE_HEADER: usize = 16;
/// Bytes before a payload.
pub(crate) const RECORD_HEADER: usize = 10;
/// The longest payload that is written or believed.
pub(crate) const MAX_PAYLOAD: usize = 64 << 20;

const MARK: [u8; 2] = [0xa7, 0x57];

/// The header of a file.
pub(crate) fn file_header() -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header
}

/// The version of a file, nothing where it does not start as one of ours.
pub(crate) fn file_version(file: &[u8]) -> Option<u32> {
    let header = file.first_chunk::<FILE_HEADER>()?;
    let version = header[8..].first_chunk::<4>()?;
    (header[..8] == MAGIC).then(|| u32::from_le_bytes(*version))
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
    /// A good record's payload.
    Record(&'a [u8]),
    /// Bytes that are no record, with good ones after them.
    Damage(usize),
    /// Bytes that are no record, up to the end of the file.
    TornTail(usize),
}

/// The records of a file, and the damage between them.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// The records of a file whose header was checked.
    pub(crate) fn new(file: &'a [u8]) -> Self {
        Self {
            rest: file.get(FILE_HEADER..).unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some(payload) = record_at(self.rest) {
            self.rest = &self.rest[RECORD_HEADER + payload.len()..];
            return Some(Found::Record(payload));
        }
        let next = (1..self.rest.len()).find(|place| record_at(&self.rest[*place..]).is_some());
        let bytes = next.unwrap_or(self.rest.len());
        self.rest = &self.rest[bytes..];
        Some(match next {
            Some(_) => Found::Damage(bytes),
            None => Found::TornTail(bytes),
        })
    }
}

/// The payload of the record that starts here, where it checks.
fn record_at(bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_first_chunk::<RECORD_HEADER>()?;
    let [m0, m1, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    if [m0, m1] != MARK {
        return None;
    }
    let length = [l0, l1, l2, l3];
    let payload = rest.get(..usize::try_from(u32::from_le_bytes(length)).ok()?)?;
    let crc = u32::from_le_bytes([c0, c1, c2, c3]);
    (payload.len() <= MAX_PAYLOAD && checksum(length, payload) == crc).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let mut file = file_header().to_vec();
        for payload in payloads {
            assert!(put_record(&mut file, |out| out.extend_from_slice(payload)));
        }
        file
    }

    #[test]
    fn records_come_back_and_a_torn_tail_is_told() {
        let file = file(&[b"one", b"", b"three"]);
        assert_eq!(file_version(&file), Some(VERSION));
        let whole: Vec<_> = Records::new(&file).collect();
        assert_eq!(whole, [b"one".as_slice(), b"", b"three"].map(Found::Record));
        let torn: Vec<_> = Records::new(&file[..file.len() - 1]).collect();
        assert_eq!(torn[2], Found::TornTail(RECORD_HEADER + 4));
    }

    #[test]
    fn one_flipped_bit_costs_one_record() {
        let good = file(&[b"one", b"two", b"three"]);
        for place in FILE_HEADER..good.len() {
            let mut file = good.clone();
            file[place] ^= 0x10;
            let found = Records::new(&file);
            let records = found
                .filter(|found| matches!(found, Found::Record(_)))
                .count();
            assert_eq!(records, 2, "byte {place}");
        }
    }
}
