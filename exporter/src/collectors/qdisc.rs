//! What each network device's queue sent, dropped and holds, from the kernel by netlink,
//! tc(8).

use std::path::PathBuf;

use serde::Deserialize;
use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::netlink_socket::{self, NetlinkSocket, Question, attributes, u32_at, u64_at};
use super::{
    CollectError, Collector, Definition, Filter, Flag, FlagKind, KeptFile, Settings, text,
};

const INCLUDE: Flag = Flag::pattern(
    "qdisc.device-include",
    "",
    "Regexp of qdisc devices to include (mutually exclusive to device-exclude).",
);
const EXCLUDE: Flag = Flag::pattern(
    "qdisc.device-exclude",
    "",
    "Regexp of qdisc devices to exclude (mutually exclusive to device-include).",
);
const FIXTURES: Flag = Flag {
    name: "qdisc.fixtures",
    help: "Test fixtures to use for qdisc collector end-to-end testing.",
    kind: FlagKind::Text { default: "" },
};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "qdisc",
    help: "What each network device's queue sent, dropped and holds.",
    default_on: false,
    flags: &[INCLUDE, EXCLUDE, FIXTURES],
    new,
};

type Figure = fn(&Queue) -> u64;

#[rustfmt::skip]
const FAMILIES: [(&str, &str, MetricType, Figure); 7] = [
    ("node_qdisc_bytes_total", "Number of bytes sent.", Counter, |q| q.bytes),
    ("node_qdisc_packets_total", "Number of packets sent.", Counter, |q| q.packets),
    ("node_qdisc_drops_total", "Number of packets dropped.", Counter, |q| q.drops),
    ("node_qdisc_requeues_total", "Number of packets dequeued, not transmitted, and requeued.", Counter, |q| q.requeues),
    ("node_qdisc_overlimits_total", "Number of overlimit packets.", Counter, |q| q.overlimits),
    ("node_qdisc_current_queue_length", "Number of packets currently in queue to be sent.", Gauge, |q| q.length),
    ("node_qdisc_backlog", "Number of bytes currently in queue to be sent.", Gauge, |q| q.backlog),
];

const RTM_NEWQDISC: u16 = 36;
const RTM_GETQDISC: u16 = 38;

/// The head of a question or an answer, `struct tcmsg`: the device at 4, the parent at 12.
const TCMSG: usize = 20;
const TC_H_ROOT: u32 = u32::MAX;

const TCA_KIND: u16 = 1;
const TCA_STATS2: u16 = 7;
const TCA_STATS_BASIC: u16 = 1;
const TCA_STATS_QUEUE: u16 = 3;
const TCA_STATS_PKT64: u16 = 8;

struct Qdisc {
    filter: Filter,
    source: Source,
}

enum Source {
    Netlink(NetlinkSocket),
    File(KeptFile),
}

/// The queue of a device, or one below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Queue {
    #[serde(rename = "IfaceName")]
    device: String,
    kind: String,
    /// 0 for a device's own.
    parent: u32,
    bytes: u64,
    packets: u64,
    drops: u64,
    requeues: u64,
    overlimits: u64,
    #[serde(rename = "Qlen")]
    length: u64,
    backlog: u64,
}

fn new(settings: &Settings) -> Box<dyn Collector> {
    let source = match settings.text(&FIXTURES) {
        "" => Source::Netlink(NetlinkSocket::new(None)),
        folder => Source::File(KeptFile::new(PathBuf::from(folder).join("results.json"))),
    };
    let filter = settings.filter(&INCLUDE, &EXCLUDE);
    Box::new(Qdisc { filter, source })
}

impl Collector for Qdisc {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut queues = match &mut self.source {
            Source::Netlink(socket) => ask(socket)
                .map_err(|error| CollectError::Call(format!("netlink, queues: {error}")))?,
            Source::File(file) => {
                file.read()?;
                let queues = serde_json::from_slice(file.text());
                queues.map_err(|_| file.fault("a list of queues", file.text()))?
            }
        };
        queues.retain(|queue| queue.parent == 0 && self.filter.lets_through(&queue.device));
        for (name, help, metric_type, figure) in FAMILIES {
            page.family(name, help, metric_type);
            for queue in &queues {
                let mut series = page.series("");
                series.label("device", &queue.device);
                series.label("kind", &queue.kind);
                text::put_integer(series, figure(queue));
            }
        }
        Ok(())
    }
}

/// The devices' own queues.
fn ask(socket: &mut NetlinkSocket) -> std::io::Result<Vec<Queue>> {
    let mut found = Vec::new();
    socket.ask(RTM_GETQDISC, Question::All, &[0; TCMSG], |kind, body| {
        if kind == RTM_NEWQDISC {
            found.extend(queue(body));
        }
    })?;
    let named = |(index, queue)| {
        // A device may go away in between.
        let device = socket.device(index).ok()?;
        Some(Queue { device, ..queue })
    };
    Ok(found.into_iter().filter_map(named).collect())
}

