//! What the bits of a network device's hardware say, `enum ethtool_link_mode_bit_indices`.

use watchpost_model::text::{Page, Series};

use super::call::Link;

const AUTONEGOTIATE: u32 = 6;
const PAUSE: u32 = 13;
const ASYMMETRIC_PAUSE: u32 = 14;

const PORTS: [(u32, &str); 6] = [
    (7, "TP"),
    (8, "AUI"),
    (9, "MII"),
    (10, "FIBRE"),
    (11, "BNC"),
    (16, "Backplane"),
];

/// Megabits per second, how, and by which medium.
#[rustfmt::skip]
const SPEEDS: [(u32, u32, &str, &str); 22] = [
    (0, 10, "half", "T"),
    (1, 10, "full", "T"),
    (2, 100, "half", "T"),
    (3, 100, "full", "T"),
    (4, 1_000, "half", "T"),
    (5, 1_000, "full", "T"),
    (12, 10_000, "full", "T"),
    (17, 1_000, "full", "KX"),
    (18, 10_000, "full", "KX4"),
    (19, 10_000, "full", "KR"),
    (20, 10_000, "full", "R_FEC"),
    (21, 20_000, "full", "MLD2"),
    (22, 20_000, "full", "KR2"),
    (23, 40_000, "full", "KR4"),
    (24, 40_000, "full", "CR4"),
    (25, 40_000, "full", "SR4"),
    (26, 40_000, "full", "LR4"),
    (27, 56_000, "full", "KR4"),
    (28, 56_000, "full", "CR4"),
    (29, 56_000, "full", "SR4"),
    (30, 56_000, "full", "LR4"),
    (31, 25_000, "full", "CR"),
];

/// Where the bits are.
type Modes = fn(&Link) -> u32;

const SUPPORTED: Modes = |link| link.supported;
const ADVERTISED: Modes = |link| link.advertised;

const SPEED_FAMILIES: [(&str, &str, Modes); 2] = [
    (
        "node_network_supported_speed_bytes",
        "Combination of speeds and features supported by network device",
        SUPPORTED,
    ),
    (
        "node_network_advertised_speed_bytes",
        "Combination of speeds and features offered by network device",
        ADVERTISED,
    ),
];

#[rustfmt::skip]
const BIT_FAMILIES: [(&str, &str, Modes, u32); 6] = [
    ("node_network_autonegotiate_supported", "If this port device supports autonegotiate", SUPPORTED, AUTONEGOTIATE),
    ("node_network_pause_supported", "If this port device supports pause frames", SUPPORTED, PAUSE),
    ("node_network_asymmetricpause_supported", "If this port device supports asymmetric pause frames", SUPPORTED, ASYMMETRIC_PAUSE),
    ("node_network_autonegotiate_advertised", "If this port device offers autonegotiate", ADVERTISED, AUTONEGOTIATE),
    ("node_network_pause_advertised", "If this port device offers pause capability", ADVERTISED, PAUSE),
    ("node_network_asymmetricpause_advertised", "If this port device offers asymmetric pause capability", ADVERTISED, ASYMMETRIC_PAUSE),
];

/// Writes what the hardware of the devices can do.
pub(super) fn write(links: &[(&str, Link)], page: &mut Page) {
    use watchpost_model::MetricType::Gauge;
    for (name, help, modes) in SPEED_FAMILIES {
        page.family(name, help, Gauge);
        for (device, link) in links {
            let speeds = SPEEDS.iter().filter(|(bit, ..)| has(modes(link), *bit));
            for (_, megabits, duplex, medium) in speeds {
                let mut series = of(device, page);
                series.label("duplex", duplex);
                series.label("mode", format!("{megabits}base{medium}"));
                series.value(f64::from(*megabits) * 125_000.0);
            }
        }
    }
    let help = "Type of ports or PHYs supported by network device";
    page.family("node_network_supported_port_info", help, Gauge);
    for (device, link) in links {
        for (_, port) in PORTS.iter().filter(|(bit, _)| has(link.supported, *bit)) {
            let mut series = of(device, page);
            series.label("type", port);
            series.digits(b"1");
        }
    }
    for (name, help, modes, bit) in BIT_FAMILIES {
        page.family(name, help, Gauge);
        for (device, link) in links {
            let digits: &[u8] = if has(modes(link), bit) { b"1" } else { b"0" };
            of(device, page).digits(digits);
        }
    }
    let help = "If this port is using autonegotiate";
    page.family("node_network_autonegotiate", help, Gauge);
    for (device, link) in links {
        of(device, page).value(f64::from(link.autonegotiate));
    }
}

fn has(modes: u32, bit: u32) -> bool {
    modes & (1 << bit) != 0
}

fn of<'a>(device: &str, page: &'a mut Page) -> Series<'a> {
    let mut series = page.series("");
    series.label("device", device);
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_speeds_ports_and_abilities() {
        let link = Link {
            supported: 1 | 1 << 6 | 1 << 7 | 1 << 13 | 1 << 31,
            advertised: 1 << 5,
            autonegotiate: 1,
        };
        let mut page = Page::new();
        write(&[("eth0", link)], &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let abilities = [
            "autonegotiate_supported{device=\"eth0\"} 1",
            "pause_supported{device=\"eth0\"} 1",
            "asymmetricpause_supported{device=\"eth0\"} 0",
            "autonegotiate_advertised{device=\"eth0\"} 0",
            "pause_advertised{device=\"eth0\"} 0",
            "asymmetricpause_advertised{device=\"eth0\"} 0",
            "autonegotiate{device=\"eth0\"} 1",
        ];
        let speeds = [
            "supported_speed_bytes{device=\"eth0\",duplex=\"half\",mode=\"10baseT\"} 1.25e+06",
            "supported_speed_bytes{device=\"eth0\",duplex=\"full\",mode=\"25000baseCR\"} 3.125e+09",
            "advertised_speed_bytes{device=\"eth0\",duplex=\"full\",mode=\"1000baseT\"} 1.25e+08",
            "supported_port_info{device=\"eth0\",type=\"TP\"} 1",
        ];
        let expected = speeds.iter().chain(&abilities);
        let expected: Vec<_> = expected
            .map(|line| format!("node_network_{line}"))
            .collect();
        assert_eq!(lines, expected);
    }
}
