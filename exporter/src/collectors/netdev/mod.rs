//! What each network device received and sent: from the kernel by netlink, which costs one
//! question however many devices there are, or from `/proc/net/dev`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::links::{Link, Links};
use super::shared::Shared;
use super::text::Names;
use super::{
    CollectError, Collector, Definition, Filter, Flag, FlagKind, KeptFile, Settings, text,
};

const INCLUDE: Flag = Flag::pattern(
    "netdev.device-include",
    "",
    "Regexp of net devices to include (mutually exclusive to device-exclude).",
);
const EXCLUDE: Flag = Flag::pattern(
    "netdev.device-exclude",
    "",
    "Regexp of net devices to exclude (mutually exclusive to device-include).",
);
const NETLINK: Flag = Flag {
    name: "netdev.netlink",
    help: "Use netlink to gather stats instead of /proc/net/dev.",
    kind: FlagKind::Switch { default: true },
};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "netdev",
    help: "What each network device received and sent.",
    default_on: true,
    flags: &[INCLUDE, EXCLUDE, NETLINK],
    new,
};

/// Name and help of the figures, in the order of the columns of `/proc/net/dev`; the last one is netlink's alone.
#[rustfmt::skip]
const FIGURES: [[&str; 2]; 17] = [
    ["node_network_receive_bytes_total", "Network device statistic receive_bytes."],
    ["node_network_receive_packets_total", "Network device statistic receive_packets."],
    ["node_network_receive_errs_total", "Network device statistic receive_errs."],
    ["node_network_receive_drop_total", "Network device statistic receive_drop."],
    ["node_network_receive_fifo_total", "Network device statistic receive_fifo."],
    ["node_network_receive_frame_total", "Network device statistic receive_frame."],
    ["node_network_receive_compressed_total", "Network device statistic receive_compressed."],
    ["node_network_receive_multicast_total", "Network device statistic receive_multicast."],
    ["node_network_transmit_bytes_total", "Network device statistic transmit_bytes."],
    ["node_network_transmit_packets_total", "Network device statistic transmit_packets."],
    ["node_network_transmit_errs_total", "Network device statistic transmit_errs."],
    ["node_network_transmit_drop_total", "Network device statistic transmit_drop."],
    ["node_network_transmit_fifo_total", "Network device statistic transmit_fifo."],
    ["node_network_transmit_colls_total", "Network device statistic transmit_colls."],
    ["node_network_transmit_carrier_total", "Network device statistic transmit_carrier."],
    ["node_network_transmit_compressed_total", "Network device statistic transmit_compressed."],
    ["node_network_receive_nohandler_total", "Network device statistic receive_nohandler."],
];

/// The columns of `/proc/net/dev`.
const COLUMNS: usize = FIGURES.len() - 1;

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

struct NetDev {
    filter: Filter,
    /// Whether each device is wanted.
    wanted: Names<bool>,
    source: Source,
}

enum Source {
    Netlink(Shared<Links>),
    File(KeptFile),
}

/// A device and its [`FIGURES`].
#[derive(Debug, PartialEq, Eq)]
struct Device {
    name: String,
    figures: [Option<u64>; FIGURES.len()],
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    let source = if settings.switch(&NETLINK) {
        Source::Netlink(settings.links.clone())
    } else {
        Source::File(KeptFile::new(settings.paths.procfs.join("net/dev")))
    };
    let filter = settings.filter(&INCLUDE, &EXCLUDE);
    let wanted = Names::default();
    Box::new(NetDev {
        filter,
        wanted,
        source,
    })
}

impl Collector for NetDev {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut devices = match &mut self.source {
            Source::Netlink(links) => links
                .get(Links::read)?
                .iter()
                .map(|link| of_link(&link))
                .collect(),
            Source::File(file) => {
                file.read()?;
                parse(file.text())
                    .map_err(|line| file.fault("a device and its 16 counters", line))?
            }
        };
        self.wanted.rewind();
        devices.retain(|Device { name, .. }| {
            let lets_through = || self.filter.lets_through(name);
            self.wanted.next([b"", name.as_bytes()], lets_through) == Some(&true)
        });
        write(&devices, page);
        Ok(())
    }
}

