//! What commands say about themselves.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The counters of the command endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Telemetry {
    calls: Family<Call, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    /// An action of the configuration, or nothing: callers do not make series.
    action: String,
    result: String,
}

impl Telemetry {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "watchpost_exporter_command_calls",
            "Calls of the command endpoint by action and by how they ended or why they were refused",
            self.calls.clone(),
        );
    }

    pub(super) fn count(&self, action: Option<&str>, result: &'static str) {
        let call = Call {
            action: action.unwrap_or_default().to_owned(),
            result: result.to_owned(),
        };
        self.calls.get_or_create(&call).inc();
    }
}