/// The number of a device and its own queue.
fn queue(body: &[u8]) -> Option<(u32, Queue)> {
    let index = u32_at(body, 4)?;
    if u32_at(body, 12)? != TC_H_ROOT {
        return None;
    }
    let mut queue = Queue::default();
    for (kind, value) in attributes(body.get(TCMSG..)?) {
        match kind {
            TCA_KIND => queue.kind = netlink_socket::text(value),
            TCA_STATS2 => queue.read(value)?,
            _ => {}
        }
    }
    Some((index, queue))
}

impl Queue {
    fn read(&mut self, statistics: &[u8]) -> Option<()> {
        let mut packets = None;
        for (kind, value) in attributes(statistics) {
            let figure = |place: usize| u32_at(value, place * 4).map(u64::from);
            match kind {
                TCA_STATS_BASIC => {
                    self.bytes = u64_at(value, 0)?;
                    self.packets = figure(2)?;
                }
                // In 64 bits, where 32 do not suffice.
                TCA_STATS_PKT64 => packets = Some(u64_at(value, 0)?),
                TCA_STATS_QUEUE => {
                    self.length = figure(0)?;
                    self.backlog = figure(1)?;
                    self.drops = figure(2)?;
                    self.requeues = figure(3)?;
                    self.overlimits = figure(4)?;
                }
                _ => {}
            }
        }
        self.packets = packets.unwrap_or(self.packets);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::netlink_socket::attribute;
    use super::*;

    fn body(parent: u32) -> Vec<u8> {
        let mut body = vec![0; TCMSG];
        body[4..8].copy_from_slice(&3_u32.to_ne_bytes());
        body[12..16].copy_from_slice(&parent.to_ne_bytes());
        let basic = [&7_u64.to_ne_bytes()[..], &8_u32.to_ne_bytes()[..]].concat();
        let queue: Vec<u8> = (1..=5_u32).flat_map(u32::to_ne_bytes).collect();
        let statistics = [
            attribute(TCA_STATS_BASIC, &basic),
            attribute(TCA_STATS_QUEUE, &queue),
        ];
        body.extend(attribute(TCA_KIND, b"fq_codel\0"));
        body.extend(attribute(TCA_STATS2, &statistics.concat()));
        body
    }

    #[test]
    fn a_devices_own_queue_is_read_and_one_below_it_is_not() {
        let expected = Queue {
            kind: "fq_codel".to_owned(),
            bytes: 7,
            packets: 8,
            length: 1,
            backlog: 2,
            drops: 3,
            requeues: 4,
            overlimits: 5,
            ..Queue::default()
        };
        assert_eq!(queue(&body(TC_H_ROOT)), Some((3, expected)));
        assert_eq!(queue(&body(0x10000)), None);
    }

    #[test]
    fn the_kernel_tells_the_queue_of_each_device_once() {
        let queues = ask(&mut NetlinkSocket::new(None)).unwrap();
        let mut devices: Vec<_> = queues.iter().map(|queue| &queue.device).collect();
        devices.sort();
        devices.dedup();
        assert_eq!(devices.len(), queues.len(), "{queues:?}");
        assert!(queues.iter().all(|queue| !queue.kind.is_empty()));
    }

    #[test]
    fn a_list_in_a_file_is_filtered_by_device() {
        let folder = tempfile::tempdir().unwrap();
        let list = r#"[{"IfaceName": "eth0", "Kind": "fq", "Bytes": 9, "Qlen": 2},
            {"IfaceName": "eth0", "Kind": "fq_codel", "Parent": 5}, {"IfaceName": "lo"}]"#;
        std::fs::write(folder.path().join("results.json"), list).unwrap();
        let mut settings = Settings::default();
        let fixtures = folder.path().to_str().unwrap().to_owned();
        settings.set(&FIXTURES, vec![fixtures]).unwrap();
        settings.set(&EXCLUDE, vec!["lo".to_owned()]).unwrap();
        let mut page = Page::new();
        new(&settings).collect(&mut page).unwrap();
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert_eq!(
            text.lines().filter(|line| !line.starts_with('#')).count(),
            7
        );
        for line in [
            "node_qdisc_bytes_total{device=\"eth0\",kind=\"fq\"} 9",
            "node_qdisc_current_queue_length{device=\"eth0\",kind=\"fq\"} 2",
        ] {
            assert!(text.lines().any(|have| have == line), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn garbled_messages_do_not_panic(at in 0..100_usize, byte: u8, end in 0..120_usize) {
            let mut body = body(TC_H_ROOT);
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            body.truncate(end);
            let _queue = queue(&body);
        }
    }
}
