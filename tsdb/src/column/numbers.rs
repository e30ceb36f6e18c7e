//! Whole numbers near each other, or in steps near each other: offsets in as few bits as most of
//! them need, and patches for the rest (as PFOR does; Zukowski and others, ICDE 2006).
//!
//! ```text
//! numbers = plan | extras | least: signed | [first: signed] | [scale] | [patched] | packed | patch*
//! plan    = width | steps << 7                                                       (one byte)
//! extras  = has patches | has scale << 1 | the caller's own six bits << 2            (one byte)
//! scale   = shift | has factor << 6 (one byte) | [factor: number]
//! patched = count of patches: number | bytes of all patches: number
//! patch   = rows since the patch before: number | high bits: number
//! ```
//!
//! A number is `least + offset * factor * 2^shift`, all modulo 2^64. With steps, these are the
//! differences of each number to the one before; `first` is the first number. An offset's lower
//! `width` bits are packed; a patch has the bits above them.

use std::ops::Range;

use super::pack::{CHUNK, pack, packed_length, unpack};
use super::plan::{Plan, plan};
use crate::log::bytes::{Malformed, Reader, put_number, unzigzag, zigzag};

const STEPS: u8 = 0x80;
const PATCHES: u8 = 1;
const SCALE: u8 = 2;
const FACTOR: u8 = 0x40;
/// So many numbers that rise are always written as steps.
const ALWAYS_STEPS: usize = 16;

/// Buffers that are used again and again.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    steps: Vec<i64>,
    level_offsets: Vec<u64>,
    step_offsets: Vec<u64>,
    patches: Vec<u8>,
}

/// Appends numbers. `own` has six bits for the caller. There is at least one number.
pub(super) fn encode(numbers: &[i64], own: u8, buffers: &mut Buffers, out: &mut Vec<u8>) {
    let Some(first) = numbers.first() else {
        return;
    };
    buffers.steps.clear();
    let pairs = numbers.iter().zip(numbers.iter().skip(1));
    let steps = pairs.map(|(before, after)| after.wrapping_sub(*before));
    buffers.steps.extend(steps);
    let offsets = &mut buffers.step_offsets;
    let steps = plan(&buffers.steps, offsets);
    // What always rises is no nearer to one number than its steps are, unless it is short.
    let rises = buffers.steps.iter().map(|step| usize::from(*step >= 0));
    if numbers.len() >= ALWAYS_STEPS && rises.sum::<usize>() == buffers.steps.len() {
        return put(
            &steps,
            Some(*first),
            own,
            (offsets, &mut buffers.patches),
            out,
        );
    }
    let levels = plan(numbers, &mut buffers.level_offsets);
    // A first number costs a few bytes more, and steps are slower to read.
    if steps.cost + 3 < levels.cost {
        put(
            &steps,
            Some(*first),
            own,
            (offsets, &mut buffers.patches),
            out,
        );
    } else {
        let offsets = &buffers.level_offsets;
        put(&levels, None, own, (offsets, &mut buffers.patches), out);
    }
}

fn put(
    plan: &Plan,
    first: Option<i64>,
    own: u8,
    (offsets, patches): (&[u64], &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let count = put_patches(offsets, plan.width, patches);
    let scaled = plan.shift > 0 || plan.factor > 1;
    let mut extras = own << 2;
    if count > 0 {
        extras |= PATCHES;
    }
    if scaled {
        extras |= SCALE;
    }
    let steps = if first.is_some() { STEPS } else { 0 };
    out.push(plan.width | steps);
    out.push(extras);
    put_number(out, zigzag(plan.least));
    if let Some(first) = first {
        put_number(out, zigzag(first));
    }
    if scaled {
        let factor = if plan.factor > 1 { FACTOR } else { 0 };
        out.push(plan.shift | factor);
        if plan.factor > 1 {
            put_number(out, plan.factor);
        }
    }
    if count > 0 {
        put_number(out, count);
        put_number(out, patches.len() as u64);
    }
    pack(offsets, usize::from(plan.width), out);
    out.extend_from_slice(patches);
}

/// The patches of offsets that are wider than the width, and how many there are.
fn put_patches(offsets: &[u64], width: u8, patches: &mut Vec<u8>) -> u64 {
    patches.clear();
    if width >= 64 {
        return 0;
    }
    let (mut count, mut next) = (0, 0_u64);
    for (row, offset) in (0_u64..).zip(offsets) {
        let high = offset >> width;
        if high > 0 {
            put_number(patches, row - next);
            put_number(patches, high);
            next = row + 1;
            count += 1;
        }
    }
    count
}

/// Numbers whose header was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a> {
    rows: usize,
    steps: bool,
    /// The caller's six bits.
    pub(super) own: u8,
    width: usize,
    least: u64,
    first: u64,
    factor: u64,
    /// From the first packed number to the end of what was given.
    packed: &'a [u8],
    patches: &'a [u8],
    patch_count: usize,
    /// How many bytes it takes, header included.
    pub(super) length: usize,
}

