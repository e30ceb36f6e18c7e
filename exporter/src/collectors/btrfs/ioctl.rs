//! Asks a mounted Btrfs file system for its devices. No right is needed for that, but to open the
//! place where it is mounted.
//!
//! The answers are C structures, of which we know the places of some fields; all are of the host's
//! byte order.

#![expect(unsafe_code, reason = "rustix cannot know what an ioctl does")]

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// `struct btrfs_ioctl_fs_info_args`
type FsInfo = [u8; 1024];
/// `struct btrfs_ioctl_dev_info_args`
type DeviceInfo = [u8; 4096];
/// `struct btrfs_ioctl_get_dev_stats`
type DeviceStats = [u8; 1032];

const GROUP: u8 = 0x94;
const FS_INFO: Opcode = opcode::read::<FsInfo>(GROUP, 31);
const DEVICE_INFO: Opcode = opcode::read_write::<DeviceInfo>(GROUP, 30);
const DEVICE_STATS: Opcode = opcode::read_write::<DeviceStats>(GROUP, 52);

/// The errors that a device counts, in the order of the kernel's.
pub(super) const ERRORS: [&str; 5] = ["write", "read", "flush", "corruption", "generation"];

/// Devices are numbered, and the number of one that was removed is not used again: this many are
/// tried.
const MOST_NUMBERS: u64 = 1 << 16;

/// What a file system says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) uuid: String,
    pub(super) devices: Vec<Device>,
}

/// What it says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) name: String,
    pub(super) uuid: String,
    pub(super) total: u64,
    /// What is allocated, though there need be nothing in it.
    pub(super) used: u64,
    pub(super) errors: [u64; ERRORS.len()],
}

/// Asks the file system that is mounted at a place.
pub(super) fn ask(point: &Path) -> io::Result<Answer> {
    let point = File::open(point)?;
    let mut info: FsInfo = [0; _];
    // SAFETY: the operation writes a structure of this size.
    unsafe { call::<FS_INFO, _>(&point, &mut info) }?;
    let (last, count) = (u64_at(&info, 0), u64_at(&info, 8));
    let mut devices = Vec::new();
    for number in 0..=last.min(MOST_NUMBERS) {
        if devices.len() as u64 >= count {
            break;
        }
        match ask_for_device(&point, number) {
            Ok(device) => devices.push(device),
            Err(Errno::NODEV) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let uuid = uuid_at(&info, 16);
    Ok(Answer { uuid, devices })
}

fn ask_for_device(point: &File, number: u64) -> Result<Device, Errno> {
    let mut info: DeviceInfo = [0; _];
    put_u64(&mut info, 0, number);
    // SAFETY: the operation reads and writes a structure of this size.
    unsafe { call::<DEVICE_INFO, _>(point, &mut info) }?;
    let mut stats: DeviceStats = [0; _];
    put_u64(&mut stats, 0, number);
    // The kernel fills in as many as are asked for.
    put_u64(&mut stats, 8, ERRORS.len() as u64);
    // SAFETY: the operation reads and writes a structure of this size; without flags it changes
    // nothing.
    unsafe { call::<DEVICE_STATS, _>(point, &mut stats) }?;
    Ok(device(&info, &stats))
}

/// # Safety
///
/// The operation must take a structure of the size of `T` and do no harm.
unsafe fn call<const OPCODE: Opcode, T>(file: &File, memory: &mut T) -> Result<(), Errno> {
    // SAFETY: the caller knows the operation.
    unsafe { ioctl(file, Updater::<OPCODE, T>::new(memory)) }
}

fn device(info: &[u8], stats: &[u8]) -> Device {
    let path = info.get(3072..).unwrap_or_default();
    let path = path.split(|c| *c == 0).next().unwrap_or_default();
    // In a container the path may begin elsewhere.
    let name = path.rsplit(|c| *c == b'/').next().unwrap_or_default();
    let mut errors = [0; ERRORS.len()];
    for (error, at) in errors.iter_mut().zip((24..).step_by(8)) {
        *error = u64_at(stats, at);
    }
    Device {
        name: String::from_utf8_lossy(name).into_owned(),
        uuid: uuid_at(info, 8),
        used: u64_at(info, 24),
        total: u64_at(info, 32),
        errors,
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    u64::from_ne_bytes(bytes.copied().unwrap_or_default())
}

fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    let place = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut());
    if let Some(place) = place {
        *place = value.to_ne_bytes();
    }
}

/// A UUID as in `/sys`: `0abb23a9-579b-43e6-ad30-227ef47fcb9d`.
fn uuid_at(bytes: &[u8], at: usize) -> String {
    let bytes = bytes.get(at..).unwrap_or_default().iter().take(16);
    let mut text = String::new();
    for (at, byte) in bytes.enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operations_are_those_of_the_kernel() {
        assert_eq!(FS_INFO, 0x8400_941f);
        assert_eq!(DEVICE_INFO, 0xd000_941e);
        assert_eq!(DEVICE_STATS, 0xc408_9434);
    }

    #[test]
    fn a_device_is_told_from_its_structures() {
        let mut info: DeviceInfo = [0; _];
        info[8..24].copy_from_slice(b"\x00\x10 0@P`p\x80\x90\xa0\xb0\xc0\xd0\xe0\xf0");
        put_u64(&mut info, 24, 5);
        put_u64(&mut info, 32, 9);
        info[3072..3086].copy_from_slice(b"/host/dev/sda1");
        let mut stats: DeviceStats = [0; _];
        put_u64(&mut stats, 24, 1);
        put_u64(&mut stats, 56, 4);
        let expected = Device {
            name: "sda1".to_owned(),
            uuid: "00102030-4050-6070-8090-a0b0c0d0e0f0".to_owned(),
            total: 9,
            used: 5,
            errors: [1, 0, 0, 0, 4],
        };
        assert_eq!(device(&info, &stats), expected);
    }

    #[test]
    fn what_is_no_such_file_system_does_not_answer() {
        let folder = tempfile::tempdir().unwrap();
        let kind = rustix::fs::statfs(folder.path()).unwrap().f_type;
        // The tests themselves may run on one.
        if kind != 0x9123_683e {
            let error = ask(folder.path()).unwrap_err();
            assert_eq!(Errno::from_io_error(&error), Some(Errno::NOTTY));
        }
        assert!(ask(&folder.path().join("x")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_device(info: Vec<u8>, stats: Vec<u8>, path: Vec<u8>) {
            let mut whole = [0; 4096];
            whole[3072..][..path.len()].copy_from_slice(&path);
            proptest::prop_assert!(!device(&whole, &stats).name.contains('/'));
            device(&info, &stats);
        }
    }
}
