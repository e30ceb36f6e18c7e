//! Where to listen: `[host]:port`, as Go takes it.

use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};

/// Why a text is not an address to listen on.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It has another form.
    #[error("expected `[host]:port`, found `{0}`")]
    Form(String),
    /// The port is not a number, or too great a one.
    #[error("expected a port from 0 to 65535 as a number, found `{port}` in `{text}`")]
    Port {
        /// What stands for the port.
        port: String,
        /// The whole text.
        text: String,
    },
    /// The host has no address.
    #[error(
        "expected a host of this machine, found `{host}` in `{text}`, which cannot be looked up: {why}"
    )]
    Host {
        /// What stands for the host.
        host: String,
        /// The whole text.
        text: String,
        /// What the system says.
        why: std::io::Error,
    },
    /// A socket between a virtual machine and its host.
    #[error("expected `[host]:port`, found `{0}`: sockets of the family vsock are not listened on")]
    Vsock(String),
}

/// The addresses that `[host]:port` stands for: without a host all of this machine's. Brackets may
/// stand around any host, though only an IPv6 address needs them.
pub fn addresses(text: &str) -> Result<Vec<SocketAddr>, AddressError> {
    if text.starts_with("vsock:") {
        return Err(AddressError::Vsock(text.to_owned()));
    }
    let (host, port) = split(text).ok_or_else(|| AddressError::Form(text.to_owned()))?;
    let port: u16 = port.parse().map_err(|_| AddressError::Port {
        port: port.to_owned(),
        text: text.to_owned(),
    })?;
    if host.is_empty() {
        return Ok(vec![(Ipv6Addr::UNSPECIFIED, port).into()]);
    }
    let unknown = |why| AddressError::Host {
        host: host.to_owned(),
        text: text.to_owned(),
        why,
    };
    let found: Vec<_> = (host, port).to_socket_addrs().map_err(unknown)?.collect();
    if found.is_empty() {
        return Err(unknown(std::io::ErrorKind::NotFound.into()));
    }
    Ok(found)
}

/// Host and port. A host with colons is taken in brackets only.
fn split(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('[') {
        Some(rest) => rest
            .split_once("]:")
            .filter(|(host, _)| !host.contains(['[', ']'])),
        None => text
            .rsplit_once(':')
            .filter(|(host, _)| !host.contains([':', '[', ']', '/'])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_may_stand_around_any_host() {
        for (text, expected) in [
            ("[127.0.0.1]:9100", "127.0.0.1:9100"),
            ("[0.0.0.0]:9100", "0.0.0.0:9100"),
            ("127.0.0.1:9100", "127.0.0.1:9100"),
            ("[::1]:9100", "[::1]:9100"),
            ("[::]:9100", "[::]:9100"),
            ("[]:9100", "[::]:9100"),
            (":9100", "[::]:9100"),
        ] {
            let expected: SocketAddr = expected.parse().unwrap();
            assert_eq!(addresses(text).unwrap(), [expected], "{text}");
        }
        assert!(!addresses("[localhost]:1").unwrap().is_empty());
    }

    #[test]
    fn each_fault_is_told_by_its_own_words() {
        for (text, told) in [
            ("nonsense", "expected `[host]:port`, found `nonsense`"),
            ("::1:9100", "expected `[host]:port`, found `::1:9100`"),
            ("[::1]9100", "expected `[host]:port`, found `[::1]9100`"),
            ("http://x:1", "expected `[host]:port`, found `http://x:1`"),
            (
                ":https",
                "expected a port from 0 to 65535 as a number, found `https` in `:https`",
            ),
            (
                ":65536",
                "expected a port from 0 to 65535 as a number, found `65536` in `:65536`",
            ),
            (
                "127.0.0.1:",
                "expected a port from 0 to 65535 as a number, found `` in `127.0.0.1:`",
            ),
            (
                "nohost.invalid:9",
                "expected a host of this machine, found `nohost.invalid` in `nohost.invalid:9`, which cannot be looked up",
            ),
            (
                "vsock://:9100",
                "expected `[host]:port`, found `vsock://:9100`: sockets of the family vsock are not listened on",
            ),
        ] {
            let error = addresses(text).unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
