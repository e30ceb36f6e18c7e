//! Groups over a real store: what they write, what they keep, and what they tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use watchpost_model::histogram::HistogramNotation;
use watchpost_model::{Labels, METRIC_NAME, Matcher};
use watchpost_promql::Features;
use watchpost_rules::notify::EventState;
use watchpost_rules::{AlertState, Environment, Group, Health, Manager, load_rule_file};
use watchpost_tsdb::TimeRange;

use crate::world::{environment, eventually, eventually_within, put, system_clock};

const SECOND: i64 = 1_000;

fn group(env: &Environment, rules: &str) -> Group {
    let text = format!("groups:\n- name: g\n  rules:\n{rules}");
    let groups = load_rule_file("r.yaml", &text, Features::default())
        .unwrap_or_else(|faults| panic!("{faults}"));
    Group::new(groups.into_iter().next().unwrap(), env).unwrap()
}

/// Label set and samples of all series of a metric.
fn stored(env: &Environment, name: &str) -> Vec<(String, Vec<(i64, f64)>)> {
    let matchers = [Matcher::equal(METRIC_NAME, name)];
    let selection = env.db.select(TimeRange::ALL, &matchers).unwrap();
    let series = selection.series.into_iter().map(|series| {
        let values = &series.values;
        let all = series.times.iter().copied().zip(values.iter().copied());
        let samples = all
            .filter(|(_, value)| !watchpost_model::is_absent(*value))
            .collect();
        (series.labels.to_string(), samples)
    });
    series.collect()
}

#[test]
fn recording_rules_see_what_the_rules_before_them_wrote_at_the_same_time() {
    let env = environment(system_clock(), None);
    put(&env.db, "x", &[("a", "1")], 0, 2.0);
    put(&env.db, "x", &[("a", "2")], 0, 3.0);
    let rules = "  - {record: 'x:sum', expr: sum(x)}\n  - {record: 'x:twice', expr: '2 * x:sum', labels: {kind: b}}";
    let mut group = group(&env, rules);
    group.evaluate(&env, 10 * SECOND);
    assert_eq!(
        stored(&env, "x:sum"),
        [("x:sum".to_owned(), vec![(10_000, 5.0)])]
    );
    let twice = "x:twice{kind=\"b\"}".to_owned();
    assert_eq!(stored(&env, "x:twice"), [(twice, vec![(10_000, 10.0)])]);
    let status = group.status();
    assert!(
        status.rules.iter().all(|rule| rule.health == Health::Ok),
        "{status:?}"
    );
}

#[test]
fn histograms_are_recorded_and_alerts_print_them() {
    let env = environment(system_clock(), None);
    let notation: HistogramNotation = "{{schema:1 sum:3 count:2 buckets:[1 1]}}".parse().unwrap();
    let histogram = notation.histogram.to_histogram();
    let labels = Labels::from_pairs([(METRIC_NAME, "h"), ("a", "1")]);
    env.db
        .append_single_histogram(&labels, 0, &histogram, 0)
        .unwrap();
    let rules = "  - {record: y, expr: 2 * h}\n  - {record: z, expr: h - y}\n  - {alert: A, expr: y, annotations: {text: 'is {{ $value }}'}}";
    let mut group = group(&env, rules);
    let events = group.evaluate(&env, 10 * SECOND);
    assert_eq!(
        events[0].annotations.get("text").map(String::as_str),
        Some("is {count:4, sum:6, (0.7071067811865475,1]:2, (1,1.414213562373095]:2}")
    );
    let matchers = [Matcher::equal(METRIC_NAME, "y")];
    let selection = env.db.select(TimeRange::ALL, &matchers).unwrap();
    let found = selection.series[0].histogram(0).unwrap().to_float();
    assert_eq!((found.count, found.sum), (4.0, 6.0));
    // With fewer observations than none it is not a histogram that the store takes.
    assert_eq!(stored(&env, "z"), []);
    let status = group.status();
    assert!(
        status.rules.iter().all(|rule| rule.health == Health::Ok),
        "{status:?}"
    );
}

#[test]
fn a_series_that_is_no_longer_recorded_gets_a_stale_marker() {
    let env = environment(system_clock(), None);
    put(&env.db, "x", &[("a", "1")], 0, 2.0);
    let mut group = group(&env, "  - {record: y, expr: x > 1}");
    group.evaluate(&env, 10 * SECOND);
    put(&env.db, "x", &[("a", "1")], 15 * SECOND, 0.0);
    group.evaluate(&env, 20 * SECOND);
    let series = stored(&env, "y");
    let (_, samples) = &series[0];
    assert_eq!(samples[0], (10_000, 2.0));
    assert_eq!(samples[1].0, 20_000);
    assert!(watchpost_model::is_stale(samples[1].1));
}

