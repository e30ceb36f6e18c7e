//! What was deleted: a tombstone hides the samples of the series that pass its matchers, in its range
//! of time, that were accepted before it. They go for good when their segment is written again.
//!
//! ```text
//! file      = magic "WPTOMB\r\n" | version u32 | length u32 | crc u32 | payload
//! payload   = count, tombstone*
//! tombstone = from: signed | to: signed | sequence | segment | count, matcher*
//! matcher   = operator: byte (0 =, 1 !=, 2 =~, 3 !~) | name: text | value: text
//! ```
//!
//! Numbers, signed numbers and texts are as in the log; the CRC-32C is over the
//! version, the length and the payload, so that damage to the version is told from a newer one. The file is written anew as a whole, under another name, and renamed.

use std::path::{Path, PathBuf};

use watchpost_model::{Labels, MatchOp, Matcher};

use crate::log::bytes::{Malformed, Reader, put_number, put_text, unzigzag, zigzag};
use crate::{Disk, Error, TimeRange};

const MAGIC: [u8; 8] = *b"WPTOMB\r\n";
const VERSION: u32 = 1;
const HEADER: usize = 20;

/// The most tombstones there may be: each one costs every query a little.
pub(crate) const MAX_TOMBSTONES: usize = 10_000;

/// One deletion.
#[derive(Clone, Debug)]
pub(crate) struct Tombstone {
    /// Ends with the newest sample that there was.
    pub(crate) range: TimeRange,
    pub(crate) matchers: Vec<Matcher>,
    /// What was accepted before this is hidden.
    pub(crate) sequence: u64,
    /// Segments with this number or a later one do not have what is hidden.
    pub(crate) segment: u64,
}

/// A piece of time in which the samples of a series that came before a sequence are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hidden {
    pub(crate) range: TimeRange,
    pub(crate) sequence: u64,
}

impl Hidden {
    /// Whether it hides a sample.
    pub(crate) fn hides(&self, time_ms: i64, sequence: u64) -> bool {
        sequence < self.sequence && self.range.has(time_ms)
    }
}

/// All deletions, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tombstones(pub(crate) Vec<Tombstone>);

impl Tombstones {
    /// Those that touch a range.
    pub(crate) fn within(&self, range: TimeRange) -> Self {
        let touching = self.0.iter().filter(|stone| stone.range.touches(range));
        Self(touching.cloned().collect())
    }

    /// What is hidden of a series.
    pub(crate) fn hidden(&self, labels: &Labels) -> Vec<Hidden> {
        let passes = |stone: &&Tombstone| {
            let mut matchers = stone.matchers.iter();
            matchers.all(|matcher| matcher.matches(labels.get(matcher.name())))
        };
        self.0
            .iter()
            .filter(passes)
            .map(|stone| Hidden {
                range: stone.range,
                sequence: stone.sequence,
            })
            .collect()
    }

    /// The bytes of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        put_number(&mut payload, self.0.len() as u64);
        for stone in &self.0 {
            put_number(&mut payload, zigzag(stone.range.from_ms));
            put_number(&mut payload, zigzag(stone.range.to_ms));
            put_number(&mut payload, stone.sequence);
            put_number(&mut payload, stone.segment);
            put_number(&mut payload, stone.matchers.len() as u64);
            for matcher in &stone.matchers {
                payload.push(match matcher.op() {
                    MatchOp::Equal => 0,
                    MatchOp::NotEqual => 1,
                    MatchOp::Regex => 2,
                    MatchOp::NotRegex => 3,
                });
                put_text(&mut payload, matcher.name());
                put_text(&mut payload, matcher.value());
            }
        }
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let mut file = Vec::with_capacity(HEADER + payload.len());
        file.extend_from_slice(&MAGIC);
        file.extend_from_slice(&VERSION.to_le_bytes());
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&checksum(VERSION, length, &payload).to_le_bytes());
        file.extend_from_slice(&payload);
        file
    }

    /// Reads the file's bytes.
    pub(crate) fn decode(file: &[u8]) -> Result<Self, Damage> {
        let (header, payload) = file.split_first_chunk::<HEADER>().ok_or(Damage::Bytes)?;
        let number = |place: usize| {
            let bytes = header.get(place..).and_then(<[u8]>::first_chunk::<4>);
            bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        if header.first_chunk() != Some(&MAGIC) {
            return Err(Damage::Bytes);
        }
        let (version, length) = (number(8), number(12));
        if payload.len() as u64 != u64::from(length)
            || checksum(version, length, payload) != number(16)
        {
            return Err(Damage::Bytes);
        }
        if version > VERSION {
            return Err(Damage::Newer(version));
        }
        let stones = read_all(payload).map_err(|Malformed| Damage::Bytes)?;
        Ok(Self(stones))
    }
}

/// Why a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// It is of this newer version.
    Newer(u32),
    /// The bytes are not what was written.
    Bytes,
}

