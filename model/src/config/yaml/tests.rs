use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::load;
use crate::Duration;
use crate::config::{ByteSize, Faults, Secret, Validate};

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    global: Global,
    jobs: Vec<Job>,
    size: ByteSize,
    labels: BTreeMap<String, String>,
    limit: Option<u16>,
    ratio: f64,
    exporter: Option<IgnoredAny>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Global {
    interval: Duration,
    verbose: bool,
    name: String,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            verbose: false,
            name: "none".to_owned(),
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    name: String,
    #[serde(default)]
    timeout: Duration,
    #[serde(default)]
    action: Action,
    #[serde(default)]
    password: Secret,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    #[default]
    Keep,
    Drop,
    Replace,
}

impl Validate for Config {
    fn validate(&self, faults: &mut Faults) {
        for (at, job) in self.jobs.iter().enumerate() {
            faults.within(&format!("jobs[{at}]"), |faults| {
                if job.timeout > self.global.interval {
                    let found = job.timeout;
                    faults.add(
                        "timeout",
                        format_args!("expected at most interval, found {found}"),
                    );
                }
            });
        }
        if self.jobs.len() == 13 || self.ratio < 0.0 {
            faults.add("jobs", "expected luck, found none");
        }
        if self.limit == Some(0) {
            faults.add("limit.lower", "expected a limit, found 0");
        }
    }
}

fn faults(text: &str) -> String {
    load::<Config>("c.yaml", text).unwrap_err().to_string()
}

#[test]
fn a_file_without_content_is_the_default() {
    for text in ["", "\n", "# nothing\n", "---\n", "{}", "null"] {
        assert_eq!(load("c.yaml", text), Ok(Config::default()), "{text:?}");
    }
}

#[test]
fn values_are_read_as_go_reads_them() {
    let text = "
global: {interval: 1m30s, verbose: yes, name: 1.10}
jobs:
  - &base {name: on, timeout: 5s, action: drop}
  - <<: *base
    name: 0x1F
  - <<: [*base, {timeout: 1s, password: 0123}]
    action:
size: 1GiB
labels: {a: true, b: 014, c: 1e3, d: ~, e: 'null'}
limit: 1e3
ratio: 2
exporter:
  anything: [goes, {here: !tagged 5}]
";
    let config: Config = load("c.yaml", text).unwrap();
    assert_eq!(config.global.interval, Duration::from_millis(90_000));
    assert!(config.global.verbose);
    assert_eq!(config.global.name, "1.10");
    let jobs: Vec<_> = config
        .jobs
        .iter()
        .map(|job| (job.name.as_str(), job.timeout.to_string(), &job.action))
        .collect();
    assert_eq!(
        jobs,
        [
            ("on", "5s".to_owned(), &Action::Drop),
            ("0x1F", "5s".to_owned(), &Action::Drop),
            ("on", "5s".to_owned(), &Action::Keep),
        ]
    );
    assert_eq!(config.jobs[2].password.expose(), "0123");
    let labels: Vec<_> = config.labels.values().map(String::as_str).collect();
    assert_eq!(labels, ["true", "014", "1e3", "", "null"]);
    assert_eq!((config.limit, config.ratio), (Some(1_000), 2.0));
}