#[test]
fn alerts_leave_the_series_that_prometheus_leaves() {
    let env = environment(system_clock(), None);
    put(&env.db, "x", &[("a", "1")], 0, 2.0);
    let mut group = group(&env, "  - {alert: A, expr: x > 1, for: 10s}");
    group.evaluate(&env, 20 * SECOND);
    group.evaluate(&env, 30 * SECOND);
    let series = stored(&env, "ALERTS");
    let names: Vec<&str> = series.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ALERTS{a=\"1\", alertname=\"A\", alertstate=\"firing\"}",
            "ALERTS{a=\"1\", alertname=\"A\", alertstate=\"pending\"}"
        ]
    );
    assert_eq!(series[0].1, [(30_000, 1.0)]);
    assert!(watchpost_model::is_stale(series[1].1[1].1));
    let since = stored(&env, "ALERTS_FOR_STATE");
    assert_eq!(since[0].1, [(20_000, 20.0), (30_000, 20.0)]);
}

#[test]
fn a_rule_that_fails_keeps_its_alerts_and_does_not_stop_the_others() {
    let env = environment(system_clock(), None);
    put(&env.db, "x", &[("a", "1")], 0, 2.0);
    put(&env.db, "y", &[("a", "1")], 0, 1.0);
    let rules = "  - {alert: A, expr: x * on (a) y > 1}\n  - {record: z, expr: x}";
    let mut group = group(&env, rules);
    assert_eq!(group.evaluate(&env, 10 * SECOND).len(), 1);
    // Two series on both sides: many-to-many.
    for name in ["x", "y"] {
        put(&env.db, name, &[("a", "1"), ("b", "1")], 15 * SECOND, 2.0);
    }
    assert_eq!(group.evaluate(&env, 20 * SECOND), []);
    let status = group.status();
    assert_eq!((status.evaluations, status.evaluation_failures), (4, 1));
    assert_eq!(status.rules[0].health, Health::Err);
    assert!(status.rules[0].last_error.is_some());
    let alerting = status.rules[0].alerting.as_ref().unwrap();
    assert_eq!(alerting.state, AlertState::Firing);
    assert_eq!(status.rules[1].health, Health::Ok);
}

#[test]
fn more_than_the_limit_is_an_error() {
    let env = environment(system_clock(), None);
    for a in ["1", "2"] {
        put(&env.db, "x", &[("a", a)], 0, 2.0);
    }
    let text = "groups: [{name: g, limit: 1, rules: [{alert: A, expr: x}]}]";
    let spec = load_rule_file("r.yaml", text, Features::default())
        .unwrap()
        .remove(0);
    let mut group = Group::new(spec, &env).unwrap();
    assert_eq!(group.evaluate(&env, 0), []);
    let error = group.status().rules[0].last_error.clone();
    assert_eq!(error.as_deref(), Some("exceeded limit of 1 with 2 alerts"));
}

#[test]
fn a_template_asks_in_the_language_that_is_enabled() {
    let mut env = environment(system_clock(), None);
    put(&env.db, "x", &[], 0, 2.0);
    let text = "groups: [{name: g, rules: [{alert: A, expr: x, annotations: {a: '{{ query \"vector(max_of(1, 7))\" | first | value }}'}}]}]";
    let said = |env: &Environment| {
        let spec = load_rule_file("r.yaml", text, Features::default())
            .unwrap()
            .remove(0);
        let mut group = Group::new(spec, env).unwrap();
        group.evaluate(env, 0);
        let alerting = group.status().rules[0].alerting.clone().unwrap();
        alerting.alerts[0].annotations["a"].clone()
    };
    assert!(said(&env).contains("function \"max_of\" is not enabled"));
    env.features = Features::ALL;
    assert_eq!(said(&env), "7");
}

#[test]
fn a_query_offset_looks_at_the_past_and_writes_there() {
    let env = environment(system_clock(), None);
    put(&env.db, "x", &[], 0, 1.0);
    put(&env.db, "x", &[], 60 * SECOND, 2.0);
    let text = "groups: [{name: g, query_offset: 30s, rules: [{record: y, expr: x}]}]";
    let spec = load_rule_file("r.yaml", text, Features::default())
        .unwrap()
        .remove(0);
    let mut group = Group::new(spec, &env).unwrap();
    group.evaluate(&env, 60 * SECOND);
    assert_eq!(stored(&env, "y")[0].1, [(30_000, 1.0)]);
}