impl<'a> Numbers<'a> {
    /// Reads the header of some numbers; more may follow after them.
    pub(super) fn parse(bytes: &'a [u8], rows: usize) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let (plan, extras) = (reader.byte()?, reader.byte()?);
        let (width, steps) = (usize::from(plan & !STEPS), plan & STEPS != 0);
        let least = unzigzag(reader.number()?).cast_unsigned();
        let first = if steps {
            unzigzag(reader.number()?).cast_unsigned()
        } else {
            0
        };
        let factor = if extras & SCALE == 0 {
            1
        } else {
            read_scale(&mut reader)?
        };
        let (patch_count, patch_bytes) = if extras & PATCHES == 0 {
            (0, 0)
        } else {
            (reader.count()?, reader.count()?)
        };
        let count = if steps {
            rows.checked_sub(1).ok_or(Malformed)?
        } else {
            rows
        };
        if width > 64 || patch_count > count {
            return Err(Malformed);
        }
        let packed = reader.0;
        reader.bytes(packed_length(count, width))?;
        let patches = reader.bytes(patch_bytes)?;
        Ok(Self {
            rows,
            steps,
            own: extras >> 2,
            width,
            least,
            first,
            factor,
            packed,
            patches,
            patch_count,
            length: bytes.len() - reader.0.len(),
        })
    }

    /// Appends the numbers of some rows, converted.
    pub(super) fn read<T>(
        &self,
        range: Range<usize>,
        out: &mut Vec<T>,
        convert: impl Fn(i64) -> T,
    ) -> Result<(), Malformed> {
        if range.is_empty() {
            return Ok(());
        }
        let skipped = usize::from(self.steps);
        if self.steps && range.start == 0 {
            out.push(convert(self.first.cast_signed()));
        }
        let mut value = self.first;
        let mut patches = Patches::new(self.patches, self.patch_count);
        let mut start = if self.steps {
            0
        } else {
            range.start / CHUNK * CHUNK
        };
        let end = range.end.min(self.rows).saturating_sub(skipped);
        let mut chunk = [0; CHUNK];
        while start < end {
            let count = (end - start).min(CHUNK);
            let packed = self.packed.get(start / 8 * self.width..);
            unpack(packed.unwrap_or_default(), self.width, &mut chunk, count);
            patches.apply(start, &mut chunk[..count], self.width)?;
            let numbers = &mut chunk[..count];
            if self.steps {
                for number in numbers.iter_mut() {
                    let step = number.wrapping_mul(self.factor).wrapping_add(self.least);
                    value = value.wrapping_add(step);
                    *number = value;
                }
            } else {
                for number in numbers.iter_mut() {
                    *number = number.wrapping_mul(self.factor).wrapping_add(self.least);
                }
            }
            let from = range.start.saturating_sub(start + skipped).min(count);
            let wanted = numbers.get(from..).unwrap_or_default();
            out.extend(wanted.iter().map(|number| convert(number.cast_signed())));
            start += count;
        }
        Ok(())
    }
}

fn read_scale(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    let scale = reader.byte()?;
    let factor = if scale & FACTOR == 0 {
        1
    } else {
        reader.number()?
    };
    Ok(factor << (scale & 0x3f))
}

/// Takes the patches one after another.
#[derive(Debug)]
struct Patches<'a> {
    reader: Reader<'a>,
    left: usize,
    /// The row after the last patch.
    next: usize,
    /// A patch that was read and not yet applied: row, high bits.
    waiting: Option<(usize, u64)>,
}

