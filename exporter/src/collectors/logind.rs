//! `logind`: how many sessions there are of each kind, from systemd's login manager over D-Bus.

use std::collections::HashMap;
use std::time::Duration;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::dbus::{Address, Call, Connection, Error, Peer, Reply, Value, property};
use super::{CollectError, Collector, Definition};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "logind",
    help: "Sessions of users, by seat and kind, over D-Bus.",
    default_on: false,
    flags: &[],
    new: |_| Box::new(Logind),
};

/// So long may a page take; the registry gives up earlier, but the connection must end.
const TIME_LIMIT: Duration = Duration::from_secs(5);

const LOGIN: &str = "org.freedesktop.login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const MANAGER_PATH: &str = "/org/freedesktop/login1";
const SESSION: &str = "org.freedesktop.login1.Session";

/// Each of them is on the page for each seat, also where there is no such session. What logind
/// says else is `other`.
const REMOTE: [&str; 2] = ["true", "false"];
const TYPES: [&str; 7] = [
    "other",
    "unspecified",
    "tty",
    "x11",
    "wayland",
    "mir",
    "web",
];
const CLASSES: [&str; 5] = ["other", "user", "greeter", "lock-screen", "background"];

#[derive(Debug)]
struct Logind;

/// What is told of a session.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    seat: String,
    remote: &'static str,
    session_type: &'static str,
    class: &'static str,
}

impl Collector for Logind {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        Address::of_system_bus()
            .and_then(|address| Connection::open(address, Peer::Bus, TIME_LIMIT))
            .and_then(|mut connection| write(&mut connection, page))
            .map_err(|error| CollectError::Call(crate::error::chain(&error)))
    }
}

fn write(connection: &mut Connection, page: &mut Page) -> Result<(), Error> {
    let seats = seats(connection)?;
    let mut counts: HashMap<Kind, u32> = HashMap::new();
    for kind in sessions(connection)? {
        *counts.entry(kind).or_default() += 1;
    }
    page.family(
        "node_logind_sessions",
        "Number of sessions registered in logind.",
        Gauge,
    );
    for seat in &seats {
        for remote in REMOTE {
            for session_type in TYPES {
                for class in CLASSES {
                    let count = counts.get(&Kind {
                        seat: seat.clone(),
                        remote,
                        session_type,
                        class,
                    });
                    let labels = [
                        ("seat", seat.as_str()),
                        ("remote", remote),
                        ("type", session_type),
                        ("class", class),
                    ];
                    page.sample(&labels, count.copied().unwrap_or(0).into());
                }
            }
        }
    }
    Ok(())
}

fn ask(connection: &mut Connection, method: &str) -> Result<Reply, Error> {
    connection.call(&Call {
        destination: LOGIN,
        path: MANAGER_PATH,
        interface: MANAGER,
        method,
        arguments: &[],
    })
}

/// The names of the seats, and the empty one of sessions without a seat, such as those from afar.
fn seats(connection: &mut Connection) -> Result<Vec<String>, Error> {
    let reply = ask(connection, "ListSeats")?;
    let read = || {
        let mut list = reply.read("a(so)")?.array(8)?;
        let mut seats = Vec::new();
        while !list.is_at_end() {
            list.align(8)?;
            seats.push(list.text()?.to_owned());
            list.text()?;
        }
        seats.push(String::new());
        Ok(seats)
    };
    read().map_err(|fault| connection.malformed(fault))
}

/// The kinds of all sessions that tell theirs; one may end while it is asked.
fn sessions(connection: &mut Connection) -> Result<Vec<Kind>, Error> {
    let reply = ask(connection, "ListSessions")?;
    // Of each session: its name, the user's number and name, the seat, the path.
    let read = || {
        let mut list = reply.read("a(susso)")?.array(8)?;
        let mut found = Vec::new();
        while !list.is_at_end() {
            list.align(8)?;
            list.text()?;
            list.u32()?;
            list.text()?;
            let seat = list.text()?.to_owned();
            found.push((seat, list.text()?.to_owned()));
        }
        Ok(found)
    };
    let found: Vec<(String, String)> = read().map_err(|fault| connection.malformed(fault))?;
    let properties = ["Remote", "Type", "Class"].map(|name| [SESSION, name]);
    let calls: Vec<Call<'_>> = found
        .iter()
        .flat_map(|(_, path)| {
            properties
                .iter()
                .map(|name| property::get(LOGIN, path, name))
        })
        .collect();
    let mut answers = connection.call_all(&calls)?.into_iter();
    let mut kinds = Vec::new();
    for (seat, _) in found {
        let (remote, session_type, class) = (answers.next(), answers.next(), answers.next());
        let remote = match remote.and_then(property::value) {
            Some(Value::Bool(true)) => "true",
            Some(Value::Bool(false)) => "false",
            _ => continue,
        };
        let (Some(session_type), Some(class)) = (
            session_type.and_then(property::text),
            class.and_then(property::text),
        ) else {
            continue;
        };
        kinds.push(Kind {
            seat,
            remote,
            session_type: known(&session_type, &TYPES),
            class: known(&class, &CLASSES),
        });
    }
    Ok(kinds)
}

fn known(text: &str, names: &[&'static str]) -> &'static str {
    let found = names.iter().find(|name| **name == text);
    found.copied().unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::super::dbus::tests::{Asked, Told, list, number, peer, text};
    use super::*;

    fn answer(asked: &Asked) -> Told {
        let name = asked.arguments.last().map_or("", String::as_str);
        match (asked.method.as_str(), asked.path.as_str(), name) {
            ("ListSeats", ..) => list("a(so)", &[vec!["seat0", "/seat/seat0"]]),
            ("ListSessions", ..) => list(
                "a(susso)",
                &[
                    vec!["1", "1000", "ann", "seat0", "/s/1"],
                    vec!["2", "1000", "ann", "", "/s/2"],
                    vec!["3", "1001", "bob", "", "/s/3"],
                    vec!["4", "1001", "bob", "", "/s/gone"],
                ],
            ),
            (_, "/s/gone", _) => Err("org.freedesktop.DBus.Error.UnknownObject"),
            (_, "/s/1", "Remote") => number("b", 0),
            (_, "/s/1", "Type") => text("wayland"),
            (_, _, "Remote") => number("b", 1),
            (_, _, "Type") => text("teleprinter"),
            _ => text("user"),
        }
    }

    #[test]
    fn sessions_are_counted_by_seat_and_kind() {
        let mut page = Page::new();
        write(&mut peer(answer), &mut page).unwrap();
        let page = String::from_utf8(page.finish().to_vec()).unwrap();
        let lines: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), 2 * REMOTE.len() * TYPES.len() * CLASSES.len());
        let some: Vec<_> = lines.iter().filter(|line| !line.ends_with(" 0")).collect();
        assert_eq!(
            some,
            [
                &"node_logind_sessions{seat=\"seat0\",remote=\"false\",type=\"wayland\",class=\"user\"} 1",
                &"node_logind_sessions{seat=\"\",remote=\"true\",type=\"other\",class=\"user\"} 2",
            ]
        );
    }
}
