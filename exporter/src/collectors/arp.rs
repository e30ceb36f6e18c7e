//! How many neighbours are known behind each network device, from the kernel by netlink or from
//! `/proc/net/arp`.

use std::collections::BTreeMap;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::netlink_socket::{NetlinkSocket, Question, u16_at, u32_at};
use super::{
    CollectError, Collector, Definition, Filter, Flag, FlagKind, KeptFile, Settings, text,
};

const INCLUDE: Flag = Flag::pattern(
    "arp.device-include",
    "",
    "Regexp of arp devices to include (mutually exclusive to device-exclude).",
);
const EXCLUDE: Flag = Flag::pattern(
    "arp.device-exclude",
    "",
    "Regexp of arp devices to exclude (mutually exclusive to device-include).",
);
const NETLINK: Flag = Flag {
    name: "arp.netlink",
    help: "Use netlink to gather stats instead of /proc/net/arp.",
    kind: FlagKind::Switch { default: true },
};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "arp",
    help: "How many neighbours are known behind each network device.",
    default_on: true,
    flags: &[INCLUDE, EXCLUDE, NETLINK],
    new,
};

const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;

/// The head of a question or an answer about neighbours, `struct ndmsg`: family, device, state.
const NDMSG: usize = 12;
const AF_INET: u8 = 2;

/// What the kernel knows without asking, such as broadcast addresses; the file leaves it out.
const NUD_NOARP: u16 = 0x40;

struct Arp {
    filter: Filter,
    source: Source,
}

enum Source {
    Netlink(NetlinkSocket),
    File(KeptFile),
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    let source = if settings.switch(&NETLINK) {
        Source::Netlink(NetlinkSocket::new(None))
    } else {
        Source::File(KeptFile::new(settings.paths.procfs.join("net/arp")))
    };
    let filter = settings.filter(&INCLUDE, &EXCLUDE);
    Box::new(Arp { filter, source })
}

impl Collector for Arp {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        page.family("node_arp_entries", "ARP entries by device", Gauge);
        let filter = &self.filter;
        let mut put = |device: &str, entries| {
            if filter.lets_through(device) {
                let mut series = page.series("");
                series.label("device", device);
                text::put_integer(series, entries);
            }
        };
        match &mut self.source {
            Source::Netlink(socket) => {
                let devices = ask(socket);
                let devices = devices
                    .map_err(|error| CollectError::Call(format!("netlink, neighbours: {error}")))?;
                for (index, entries) in devices {
                    // A device may go away in between.
                    if let Ok(device) = socket.device(index) {
                        put(&device, entries);
                    }
                }
            }
            Source::File(file) => {
                file.read()?;
                let devices = count(file.text())
                    .map_err(|line| file.fault("an address and its device in 6 columns", line))?;
                for (device, entries) in devices {
                    put(&String::from_utf8_lossy(device), entries);
                }
            }
        }
        Ok(())
    }
}

/// The neighbours behind each device, which stands there by its number.
fn ask(socket: &mut NetlinkSocket) -> std::io::Result<BTreeMap<u32, u64>> {
    let mut body = [0; NDMSG];
    body[0] = AF_INET;
    let mut devices = BTreeMap::new();
    socket.ask(RTM_GETNEIGH, Question::All, &body, |kind, body| {
        if let (RTM_NEWNEIGH, Some(device)) = (kind, neighbour(body)) {
            *devices.entry(device).or_default() += 1;
        }
    })?;
    Ok(devices)
}

/// The device of a neighbour that counts.
fn neighbour(body: &[u8]) -> Option<u32> {
    let ipv4 = body.first() == Some(&AF_INET);
    let asked_for = u16_at(body, 8)? & NUD_NOARP == 0;
    u32_at(body, 4).filter(|_| ipv4 && asked_for)
}

/// The neighbours behind each device, below the line of the head. The error is the line at fault.
fn count(text: &[u8]) -> Result<BTreeMap<&[u8], u64>, &[u8]> {
    let mut devices = BTreeMap::new();
    for line in text.split_inclusive(|c| *c == b'\n').skip(1) {
        // The device stands last: without the end of the line it may be cut.
        let words = line.strip_suffix(b"\n").map(text::words);
        let mut words = words.ok_or(line)?;
        let device = words.nth(5).filter(|_| words.next().is_none());
        *devices.entry(device.ok_or(line)?).or_default() += 1;
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARP: &str = "IP address       HW type     Flags       HW address            Mask     Device\n\
        192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth1\n\
        192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        eth0\n\
        192.0.2.3        0x1         0x2         02:fc:00:00:00:07     *        eth1\n";

    #[test]
    fn the_neighbours_behind_each_device_are_counted() {
        let devices = count(ARP.as_bytes()).unwrap();
        let devices: Vec<_> = devices.into_iter().collect();
        assert_eq!(devices, [(&b"eth0"[..], 1), (&b"eth1"[..], 2)]);
    }

    #[test]
    fn a_line_of_other_columns_is_told() {
        for bad in [
            "192.0.2.1 0x1 0x2 02:fc:00:00:00:05 eth0\n",
            "\n",
            "1 2 3 4 5 6 7\n",
        ] {
            let text = format!("{ARP}{bad}");
            assert_eq!(count(text.as_bytes()), Err(bad.as_bytes()));
        }
    }

    #[test]
    fn what_the_kernel_knows_without_asking_does_not_count() {
        let body = |family: u8, state: u16| {
            let mut body = [0; NDMSG];
            body[0] = family;
            body[4..8].copy_from_slice(&3_u32.to_ne_bytes());
            body[8..10].copy_from_slice(&state.to_ne_bytes());
            body
        };
        assert_eq!(neighbour(&body(AF_INET, 2)), Some(3));
        assert_eq!(neighbour(&body(AF_INET, NUD_NOARP)), None);
        assert_eq!(neighbour(&body(10, 2)), None);
        assert_eq!(neighbour(&[AF_INET, 0, 0]), None);
    }

    fn by_netlink() -> BTreeMap<Vec<u8>, u64> {
        let mut socket = NetlinkSocket::new(None);
        let devices = ask(&mut socket).unwrap().into_iter();
        devices
            .map(|(index, entries)| (socket.device(index).unwrap().into_bytes(), entries))
            .collect()
    }

    fn by_file() -> BTreeMap<Vec<u8>, u64> {
        let file = std::fs::read("/proc/net/arp").unwrap();
        let devices = count(&file).unwrap().into_iter();
        devices
            .map(|(device, entries)| (device.to_vec(), entries))
            .collect()
    }

    #[test]
    fn netlink_and_the_file_agree() {
        // Neighbours come and go in between.
        let agree = (0..100).any(|_| by_netlink() == by_file());
        assert!(agree, "{:?} {:?}", by_netlink(), by_file());
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_devices_that_there_are(end in 0..ARP.len()) {
            let whole = count(ARP.as_bytes()).unwrap();
            for (device, entries) in count(&ARP.as_bytes()[..end]).into_iter().flatten() {
                assert!(whole.get(device).is_some_and(|all| entries <= *all));
            }
        }

        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            let _devices = count(&text);
        }
    }
}
