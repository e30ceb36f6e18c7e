//! The memory that each process uses: the largest of each GPU, and how many are left out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nvml_wrapper::Device;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;

use super::super::super::read_small;
use super::super::family::{PROCESS_MEMORY, PROCESSES_LEFT_OUT};
use super::super::snapshot::Figures;

/// How processes are told.
#[derive(Debug)]
pub(in super::super) struct Processes {
    /// How many of a GPU have a series.
    pub(in super::super) most: usize,
    /// Where their names are.
    pub(in super::super) procfs: PathBuf,
}

/// A process on a GPU.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    pid: u32,
    /// The instance, where the GPU has several.
    mig: Option<u32>,
    kind: &'static str,
    bytes: u64,
}

impl Processes {
    pub(super) fn read(
        &self,
        gpu: &Device<'_>,
        mig: bool,
        figures: &mut Figures,
    ) -> Result<(), NvmlError> {
        let mut all = Vec::new();
        if mig {
            for number in 0..gpu.mig_device_count()? {
                if let Ok(instance) = gpu.mig_device_by_index(number) {
                    list(&instance, Some(number), &mut all)?;
                }
            }
        } else {
            list(gpu, None, &mut all)?;
        }
        all.sort_by_key(|process| (std::cmp::Reverse(process.bytes), process.pid, process.mig));
        let left_out = all.len().saturating_sub(self.most);
        figures.push((&PROCESSES_LEFT_OUT, Vec::new(), left_out as f64));
        for process in all.iter().take(self.most) {
            let comm = self.procfs.join(process.pid.to_string()).join("comm");
            let mut labels = vec![
                // A process of another container has none for us.
                ("name", read_small(&comm).unwrap_or_default()),
                ("pid", process.pid.to_string()),
                ("type", process.kind.to_owned()),
            ];
            labels.extend(process.mig.map(|number| ("mig", number.to_string())));
            figures.push((&PROCESS_MEMORY, labels, process.bytes as f64));
        }
        Ok(())
    }
}

fn list(gpu: &Device<'_>, mig: Option<u32>, all: &mut Vec<Process>) -> Result<(), NvmlError> {
    let compute = gpu.running_compute_processes()?;
    let graphics = gpu.running_graphics_processes();
    // An instance of a multi-instance GPU cannot draw.
    let graphics = if mig.is_some() { Vec::new() } else { graphics? };
    all.extend(merge(&compute, &graphics, mig));
    Ok(())
}

/// One that computes and draws is in both lists, with the same memory. One of which the memory is
/// not known is not told.
fn merge(compute: &[ProcessInfo], graphics: &[ProcessInfo], mig: Option<u32>) -> Vec<Process> {
    let mut all: BTreeMap<u32, Process> = BTreeMap::new();
    for (kind, list) in [("compute", compute), ("graphics", graphics)] {
        for info in list {
            let UsedGpuMemory::Used(bytes) = info.used_gpu_memory else {
                continue;
            };
            let pid = info.pid;
            let entry = all.entry(pid).or_insert(Process {
                pid,
                mig,
                kind,
                bytes,
            });
            entry.bytes = entry.bytes.max(bytes);
            if entry.kind != kind {
                entry.kind = "compute+graphics";
            }
        }
    }
    all.into_values().collect()
}
