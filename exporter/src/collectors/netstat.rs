//! What the network protocols count, `/proc/net/netstat`, `snmp` and `snmp6`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::text::Names;
use super::{CollectError, Collector, Definition, Flag, KeptFile, Pattern, Settings, text};

const FIELDS: Flag = Flag::pattern(
    "netstat.fields",
    "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|\
     TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|\
     Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|\
     Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$",
    "Regexp of fields to return for netstat collector.",
);

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "netstat",
    help: "What the network protocols count.",
    default_on: true,
    flags: &[FIELDS],
    new: |settings| Box::new(NetStat::new(settings)),
};

struct NetStat {
    /// Two tables of pairs of lines.
    tables: [KeptFile; 2],
    /// One of a name and a value a line.
    ipv6: KeptFile,
    fields: Option<Pattern>,
    /// What the values of each pair of lines are called.
    pairs: Names<Vec<Option<Family>>>,
    /// What each line of `ipv6` is called.
    lines: Names<Option<Family>>,
}

/// Name and help of a field that is wanted.
type Family = [String; 2];

impl NetStat {
    fn new(settings: &Settings) -> Self {
        let file = |name| KeptFile::at_once(settings.paths.procfs.join("net").join(name));
        Self {
            tables: ["netstat", "snmp"].map(file),
            ipv6: file("snmp6"),
            fields: settings.pattern(&FIELDS),
            pairs: Names::default(),
            lines: Names::default(),
        }
    }
}

impl Collector for NetStat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.pairs.rewind();
        self.lines.rewind();
        let fields = self.fields.as_ref();
        for file in &mut self.tables {
            file.read()?;
            write_pairs(file.text(), fields, &mut self.pairs, page)
                .ok_or_else(|| file.fault("pairs of lines, names and values", file.text()))?;
        }
        match self.ipv6.read() {
            Ok(_) => {}
            // A kernel without IPv6.
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
        for line in text::ended_lines(self.ipv6.text()) {
            write_ipv6(line, fields, &mut self.lines, page)
                .ok_or_else(|| self.ipv6.fault("a name and an integer", line))?;
        }
        Ok(())
    }
}

/// `Ip: Forwarding DefaultTTL` and below it `Ip: 1 64`.
fn write_pairs(
    text: &[u8],
    fields: Option<&Pattern>,
    pairs: &mut Names<Vec<Option<Family>>>,
    page: &mut Page,
) -> Option<()> {
    let mut lines = text::ended_lines(text);
    while let Some(names) = lines.next() {
        let (protocol, names) = text::split_at(names, b':')?;
        let (below, values) = text::split_at(lines.next()?, b':')?;
        if below != protocol {
            return None;
        }
        let made = || {
            let words = text::words(names);
            words.map(|name| family(protocol, name, fields)).collect()
        };
        let families = pairs.next([protocol, names], made)?;
        let mut values = text::words(values);
        for family in families {
            let value = values.next()?;
            if let Some(family) = family {
                write(family, value, page)?;
            }
        }
        if values.next().is_some() {
            return None;
        }
    }
    Some(())
}

/// `Ip6InOctets 12`: the protocol ends with its first 6. A line without one is none of ours.
fn write_ipv6(
    line: &[u8],
    fields: Option<&Pattern>,
    lines: &mut Names<Option<Family>>,
    page: &mut Page,
) -> Option<()> {
    let mut words = text::words(line);
    let key = words.next()?;
    let made = || {
        let end = key.iter().position(|c| *c == b'6')?;
        let (protocol, name) = key.split_at_checked(end + 1)?;
        family(protocol, name, fields)
    };
    match lines.next([b"", key], made)? {
        Some(family) => write(family, words.next()?, page),
        None => Some(()),
    }
}

fn family(protocol: &[u8], name: &[u8], fields: Option<&Pattern>) -> Option<Family> {
    let protocol = std::str::from_utf8(protocol).ok()?;
    let name = std::str::from_utf8(name).ok()?;
    let key = format!("{protocol}_{name}");
    let wanted = fields.is_none_or(|fields| fields.occurs_in(&key));
    wanted.then(|| {
        [
            format!("node_netstat_{key}"),
            format!("Statistic {protocol}{name}."),
        ]
    })
}

fn write([name, help]: &Family, value: &[u8], page: &mut Page) -> Option<()> {
    if !text::is_whole(value) {
        return None;
    }
    page.family(name, help, MetricType::Unknown);
    page.series("").digits(value);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::fake_host::{FakeHost, bears_bad_input};
    use super::*;

    const SNMP: &[u8] =
        b"Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: MaxConn ActiveOpens\nTcp: -1 3556\n";

    fn page(snmp: &[u8], fields: Option<&Pattern>) -> Option<String> {
        let mut page = Page::new();
        write_pairs(snmp, fields, &mut Names::default(), &mut page)?;
        let ipv6 = b"Ip6InOctets                     \t12";
        write_ipv6(ipv6, fields, &mut Names::default(), &mut page)?;
        String::from_utf8(page.finish().to_vec()).ok()
    }

    #[test]
    fn values_stand_below_their_names() {
        let pattern = Settings::default().pattern(&FIELDS);
        let text = page(SNMP, pattern.as_ref()).unwrap();
        assert!(text.starts_with(
            "# HELP node_netstat_Ip_Forwarding Statistic IpForwarding.\n\
             # TYPE node_netstat_Ip_Forwarding untyped\nnode_netstat_Ip_Forwarding 1\n"
        ));
        assert!(text.contains("\nnode_netstat_Tcp_ActiveOpens 3556\n"));
        assert!(text.ends_with("\nnode_netstat_Ip6_InOctets 12\n"));
        assert_eq!(text.matches("# TYPE").count(), 3);
        assert!(
            page(SNMP, None)
                .unwrap()
                .contains("\nnode_netstat_Tcp_MaxConn -1\n")
        );
    }

    #[test]
    fn a_name_without_a_value_is_a_fault() {
        for text in [
            "Ip: A B\nIp: 1\n",
            "Ip: A\nIp: 1 2\n",
            "Ip: A\nTcp: 1\n",
            "Ip: A\n",
        ] {
            assert_eq!(page(text.as_bytes(), None), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_cut_or_garbled_text_does_not_panic(end in 0..SNMP.len(), at in 0..SNMP.len(), byte: u8) {
            let mut text = SNMP.to_vec();
            text[at] = byte;
            text.truncate(end);
            if let Some(page) = page(&text, None) {
                assert!(page.matches("# TYPE").count() <= 6);
            }
        }
    }

    #[test]
    fn a_cut_text_gives_no_other_number() {
        let snmp = "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: MaxConn ActiveOpens\nTcp: -1 3556\n";
        let netstat = "IpExt: InOctets OutOctets\nIpExt: 6286396970 2786264347\n";
        let snmp6 = "Ip6InOctets    \t460\nUdp6OutDatagrams  \t128\n";
        for file in ["netstat", "snmp", "snmp6"] {
            let host = FakeHost::new(&[
                ("proc/net/netstat", netstat),
                ("proc/net/snmp", snmp),
                ("proc/net/snmp6", snmp6),
            ]);
            let file = host.root().join("proc/net").join(file);
            bears_bad_input(&DEFINITION, &host.settings(), &file);
        }
    }
}
