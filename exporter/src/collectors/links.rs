//! All network devices in one dump, `RTM_GETLINK` of rtnetlink(7).
//!
//! A device is a `struct ifinfomsg` of 16 bytes and attributes (`u16` length, `u16` type, the
//! value).

use super::CollectError;
use super::netlink_socket::{NetlinkSocket, Question, attributes, u16_at, u32_at};

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const IFINFOMSG: usize = 16;

/// Where devices come and go all the time, the last answer has to do.
const TRIES: usize = 3;

const IFLA_ADDRESS: u16 = 1;
const IFLA_BROADCAST: u16 = 2;
const IFLA_IFNAME: u16 = 3;
const IFLA_IFALIAS: u16 = 20;
const IFLA_STATS64: u16 = 23;

/// What a device has numbers of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Mtu,
    Link,
    QueueLength,
    OperState,
    LinkMode,
    Group,
    Promiscuity,
    Carrier,
    CarrierChanges,
    CarrierUps,
    CarrierDowns,
    AllMulticast,
}

/// The attributes of the numbers, of 8 or 32 bits, in the order of [`Number`].
const NUMBERS: [u16; 12] = [4, 5, 13, 16, 17, 27, 30, 33, 35, 47, 48, 61];

/// A network device as the kernel describes it.
#[derive(Debug, Default)]
pub(super) struct Link<'a> {
    pub(super) name: &'a [u8],
    pub(super) index: u32,
    /// The number of its kind of hardware, `ARPHRD_*`.
    pub(super) kind: u16,
    /// `IFF_*`.
    pub(super) flags: u32,
    pub(super) address: &'a [u8],
    pub(super) broadcast: &'a [u8],
    pub(super) alias: &'a [u8],
    /// `struct rtnl_link_stats64`; a kernel's own length of it.
    pub(super) stats: &'a [u8],
    pub(super) numbers: [Option<u32>; NUMBERS.len()],
}

impl Link<'_> {
    /// A number, if the kernel knows it.
    pub(super) fn number(&self, number: Number) -> Option<u32> {
        *self.numbers.get(number as usize)?
    }
}

/// The devices of the last dump.
#[derive(Debug)]
pub(super) struct Links {
    socket: NetlinkSocket,
    /// The bodies of the messages, one after the other.
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            socket: NetlinkSocket::new(None),
            text: Vec::new(),
            ends: Vec::new(),
        }
    }
}

impl Links {
    /// Asks the kernel, again if devices came and went meanwhile.
    pub(super) fn read(&mut self) -> Result<(), CollectError> {
        for _ in 0..TRIES {
            self.ask()?;
            if !self.socket.was_interrupted() {
                break;
            }
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), CollectError> {
        self.text.clear();
        self.ends.clear();
        let (text, ends) = (&mut self.text, &mut self.ends);
        let each = |kind, body: &[u8]| {
            if kind == RTM_NEWLINK {
                text.extend_from_slice(body);
                ends.push(text.len());
            }
        };
        self.socket
            .ask(RTM_GETLINK, Question::All, &[0; IFINFOMSG], each)
            .map_err(|error| CollectError::Call(format!("netlink, devices: {error}")))
    }

    /// The devices that have a name.
    pub(super) fn iter(&self) -> impl Iterator<Item = Link<'_>> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts
            .zip(&self.ends)
            .filter_map(|(start, end)| link(self.text.get(*start..*end)?))
    }
}

fn link(body: &[u8]) -> Option<Link<'_>> {
    let mut link = Link {
        kind: u16_at(body, 2)?,
        index: u32_at(body, 4)?,
        flags: u32_at(body, 8)?,
        ..Link::default()
    };
    for (kind, value) in attributes(body.get(IFINFOMSG..)?) {
        match kind {
            IFLA_ADDRESS => link.address = value,
            IFLA_BROADCAST => link.broadcast = value,
            IFLA_IFNAME => link.name = text(value),
            IFLA_IFALIAS => link.alias = text(value),
            IFLA_STATS64 => link.stats = value,
            kind => {
                let at = NUMBERS.iter().position(|number| *number == kind);
                if let Some(number) = at.and_then(|at| link.numbers.get_mut(at)) {
                    let small = || value.first().map(|byte| u32::from(*byte));
                    *number = u32_at(value, 0).or_else(small);
                }
            }
        }
    }
    Some(link).filter(|link| !link.name.is_empty())
}

/// What stands before the zero byte.
fn text(value: &[u8]) -> &[u8] {
    value.split(|c| *c == 0).next().unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::netlink_socket::attribute;
    use super::*;

    /// `eth0`, the second device, Ethernet, up and running, with the counters 0, 1, 2 and so on, as
    /// the first kernel with 24 of them had it.
    pub(in super::super) fn eth0() -> Vec<u8> {
        let stats: Vec<u8> = (0..24_u64).flat_map(u64::to_ne_bytes).collect();
        let mut body = vec![0, 0];
        body.extend(1_u16.to_ne_bytes());
        body.extend(2_u32.to_ne_bytes());
        body.extend(0x1_1043_u32.to_ne_bytes());
        body.extend([0; 4]);
        body.extend(attribute(IFLA_ADDRESS, &[2, 0xfc, 0, 0, 0, 1]));
        body.extend(attribute(IFLA_IFNAME, b"eth0\0"));
        body.extend(attribute(4, &1_500_u32.to_ne_bytes()));
        body.extend(attribute(16, &[6]));
        body.extend(attribute(30, &1_u32.to_ne_bytes()));
        body.extend(attribute(33, &[1]));
        body.extend(attribute(IFLA_STATS64, &stats));
        body
    }

    /// Devices that a kernel might have told.
    pub(in super::super) fn links(bodies: &[&[u8]]) -> Links {
        let mut links = Links::default();
        for body in bodies {
            links.text.extend_from_slice(body);
            links.ends.push(links.text.len());
        }
        links
    }

    #[test]
    fn a_device_has_its_attributes() {
        let links = links(&[b"cut", &eth0()]);
        let all: Vec<_> = links.iter().collect();
        assert_eq!(all.len(), 1);
        let link = &all[0];
        assert_eq!((link.name, link.index, link.kind), (&b"eth0"[..], 2, 1));
        assert_eq!(link.address, [2, 0xfc, 0, 0, 0, 1]);
        assert_eq!(link.number(Number::Mtu), Some(1_500));
        assert_eq!(link.number(Number::OperState), Some(6));
        assert_eq!(link.number(Number::CarrierUps), None);
        assert_eq!(link.stats.len(), 24 * 8);
    }

    #[test]
    fn the_kernel_tells_of_the_loopback_device_at_each_question() {
        let mut links = Links::default();
        for _ in 0..2 {
            links.read().unwrap();
            assert_eq!(links.iter().filter(|link| link.name == b"lo").count(), 1);
        }
    }

    proptest::proptest! {
        #[test]
        fn garbled_messages_do_not_panic(at in 0..260_usize, byte: u8, end in 0..280_usize) {
            let mut body = eth0();
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            body.truncate(end);
            assert!(links(&[&body]).iter().count() <= 1);
        }
    }
}
