//! `/proc/mdstat`: a line of each array and its disks, below it how large and how whole it is and,
//! while the kernel works on it, how far that is. An empty line ends an array.

use super::text;

/// An array.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Array<'a> {
    pub(super) device: &'a [u8],
    /// What it does: `active`, `recovering`, ...
    pub(super) state: &'a [u8],
    pub(super) required: u64,
    pub(super) active: u64,
    pub(super) failed: u64,
    pub(super) spare: u64,
    pub(super) blocks: u64,
    /// The blocks that are in order, while the kernel works on them.
    pub(super) synced: u64,
}

/// What the kernel works on, as it is called below the array, and the state that it is.
const WORK: [(&[u8], &[u8]); 4] = [
    (b"recovery", b"recovering"),
    (b"reshape", b"reshaping"),
    (b"check", b"check"),
    (b"resync", b"resync"),
];

/// Work that did not begin.
const WAITING: [&[u8]; 3] = [b"PENDING", b"DELAYED", b"REMOTE"];

/// The arrays; the first line of one that is not as it should be or is cut off.
pub(super) fn arrays(text: &[u8]) -> impl Iterator<Item = Result<Array<'_>, &[u8]>> {
    // A last line without an end is one that is cut off.
    let lines = text
        .split_inclusive(|c| *c == b'\n')
        .map_while(|line| line.strip_suffix(b"\n"));
    let mut lines = lines.peekable();
    std::iter::from_fn(move || {
        let first = lines.find(|line| is_first(line))?;
        let mut body = std::iter::from_fn(|| lines.next_if(|line| !is_first(line)));
        Some(array(first, &mut body).ok_or(first))
    })
}

fn is_first(line: &[u8]) -> bool {
    !is_empty(line)
        && !line.starts_with(b" ")
        && !line.starts_with(b"\t")
        && !line.starts_with(b"Personalities")
        && !line.starts_with(b"unused")
}

