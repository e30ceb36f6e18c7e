//! The names of segments: `FROM-TO-NUMBER.seg`, where FROM (included) and TO (not included) are the
//! window's bounds, ms, and NUMBER is higher than that of every segment made before.

use std::fmt;
use std::path::{Path, PathBuf};

/// The ending of segments.
pub(crate) const SEGMENT: &str = "seg";
/// The ending of a file that is not finished.
pub(crate) const UNFINISHED: &str = "tmp";

/// What a segment's name says. Names are ordered by window, then by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentName {
    /// The window's first millisecond.
    pub(crate) from_ms: i64,
    /// The first millisecond after the window.
    pub(crate) to_ms: i64,
    pub(crate) number: u64,
}

impl SegmentName {
    /// The name that a file has, nothing where it is not a segment's.
    pub(crate) fn parse(path: &Path) -> Option<Self> {
        if path.extension()? != SEGMENT {
            return None;
        }
        let name = path.file_stem()?.to_str()?;
        let (window, number) = name.rsplit_once('-')?;
        // A time before 1970 starts with a minus, so the separator is the first one after a digit.
        let digit = window.find(|c: char| c.is_ascii_digit())?;
        let (sign, digits) = window.split_at_checked(digit)?;
        let (from, to) = digits.split_once('-')?;
        let from = format!("{sign}{from}").parse().ok()?;
        let name = Self {
            from_ms: from,
            to_ms: to.parse().ok()?,
            number: number.parse().ok()?,
        };
        (name.from_ms < name.to_ms).then_some(name)
    }

    /// Where it stands.
    pub(crate) fn path(&self, directory: &Path) -> PathBuf {
        directory.join(self.to_string())
    }

    /// Whether the window lies in another span.
    pub(crate) fn lies_in(&self, from_ms: i64, to_ms: i64) -> bool {
        self.from_ms >= from_ms && self.to_ms <= to_ms
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from_ms,
            to_ms,
            number,
        } = self;
        write!(f, "{from_ms}-{to_ms}-{number:06}.{SEGMENT}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn every_name_is_read_back(from: i64, to: i64, number: u64) {
            let (from_ms, to_ms) = (from.min(to).min(i64::MAX - 1), from.max(to.saturating_add(1)));
            let name = SegmentName { from_ms, to_ms, number };
            let path = name.path(Path::new("segments"));
            proptest::prop_assert_eq!(SegmentName::parse(&path), (from_ms < to_ms).then_some(name));
        }
    }

    #[test]
    fn other_names_are_no_segments() {
        for name in [
            "1-2-3.seg.tmp",
            "1-2-3.tmp",
            "1-2.seg",
            "2-1-3.seg",
            "a-b-c.seg",
            "-.seg",
            "1-2-x.seg",
            "--1-2-3.seg",
        ] {
            assert_eq!(SegmentName::parse(Path::new(name)), None, "{name}");
        }
    }
}
