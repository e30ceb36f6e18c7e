//! `systemd`: units, timers, sockets and the state of the system, from systemd over D-Bus.
//!
//! A page takes one list of all units and a property or two of each unit that is let through. The
//! connection is made for the page and ends with it.

#[cfg(test)]
mod tests;
mod units;

use std::collections::BTreeMap;
use std::time::Duration;

use watchpost_model::MetricType::Gauge;
use watchpost_model::text::Page;

use super::dbus::{Address, Connection, Error, Peer, property};
use super::{CollectError, Collector, Definition, Flag, Pattern, Settings};
use units::Unit;

const INCLUDE: Flag = Flag::pattern(
    "systemd.unit-include",
    ".+",
    "Regexp of systemd units to include. Units must both match include and not match exclude to be included.",
);
const EXCLUDE: Flag = Flag::pattern(
    "systemd.unit-exclude",
    r".+\.(automount|device|mount|scope|slice)",
    "Regexp of systemd units to exclude. Units must both match include and not match exclude to be included.",
);
const TASKS: Flag = Flag::switch(
    "systemd.enable-task-metrics",
    "Enables service unit tasks metrics unit_tasks_current and unit_tasks_max",
);
const RESTARTS: Flag = Flag::switch(
    "systemd.enable-restarts-metrics",
    "Enables service unit metric service_restart_total",
);
const START_TIME: Flag = Flag::switch(
    "systemd.enable-start-time-metrics",
    "Enables service unit metric unit_start_time_seconds",
);
const PRIVATE: Flag = Flag::switch(
    "systemd.private",
    "Establish a private, direct connection to systemd without dbus (Strongly discouraged since it requires root. For testing purposes only).",
);

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "systemd",
    help: "Units, timers and sockets of systemd, over D-Bus.",
    default_on: false,
    flags: &[INCLUDE, EXCLUDE, TASKS, RESTARTS, START_TIME, PRIVATE],
    new: |settings| Box::new(Systemd::new(settings)),
};

/// Where systemd itself listens, for root only.
const PRIVATE_SOCKET: &str = "/run/systemd/private";

/// So long may a page take; the registry gives up earlier, but the connection must end.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The first version with the state of the system and the times of timers.
const VERSION_WITH_STATE: f64 = 212.0;

const SERVICE: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";

/// The states that a unit is shown in.
const STATES: [&str; 5] = ["active", "activating", "deactivating", "inactive", "failed"];

#[derive(Debug)]
struct Systemd {
    include: Option<Pattern>,
    exclude: Option<Pattern>,
    parts: Vec<Part>,
    private: bool,
}

/// What can be told of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Sockets,
    /// Since version 212.
    Timers,
    Tasks,
    Restarts,
    StartTime,
}

impl Systemd {
    fn new(settings: &Settings) -> Self {
        // The whole name must match, other than with most flags.
        let whole = |flag| Pattern::new(&format!("^(?:{})$", settings.text(flag))).ok();
        let mut parts = vec![Part::Sockets, Part::Timers];
        for (flag, part) in [
            (TASKS, Part::Tasks),
            (RESTARTS, Part::Restarts),
            (START_TIME, Part::StartTime),
        ] {
            if settings.switch(&flag) {
                parts.push(part);
            }
        }
        Self {
            include: whole(&INCLUDE),
            exclude: whole(&EXCLUDE),
            parts,
            private: settings.switch(&PRIVATE),
        }
    }

    /// The bus, or systemd itself where there is none.
    fn connect(&self) -> Result<Connection, Error> {
        let directly = || {
            let address = Address::Path(PRIVATE_SOCKET.to_owned());
            Connection::open(address, Peer::Program, TIME_LIMIT)
        };
        if self.private {
            return directly();
        }
        Connection::open(Address::of_system_bus()?, Peer::Bus, TIME_LIMIT)
            .or_else(|error| directly().map_err(|_| error))
    }

