//! Units: the list of all of them, and what is told of those that are let through.

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::super::dbus::{Call, Connection, Error, Malformed, Reply, property};
use super::{MANAGER, MANAGER_PATH, Part, SERVICE, STATES};

/// A unit as it stands in the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) load_state: String,
    pub(super) active_state: String,
    /// The object that has its properties.
    path: String,
}

/// All units that systemd has in memory.
pub(super) fn list(connection: &mut Connection) -> Result<Vec<Unit>, Error> {
    let reply = connection.call(&Call {
        destination: SERVICE,
        path: MANAGER_PATH,
        interface: MANAGER,
        method: "ListUnits",
        arguments: &[],
    })?;
    read_list(&reply).map_err(|fault| connection.malformed(fault))
}

/// Of each unit: name, description, load state, active state, sub state, the unit it follows, its
/// path, and a job's number, type and path.
fn read_list(reply: &Reply) -> Result<Vec<Unit>, Malformed> {
    let mut list = reply.read("a(ssssssouso)")?.array(8)?;
    let mut units = Vec::new();
    while !list.is_at_end() {
        list.align(8)?;
        let name = list.text()?.to_owned();
        list.text()?;
        let load_state = list.text()?.to_owned();
        let active_state = list.text()?.to_owned();
        list.text()?;
        list.text()?;
        let path = list.text()?.to_owned();
        list.u32()?;
        list.text()?;
        list.text()?;
        units.push(Unit {
            name,
            load_state,
            active_state,
            path,
        });
    }
    Ok(units)
}

/// A family whose series are a property of each unit of a kind.
struct Family {
    name: &'static str,
    help: &'static str,
    metric_type: MetricType,
    /// What the units' names end with.
    kind: &'static str,
    property: [&'static str; 2],
    measure: Measure,
    part: Part,
}

/// What a property's number counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    One,
    /// The greatest number stands for none.
    OneOrNone,
    Microseconds,
    /// Of units that are not active it is 0, whatever the property says.
    MicrosecondsWhileActive,
}

const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE_UNIT: &str = "org.freedesktop.systemd1.Service";
const MOUNT_UNIT: &str = "org.freedesktop.systemd1.Mount";
const SOCKET_UNIT: &str = "org.freedesktop.systemd1.Socket";
const TIMER_UNIT: &str = "org.freedesktop.systemd1.Timer";

const FAMILIES: [Family; 8] = [
    Family {
        name: "node_systemd_service_restart_total",
        help: "Service unit count of Restart triggers",
        metric_type: Counter,
        kind: ".service",
        property: [SERVICE_UNIT, "NRestarts"],
        measure: Measure::One,
        part: Part::Restarts,
    },
    Family {
        name: "node_systemd_unit_start_time_seconds",
        help: "Start time of the unit since unix epoch in seconds.",
        metric_type: Gauge,
        kind: "",
        property: [UNIT, "ActiveEnterTimestamp"],
        measure: Measure::MicrosecondsWhileActive,
        part: Part::StartTime,
    },
    Family {
        name: "node_systemd_unit_tasks_current",
        help: "Current number of tasks per Systemd unit",
        metric_type: Gauge,
        kind: ".service",
        property: [SERVICE_UNIT, "TasksCurrent"],
        measure: Measure::OneOrNone,
        part: Part::Tasks,
    },
    Family {
        name: "node_systemd_unit_tasks_max",
        help: "Maximum number of tasks per Systemd unit",
        metric_type: Gauge,
        kind: ".service",
        property: [SERVICE_UNIT, "TasksMax"],
        measure: Measure::OneOrNone,
        part: Part::Tasks,
    },
    Family {
        name: "node_systemd_timer_last_trigger_seconds",
        help: "Seconds since epoch of last trigger.",
        metric_type: Gauge,
        kind: ".timer",
        property: [TIMER_UNIT, "LastTriggerUSec"],
        measure: Measure::Microseconds,
        part: Part::Timers,
    },
    Family {
        name: "node_systemd_socket_accepted_connections_total",
        help: "Total number of accepted socket connections",
        metric_type: Counter,
        kind: ".socket",
        property: [SOCKET_UNIT, "NAccepted"],
        measure: Measure::One,
        part: Part::Sockets,
    },
    Family {
        name: "node_systemd_socket_current_connections",
        help: "Current number of socket connections",
        metric_type: Gauge,
        kind: ".socket",
        property: [SOCKET_UNIT, "NConnections"],
        measure: Measure::One,
        part: Part::Sockets,
    },
    Family {
        name: "node_systemd_socket_refused_connections_total",
        help: "Total number of refused socket connections",
        metric_type: Gauge,
        kind: ".socket",
        property: [SOCKET_UNIT, "NRefused"],
        measure: Measure::One,
        part: Part::Sockets,
    },
];

