//! One loading of the library: the GPUs are read by it until it has to be loaded anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, EventSet, Nvml};

use super::super::snapshot::{Facts, Figures, Gpu, Reading, Snapshot};
use super::super::worker::Desk;
use super::fields::{FIELDS, Pace};
use super::{Kept, Processes, reason, xid};

/// How old the figures get that seldom change or that take long to read.
const SELDOM: Duration = Duration::from_mins(1);

/// The library as it is loaded now.
pub(super) struct Session<'nvml> {
    nvml: &'nvml Nvml,
    driver_version: String,
    processes: Option<&'nvml Processes>,
    /// By number.
    gpus: BTreeMap<u32, Opened<'nvml>>,
}

/// A GPU that was asked before.
#[derive(Default)]
struct Opened<'nvml> {
    events: Option<EventSet<'nvml>>,
    seldom: Option<(Instant, Figures)>,
}

impl<'nvml> Session<'nvml> {
    pub(super) fn new(
        nvml: &'nvml Nvml,
        driver_version: String,
        processes: Option<&'nvml Processes>,
    ) -> Self {
        Self {
            nvml,
            driver_version,
            processes,
            gpus: BTreeMap::new(),
        }
    }

    /// Reads and publishes until nobody asks any more, or until the library has to be loaded anew
    /// since a GPU has a fault that only this can end.
    pub(super) fn serve(
        mut self,
        start: Instant,
        desk: &Desk,
        kept: &mut Kept,
    ) -> Result<(), NvmlError> {
        let mut now = start;
        let mut faulty_since = None;
        loop {
            let snapshot = self.read(now, kept)?;
            let faulty = snapshot.gpus.iter().any(|gpu| gpu.fault.is_some());
            desk.publish(Some(snapshot));
            faulty_since = faulty.then(|| faulty_since.unwrap_or(now));
            if faulty_since.is_some_and(|since| now >= since + desk.retry()) {
                return Ok(());
            }
            match desk.next() {
                Some(next) => now = next,
                None => return Ok(()),
            }
        }
    }

    /// All GPUs as they are now.
    fn read(&mut self, now: Instant, kept: &mut Kept) -> Result<Snapshot, NvmlError> {
        let mut gpus = Vec::new();
        let mut all = Vec::new();
        for index in 0..self.nvml.device_count()? {
            let (gpu, figures) = self.read_one(index, now, kept);
            let place = gpus.len();
            all.extend(figures.into_iter().map(|figure| (place, figure)));
            gpus.push(gpu);
        }
        kept.known.complete(&mut gpus);
        // Also those of a GPU that is lost: they say why.
        for (place, gpu) in gpus.iter().enumerate() {
            let mut figures = Figures::new();
            if let Some(xids) = kept.xids.get(&gpu.uuid) {
                xids.put(&mut figures);
            }
            all.extend(figures.into_iter().map(|figure| (place, figure)));
        }
        let readings = all
            .into_iter()
            .map(|(gpu, (family, labels, value))| Reading {
                family,
                gpu,
                labels,
                value,
            });
        Ok(Snapshot::new(gpus, readings.collect()))
    }

    /// One GPU and its figures; none where it is at fault.
    fn read_one(&mut self, index: u32, now: Instant, kept: &mut Kept) -> (Gpu, Figures) {
        let id = index.to_string();
        let mut gpu = kept.known.by_id(&id).cloned().unwrap_or_default();
        gpu.id = id;
        let mut figures = Figures::new();
        let read = self.nvml.device_by_index(index).and_then(|device| {
            gpu.facts = facts(&device, &self.driver_version);
            gpu.uuid = device.uuid().unwrap_or_else(|_| gpu.uuid.clone());
            let opened = self.gpus.entry(index).or_insert_with(|| Opened {
                events: xid::register(&device),
                seldom: None,
            });
            let mig = is_divided(&device);
            opened.read(&device, now, mig, &mut figures)?;
            let processes = self
                .processes
                .map(|processes| processes.read(&device, mig, &mut figures));
            match processes {
                Some(Err(error)) if reason::beyond_one_figure(&error).is_some() => Err(error),
                _ => Ok(()),
            }
        });
        gpu.fault = read.err().as_ref().map(reason::of);
        if let Some(events) = self
            .gpus
            .get(&index)
            .and_then(|opened| opened.events.as_ref())
        {
            let xids = kept.xids.entry(gpu.uuid.clone()).or_default();
            let error = xids.drain(events).err();
            let fault = error.as_ref().and_then(reason::beyond_one_figure);
            gpu.fault = gpu.fault.or(fault);
        }
        if gpu.fault.is_some() {
            figures.clear();
        }
        (gpu, figures)
    }
}

fn facts(device: &Device<'_>, driver_version: &str) -> Facts {
    Facts {
        vendor: "nvidia",
        driver: "nvidia".to_owned(),
        driver_version: driver_version.to_owned(),
        name: device.name().unwrap_or_default(),
        pci_bus_id: device.pci_info().map(|pci| pci.bus_id).unwrap_or_default(),
    }
}

/// Whether the GPU is in multi-instance mode.
fn is_divided(device: &Device<'_>) -> bool {
    match device.mig_mode() {
        Ok(mode) => mode.current != 0,
        Err(NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_)) => false,
        // Rather no figure than a wrong one.
        Err(_) => true,
    }
}

impl Opened<'_> {
    /// Reads one GPU. A figure that it does not have is left out; the GPU is at fault when an
    /// error says so, or when it has no figure at all.
    fn read(
        &mut self,
        device: &Device<'_>,
        now: Instant,
        mig: bool,
        figures: &mut Figures,
    ) -> Result<(), NvmlError> {
        let mut last = read_fields(device, Pace::Always, mig, figures)?;
        if let Some((_, seldom)) = self.seldom.as_ref().filter(|(at, _)| now < *at + SELDOM) {
            figures.extend_from_slice(seldom);
        } else {
            let mut seldom = Figures::new();
            last = last.or(read_fields(device, Pace::Seldom, mig, &mut seldom)?);
            figures.extend_from_slice(&seldom);
            self.seldom = Some((now, seldom));
        }
        match last {
            Some(error) if figures.is_empty() => Err(error),
            _ => Ok(()),
        }
    }
}

/// The figures of a pace, and the last error where one is not to be had.
fn read_fields(
    device: &Device<'_>,
    pace: Pace,
    mig: bool,
    figures: &mut Figures,
) -> Result<Option<NvmlError>, NvmlError> {
    let mut last = None;
    for field in FIELDS.iter().filter(|field| field.pace == pace) {
        if mig && field.undefined_in_mig {
            continue;
        }
        if let Err(error) = field.read(device, figures) {
            if reason::beyond_one_figure(&error).is_some() {
                return Err(error);
            }
            last = Some(error);
        }
    }
    Ok(last)
}
