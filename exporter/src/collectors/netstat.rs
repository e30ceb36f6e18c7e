//! What the network protocols count, `/proc/net/netstat`, `snmp` and `snmp6`.

use watchpost_model::MetricType;
use watchpost_model::text::Page;

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
    /// Two tables of pairs of lines, and one of a name and a value a line.
    tables: [KeptFile; 2],
    ipv6: KeptFile,
    fields: Option<Pattern>,
    /// Whether the fields are wanted, in the order in which the files name them.
    wanted: Vec<bool>,
}

impl NetStat {
    fn new(settings: &Settings) -> Self {
        let file = |name| KeptFile::new(settings.paths.procfs.join("net").join(name));
        Self {
            tables: ["netstat", "snmp"].map(file),
            ipv6: file("snmp6"),
            fields: settings.pattern(&FIELDS),
            wanted: Vec::new(),
        }
    }
}

/// A value with its protocol and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field<'a> {
    protocol: &'a str,
    name: &'a str,
    value: &'a [u8],
}

impl Collector for NetStat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut fields = Vec::new();
        for file in &mut self.tables {
            file.read()?;
            pairs(file.text(), &mut fields)
                .ok_or_else(|| file.fault("pairs of lines, names and values", file.text()))?;
        }
        match self.ipv6.read() {
            Ok(_) => {}
            // A kernel without IPv6.
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
        fields.extend(text::lines(self.ipv6.text()).filter_map(ipv6));
        if self.wanted.len() != fields.len() {
            let wanted = |field: &Field<'_>| is_wanted(field, self.fields.as_ref());
            self.wanted = fields.iter().map(wanted).collect();
        }
        let fields = fields.iter().zip(&self.wanted);
        for (field, _) in fields.filter(|(_, wanted)| **wanted) {
            write(field, page);
        }
        Ok(())
    }
}

/// `Tcp: ActiveOpens ...` and below it `Tcp: 12 ...`.
fn pairs<'a>(text: &'a [u8], fields: &mut Vec<Field<'a>>) -> Option<()> {
    let mut lines = text::lines(text);
    while let Some(names) = lines.next() {
        let (protocol, names) = text::split_at(names, b':')?;
        let (below, values) = text::split_at(lines.next()?, b':')?;
        if below != protocol || text::words(names).count() != text::words(values).count() {
            return None;
        }
        let protocol = std::str::from_utf8(protocol).ok()?;
        for (name, value) in text::words(names).zip(text::words(values)) {
            let name = std::str::from_utf8(name).ok()?;
            text::number(value)?;
            fields.push(Field {
                protocol,
                name,
                value,
            });
        }
    }
    Some(())
}

/// `Ip6InOctets 12`: the protocol ends with the 6.
fn ipv6(line: &[u8]) -> Option<Field<'_>> {
    let mut words = text::words(line);
    let key = std::str::from_utf8(words.next()?).ok()?;
    let value = words.next().filter(|word| text::is_integer(word))?;
    let (protocol, name) = key.split_at_checked(key.find('6')? + 1)?;
    Some(Field {
        protocol,
        name,
        value,
    })
}

fn is_wanted(field: &Field<'_>, fields: Option<&Pattern>) -> bool {
    let key = format!("{}_{}", field.protocol, field.name);
    fields.is_none_or(|fields| fields.occurs_in(&key))
}

fn write(field: &Field<'_>, page: &mut Page) {
    let Field {
        protocol,
        name,
        value,
    } = field;
    page.family(
        &format!("node_netstat_{protocol}_{name}"),
        &format!("Statistic {protocol}{name}."),
        MetricType::Unknown,
    );
    page.series("").digits(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNMP: &[u8] =
        b"Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: MaxConn ActiveOpens\nTcp: -1 3556\n";

    #[test]
    fn values_stand_below_their_names() {
        let mut fields = Vec::new();
        pairs(SNMP, &mut fields).unwrap();
        assert_eq!(fields.len(), 4);
        fields.push(ipv6(b"Ip6InOctets                     \t12").unwrap());
        let pattern = Settings::default().pattern(&FIELDS);
        fields.retain(|field| is_wanted(field, pattern.as_ref()));
        let mut page = Page::new();
        for field in &fields {
            write(field, &mut page);
        }
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        assert!(text.starts_with(
            "# HELP node_netstat_Ip_Forwarding Statistic IpForwarding.\n\
             # TYPE node_netstat_Ip_Forwarding untyped\nnode_netstat_Ip_Forwarding 1\n"
        ));
        assert!(text.contains("\nnode_netstat_Tcp_ActiveOpens 3556\n"));
        assert!(text.ends_with("\nnode_netstat_Ip6_InOctets 12\n"));
        assert_eq!(fields.len(), 3);
    }

    proptest::proptest! {
        #[test]
        fn a_cut_or_garbled_text_does_not_panic(end in 0..SNMP.len(), at in 0..SNMP.len(), byte: u8) {
            let mut text = SNMP.to_vec();
            text[at] = byte;
            text.truncate(end);
            if pairs(&text, &mut Vec::new()).is_some() {
                assert!(text::lines(&text).filter_map(ipv6).count() < 2);
            }
        }
    }
}
