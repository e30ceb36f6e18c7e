//! Asks the kernel's wireless part by generic netlink.
//!
//! A message's body begins with a command, a version and two bytes that say nothing; attributes
//! follow.

use std::io;

use rustix::io::Errno;
use rustix::net::netlink::GENERIC;

use super::super::CollectError;
use super::super::netlink_socket::{
    self, NetlinkSocket, Question, attribute, attributes, u16_at, u32_at, u64_at,
};
use super::{Cell, Device, Station, address};

/// The part of the kernel that knows the numbers of the others.
const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

const GENLMSGHDR: usize = 4;

const GET_INTERFACE: u8 = 5;
const GET_STATION: u8 = 17;
const GET_SCAN: u8 = 32;

const ATTR_IFINDEX: u16 = 3;
const ATTR_IFNAME: u16 = 4;
const ATTR_MAC: u16 = 6;
const ATTR_STA_INFO: u16 = 21;
const ATTR_WIPHY_FREQ: u16 = 38;
const ATTR_BSS: u16 = 47;

const BSS_BSSID: u16 = 1;
const BSS_INFORMATION_ELEMENTS: u16 = 6;
const BSS_STATUS: u16 = 9;

const STA_INACTIVE_TIME: u16 = 1;
const STA_RX_BYTES: u16 = 2;
const STA_TX_BYTES: u16 = 3;
const STA_SIGNAL: u16 = 7;
const STA_TX_BITRATE: u16 = 8;
const STA_RX_PACKETS: u16 = 9;
const STA_TX_PACKETS: u16 = 10;
const STA_TX_RETRIES: u16 = 11;
const STA_TX_FAILED: u16 = 12;
const STA_RX_BITRATE: u16 = 14;
const STA_CONNECTED_TIME: u16 = 16;
const STA_BEACON_LOSS: u16 = 18;
const STA_RX_BYTES64: u16 = 23;
const STA_TX_BYTES64: u16 = 24;

const RATE_BITRATE: u16 = 1;
const RATE_BITRATE32: u16 = 5;

/// Rates are told in this many bits per second.
const RATE_UNIT: f64 = 100_000.0;

/// The kernel's wireless part.
pub(super) struct Nl80211 {
    socket: NetlinkSocket,
    /// Its number, once it is known.
    family: Option<u16>,
}

impl Default for Nl80211 {
    fn default() -> Self {
        Self {
            socket: NetlinkSocket::new(Some(GENERIC)),
            family: None,
        }
    }
}

impl Nl80211 {
    /// All wireless devices as they are now.
    pub(super) fn devices(&mut self) -> Result<Vec<Device>, CollectError> {
        let family = match self.family {
            Some(family) => family,
            None => self.find()?,
        };
        self.family = Some(family);
        let interfaces = self.interfaces(family);
        if interfaces.is_err() {
            // The number changes when the kernel's module is loaded anew.
            self.family = None;
        }
        let mut devices = Vec::new();
        for (index, device) in interfaces.map_err(|error| fault(&error))? {
            let cell = self.cell(family, index);
            let stations = self.stations(family, index);
            devices.push(Device {
                cell: or_none(cell).map_err(|error| fault(&error))?,
                stations: or_none(stations).map_err(|error| fault(&error))?,
                ..device
            });
        }
        Ok(devices)
    }

    fn find(&mut self) -> Result<u16, CollectError> {
        let body = [
            vec![CTRL_CMD_GETFAMILY, 1, 0, 0],
            attribute(CTRL_ATTR_FAMILY_NAME, b"nl80211\0"),
        ];
        let mut family = None;
        let asked = self
            .socket
            .ask(GENL_ID_CTRL, Question::One, &body.concat(), |_, body| {
                let rest = body.get(GENLMSGHDR..).unwrap_or_default();
                family = find(rest, CTRL_ATTR_FAMILY_ID).and_then(|value| u16_at(value, 0));
            });
        let none = CollectError::NoData("the kernel has no wireless devices");
        match asked {
            Ok(()) => family.ok_or(none),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                ) =>
            {
                Err(none)
            }
            Err(error) => Err(fault(&error)),
        }
    }

    /// The devices with their numbers; one without a name is not one of the network.
    fn interfaces(&mut self, family: u16) -> io::Result<Vec<(u32, Device)>> {
        let mut devices = Vec::new();
        let question = [GET_INTERFACE, 0, 0, 0];
        self.socket
            .ask(family, Question::All, &question, |_, body| {
                devices.extend(interface(body));
            })?;
        Ok(devices)
    }

    fn cell(&mut self, family: u16, index: u32) -> io::Result<Option<Cell>> {
        let mut found = None;
        let question = about(GET_SCAN, index);
        self.socket
            .ask(family, Question::All, &question, |_, body| {
                if found.is_none() {
                    found = cell(body);
                }
            })?;
        Ok(found)
    }

    fn stations(&mut self, family: u16, index: u32) -> io::Result<Vec<Station>> {
        let mut stations = Vec::new();
        let question = about(GET_STATION, index);
        self.socket
            .ask(family, Question::All, &question, |_, body| {
                stations.extend(station(body));
            })?;
        Ok(stations)
    }
}