#[test]
fn all_faults_are_told_at_once_with_line_and_key() {
    let text = "
global:
  intervall: 5s
  interval: 5
  verbose: maybe
  name: [a]
jobs:
  - name: a
    timeout: 10m
  - timeout: 5m
  - name: b
    action: destroy
    timeout: {s: 5}
  - name: c
    timeout: 2h
    colour: red
  - nonsense
size: 10 GB
labels: {a: {b: c}}
limit: 70000
ratio: 'high'
unknown:
";
    assert_snapshot!(faults(text), @r"
      c.yaml:3: global.intervall: unknown key `intervall`, did you mean `interval`?
      c.yaml:4: global.interval: expected a duration like `30s` or `1h30m` (units y, w, d, h, m, s, ms, each at most once and in this order), found `5`
      c.yaml:5: global.verbose: expected a boolean (`true` or `false`), found the text `maybe`
      c.yaml:6: global.name: expected a text, found a list
      c.yaml:9: jobs[0].timeout: expected at most interval, found 10m
      c.yaml:10: jobs[1]: expected the key `name`, found none
      c.yaml:12: jobs[2].action: expected one of `keep`, `drop`, `replace`, found `destroy`
      c.yaml:13: jobs[2].timeout: expected a text, found a mapping
      c.yaml:15: jobs[3].timeout: expected at most interval, found 2h
      c.yaml:16: jobs[3].colour: unknown key `colour`, expected one of `name`, `timeout`, `action`, `password`
      c.yaml:17: jobs[4]: expected a mapping, found the text `nonsense`
      c.yaml:18: size: expected a size like `512MB` or `10GiB`, found `10 GB`
      c.yaml:19: labels.a: expected a text, found a mapping
      c.yaml:20: limit: expected a whole number from 0 to 65535, found the number `70000`
      c.yaml:21: ratio: expected a number, found the text `high`
      c.yaml:22: unknown: unknown key `unknown`, expected one of `global`, `jobs`, `size`, `labels`, `limit`, `ratio`, `exporter`
    ");
}

#[test]
fn wrong_kinds_are_told_apart() {
    assert_snapshot!(faults("global: 5\njobs: {}\nlimit: 1.5\nratio: [1]\nexporter: 1\nlabels:\n- a"), @r"
      c.yaml:1: global: expected a mapping, found the number `5`
      c.yaml:2: jobs: expected a list, found a mapping
      c.yaml:3: limit: expected a whole number, found the number `1.5`
      c.yaml:4: ratio: expected a number, found a list
      c.yaml:6: labels: expected a mapping, found a list
    ");
    assert_snapshot!(faults("- a\n- b"), @"c.yaml: expected a mapping, found a list");
    assert_snapshot!(faults("just text"), @"c.yaml: expected a mapping, found the text `just text`");
    assert_snapshot!(faults("limit: !env PORT\nratio: -1\njobs: [{}]"), @r"
      c.yaml:1: limit: expected a whole number, found the YAML tag `!env`
      c.yaml:3: jobs[0]: expected the key `name`, found none
    ");
    assert_snapshot!(faults("limit: -1"), @"c.yaml:1: limit: expected a whole number from 0 to 65535, found the number `-1`");
    assert_snapshot!(faults("limit: 0"), @"c.yaml:1: limit.lower: expected a limit, found 0");
}

#[test]
fn keys_that_stand_twice_are_refused_everywhere() {
    assert_snapshot!(faults("labels:\n  a: 1\n  b: 2\n  a: 3\n  a: 4\nsize: 1KB\nsize: 2KB\nexporter:\n  x: 1\n  x: 1"), @r"
      c.yaml:4: labels.a: expected each key once, found it again
      c.yaml:5: labels.a: expected each key once, found it again
      c.yaml:7: size: expected each key once, found it again
      c.yaml:10: exporter.x: expected each key once, found it again
    ");
}

#[test]
fn text_that_is_not_yaml_is_refused_with_its_line() {
    assert_snapshot!(faults("a: b\n  c: d\n"), @"c.yaml:2: expected valid YAML: mapping values are not allowed in this context");
    assert_snapshot!(faults("global:\n\tname: a\n"), @"c.yaml:2: expected valid YAML: found character that cannot start any token, while scanning for the next token");
    assert_snapshot!(faults("a: [b\nc: d\n"), @"c.yaml:2: expected valid YAML: did not find expected ',' or ']', while parsing a flow sequence at line 1 column 4");
    assert_snapshot!(faults("size: 1KB\n---\nsize: 2KB\n"), @"c.yaml: expected one YAML document, found more");
    assert_snapshot!(faults("size: *nowhere\n"), @"c.yaml:1: expected valid YAML: unknown anchor");
    assert_snapshot!(faults("{a: b}: c\n"), @"c.yaml:1: expected valid YAML: invalid type: map, expected a key that is a plain text");
    assert_snapshot!(faults("jobs: [{<<: 5, name: a}]\n"), @"c.yaml:1: jobs[0].<<: expected a mapping to merge, found the number `5`");
}

#[test]
fn the_number_of_faults_told_is_bounded() {
    let lines: Vec<_> = (0..300).map(|at| format!("key{at}: 1")).collect();
    let found = load::<Config>("c.yaml", &lines.join("\n")).unwrap_err();
    assert_eq!(found.iter().count(), 101);
    assert!(
        found
            .to_string()
            .ends_with("more than 100 faults, only these are told")
    );
}

#[test]
fn keys_with_dots_are_found() {
    #[derive(Debug, Deserialize)]
    struct Map(BTreeMap<String, BTreeMap<String, Duration>>);
    impl Validate for Map {
        fn validate(&self, faults: &mut Faults) {
            for (key, inner) in &self.0 {
                faults.within(key, |faults| {
                    for key in inner.keys() {
                        faults.add(key, "expected luck, found none");
                    }
                });
            }
        }
    }
    let found = load::<Map>(
        "c.yaml",
        "a:\n  x: 1s\na.b:\n  c: 1s\n  c.d: 2s\n  c.e: 3\n",
    );
    assert_snapshot!(found.unwrap_err(), @r"
      c.yaml:2: a.x: expected luck, found none
      c.yaml:4: a.b.c: expected luck, found none
      c.yaml:5: a.b.c.d: expected luck, found none
      c.yaml:6: a.b.c.e: expected a duration like `30s` or `1h30m` (units y, w, d, h, m, s, ms, each at most once and in this order), found `3`
    ");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_loading_panic(text in "[ \\n\\t{}\\[\\]:,&*!|>'\"%#?<a-c0-9_.-]{0,60}") {
        drop(load::<Config>("c.yaml", &text));
    }

    #[test]
    fn no_section_makes_loading_panic(
        text in "((global|jobs|size|labels|limit|ratio|exporter|interval|name|<<|- |  )(: )?(\\n|[&*]a|5|x|\\{\\}|\\[\\]|~)?){0,20}"
    ) {
        drop(load::<Config>("c.yaml", &text));
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Route {
    receiver: String,
}

impl Validate for Route {
    fn validate(&self, faults: &mut Faults) {
        if self.receiver.len() < 2 {
            faults.add("receiver", "expected a name");
        }
    }
}

#[test]
fn a_misspelt_key_is_not_told_as_missing_too() {
    let found = |text| load::<Route>("r.yaml", text).unwrap_err().to_string();
    let unknown = "unknown key `reciever`, did you mean `receiver`?";
    assert_eq!(found("{}"), "r.yaml: receiver: expected a name");
    assert_eq!(
        found("reciever: ops"),
        format!("r.yaml:1: reciever: {unknown}")
    );
    assert_eq!(
        found("reciever: ops\nreceiver: a"),
        format!("r.yaml:1: reciever: {unknown}\nr.yaml:2: receiver: expected a name")
    );
}
