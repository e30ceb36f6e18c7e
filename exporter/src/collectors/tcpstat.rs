//! How many TCP sockets are in each state and how many bytes wait in them, from the kernel by
//! netlink, `sock_diag(7)`.

use std::path::PathBuf;

use rustix::net::netlink::SOCK_DIAG;
use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::netlink_socket::{NetlinkSocket, Question, u32_at};
use super::{CollectError, Collector, Definition, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "tcpstat",
    help: "How many TCP sockets are in each state.",
    default_on: false,
    flags: &[],
    new: |settings| {
        Box::new(TcpStat {
            socket: NetlinkSocket::new(Some(SOCK_DIAG)),
            ipv6: settings.paths.procfs.join("net/tcp6"),
        })
    },
};

/// The states, the first of which is 1.
const STATES: [&str; 11] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
];

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;

/// The question, `struct inet_diag_req_v2`: family, protocol, and at 4 the states as bits.
const REQUEST: usize = 56;
const ALL_STATES: u32 = 0xfff;

/// The answer, `struct inet_diag_msg`: the state at 1, and the bytes that wait.
const RECEIVED: usize = 56;
const TO_BE_SENT: usize = 60;

struct TcpStat {
    socket: NetlinkSocket,
    /// A file that a kernel with IPv6 has.
    ipv6: PathBuf,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    states: [u64; STATES.len()],
    received: u64,
    to_be_sent: u64,
}

impl Collector for TcpStat {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let mut sums = Sums::default();
        let ipv6 = self.ipv6.exists().then_some(AF_INET6);
        for family in [AF_INET].into_iter().chain(ipv6) {
            let asked = self.socket.ask(
                SOCK_DIAG_BY_FAMILY,
                Question::All,
                &request(family),
                |_, body| sums.add(body),
            );
            asked.map_err(|error| CollectError::Call(format!("netlink, TCP sockets: {error}")))?;
        }
        write(&sums, page);
        Ok(())
    }
}

fn request(family: u8) -> [u8; REQUEST] {
    let mut request = [0; REQUEST];
    request[0] = family;
    request[1] = IPPROTO_TCP;
    for (place, byte) in request.iter_mut().skip(4).zip(ALL_STATES.to_ne_bytes()) {
        *place = byte;
    }
    request
}

impl Sums {
    fn add(&mut self, body: &[u8]) {
        let state = body.get(1).and_then(|state| state.checked_sub(1));
        let count = state.and_then(|state| self.states.get_mut(usize::from(state)));
        if let (Some(count), Some(received), Some(to_be_sent)) =
            (count, u32_at(body, RECEIVED), u32_at(body, TO_BE_SENT))
        {
            *count += 1;
            self.received += u64::from(received);
            self.to_be_sent += u64::from(to_be_sent);
        }
    }
}

/// A state in which no socket is has no series.
fn write(sums: &Sums, page: &mut Page) {
    page.family(
        "node_tcp_connection_states",
        "Number of connection states.",
        Gauge,
    );
    let states = STATES.into_iter().zip(sums.states);
    let states = states.filter(|(_, count)| *count > 0);
    let bytes = [
        ("rx_queued_bytes", sums.received),
        ("tx_queued_bytes", sums.to_be_sent),
    ];
    let any = sums.states.iter().any(|count| *count > 0);
    for (state, value) in states.chain(bytes.into_iter().filter(|_| any)) {
        let mut series = page.series("");
        series.label("state", state);
        text::put_integer(series, value);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::super::Settings;
    use super::*;

    fn lines(sums: &Sums) -> Vec<String> {
        let mut page = Page::new();
        write(sums, &mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        text.lines().skip(2).map(str::to_owned).collect()
    }

    #[test]
    fn sockets_are_counted_by_state_and_their_bytes_added_up() {
        let mut sums = Sums::default();
        for (state, received) in [(1, 5_u32), (1, 6), (10, 1), (0, 9), (12, 9)] {
            let mut body = [0; 72];
            body[1] = state;
            body[56..60].copy_from_slice(&received.to_ne_bytes());
            body[60..64].copy_from_slice(&2_u32.to_ne_bytes());
            sums.add(&body);
        }
        sums.add(&[2, 1, 0]);
        assert_eq!(
            lines(&sums),
            [
                "node_tcp_connection_states{state=\"established\"} 2",
                "node_tcp_connection_states{state=\"listen\"} 1",
                "node_tcp_connection_states{state=\"rx_queued_bytes\"} 12",
                "node_tcp_connection_states{state=\"tx_queued_bytes\"} 6",
            ]
        );
        assert!(lines(&Sums::default()).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_not_panic(body: Vec<u8>) {
            Sums::default().add(&body);
        }
    }

    #[test]
    fn the_kernel_tells_of_a_connection_within_this_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _server = listener.accept().unwrap();
        let mut page = Page::new();
        let result = (DEFINITION.new)(&Settings::default()).collect(&mut page);
        if let Err(error) = result {
            // A kernel without the module says so.
            assert!(error.to_string().starts_with("netlink, TCP sockets: "));
            return;
        }
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        for state in ["established", "listen"] {
            assert!(text.contains(&format!("{{state=\"{state}\"}}")), "{text}");
        }
    }
}
