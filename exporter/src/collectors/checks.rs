//! What is judged at the start beside a flag's kind: values that their collector could not use, and
//! flags that rule each other out.

use std::collections::BTreeSet;

use super::settings::FlagError;
use super::{Settings, ipvs, ntp, supervisord, sysctl};

/// Says what was expected and what was found.
type Check = fn(&Settings) -> Result<(), String>;

/// The flags whose values are looked at.
const CHECKS: [(&str, Check); 5] = [
    ("ipvs.backend-labels", ipvs::check),
    ("ntp.server", ntp::check),
    ("supervisord.url", supervisord::check),
    ("sysctl.include", sysctl::check_numbers),
    ("sysctl.include-info", sysctl::check_texts),
];

/// The pairs of which `node_exporter` takes one flag only. Those of other collectors go together.
const PAIRS: [(&str, &str); 5] = [
    ("diskstats.device-include", "diskstats.device-exclude"),
    ("filesystem.fs-types-include", "filesystem.fs-types-exclude"),
    (
        "filesystem.mount-points-include",
        "filesystem.mount-points-exclude",
    ),
    ("netdev.device-include", "netdev.device-exclude"),
    ("qdisc.device-include", "qdisc.device-exclude"),
];

/// Judges the flags of the collectors that are on.
pub fn check(enabled: &BTreeSet<&str>, settings: &Settings) -> Result<(), FlagError> {
    let is_on = |flag: &str| {
        let collector = flag.split('.').next().unwrap_or_default();
        enabled.contains(collector)
    };
    for (flag, check) in CHECKS {
        if is_on(flag) {
            check(settings).map_err(|reason| FlagError::new(flag, reason))?;
        }
    }
    for (include, exclude) in PAIRS {
        let is_given = |flag| settings.given(flag).is_some_and(|text| !text.is_empty());
        if is_on(include) && is_given(include) && is_given(exclude) {
            let reason = format!("expected it or --collector.{exclude}, found both");
            return Err(FlagError::new(include, reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, Flag};
    use super::*;

    fn flag(name: &str) -> &'static Flag {
        let mut all = ALL.iter().flat_map(|definition| definition.flags);
        all.find(|flag| flag.name == name).unwrap()
    }

    fn told(given: &[(&str, &str)]) -> Result<(), String> {
        let enabled = ALL.iter().map(|definition| definition.name).collect();
        let mut settings = Settings::default();
        for (name, value) in given {
            settings.set(flag(name), vec![(*value).to_owned()]).unwrap();
        }
        check(&enabled, &settings).map_err(|error| error.to_string())
    }

    #[test]
    fn every_name_is_a_flag_and_every_default_is_allowed() {
        for (name, _) in CHECKS {
            assert_eq!(flag(name).name, name);
        }
        for (include, exclude) in PAIRS {
            assert_eq!((flag(include).name, flag(exclude).name), (include, exclude));
        }
        assert_eq!(told(&[]), Ok(()));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_told_with_its_flag() {
        for (name, value, expected) in [
            (
                "ipvs.backend-labels",
                "local_address,x",
                "some of local_address",
            ),
            ("ntp.server", "192.0.2.1", "a loopback address"),
            ("supervisord.url", "x", "a URL `http://...` or `unix://...`"),
            ("sysctl.include", "", "NAME or NAME:KEY,KEY,..."),
            ("sysctl.include", ":a", "NAME or NAME:KEY,KEY,..."),
            ("sysctl.include", "a:b:c", "NAME or NAME:KEY,KEY,..."),
            ("sysctl.include", "a:b,,c", "NAME or NAME:KEY,KEY,..."),
            ("sysctl.include-info", "", "a name without keys"),
            ("sysctl.include-info", "a:b", "a name without keys"),
        ] {
            let told = told(&[(name, value)]).unwrap_err();
            let start = format!("--collector.{name}: expected {expected}");
            assert!(told.starts_with(&start), "{told}");
            assert!(told.contains(", found `"), "{told}");
        }
        for (name, value) in [
            ("ipvs.backend-labels", ""),
            ("ntp.server", "::1"),
            ("sysctl.include", "net.ipv4.tcp_rmem:min,default,max"),
            ("sysctl.include-info", "kernel.seccomp.actions_avail"),
        ] {
            assert_eq!(told(&[(name, value)]), Ok(()), "{name} {value}");
        }
    }

    #[test]
    fn of_a_pair_one_flag_is_taken() {
        for (include, exclude) in PAIRS {
            let told_both = told(&[(include, "a"), (exclude, "b")]).unwrap_err();
            let expected =
                format!("--collector.{include}: expected it or --collector.{exclude}, found both");
            assert_eq!(told_both, expected);
            // An empty one is as good as none, and a default gives way.
            assert_eq!(told(&[(include, "a"), (exclude, "")]), Ok(()));
            assert_eq!(told(&[(include, ""), (exclude, "b")]), Ok(()));
            assert_eq!(told(&[(include, "a")]), Ok(()));
        }
        let both = [("systemd.unit-include", "a"), ("systemd.unit-exclude", "b")];
        assert_eq!(told(&both), Ok(()));
    }
}
