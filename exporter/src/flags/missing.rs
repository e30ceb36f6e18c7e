//! `node_exporter`'s flags that are not there yet: told as such, since a unit file that is carried
//! over must neither be refused without a reason nor be obeyed in part.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Error};

use super::{command, switch};

/// `node_exporter`'s collectors on Linux that are not in the table of collectors. `netclass_rtnl` is
/// a part of `netclass` with flags of its own.
const COLLECTORS: [&str; 2] = ["netclass_rtnl", "perf"];

/// `--no-collector.X` of the collectors that are not there asks for what is so anyway.
pub(super) fn switches_off() -> impl Iterator<Item = Arg> {
    let name = |collector| format!("no-collector.{collector}");
    let names = COLLECTORS.into_iter();
    names.map(move |collector| switch(name(collector), "").hide(true))
}

/// Says so where a flag is one of `node_exporter`'s that is not there yet. Of an error about a
/// collector's flag the tip is taken away, since it goes by letters alone: it would lead from an
/// exclude to an include, or from one collector to another.
#[must_use]
pub fn explain(mut error: Error) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = given.trim_start_matches('-');
    let flag = flag.strip_prefix("no-").unwrap_or(flag);
    if !is_missing(flag) {
        if flag.starts_with("collector.") {
            error.remove(ContextKind::SuggestedArg);
        }
        return error;
    }
    let what = if flag.matches('.').count() > 1 {
        "flag"
    } else {
        "collector"
    };
    let text = format!(
        "{given}: node_exporter has this {what}, watchpost-exporter does not have it yet; leave the flag out"
    );
    command().error(ErrorKind::UnknownArgument, text)
}

/// Whether a flag without its dashes belongs to a collector that is not there yet.
fn is_missing(flag: &str) -> bool {
    let name = flag.strip_prefix("collector.").unwrap_or_default();
    let name = name.split('.').next().unwrap_or_default();
    COLLECTORS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::{ALL, FlagKind};

    fn told(flag: &str) -> String {
        let args = ["watchpost-exporter", flag];
        let error = command().try_get_matches_from(args).unwrap_err();
        explain(error).to_string()
    }

    #[test]
    fn a_flag_that_is_not_there_yet_is_told_as_such() {
        for (flag, what) in [
            ("--collector.perf", "collector"),
            ("--collector.perf.cpus=0-1", "flag"),
            ("--collector.netclass_rtnl.with-stats", "flag"),
        ] {
            let told = told(flag);
            let name = flag.split('=').next().unwrap();
            let start = format!(
                "error: {name}: node_exporter has this {what}, watchpost-exporter does not have it yet"
            );
            assert!(told.starts_with(&start), "{told}");
        }
        assert!(told("--collector.nonsense").contains("unexpected argument"));
    }

    #[test]
    fn no_tip_leads_from_one_filter_to_its_opposite_or_to_another_collector() {
        for flag in [
            "--collector.netdev.device-blacklist",
            "--collector.bogus",
            "--no-collector.bogus",
        ] {
            let told = told(flag);
            assert!(told.contains(flag) && !told.contains("tip:"), "{told}");
        }
        assert!(told("--web.listen-adress").contains("--web.listen-address"));
    }

    #[test]
    fn to_switch_off_what_is_not_there_is_no_fault() {
        let args = ["watchpost-exporter", "--no-collector.arp"];
        assert!(command().try_get_matches_from(args).is_ok());
    }

    #[test]
    fn the_document_tells_regular_expressions_from_other_values() {
        let document = include_str!("../../../docs/exporter.md");
        let (_, rest) = document
            .split_once("Regular expressions are the flags")
            .unwrap();
        let (named, _) = rest.split_once(';').unwrap();
        for flag in ALL.iter().flat_map(|definition| definition.flags) {
            let is_told = flag.name.ends_with("-include")
                || flag.name.ends_with("-exclude")
                || named.contains(&format!("`{}`", flag.name));
            let is_one = matches!(flag.kind, FlagKind::Pattern { .. });
            assert_eq!(is_told, is_one, "{}", flag.name);
        }
    }

    #[test]
    fn the_document_names_what_is_there_and_what_is_not() {
        let document = include_str!("../../../docs/exporter.md");
        let (there, _) = document.split_once("## Not there yet").unwrap();
        for definition in ALL {
            let on = if definition.default_on { "yes" } else { "no" };
            let row = there
                .lines()
                .find(|line| line.starts_with(&format!("| `{}` |", definition.name)));
            let on = format!("| {on} |");
            assert!(
                row.is_some_and(|row| row.contains(&on)),
                "{}",
                definition.name
            );
        }
    }
}