fn checksum(version: u32, length: u32, payload: &[u8]) -> u32 {
    let checked = crc32c::crc32c(&version.to_le_bytes());
    crc32c::crc32c_append(
        crc32c::crc32c_append(checked, &length.to_le_bytes()),
        payload,
    )
}

fn read_all(payload: &[u8]) -> Result<Vec<Tombstone>, Malformed> {
    let mut reader = Reader(payload);
    let count = reader.count()?;
    let stones = (0..count)
        .map(|_| read(&mut reader))
        .collect::<Result<_, _>>()?;
    if reader.0.is_empty() {
        Ok(stones)
    } else {
        Err(Malformed)
    }
}

fn read(reader: &mut Reader<'_>) -> Result<Tombstone, Malformed> {
    let from = unzigzag(reader.number()?);
    let to = unzigzag(reader.number()?);
    let sequence = reader.number()?;
    let segment = reader.number()?;
    let count = reader.count()?;
    let matcher = |_| {
        let op = match reader.byte()? {
            0 => MatchOp::Equal,
            1 => MatchOp::NotEqual,
            2 => MatchOp::Regex,
            3 => MatchOp::NotRegex,
            _ => return Err(Malformed),
        };
        let (name, value) = (reader.text()?, reader.text()?);
        Matcher::new(op, name, value).map_err(|_| Malformed)
    };
    Ok(Tombstone {
        range: TimeRange::new(from, to),
        matchers: (0..count).map(matcher).collect::<Result<_, _>>()?,
        sequence,
        segment,
    })
}

/// Where the file stands.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join("tombstones")
}

/// Writes the file anew; one without tombstones is removed.
pub(crate) fn write(disk: &dyn Disk, directory: &Path, stones: &Tombstones) -> Result<(), Error> {
    let path = path(directory);
    let unfinished = path.with_extension("tmp");
    let result = (|| {
        if stones.0.is_empty() {
            return match disk.remove(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => disk.sync_directory(directory),
            };
        }
        let file = disk.create(&unfinished)?;
        file.append(&stones.encode())?;
        file.sync()?;
        disk.rename(&unfinished, &path)?;
        disk.sync_directory(directory)
    })();
    result.map_err(|source| {
        // What is left of it is removed at the next start where it cannot be now.
        disk.remove(&unfinished).ok();
        Error::Io {
            action: "write",
            path,
            source,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stones() -> Tombstones {
        let matchers = |op| vec![Matcher::new(op, "instance", "h.*").unwrap()];
        let ops = [
            MatchOp::Equal,
            MatchOp::NotEqual,
            MatchOp::Regex,
            MatchOp::NotRegex,
        ];
        let stones = ops.into_iter().zip(1..).map(|(op, n)| Tombstone {
            range: TimeRange::new(-5, n),
            matchers: matchers(op),
            sequence: n.unsigned_abs() * 1_000,
            segment: 3,
        });
        Tombstones(stones.collect())
    }

    #[test]
    fn tombstones_come_back_and_every_changed_byte_is_noticed() {
        let file = stones().encode();
        let read = Tombstones::decode(&file).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", stones()));
        for place in 0..file.len() {
            let mut damaged = file.clone();
            damaged[place] ^= 0x20;
            let damage = Tombstones::decode(&damaged).unwrap_err();
            assert_eq!(damage, Damage::Bytes, "byte {place}");
            assert!(
                Tombstones::decode(&file[..place]).is_err(),
                "cut at {place}"
            );
        }
        let mut newer = file;
        newer[8] = 2;
        let (header, payload) = newer.split_at_mut(HEADER);
        let length = u32::try_from(payload.len()).unwrap();
        header[16..].copy_from_slice(&checksum(2, length, payload).to_le_bytes());
        assert_eq!(Tombstones::decode(&newer).unwrap_err(), Damage::Newer(2));
    }

    #[test]
    fn a_tombstone_hides_what_came_before_it_in_its_range_of_the_series_that_pass() {
        let stones = stones();
        let labels = |instance| Labels::from_pairs([("instance", instance)]);
        let sequences = |instance| {
            let hidden = stones.hidden(&labels(instance));
            hidden.iter().map(|h| h.sequence).collect::<Vec<_>>()
        };
        assert_eq!(sequences("h1"), [2_000, 3_000]);
        assert_eq!(sequences("h.*"), [1_000, 3_000]);
        assert_eq!(sequences("x"), [2_000, 4_000]);
        let hidden = stones.hidden(&labels("h1"))[0];
        assert!(hidden.hides(2, 1_999) && hidden.hides(-5, 0));
        assert!(!hidden.hides(2, 2_000) && !hidden.hides(3, 0) && !hidden.hides(-6, 0));
        assert_eq!(stones.within(TimeRange::new(3, 9)).0.len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_payload_is_read_or_refused(payload: Vec<u8>) {
            read_all(&payload).ok();
        }
    }
}
