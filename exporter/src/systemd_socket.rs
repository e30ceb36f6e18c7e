//! The sockets that systemd has opened and passes on (`sd_listen_fds`): file descriptors from 3 on,
//! their number in `LISTEN_FDS`, for the process of `LISTEN_PID`.
#![expect(
    unsafe_code,
    reason = "a file descriptor that was inherited is only a number"
)]

use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, SocketType, sockopt};
use tokio::net::TcpListener;

use crate::error::Error;

/// The first one that is passed.
const FIRST: RawFd = 3;

/// No unit has more.
const MOST: RawFd = 64;

/// Takes the sockets over. Called once, at the start.
pub(crate) fn listeners() -> Result<Vec<TcpListener>, Error> {
    let variable = |name| std::env::var(name).ok();
    let count = count(
        variable("LISTEN_PID").as_deref(),
        variable("LISTEN_FDS").as_deref(),
        std::process::id(),
    )?;
    (FIRST..FIRST + count)
        .map(|fd| {
            if !is_open(fd) {
                return Err(Error::Socket("expected an open socket, found none"));
            }
            // SAFETY: systemd passes these descriptors to this process alone, as the checked
            // `LISTEN_PID` says, and nothing else here takes them: it is open, and this is the only
            // place that owns it.
            let socket = unsafe { OwnedFd::from_raw_fd(fd) };
            listener(socket)
        })
        .collect()
}

fn is_open(fd: RawFd) -> bool {
    std::fs::symlink_metadata(format!("/proc/self/fd/{fd}")).is_ok()
}

/// How many sockets are passed to this process.
fn count(pid: Option<&str>, count: Option<&str>, own: u32) -> Result<RawFd, Error> {
    let nothing = "expected sockets from systemd (`LISTEN_PID` and `LISTEN_FDS`), found none";
    let (Some(pid), Some(count)) = (pid, count) else {
        return Err(Error::Socket(nothing));
    };
    if pid.parse() != Ok(own) {
        let message = "expected sockets for this process, found those of another `LISTEN_PID`";
        return Err(Error::Socket(message));
    }
    match count.parse() {
        Ok(count @ 1..=MOST) => Ok(count),
        _ => Err(Error::Socket("expected `LISTEN_FDS` from 1 to 64")),
    }
}

fn listener(socket: OwnedFd) -> Result<TcpListener, Error> {
    let start = |error: rustix::io::Errno| Error::Start(error.into());
    let fd = socket.as_fd();
    // Programs that are started must not have it.
    fcntl_setfd(fd, FdFlags::CLOEXEC).map_err(start)?;
    let kind = "expected listening TCP sockets, found another kind";
    let is_stream = sockopt::socket_type(fd) == Ok(SocketType::STREAM);
    let is_listening = sockopt::socket_acceptconn(fd) == Ok(true);
    let family = sockopt::socket_domain(fd);
    let is_internet = matches!(family, Ok(AddressFamily::INET | AddressFamily::INET6));
    if !(is_stream && is_listening && is_internet) {
        return Err(Error::Socket(kind));
    }
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true).map_err(Error::Start)?;
    TcpListener::from_std(listener).map_err(Error::Start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_taken_by_the_process_they_are_for() {
        assert_eq!(count(Some("7"), Some("2"), 7).unwrap(), 2);
        for (pid, fds, told) in [
            (None, None, "found none"),
            (Some("7"), None, "found none"),
            (Some("8"), Some("1"), "another `LISTEN_PID`"),
            (Some("x"), Some("1"), "another `LISTEN_PID`"),
            (Some("7"), Some("0"), "from 1 to 64"),
            (Some("7"), Some("-1"), "from 1 to 64"),
            (Some("7"), Some("2000000000"), "from 1 to 64"),
        ] {
            let error = count(pid, fds, 7).unwrap_err().to_string();
            assert!(
                error.starts_with("--web.systemd-socket: expected "),
                "{error}"
            );
            assert!(error.contains(told), "{error}");
        }
    }

    #[tokio::test]
    async fn only_listening_tcp_sockets_are_taken() {
        let good = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = good.local_addr().unwrap();
        assert_eq!(
            listener(good.into()).unwrap().local_addr().unwrap(),
            address
        );
        let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (unix, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        for socket in [OwnedFd::from(datagrams), OwnedFd::from(unix)] {
            let error = listener(socket).unwrap_err().to_string();
            assert!(error.contains("expected listening TCP sockets"), "{error}");
        }
    }
}
