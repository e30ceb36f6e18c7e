//! How a time server on this host sees its clock, by one packet of the network time protocol. Only
//! a server on a loopback address is asked, unless the user certifies that it is a local one.

mod packet;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use jiff::Timestamp;
use watchpost_model::MetricType;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, FlagKind, Settings};
use packet::{Answer, Stamp};

const SERVER: Flag = Flag {
    name: "ntp.server",
    help: "NTP server to use for ntp collector.",
    kind: FlagKind::Text {
        default: "127.0.0.1",
    },
};
const SERVER_PORT: Flag = Flag {
    name: "ntp.server-port",
    help: "UDP port number to connect to on NTP server.",
    kind: FlagKind::Number {
        default: 123,
        least: 1,
        most: u16::MAX,
    },
};
const PROTOCOL_VERSION: Flag = Flag {
    name: "ntp.protocol-version",
    help: "NTP protocol version.",
    kind: FlagKind::Number {
        default: 4,
        least: 2,
        most: 4,
    },
};
const SERVER_IS_LOCAL: Flag = Flag::switch(
    "ntp.server-is-local",
    "Certify that collector.ntp.server address is not a public ntp server.",
);
const IP_TTL: Flag = Flag {
    name: "ntp.ip-ttl",
    help: "IP TTL to use while sending NTP query.",
    kind: FlagKind::Number {
        default: 1,
        least: 1,
        most: 255,
    },
};
const MAX_DISTANCE: Flag = Flag {
    name: "ntp.max-distance",
    help: "Max accumulated distance to the root.",
    kind: FlagKind::Time {
        default: Duration::from_micros(3_466_080),
    },
};
const OFFSET_TOLERANCE: Flag = Flag {
    name: "ntp.local-offset-tolerance",
    help: "Offset between local clock and local ntpd time to tolerate.",
    kind: FlagKind::Time {
        default: Duration::from_millis(1),
    },
};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "ntp",
    help: "How a local time server sees its clock.",
    default_on: false,
    flags: &[
        SERVER,
        SERVER_PORT,
        PROTOCOL_VERSION,
        SERVER_IS_LOCAL,
        IP_TTL,
        MAX_DISTANCE,
        OFFSET_TOLERANCE,
    ],
    new: |settings| Box::new(Ntp::new(settings)),
};

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// An answer, and whether the server may be believed.
type Judged = (Answer, bool);

/// Name and help of a family, and its value.
type Family = (&'static str, &'static str, fn(&Judged) -> f64);

const FAMILIES: [Family; 8] = [
    (
        "node_ntp_leap",
        "NTPD leap second indicator, 2 bits.",
        |(answer, _)| f64::from(answer.leap),
    ),
    (
        "node_ntp_offset_seconds",
        "ClockOffset between NTP and local clock.",
        |(answer, _)| answer.offset,
    ),
    (
        "node_ntp_reference_timestamp_seconds",
        "NTPD ReferenceTime, UNIX timestamp.",
        |(answer, _)| answer.reference,
    ),
    (
        "node_ntp_root_delay_seconds",
        "NTPD RootDelay.",
        |(answer, _)| answer.root_delay,
    ),
    (
        "node_ntp_root_dispersion_seconds",
        "NTPD RootDispersion.",
        |(answer, _)| answer.root_dispersion,
    ),
    ("node_ntp_rtt_seconds", "RTT to NTPD.", |(answer, _)| {
        answer.round_trip
    }),
    (
        "node_ntp_sanity",
        "NTPD sanity according to RFC5905 heuristics and configured limits.",
        |(_, sane)| f64::from(u8::from(*sane)),
    ),
    ("node_ntp_stratum", "NTPD stratum.", |(answer, _)| {
        f64::from(answer.stratum)
    }),
];

/// Judges the flag at the start.
pub(super) fn check(settings: &Settings) -> Result<(), String> {
    is_allowed(settings.text(&SERVER), settings.switch(&SERVER_IS_LOCAL))
}

