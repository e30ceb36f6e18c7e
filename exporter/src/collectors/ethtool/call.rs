//! The question `SIOCETHTOOL` of the kernel, which rustix does not have; netlink tells part of its
//! answers only. The layouts are those of `linux/ethtool.h`.

#![expect(
    unsafe_code,
    reason = "the kernel writes where a pointer in a structure points to"
)]

use std::ffi::c_void;
use std::io;
use std::os::fd::OwnedFd;

use rustix::ioctl::{Opcode, Updater, ioctl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

const SIOCETHTOOL: Opcode = 0x8946;

const GSET: u32 = 1;
const GDRVINFO: u32 = 3;
const GSTRINGS: u32 = 27;
const GSTATS: u32 = 29;

/// The set of strings that are the statistics' names.
const SS_STATS: u32 = 1;

/// The lengths of `struct ethtool_cmd` and `struct ethtool_drvinfo`, and where the latter has the
/// number of statistics, in words of four bytes.
const SETTINGS: usize = 11;
const DRIVER: usize = 49;
const N_STATS: usize = 45;

/// The length of a name.
const STRING: usize = 32;

/// The most statistics of a device.
const LIMIT: usize = 1 << 14;

/// What there is room for. The kernel writes as many as there are, even where it said before that
/// there are less: a device that has been given more queues in between must not find too little.
const ROOM: usize = 4 * LIMIT;

/// `struct ifreq`: a device's name, and what the question is about.
#[repr(C)]
struct Request {
    device: [u8; 16],
    data: *mut c_void,
    rest: [u64; 2],
}

/// What a device's hardware can do, and what it offers to the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Bits of the modes.
    pub(super) supported: u32,
    pub(super) advertised: u32,
    pub(super) autonegotiate: u8,
}

/// A device's driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Driver {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) firmware: String,
    pub(super) bus: String,
    pub(super) rom: String,
}

/// A socket to ask about devices.
#[derive(Debug)]
pub(super) struct Ethtool(OwnedFd);

impl Ethtool {
    /// Opens the socket.
    pub(super) fn open() -> io::Result<Self> {
        let (family, kind) = (AddressFamily::INET, SocketType::DGRAM);
        Ok(Self(socket_with(family, kind, SocketFlags::CLOEXEC, None)?))
    }

    /// What a device's hardware can do.
    pub(super) fn link(&self, device: &str) -> io::Result<Link> {
        let mut command = [0_u32; SETTINGS];
        command[0] = GSET;
        self.ask(device, &mut command)?;
        let [_, _, _, _, state, ..] = command;
        let [_, _, autonegotiate, _] = state.to_ne_bytes();
        Ok(Link {
            supported: command[1],
            advertised: command[2],
            autonegotiate,
        })
    }

    /// A device's driver.
    pub(super) fn driver(&self, device: &str) -> io::Result<Driver> {
        let command = self.driver_info(device)?;
        let bytes: Vec<u8> = command.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut strings = bytes.get(4..).unwrap_or_default().chunks(STRING).map(text);
        let mut next = || strings.next().unwrap_or_default();
        Ok(Driver {
            name: next(),
            version: next(),
            firmware: next(),
            bus: next(),
            rom: next(),
        })
    }

