//! Asks the kernel by netlink(7) and hands over its answer message by message.
//!
//! The answer is a row of datagrams, each a row of messages. A message is a head (`u32` length,
//! `u16` type, `u16` flags, `u32` sequence number, `u32` port) and a body, which mostly is a fixed
//! structure and attributes (`u16` length, `u16` type, the value), everything aligned to four bytes
//! in the machine's own byte order.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send,
    socket_with,
};

const HEAD: usize = 16;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
/// What is told changed while it was told: some of it may be missing or there twice.
const NLM_F_DUMP_INTR: u16 = 0x10;

/// The bits of an attribute's type that say how its value is to be read.
const ATTRIBUTE_KIND: u16 = 0x3fff;

/// The kernel fills datagrams up to this.
const DATAGRAM: usize = 32 << 10;

/// No answer has more of them: each holds hundreds of messages.
const DATAGRAMS: usize = 1 << 16;

/// The kernel answers at once or not at all.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A netlink socket that stays open.
#[derive(Debug)]
pub(super) struct NetlinkSocket {
    protocol: Option<Protocol>,
    socket: Option<OwnedFd>,
    sequence: u32,
    /// Whether the last answer is not of one moment.
    was_interrupted: bool,
    datagram: Vec<u8>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    /// One thing.
    One,
    /// All that there are.
    All,
}

/// What a datagram says about the rest.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    More,
    Done,
    /// The kernel's error number.
    Refused(i32),
}

impl NetlinkSocket {
    /// A socket for a part of the kernel; none stands for the network's devices and routes. It is
    /// opened at the first question.
    pub(super) const fn new(protocol: Option<Protocol>) -> Self {
        Self {
            protocol,
            socket: None,
            sequence: 0,
            was_interrupted: false,
            datagram: Vec::new(),
        }
    }

    /// Asks, and hands each message of the answer over: its type and its body.
    pub(super) fn ask(
        &mut self,
        kind: u16,
        question: Question,
        body: &[u8],
        mut each: impl FnMut(u16, &[u8]),
    ) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open(self.protocol)?,
        };
        self.was_interrupted = false;
        self.sequence = self.sequence.wrapping_add(1);
        self.datagram.resize(DATAGRAM, 0);
        let flags = match question {
            Question::One => NLM_F_REQUEST | NLM_F_ACK,
            Question::All => NLM_F_REQUEST | NLM_F_DUMP,
        };
        let text = message(kind, flags, self.sequence, body);
        send(&socket, &text, SendFlags::empty())?;
        for _ in 0..DATAGRAMS {
            let (length, whole) = recv(&socket, self.datagram.as_mut_slice(), RecvFlags::TRUNC)?;
            let datagram = self.datagram.get(..length).unwrap_or_default();
            if whole > length {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            self.was_interrupted |= is_interrupted(datagram);
            match read(datagram, self.sequence, &mut each) {
                Next::More => {}
                Next::Done => {
                    // After an error it is dropped: what is left of an answer must not be taken
                    // for that to the next question.
                    self.socket = Some(socket);
                    return Ok(());
                }
                Next::Refused(number) => {
                    self.socket = Some(socket);
                    return Err(io::Error::from_raw_os_error(number));
                }
            }
        }
        Err(io::ErrorKind::FileTooLarge.into())
    }

    /// Whether the last answer was told while what it tells of changed.
    pub(super) const fn was_interrupted(&self) -> bool {
        self.was_interrupted
    }

    /// The name of a network device.
    pub(super) fn device(&mut self, index: u32) -> io::Result<String> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open(self.protocol)?,
        };
        let socket = self.socket.insert(socket);
        Ok(rustix::net::netdevice::index_to_name(socket, index)?)
    }
}

fn open(protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    bind(&socket, &SocketAddrNetlink::new(0, 0))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(TIMEOUT))?;
    Ok(socket)
}

fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = HEAD + body.len();
    let mut message = Vec::with_capacity(length);
    let length = u32::try_from(length).unwrap_or_default();
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&sequence.to_ne_bytes());
    message.extend_from_slice(&[0; 4]);
    message.extend_from_slice(body);
    message
}

/// Whether one of the messages says that it is not of the same moment as those before.
fn is_interrupted(datagram: &[u8]) -> bool {
    let mut rest = datagram;
    let flags = std::iter::from_fn(|| {
        let (message, after) = cut(rest, u32_at(rest, 0))?;
        rest = after;
        u16_at(message, 6)
    });
    flags.into_iter().any(|flags| flags & NLM_F_DUMP_INTR != 0)
}

