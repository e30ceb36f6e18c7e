//! `watchpost check`: finds all faults of files, without running anything.

use std::path::{Path, PathBuf};

use watchpost_model::config::Faults;
use watchpost_promql::Features;
use watchpost_rules::{RuleGroup, library, load_rule_file};

use super::{Failure, say};
use crate::config::{Config, port};
use crate::flags::CheckVerb;
use crate::scrape;

/// Runs the verb.
pub fn run(verb: &CheckVerb) -> Result<(), Failure> {
    match verb {
        CheckVerb::Config { file, features } => check_config(file, features.language()),
        CheckVerb::Rules { files, features } => check_rules(files, features.language()),
    }
}

fn check_config(file: &Path, features: Features) -> Result<(), Failure> {
    let config = read_config(file, features)?;
    let targets: usize = config
        .scrape_configs
        .iter()
        .flat_map(|job| &job.static_configs)
        .map(|group| group.targets.len())
        .sum();
    let name = file.display().to_string();
    let mut faults = Faults::new(name.as_str());
    let rules = match rule_groups(&name, &config, features) {
        Ok(groups) => rule_count(&groups),
        Err(more) => {
            faults.extend(more);
            0
        }
    };
    // What a start would fail on: certificates that cannot be read.
    let manager = match scrape::Manager::new(&config) {
        Ok(manager) => Some(manager),
        Err(error) => {
            let error = anyhow::Error::new(error);
            faults.add("scrape_configs", format_args!("{error:#}"));
            None
        }
    };
    faults.into_result(())?;
    for pool in manager.iter().flat_map(scrape::Manager::pools) {
        tell_of_usual_ports(pool);
    }
    say(format_args!(
        "{}: good ({} jobs, {targets} targets, {rules} rules)",
        file.display(),
        config.scrape_configs.len(),
    ));
    Ok(())
}

/// Reads a configuration. Where it is faulty, the faults of the rule files that it names are told
/// along with its own.
pub fn read_config(file: &Path, features: Features) -> Result<Config, Faults> {
    Config::read(file).map_err(|mut faults| {
        for pattern in Config::rule_files_of(file) {
            if let Err(more) = rule_files(&file.display().to_string(), &pattern, features) {
                faults.extend(more);
            }
        }
        faults
    })
}

/// An address without a port means the scheme's, as in Prometheus, and is often a slip.
fn tell_of_usual_ports(pool: &scrape::Pool) {
    for target in &pool.targets {
        let address = target.discovered.get("__address__");
        if target.url.port().is_none() && port(address).is_none() {
            say(format_args!(
                "note: job `{}`: `{address}` names no port: port {} is scraped",
                pool.name,
                target.url.port_or_known_default().unwrap_or_default(),
            ));
        }
    }
}

fn check_rules(files: &[PathBuf], features: Features) -> Result<(), Failure> {
    let mut faults = Faults::default();
    for file in files {
        match read_rules(file, features) {
            Ok(groups) => say(format_args!(
                "{}: good ({} rules)",
                file.display(),
                rule_count(&groups)
            )),
            Err(more) => faults.extend(more),
        }
    }
    Ok(faults.into_result(())?)
}

/// How many rules there are.
pub fn rule_count(groups: &[RuleGroup]) -> usize {
    groups.iter().map(|group| group.rules.len()).sum()
}

/// The shipped rules and those of all files that a configuration names; the faults of all of them
/// together.
pub fn rule_groups(
    file: &str,
    config: &Config,
    features: Features,
) -> Result<Vec<RuleGroup>, Faults> {
    let mut faults = Faults::new(file);
    let mut groups = if config.shipped_rules {
        library()?
    } else {
        Vec::new()
    };
    for pattern in &config.rule_files {
        match rule_files(file, pattern, features) {
            Ok(more) => groups.extend(more),
            Err(more) => faults.extend(more),
        }
    }
    faults.into_result(groups)
}

/// The rules of the files that a pattern names. One that names none is right, and often a slip.
fn rule_files(file: &str, pattern: &str, features: Features) -> Result<Vec<RuleGroup>, Faults> {
    let mut faults = Faults::new(file);
    let mut groups = Vec::new();
    let files = crate::config::matching_files(pattern).unwrap_or_else(|error| {
        let text = format!("cannot read `{pattern}`: {error}");
        faults.add("rule_files", text);
        Vec::new()
    });
    if files.is_empty() && faults.is_empty() {
        tracing::warn!("{file}: rule_files: no file matches `{pattern}`");
    }
    for file in files {
        match read_rules(&file, features) {
            Ok(more) => groups.extend(more),
            Err(more) => faults.extend(more),
        }
    }
    faults.into_result(groups)
}

fn read_rules(file: &Path, features: Features) -> Result<Vec<RuleGroup>, Faults> {
    let name = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => load_rule_file(&name, &text, features),
        Err(error) => {
            let mut faults = Faults::new(name);
            faults.add("", format_args!("cannot read the file: {error}"));
            Err(faults)
        }
    }
}