fn of_link(link: &Link<'_>) -> Device {
    Device {
        name: String::from_utf8_lossy(link.name).into_owned(),
        figures: PLACES.map(|places| sum(link.stats, places)),
    }
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

/// The lines behind the two of the head. The error is the line at fault.
fn parse(text: &[u8]) -> Result<Vec<Device>, &[u8]> {
    text::lines(text)
        .skip(2)
        .map(|line| device(line).ok_or(line))
        .collect()
}

fn device(line: &[u8]) -> Option<Device> {
    // The name may have a colon of its own: `eth0:1`.
    let colon = line.iter().rposition(|c| *c == b':')?;
    let (name, rest) = line.split_at_checked(colon)?;
    let mut figures = [None; FIGURES.len()];
    let mut words = text::words(rest.get(1..)?);
    for figure in figures.iter_mut().take(COLUMNS) {
        *figure = Some(text::integer(words.next()?)?);
    }
    let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
    Some(Device { name, figures })
}

fn write(devices: &[Device], page: &mut Page) {
    for (at, [name, help]) in FIGURES.into_iter().enumerate() {
        page.family(name, help, MetricType::Counter);
        for device in devices {
            if let Some(Some(value)) = device.figures.get(at) {
                let mut series = page.series("");
                series.label("device", &device.name);
                text::put_integer(series, *value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::links;
    use super::*;

    const DEV: &[u8] = include_bytes!("../../../tests/fixtures/proc/net/dev");

    #[test]
    fn a_line_is_a_device() {
        let devices = parse(DEV).unwrap();
        let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
        assert_eq!(names, ["lo", "ifb0", "ifb1", "eth0"]);
        let mut page = Page::new();
        write(&devices, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        for line in [
            "# HELP node_network_receive_bytes_total Network device statistic receive_bytes.",
            "# TYPE node_network_receive_bytes_total counter",
            "node_network_receive_bytes_total{device=\"eth0\"} 436073460",
            "node_network_receive_packets_total{device=\"eth0\"} 11754",
            "node_network_transmit_bytes_total{device=\"eth0\"} 600418",
            "node_network_transmit_packets_total{device=\"lo\"} 3054",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}");
        }
        assert!(!text.contains("nohandler"));
    }

    #[test]
    fn netlink_and_the_file_agree() {
        let mut links = Links::default();
        links.read().unwrap();
        let by_netlink: Vec<Device> = links.iter().map(|link| of_link(&link)).collect();
        let file = std::fs::read("/proc/net/dev").unwrap();
        let by_file = parse(&file).unwrap();
        let names = |devices: &[Device]| -> Vec<String> {
            let mut names: Vec<_> = devices.iter().map(|device| device.name.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&by_netlink), names(&by_file));
        for (device, later) in by_netlink
            .iter()
            .filter_map(|a| by_file.iter().find(|b| a.name == b.name).map(|b| (a, b)))
        {
            for (now, then) in device.figures.iter().zip(&later.figures).take(COLUMNS) {
                assert!(now <= then, "{device:?} {later:?}");
            }
        }
    }

    #[test]
    fn errors_of_a_kind_are_added_up() {
        let links = links::tests::links(&[&links::tests::eth0()]);
        let devices: Vec<_> = links.iter().map(|link| of_link(&link)).collect();
        let sums = [2, 0, 4, 21, 14, 46, 21, 8, 3, 1, 5, 7, 18, 9, 72, 22, 23];
        let name = "eth0".to_owned();
        let figures = sums.map(Some);
        assert_eq!(devices, [Device { name, figures }]);
    }

    proptest::proptest! {
        #[test]
        fn a_cut_or_garbled_text_does_not_panic(end in 0..DEV.len(), at in 0..DEV.len(), byte: u8) {
            let mut text = DEV.to_vec();
            text[at] = byte;
            text.truncate(end);
            if let Ok(devices) = parse(&text) {
                write(&devices, &mut Page::new());
            }
        }
    }
}
