//! How many sockets there are of each kind, `/proc/net/sockstat` and `sockstat6`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

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
}

impl SockStat {
    fn new(settings: &Settings) -> Self {
        let folder = settings.paths.procfs.join("net");
        Self {
            ipv4: KeptFile::new(folder.join("sockstat")),
            ipv6: KeptFile::new(folder.join("sockstat6")),
            page_size: rustix::param::page_size() as u64,
        }
    }
}

impl Collector for SockStat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.ipv4.read()?;
        collect(&self.ipv4, self.page_size, page)?;
        match self.ipv6.read() {
            Ok(_) => collect(&self.ipv6, self.page_size, page),
            // A kernel without IPv6.
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn collect(file: &KeptFile, page_size: u64, page: &mut Page) -> Result<(), CollectError> {
    for line in text::lines(file.text()) {
        write(line, page_size, page).ok_or_else(|| file.fault("`TCP: inuse 1 orphan 2`", line))?;
    }
    Ok(())
}

/// A protocol, and pairs of a state and a number. Memory is in pages.
fn write(line: &[u8], page_size: u64, page: &mut Page) -> Option<()> {
    let (protocol, rest) = text::split_at(line, b':')?;
    let protocol = std::str::from_utf8(protocol).ok()?;
    let mut words = text::words(rest);
    while let Some(state) = words.next() {
        let state = std::str::from_utf8(state).ok()?;
        let value = text::integer(words.next()?)?;
        put(protocol, state, value, page);
        if state == "mem" {
            put(protocol, "mem_bytes", value.checked_mul(page_size)?, page);
        }
    }
    Some(())
}

fn put(protocol: &str, state: &str, value: u64, page: &mut Page) {
    let help = if protocol == "sockets" {
        "Number of IPv4 sockets in use.".to_owned()
    } else {
        format!("Number of {protocol} sockets in state {state}.")
    };
    let name = format!("node_sockstat_{protocol}_{state}");
    page.family(&name, &help, MetricType::Gauge);
    text::put_integer(page.series(""), value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_families_and_memory_is_bytes_too() {
        let mut page = Page::new();
        write(b"sockets: used 156", 4_096, &mut page).unwrap();
        write(
            b"TCP: inuse 54 orphan 0 tw 58 alloc 54 mem 23",
            4_096,
            &mut page,
        )
        .unwrap();
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
        assert!(write(b"TCP: inuse", 4_096, &mut page).is_none());
    }
}