/// What units say of their type: the label `type` is empty for all others.
const TYPES: [(&str, [&str; 2]); 2] = [
    (".service", [SERVICE_UNIT, "Type"]),
    (".mount", [MOUNT_UNIT, "Type"]),
];

/// Writes the states of these units and the parts that are `told`. A unit that does not tell a property, as one that has just
/// gone, has no series of it.
pub(super) fn write(
    connection: &mut Connection,
    units: &[Unit],
    told: impl Fn(Part) -> bool,
    page: &mut Page,
) -> Result<(), Error> {
    write_states(connection, units, page)?;
    for family in FAMILIES.iter().filter(|family| told(family.part)) {
        family.write(connection, units, page)?;
    }
    Ok(())
}

fn write_states(connection: &mut Connection, units: &[Unit], page: &mut Page) -> Result<(), Error> {
    let property_of = |unit: &Unit| TYPES.iter().find(|(kind, _)| unit.name.ends_with(kind));
    let calls: Vec<Call<'_>> = units
        .iter()
        .filter_map(|unit| Some(property::get(SERVICE, &unit.path, &property_of(unit)?.1)))
        .collect();
    let mut answers = connection.call_all(&calls)?.into_iter();
    page.family("node_systemd_unit_state", "Systemd unit", Gauge);
    for unit in units {
        let answer = property_of(unit).and_then(|_| answers.next());
        let kind = answer.and_then(property::text).unwrap_or_default();
        for state in STATES {
            let labels = [
                ("name", unit.name.as_str()),
                ("state", state),
                ("type", &kind),
            ];
            let holds = unit.active_state == state;
            page.sample(&labels, if holds { 1.0 } else { 0.0 });
        }
    }
    Ok(())
}

impl Family {
    fn write(
        &self,
        connection: &mut Connection,
        units: &[Unit],
        page: &mut Page,
    ) -> Result<(), Error> {
        let of_kind = units.iter().filter(|unit| unit.name.ends_with(self.kind));
        let units: Vec<&Unit> = of_kind.collect();
        let calls: Vec<Call<'_>> = units
            .iter()
            .filter(|unit| self.asks(unit))
            .map(|unit| property::get(SERVICE, &unit.path, &self.property))
            .collect();
        let mut answers = connection.call_all(&calls)?.into_iter();
        page.family(self.name, self.help, self.metric_type);
        for unit in units {
            let number = if self.asks(unit) {
                answers.next().and_then(property::number)
            } else {
                Some(0)
            };
            if let Some(value) = number.and_then(|number| self.measure.value(number)) {
                page.sample(&[("name", &unit.name)], value);
            }
        }
        Ok(())
    }

    /// Whether a unit is asked for the property.
    fn asks(&self, unit: &Unit) -> bool {
        self.measure != Measure::MicrosecondsWhileActive || unit.active_state == "active"
    }
}

impl Measure {
    fn value(self, number: u64) -> Option<f64> {
        match self {
            Self::OneOrNone if number == u64::MAX => None,
            Self::One | Self::OneOrNone => Some(number as f64),
            Self::Microseconds | Self::MicrosecondsWhileActive => Some(number as f64 / 1e6),
        }
    }
}
