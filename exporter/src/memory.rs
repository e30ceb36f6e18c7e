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

use rustix::mm::{Advice, madvise};

/// Drops the program's code and constants from memory. What is needed again the kernel maps again, from its
/// cache of the file.
pub(crate) fn give_back_code() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, end) in maps.lines().filter_map(of_a_file) {
        let Some(length) = end.checked_sub(start) else {
            continue;
        };
        let start = std::ptr::with_exposed_provenance_mut::<c_void>(start);
        // SAFETY: the range is one whole mapping of a file that was never mapped to be written, so
        // that each page of it is as it is in the file, and comes from there again when it is
        // touched. Nobody unmaps a program or its libraries.
        let dropped = unsafe { madvise(start, length, Advice::LinuxDontNeed) };
        if let Err(error) = dropped {
            tracing::debug!(%error, "cannot give back memory");
        }
    }
}

/// The range of a mapping of a file as it is: of code, or of the constants at the file's start.
/// Those further on are written to when a program is loaded.
/// `55d0-55d9 r-xp 00001000 08:01 1234    /usr/bin/x`.
fn of_a_file(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, rights, offset) = (words.next()?, words.next()?, words.next()?);
    let is_file = words.nth(2)?.starts_with('/');
    let is_start = offset.bytes().all(|digit| digit == b'0');
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let as_it_is = rights == "r-xp" || (rights == "r--p" && is_start);
    Some((address(start)?, address(end)?)).filter(|_| is_file && as_it_is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_as_in_its_file_is_given_back() {
        let file = "/usr/bin/x y";
        for (line, expected) in [
            (
                format!("10-2f r-xp 00001000 08:01 1234   {file}"),
                Some((0x10, 0x2f)),
            ),
            (
                format!("10-2f r--p 00000000 08:01 1234   {file}"),
                Some((0x10, 0x2f)),
            ),
            (format!("10-2f r--p 00001000 08:01 1234   {file}"), None),
            (format!("10-2f rw-p 00000000 08:01 1234   {file}"), None),
            (format!("10-2f rwxp 00001000 08:01 1234   {file}"), None),
            ("10-2f r-xp 00000000 00:00 0    [vdso]".to_owned(), None),
            ("10-2f r-xp 00000000 00:00 0".to_owned(), None),
            ("10 r-xp 00000000 00:00 0 /x".to_owned(), None),
        ] {
            assert_eq!(of_a_file(&line), expected, "{line}");
        }
    }

    #[test]
    fn the_program_goes_on_without_its_start() {
        give_back_code();
        let parts: Vec<String> = (0..10).map(|n| format!("{n:02}")).collect();
        assert_eq!(parts.concat(), "00010203040506070809");
    }
}
