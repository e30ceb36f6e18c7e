//! Where a bus listens: `unix:path=/run/dbus/system_bus_socket,guid=...;unix:abstract=...`.

use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// Where the system's bus listens unless the environment says otherwise.
const SYSTEM_BUS: &str = "/var/run/dbus/system_bus_socket";

/// A socket of a bus or of a program that speaks D-Bus itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A file.
    Path(String),
    /// A name that is not in the file system.
    Abstract(Vec<u8>),
}

impl Address {
    /// The first address of a list that is a Unix socket.
    pub(crate) fn read(list: &str) -> Option<Self> {
        list.split(';').find_map(|address| {
            let keys = address.strip_prefix("unix:")?;
            keys.split(',').find_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                let value = unescape(value)?;
                match key {
                    "path" => Some(Self::Path(String::from_utf8(value).ok()?)),
                    "abstract" => Some(Self::Abstract(value)),
                    _ => None,
                }
            })
        })
    }

    /// The system's bus.
    pub(crate) fn of_system_bus() -> Result<Self, super::Error> {
        match std::env::var("DBUS_SYSTEM_BUS_ADDRESS") {
            Ok(given) if !given.is_empty() => {
                Self::read(&given).ok_or(super::Error::Address(given))
            }
            _ => Ok(Self::Path(SYSTEM_BUS.to_owned())),
        }
    }

    /// Connects within a time: a peer whose queue of connections is full lets others wait.
    pub(crate) fn connect(&self, within: Duration) -> io::Result<UnixStream> {
        let address = match self {
            Self::Path(path) => SocketAddrUnix::new(path.as_str())?,
            Self::Abstract(name) => SocketAddrUnix::new_abstract_name(name)?,
        };
        let kind = SocketType::STREAM;
        let socket = socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
        set_socket_timeout(&socket, Timeout::Send, Some(within))?;
        connect(&socket, &address)?;
        Ok(UnixStream::from(socket))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "`{path}`"),
            Self::Abstract(name) => write!(f, "`@{}`", name.escape_ascii()),
        }
    }
}

/// A value with `%2f` and the like resolved.
fn unescape(value: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(c) = rest.next() {
        if c != b'%' {
            out.push(c);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let byte = digit()? * 16 + digit()?;
        out.push(u8::try_from(byte).ok()?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_unix_socket_of_a_list_is_taken() {
        for (list, expected) in [
            ("unix:path=/a,guid=1", Some(Address::Path("/a".to_owned()))),
            (
                "unix:guid=1,path=/a%20b",
                Some(Address::Path("/a b".to_owned())),
            ),
            (
                "tcp:host=x;unix:abstract=b",
                Some(Address::Abstract(b"b".to_vec())),
            ),
            ("tcp:host=x", None),
            ("unix:path=/a%2", None),
            ("unix:path=/a%zz", None),
            ("", None),
        ] {
            assert_eq!(Address::read(list), expected, "{list}");
        }
    }
}
