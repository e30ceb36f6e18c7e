//! The backends, `/proc/net/ip_vs`: a line for each service, and below it one for each of its
//! backends.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::text;

/// What tells backends apart, in the order of the labels' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label {
    LocalAddress,
    LocalMark,
    LocalPort,
    Proto,
    RemoteAddress,
    RemotePort,
}

impl Label {
    const ALL: [Self; 6] = [
        Self::LocalAddress,
        Self::LocalMark,
        Self::LocalPort,
        Self::Proto,
        Self::RemoteAddress,
        Self::RemotePort,
    ];

    /// The label's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LocalAddress => "local_address",
            Self::LocalMark => "local_mark",
            Self::LocalPort => "local_port",
            Self::Proto => "proto",
            Self::RemoteAddress => "remote_address",
            Self::RemotePort => "remote_port",
        }
    }
}

/// The labels of a list; the error is a name that is none.
pub(super) fn labels(list: &str) -> Result<Vec<Label>, String> {
    let named = |name: &str| {
        let label = Label::ALL.into_iter().find(|label| label.name() == name);
        label.ok_or_else(|| name.to_owned())
    };
    let names = list.split(',').filter(|name| !name.is_empty());
    let mut labels = names.map(named).collect::<Result<Vec<_>, _>>()?;
    labels.sort_unstable();
    labels.dedup();
    Ok(labels)
}

/// A backend, or several that do not differ in the labels that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backend<'a> {
    key: Key<'a>,
    pub(super) weight: u64,
    pub(super) active: u64,
    pub(super) inactive: u64,
}

/// What is not wanted as a label is left empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    local: Address,
    mark: &'a [u8],
    proto: &'a [u8],
    remote: Address,
}

/// An address and its port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    ip: Option<IpAddr>,
    port: u16,
}

impl Backend<'_> {
    /// A label's value, in `memory` where it is not part of the text.
    pub(super) fn label<'a>(&'a self, label: Label, memory: &'a mut String) -> &'a [u8] {
        memory.clear();
        let written = match label {
            Label::Proto => return self.key.proto,
            Label::LocalMark => return self.key.mark,
            Label::LocalAddress => write_ip(self.key.local.ip, memory),
            Label::RemoteAddress => write_ip(self.key.remote.ip, memory),
            Label::LocalPort => write!(memory, "{}", self.key.local.port),
            Label::RemotePort => write!(memory, "{}", self.key.remote.port),
        };
        debug_assert!(written.is_ok(), "a string takes all text");
        memory.as_bytes()
    }
}

fn write_ip(ip: Option<IpAddr>, memory: &mut String) -> std::fmt::Result {
    ip.map_or(Ok(()), |ip| write!(memory, "{}", ip.to_canonical()))
}

/// The backends; those that do not differ in their labels are added up. The error is the line at
/// fault.
pub(super) fn parse<'a>(text: &'a [u8], labels: &[Label]) -> Result<Vec<Backend<'a>>, &'a [u8]> {
    let mut backends: Vec<Backend<'a>> = Vec::new();
    let mut service = Key::default();
    for line in text.split_inclusive(|c| *c == b'\n') {
        // Where the end of the line is cut off, so may be its last number.
        let mut words = text::words(line.strip_suffix(b"\n").ok_or(line)?);
        match words.next() {
            None | Some(b"IP" | b"Prot") => {}
            Some(b"->") => match words.next() {
                Some(b"RemoteAddress:Port") => {}
                remote => {
                    let mut backend = backend(remote, words, service).ok_or(line)?;
                    backend.key = wanted(backend.key, labels);
                    backends.push(backend);
                }
            },
            Some(proto) => service = key(proto, words.next()).ok_or(line)?,
        }
    }
    backends.sort_by_key(|backend| backend.key);
    backends.dedup_by(|next, first| {
        let same = next.key == first.key;
        if same {
            first.weight = first.weight.saturating_add(next.weight);
            first.active = first.active.saturating_add(next.active);
            first.inactive = first.inactive.saturating_add(next.inactive);
        }
        same
    });
    Ok(backends)
}

fn key<'a>(proto: &'a [u8], word: Option<&'a [u8]>) -> Option<Key<'a>> {
    let mut key = Key {
        proto,
        ..Key::default()
    };
    if proto == b"FWM" {
        key.mark = word?;
    } else {
        key.local = address(word?)?;
    }
    Some(key)
}

/// Address, way of forwarding, weight, active and inactive connections.
fn backend<'a>(
    remote: Option<&'a [u8]>,
    words: impl Iterator<Item = &'a [u8]>,
    service: Key<'a>,
) -> Option<Backend<'a>> {
    let remote = address(remote?)?;
    let mut numbers = words.skip(1).map(text::integer);
    Some(Backend {
        key: Key { remote, ..service },
        weight: numbers.next()??,
        active: numbers.next()??,
        inactive: numbers.next()??,
    })
}