/// Takes the messages out of a datagram. Those that answer another question are left out.
fn read(datagram: &[u8], sequence: u32, each: &mut impl FnMut(u16, &[u8])) -> Next {
    let mut rest = datagram;
    while let Some((message, after)) = cut(rest, u32_at(rest, 0)) {
        rest = after;
        if u32_at(message, 8) != Some(sequence) {
            continue;
        }
        let body = message.get(HEAD..).unwrap_or_default();
        match u16_at(message, 4) {
            // The end of an answer that broke off bears an error as well.
            Some(NLMSG_DONE | NLMSG_ERROR) => {
                return match u32_at(body, 0).map_or(0, u32::cast_signed) {
                    0 => Next::Done,
                    number => Next::Refused(number.saturating_neg()),
                };
            }
            Some(kind) => each(kind, body),
            None => {}
        }
    }
    Next::More
}

/// The attributes, each with its type and value.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (attribute, after) = cut(rest, u16_at(rest, 0).map(u32::from))?;
        rest = after;
        let kind = u16_at(attribute, 2)? & ATTRIBUTE_KIND;
        Some((kind, attribute.get(4..)?))
    })
}

/// An attribute for a question.
pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or_default();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A text that ends with its first zero.
pub(super) fn text(value: &[u8]) -> String {
    let text = value.split(|c| *c == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
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

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: u16 = 28;

    fn answer() -> Vec<u8> {
        let body = [attribute(1, b"eth0\0"), attribute(0x8002, &[7; 4])].concat();
        [
            message(KIND, 0, 6, b"other question"),
            vec![0; 2],
            message(KIND, 0, 7, &body),
            message(NLMSG_DONE, 0, 7, &[0; 4]),
        ]
        .concat()
    }

    fn bodies(datagram: &[u8]) -> (Next, Vec<Vec<u8>>) {
        let mut bodies = Vec::new();
        let next = read(datagram, 7, &mut |kind, body| {
            assert_eq!(kind, KIND);
            bodies.push(body.to_vec());
        });
        (next, bodies)
    }

    #[test]
    fn the_messages_that_answer_the_question_are_handed_over() {
        let (next, bodies) = bodies(&answer());
        assert_eq!((next, bodies.len()), (Next::Done, 1));
        let attributes: Vec<_> = attributes(&bodies[0]).collect();
        assert_eq!(attributes, [(1, &b"eth0\0"[..]), (2, &[7; 4][..])]);
        assert_eq!(text(attributes[0].1), "eth0");
    }

    #[test]
    fn an_answer_that_is_not_of_one_moment_is_told_from_others() {
        assert!(!is_interrupted(&answer()));
        let done = message(NLMSG_DONE, NLM_F_DUMP_INTR, 7, &[0; 4]);
        assert!(is_interrupted(&[answer(), done].concat()));
    }

    #[test]
    fn a_refusal_is_an_error_and_an_acknowledgement_is_the_end() {
        let refused = message(NLMSG_ERROR, 0, 7, &(-1_i32).to_ne_bytes());
        assert_eq!(bodies(&refused).0, Next::Refused(1));
        let done = message(NLMSG_ERROR, 0, 7, &[0; 4]);
        assert_eq!(bodies(&done).0, Next::Done);
        let broken_off = message(NLMSG_DONE, 0, 7, &(-90_i32).to_ne_bytes());
        assert_eq!(bodies(&broken_off).0, Next::Refused(90));
        assert_eq!(bodies(&message(NLMSG_DONE, 0, 7, &[])).0, Next::Done);
    }

    #[test]
    fn a_socket_serves_again_after_a_refusal() {
        let mut socket = NetlinkSocket::new(None);
        // The links, RTM_GETLINK, and a type of message that there is not.
        for _ in 0..2 {
            let error = socket.ask(0x7000, Question::One, &[0; 16], |_, _| {});
            assert!(error.unwrap_err().raw_os_error().is_some());
            let mut devices = Vec::new();
            let ask = socket.ask(18, Question::All, &[0; 16], |_, body| {
                devices.extend(u32_at(body, 4));
            });
            ask.unwrap();
            let names: Vec<_> = devices
                .iter()
                .map(|index| socket.device(*index).unwrap())
                .collect();
            assert!(names.iter().any(|name| name == "lo"), "{names:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn garbled_datagrams_do_not_panic(at in 0..100_usize, byte: u8, end in 0..120_usize) {
            let mut datagram = answer();
            if let Some(place) = datagram.get_mut(at) {
                *place = byte;
            }
            datagram.truncate(end);
            read(&datagram, 7, &mut |_, body| assert!(attributes(body).count() < 100));
        }
    }
}
