//! The addresses of the network devices, from the kernel by netlink.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::super::netlink_socket::{NetlinkSocket, Question, attributes, u32_at};
use super::super::{CollectError, Filter, text};

const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;

/// The head of a question or an answer, `struct ifaddrmsg`: the length of the prefix at 1, the
/// device at 4.
const IFADDRMSG: usize = 8;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

/// The addresses of the network devices.
#[derive(Debug)]
pub(super) struct Addresses(NetlinkSocket);

/// An address of a device, which stands there by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Address {
    device: u32,
    ip: IpAddr,
    prefix: u8,
}

impl Addresses {
    /// Nothing is asked yet.
    pub(super) fn new() -> Self {
        Self(NetlinkSocket::new(None))
    }

    /// Writes the addresses of the devices that are let through.
    pub(super) fn write(&mut self, filter: &Filter, page: &mut Page) -> Result<(), CollectError> {
        let addresses = self
            .ask()
            .map_err(|error| CollectError::Call(format!("netlink, addresses: {error}")))?;
        let help = "node network address by device";
        page.family("node_network_address_info", help, Gauge);
        for address in addresses {
            // A device may go away in between.
            let device = self.0.device(address.device).unwrap_or_default();
            if device.is_empty() || !filter.lets_through(&device) {
                continue;
            }
            let mut series = page.series("");
            series.label("address", address.ip.to_canonical().to_string());
            series.label("device", device);
            series.label("netmask", text::Digits::new(usize::from(address.prefix)));
            series.label("scope", scope(address.ip.to_canonical()));
            series.digits(b"1");
        }
        Ok(())
    }

    fn ask(&mut self) -> io::Result<Vec<Address>> {
        let mut addresses = Vec::new();
        self.0
            .ask(RTM_GETADDR, Question::All, &[0; IFADDRMSG], |kind, body| {
                if kind == RTM_NEWADDR {
                    addresses.extend(address(body));
                }
            })?;
        Ok(addresses)
    }
}

/// The device's own address: where it has one end of a line, the other end is told as well.
fn address(body: &[u8]) -> Option<Address> {
    let mut found = None;
    for (kind, value) in attributes(body.get(IFADDRMSG..)?) {
        match kind {
            IFA_LOCAL => found = Some(ip(value)?),
            IFA_ADDRESS if found.is_none() => found = Some(ip(value)?),
            _ => {}
        }
    }
    Some(Address {
        device: u32_at(body, 4)?,
        ip: found?,
        prefix: *body.get(1)?,
    })
}

fn ip(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).into()),
        _ => None,
    }
}

/// How far an address reaches.
fn scope(ip: IpAddr) -> &'static str {
    let link_local = match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            ip.is_link_local() || (a, b, c) == (224, 0, 0)
        }
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.segments()[0] & 0xff0f == 0xff02,
    };
    if ip.is_loopback() || link_local {
        return "link-local";
    }
    match ip {
        IpAddr::V6(ip) if ip.segments()[0] & 0xff0f == 0xff01 => "interface-local",
        IpAddr::V4(ip) if ip.is_broadcast() => "",
        _ if ip.is_unspecified() || ip.is_multicast() => "",
        _ => "global",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::netlink_socket::attribute;
    use super::*;

    fn body(attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![2, 24, 0, 0];
        body.extend(7_u32.to_ne_bytes());
        body.extend(attributes.concat());
        body
    }

    #[test]
    fn the_devices_own_address_goes_before_the_other_end() {
        let (ours, theirs) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let (local, other) = (attribute(IFA_LOCAL, &ours), attribute(IFA_ADDRESS, &theirs));
        for (attributes, expected) in [
            (vec![other.clone(), local.clone()], ours),
            (vec![local, other.clone()], ours),
            (vec![other], theirs),
        ] {
            let expected = Address {
                device: 7,
                ip: IpAddr::from(expected),
                prefix: 24,
            };
            assert_eq!(address(&body(&attributes)), Some(expected));
        }
        assert_eq!(address(&body(&[attribute(IFA_LOCAL, &[1])])), None);
    }

    #[test]
    fn an_address_tells_how_far_it_reaches() {
        for (ip, expected) in [
            ("127.0.0.1", "link-local"),
            ("169.254.1.1", "link-local"),
            ("fe80::1", "link-local"),
            ("ff02::1", "link-local"),
            ("224.0.0.9", "link-local"),
            ("ff01::1", "interface-local"),
            ("192.168.0.1", "global"),
            ("2001:db8::1", "global"),
            ("255.255.255.255", ""),
            ("::", ""),
            ("239.1.1.1", ""),
        ] {
            assert_eq!(scope(ip.parse().unwrap()), expected, "{ip}");
        }
    }

    #[test]
    fn the_kernel_tells_the_address_of_the_loopback_device_where_it_has_one() {
        let mut page = Page::new();
        Addresses::new()
            .write(&Filter::default(), &mut page)
            .unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let local = "{address=\"127.0.0.1\",device=\"lo\",netmask=\"8\",scope=\"link-local\"} 1";
        if std::net::TcpListener::bind("127.0.0.1:0").is_ok() {
            assert!(text.contains(local), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn garbled_messages_do_not_panic(at in 0..24_usize, byte: u8, end in 0..28_usize) {
            let mut body = body(&[attribute(IFA_LOCAL, &[10, 0, 0, 1])]);
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            body.truncate(end);
            let _address = address(&body);
        }
    }
}
