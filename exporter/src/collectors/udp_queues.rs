//! How many bytes wait in UDP sockets, `/proc/net/udp` and `udp6`.

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "udp_queues",
    help: "How many bytes wait in UDP sockets.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(UdpQueues::new(settings)),
};

/// Each file, its label, and where the number of sockets stands that it lists.
#[rustfmt::skip]
const FILES: [(&str, &str, &str, &[u8]); 2] = [
    ("net/udp", "v4", "net/sockstat", b"UDP: inuse 0 "),
    ("net/udp6", "v6", "net/sockstat6", b"UDP6: inuse 0"),
];

/// The place of `tx_queue:rx_queue` among a line's words.
const QUEUES: usize = 4;

struct UdpQueues {
    files: [Sockets; FILES.len()],
}

/// The sockets of one kind of address.
struct Sockets {
    ip: &'static str,
    table: KeptFile,
    /// Tells how many sockets the table has, at a hundredth of the cost: to list them the kernel
    /// goes through all places of a table that is made for the memory that the host has.
    number: KeptFile,
    /// The line of none.
    none: &'static [u8],
}

/// Bytes to be sent and bytes that were received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Queues {
    tx: u64,
    rx: u64,
}

impl UdpQueues {
    fn new(settings: &Settings) -> Self {
        let procfs = &settings.paths.procfs;
        let files = FILES.map(|(table, ip, number, none)| Sockets {
            ip,
            table: KeptFile::rows(procfs.join(table)),
            number: KeptFile::at_once(procfs.join(number)),
            none,
        });
        Self { files }
    }
}

impl Collector for UdpQueues {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        page.family(
            "node_udp_queues",
            "Number of allocated memory in the kernel for UDP datagrams in bytes.",
            Gauge,
        );
        let mut found = false;
        for sockets in &mut self.files {
            let queues = match sockets.queues() {
                Ok(queues) => queues,
                // A kernel without this kind of address.
                Err(error) if error.is_missing() => continue,
                Err(error) => return Err(error),
            };
            found = true;
            for (queue, bytes) in [("rx", queues.rx), ("tx", queues.tx)] {
                let mut series = page.series("");
                series.label("ip", sockets.ip).label("queue", queue);
                text::put_integer(series, bytes);
            }
        }
        let none = CollectError::NoData("the kernel has no UDP");
        if found { Ok(()) } else { Err(none) }
    }
}

impl Sockets {
    fn queues(&mut self) -> Result<Queues, CollectError> {
        let number = self.number.read().unwrap_or_default();
        let is_none = text::ended_lines(number).any(|line| line.starts_with(self.none));
        if is_none && self.number.is_of_the_kernel() {
            return Ok(Queues::default());
        }
        self.table.read()?;
        sum(self.table.text())
            .map_err(|line| self.table.fault("a socket with `tx_queue:rx_queue`", line))
    }
}

/// The sums over all sockets. The error is the line at fault.
fn sum(text: &[u8]) -> Result<Queues, &[u8]> {
    let mut sum = Queues::default();
    for line in text::lines(text).skip(1) {
        let queues = socket(line).ok_or(line)?;
        sum.tx = sum.tx.saturating_add(queues.tx);
        sum.rx = sum.rx.saturating_add(queues.rx);
    }
    Ok(sum)
}

fn socket(line: &[u8]) -> Option<Queues> {
    let mut words = text::words(line).skip(QUEUES);
    let (tx, rx) = text::split_at(words.next()?, b':')?;
    // What follows shows that the queues are whole.
    words.next()?;
    Some(Queues {
        tx: text::hexadecimal(tx)?,
        rx: text::hexadecimal(rx)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Paths;
    use super::*;

    const UDP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n   \
        7: 00000000:0044 00000000:0000 07 00000015:00000001 00:00000000 00000000 0 0 2740\n  \
        99: 0100007F:0143 00000000:0000 07 00000001:0000FF00 00:00000000 00000000 0 0 2741\n";

    fn collect(files: &[(&str, &str)]) -> (Result<(), CollectError>, String) {
        let procfs = tempfile::tempdir().unwrap();
        std::fs::create_dir(procfs.path().join("net")).unwrap();
        for (file, text) in files {
            std::fs::write(procfs.path().join("net").join(file), text).unwrap();
        }
        let settings = Settings::new(Paths {
            procfs: procfs.path().to_owned(),
            ..Paths::default()
        });
        let mut page = Page::new();
        let result = UdpQueues::new(&settings).collect(&mut page);
        (result, String::from_utf8(page.finish().to_vec()).unwrap())
    }

    #[test]
    fn the_queues_of_all_sockets_are_added_up() {
        let (result, text) = collect(&[("udp", UDP), ("udp6", "  sl  local_address\n")]);
        result.unwrap();
        let values: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            values,
            [
                "node_udp_queues{ip=\"v4\",queue=\"rx\"} 65281",
                "node_udp_queues{ip=\"v4\",queue=\"tx\"} 22",
                "node_udp_queues{ip=\"v6\",queue=\"rx\"} 0",
                "node_udp_queues{ip=\"v6\",queue=\"tx\"} 0",
            ]
        );
    }

    #[test]
    fn this_hosts_number_of_sockets_and_its_table_agree() {
        let mut collector = UdpQueues::new(&Settings::default());
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.send_to(b"unread", socket.local_addr().unwrap())
            .unwrap();
        let [ipv4, _] = &mut collector.files;
        assert!(ipv4.queues().unwrap().rx > 0);
        ipv4.none = b"UDP: inuse ";
        assert_eq!(ipv4.queues().unwrap(), Queues::default());
        ipv4.number = KeptFile::new("/nonexistent");
        assert!(ipv4.queues().unwrap().rx > 0, "no number: the table");
    }

    #[test]
    fn one_kind_of_address_is_enough_and_none_is_no_data() {
        let (result, text) = collect(&[("udp6", UDP)]);
        result.unwrap();
        assert!(text.contains("ip=\"v6\"") && !text.contains("ip=\"v4\""));
        let (result, _) = collect(&[]);
        assert!(matches!(result, Err(CollectError::NoData(_))));
    }

    #[test]
    fn a_line_without_queues_is_told() {
        let (result, _) = collect(&[("udp", "head\n 7: 1 2 07 nonsense 0\n")]);
        let error = result.unwrap_err().to_string();
        assert!(error.contains("net/udp`: expected a socket"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_whole_sockets_or_an_error(end in 0..UDP.len()) {
            let wholes = [(0, 0), (0x15, 1), (0x16, 0xff01)];
            if let Ok(queues) = sum(&UDP.as_bytes()[..end]) {
                assert!(wholes.contains(&(queues.tx, queues.rx)), "{queues:?}");
            }
        }

        #[test]
        fn any_bytes_do_not_panic(text: Vec<u8>) {
            let _sum = sum(&text);
        }
    }
}
