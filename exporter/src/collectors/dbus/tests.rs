//! The client against a peer of ours that may misbehave, and against the real bus where there is
//! one.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::connection::{Connection, Peer};
use super::message::{Call, HEAD, Head};
use super::wire::{Reader, Writer};
use super::*;

/// What a call asks: the object, the method, and its arguments.
#[derive(Debug)]
pub(in crate::collectors) struct Asked {
    pub(in crate::collectors) path: String,
    pub(in crate::collectors) method: String,
    pub(in crate::collectors) arguments: Vec<String>,
}

/// An answer's types and bytes, or the name of an error.
pub(in crate::collectors) type Told = Result<(&'static str, Vec<u8>), &'static str>;

/// A connection to a peer that logs everybody in and answers as told.
pub(in crate::collectors) fn peer(answer: impl Fn(&Asked) -> Told + Send + 'static) -> Connection {
    raw_peer(move |stream| while serve(stream, &answer).is_some() {}).unwrap()
}

/// A connection to a peer that does as it likes after the login.
fn raw_peer(act: impl FnOnce(&mut UnixStream) + Send + 'static) -> Result<Connection, Error> {
    over(move |stream| {
        read_until(stream, b"\r\n");
        stream.write_all(b"OK 0123456789abcdef\r\n").unwrap();
        read_until(stream, b"BEGIN\r\n");
        act(stream);
    })
}

fn over(act: impl FnOnce(&mut UnixStream) + Send + 'static) -> Result<Connection, Error> {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || act(&mut theirs));
    let deadline = Instant::now() + Duration::from_secs(5);
    Connection::over(
        ours,
        Address::Path("/x".to_owned()),
        Peer::Program,
        deadline,
    )
}

fn read_until(stream: &mut UnixStream, end: &[u8]) {
    let mut seen = Vec::new();
    while !seen.ends_with(end) {
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        seen.push(byte[0]);
    }
}

/// Answers one call.
fn serve(stream: &mut UnixStream, answer: impl Fn(&Asked) -> Told) -> Option<()> {
    let (serial, asked) = read_call(stream)?;
    let (kind, fields, signature, body) = match answer(&asked) {
        Ok((signature, body)) => (2, vec![], signature, body),
        Err(name) => {
            let mut body = Writer::default();
            body.text("because");
            (3, vec![(4, "s", name)], "s", body.0)
        }
    };
    stream
        .write_all(&message(kind, serial, &fields, (signature, &body)))
        .ok()
}

fn read_call(stream: &mut UnixStream) -> Option<(u32, Asked)> {
    let mut head = [0; HEAD];
    stream.read_exact(&mut head).ok()?;
    let mut numbers = Reader::new(&head, false);
    numbers.u32().unwrap();
    let body = numbers.u32().unwrap() as usize;
    let serial = numbers.u32().unwrap();
    let length = numbers.u32().unwrap() as usize;
    let mut fields = vec![0; length.next_multiple_of(8)];
    stream.read_exact(&mut fields).unwrap();
    let mut texts = vec![0; body];
    stream.read_exact(&mut texts).unwrap();
    let mut asked = Asked {
        path: String::new(),
        method: String::new(),
        arguments: Vec::new(),
    };
    let mut reader = Reader::new(&fields[..length], false);
    while !reader.is_at_end() {
        reader.align(8).unwrap();
        match (reader.byte().unwrap(), reader.variant().unwrap()) {
            (1, Value::Text(text)) => asked.path = text,
            (3, Value::Text(text)) => asked.method = text,
            _ => {}
        }
    }
    let mut reader = Reader::new(&texts, false);
    while !reader.is_at_end() {
        asked.arguments.push(reader.text().unwrap().to_owned());
    }
    Some((serial, asked))
}

/// A message of a kind, in answer to a call, with some fields of text.
fn message(kind: u8, to: u32, more: &[(u8, &str, &str)], body: (&str, &[u8])) -> Vec<u8> {
    let mut fields = Writer::default();
    fields.0.push(5);
    fields.signature("u");
    fields.u32(to);
    for (code, kind, text) in more {
        fields.align(8);
        fields.0.push(*code);
        fields.signature(kind);
        fields.text(text);
    }
    fields.align(8);
    fields.0.push(8);
    fields.signature("g");
    fields.signature(body.0);
    let mut message = Writer(vec![b'l', kind, 0, 1]);
    message.u32(u32::try_from(body.1.len()).unwrap());
    message.u32(7);
    message.u32(u32::try_from(fields.0.len()).unwrap());
    message.0.extend_from_slice(&fields.0);
    message.align(8);
    message.0.extend_from_slice(body.1);
    message.0
}

/// A variant with a text.
#[expect(clippy::unnecessary_wraps, reason = "a peer may answer with errors")]
pub(in crate::collectors) fn text(text: &str) -> Told {
    let mut body = Writer::default();
    body.signature("s");
    body.text(text);
    Ok(("v", body.0))
}

/// A variant with a number: `u`, `t` or `b`.
#[expect(clippy::unnecessary_wraps, reason = "a peer may answer with errors")]
pub(in crate::collectors) fn number(kind: &str, number: u64) -> Told {
    let mut body = Writer::default();
    body.signature(kind);
    if kind == "t" {
        body.align(8);
        body.0.extend_from_slice(&number.to_le_bytes());
    } else {
        body.u32(u32::try_from(number).unwrap());
    }
    Ok(("v", body.0))
}

/// A list of structures of texts and, where a field is a number, numbers.
#[expect(clippy::unnecessary_wraps, reason = "a peer may answer with errors")]
pub(in crate::collectors) fn list(signature: &'static str, rows: &[Vec<&str>]) -> Told {
    let mut body = Writer(vec![0; 8]);
    let kinds: Vec<char> = signature
        .chars()
        .filter(|c| c.is_alphabetic())
        .skip(1)
        .collect();
    for row in rows {
        body.align(8);
        for (kind, field) in kinds.iter().zip(row) {
            match kind {
                'u' => body.u32(field.parse().unwrap()),
                _ => body.text(field),
            }
        }
    }
    let length = u32::try_from(body.0.len() - 8).unwrap();
    body.0[..4].copy_from_slice(&length.to_le_bytes());
    Ok((signature, body.0))
}

fn call(method: &str) -> Call<'_> {
    Call {
        destination: "a.b",
        path: "/a",
        interface: "a.b",
        method,
        arguments: &[],
    }
}

