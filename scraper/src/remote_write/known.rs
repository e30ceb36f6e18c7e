//! The lines and targets that a worker has seen, by the bytes in which they came.
//!
//! A sender sends the series of a target together and in the same order each time, and many targets
//! have the same lines. So each line remembers which one followed it, and a series is first compared
//! with what is expected: the bytes of the line with those of the target's labels in their places.
//! That is exact and costs neither hashing nor label work. What is not expected is taken apart and
//! looked up by a keyed hash; what is found is compared byte by byte, so that equal hashes of
//! different labels cost time and nothing else.
//!
//! The memory is per distinct line and per target, not per series, and bounded: what grows above it
//! is forgotten as a whole, and learnt again.

use std::hash::{BuildHasher, Hasher};

use foldhash::HashMap;
use foldhash::quality::RandomState;
use watchpost_tsdb::{Group, LineId};

/// How many bytes of known lines and targets a worker keeps.
const MAX_BYTES: usize = 32 << 20;
/// What a known line or target takes besides its own bytes.
const ENTRY_BYTES: usize = 96;
/// For how long a target is kept after it was last heard of.
const KEEP_TARGET_MS: i64 = 3_600_000;
/// How often it is looked for such targets.
const TIDY_INTERVAL_MS: i64 = 60_000;

/// A known line.
#[derive(Debug)]
struct Line {
    /// The label fields without the target's.
    fields: Box<[u8]>,
    /// Where the target's fields stand in them.
    places: [u32; 2],
    id: LineId,
    /// The line that came after it the last time.
    next: usize,
}

/// A known target.
#[derive(Debug)]
struct Target {
    /// Its label fields, and where the second one begins.
    fields: Box<[u8]>,
    second: usize,
    group: Group,
    used_ms: i64,
}

/// A known series: which target, and which line of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Series {
    /// The target's number.
    pub(super) target: usize,
    pub(super) line: LineId,
}

/// What a worker knows.
#[derive(Debug, Default)]
pub(super) struct Known {
    hashing: RandomState,
    lines: Vec<Line>,
    line_numbers: HashMap<u64, usize>,
    targets: Vec<Target>,
    target_numbers: HashMap<u64, usize>,
    bytes: usize,
    /// The line and the target of the last series.
    last: Option<(usize, usize)>,
    /// When it was last looked for what can be forgotten.
    tidied_ms: i64,
}

