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

/// Drops the program's code from memory. What is needed again the kernel maps again, from its
/// cache of the file.
pub(crate) fn give_back_code() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, end) in maps.lines().filter_map(code) {
        let Some(length) = end.checked_sub(start) else {
            continue;
        };
        let start = std::ptr::with_exposed_provenance_mut::<c_void>(start);
        // SAFETY: the range is one whole mapping of a file that is mapped to be read and executed
        // and not to be written, so that each page of it is as it is in the file, and comes from
        // there again when it is touched. Nobody unmaps a program or its libraries.
        let dropped = unsafe { madvise(start, length, Advice::LinuxDontNeed) };
        if let Err(error) = dropped {
            tracing::debug!(%error, "cannot give back memory");
        }
    }
}

/// The range of a mapping, if it is of code in a file:
/// `55d0-55d9 r-xp 00001000 08:01 1234    /usr/bin/x`.
fn code(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, rights) = (words.next()?, words.next()?);
    let is_of_a_file = words.nth(3)?.starts_with('/');
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some((address(start)?, address(end)?)).filter(|_| rights == "r-xp" && is_of_a_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_given_back() {
        let file = "/usr/bin/x y";
        for (line, expected) in [
            (
                format!("10-2f r-xp 00001000 08:01 1234   {file}"),
                Some((0x10, 0x2f)),
            ),
            (format!("10-2f r--p 00001000 08:01 1234   {file}"), None),
            (format!("10-2f rwxp 00001000 08:01 1234   {file}"), None),
            ("10-2f r-xp 00000000 00:00 0    [vdso]".to_owned(), None),
            ("10-2f r-xp 00000000 00:00 0".to_owned(), None),
            ("10 r-xp 00000000 00:00 0 /x".to_owned(), None),
        ] {
            assert_eq!(code(&line), expected, "{line}");
        }
    }

    #[test]
    fn the_program_goes_on_without_its_start() {
        give_back_code();
        let parts: Vec<String> = (0..10).map(|n| format!("{n:02}")).collect();
        assert_eq!(parts.concat(), "00010203040506070809");
    }
}
