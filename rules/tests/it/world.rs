//! A store, an engine and a clock for tests.

use std::sync::Arc;
use std::time::Duration;

use watchpost_model::{Labels, METRIC_NAME};
use watchpost_promql::{Engine, Features, Options};
use watchpost_rules::notify::Notifier;
use watchpost_rules::{Clock, Environment};
use watchpost_tsdb::{Config, Db};

/// An empty store and what else rules need.
pub(crate) fn environment(clock: Clock, notifier: Option<Notifier>) -> Environment {
    Environment {
        db: Db::in_memory(Config::default()),
        engine: Engine::new(Options::default()),
        features: Features::default(),
        recorder: None,
        external_labels: Labels::empty(),
        external_url: "http://watch.example.com:9090".to_owned(),
        evaluation_interval: "1m".parse().unwrap(),
        query_offset: watchpost_model::Duration::ZERO,
        clock,
        notifier,
    }
}

/// The system's clock.
pub(crate) fn system_clock() -> Clock {
    Arc::new(|| jiff::Timestamp::now().as_millisecond())
}

/// Appends one sample.
pub(crate) fn put(db: &Db, name: &str, labels: &[(&str, &str)], time_ms: i64, value: f64) {
    let mut builder = Labels::from_pairs(labels.iter().copied()).builder();
    let labels = builder.set(METRIC_NAME, name).build();
    db.append_single(&labels, time_ms, value, time_ms).unwrap();
}

/// Waits until a condition holds, for at most 20 s.
pub(crate) async fn eventually(what: &str, condition: impl FnMut() -> bool) {
    eventually_within(what, Duration::from_secs(20), condition).await;
}

/// Waits until a condition holds, for at most as long as that.
pub(crate) async fn eventually_within(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> bool,
) {
    for _ in 0..4_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(limit / 4_000).await;
    }
    panic!("waited for too long until {what}");
}