fn wanted<'a>(key: Key<'a>, labels: &[Label]) -> Key<'a> {
    let mut wanted = Key::default();
    for label in labels {
        match label {
            Label::LocalAddress => wanted.local.ip = key.local.ip,
            Label::LocalMark => wanted.mark = key.mark,
            Label::LocalPort => wanted.local.port = key.local.port,
            Label::Proto => wanted.proto = key.proto,
            Label::RemoteAddress => wanted.remote.ip = key.remote.ip,
            Label::RemotePort => wanted.remote.port = key.remote.port,
        }
    }
    wanted
}

/// `C0A80016:0CEA`, or an IPv6 address in brackets and a port.
fn address(word: &[u8]) -> Option<Address> {
    let colon = word.iter().rposition(|c| *c == b':')?;
    let (ip, port) = word.split_at_checked(colon)?;
    let port = port.strip_prefix(b":").filter(|port| port.len() == 4)?;
    let ip: IpAddr = if let Some(ip) = ip.strip_prefix(b"[") {
        let ip = std::str::from_utf8(ip.strip_suffix(b"]")?).ok()?;
        ip.parse::<Ipv6Addr>().ok()?.into()
    } else {
        let bits = text::hexadecimal(ip).filter(|_| ip.len() == 8)?;
        Ipv4Addr::from_bits(u32::try_from(bits).ok()?).into()
    };
    let port = u16::try_from(text::hexadecimal(port)?).ok()?;
    Some(Address { ip: Some(ip), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "IP Virtual Server version 1.2.1 (size=4096)\n\
        Prot LocalAddress:Port Scheduler Flags\n  \
        -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
        TCP  C0A80016:0CEA wlc  \n  \
        -> C0A85216:0CEA      Tunnel  100    248        2         \n\
        UDP  [2620:0000:0000:0000:0000:0000:0000:0001]:0050 wlc\n  \
        -> [2620:0000:0000:0000:0000:0000:0000:0004]:0050      Route   1  2  3\n\
        FWM  10001000 wlc\n  \
        -> C0A83120:0CEA      Tunnel  7    321        5\n";

    fn told(list: &str) -> Vec<String> {
        let labels = labels(list).unwrap();
        let mut memory = String::new();
        let backends = parse(TEXT.as_bytes(), &labels).unwrap();
        let line = |backend: &Backend<'_>| {
            let mut line = String::new();
            for label in &labels {
                let value = backend.label(*label, &mut memory);
                line += std::str::from_utf8(value).unwrap();
                line += " ";
            }
            line + &format!("{} {} {}", backend.weight, backend.active, backend.inactive)
        };
        backends.iter().map(line).collect()
    }

    #[test]
    fn a_backend_is_told_with_its_service() {
        assert_eq!(
            told("local_address,local_port,remote_address,remote_port,proto,local_mark"),
            [
                " 10001000 0 FWM 192.168.49.32 3306 7 321 5",
                "192.168.0.22  3306 TCP 192.168.82.22 3306 100 248 2",
                "2620::1  80 UDP 2620::4 80 1 2 3",
            ]
        );
    }

    #[test]
    fn backends_that_differ_in_no_wanted_label_are_added_up() {
        assert_eq!(told(""), ["108 571 10"]);
        assert_eq!(told("remote_port"), ["80 1 2 3", "3306 107 569 7"]);
    }

    #[test]
    fn a_bad_line_is_told() {
        for bad in [
            "TCP\n",
            "TCP C0A80016 wlc\n",
            "TCP C0A800:0CEA wlc\n",
            "-> C0A80016:0CEA Tunnel 1 2\n",
            "-> C0A80016:0CEA Tunnel 1 2 x\n",
            "-> C0A80016:0CEA Tunnel 1 2 3",
            "-> [::1:0050 Route 1 2 3\n",
        ] {
            assert_eq!(parse(bad.as_bytes(), &[]), Err(bad.as_bytes()));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_cut_text_gives_backends_that_there_are(end in 0..TEXT.len()) {
            let whole = parse(TEXT.as_bytes(), &Label::ALL).unwrap();
            for backend in parse(&TEXT.as_bytes()[..end], &Label::ALL).into_iter().flatten() {
                assert!(whole.contains(&backend));
            }
        }

        #[test]
        fn a_cut_or_garbled_text_does_not_panic(
            at in 0..TEXT.len(), byte: u8, end in 0..TEXT.len(),
        ) {
            let mut text = TEXT.as_bytes().to_vec();
            text[at] = byte;
            text.truncate(end);
            let _backends = parse(&text, &Label::ALL);
        }
    }
}
