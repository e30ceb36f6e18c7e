//! Configuration files: every bad one has its line here.

use std::fs;
use std::path::{Path, PathBuf};

use watchpost_scraper::config::Config;

/// Each bad file, and what is said of it (without the list of the keys that there are).
const BAD: &[(&str, &str)] = &[
    (
        "alertmanager_keys",
        "alertmanager_keys.bad.yaml:1: route: this key of Alertmanager belongs under `notifications`\nalertmanager_keys.bad.yaml:2: receivers: this key of Alertmanager belongs under `notifications`\nalertmanager_keys.bad.yaml:3: inhibit_rules: this key of Alertmanager belongs under `notifications`",
    ),
    (
        "bad_duration",
        "bad_duration.bad.yaml:2: global.scrape_interval: expected a duration like `30s` or `1h30m` (units y, w, d, h, m, s, ms, each at most once and in this order), found `5 seconds`",
    ),
    (
        "bad_regex",
        "bad_regex.bad.yaml:3: scrape_configs[0].relabel_configs[0].regex: expected a regular expression in RE2 syntax, found `a(`: expected a closing `)`",
    ),
    (
        "bad_size",
        "bad_size.bad.yaml:1: global.body_size_limit: expected a size like `512MB` or `10GiB`, found `10`",
    ),
    (
        "binary_label",
        "binary_label.bad.yaml:3: a value in base64 (`!!binary`) is not supported\nbinary_label.bad.yaml:4: a value in base64 (`!!binary`) is not supported",
    ),
    (
        "command_host",
        "command_host.bad.yaml:1: commands.hosts[0].host: expected a host, found none",
    ),
    (
        "duplicate_key",
        "duplicate_key.bad.yaml:2: global: expected each key once, found it again",
    ),
    (
        "empty_static_config",
        "empty_static_config.bad.yaml:3: scrape_configs[0].static_configs: expected targets in each entry, found an empty one",
    ),
    (
        "global_timeout_above_interval",
        "global_timeout_above_interval.bad.yaml:1: global.scrape_timeout: expected at most scrape_interval (15s), found 20s",
    ),
    (
        "hashmod",
        "hashmod.bad.yaml:3: scrape_configs[0].relabel_configs[0].action: `hashmod` is not supported yet",
    ),
    (
        "labeldrop_with_target",
        "labeldrop_with_target.bad.yaml:3: scrape_configs[0].metric_relabel_configs[0].target_label: expected no such key with action `labeldrop`",
    ),
    (
        "no_job_name",
        "no_job_name.bad.yaml:2: scrape_configs[0].job_name: expected a name, found none",
    ),
    (
        "no_receiver",
        "no_receiver.bad.yaml:2: notifications.route.receiver: expected the name of a receiver, found `nobody`",
    ),
    (
        "not_yaml",
        "not_yaml.bad.yaml:2: expected valid YAML: did not find expected ',' or '}', while parsing a flow mapping at line 1 column 9",
    ),
    (
        "password_twice",
        "password_twice.bad.yaml:3: scrape_configs[0].basic_auth.password_file: expected one of `password` and `password_file`, found both",
    ),
    (
        "relabel_without_target",
        "relabel_without_target.bad.yaml:3: scrape_configs[0].relabel_configs[0].target_label: expected a label for action `replace`, found none",
    ),
    (
        "retention_percentage",
        "retention_percentage.bad.yaml:1: storage.tsdb.retention.percentage: this key is not supported yet",
    ),
    (
        "same_job_twice",
        "same_job_twice.bad.yaml:4: scrape_configs[2].job_name: expected a name of its own, found `a` again",
    ),
    (
        "store_limits",
        "store_limits.bad.yaml:3: storage.tsdb.window: expected 1m to 31d, found 10s\nstore_limits.bad.yaml:4: storage.tsdb.sync_interval: expected 10ms to 1h, found 0s\nstore_limits.bad.yaml:5: storage.tsdb.max_memory: expected at least 16MiB, found 1MiB\nstore_limits.bad.yaml:6: storage.tsdb.cache_size: expected at least 1MiB, found 1KiB",
    ),
    (
        "target_port",
        "target_port.bad.yaml:4: scrape_configs[0].static_configs[0].targets[0]: expected a port from 1 to 65535 after the `:`, found `web1:99999`\ntarget_port.bad.yaml:5: scrape_configs[0].static_configs[1].targets[0]: expected a port from 1 to 65535 after the `:`, found `web1:`\ntarget_port.bad.yaml:5: scrape_configs[0].static_configs[1].targets[1]: expected a port from 1 to 65535 after the `:`, found `[::1]:x`",
    ),
    (
        "target_with_password",
        "target_with_password.bad.yaml:4: scrape_configs[0].static_configs[0].targets[0]: expected `host:port`, found `@` in it (a user and a password are `basic_auth`, parameters are `params`)",
    ),
    (
        "target_with_path",
        "target_with_path.bad.yaml:4: scrape_configs[0].static_configs[0].targets[0]: expected `host:port` without scheme and path (they are `scheme` and `metrics_path`), found `http://web:9100/metrics`",
    ),
    (
        "timeout_above_interval",
        "timeout_above_interval.bad.yaml:4: scrape_configs[0].scrape_timeout: expected at most scrape_interval (15s), found 20s",
    ),
    (
        "two_credentials",
        "two_credentials.bad.yaml:4: scrape_configs[0].authorization: expected one of `basic_auth` and `authorization`, found both",
    ),
    (
        "unknown_action",
        "unknown_action.bad.yaml:3: scrape_configs[0].relabel_configs[0].action: expected one of `replace`, `lowercase`, `uppercase`, `keep`, `drop`, `keepequal`, `dropequal`, `labelmap`, `labeldrop`, `labelkeep`, `hashmod`, found `explode`\nunknown_action.bad.yaml:3: scrape_configs[0].relabel_configs[0].target_label: expected a label for action `replace`, found none",
    ),
    (
        "unknown_email_key",
        "unknown_email_key.bad.yaml:2: notifications.receivers[0].email_configs[0].htm: unknown key `htm`, expected one of `to`, `from`, `smarthost`, `hello`, `auth_username`, `auth_password`, `auth_password_file`, `require_tls`, `force_implicit_tls`, `tls_config`, `headers`, `send_resolved`\nunknown_email_key.bad.yaml:3: globe: unknown key `globe`, did you mean `global`?",
    ),
    (
        "unknown_key",
        "unknown_key.bad.yaml:3: scrape_configs[0].scrape_intervall: unknown key `scrape_intervall`, did you mean `scrape_interval`?",
    ),
    (
        "unknown_section",
        "unknown_section.bad.yaml:1: globals: unknown key `globals`, did you mean `global`?",
    ),
    (
        "unsupported_key",
        "unsupported_key.bad.yaml:3: scrape_configs[0].consul_sd_configs: this key is not supported yet",
    ),
    (
        "unsupported_section",
        "unsupported_section.bad.yaml:1: remote_write: this key is not supported yet",
    ),
    (
        "wrong_type",
        "wrong_type.bad.yaml:2: global.scrape_interval: expected a text, found a list",
    ),
    (
        "zero_interval",
        "zero_interval.bad.yaml:1: global.evaluation_interval: expected more than 0s, found 0s",
    ),
    (
        "zero_retention",
        "zero_retention.bad.yaml:1: storage.tsdb.retention.time: expected more than 0s, found 0s",
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

fn names(ending: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()?
                .strip_suffix(ending)
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

fn said(name: &str) -> String {
    let faults = Config::read(&folder().join(name)).unwrap_err().to_string();
    faults.replace(&format!("{}/", folder().display()), "")
}

#[test]
fn good_files_are_taken() {
    for name in names(".good.yaml") {
        let path = folder().join(format!("{name}.good.yaml"));
        if let Err(faults) = Config::read(&path) {
            panic!("{faults}");
        }
    }
}

#[test]
fn bad_files_are_refused_with_file_line_and_key() {
    for (name, text) in BAD {
        let said = said(&format!("{name}.bad.yaml"));
        assert!(said.starts_with(text), "expected {text}, found {said}");
    }
    let listed: Vec<&str> = BAD.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(".bad.yaml"), listed, "every bad file has a line here");
}