fn is_empty(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

/// The array of a first line and of the lines up to an empty one.
fn array<'a>(first: &'a [u8], body: &mut impl Iterator<Item = &'a [u8]>) -> Option<Array<'a>> {
    let size = body.next().filter(|line| !is_empty(line))?;
    let mut work = None;
    loop {
        let line = body.next()?;
        if is_empty(line) {
            break;
        }
        let is_work = |(name, _): &&(&[u8], &[u8])| has(line, name);
        if !has(line, b"bitmap") {
            work = work.or(WORK.iter().find(is_work).map(|(_, state)| (line, *state)));
        }
    }
    let mut words = text::words(first);
    let device = words.next()?;
    let state = words.nth(1)?;
    let blocks = text::integer(text::words(size).next()?)?;
    let (active, required) = disks(first, size)?;
    let (state, synced) = match work {
        Some((line, state)) => (state, done(line)?),
        None => (state, blocks),
    };
    Some(Array {
        device,
        state,
        required,
        active,
        failed: count(first, b"(F)"),
        spare: count(first, b"(S)"),
        blocks,
        synced,
    })
}

/// How many disks are active, and how many should be.
fn disks(first: &[u8], size: &[u8]) -> Option<(u64, u64)> {
    // Without redundancy no disk may be missing.
    if has(first, b"raid0") || has(first, b"linear") {
        let disks = count(first, b"[");
        return Some((disks, disks));
    }
    if has(first, b"inactive") {
        return Some((0, 0));
    }
    // `[3/2] [UU_]`
    let behind = text::words(size).skip(1);
    let mut pairs = text::words(size).zip(behind);
    let (numbers, _) = pairs.find(|(_, marks)| {
        let marks = within(marks, b'[', b']').unwrap_or_default();
        !marks.is_empty() && marks.iter().all(|c| matches!(c, b'U' | b'_'))
    })?;
    let (required, active) = text::split_at(within(numbers, b'[', b']')?, b'/')?;
    Some((text::integer(active)?, text::integer(required)?))
}

/// How many blocks a line of work says are done: `(40/100)`.
fn done(line: &[u8]) -> Option<u64> {
    if WAITING.iter().any(|waiting| has(line, waiting)) {
        return Some(0);
    }
    let ratio = text::words(line).find_map(|word| within(word, b'(', b')'))?;
    let (done, all) = text::split_at(ratio, b'/')?;
    text::integer(all)?;
    text::integer(done)
}

fn within(word: &[u8], open: u8, close: u8) -> Option<&[u8]> {
    word.strip_prefix(&[open])?.strip_suffix(&[close])
}

fn has(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

fn count(line: &[u8], part: &[u8]) -> u64 {
    let windows = line.windows(part.len());
    windows.filter(|window| *window == part).count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "Personalities : [raid1] [raid6]\n\
        md3 : active raid6 sda1[8] sdh1[7](F) sdd1[10](S)\n      \
        5853468288 blocks super 1.2 level 6, 64k chunk, algorithm 2 [8/7] [UUUUUUU_]\n      \
        bitmap: 0/30 pages [0KB], 65536KB chunk, recovery\n\n\
        md1 : active (auto-read-only) raid1 sdb2[0] sdc2[1]\n      \
        4190208 blocks super 1.2 [2/2] [UU]\n      \tresync=PENDING\n      \n\
        md201 : active raid1 sda3[0] sdb3[1]\n      \
        1993728 blocks super 1.2 [2/2] [UU]\n      \
        [=>....]  check =  5.7% (114176/1993728) finish=0.2min speed=114176K/sec\n      \n\
        md10 : active raid0 sda1[0] sdb1[1]\n       314159265 blocks 64k chunks\n      \n\
        md219 : inactive sdb[2](S) sdc[1](S)\n        7932 blocks super external:imsm\n       \n\
        unused devices: <none>\n";

    fn all(text: &str) -> Vec<Result<Array<'_>, &[u8]>> {
        arrays(text.as_bytes()).collect()
    }

    #[test]
    fn an_array_is_told_by_its_disks_and_by_what_the_kernel_does_with_it() {
        let found: Vec<_> = all(TEXT)
            .into_iter()
            .map(|array| {
                let array = array.unwrap();
                let name = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
                let disks = [array.active, array.required, array.failed, array.spare];
                (
                    name(array.device),
                    name(array.state),
                    disks,
                    array.blocks,
                    array.synced,
                )
            })
            .collect();
        let expected = [
            ("md3", "active", [7, 8, 1, 1], 5_853_468_288, 5_853_468_288),
            ("md1", "resync", [2, 2, 0, 0], 4_190_208, 0),
            ("md201", "check", [2, 2, 0, 0], 1_993_728, 114_176),
            ("md10", "active", [2, 2, 0, 0], 314_159_265, 314_159_265),
            ("md219", "inactive", [0, 0, 0, 2], 7_932, 7_932),
        ]
        .map(|(name, state, disks, blocks, synced)| {
            (name.to_owned(), state.to_owned(), disks, blocks, synced)
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_bad_array_costs_itself_only() {
        for bad in [
            "md9 : active raid1 sda[0]\n      12 blocks\n\n",
            "md9 : active raid1 sda[0]\n      many blocks [1/1] [U]\n\n",
            "md9 : active raid1 sda[0]\n      12 blocks [1/] [U]\n\n",
            "md9 : active raid1 sda[0]\n      12 blocks [1/1] [U]\n      resync = 1% (x/12)\n\n",
            "md9\n      12 blocks\n\n",
            "md9 : active raid1 sda[0]\n\n",
            "md9 : active raid1 sda[0]\n      12 blocks [1/1] [U]\n",
        ] {
            let text = format!("{bad}{TEXT}");
            let found = all(&text);
            assert_eq!(found.len(), 6, "{bad}");
            assert!(
                found[0].is_err() && found[1..].iter().all(Result::is_ok),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_cut_text_gives_whole_arrays_and_at_most_one_fault(end in 0..TEXT.len()) {
            let cut = all(TEXT.get(..end).unwrap());
            let good = cut.iter().filter(|array| array.is_ok()).count();
            prop_assert!(cut.len() - good <= 1);
            prop_assert_eq!(&cut[..good], &all(TEXT)[..good]);
        }

        #[test]
        fn no_text_panics(text in "(md[0-9] : active raid1|[ \\[\\]/()a-zU_0-9]{0,20}|\n){0,12}") {
            let _ = all(&text).len();
        }
    }
}