#[test]
fn calls_are_answered_in_their_order_also_when_there_are_many() {
    let mut connection = peer(|asked| match asked.arguments.as_slice() {
        [interface, name] if asked.path == "/a/b" => text(&format!("{interface} {name}")),
        _ => Err("no.such.thing"),
    });
    let names: Vec<[String; 2]> = (0..200)
        .map(|at| ["i".to_owned(), format!("n{at}")])
        .collect();
    let names: Vec<[&str; 2]> = names
        .iter()
        .map(|[a, b]| [a.as_str(), b.as_str()])
        .collect();
    let calls: Vec<Call<'_>> = names
        .iter()
        .map(|name| property::get("a.b", "/a/b", name))
        .collect();
    let answers = connection.call_all(&calls).unwrap();
    assert_eq!(answers.len(), 200);
    for (at, answer) in answers.into_iter().enumerate() {
        assert_eq!(property::text(answer).unwrap(), format!("i n{at}"));
    }
    let error = connection.call(&call("Nope")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.b.Nope of `/a`: no.such.thing: because"
    );
}

#[test]
fn signals_and_answers_to_nobody_are_read_over() {
    let mut connection = raw_peer(|stream| {
        let (serial, _) = read_call(stream).unwrap();
        let body = number("u", 7).unwrap().1;
        for bytes in [
            message(
                4,
                serial,
                &[(1, "o", "/a"), (3, "s", "NameAcquired")],
                ("v", &body),
            ),
            message(2, serial + 100, &[], ("v", &body)),
            message(2, 0, &[], ("v", &body)),
            message(2, serial, &[(99, "s", "unknown field")], ("v", &body)),
        ] {
            stream.write_all(&bytes).unwrap();
        }
    })
    .unwrap();
    let reply = connection.call(&call("Get")).unwrap();
    assert_eq!(reply.value(), Ok(Value::Unsigned(7)));
    let wrong = reply.read("s").unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "expected values of the method's types at byte 0 of a message"
    );
}

#[test]
fn a_peer_with_the_other_byte_order_is_understood() {
    // `B`, method return, version 1, 8 bytes of body, number 1, 15 bytes of fields.
    let head = [b'B', 2, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 15];
    let rest = [
        5, 1, b'u', 0, 0, 0, 0, 9, 8, 1, b'g', 0, 1, b'v', 0, 0, // fields
        1, b'u', 0, 0, 0, 0, 1, 2, // body
    ];
    let (to, answer) = Head::read(&head).unwrap().answer(&rest).unwrap().unwrap();
    assert_eq!(to, 9);
    assert_eq!(answer.unwrap().value(), Ok(Value::Unsigned(258)));
}

#[test]
fn a_peer_that_refuses_the_login_or_talks_without_end_is_an_error() {
    let refused = over(|stream| {
        read_until(stream, b"\r\n");
        stream.write_all(b"REJECTED EXTERNAL\r\n").unwrap();
    });
    let told = refused.unwrap_err().to_string();
    assert!(told.starts_with("D-Bus at `/x`: expected `OK` to a login as user "));
    assert!(told.ends_with(", found `REJECTED EXTERNAL`"), "{told}");
    let endless = over(|stream| while stream.write_all(&[b'x'; 256]).is_ok() {});
    let told = crate::error::chain(&endless.unwrap_err());
    assert!(told.contains("expected a line of at most 1 KiB"), "{told}");
}

#[test]
fn a_peer_that_goes_away_or_says_nothing_is_an_error() {
    let mut gone = raw_peer(|stream| drop(read_call(stream))).unwrap();
    assert!(matches!(gone.call(&call("Get")), Err(Error::Io { .. })));
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let deadline = Instant::now() + Duration::from_millis(30);
    let address = Address::Path("/x".to_owned());
    let silent = Connection::over(ours, address, Peer::Program, deadline);
    let told = crate::error::chain(&silent.unwrap_err());
    assert!(told.contains("D-Bus at `/x`: "), "{told}");
    assert!(Instant::now() >= deadline);
}

