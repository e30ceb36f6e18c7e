//! What requests to the page and the API cost: `prometheus_http_*`, by route.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::histogram::Histogram;

/// Prometheus's bounds, in seconds and in bytes.
const SECONDS: [f64; 10] = [0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0, 300.0];
const BYTES: [f64; 8] = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// What requests cost, by route. There are no more routes than the table of routes has.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<BTreeMap<String, Route>>);

#[derive(Debug)]
struct Route {
    codes: BTreeMap<u16, u64>,
    seconds: Histogram<{ SECONDS.len() }>,
    bytes: Histogram<{ BYTES.len() }>,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            codes: BTreeMap::new(),
            seconds: Histogram::new(SECONDS),
            bytes: Histogram::new(BYTES),
        }
    }
}

impl Requests {
    /// Counts a request that is answered.
    pub(crate) fn add(&self, route: &str, code: u16, time: Duration, bytes: u64) {
        let mut routes = self.0.lock();
        let route = match routes.get_mut(route) {
            Some(route) => route,
            None => routes.entry(route.to_owned()).or_default(),
        };
        *route.codes.entry(code).or_default() += 1;
        route.seconds.add(time.as_secs_f64());
        route.bytes.add(bytes as f64);
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let routes = self.0.lock();
        let mut counted = encoder.encode_descriptor(
            "prometheus_http_requests_total",
            "Requests, by route and status",
            None,
            MetricType::Counter,
        )?;
        for (name, route) in routes.iter() {
            for (code, count) in &route.codes {
                let labels = [("code", code.to_string()), ("handler", name.clone())];
                ConstGauge::new(*count as f64).encode(counted.encode_family(&labels)?)?;
            }
        }
        let mut seconds = encoder.encode_descriptor(
            "prometheus_http_request_duration_seconds",
            "How long requests took, to the last byte of the answer",
            None,
            MetricType::Histogram,
        )?;
        for (name, route) in routes.iter() {
            let labels = [("handler", name.as_str())];
            route.seconds.encode(seconds.encode_family(&labels)?)?;
        }
        let mut bytes = encoder.encode_descriptor(
            "prometheus_http_response_size_bytes",
            "How long answers were, compressed",
            None,
            MetricType::Histogram,
        )?;
        for (name, route) in routes.iter() {
            let labels = [("handler", name.as_str())];
            route.bytes.encode(bytes.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