fn fault(error: &io::Error) -> CollectError {
    CollectError::Call(format!("netlink, wireless devices: {error}"))
}

/// Nothing where a device does not tell, or is gone.
fn or_none<T: Default>(answer: io::Result<T>) -> io::Result<T> {
    let silent = [Errno::OPNOTSUPP, Errno::NODEV, Errno::NOENT, Errno::NETDOWN];
    match answer {
        Err(error)
            if silent
                .iter()
                .any(|no| error.raw_os_error() == Some(no.raw_os_error())) =>
        {
            Ok(T::default())
        }
        answer => answer,
    }
}

/// A question about a device.
fn about(command: u8, index: u32) -> Vec<u8> {
    let device = attribute(ATTR_IFINDEX, &index.to_ne_bytes());
    [vec![command, 0, 0, 0], device].concat()
}

fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(kind, value)| (kind == wanted).then_some(value))
}

fn interface(body: &[u8]) -> Option<(u32, Device)> {
    let rest = body.get(GENLMSGHDR..)?;
    let index = u32_at(find(rest, ATTR_IFINDEX)?, 0)?;
    let device = Device {
        name: netlink_socket::text(find(rest, ATTR_IFNAME)?),
        // Without one it is not in use.
        frequency: find(rest, ATTR_WIPHY_FREQ)
            .and_then(|value| u32_at(value, 0))
            .unwrap_or_default(),
        ..Device::default()
    };
    Some((index, device))
}

/// The cell that the device is part of; the others that it has heard of have no status.
fn cell(body: &[u8]) -> Option<Cell> {
    let cell = find(body.get(GENLMSGHDR..)?, ATTR_BSS)?;
    let status = u32_at(find(cell, BSS_STATUS)?, 0)?;
    let elements = find(cell, BSS_INFORMATION_ELEMENTS).unwrap_or_default();
    Some(Cell {
        bssid: address(find(cell, BSS_BSSID)?),
        ssid: ssid(elements).unwrap_or_default(),
        status,
    })
}

/// The network's name: elements have a byte of type, a byte of length and a value; 0 is the name.
fn ssid(mut elements: &[u8]) -> Option<String> {
    loop {
        let (kind, length) = (*elements.first()?, usize::from(*elements.get(1)?));
        let value = elements.get(2..2 + length)?;
        if kind == 0 {
            return Some(String::from_utf8_lossy(value).into_owned());
        }
        elements = elements.get(2 + length..)?;
    }
}

fn station(body: &[u8]) -> Option<Station> {
    let rest = body.get(GENLMSGHDR..)?;
    let mut station = Station {
        address: address(find(rest, ATTR_MAC)?),
        ..Station::default()
    };
    let mut bytes64 = [None; 2];
    for (kind, value) in attributes(find(rest, ATTR_STA_INFO)?) {
        match kind {
            STA_INACTIVE_TIME => station.inactive = f64::from(u32_at(value, 0)?) / 1e3,
            STA_CONNECTED_TIME => station.connected = f64::from(u32_at(value, 0)?),
            STA_RX_BYTES => station.received_bytes = u64::from(u32_at(value, 0)?),
            STA_TX_BYTES => station.transmitted_bytes = u64::from(u32_at(value, 0)?),
            STA_RX_BYTES64 => bytes64[0] = u64_at(value, 0),
            STA_TX_BYTES64 => bytes64[1] = u64_at(value, 0),
            STA_SIGNAL => station.signal = i32::from(value.first()?.cast_signed()),
            STA_TX_BITRATE => station.transmit_rate = rate(value),
            STA_RX_BITRATE => station.receive_rate = rate(value),
            STA_RX_PACKETS => station.received_packets = u32_at(value, 0)?,
            STA_TX_PACKETS => station.transmitted_packets = u32_at(value, 0)?,
            STA_TX_RETRIES => station.retries = u32_at(value, 0)?,
            STA_TX_FAILED => station.failed = u32_at(value, 0)?,
            STA_BEACON_LOSS => station.beacon_loss = u32_at(value, 0)?,
            _ => {}
        }
    }
    let [received, transmitted] = bytes64;
    station.received_bytes = received.unwrap_or(station.received_bytes);
    station.transmitted_bytes = transmitted.unwrap_or(station.transmitted_bytes);
    Some(station)
}