#[test]
fn a_message_that_is_too_long_is_refused_before_it_is_read() {
    let mut connection = raw_peer(|stream| {
        drop(read_call(stream));
        let head = [b'l', 2, 0, 1, 0, 0, 0, 0x7f, 1, 0, 0, 0, 8, 0, 0, 0];
        stream.write_all(&head).unwrap();
    })
    .unwrap();
    let told = crate::error::chain(&connection.call(&call("Get")).unwrap_err());
    assert!(
        told.contains("expected a message of at most 16 MiB"),
        "{told}"
    );
}

#[test]
fn a_cut_answer_is_an_error_and_never_another_answer() {
    let body = list("a(so)", &[vec!["seat0", "/seat"], vec!["seat1", "/other"]]).unwrap();
    let whole = message(2, 1, &[], (body.0, &body.1));
    let (head, rest) = whole.split_at(HEAD);
    let head = Head::read(head.try_into().unwrap()).unwrap();
    assert_eq!(head.rest(), rest.len());
    let names = |rest: &[u8]| -> Option<Vec<String>> {
        let (_, answer) = head.answer(rest).ok()??;
        let reply = answer.ok()?;
        let mut list = reply.read("a(so)").ok()?.array(8).ok()?;
        let mut names = Vec::new();
        while !list.is_at_end() {
            list.align(8).ok()?;
            names.push(list.text().ok()?.to_owned());
            list.text().ok()?;
        }
        Some(names)
    };
    assert_eq!(names(rest).unwrap(), ["seat0", "seat1"]);
    for end in 0..rest.len() {
        assert_eq!(names(&rest[..end]), None, "{end}");
    }
}

proptest! {
    #[test]
    fn no_message_breaks_the_reader(
        head in any::<[u8; 12]>(),
        rest in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..9, Just(b's'), Just(b'v')], 0..80),
    ) {
        let mut whole = [0; HEAD];
        whole[..4].copy_from_slice(&[b'l', 2 + head[0] % 2, 0, 1]);
        whole[4..].copy_from_slice(&head);
        whole[12..].copy_from_slice(&[head[8] % 80, 0, 0, 0]);
        if let Ok(head) = Head::read(&whole)
            && let Ok(Some((_, Ok(reply)))) = head.answer(&rest)
        {
            drop(reply.value());
        }
        let mut reader = Reader::new(&rest, head[1] % 2 == 0);
        drop(reader.variant());
        if let Ok(mut list) = reader.array(8)
            && let Ok(text) = list.text()
        {
            prop_assert!(text.len() < rest.len());
        }
    }
}

/// The real bus of the reference implementation, where it is installed.
#[test]
fn the_real_bus_lets_us_in_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(bus) = RealBus::start(folder.path()) else {
        println!("skipped: there is no dbus-daemon");
        return;
    };
    let within = Duration::from_secs(5);
    let mut connection = Connection::open(bus.address.clone(), Peer::Bus, within).unwrap();
    let of_bus = |method, arguments| Call {
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        interface: "org.freedesktop.DBus",
        method,
        arguments,
    };
    let reply = connection.call(&of_bus("GetNameOwner", &["org.freedesktop.DBus"]));
    let reply = reply.unwrap();
    assert_eq!(reply.read("s").unwrap().text(), Ok("org.freedesktop.DBus"));
    let calls = [of_bus("GetConnectionUnixUser", &["org.freedesktop.DBus"]); 150];
    let user = rustix::process::geteuid().as_raw();
    for answer in connection.call_all(&calls).unwrap() {
        assert_eq!(answer.unwrap().read("u").unwrap().u32(), Ok(user));
    }
    let error = connection.call(&of_bus("GetNameOwner", &["no.such.name"]));
    let told = error.unwrap_err().to_string();
    assert!(
        told.contains("org.freedesktop.DBus.Error.NameHasNoOwner: "),
        "{told}"
    );
}

struct RealBus {
    process: std::process::Child,
    address: Address,
}

impl RealBus {
    fn start(folder: &std::path::Path) -> Option<Self> {
        let socket = folder.join("bus").display().to_string();
        let config = folder.join("bus.conf");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>"
        );
        std::fs::write(&config, text).unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "a bus for the test, not a command"
        )]
        let mut command = std::process::Command::new("dbus-daemon");
        let process = command
            .stderr(std::process::Stdio::null())
            .arg("--nofork")
            .arg("--nopidfile")
            .arg(format!("--config-file={}", config.display()))
            .spawn()
            .ok()?;
        let bus = Self {
            process,
            address: Address::Path(socket),
        };
        let end = Instant::now() + Duration::from_secs(10);
        while bus.address.connect(Duration::from_secs(1)).is_err() {
            assert!(Instant::now() < end, "dbus-daemon does not listen");
            std::thread::yield_now();
        }
        Some(bus)
    }
}

impl Drop for RealBus {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
