//! The GPUs seen so far: one that is not there any more is told as lost, not forgotten.

use std::collections::BTreeMap;

use super::snapshot::{Gpu, Reason};

/// The GPUs seen so far, by UUID.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<String, Gpu>);

impl Known {
    /// The one with this number or name.
    pub(super) fn by_id(&self, id: &str) -> Option<&Gpu> {
        self.0.values().find(|gpu| gpu.id == id)
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Gpu> {
        self.0.values().cloned().collect()
    }

    /// Adds those that are missing as lost, remembers all, and logs what changed.
    pub(super) fn complete(&mut self, gpus: &mut Vec<Gpu>) {
        for (uuid, known) in &self.0 {
            if gpus.iter().all(|gpu| gpu.uuid != *uuid) {
                gpus.push(Gpu {
                    fault: Some(Reason::Lost),
                    ..known.clone()
                });
            }
        }
        // One that never told its UUID cannot be known again.
        for gpu in gpus.iter().filter(|gpu| !gpu.uuid.is_empty()) {
            self.remember(gpu);
        }
    }

    fn remember(&mut self, gpu: &Gpu) {
        let before = self.0.insert(gpu.uuid.clone(), gpu.clone());
        let before = before.and_then(|before| before.fault);
        let (id, uuid) = (gpu.id.as_str(), gpu.uuid.as_str());
        match gpu.fault {
            fault if fault == before => {}
            Some(reason) => {
                let reason = reason.as_str();
                tracing::warn!(gpu = id, uuid, reason, "GPU cannot be read");
            }
            None => tracing::info!(gpu = id, uuid, "GPU can be read again"),
        }
    }
}