impl Known {
    /// The series that is expected next, where it is the one that comes, and what follows its
    /// labels.
    #[inline]
    pub(super) fn expected<'a>(&mut self, series: &'a [u8]) -> Option<(Series, &'a [u8])> {
        let (line, target) = self.last?;
        let number = self.lines.get(line)?.next;
        let line = self.lines.get(number)?;
        let after = line.strip(self.targets.get(target)?, series)?;
        let found = Series {
            target,
            line: line.id,
        };
        self.last = Some((number, target));
        Some((found, after))
    }

    /// The number of a target, where it is known.
    pub(super) fn target(&self, fields: [&[u8]; 2]) -> Option<usize> {
        let hash = self.hash_target(fields);
        let number = *self.target_numbers.get(&hash)?;
        let known = self.targets.get(number)?;
        (known.parts() == Some(fields)).then_some(number)
    }

    /// The number of a line, where it is known: the expected one, or by its hash.
    pub(super) fn line(&self, fields: &[u8], places: [u32; 2]) -> Option<usize> {
        let is_it = |number: &usize| {
            let known = self.lines.get(*number);
            known.is_some_and(|known| known.places == places && *known.fields == *fields)
        };
        let expected = self.last.and_then(|(line, _)| self.lines.get(line));
        if let Some(expected) = expected.map(|line| line.next).filter(is_it) {
            return Some(expected);
        }
        let hash = self.hash_line(fields, places);
        self.line_numbers.get(&hash).copied().filter(is_it)
    }

    /// Remembers a target and gives its number.
    pub(super) fn add_target(&mut self, fields: [&[u8]; 2], group: Group, now_ms: i64) -> usize {
        let number = self.targets.len();
        self.target_numbers.insert(self.hash_target(fields), number);
        let target = Target {
            fields: fields.concat().into(),
            second: fields.first().map_or(0, |first| first.len()),
            group,
            used_ms: now_ms,
        };
        self.bytes += target.size();
        self.targets.push(target);
        number
    }

    /// Remembers a line and gives its number.
    pub(super) fn add_line(&mut self, fields: &[u8], places: [u32; 2], id: LineId) -> usize {
        let number = self.lines.len();
        let hash = self.hash_line(fields, places);
        self.line_numbers.insert(hash, number);
        self.bytes += fields.len() + ENTRY_BYTES;
        self.lines.push(Line {
            fields: fields.into(),
            places,
            id,
            next: number + 1,
        });
        number
    }

    /// Notes that a series came, so that it is expected after the one before it the next time.
    pub(super) fn came(&mut self, line: usize, target: usize, now_ms: i64) -> Option<Series> {
        if let Some(before) = self.last.and_then(|(last, _)| self.lines.get_mut(last)) {
            before.next = line;
        }
        self.last = Some((line, target));
        if let Some(target) = self.targets.get_mut(target) {
            target.used_ms = now_ms;
        }
        let line = self.lines.get(line)?.id;
        Some(Series { target, line })
    }

    /// The group of a target.
    pub(super) fn group(&self, target: usize) -> Option<&Group> {
        self.targets.get(target).map(|target| &target.group)
    }

    /// Called between requests: forgets everything where it has grown too much, and lets go of the
    /// groups of targets that were not heard of for long.
    pub(super) fn tidy(&mut self, now_ms: i64) {
        if self.bytes > MAX_BYTES {
            self.forget();
        }
        if now_ms.saturating_sub(self.tidied_ms) < TIDY_INTERVAL_MS {
            return;
        }
        self.tidied_ms = now_ms;
        let is_old = |target: &Target| target.used_ms < now_ms.saturating_sub(KEEP_TARGET_MS);
        if self.targets.iter().any(is_old) {
            self.forget_targets(is_old);
        }
    }

    fn forget_targets(&mut self, is_old: impl Fn(&Target) -> bool) {
        let before: usize = self.targets.iter().map(Target::size).sum();
        self.targets.retain(|target| !is_old(target));
        let after: usize = self.targets.iter().map(Target::size).sum();
        self.bytes -= before - after;
        self.target_numbers = HashMap::default();
        for (number, target) in self.targets.iter().enumerate() {
            if let Some(fields) = target.parts() {
                self.target_numbers.insert(self.hash_target(fields), number);
            }
        }
        self.last = None;
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        *self = Self {
            hashing: self.hashing.clone(),
            ..Self::default()
        };
    }

    fn hash_target(&self, [first, second]: [&[u8]; 2]) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        hasher.write_usize(first.len());
        hasher.write(first);
        hasher.write(second);
        hasher.finish()
    }

    fn hash_line(&self, fields: &[u8], [first, second]: [u32; 2]) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        hasher.write_u32(first);
        hasher.write_u32(second);
        hasher.write(fields);
        hasher.finish()
    }
}

impl Target {
    fn size(&self) -> usize {
        self.fields.len() + ENTRY_BYTES
    }

    fn parts(&self) -> Option<[&[u8]; 2]> {
        let (first, second) = self.fields.split_at_checked(self.second)?;
        Some([first, second])
    }
}

impl Line {
    /// What follows the labels of a series, where they are those of this line in a target.
    #[inline]
    fn strip<'a>(&self, target: &Target, series: &'a [u8]) -> Option<&'a [u8]> {
        let [first_place, second_place] = self.places.map(|place| place as usize);
        let [first, second] = target.parts()?;
        let (begin, rest) = self.fields.split_at_checked(first_place)?;
        let (middle, end) = rest.split_at_checked(second_place - first_place)?;
        let after = series
            .strip_prefix(begin)?
            .strip_prefix(first)?
            .strip_prefix(middle)?
            .strip_prefix(second)?
            .strip_prefix(end)?;
        // A further label makes it another series.
        (after.first() != Some(&0x0a)).then_some(after)
    }
}