impl<'a> Patches<'a> {
    fn new(bytes: &'a [u8], count: usize) -> Self {
        Self {
            reader: Reader(bytes),
            left: count,
            next: 0,
            waiting: None,
        }
    }

    fn peek(&mut self) -> Result<Option<(usize, u64)>, Malformed> {
        if self.waiting.is_none() && self.left > 0 {
            let gap = usize::try_from(self.reader.number()?).map_err(|_| Malformed)?;
            let row = self.next.checked_add(gap).ok_or(Malformed)?;
            self.waiting = Some((row, self.reader.number()?));
            self.next = row.checked_add(1).ok_or(Malformed)?;
            self.left -= 1;
        }
        Ok(self.waiting)
    }

    /// Applies the patches of a chunk that begins at a row; those before it are skipped.
    fn apply(&mut self, start: usize, chunk: &mut [u64], width: usize) -> Result<(), Malformed> {
        while let Some((row, high)) = self.peek()? {
            let Some(place) = row.checked_sub(start) else {
                self.waiting = None;
                continue;
            };
            if place >= CHUNK {
                break;
            }
            if let Some(number) = chunk.get_mut(place) {
                *number |= high
                    .checked_shl(u32::try_from(width).unwrap_or(64))
                    .unwrap_or(0);
            }
            self.waiting = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn round(numbers: &[i64]) -> usize {
        let mut out = Vec::new();
        encode(numbers, 0x2a, &mut Buffers::default(), &mut out);
        let length = out.len();
        out.extend_from_slice(&[0xff; 3]);
        let parsed = Numbers::parse(&out, numbers.len()).unwrap();
        assert_eq!((parsed.own, parsed.length), (0x2a, length));
        for start in [0, numbers.len() / 3, numbers.len() / 2, numbers.len()] {
            for end in [start, start + (numbers.len() - start) / 2, numbers.len()] {
                let mut read = vec![7];
                parsed.read(start..end, &mut read, |number| number).unwrap();
                assert_eq!(&read[1..], &numbers[start..end], "{start} {end}");
            }
        }
        length
    }

    #[test]
    fn few_wide_numbers_do_not_widen_the_rest() {
        let calm: Vec<i64> = (0..120).map(|n| 1_000 + n * n % 11 % 7).collect();
        assert_eq!(round(&calm), 2 + 2 + 45);
        let mut wild = calm.clone();
        wild[50] = 1_000_000_000;
        assert!(round(&wild) < 65, "{}", round(&wild));
        let mut counter: Vec<i64> = (0..120).map(|n| n * 1_000 + n * n % 11).collect();
        let size = round(&counter);
        counter.iter_mut().skip(70).for_each(|n| *n -= 70_000);
        assert!(round(&counter) < size + 16, "{} {size}", round(&counter));
        let pages: Vec<i64> = (0..120).map(|n| n * n % 13 * 4096 + 8192).collect();
        assert_eq!(round(&pages), 2 + 3 + 1 + 60);
        let thirds: Vec<i64> = (0..120).map(|n| n * n % 13 * 15 + 9).collect();
        assert_eq!(round(&thirds), 2 + 1 + 2 + 60);
    }

    proptest! {
        #[test]
        fn all_numbers_come_back(
            numbers in vec(any::<i64>(), 1..200),
            spread in 0..63_u32,
            factor in 1..1_000_i64,
            odd in vec((any::<u16>(), any::<i64>()), 0..5),
        ) {
            let mut numbers: Vec<_> = numbers
                .iter()
                .map(|number| (number >> spread).wrapping_mul(factor))
                .collect();
            round(&numbers);
            for (place, number) in odd {
                let place = usize::from(place) % numbers.len();
                numbers[place] = number;
            }
            round(&numbers);
            for place in 1..numbers.len() {
                numbers[place] = numbers[place].wrapping_add(numbers[place - 1]);
            }
            round(&numbers);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), rows in 0..4_200_usize) {
            if let Ok(numbers) = Numbers::parse(&bytes, rows) {
                let mut read = Vec::new();
                if numbers.read(0..rows, &mut read, |number| number).is_ok() {
                    prop_assert_eq!(read.len(), rows);
                }
            }
        }
    }
}
