use watchpost_model::text::Page;

use super::super::dbus::tests::{Asked, Told, list, number, peer, text};
use super::*;

/// name, load state, active state
const UNITS: [(&str, &str, &str); 7] = [
    ("a.service", "loaded", "active"),
    ("b.service", "loaded", "failed"),
    ("c.socket", "loaded", "active"),
    ("d.timer", "loaded", "active"),
    ("e.mount", "loaded", "active"),
    ("f.service", "not-found", "inactive"),
    ("g.service", "loaded", "reloading"),
];

fn answer(asked: &Asked) -> Told {
    let names: Vec<&str> = asked.arguments.iter().map(String::as_str).collect();
    let unit = asked.path.rsplit('/').next().unwrap();
    match (asked.method.as_str(), names.as_slice(), unit) {
        ("ListUnits", [], _) => {
            let paths = UNITS.map(|(name, ..)| format!("/unit/{name}"));
            let rows: Vec<_> = UNITS
                .iter()
                .zip(&paths)
                .map(|((name, load, active), path)| {
                    vec![name, "Text", load, active, "sub", "", path, "0", "", "/"]
                })
                .collect();
            list("a(ssssssouso)", &rows)
        }
        ("Get", [_, "Version"], _) => text("252.39-1~deb12u2"),
        ("Get", [_, "Virtualization"], _) => text(""),
        ("Get", [_, "SystemState"], _) => text("degraded"),
        ("Get", ["org.freedesktop.systemd1.Service", "Type"], "a.service") => text("notify"),
        ("Get", ["org.freedesktop.systemd1.Mount", "Type"], _) => text("ext4"),
        ("Get", ["org.freedesktop.systemd1.Service", "NRestarts"], _) => number("u", 3),
        ("Get", [_, "TasksCurrent"], "a.service") => number("t", 5),
        ("Get", [_, "TasksCurrent"], _) => number("t", u64::MAX),
        ("Get", [_, "TasksMax"], _) => number("t", 4_915),
        ("Get", ["org.freedesktop.systemd1.Unit", "ActiveEnterTimestamp"], _) => {
            number("t", 1_700_000_000_250_000)
        }
        ("Get", [_, "LastTriggerUSec"], _) => number("t", 1_700_000_001_000_000),
        ("Get", [_, "NAccepted"], _) => number("u", 7),
        ("Get", [_, "NConnections"], _) => number("u", 2),
        // Systems before 239 do not have it.
        ("Get", [_, "NRefused"], _) => Err("org.freedesktop.DBus.Error.UnknownProperty"),
        _ => Err("org.freedesktop.DBus.Error.UnknownObject"),
    }
}

fn page(
    flags: &[(Flag, &str)],
    answer: impl Fn(&Asked) -> Told + Send + 'static,
) -> (String, Result<(), String>) {
    let mut settings = Settings::default();
    for (flag, value) in flags {
        settings.set(flag, vec![(*value).to_owned()]).unwrap();
    }
    let mut page = Page::new();
    let result = Systemd::new(&settings).write(&mut peer(answer), &mut page);
    let text = String::from_utf8(page.finish().to_vec()).unwrap();
    (text, result.map_err(|error| error.to_string()))
}

