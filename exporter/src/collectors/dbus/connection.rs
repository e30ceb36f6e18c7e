//! A connection: login, calls, answers, all before a point in time.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::message::{Answer, Call, HEAD, Head, Reply};
use super::{Address, Error, Malformed};

/// The bus itself, on the bus.
const BUS: &str = "org.freedesktop.DBus";

/// A line of the login is at most so long.
const LINE_LIMIT: usize = 1 << 10;

/// So many calls wait for their answers at a time: they fit into the socket's memory.
const BATCH: usize = 64;

/// No connection reads more than this.
const TOTAL_LIMIT: usize = 64 << 20;

/// A connection that is logged in.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    address: Address,
    /// When it ends.
    deadline: Instant,
    /// The number of the last call.
    serial: u32,
    /// How many bytes it may still read.
    left: usize,
}

impl Connection {
    /// Connects to a bus, or to a program that speaks D-Bus itself, and logs in.
    pub(crate) fn open(address: Address, peer: Peer, within: Duration) -> Result<Self, Error> {
        let deadline = Instant::now() + within;
        let stream = address.connect(within).map_err(|source| Error::Io {
            address: address.clone(),
            source,
        })?;
        Self::over(stream, address, peer, deadline)
    }

    /// Logs in over a stream.
    pub(super) fn over(
        stream: UnixStream,
        address: Address,
        peer: Peer,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let mut connection = Self {
            stream,
            address,
            deadline,
            serial: 0,
            left: TOTAL_LIMIT,
        };
        connection.log_in()?;
        if peer == Peer::Bus {
            connection.call(&Call {
                destination: BUS,
                path: "/org/freedesktop/DBus",
                interface: BUS,
                method: "Hello",
                arguments: &[],
            })?;
        }
        Ok(connection)
    }

    /// Calls a method and waits for what it returns.
    pub(crate) fn call(&mut self, call: &Call<'_>) -> Result<Reply, Error> {
        let answers = self.call_all(std::slice::from_ref(call))?;
        let refused = |refusal| Error::Refused {
            method: call.name(),
            refusal,
        };
        match answers.into_iter().next() {
            Some(answer) => answer.map_err(refused),
            None => Err(self.broken(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Calls methods and waits for all answers, which are in the order of the calls. Many calls are
    /// on their way at once, so that it does not take a wait for each of them.
    pub(crate) fn call_all(&mut self, calls: &[Call<'_>]) -> Result<Vec<Answer>, Error> {
        let mut all = Vec::with_capacity(calls.len());
        for batch in calls.chunks(BATCH) {
            let mut bytes = Vec::new();
            let first = self.serial.wrapping_add(1).max(1);
            self.serial = first;
            for (serial, call) in (first..).zip(batch) {
                bytes.extend_from_slice(&call.write(serial));
                self.serial = serial;
            }
            self.send(&bytes)?;
            all.extend(self.answers(first, batch.len())?);
        }
        Ok(all)
    }

    /// The answers to so many calls from number `first` on, in whatever order they come.
    fn answers(&mut self, first: u32, count: usize) -> Result<Vec<Answer>, Error> {
        let mut answers: Vec<Option<Answer>> = vec![None; count];
        let mut missing = count;
        while missing > 0 {
            let Some((serial, answer)) = self.message()? else {
                continue;
            };
            let place = serial.checked_sub(first).map(|place| place as usize);
            if let Some(place) = place.and_then(|place| answers.get_mut(place))
                && place.replace(answer).is_none()
            {
                missing -= 1;
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Says that an answer is not what it should be.
    pub(crate) fn malformed(&self, source: Malformed) -> Error {
        Error::Malformed {
            address: self.address.clone(),
            source,
        }
    }

    /// The next message; nothing where it is no answer.
    fn message(&mut self) -> Result<Option<(u32, Answer)>, Error> {
        let mut head = [0; HEAD];
        self.receive(&mut head)?;
        let head = Head::read(&head).map_err(|fault| self.malformed(fault))?;
        let mut rest = vec![0; head.rest()];
        self.receive(&mut rest)?;
        head.answer(&rest).map_err(|fault| self.malformed(fault))
    }

    /// Says who we are; the peer asks the kernel whether that is true.
    fn log_in(&mut self) -> Result<(), Error> {
        let user = rustix::process::geteuid().as_raw();
        let name = user.to_string();
        let digits = name.bytes().map(|c| format!("{c:02x}"));
        let hex: String = digits.collect();
        self.send(format!("\0AUTH EXTERNAL {hex}\r\n").as_bytes())?;
        let line = self.line()?;
        if !line.starts_with(b"OK ") {
            return Err(Error::Login {
                address: self.address.clone(),
                user,
                found: String::from_utf8_lossy(&line).trim_end().to_owned(),
            });
        }
        self.send(b"BEGIN\r\n")
    }

    /// A line of the login. It is read byte by byte, since what follows it is no text.
    fn line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            if line.len() >= LINE_LIMIT {
                let kind = io::ErrorKind::InvalidData;
                let error = io::Error::new(kind, "expected a line of at most 1 KiB at the login");
                return Err(self.broken(error));
            }
            let mut byte = [0];
            self.receive(&mut byte)?;
            line.extend_from_slice(&byte);
        }
        Ok(line)
    }

    /// Fills the memory, as far as time and limit allow it.
    fn receive(&mut self, mut memory: &mut [u8]) -> Result<(), Error> {
        self.left = self.left.checked_sub(memory.len()).ok_or_else(|| {
            let kind = io::ErrorKind::InvalidData;
            self.broken(io::Error::new(kind, "expected at most 64 MiB of answers"))
        })?;
        while !memory.is_empty() {
            let left = self.time_left()?;
            let set = self.stream.set_read_timeout(Some(left));
            match set.and_then(|()| self.stream.read(memory)) {
                Ok(0) => return Err(self.broken(io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => memory = memory.get_mut(read..).unwrap_or_default(),
                Err(error) if is_only_a_pause(&error) => {}
                Err(error) => return Err(self.broken(error)),
            }
        }
        Ok(())
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let left = self.time_left()?;
            let set = self.stream.set_write_timeout(Some(left));
            match set.and_then(|()| self.stream.write(bytes)) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if is_only_a_pause(&error) => {}
                Err(error) => return Err(self.broken(error)),
            }
        }
        Ok(())
    }

    /// The time that is left; at least a millisecond, as no time means no limit to the system.
    fn time_left(&self) -> Result<Duration, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.broken(io::ErrorKind::TimedOut.into()));
        }
        Ok(left.max(Duration::from_millis(1)))
    }

    fn broken(&self, source: io::Error) -> Error {
        Error::Io {
            address: self.address.clone(),
            source,
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A bus, which wants to be greeted.
    Bus,
    /// The program itself.
    Program,
}

/// Whether it goes on: the deadline is looked at before each attempt.
fn is_only_a_pause(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}
