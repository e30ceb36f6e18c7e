use super::*;

fn flags(args: &[&str]) -> Result<Flags, String> {
    let args = std::iter::once("watchpost-exporter").chain(args.iter().copied());
    let matches = command()
        .try_get_matches_from(args)
        .map_err(|error| error.to_string())?;
    read(&matches).map_err(|error| error.to_string())
}

#[test]
fn the_grammar_is_sound() {
    command().debug_assert();
}

#[test]
fn without_flags_it_listens_on_9100_with_the_default_collectors() {
    let flags = flags(&[]).unwrap();
    assert_eq!(flags.listen, ["[::]:9100".parse().unwrap()]);
    assert_eq!(flags.config.enabled, Config::default().enabled);
    assert_eq!(flags.config.telemetry_path, "/metrics");
}

#[test]
fn collectors_are_switched_by_their_names_and_the_last_word_counts() {
    let on = |args: &[&str]| flags(args).unwrap().config.enabled.contains("loadavg");
    assert!(on(&[]));
    assert!(!on(&["--no-collector.loadavg"]));
    assert!(on(&["--no-collector.loadavg", "--collector.loadavg"]));
    assert!(!on(&["--collector.disable-defaults"]));
    assert!(on(&["--collector.disable-defaults", "--collector.loadavg"]));
}

#[test]
fn listen_addresses_may_be_repeated_and_have_three_forms() {
    let flags = flags(&[
        "--web.listen-address=127.0.0.1:1",
        "--web.listen-address=[::1]:2",
        "--web.listen-address=:3",
    ]);
    let text: Vec<_> = flags
        .unwrap()
        .listen
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(text, ["127.0.0.1:1", "[::1]:2", "[::]:3"]);
}

#[test]
fn flags_are_taken_under_their_old_names() {
    let flags = flags(&[
        "--collector.diskstats.ignored-devices=^x",
        "--collector.filesystem.stat-workers=4",
    ]);
    let settings = flags.unwrap().config.settings;
    let exclude = ALL
        .iter()
        .flat_map(|definition| definition.flags)
        .find(|flag| flag.name == "diskstats.device-exclude");
    assert_eq!(settings.text(exclude.unwrap()), "^x");
    for (_, new) in OLD_NAMES {
        let mut all = ALL.iter().flat_map(|definition| definition.flags);
        assert!(all.any(|flag| flag.name == new), "{new}");
    }
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    assert!(
        flags(&["--collector.nonsense"])
            .unwrap_err()
            .contains("--collector.nonsense")
    );
    for path in ["metrics", "", "/{x}", "/-/healthy"] {
        let error = flags(&[&format!("--web.telemetry-path={path}")]).unwrap_err();
        assert!(error.starts_with("--web.telemetry-path: "), "{error}");
    }
    let error = flags(&["--web.listen-address=nonsense"]).unwrap_err();
    assert_eq!(
        error,
        "--web.listen-address: expected `[host]:port`, found `nonsense`"
    );
}

#[test]
fn levels_are_taken_in_capitals_too() {
    for level in ["warn", "WARN", "Warn"] {
        let flags = flags(&[&format!("--log.level={level}")]).unwrap();
        assert_eq!(flags.log_level, Level::Warn);
    }
}

#[test]
fn what_a_collector_cannot_use_is_refused_at_the_start() {
    let told = |flag: &str, on: &str| flags(&[flag, on]).unwrap_err();
    let error = told("--collector.ntp.server=192.0.2.1", "--collector.ntp");
    assert!(
        error.starts_with("--collector.ntp.server: expected "),
        "{error}"
    );
    // Nobody asks the server where the collector is off.
    assert!(flags(&["--collector.ntp.server=192.0.2.1"]).is_ok());
}
