//! Multi-instance GPUs: whether a GPU is one, and its instances.

use nvml_wrapper::Device;
use nvml_wrapper::error::NvmlError;

use super::super::super::family;
use super::super::reason;
use super::Figures;

pub(super) fn instances(gpu: &Device<'_>, figures: &mut Figures) -> Result<(), NvmlError> {
    let mode = gpu.mig_mode()?;
    for (family, on) in [
        (&family::MIG_ENABLED, mode.current),
        (&family::MIG_PENDING, mode.pending),
    ] {
        figures.push((family, Vec::new(), f64::from(u8::from(on != 0))));
    }
    if mode.current == 0 {
        return Ok(());
    }
    for number in 0..gpu.mig_device_count()? {
        match gpu.mig_device_by_index(number) {
            Ok(instance) => read(&instance, number, figures)?,
            // Numbers without an instance are not found.
            Err(error) if reason::beyond_one_figure(&error).is_some() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}

/// What NVML tells of an instance without more privileges.
fn read(instance: &Device<'_>, number: u32, figures: &mut Figures) -> Result<(), NvmlError> {
    let mig = || vec![("mig", number.to_string())];
    let mut labels = mig();
    labels.push(("mig_uuid", instance.uuid()?));
    labels.push(("name", instance.name().unwrap_or_default()));
    figures.push((&family::MIG_INFO, labels, 1.0));
    if let Ok(memory) = instance.memory_info() {
        for (family, bytes) in [
            (&family::MIG_MEMORY_TOTAL, memory.total),
            (&family::MIG_MEMORY_USED, memory.used),
            (&family::MIG_MEMORY_FREE, memory.free),
        ] {
            figures.push((family, mig(), bytes as f64));
        }
    }
    if let Ok(attributes) = instance.attributes() {
        for (family, count) in [
            (
                &family::MIG_MULTIPROCESSORS,
                attributes.multiprocessor_count,
            ),
            (&family::MIG_SLICES, attributes.gpu_instance_slice_count),
        ] {
            figures.push((family, mig(), f64::from(count)));
        }
    }
    Ok(())
}