fn samples(page: &str) -> Vec<&str> {
    page.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn units_that_are_loaded_and_let_through_have_their_state_and_type() {
    let (page, result) = page(&[], answer);
    assert_eq!(result, Ok(()));
    let lines = samples(&page);
    for line in [
        "node_systemd_version{version=\"252.39-1~deb12u2\"} 252.39",
        "node_systemd_virtualization_info{virtualization_type=\"none\"} 1",
        "node_systemd_units{state=\"active\"} 4",
        "node_systemd_units{state=\"activating\"} 0",
        "node_systemd_units{state=\"reloading\"} 1",
        "node_systemd_unit_state{name=\"a.service\",state=\"active\",type=\"notify\"} 1",
        "node_systemd_unit_state{name=\"a.service\",state=\"failed\",type=\"notify\"} 0",
        "node_systemd_unit_state{name=\"b.service\",state=\"failed\",type=\"\"} 1",
        "node_systemd_unit_state{name=\"c.socket\",state=\"active\",type=\"\"} 1",
        "node_systemd_timer_last_trigger_seconds{name=\"d.timer\"} 1.700000001e+09",
        "node_systemd_socket_accepted_connections_total{name=\"c.socket\"} 7",
        "node_systemd_socket_current_connections{name=\"c.socket\"} 2",
        "node_systemd_system_running 0",
    ] {
        assert!(lines.contains(&line), "{line}\n{page}");
    }
    for absent in [
        "e.mount",
        "f.service",
        "tasks",
        "restart",
        "start_time",
        "refused",
    ] {
        assert!(!page.contains(absent), "{absent}");
    }
}

#[test]
fn what_the_flags_ask_for_is_told() {
    let flags = [
        (TASKS, "true"),
        (RESTARTS, "true"),
        (START_TIME, "true"),
        (INCLUDE, "[ab].service|e.*"),
        (EXCLUDE, "b"),
    ];
    let (page, result) = page(&flags, answer);
    assert_eq!(result, Ok(()));
    let lines = samples(&page);
    for line in [
        "node_systemd_unit_state{name=\"e.mount\",state=\"active\",type=\"ext4\"} 1",
        "node_systemd_unit_state{name=\"b.service\",state=\"failed\",type=\"\"} 1",
        "node_systemd_service_restart_total{name=\"a.service\"} 3",
        "node_systemd_unit_tasks_current{name=\"a.service\"} 5",
        "node_systemd_unit_tasks_max{name=\"b.service\"} 4915",
        "node_systemd_unit_start_time_seconds{name=\"a.service\"} 1.70000000025e+09",
        "node_systemd_unit_start_time_seconds{name=\"b.service\"} 0",
    ] {
        assert!(lines.contains(&line), "{line}\n{page}");
    }
    assert!(!page.contains("node_systemd_unit_tasks_current{name=\"b.service\"}"));
    assert!(!page.contains("c.socket"));
}

#[test]
fn an_old_systemd_has_no_timers_and_no_state() {
    let (page, result) = page(&[], |asked| {
        match asked.arguments.last().map(String::as_str) {
            Some("Version") => text("systemd 208"),
            Some("Virtualization") => Err("org.freedesktop.DBus.Error.UnknownProperty"),
            _ => answer(asked),
        }
    });
    assert_eq!(result, Ok(()));
    assert!(page.contains("\nnode_systemd_version{version=\"systemd 208\"} 208\n"));
    assert!(page.contains("{virtualization_type=\"unknown\"} 1\n"));
    assert!(!page.contains("timer_last") && !page.contains("system_running"));
}

#[test]
fn a_list_that_is_not_what_it_should_be_is_an_error() {
    let (page, result) = page(&[], |asked| match asked.method.as_str() {
        "ListUnits" => list("a(ss)", &[vec!["a", "b"]]),
        _ => answer(asked),
    });
    assert_eq!(result, Err("D-Bus at `/x`".to_owned()));
    assert!(page.contains("node_systemd_version"));
    assert!(!page.contains("node_systemd_units"));
}

#[test]
fn a_version_is_its_first_number_of_three_digits() {
    for (text, expected) in [
        ("252.39-1~deb12u2", Some(252.39)),
        ("255 (255.4-1ubuntu8)", Some(255.0)),
        ("v257~rc1", Some(257.0)),
        ("252.", Some(252.0)),
        ("1.252.3.4", Some(252.3)),
        ("99.5", None),
        ("", None),
    ] {
        assert_eq!(version_number(text), expected, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_has_a_version_or_none(text in "\\PC{0,12}", near in "[v ]?[0-9.]{0,40}(-rc[0-9])?") {
        for text in [text, near] {
            let number = version_number(&text);
            proptest::prop_assert!(number.is_none_or(|number| number.is_finite() && number >= 0.0));
        }
    }
}
