//! Asks the kernel for all network devices in one dump, `RTM_GETLINK` of rtnetlink(7).
//!
//! The answer is a row of datagrams, each a row of messages. A message is a head (`u32` length,
//! `u16` type, `u16` flags, `u32` sequence number, `u32` port), here a `struct ifinfomsg` of 16
//! bytes, and attributes (`u16` length, `u16` type, the value), everything aligned to four bytes
//! in the machine's own byte order.

use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

use super::super::CollectError;
use super::{Device, FIGURES};

const HEAD: usize = 16;
const IFINFOMSG: usize = 16;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const IFLA_IFNAME: u16 = 3;
const IFLA_STATS64: u16 = 23;

/// The kernel fills datagrams up to this.
const DATAGRAM: usize = 32 << 10;

/// The kernel answers at once or not at all.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);

/// The places in `struct rtnl_link_stats64` whose sum is each of [`FIGURES`]. The sums are those of
/// `/proc/net/dev`.
const PLACES: [&[usize]; FIGURES.len()] = [
    &[2],
    &[0],
    &[4],
    // Dropped, and missed for want of buffers.
    &[6, 15],
    &[14],
    // Frame, length, overrun and checksum errors.
    &[13, 10, 11, 12],
    &[21],
    &[8],
    &[3],
    &[1],
    &[5],
    &[7],
    &[18],
    &[9],
    // Carrier, aborted, window and heartbeat errors.
    &[17, 16, 20, 19],
    &[22],
    &[23],
];

/// A netlink socket that stays open.
#[derive(Debug, Default)]
pub(super) struct Links {
    socket: Option<OwnedFd>,
    sequence: u32,
    datagram: Vec<u8>,
}

/// What a datagram says about the rest.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    More,
    Done,
    /// The kernel's error number.
    Refused(i32),
}

impl Links {
    /// All devices as they are now.
    pub(super) fn devices(&mut self) -> Result<Vec<Device>, CollectError> {
        let devices = self.dump();
        if devices.is_err() {
            // What is left of the answer must not be taken for that to the next question.
            self.socket = None;
        }
        devices.map_err(|error| CollectError::Call(format!("netlink: {error}")))
    }

    fn dump(&mut self) -> std::io::Result<Vec<Device>> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open()?,
        };
        let socket = self.socket.insert(socket);
        self.sequence = self.sequence.wrapping_add(1);
        self.datagram.resize(DATAGRAM, 0);
        send(&*socket, &question(self.sequence), SendFlags::empty())?;
        let mut devices = Vec::new();
        loop {
            let (length, _) = recv(&*socket, self.datagram.as_mut_slice(), RecvFlags::empty())?;
            let datagram = self.datagram.get(..length).unwrap_or_default();
            match read(datagram, self.sequence, &mut devices) {
                Next::More => {}
                Next::Done => return Ok(devices),
                Next::Refused(number) => return Err(std::io::Error::from_raw_os_error(number)),
            }
        }
    }
}

fn open() -> std::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    bind(&socket, &SocketAddrNetlink::new(0, 0))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(TIMEOUT))?;
    Ok(socket)
}

fn question(sequence: u32) -> Vec<u8> {
    let length = HEAD + IFINFOMSG;
    let mut message = Vec::with_capacity(length);
    message.extend_from_slice(&32_u32.to_ne_bytes());
    message.extend_from_slice(&RTM_GETLINK.to_ne_bytes());
    message.extend_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    message.extend_from_slice(&sequence.to_ne_bytes());
    message.resize(length, 0);
    message
}

/// Takes the devices out of a datagram. Messages that answer another question are left out.
fn read(datagram: &[u8], sequence: u32, devices: &mut Vec<Device>) -> Next {
    let mut rest = datagram;
    while let Some((message, after)) = cut(rest, u32_at(rest, 0)) {
        rest = after;
        if u32_at(message, 8) != Some(sequence) {
            continue;
        }
        let body = message.get(HEAD..).unwrap_or_default();
        match u16_at(message, 4) {
            Some(NLMSG_DONE) => return Next::Done,
            Some(NLMSG_ERROR) => {
                let number = u32_at(body, 0).map_or(0, u32::cast_signed);
                return Next::Refused(number.saturating_neg());
            }
            Some(RTM_NEWLINK) => devices.extend(device(body)),
            _ => {}
        }
    }
    Next::More
}

fn device(body: &[u8]) -> Option<Device> {
    let mut rest = body.get(IFINFOMSG..)?;
    let mut name = None;
    let mut figures = None;
    while let Some((attribute, after)) = cut(rest, u16_at(rest, 0).map(u32::from)) {
        rest = after;
        let value = attribute.get(4..)?;
        match u16_at(attribute, 2)? {
            IFLA_IFNAME => {
                let text = value.split(|c| *c == 0).next()?;
                name = Some(String::from_utf8_lossy(text).into_owned());
            }
            IFLA_STATS64 => figures = Some(PLACES.map(|places| sum(value, places))),
            _ => {}
        }
    }
    Some(Device {
        name: name?,
        figures: figures?,
    })
}

/// None where the kernel is too old to have the figure.
fn sum(stats: &[u8], places: &[usize]) -> Option<u64> {
    let figure = |place: &usize| {
        let bytes = stats.get(place * 8..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*bytes))
    };
    places
        .iter()
        .try_fold(0_u64, |sum, place| Some(sum.wrapping_add(figure(place)?)))
}

/// The first `length` bytes, and what follows them at the next four-byte boundary.
fn cut(bytes: &[u8], length: Option<u32>) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(length?)
        .ok()
        .filter(|length| *length >= 4)?;
    let first = bytes.get(..length)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((first, rest))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEAD + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&sequence.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(body);
        bytes
    }

    /// `eth0` with the counters 0, 1, 2 and so on, as the first kernel with 24 of them had it.
    fn eth0(sequence: u32) -> Vec<u8> {
        let stats: Vec<u8> = (0..24_u64).flat_map(u64::to_ne_bytes).collect();
        let mut body = vec![0; IFINFOMSG];
        body.extend(attribute(IFLA_IFNAME, b"eth0\0"));
        body.extend(attribute(IFLA_STATS64, &stats));
        message(RTM_NEWLINK, sequence, &body)
    }

    #[test]
    fn errors_of_a_kind_are_added_up() {
        let mut devices = Vec::new();
        let datagram = [eth0(1), eth0(7), message(NLMSG_DONE, 7, &[0; 4])].concat();
        assert_eq!(read(&datagram, 7, &mut devices), Next::Done);
        let sums = [2, 0, 4, 21, 14, 46, 21, 8, 3, 1, 5, 7, 18, 9, 72, 22, 23];
        assert_eq!(
            devices,
            [Device {
                name: "eth0".to_owned(),
                figures: sums.map(Some)
            }]
        );
    }

    #[test]
    fn a_refusal_is_an_error() {
        let body = (-1_i32).to_ne_bytes();
        let datagram = message(NLMSG_ERROR, 7, &body);
        assert_eq!(read(&datagram, 7, &mut Vec::new()), Next::Refused(1));
    }

    proptest::proptest! {
        #[test]
        fn garbled_datagrams_do_not_panic(at in 0..240_usize, byte: u8, end in 0..260_usize) {
            let mut datagram = eth0(7);
            datagram[at] = byte;
            datagram.truncate(end);
            read(&datagram, 7, &mut Vec::new());
        }
    }
}
