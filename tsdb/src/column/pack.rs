//! Whole numbers of a fixed count of bits, one after another: number `i` stands at bit `i * width`,
//! the least bit first. Unpacking is made once for each width, so that all shifts are constants
//! (as `FastPFor` does; Lemire and Boytsov, 2015).

/// How many numbers are unpacked at a time.
pub(super) const CHUNK: usize = 64;
/// How many are unpacked from one window of bytes.
const GROUP: usize = 8;
/// A group of the widest numbers, and what a load at its last byte reads.
const WINDOW: usize = 80;

/// How many bytes some numbers take.
pub(super) const fn packed_length(count: usize, width: usize) -> usize {
    (count * width).div_ceil(8)
}

/// Appends numbers; bits above the width are left away.
pub(super) fn pack(numbers: &[u64], width: usize, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let end = out.len() + packed_length(numbers.len(), width);
    let mask = u64::MAX >> (64 - width);
    let (mut word, mut used) = (0, 0);
    for number in numbers {
        let number = number & mask;
        word |= number << used;
        used += width;
        if used >= 64 {
            out.extend_from_slice(&word.to_le_bytes());
            used -= 64;
            word = if used == 0 {
                0
            } else {
                number >> (width - used)
            };
        }
    }
    if used > 0 {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.truncate(end);
}

/// Unpacks the numbers of a chunk. `packed` begins with the chunk; it may end with it or go on with
/// anything. Numbers that it does not have come out as anything.
pub(super) fn unpack(packed: &[u8], width: usize, chunk: &mut [u64; CHUNK], count: usize) {
    let unpack_groups = WIDTHS.get(width).unwrap_or(&WIDTHS[0]);
    unpack_groups(packed, chunk, count.min(CHUNK));
}

fn unpack_groups<const W: usize>(packed: &[u8], chunk: &mut [u64; CHUNK], count: usize) {
    if W == 0 {
        *chunk = [0; CHUNK];
        return;
    }
    let (groups, _) = chunk.as_chunks_mut::<GROUP>();
    for (place, group) in groups.iter_mut().take(count.div_ceil(GROUP)).enumerate() {
        let rest = packed.get(place * W..).unwrap_or_default();
        if let Some(window) = rest.first_chunk::<WINDOW>() {
            unpack_group::<W>(window, group);
        } else {
            let mut window = [0; WINDOW];
            window[..rest.len()].copy_from_slice(rest);
            unpack_group::<W>(&window, group);
        }
    }
}

#[inline]
fn unpack_group<const W: usize>(window: &[u8; WINDOW], group: &mut [u64; GROUP]) {
    let mask = u64::MAX >> (64 - W.max(1));
    for (place, number) in group.iter_mut().enumerate() {
        let (byte, shift) = (place * W / 8, place * W % 8);
        // Seven bits of a byte and 57 more are what one load is good for.
        *number = if W <= 57 {
            let load = window[byte..].first_chunk::<8>();
            (load.map_or(0, |load| u64::from_le_bytes(*load)) >> shift) & mask
        } else {
            let load = window[byte..].first_chunk::<16>();
            let [low, high] = load.map_or([0; 2], |load| halves(*load));
            let high = if shift == 0 { 0 } else { high << (64 - shift) };
            (low >> shift | high) & mask
        };
    }
}

fn halves(bytes: [u8; 16]) -> [u64; 2] {
    let (words, _) = bytes.as_chunks::<8>();
    [words[0], words[1]].map(u64::from_le_bytes)
}

type Unpack = fn(&[u8], &mut [u64; CHUNK], usize);

const WIDTHS: [Unpack; 65] = [
    unpack_groups::<0>,
    unpack_groups::<1>,
    unpack_groups::<2>,
    unpack_groups::<3>,
    unpack_groups::<4>,
    unpack_groups::<5>,
    unpack_groups::<6>,
    unpack_groups::<7>,
    unpack_groups::<8>,
    unpack_groups::<9>,
    unpack_groups::<10>,
    unpack_groups::<11>,
    unpack_groups::<12>,
    unpack_groups::<13>,
    unpack_groups::<14>,
    unpack_groups::<15>,
    unpack_groups::<16>,
    unpack_groups::<17>,
    unpack_groups::<18>,
    unpack_groups::<19>,
    unpack_groups::<20>,
    unpack_groups::<21>,
    unpack_groups::<22>,
    unpack_groups::<23>,
    unpack_groups::<24>,
    unpack_groups::<25>,
    unpack_groups::<26>,
    unpack_groups::<27>,
    unpack_groups::<28>,
    unpack_groups::<29>,
    unpack_groups::<30>,
    unpack_groups::<31>,
    unpack_groups::<32>,
    unpack_groups::<33>,
    unpack_groups::<34>,
    unpack_groups::<35>,
    unpack_groups::<36>,
    unpack_groups::<37>,
    unpack_groups::<38>,
    unpack_groups::<39>,
    unpack_groups::<40>,
    unpack_groups::<41>,
    unpack_groups::<42>,
    unpack_groups::<43>,
    unpack_groups::<44>,
    unpack_groups::<45>,
    unpack_groups::<46>,
    unpack_groups::<47>,
    unpack_groups::<48>,
    unpack_groups::<49>,
    unpack_groups::<50>,
    unpack_groups::<51>,
    unpack_groups::<52>,
    unpack_groups::<53>,
    unpack_groups::<54>,
    unpack_groups::<55>,
    unpack_groups::<56>,
    unpack_groups::<57>,
    unpack_groups::<58>,
    unpack_groups::<59>,
    unpack_groups::<60>,
    unpack_groups::<61>,
    unpack_groups::<62>,
    unpack_groups::<63>,
    unpack_groups::<64>,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_come_back() {
        for width in 0..=64 {
            for count in [0, 1, 7, 8, 9, 63, 64] {
                let mask = if width == 0 {
                    0
                } else {
                    u64::MAX >> (64 - width)
                };
                let numbers: Vec<_> = (0..count)
                    .map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask)
                    .collect();
                let mut packed = Vec::new();
                pack(&numbers, width, &mut packed);
                assert_eq!(packed.len(), packed_length(numbers.len(), width));
                for padding in [0, 1, 100] {
                    packed.resize(packed.len() + padding, 0xff);
                    let mut chunk = [0; CHUNK];
                    unpack(&packed, width, &mut chunk, numbers.len());
                    assert_eq!(&chunk[..numbers.len()], numbers, "{width} {count}");
                }
            }
        }
    }
}
