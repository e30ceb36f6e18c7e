//! Wireless devices out of files, for tests on hosts without one: `interfaces.json`, and in a
//! folder for each device `bss.json` and `stationinfo.json`.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::{CollectError, read_small};
use super::{Cell, Device, Station, address};

const NANOSECONDS: f64 = 1e9;

/// The files' folder.
pub(super) struct Fixtures(PathBuf);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Interface {
    name: String,
    frequency: u32,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bss {
    ssid: String,
    bssid: String,
    status: u32,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "lowercase")]
struct StationInfo {
    #[serde(rename = "hardwareaddr")]
    address: String,
    connected: f64,
    inactive: f64,
    #[serde(rename = "receivebitrate")]
    receive_rate: f64,
    #[serde(rename = "transmitbitrate")]
    transmit_rate: f64,
    #[serde(rename = "receivedbytes")]
    received_bytes: u64,
    #[serde(rename = "transmittedbytes")]
    transmitted_bytes: u64,
    #[serde(rename = "receivedpackets")]
    received_packets: u32,
    #[serde(rename = "transmittedpackets")]
    transmitted_packets: u32,
    signal: i32,
    #[serde(rename = "transmitretries")]
    retries: u32,
    #[serde(rename = "transmitfailed")]
    failed: u32,
    #[serde(rename = "beaconloss")]
    beacon_loss: u32,
}

impl Fixtures {
    /// The files of a folder.
    pub(super) fn new(folder: &str) -> Self {
        Self(folder.into())
    }

    /// The devices; one without a name is left out.
    pub(super) fn devices(&self) -> Result<Vec<Device>, CollectError> {
        let interfaces: Vec<Interface> = self.read("interfaces.json", "a list of devices")?;
        let named = interfaces.into_iter().filter(|i| !i.name.is_empty());
        named.map(|interface| self.device(interface)).collect()
    }

    fn device(&self, interface: Interface) -> Result<Device, CollectError> {
        let name = &interface.name;
        let cell = or_none(self.read::<Bss>(&format!("{name}/bss.json"), "a cell"))?;
        let file = format!("{name}/stationinfo.json");
        let stations = or_none(self.read::<Vec<StationInfo>>(&file, "a list of stations"))?;
        Ok(Device {
            frequency: interface.frequency,
            cell: cell.map(|cell| Cell {
                bssid: mac(&cell.bssid),
                ssid: cell.ssid,
                status: cell.status,
            }),
            stations: stations.iter().flatten().map(station).collect(),
            name: interface.name,
        })
    }

    fn read<T: DeserializeOwned>(
        &self,
        file: &str,
        expected: &'static str,
    ) -> Result<T, CollectError> {
        let path = self.0.join(file);
        let text = read_small(&path)?;
        serde_json::from_str(&text)
            .map_err(|_| CollectError::parse(&path, expected, text.as_bytes()))
    }
}

fn or_none<T>(read: Result<T, CollectError>) -> Result<Option<T>, CollectError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

fn station(info: &StationInfo) -> Station {
    Station {
        address: mac(&info.address),
        connected: info.connected / NANOSECONDS,
        inactive: info.inactive / NANOSECONDS,
        receive_rate: info.receive_rate,
        transmit_rate: info.transmit_rate,
        received_bytes: info.received_bytes,
        transmitted_bytes: info.transmitted_bytes,
        received_packets: info.received_packets,
        transmitted_packets: info.transmitted_packets,
        signal: info.signal,
        retries: info.retries,
        failed: info.failed,
        beacon_loss: info.beacon_loss,
    }
}

/// An address out of base64.
fn mac(text: &str) -> String {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for six in text.bytes().map_while(six_bits) {
        bits = (bits << 6 | six) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap_or_default());
        }
    }
    address(&bytes)
}

fn six_bits(c: u8) -> Option<u32> {
    let from = |first: u8, value: u32| Some(u32::from(c - first) + value);
    match c {
        b'A'..=b'Z' => from(b'A', 0),
        b'a'..=b'z' => from(b'a', 26),
        b'0'..=b'9' => from(b'0', 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_base64() {
        assert_eq!(mac("qrvM3e7/"), "aa:bb:cc:dd:ee:ff");
        assert_eq!(mac("AQI="), "01:02");
        assert_eq!(mac(""), "");
    }

    #[test]
    fn files_that_are_not_there_are_no_cell_and_no_stations_and_bad_ones_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::fs::create_dir(folder.join("w0")).unwrap();
        let list = r#"[{"name": "w0", "type": 2, "frequency": 5180}, {"type": 10}]"#;
        std::fs::write(folder.join("interfaces.json"), list).unwrap();
        let station = r#"[{"hardwareaddr": "AQI=", "connected": 1500000000, "signal": -3}]"#;
        std::fs::write(folder.join("w0/stationinfo.json"), station).unwrap();
        let fixtures = Fixtures::new(folder.to_str().unwrap());
        let devices = fixtures.devices().unwrap();
        assert_eq!(devices.len(), 1);
        assert_eq!((devices[0].frequency, &devices[0].cell), (5180, &None));
        let station = &devices[0].stations[0];
        assert_eq!((station.connected, station.signal), (1.5, -3));
        std::fs::write(folder.join("w0/bss.json"), "{").unwrap();
        let error = fixtures.devices().unwrap_err().to_string();
        assert!(error.contains("bss.json`: expected a cell"), "{error}");
    }
}
