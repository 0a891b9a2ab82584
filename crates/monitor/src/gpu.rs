//! GPUs as NVIDIA's management library (NVML) tells of them. It is looked for once, when the first sample is taken; a machine without it has
//! no GPUs here.

use crate::GpuSample;
use nvml_wrapper::{Device, Nvml};
use std::ffi::OsStr;

/// The GPUs of this machine.
#[derive(Debug)]
pub(crate) struct Gpus {
    nvml: Option<Nvml>,
}

/// The first is what drivers install, the second needs a development package.
const LIBRARIES: [&str; 2] = ["libnvidia-ml.so.1", "libnvidia-ml.so"];

impl Gpus {
    /// Looks for the library.
    pub(crate) fn find() -> Self {
        Self::load(&LIBRARIES)
    }

    fn load(names: &[&str]) -> Self {
        let load = |name: &&str| {
            let loaded = Nvml::builder().lib_path(OsStr::new(name)).init();
            loaded.inspect_err(|error| tracing::debug!(name, %error, "no figures of GPUs")).ok()
        };
        Self { nvml: names.iter().find_map(load) }
    }

    /// What each does now. A GPU that has fallen off the bus is left out.
    pub(crate) fn sample(&self) -> Vec<GpuSample> {
        let Some(nvml) = &self.nvml else { return Vec::new() };
        let count = nvml.device_count().unwrap_or(0);
        (0..count).filter_map(|index| sample(index, &nvml.device_by_index(index).ok()?)).collect()
    }
}

fn sample(index: u32, device: &Device<'_>) -> Option<GpuSample> {
    let memory = device.memory_info().ok()?;
    Some(GpuSample {
        index,
        name: device.name().unwrap_or_default(),
        share: device.utilization_rates().map_or(0.0, |rates| f64::from(rates.gpu.min(100)) / 100.0),
        memory_used_bytes: memory.used,
        memory_bytes: memory.total,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_library_there_are_none() {
        assert_eq!(Gpus::load(&["libno-such-library.so.1"]).sample(), []);
    }
}
