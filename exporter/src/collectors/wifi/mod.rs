//! Wireless network devices, the cell each is in and the stations it talks to, from the kernel by
//! netlink.

mod fixtures;
mod nl80211;

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, FlagKind, Settings};
use fixtures::Fixtures;
use nl80211::Nl80211;

const FIXTURES: Flag = Flag {
    name: "wifi.fixtures",
    help: "Test fixtures to use for wifi collector metrics.",
    kind: FlagKind::Text { default: "" },
};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "wifi",
    help: "Wireless network devices and their stations.",
    default_on: false,
    flags: &[FIXTURES],
    new,
};

type Figure = fn(&Station) -> f64;

/// What is told of each station.
#[rustfmt::skip]
const STATION: [(&str, &str, MetricType, Figure); 12] = [
    ("node_wifi_station_connected_seconds_total", "The total number of seconds a station has been connected to an access point.", Counter, |s| s.connected),
    ("node_wifi_station_inactive_seconds", "The number of seconds since any wireless activity has occurred on a station.", Gauge, |s| s.inactive),
    ("node_wifi_station_receive_bits_per_second", "The current WiFi receive bitrate of a station, in bits per second.", Gauge, |s| s.receive_rate),
    ("node_wifi_station_transmit_bits_per_second", "The current WiFi transmit bitrate of a station, in bits per second.", Gauge, |s| s.transmit_rate),
    ("node_wifi_station_receive_bytes_total", "The total number of bytes received by a WiFi station.", Counter, |s| s.received_bytes as f64),
    ("node_wifi_station_transmit_bytes_total", "The total number of bytes transmitted by a WiFi station.", Counter, |s| s.transmitted_bytes as f64),
    ("node_wifi_station_received_packets_total", "The total number of packets received by a station.", Counter, |s| f64::from(s.received_packets)),
    ("node_wifi_station_transmitted_packets_total", "The total number of packets transmitted by a station.", Counter, |s| f64::from(s.transmitted_packets)),
    ("node_wifi_station_signal_dbm", "The current WiFi signal strength, in decibel-milliwatts (dBm).", Gauge, |s| f64::from(s.signal)),
    ("node_wifi_station_transmit_retries_total", "The total number of times a station has had to retry while sending a packet.", Counter, |s| f64::from(s.retries)),
    ("node_wifi_station_transmit_failed_total", "The total number of times a station has failed to send a packet.", Counter, |s| f64::from(s.failed)),
    ("node_wifi_station_beacon_loss_total", "The total number of times a station has detected a beacon loss.", Counter, |s| f64::from(s.beacon_loss)),
];

/// A wireless device.
#[derive(Clone, Debug, Default, PartialEq)]
struct Device {
    name: String,
    /// In megahertz.
    frequency: u32,
    /// Where the device is part of one.
    cell: Option<Cell>,
    stations: Vec<Station>,
}

/// What a device has joined, the basic service set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cell {
    bssid: String,
    ssid: String,
    status: u32,
}

/// What a device talks to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Station {
    address: String,
    /// In seconds.
    connected: f64,
    inactive: f64,
    /// In bits per second.
    receive_rate: f64,
    transmit_rate: f64,
    received_bytes: u64,
    transmitted_bytes: u64,
    received_packets: u32,
    transmitted_packets: u32,
    signal: i32,
    retries: u32,
    failed: u32,
    beacon_loss: u32,
}

struct Wifi(Source);

enum Source {
    Kernel(Nl80211),
    Files(Fixtures),
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    Box::new(Wifi(match settings.text(&FIXTURES) {
        "" => Source::Kernel(Nl80211::default()),
        folder => Source::Files(Fixtures::new(folder)),
    }))
}

impl Collector for Wifi {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let devices = match &mut self.0 {
            Source::Kernel(kernel) => kernel.devices()?,
            Source::Files(files) => files.devices()?,
        };
        write(&devices, page);
        Ok(())
    }
}

fn write(devices: &[Device], page: &mut Page) {
    page.family(
        "node_wifi_interface_frequency_hertz",
        "The current frequency a WiFi interface is operating at, in hertz.",
        Gauge,
    );
    for device in devices {
        let hertz = f64::from(device.frequency) * 1e6;
        page.sample(&[("device", &device.name)], hertz);
    }
    page.family(
        "node_wifi_station_info",
        "Labeled WiFi interface station information as provided by the operating system.",
        Gauge,
    );
    for device in devices {
        if let Some(cell) = &device.cell {
            let labels = [
                ("bssid", cell.bssid.as_str()),
                ("device", &device.name),
                ("mode", mode(cell.status)),
                ("ssid", &cell.ssid),
            ];
            page.sample(&labels, 1.0);
        }
    }
    for (name, help, metric_type, figure) in STATION {
        page.family(name, help, metric_type);
        for device in devices {
            for station in &device.stations {
                let labels = [
                    ("device", device.name.as_str()),
                    ("mac_address", &station.address),
                ];
                page.sample(&labels, figure(station));
            }
        }
    }
}

/// What a device is in its cell.
fn mode(status: u32) -> &'static str {
    match status {
        // Authenticated or associated.
        0 | 1 => "client",
        2 => "ad-hoc",
        _ => "unknown",
    }
}

/// An address as it is mostly written.
fn address(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_cells_and_stations_are_told() {
        let station = Station {
            address: address(&[0xaa, 0, 0x0c]),
            inactive: 0.4,
            signal: -52,
            received_bytes: 1 << 40,
            ..Station::default()
        };
        let cell = Cell {
            bssid: "00:01".to_owned(),
            ssid: "a \"net\"".to_owned(),
            status: 2,
        };
        let joined = Device {
            name: "wlan0".to_owned(),
            frequency: 2_412,
            cell: Some(cell),
            stations: vec![station],
        };
        let mut page = Page::new();
        write(&[joined, Device::default()], &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert_eq!(
            text.lines().filter(|line| !line.starts_with('#')).count(),
            15
        );
        let labels = "device=\"wlan0\",mac_address=\"aa:00:0c\"";
        for line in [
            "node_wifi_interface_frequency_hertz{device=\"wlan0\"} 2.412e+09",
            "node_wifi_station_info{bssid=\"00:01\",device=\"wlan0\",mode=\"ad-hoc\",ssid=\"a \\\"net\\\"\"} 1",
            &format!("node_wifi_station_inactive_seconds{{{labels}}} 0.4"),
            &format!("node_wifi_station_signal_dbm{{{labels}}} -52"),
            &format!("node_wifi_station_receive_bytes_total{{{labels}}} 1.099511627776e+12"),
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
    }
}
