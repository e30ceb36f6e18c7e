//! The GPUs of `/sys/class/drm` that have no library of their own: AMD's, Intel's, and NVIDIA's
//! with the kernel's driver. Everything here is readable by all users.
//!
//! Every read may block, since the driver may ask the GPU; none is made but from the worker's
//! thread. A GPU that sleeps to save power is not read, which would wake it.

mod card;
mod drivers;
mod rows;

use std::path::PathBuf;
use std::time::Instant;

use super::super::Inventory;
use super::known::Known;
use super::snapshot::{Reading, Snapshot};
use super::worker::{Desk, Source};
use card::Card;

/// The cards, and those seen so far.
#[derive(Debug)]
pub(super) struct Cards {
    folder: PathBuf,
    present: Inventory<Vec<Card>>,
    known: Known,
}

impl Source for Cards {
    fn serve(&mut self, desk: &Desk) {
        while let Some(now) = desk.next() {
            desk.publish(self.read(now));
        }
    }
}

impl Cards {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            present: Inventory::default(),
            known: Known::default(),
        }
    }

    /// All cards as they are now; nothing where there never was one.
    fn read(&mut self, now: Instant) -> Option<Snapshot> {
        let folder = &self.folder;
        let cards = self.present.get(now, |_| Ok(card::all(folder))).ok()?;
        let mut gpus = Vec::new();
        let mut readings = Vec::new();
        for (place, card) in cards.iter_mut().enumerate() {
            let mut figures = Vec::new();
            gpus.push(card.read(&mut figures));
            let all = figures.into_iter().map(|(family, labels, value)| Reading {
                family,
                gpu: place,
                labels,
                value,
            });
            readings.extend(all);
        }
        if gpus.iter().any(|gpu| gpu.fault.is_some()) {
            self.present.forget();
        }
        self.known.complete(&mut gpus);
        (!gpus.is_empty()).then(|| Snapshot::new(gpus, readings))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::snapshot::Reason;
    use super::*;

    #[test]
    fn a_card_that_is_gone_is_told_as_lost_and_does_not_take_the_others_along() {
        let folder = tempfile::tempdir().unwrap();
        let make = |card: &str, place: &str| {
            let device = folder.path().join(card).join("device");
            std::fs::create_dir_all(&device).unwrap();
            let events = format!("DRIVER=amdgpu\nPCI_SLOT_NAME={place}\n");
            std::fs::write(device.join("uevent"), events).unwrap();
            std::fs::write(device.join("gpu_busy_percent"), "5\n").unwrap();
        };
        make("card0", "0000:03:00.0");
        make("card1", "0000:04:00.0");
        let mut cards = Cards::new(folder.path().to_owned());
        let mut at = Instant::now();
        let mut faults = || {
            at += Duration::from_mins(1);
            let gpus = cards.read(at).unwrap().gpus.into_iter();
            gpus.map(|gpu| (gpu.id, gpu.fault)).collect::<Vec<_>>()
        };
        let (first, second) = ("card0".to_owned(), "card1".to_owned());
        assert_eq!(faults(), [(first.clone(), None), (second.clone(), None)]);
        std::fs::remove_dir_all(folder.path().join("card0")).unwrap();
        let lost = Some(Reason::Lost);
        assert_eq!(faults(), [(second.clone(), None), (first.clone(), lost)]);
        make("card0", "0000:03:00.0");
        assert_eq!(faults(), [(first, None), (second, None)]);
    }
}