/// In bits per second; 32 bits of it go before 16.
fn rate(value: &[u8]) -> f64 {
    let long = find(value, RATE_BITRATE32).and_then(|rate| u32_at(rate, 0));
    let short = || find(value, RATE_BITRATE).and_then(|rate| u16_at(rate, 0));
    let rate = long.or_else(|| short().map(u32::from));
    f64::from(rate.unwrap_or_default()) * RATE_UNIT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u32_attribute(kind: u16, value: u32) -> Vec<u8> {
        attribute(kind, &value.to_ne_bytes())
    }

    fn message(parts: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![0; GENLMSGHDR];
        body.extend(parts.concat());
        body
    }

    fn station_message() -> Vec<u8> {
        let slow = attribute(RATE_BITRATE, &7_u16.to_ne_bytes());
        let rates = [slow.clone(), u32_attribute(RATE_BITRATE32, 70_000)].concat();
        let info = [
            u32_attribute(STA_INACTIVE_TIME, 400),
            u32_attribute(STA_CONNECTED_TIME, 30),
            attribute(STA_SIGNAL, &[0xcc]),
            attribute(STA_RX_BITRATE, &rates),
            attribute(STA_TX_BITRATE, &slow),
            attribute(STA_RX_BYTES64, &(1_u64 << 33).to_ne_bytes()),
            u32_attribute(STA_RX_BYTES, 5),
            u32_attribute(STA_TX_BYTES, 6),
        ];
        let mac = attribute(ATTR_MAC, &[2, 0, 0, 0, 0, 1]);
        message(&[mac, attribute(ATTR_STA_INFO, &info.concat())])
    }

    #[test]
    fn a_station_has_its_figures_in_base_units() {
        let station = station(&station_message()).unwrap();
        let expected = Station {
            address: "02:00:00:00:00:01".to_owned(),
            connected: 30.0,
            inactive: 0.4,
            receive_rate: 7e9,
            transmit_rate: 7e5,
            received_bytes: 1 << 33,
            transmitted_bytes: 6,
            signal: -52,
            ..Station::default()
        };
        assert_eq!(station, expected);
    }

    #[test]
    fn the_cell_that_has_a_status_is_the_devices_own() {
        let bssid = attribute(BSS_BSSID, &[0, 17]);
        let elements = attribute(BSS_INFORMATION_ELEMENTS, &[1, 1, 9, 0, 2, b'a', 0xff, 3]);
        let parts = [bssid, elements, u32_attribute(BSS_STATUS, 1)];
        let heard = message(&[attribute(ATTR_BSS, &parts[..2].concat())]);
        assert_eq!(cell(&heard), None);
        let joined = message(&[attribute(ATTR_BSS, &parts.concat())]);
        let expected = Cell {
            bssid: "00:11".to_owned(),
            ssid: "a\u{fffd}".to_owned(),
            status: 1,
        };
        assert_eq!(cell(&joined), Some(expected));
    }

    #[test]
    fn a_device_without_a_name_is_left_out() {
        let index = u32_attribute(ATTR_IFINDEX, 3);
        assert_eq!(interface(&message(std::slice::from_ref(&index))), None);
        let name = attribute(ATTR_IFNAME, b"wlan0\0");
        let (number, device) = interface(&message(&[index, name])).unwrap();
        assert_eq!(
            (number, device.name.as_str(), device.frequency),
            (3, "wlan0", 0)
        );
    }

    #[test]
    fn the_kernel_tells_its_devices_or_has_none() {
        match Nl80211::default().devices() {
            Ok(devices) => assert!(devices.iter().all(|device| !device.name.is_empty())),
            Err(error) => assert!(matches!(error, CollectError::NoData(_)), "{error}"),
        }
    }

    proptest::proptest! {
        #[test]
        fn garbled_messages_do_not_panic(at in 0..120_usize, byte: u8, end in 0..140_usize) {
            let mut body = station_message();
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            body.truncate(end);
            let _read = (station(&body), cell(&body), interface(&body), ssid(&body));
        }
    }
}
