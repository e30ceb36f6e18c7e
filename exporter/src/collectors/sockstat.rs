//! How many sockets there are of each kind, `/proc/net/sockstat` and `sockstat6`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::text::Names;
use super::{CollectError, Collector, Definition, KeptFile, Settings, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "sockstat",
    help: "How many sockets there are of each kind.",
    default_on: true,
    flags: &[],
    new: |settings| Box::new(SockStat::new(settings)),
};

struct SockStat {
    ipv4: KeptFile,
    ipv6: KeptFile,
    page_size: u64,
    /// Name and help of each figure.
    names: Names<[String; 2]>,
}

impl SockStat {
    fn new(settings: &Settings) -> Self {
        let folder = settings.paths.procfs.join("net");
        Self {
            ipv4: KeptFile::at_once(folder.join("sockstat")),
            ipv6: KeptFile::at_once(folder.join("sockstat6")),
            page_size: rustix::param::page_size() as u64,
            names: Names::default(),
        }
    }
}

impl Collector for SockStat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.names.rewind();
        self.ipv4.read()?;
        let mut table = Table {
            page_size: self.page_size,
            names: &mut self.names,
            page,
        };
        table.write_all(&self.ipv4)?;
        match self.ipv6.read() {
            Ok(_) => table.write_all(&self.ipv6),
            // A kernel without IPv6.
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// From the files to the page.
struct Table<'a> {
    page_size: u64,
    names: &'a mut Names<[String; 2]>,
    page: &'a mut Page,
}

impl Table<'_> {
    fn write_all(&mut self, file: &KeptFile) -> Result<(), CollectError> {
        for line in text::ended_lines(file.text()) {
            self.write(line)
                .ok_or_else(|| file.fault("`TCP: inuse 1 orphan 2`", line))?;
        }
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> Option<()> {
        let (protocol, rest) = text::split_at(line, b':')?;
        let mut words = text::words(rest);
        while let Some(state) = words.next() {
            let value = text::integer(words.next()?)?;
            self.put([protocol, state], value)?;
            if state == b"mem" {
                let bytes = value.checked_mul(self.page_size)?;
                self.put([protocol, b"mem_bytes"], bytes)?;
            }
        }
        Some(())
    }

    fn put(&mut self, key: [&[u8]; 2], value: u64) -> Option<()> {
        let [name, help] = self.names.next(key, || named(key))?;
        self.page.family(name, help, MetricType::Gauge);
        text::put_integer(self.page.series(""), value);
        Some(())
    }
}

/// Name and help of a figure.
fn named(key: [&[u8]; 2]) -> [String; 2] {
    let [protocol, state] = key.map(String::from_utf8_lossy);
    let help = if protocol == "sockets" {
        "Number of IPv4 sockets in use.".to_owned()
    } else {
        format!("Number of {protocol} sockets in state {state}.")
    };
    [format!("node_sockstat_{protocol}_{state}"), help]
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, bears_bad_input};
    use super::*;

    #[test]
    fn states_are_families_and_memory_is_bytes_too() {
        let mut page = Page::new();
        let mut names = Names::default();
        let mut table = Table {
            page_size: 4_096,
            names: &mut names,
            page: &mut page,
        };
        table.write(b"sockets: used 156").unwrap();
        table
            .write(b"TCP: inuse 54 orphan 0 tw 58 alloc 54 mem 23")
            .unwrap();
        assert!(table.write(b"TCP: inuse").is_none());
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "node_sockstat_sockets_used 156",
                "node_sockstat_TCP_inuse 54",
                "node_sockstat_TCP_orphan 0",
                "node_sockstat_TCP_tw 58",
                "node_sockstat_TCP_alloc 54",
                "node_sockstat_TCP_mem 23",
                "node_sockstat_TCP_mem_bytes 94208",
            ]
        );
        assert!(
            text.contains("# HELP node_sockstat_sockets_used Number of IPv4 sockets in use.\n")
        );
    }

    #[test]
    fn a_cut_text_gives_no_other_number() {
        let host = FakeHost::new(&[
            (
                "proc/net/sockstat",
                "sockets: used 156\nUDP: inuse 10 mem 22\n",
            ),
            ("proc/net/sockstat6", "TCP6: inuse 17\n"),
        ]);
        for file in ["sockstat", "sockstat6"] {
            let file = host.root().join("proc/net").join(file);
            bears_bad_input(&DEFINITION, &host.settings(), &file);
            host.write("proc/net/sockstat", "sockets: used 156\n");
        }
    }
}
