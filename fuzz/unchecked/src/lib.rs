//! In place of the checksum while fuzzing: every one is zero, so that changed bytes get past it to
//! the code that reads them.

/// The checksum of bytes.
pub fn crc32c(_: &[u8]) -> u32 {
    0
}

/// The checksum of bytes after others.
pub fn crc32c_append(_: u32, _: &[u8]) -> u32 {
    0
}
