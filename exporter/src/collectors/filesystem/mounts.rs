//! `/proc/PID/mountinfo`, a mount a line:
//!
//! ```text
//! 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//! id parent major:minor root point options [optional fields] - type source super-options
//! ```

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::super::text;

/// File systems behind which there is another host or a program, either of which may not answer.
const REMOTE: [&str; 14] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
    "virtiofs",
];

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Mount {
    pub(in super::super) device: String,
    /// The mount point as the page names it.
    pub(super) point: String,
    /// The mount point as the kernel names it, which need not be UTF-8.
    pub(in super::super) path: PathBuf,
    pub(in super::super) fstype: String,
    pub(super) major: String,
    pub(super) minor: String,
    pub(super) read_only: bool,
}

impl Mount {
    /// Whether asking it for its space may take for ever.
    pub(super) fn may_hang(&self) -> bool {
        let fstype = self.fstype.as_str();
        // Not `fusectl`, which is the kernel's own.
        let is_program = matches!(fstype, "fuse" | "fuseblk") || fstype.starts_with("fuse.");
        is_program || REMOTE.contains(&fstype)
    }

    /// Whether both would make the same series.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.point == other.point && self.device == other.device && self.fstype == other.fstype
    }
}

/// All mounts. The error is the line at fault.
pub(in super::super) fn parse(text: &[u8]) -> Result<Vec<Mount>, &[u8]> {
    text::ended_lines(text)
        .map(|line| mount(line).ok_or(line))
        .collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = words(line);
    let (major, minor) = text::split_at(words.nth(2)?, b':')?;
    let point = words.nth(1)?;
    let options = words.next()?;
    let mut words = words.skip_while(|word| *word != b"-").skip(1);
    let (fstype, device) = (words.next()?, words.next()?);
    let super_options = words.next().unwrap_or_default();
    let has = |options: &[u8], wanted| options.split(|c| *c == b',').any(|option| option == wanted);
    Some(Mount {
        device: lossy(&unescape(device)),
        point: lossy(&unescape(point)),
        path: OsString::from_vec(unescape(point)).into(),
        fstype: lossy(fstype),
        major: lossy(major),
        minor: lossy(minor),
        read_only: has(options, b"ro".as_slice())
            || has(super_options, b"ro")
            // So ext4 calls itself since Linux 6.15 when an error has made it read-only.
            || has(super_options, b"emergency_ro"),
    })
}

/// Only a blank ends a word: whoever may mount can put any other white space into a name.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|c| *c == b' ').filter(|word| !word.is_empty())
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The kernel writes blanks, tabs, line feeds and backslashes as `\040`.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let byte = after
            .first_chunk::<3>()
            .filter(|_| *first == b'\\')
            .and_then(|digits| octal(*digits));
        if let Some(byte) = byte {
            plain.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            plain.push(*first);
        }
    }
    plain
}

fn octal(digits: [u8; 3]) -> Option<u8> {
    digits.iter().try_fold(0_u8, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
        value.checked_mul(8)?.checked_add(digit)
    })
}
