use watchpost_promql::Features;

use super::{RuleKind, calls, load_rule_file};

fn faults(text: &str) -> String {
    load_rule_file("r.yaml", text, Features::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_file_with_all_keys_is_read() {
    let text = "
groups:
  - name: all
    interval: 15s
    query_offset: 5s
    limit: 3
    labels: {team: infra, severity: info}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels: {kind: '{{ as it is }}'}
      - alert: Down
        expr: |
          up == 0
        for: 5m
        keep_firing_for: 10m
        labels: {severity: page}
        annotations: {summary: '{{ $labels.instance }}'}
";
    let groups = load_rule_file("r.yaml", text, Features::default()).unwrap();
    let [group] = groups.as_slice() else {
        panic!("expected one group, found {groups:?}");
    };
    assert_eq!(
        (group.file.as_str(), group.name.as_str(), group.limit),
        ("r.yaml", "all", 3)
    );
    assert_eq!(group.interval.unwrap().as_millis(), 15_000);
    assert_eq!(group.query_offset.unwrap().as_millis(), 5_000);
    assert_eq!(group.rules[0].kind, RuleKind::Recording);
    assert_eq!(group.rules[0].labels["kind"].source(), "{{ as it is }}");
    assert_eq!(group.rules[0].labels["team"].source(), "infra");
    let rule = &group.rules[1];
    assert_eq!(
        (rule.name.as_str(), rule.query.as_str()),
        ("Down", "up == 0")
    );
    assert_eq!(rule.labels["severity"].source(), "page");
    let RuleKind::Alerting(alerting) = &rule.kind else {
        panic!("expected an alerting rule");
    };
    assert_eq!(alerting.hold_duration.as_millis(), 300_000);
    assert_eq!(alerting.keep_firing_for.as_millis(), 600_000);
    assert!(!alerting.hold, "a rule about `up` is about silence");
}

#[test]
fn an_empty_file_has_no_groups() {
    for text in ["", "groups:", "groups: []"] {
        assert_eq!(
            load_rule_file("r.yaml", text, Features::default()).unwrap(),
            []
        );
    }
}

#[test]
fn all_faults_are_told_at_once_with_line_and_key() {
    let text = "groups:
  - name: a
    interval: 0s
    rules:
      - alert: A
        expr: rate(up)
        annotation: {}
      - record: b
        alert: B
        expr: up
      - expr: up
      - alert: C
        expr: up
        labels: {x: '{{ nope }}', __name__: y}
        annotations: {z: '{{ if }}'}
      - record: 'd{}'
        expr: up
        for: 5m
      - alert: E
  - name: a
    rules: []
  - rules: 7
";
    let expected = [
        "r.yaml:3: groups[0].interval: expected a duration above 0, found `0s`",
        "r.yaml:6: groups[0].rules[0].expr: 1:6: parse error: expected",
        "r.yaml:7: groups[0].rules[0].annotation: ",
        "r.yaml:8: groups[0].rules[1]: expected one of `record` and `alert`, found both",
        "r.yaml:11: groups[0].rules[2]: expected one of `record` and `alert`, found neither",
        "r.yaml:14: groups[0].rules[3].labels.__name__: expected a label name, found `__name__`",
        "r.yaml:14: groups[0].rules[3].labels.x: 1:4: template error: function `nope` is not defined",
        "r.yaml:15: groups[0].rules[3].annotations.z: 1:7: template error: expected a value",
        "r.yaml:16: groups[0].rules[4].record: expected a metric name without braces",
        "r.yaml:18: groups[0].rules[4].for: expected this key in an alerting rule only",
        "r.yaml:19: groups[0].rules[5].expr: expected an expression, found none",
        "r.yaml:20: groups[1].name: expected a name that no other group of the file has, found `a` again",
        "r.yaml:22: groups[2].rules: ",
        "r.yaml:22: groups[2].name: expected a name for the group, found none",
    ];
    let found = faults(text);
    let lines: Vec<&str> = found.lines().collect();
    for expected in expected {
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "{expected}\nin\n{found}"
        );
    }
    assert_eq!(lines.len(), expected.len(), "{found}");
}

#[test]
fn calls_of_functions_are_found_outside_of_texts() {
    assert!(calls("absent(up)", "absent"));
    assert!(calls("1 + absent (up{a=\"b\"})", "absent"));
    assert!(!calls("absent_over_time(up[5m])", "absent"));
    assert!(!calls("up{a=\"absent(\"}", "absent"));
    assert!(!calls("up{a=\"\\\"absent(\"}", "absent"));
    assert!(!calls("absent", "absent"));
}

#[test]
fn shipped_rules_have_no_fault_and_say_what_they_are() {
    let groups = crate::library().unwrap_or_else(|faults| panic!("{faults}"));
    for rule in groups.iter().flat_map(|group| &group.rules) {
        let RuleKind::Alerting(alerting) = &rule.kind else {
            continue;
        };
        assert!(rule.labels.contains_key("severity"), "{}", rule.name);
        for text in ["summary", "description"] {
            assert!(
                alerting.annotations.contains_key(text),
                "{}: {text}",
                rule.name
            );
        }
    }
    assert!(groups.iter().map(|group| group.rules.len()).sum::<usize>() > 8);
}

#[test]
fn experimental_functions_stand_in_rules_where_they_are_enabled() {
    let text = "groups: [{name: a, rules: [{record: b, expr: 'mad_over_time(c[5m])'}]}]";
    assert_eq!(
        faults(text),
        "r.yaml:1: groups[0].rules[0].expr: 1:1: parse error: function \"mad_over_time\" is not enabled"
    );
    let groups = load_rule_file("r.yaml", text, Features::ALL).unwrap();
    assert_eq!(groups[0].rules[0].query, "mad_over_time(c[5m])");
}