/// Public servers are not to be asked at each scrape.
fn is_allowed(server: &str, certified: bool) -> Result<(), String> {
    let address = server.parse::<IpAddr>();
    if certified || address.is_ok_and(|address| address.is_loopback()) {
        return Ok(());
    }
    Err(format!(
        "expected a loopback address unless --collector.ntp.server-is-local is given, found `{server}`"
    ))
}

struct Ntp {
    server: String,
    port: u16,
    /// Whether the server may have any address.
    certified: bool,
    version: u8,
    hops: u8,
    most_distance: f64,
    tolerance: f64,
    /// The last midnight with a leap second: the server forgets it right afterwards.
    leap_midnight: Option<f64>,
}

impl Ntp {
    fn new(settings: &Settings) -> Self {
        // The flags' ranges are checked where they are read.
        let small = |flag| u8::try_from(settings.number(flag)).unwrap_or(u8::MAX);
        Self {
            server: settings.text(&SERVER).to_owned(),
            port: settings.number(&SERVER_PORT),
            certified: settings.switch(&SERVER_IS_LOCAL),
            version: small(&PROTOCOL_VERSION),
            hops: small(&IP_TTL),
            most_distance: settings.time(&MAX_DISTANCE).as_secs_f64(),
            tolerance: settings.time(&OFFSET_TOLERANCE).as_secs_f64(),
            leap_midnight: None,
        }
    }

    fn address(&self) -> Result<SocketAddr, CollectError> {
        let fault = |reason| CollectError::Call(format!("--collector.ntp.server: {reason}"));
        is_allowed(&self.server, self.certified).map_err(fault)?;
        if let Ok(address) = self.server.parse::<IpAddr>() {
            return Ok((address, self.port).into());
        }
        let found = (self.server.as_str(), self.port).to_socket_addrs().ok();
        found.and_then(|mut found| found.next()).ok_or_else(|| {
            let found = &self.server;
            fault(format!("expected a host with an address, found `{found}`"))
        })
    }

    fn ask(&self, server: SocketAddr) -> Result<Answer, CollectError> {
        let failed =
            |error: io::Error| CollectError::Call(format!("time server `{server}`: {error}"));
        let socket = self.connect(server).map_err(failed)?;
        let sent = now();
        socket
            .send(&packet::request(self.version, sent))
            .map_err(failed)?;
        // An answer may have extensions, which are not read.
        let mut memory = [0; 512];
        let length = socket.recv(&mut memory).map_err(failed)?;
        let received = now();
        let reply = memory.get(..length).unwrap_or_default();
        packet::answer(reply, sent, received).map_err(|expected| {
            CollectError::Call(format!(
                "time server `{server}`: expected {expected}, found a packet of {length} bytes"
            ))
        })
    }

    fn connect(&self, server: SocketAddr) -> io::Result<UdpSocket> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        if server.is_ipv4() {
            socket.set_ttl(self.hops.into())?;
        } else {
            rustix::net::sockopt::set_ipv6_unicast_hops(&socket, Some(self.hops))?;
        }
        socket.set_read_timeout(Some(PATIENCE))?;
        // Packets of others do not arrive.
        socket.connect(server)?;
        Ok(socket)
    }

    fn judge(&mut self, answer: Answer) -> Judged {
        self.leap_midnight = answer.leap_midnight().or(self.leap_midnight);
        let leaps = |midnight: f64| answer.is_near(midnight);
        let leap = self.leap_midnight.is_some_and(leaps);
        let most_error = self.tolerance + f64::from(u8::from(leap));
        (answer, answer.is_sane(self.most_distance, most_error))
    }
}

impl Collector for Ntp {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let answer = self.ask(self.address()?)?;
        let judged = self.judge(answer);
        for (name, help, value) in FAMILIES {
            page.family(name, help, MetricType::Gauge);
            page.series("").value(value(&judged));
        }
        Ok(())
    }
}

fn now() -> Stamp {
    let now = Timestamp::now();
    Stamp::new(
        now.as_second(),
        u32::try_from(now.subsec_nanosecond()).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests;
