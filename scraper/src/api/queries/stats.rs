//! How long a query took and what it read: the parameter `stats`, and the query log.

use std::time::Duration;

use serde::Serialize;
use watchpost_promql::{Answer, SampleCounts, Steps};

/// What is told of a query.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Statistics {
    timings: Timings,
    samples: Samples,
}

/// Seconds. There is no phase of sorting and none of preparing apart from the evaluation.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are Prometheus's")]
struct Timings {
    eval_total_time: f64,
    result_sort_time: f64,
    query_preparation_time: f64,
    inner_eval_time: f64,
    exec_queue_time: f64,
    exec_total_time: f64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are Prometheus's")]
struct Samples {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    total_queryable_samples_per_step: PerStep,
    total_queryable_samples: u64,
    peak_samples: usize,
    samples_read: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    samples_read_per_step: PerStep,
}

/// The time of each step, in seconds, and how many samples it took.
type PerStep = Vec<(f64, u64)>;

impl Samples {
    fn new(answer: Option<&Answer>) -> Self {
        let counts = answer.map(|answer| &answer.samples);
        Self {
            total_queryable_samples_per_step: Vec::new(),
            total_queryable_samples: counts.map_or(0, SampleCounts::total_loaded),
            peak_samples: answer.map_or(0, |answer| answer.peak_samples),
            samples_read: counts.map_or(0, SampleCounts::total_read),
            samples_read_per_step: Vec::new(),
        }
    }
}

/// The counts of steps with the steps' times.
fn per_step(counts: &[u64], steps: Steps) -> PerStep {
    let mut time_ms = steps.start_ms;
    let times = std::iter::from_fn(|| {
        let now_ms = time_ms;
        time_ms = time_ms.saturating_add(steps.step_ms);
        Some(now_ms as f64 / 1_000.0)
    });
    times.zip(counts.iter().copied()).collect()
}

impl Statistics {
    /// What is told of a query that gave this answer, or none.
    pub(super) fn new(queued: Duration, evaluated: Duration, answer: Option<&Answer>) -> Self {
        let evaluation = evaluated.as_secs_f64();
        Self {
            timings: Timings {
                eval_total_time: evaluation,
                result_sort_time: 0.0,
                query_preparation_time: 0.0,
                inner_eval_time: evaluation,
                exec_queue_time: queued.as_secs_f64(),
                exec_total_time: (queued + evaluated).as_secs_f64(),
            },
            samples: Samples::new(answer),
        }
    }

    /// The same, with what each step took.
    #[must_use]
    pub(crate) fn with_steps(mut self, counts: &SampleCounts, steps: Steps) -> Self {
        self.samples.total_queryable_samples_per_step = per_step(&counts.loaded, steps);
        self.samples.samples_read_per_step = per_step(&counts.read, steps);
        self
    }

    /// The samples that were looked at, and those that were read.
    pub(super) fn samples(&self) -> (u64, u64) {
        (
            self.samples.total_queryable_samples,
            self.samples.samples_read,
        )
    }
}
