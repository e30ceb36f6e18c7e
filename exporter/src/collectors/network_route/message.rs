//! A message of the kernel about a route, rtnetlink(7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::netlink_socket::{attributes, u16_at, u32_at};
use super::RTMSG;

const RTN_UNICAST: u8 = 1;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_MULTIPATH: u16 = 9;

/// The head of each way of a route that has several, `struct rtnexthop`: `u16` length, a byte of
/// flags, the weight less one, and the device.
const RTNEXTHOP: usize = 8;

/// Who made a route.
const PROTOCOLS: [(u8, &str); 21] = [
    (0, "unspec"),
    (1, "redirect"),
    (2, "kernel"),
    (3, "boot"),
    (4, "static"),
    (8, "gated"),
    (9, "ra"),
    (10, "mrt"),
    (11, "zebra"),
    (12, "bird"),
    (13, "dnrouted"),
    (14, "xorp"),
    (15, "ntk"),
    (16, "dhcp"),
    (17, "mrouted"),
    (42, "babel"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (192, "eigrp"),
];

/// A way to a destination.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    pub(super) destination: String,
    /// The device's number.
    pub(super) device: u32,
    pub(super) gateway: String,
    pub(super) priority: u32,
    pub(super) protocol: &'static str,
    pub(super) source: String,
    /// Where there are several ways.
    pub(super) weight: Option<u16>,
}

/// The ways of a message; none where it is not about a route to other hosts.
pub(super) fn routes(body: &[u8]) -> Vec<Route> {
    read(body).unwrap_or_default()
}

fn read(body: &[u8]) -> Option<Vec<Route>> {
    let (prefix, protocol, kind) = (*body.get(1)?, *body.get(5)?, *body.get(7)?);
    if kind != RTN_UNICAST {
        return None;
    }
    let mut route = Route {
        destination: "default".to_owned(),
        device: 0,
        gateway: String::new(),
        priority: 0,
        protocol: name(protocol),
        source: String::new(),
        weight: None,
    };
    let mut ways = None;
    for (kind, value) in attributes(body.get(RTMSG..)?) {
        match kind {
            RTA_DST if prefix > 0 => route.destination = format!("{}/{prefix}", ip(value)?),
            RTA_OIF => route.device = u32_at(value, 0)?,
            RTA_GATEWAY => route.gateway = ip(value)?,
            RTA_PRIORITY => route.priority = u32_at(value, 0)?,
            RTA_PREFSRC => route.source = ip(value)?,
            RTA_MULTIPATH => ways = Some(value),
            _ => {}
        }
    }
    match ways {
        None => Some(vec![route]),
        Some(ways) => several(ways, &route),
    }
}

fn several(mut rest: &[u8], route: &Route) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(u16_at(rest, 0)?);
        let way = rest.get(..length)?;
        let mut route = Route {
            device: u32_at(way, 4)?,
            gateway: String::new(),
            weight: Some(u16::from(*way.get(3)?) + 1),
            ..route.clone()
        };
        for (kind, value) in attributes(way.get(RTNEXTHOP..)?) {
            if kind == RTA_GATEWAY {
                route.gateway = ip(value)?;
            }
        }
        routes.push(route);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(routes)
}

fn name(protocol: u8) -> &'static str {
    let found = PROTOCOLS.iter().find(|(number, _)| *number == protocol);
    found.map_or("unknown", |(_, name)| name)
}

fn ip(value: &[u8]) -> Option<String> {
    let ip = match value.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?)),
        16 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?)),
        _ => return None,
    };
    Some(ip.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::super::super::netlink_socket::attribute;
    use super::*;

    fn body(prefix: u8, kind: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![2, prefix, 0, 0, 254, 16, 0, kind, 0, 0, 0, 0];
        body.extend(attributes.concat());
        body
    }

    fn two_ways() -> Vec<u8> {
        let gateway = attribute(RTA_GATEWAY, &[192, 0, 2, 1]);
        let way = |weight: u8, device: u32, rest: &[u8]| {
            let length = u16::try_from(RTNEXTHOP + rest.len()).unwrap();
            let mut way = length.to_ne_bytes().to_vec();
            way.extend([0, weight - 1]);
            way.extend(device.to_ne_bytes());
            way.extend(rest);
            way
        };
        let ways = [way(1, 2, &gateway), way(255, 3, &[])].concat();
        let to = attribute(RTA_DST, &[10, 0, 0, 0]);
        body(8, RTN_UNICAST, &[to, attribute(RTA_MULTIPATH, &ways)])
    }

    #[test]
    fn a_route_has_its_parts_as_text() {
        let found = routes(&body(
            0,
            RTN_UNICAST,
            &[
                attribute(RTA_OIF, &2_u32.to_ne_bytes()),
                attribute(RTA_GATEWAY, &[192, 0, 2, 1]),
                attribute(RTA_PRIORITY, &1024_u32.to_ne_bytes()),
                attribute(RTA_PREFSRC, &[192, 0, 2, 7]),
            ],
        ));
        let expected = Route {
            destination: "default".to_owned(),
            device: 2,
            gateway: "192.0.2.1".to_owned(),
            priority: 1024,
            protocol: "dhcp",
            source: "192.0.2.7".to_owned(),
            weight: None,
        };
        assert_eq!(found, [expected]);
        let mut ip = [0; 16];
        ip[..2].copy_from_slice(&[0xfe, 0x80]);
        let found = routes(&body(64, RTN_UNICAST, &[attribute(RTA_DST, &ip)]));
        assert_eq!(found[0].destination, "fe80::/64");
    }

    #[test]
    fn each_of_several_ways_has_its_weight() {
        let found = routes(&two_ways());
        let ways: Vec<_> = found
            .iter()
            .map(|route| (route.device, route.gateway.as_str(), route.weight))
            .collect();
        assert_eq!(ways, [(2, "192.0.2.1", Some(1)), (3, "", Some(255))]);
        assert!(found.iter().all(|route| route.destination == "10.0.0.0/8"));
    }

    #[test]
    fn what_is_no_route_to_other_hosts_is_left_out() {
        let (broadcast, bad) = (body(32, 3, &[]), attribute(RTA_GATEWAY, &[1]));
        assert!(routes(&broadcast).is_empty());
        assert!(routes(&body(0, RTN_UNICAST, &[bad])).is_empty());
        assert!(routes(&[2, 0, 0]).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn garbled_messages_do_not_panic(at in 0..60_usize, byte: u8, end in 0..64_usize) {
            let mut body = two_ways();
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            body.truncate(end);
            let _routes = routes(&body);
        }
    }
}
