//! How long a query took and what it read: the parameter `stats`, and the query log.

use std::time::Duration;

use serde::Serialize;

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
struct Samples {
    peak_samples: usize,
}

impl Statistics {
    pub(super) fn new(queued: Duration, evaluated: Duration, peak_samples: usize) -> Self {
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
            samples: Samples { peak_samples },
        }
    }
}