    /// What a device's driver counts.
    pub(super) fn statistics(&self, device: &str) -> io::Result<Vec<(String, u64)>> {
        let count = usize::try_from(self.driver_info(device)?[N_STATS]).unwrap_or(usize::MAX);
        if count == 0 {
            return Ok(Vec::new());
        }
        if count > LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // Memory that is not written to costs nothing.
        let mut names = vec![0_u32; 3 + ROOM * STRING / size_of::<u32>()];
        let mut values = vec![0_u64; 1 + ROOM];
        let ask = u32::try_from(count).unwrap_or_default();
        for (place, word) in names.iter_mut().zip([GSTRINGS, SS_STATS, ask]) {
            *place = word;
        }
        self.ask(device, &mut names)?;
        if let Some(head) = values.first_mut() {
            *head = two([GSTATS, ask]);
        }
        self.ask(device, &mut values)?;
        // Where there are more or less of them than before, some values have other names.
        pairs(&names, &values, ask).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn driver_info(&self, device: &str) -> io::Result<[u32; DRIVER]> {
        let mut command = [0_u32; DRIVER];
        command[0] = GDRVINFO;
        self.ask(device, &mut command)?;
        Ok(command)
    }

    /// Asks about a device. The caller's memory begins with the command and has room for all of
    /// its answer.
    fn ask<T>(&self, device: &str, memory: &mut [T]) -> io::Result<()> {
        let mut request = Request {
            device: [0; 16],
            data: memory.as_mut_ptr().cast(),
            rest: [0; 2],
        };
        // The last byte stays zero.
        if device.len() >= request.device.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for (place, byte) in request.device.iter_mut().zip(device.bytes()) {
            *place = byte;
        }
        // SAFETY: the request is a `struct ifreq`, or longer, and lives through the call. `data`
        // points to memory that is borrowed for the call and holds the structure of its command:
        // the two that are of one length are of that length, and the two of statistics have four
        // times the room that any driver's may take.
        let question = unsafe { Updater::<SIOCETHTOOL, Request>::new(&mut request) };
        // SAFETY: as above; the opcode is that of the request.
        unsafe { ioctl(&self.0, question) }?;
        Ok(())
    }
}

/// The names of statistics with their values; none where there are not as many of both as expected.
fn pairs(names: &[u32], values: &[u64], expected: u32) -> Option<Vec<(String, u64)>> {
    let [_, _, told, names @ ..] = names else {
        return None;
    };
    let (head, values) = values.split_first()?;
    if *told != expected || *head != two([GSTATS, expected]) {
        return None;
    }
    let name = |words: &[u32]| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        text(&bytes)
    };
    let pairs = names
        .chunks(STRING / 4)
        .map(name)
        .zip(values.iter().copied());
    Some(pairs.take(usize::try_from(expected).ok()?).collect())
}

/// Two words as they lie in memory.
fn two([first, second]: [u32; 2]) -> u64 {
    let mut bytes = [0; 8];
    let words = first.to_ne_bytes().into_iter().chain(second.to_ne_bytes());
    for (place, byte) in bytes.iter_mut().zip(words) {
        *place = byte;
    }
    u64::from_ne_bytes(bytes)
}

fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|c| *c == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers_for_a_device_or_says_that_it_cannot() {
        let ethtool = Ethtool::open().unwrap();
        for device in std::fs::read_dir("/sys/class/net").unwrap() {
            let device = device.unwrap().file_name().into_string().unwrap();
            if let Ok(driver) = ethtool.driver(&device) {
                assert!(!driver.name.is_empty(), "{device}");
            }
            if let Ok(statistics) = ethtool.statistics(&device) {
                let named = statistics.iter().all(|(name, _)| !name.is_empty());
                assert!(named, "{device} {statistics:?}");
            }
        }
    }

    #[test]
    fn a_device_that_is_not_there_or_has_too_long_a_name_is_an_error() {
        let ethtool = Ethtool::open().unwrap();
        let gone = ethtool.driver("none-such").unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(19));
        let long = ethtool.link("a-name-of-16-chs").unwrap_err();
        assert_eq!(long.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn values_whose_names_may_be_others_are_none() {
        let mut names = vec![GSTRINGS, SS_STATS, 2];
        for name in [b"rx", b"tx"] {
            let mut words = [0; STRING / 4];
            words[0] = u32::from_ne_bytes([name[0], name[1], 0, 0]);
            names.extend(words);
        }
        let told = |count| pairs(&names, &[two([GSTATS, count]), 7, 8], 2);
        let pair = |name: &str, value| (name.to_owned(), value);
        assert_eq!(told(2), Some(vec![pair("rx", 7), pair("tx", 8)]));
        // A kernel that has other statistics now fills in none, or more.
        assert_eq!((told(0), told(3)), (None, None));
        assert_eq!(pairs(&names, &[two([GSTATS, 3]), 7, 8, 9], 3), None);
        assert_eq!(pairs(&[], &[], 0), None);
    }

    #[test]
    fn two_words_lie_one_after_the_other() {
        let bytes = two([GSTATS, 7]).to_ne_bytes();
        assert_eq!(bytes[..4], GSTATS.to_ne_bytes());
        assert_eq!(bytes[4..], 7_u32.to_ne_bytes());
    }
}
