//! `/proc/PID/mountinfo`, a mount a line:
//!
//! ```text
//! 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//! id parent major:minor root point options [optional fields] - type source super-options
//! ```

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
pub(super) struct Mount {
    pub(super) device: String,
    pub(super) point: String,
    pub(super) fstype: String,
    pub(super) major: String,
    pub(super) minor: String,
    pub(super) read_only: bool,
}

impl Mount {
    /// Whether asking it for its space may take for ever.
    pub(super) fn may_hang(&self) -> bool {
        REMOTE.contains(&self.fstype.as_str()) || self.fstype.starts_with("fuse")
    }

    /// Whether both would make the same series.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.point == other.point && self.device == other.device && self.fstype == other.fstype
    }
}

/// All mounts. The error is the line at fault.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Mount>, &[u8]> {
    text::lines(text)
        .map(|line| mount(line).ok_or(line))
        .collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = text::words(line);
    let (major, minor) = text::split_at(words.nth(2)?, b':')?;
    let point = words.nth(1)?;
    let options = words.next()?;
    let mut words = words.skip_while(|word| *word != b"-").skip(1);
    let (fstype, device) = (words.next()?, words.next()?);
    let super_options = words.next().unwrap_or_default();
    let has_ro = |options: &[u8]| options.split(|c| *c == b',').any(|option| option == b"ro");
    Some(Mount {
        device: unescape(device),
        point: unescape(point),
        fstype: String::from_utf8_lossy(fstype).into_owned(),
        major: String::from_utf8_lossy(major).into_owned(),
        minor: String::from_utf8_lossy(minor).into_owned(),
        read_only: has_ro(options) || has_ro(super_options),
    })
}

/// The kernel writes white space and backslashes as `\040`.
fn unescape(word: &[u8]) -> String {
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
    String::from_utf8_lossy(&plain).into_owned()
}

fn octal(digits: [u8; 3]) -> Option<u8> {
    digits.iter().try_fold(0_u8, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
        value.checked_mul(8)?.checked_add(digit)
    })
}
