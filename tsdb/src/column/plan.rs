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

/// How many of the smallest and the greatest numbers are looked at.
const EXTREMES: usize = 3;

/// Plans, and leaves the offsets in a buffer.
pub(super) fn plan(numbers: &[i64], offsets: &mut Vec<u64>) -> Plan {
    let least = least(numbers);
    offsets.clear();
    let mut all = 0;
    offsets.extend(numbers.iter().map(|number| {
        let offset = number.wrapping_sub(least).cast_unsigned();
        all |= offset;
        offset
    }));
    let shift = if all == 0 { 0 } else { all.trailing_zeros() };
    if shift > 0 {
        for offset in &mut *offsets {
            *offset >>= shift;
        }
    }
    let factor = odd_factor(offsets);
    if factor > 1 {
        for offset in &mut *offsets {
            *offset /= factor;
        }
    }
    let (width, cost) = width(offsets);
    Plan {
        least,
        shift: low_byte(shift),
        factor,
        width,
        cost: cost + bytes_of(least.unsigned_abs()),
    }
}

/// What is subtracted: the least number, but not one that stands far below all others (a counter
/// that was reset).
fn least(numbers: &[i64]) -> i64 {
    let (mut low, mut high) = ([i64::MAX; EXTREMES], [i64::MIN; EXTREMES]);
    for number in numbers {
        if *number < low[2] {
            low[2] = *number;
            low.sort_unstable();
        }
        if *number > high[2] {
            high[2] = *number;
            high.sort_unstable_by(|a, b| b.cmp(a));
        }
    }
    if numbers.len() < 2 * EXTREMES {
        return low[0];
    }
    let distance = |from: i64, to: i64| to.wrapping_sub(from).cast_unsigned();
    let far = |number: i64| distance(low[0], number) > distance(number, high[2]);
    low.into_iter()
        .skip(1)
        .find(|number| far(*number))
        .unwrap_or(low[0])
}

/// What divides all offsets, odd since the shift took the rest. Most often the first few tell that
/// there is nothing.
fn odd_factor(offsets: &[u64]) -> u64 {
    let mut factor = 0;
    for offset in offsets {
        factor = greatest_common_divisor(*offset, factor);
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

/// The width that costs least, and its cost.
fn width(offsets: &[u64]) -> (u8, usize) {
    let mut counts = [0_usize; 65];
    for offset in offsets {
        counts[bits_of(*offset)] += 1;
    }
    let widest = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
    let packed = |width: usize| (offsets.len() * width).div_ceil(8);
    let mut best = (widest, packed(widest));
    let mut patched = 0;
    for width in (0..widest).rev() {
        patched += counts[width + 1];
        // A patch takes two bytes and more.
        if 2 * patched >= best.1 {
            break;
        }
        let patches = (width + 1..=widest).map(|bits| {
            let high = (bits - width).div_ceil(7);
            counts[bits] * (1 + high)
        });
        let cost = packed(width) + patches.sum::<usize>() + 2;
        if cost < best.1 {
            best = (width, cost);
        }
    }
    (low_byte(u32::try_from(best.0).unwrap_or(64)), best.1)
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
