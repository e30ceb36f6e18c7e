//! One HTTP request whose answer is read to its end: what supervisord needs and no more.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::dbus::Address;

/// No answer may be longer.
const ANSWER_LIMIT: usize = 4 << 20;

/// Where supervisord listens.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `http://[user:password@]host[:port]/path`
    Http {
        /// With the port.
        host: String,
        path: String,
        login: Option<String>,
    },
    /// `unix:///path`
    Unix { socket: String },
}

impl Endpoint {
    pub(super) fn read(url: &str) -> Result<Self, String> {
        if let Some(socket) = url.strip_prefix("unix://") {
            let socket = socket.to_owned();
            return Ok(Self::Unix { socket });
        }
        // The log must not have the password.
        let shown = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
        let fault = || format!("expected a URL `http://...` or `unix://...`, found `{shown}`");
        let rest = url.strip_prefix("http://").ok_or_else(fault)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login.to_owned()), host),
            None => (None, authority),
        };
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.bytes().all(|c| c.is_ascii_digit()));
        let port = if has_port { "" } else { ":80" };
        let plain = |text: &str| text.bytes().all(|c| c.is_ascii_graphic());
        if host.is_empty() || !plain(host) || !plain(path) {
            return Err(fault());
        }
        Ok(Self::Http {
            host: format!("{host}{port}"),
            path: format!("/{path}"),
            login,
        })
    }

    /// Sends a body and returns the one that comes back.
    pub(super) fn post(&self, body: &str, within: Duration) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + within;
        let length = body.len();
        match self {
            Self::Unix { socket } => {
                let stream = Address::Path(socket.clone()).connect(within)?;
                stream.set_read_timeout(Some(within))?;
                stream.set_write_timeout(Some(within))?;
                let head = head("/RPC2", "localhost", None, length);
                exchange(stream, &head, body, deadline)
            }
            Self::Http { host, path, login } => {
                let stream = connect(host, within)?;
                stream.set_read_timeout(Some(within))?;
                stream.set_write_timeout(Some(within))?;
                let head = head(path, host, login.as_deref(), length);
                exchange(stream, &head, body, deadline)
            }
        }
    }
}

fn connect(host: &str, within: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in host.to_socket_addrs()?.take(2) {
        match TcpStream::connect_timeout(&address, within / 2) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn head(path: &str, host: &str, login: Option<&str>, length: usize) -> String {
    let login = login.map(|login| format!("Authorization: Basic {}\r\n", STANDARD.encode(login)));
    format!(
        "POST {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: text/xml\r\n\
         Content-Length: {length}\r\n{}\r\n",
        login.unwrap_or_default()
    )
}

fn exchange(
    mut stream: impl Read + Write,
    head: &str,
    body: &str,
    deadline: Instant,
) -> io::Result<Vec<u8>> {
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = Vec::new();
    let mut memory = [0; 4096];
    loop {
        let read = stream.read(&mut memory)?;
        answer.extend_from_slice(memory.get(..read).unwrap_or_default());
        if read == 0 {
            return body_of(&answer);
        }
        if answer.len() > ANSWER_LIMIT {
            return Err(io::Error::other("expected an answer of at most 4 MiB"));
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// What follows the head of an answer that is good.
fn body_of(answer: &[u8]) -> io::Result<Vec<u8>> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some((head, body)) = end.and_then(|end| answer.split_at_checked(end + 4)) else {
        return Err(io::Error::other("expected an HTTP answer, found its end"));
    };
    let status = head.split(|c| *c == b'\r').next().unwrap_or_default();
    let status = String::from_utf8_lossy(status.get(..status.len().min(80)).unwrap_or_default());
    if status.starts_with("HTTP/1.") && status.split(' ').nth(1) == Some("200") {
        Ok(body.to_vec())
    } else {
        let told = format!("expected HTTP status 200, found `{status}`");
        Err(io::Error::other(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let http = |host: &str, path: &str, login: Option<&str>| Endpoint::Http {
            host: host.to_owned(),
            path: path.to_owned(),
            login: login.map(str::to_owned),
        };
        for (url, expected) in [
            (
                "http://localhost:9001/RPC2",
                http("localhost:9001", "/RPC2", None),
            ),
            ("http://u:p@h/x", http("h:80", "/x", Some("u:p"))),
            ("http://[::1]:1", http("[::1]:1", "/", None)),
            (
                "unix:///run/s.sock",
                Endpoint::Unix {
                    socket: "/run/s.sock".to_owned(),
                },
            ),
        ] {
            assert_eq!(Endpoint::read(url), Ok(expected));
        }
        for url in [
            "https://x",
            "http:///x",
            "x",
            "http://a b/",
            "http://a/\r\nX: y",
        ] {
            assert!(Endpoint::read(url).is_err(), "{url}");
        }
        let told = Endpoint::read("https://ann:secret@x/y").unwrap_err();
        assert!(told.ends_with("found `x/y`"), "{told}");
    }

    #[test]
    fn a_login_is_sent_as_the_standard_says() {
        let head = head("/RPC2", "x:1", Some("user:pass"), 7);
        let login = "\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\r\n";
        assert!(head.ends_with(login), "{head}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_a_fault(text: Vec<u8>, near in "HTTP/1.[01] [0-9]{0,3}.{0,3}\r\n(\r\n)?.{0,5}") {
            for answer in [text.as_slice(), near.as_bytes()] {
                let body = body_of(answer);
                proptest::prop_assert!(body.is_err() || answer.starts_with(b"HTTP/1."));
            }
        }
    }
}