/// A host whose alert fires; then its exporter is killed, comes back, and all is well.
#[test]
fn an_alert_of_a_host_that_falls_silent_is_held_and_ends_when_the_host_is_well_again() {
    let env = environment(system_clock(), None);
    let labels = [("job", "node"), ("instance", "web1:9100")];
    let rules = "  - {alert: A, expr: sum by (job) (x) > 1}\n  - {alert: Down, expr: up == 0}\n  - {alert: Plain, expr: x > 1, hold: false}";
    let mut group = group(&env, rules);
    let mut log = Vec::new();
    // (up, x) at each scrape; without x the series has ended.
    let day = [
        (1, Some(2.0)),
        (0, None),
        (0, None),
        (1, Some(2.0)),
        (1, Some(2.0)),
        (0, None),
        (1, None),
        (1, Some(0.5)),
    ];
    for (round, (up, x)) in (0_i64..).zip(day) {
        let now_ms = round * 10 * SECOND;
        put(&env.db, "up", &labels, now_ms, f64::from(up));
        put(
            &env.db,
            "x",
            &labels,
            now_ms,
            x.unwrap_or_else(watchpost_model::stale_nan),
        );
        let mut line = String::new();
        for event in group.evaluate(&env, now_ms) {
            let state = match (&event.state, &event.held) {
                (EventState::Firing, None) => "fires",
                (EventState::Firing, Some(_)) => "held",
                (EventState::Resolved { .. }, _) => "ended",
            };
            line.extend([event.labels.get("alertname"), " ", state, "; "]);
        }
        log.push(line);
    }
    assert_eq!(
        log,
        [
            "A fires; Plain fires; ",
            "A held; Down fires; Plain ended; ",
            "A held; Down fires; ",
            "A fires; Down ended; Plain fires; ",
            "A fires; Plain fires; ",
            "A held; Down fires; Plain ended; ",
            "A held; Down ended; ",
            "A ended; ",
        ]
    );
}

#[test]
fn an_alert_ends_when_its_series_is_gone_from_a_good_page_or_its_target_was_removed() {
    for removed in [false, true] {
        let env = environment(system_clock(), None);
        let labels = [("job", "node"), ("instance", "web1:9100")];
        let mut group = group(&env, "  - {alert: A, expr: x > 1}");
        put(&env.db, "up", &labels, 0, 1.0);
        put(&env.db, "x", &labels, 0, 2.0);
        group.evaluate(&env, 0);
        let up = if removed {
            watchpost_model::stale_nan()
        } else {
            1.0
        };
        put(&env.db, "up", &labels, 10 * SECOND, up);
        put(
            &env.db,
            "x",
            &labels,
            10 * SECOND,
            watchpost_model::stale_nan(),
        );
        let events = group.evaluate(&env, 10 * SECOND);
        assert_eq!(events.len(), 1);
        assert!(!events[0].is_firing());
    }
}

#[test]
fn a_template_that_fails_leaves_its_error_in_the_text_and_the_alert_fires() {
    let env = environment(system_clock(), None);
    put(&env.db, "x", &[], 0, 2.0);
    let rule = "  - alert: A\n    expr: x > 1\n    annotations: {summary: '{{ query \"nothing\" | first | value }}', other: '{{ with query \"x\" }}{{ . | first | value }}{{ end }}'}";
    let mut group = group(&env, rule);
    let events = group.evaluate(&env, 0);
    let summary = &events[0].annotations["summary"];
    assert!(
        summary.starts_with("<error expanding template: 1:"),
        "{summary}"
    );
    assert_eq!(events[0].annotations["other"], "2");
}

#[tokio::test(start_paused = true)]
async fn groups_are_evaluated_at_their_interval_and_a_reload_keeps_the_alerts() {
    let start = tokio::time::Instant::now();
    let offset = Arc::new(AtomicI64::new(1_000_000 * SECOND));
    let base = Arc::clone(&offset);
    let clock: watchpost_rules::Clock = Arc::new(move || {
        let elapsed = i64::try_from(start.elapsed().as_millis()).unwrap();
        base.load(Ordering::Relaxed) + elapsed
    });
    let env = environment(Arc::clone(&clock), None);
    let db = env.db.clone();
    for round in 0..100 {
        let now_ms = 1_000_000 * SECOND + round * 10 * SECOND;
        put(&db, "x", &[("a", "1")], now_ms, 2.0);
    }
    let file = |more: &str| {
        let text = format!(
            "groups: [{{name: g, interval: 10s, rules: [{{alert: A, expr: x > 1, for: 1m}}{more}]}}]"
        );
        load_rule_file("r.yaml", &text, Features::default()).unwrap()
    };
    let manager = Manager::new(file(""), env);
    let running = manager.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(async move { running.run(async { drop(stopped.await) }).await });
    eventually("the alert is pending", || manager.alerts().len() == 1).await;
    let active_at = manager.alerts()[0].active_at_ms;
    manager.replace(file(", {record: y, expr: x}"));
    eventually_within("the alert fires", std::time::Duration::from_mins(2), || {
        manager
            .alerts()
            .iter()
            .any(|alert| alert.state == AlertState::Firing)
    })
    .await;
    let alert = manager.alerts().remove(0);
    assert_eq!(alert.active_at_ms, active_at);
    assert_eq!(alert.fired_at_ms, Some(active_at + 60 * SECOND));
    let groups = manager.groups();
    assert_eq!(groups[0].rules.len(), 2);
    assert!(groups[0].iterations >= 7, "{groups:?}");
    assert_eq!(groups[0].iterations_missed, 0);
    manager.replace(Vec::new());
    assert_eq!((manager.groups().len(), manager.alerts().len()), (0, 0));
    drop(stop);
    task.await.unwrap();
}
