//! Gives back the memory of what only the start needed.
//!
//! A program's code is read from its file by and by, in portions of 64 KiB around each place that
//! is needed, and stays. Reading the command line, compiling expressions and setting up the
//! server touch most of it and are never done again: half of what an exporter holds would be that.

#![expect(
    unsafe_code,
    reason = "rustix cannot know that the memory may be dropped"
)]

use std::ffi::c_void;
use std::sync::Arc;

use rustix::mm::{Advice, madvise};

/// The program's code and constants, and those of the libraries it was started with, as far as
/// they are as in their files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code(Arc<[(usize, usize)]>);

impl Code {
    /// To be called before there is a second thread. Nobody unmaps what is there so early, as may
    /// happen to a library that is loaded later, in whose place there may be anything then.
    pub(crate) fn of_this_program() -> Self {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
        Self(unwritten(&maps).into())
    }

    /// Drops it from memory. What is needed again the kernel maps again, from its cache of the
    /// file.
    pub(crate) fn give_back(&self) {
        for (start, end) in &*self.0 {
            let Some(length) = end.checked_sub(*start) else {
                continue;
            };
            let start = std::ptr::with_exposed_provenance_mut::<c_void>(*start);
            // SAFETY: the range is one whole mapping of a file that cannot be written to and has
            // no page that ever was, so that each is as it is in the file, and comes from there
            // again when it is touched. Nobody unmaps a program or the libraries it began with.
            let dropped = unsafe { madvise(start, length, Advice::LinuxDontNeed) };
            if let Err(error) = dropped {
                tracing::debug!(%error, "cannot give back memory");
            }
        }
    }
}

/// The mappings of files that are only read, and of which no page was ever written: those that a
/// program's loader has changed are the process's own, in memory or swapped out. What a kernel does
/// not tell so is not among them.
fn unwritten(smaps: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut mapping = None;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("Anonymous:"), Some("0")) => {}
            (Some("Anonymous:"), _) => mapping = None,
            // It comes after the other.
            (Some("Swap:"), Some("0")) => found.extend(mapping.take()),
            (Some(key), _) if key.ends_with(':') => {}
            _ => mapping = of_a_file(line),
        }
    }
    found
}

/// The range of a private mapping of a file that is only read.
/// `55d0-55d9 r-xp 00001000 08:01 1234    /usr/bin/x`.
fn of_a_file(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, rights) = (words.next()?, words.next()?);
    let is_file = words.nth(3)?.starts_with('/');
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let is_read_only = matches!(rights, "r-xp" | "r--p");
    Some((address(start)?, address(end)?)).filter(|_| is_file && is_read_only)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mapping as `/proc/self/smaps` tells of it, with so many own pages.
    fn told(head: &str, anonymous: &str, swap: &str) -> String {
        format!(
            "{head}\nSize: 4 kB\nRss: 4 kB\nAnonymous: {anonymous} kB\nAnonHugePages: 0 kB\n\
             Swap: {swap} kB\nSwapPss: 0 kB\nVmFlags: rd ex mr\n"
        )
    }

    #[test]
    fn only_what_is_as_in_its_file_is_given_back() {
        let file = "/usr/bin/x y";
        let code = format!("10-2f r-xp 00001000 08:01 1234   {file}");
        let constants = format!("30-40 r--p 00003000 08:01 1234   {file}");
        let given_back = told(&code, "0", "0") + &told(&constants, "0", "0");
        assert_eq!(unwritten(&given_back), [(0x10, 0x2f), (0x30, 0x40)]);
        for kept in [
            told(&constants, "4", "0"),
            told(&code, "0", "8"),
            told("10-2f rw-p 00000000 08:01 1234   /x", "0", "0"),
            told("10-2f rwxp 00001000 08:01 1234   /x", "0", "0"),
            told("10-2f r--s 00001000 08:01 1234   /x", "0", "0"),
            told("10-2f r-xp 00000000 00:00 0    [vdso]", "0", "0"),
            told("10-2f r-xp 00000000 00:00 0", "0", "0"),
            told("10 r-xp 00000000 00:00 0 /x", "0", "0"),
            code,
        ] {
            assert_eq!(unwritten(&kept), [], "{kept}");
        }
    }

    #[test]
    fn the_program_goes_on_without_its_start() {
        let code = Code::of_this_program();
        assert!(!code.0.is_empty(), "a kernel that tells of its mappings");
        code.give_back();
        let parts: Vec<String> = (0..10).map(|n| format!("{n:02}")).collect();
        assert_eq!(parts.concat(), "00010203040506070809");
    }
}