    fn lets_through(&self, unit: &Unit) -> bool {
        let found = |pattern: &Option<Pattern>| {
            let pattern = pattern.as_ref();
            pattern.is_some_and(|pattern| pattern.occurs_in(&unit.name))
        };
        unit.load_state == "loaded" && found(&self.include) && !found(&self.exclude)
    }

    fn write(&self, connection: &mut Connection, page: &mut Page) -> Result<(), Error> {
        let version = write_version(connection, page)?;
        write_virtualization(connection, page)?;
        let mut units = units::list(connection)?;
        write_summary(&units, page);
        units.retain(|unit| self.lets_through(unit));
        let has_state = version >= VERSION_WITH_STATE;
        let told = |part| self.parts.contains(&part) && (has_state || part != Part::Timers);
        units::write(connection, &units, told, page)?;
        if has_state {
            write_state(connection, page)?;
        }
        Ok(())
    }
}

impl Collector for Systemd {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        self.connect()
            .and_then(|mut connection| self.write(&mut connection, page))
            .map_err(|error| CollectError::Call(crate::error::chain(&error)))
    }
}

/// A text property of systemd itself; nothing where it has none of the name.
fn manager_text(connection: &mut Connection, name: &str) -> Result<Option<String>, Error> {
    let arguments = [MANAGER, name];
    let call = property::get(SERVICE, MANAGER_PATH, &arguments);
    let answers = connection.call_all(&[call])?;
    Ok(answers.into_iter().next().and_then(property::text))
}

/// The version as a number, 0 where it is not known.
fn write_version(connection: &mut Connection, page: &mut Page) -> Result<f64, Error> {
    let text = manager_text(connection, "Version")?.unwrap_or_default();
    let number = version_number(&text);
    let shown = if number.is_some() { text.as_str() } else { "" };
    page.family("node_systemd_version", "Detected systemd version", Gauge);
    let number = number.unwrap_or(0.0);
    page.sample(&[("version", shown)], number);
    Ok(number)
}

/// The first three digits or more of a version, with one fraction: 252.39 of `252.39-1~deb12u2`.
fn version_number(text: &str) -> Option<f64> {
    let is_digit = |c: char| c.is_ascii_digit();
    let mut parts = text.split(|c: char| !is_digit(c) && c != '.');
    parts.find_map(|part| {
        let mut numbers = part.split('.').peekable();
        while let Some(number) = numbers.next() {
            if number.len() >= 3 {
                let fraction = numbers.peek().filter(|text| !text.is_empty());
                return match fraction {
                    Some(fraction) => format!("{number}.{fraction}").parse().ok(),
                    None => number.parse().ok(),
                };
            }
        }
        None
    })
}

fn write_virtualization(connection: &mut Connection, page: &mut Page) -> Result<(), Error> {
    let kind = manager_text(connection, "Virtualization")?;
    let kind = match kind.as_deref() {
        Some("") => "none",
        Some(kind) => kind,
        None => "unknown",
    };
    page.family(
        "node_systemd_virtualization_info",
        "Detected virtualization technology",
        Gauge,
    );
    page.sample(&[("virtualization_type", kind)], 1.0);
    Ok(())
}

fn write_summary(units: &[Unit], page: &mut Page) {
    let mut counts: BTreeMap<&str, u32> = STATES.iter().map(|state| (*state, 0)).collect();
    for unit in units {
        *counts.entry(&unit.active_state).or_default() += 1;
    }
    page.family(
        "node_systemd_units",
        "Summary of systemd unit states",
        Gauge,
    );
    for (state, count) in counts {
        page.sample(&[("state", state)], count.into());
    }
}

fn write_state(connection: &mut Connection, page: &mut Page) -> Result<(), Error> {
    let call = property::get(SERVICE, MANAGER_PATH, &[MANAGER, "SystemState"]);
    let answer = connection.call(&call)?;
    let running = property::text(Ok(answer)).is_some_and(|state| state == "running");
    page.family(
        "node_systemd_system_running",
        "Whether the system is operational (see 'systemctl is-system-running')",
        Gauge,
    );
    page.sample(&[], if running { 1.0 } else { 0.0 });
    Ok(())
}
