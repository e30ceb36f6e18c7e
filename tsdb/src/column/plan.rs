//! How numbers are packed best: what is subtracted, what divides all of them, and how many bits are
//! packed so that patching the wider ones costs less than it saves.

/// How some numbers are packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) least: i64,
    pub(super) shift: u8,
    /// Odd.
    pub(super) factor: u64,
    pub(super) width: u8,
    /// About how many bytes packed numbers, patches and header take.
    pub(super) cost: usize,
}

/// So many numbers may stand far below all others without being taken for the least.
const OUTLIERS: usize = 2;
/// So many offsets tell whether a factor is looked for.
const TOLD_BY: usize = 4;

/// Plans, and leaves the offsets in a buffer.
pub(super) fn plan(numbers: &[i64], offsets: &mut Vec<u64>) -> Plan {
    let least = numbers.iter().copied().min().unwrap_or(0);
    let mut all = put_offsets(numbers, least, offsets);
    let mut widths = Widths::of(offsets);
    let mut base = least;
    if let Some(second) = widths.far_above(all, offsets) {
        // A counter that was reset: the step down is patched, and the others are counted from the
        // least of them.
        base = least.wrapping_add(second.cast_signed());
        all = put_offsets(numbers, base, offsets);
        widths = Widths::of(offsets);
    }
    let shift = if all == 0 { 0 } else { all.trailing_zeros() };
    let factor = odd_factor(offsets, shift);
    if factor > 1 || shift > 0 {
        for offset in &mut *offsets {
            *offset >>= shift;
        }
        if factor > 1 {
            for offset in &mut *offsets {
                *offset /= factor;
            }
        }
        widths = Widths::of(offsets);
    }
    let (width, cost) = widths.cheapest(offsets.len());
    Plan {
        least: base,
        shift: low_byte(shift),
        factor,
        width,
        cost: cost + bytes_of(base.unsigned_abs()),
    }
}

/// Writes the distances to a number, and gives all of their bits together.
fn put_offsets(numbers: &[i64], least: i64, offsets: &mut Vec<u64>) -> u64 {
    offsets.clear();
    offsets.extend(
        numbers
            .iter()
            .map(|number| number.wrapping_sub(least).cast_unsigned()),
    );
    offsets.iter().fold(0, |all, offset| all | offset)
}

/// What divides all offsets after the shift; it is odd, since the shift took the rest. Nothing is
/// looked for but multiples of three, five and seven, since most often the first few offsets tell
/// that there is none.
fn odd_factor(offsets: &[u64], shift: u32) -> u64 {
    let shifted = || offsets.iter().map(|offset| offset >> shift);
    let first = || shifted().filter(|offset| *offset > 0).take(TOLD_BY);
    if !(first().all(|offset| offset.is_multiple_of(3))
        || first().all(|offset| offset.is_multiple_of(5))
        || first().all(|offset| offset.is_multiple_of(7)))
    {
        return 1;
    }
    let mut factor = 0;
    for offset in shifted() {
        factor = greatest_common_divisor(offset, factor);
        if factor == 1 {
            return 1;
        }
    }
    factor.max(1)
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// How many offsets have how many bits.
struct Widths([u16; 65]);

impl Widths {
    fn of(offsets: &[u64]) -> Self {
        // Neighbours count in tables of their own: the same place would have to be written before it
        // is read again.
        let (mut counts, mut others) = ([0; 65], [0; 65]);
        let (pairs, odd) = offsets.as_chunks();
        for [one, other] in pairs {
            counts[bits_of(*one)] += 1;
            others[bits_of(*other)] += 1;
        }
        for offset in odd {
            counts[bits_of(*offset)] += 1;
        }
        for (count, other) in counts.iter_mut().zip(others) {
            *count += other;
        }
        Self(counts)
    }

    /// The least offset but for very few that stand far below it.
    fn far_above(&self, all: u64, offsets: &[u64]) -> Option<u64> {
        let widest = bits_of(all);
        let few = offsets.len() - usize::from(self.0[widest]);
        if few > OUTLIERS || offsets.len() < 4 * OUTLIERS || widest < 2 {
            return None;
        }
        let high = offsets.iter().filter(|offset| bits_of(**offset) == widest);
        high.min().copied()
    }

    /// The width that costs least, and its cost.
    fn cheapest(&self, rows: usize) -> (u8, usize) {
        let counts = self.0.map(usize::from);
        let widest = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        let packed = |width: usize| (rows * width).div_ceil(8);
        let mut best = (widest, packed(widest));
        let mut patches = 0;
        for width in (0..widest).rev() {
            // A patch has a byte for its place and seven bits of the offset in each other one, so
            // every seventh width makes it a byte longer.
            let longer = counts[width + 1..=widest].iter().step_by(7);
            patches += counts[width + 1] + longer.sum::<usize>();
            if patches >= best.1 {
                break;
            }
            let cost = packed(width) + patches + 2;
            if cost < best.1 {
                best = (width, cost);
            }
        }
        (low_byte(u32::try_from(best.0).unwrap_or(64)), best.1)
    }
}

fn bits_of(number: u64) -> usize {
    64 - number.leading_zeros() as usize
}

/// How many bytes a number takes when written seven bits a byte, with its sign.
fn bytes_of(number: u64) -> usize {
    (bits_of(number) + 1).div_ceil(7)
}

fn low_byte(number: u32) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}
