//! GPUs as NVIDIA's management library (NVML) tells of them. It is looked for once, when the first sample is taken; a machine without it has
//! no GPUs here.

use crate::GpuSample;
use nvml_wrapper::{Device, Nvml};
use parking_lot::Mutex;
use std::ffi::OsStr;

/// The GPUs of this machine. A driver that hangs takes one caller with it: the others are told what was told last.
#[derive(Debug, Default)]
pub(crate) struct Gpus {
    /// The library, once it was looked for. Held while the driver is asked.
    asked: Mutex<Option<Library>>,
    last: Mutex<Vec<GpuSample>>,
}

#[derive(Debug)]
struct Library(Option<Nvml>);

/// The first is what drivers install, the second needs a development package.
const LIBRARIES: [&str; 2] = ["libnvidia-ml.so.1", "libnvidia-ml.so"];

impl Gpus {
    /// What each does now; what it did when somebody asked last, where somebody is asking.
    pub(crate) fn sample(&self) -> Vec<GpuSample> {
        if let Some(mut asked) = self.asked.try_lock() {
            let samples = asked.get_or_insert_with(|| Library::load(&LIBRARIES)).sample();
            *self.last.lock() = samples;
        }
        self.last.lock().clone()
    }
}

impl Library {
    fn load(names: &[&str]) -> Self {
        let load = |name: &&str| {
            let loaded = Nvml::builder().lib_path(OsStr::new(name)).init();
            loaded.inspect_err(|error| tracing::debug!(name, %error, "no figures of GPUs")).ok()
        };
        Self(names.iter().find_map(load))
    }

    /// A GPU that has fallen off the bus is left out.
    fn sample(&self) -> Vec<GpuSample> {
        let Some(nvml) = &self.0 else { return Vec::new() };
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
        assert_eq!(Library::load(&["libno-such-library.so.1"]).sample(), []);
    }

    #[test]
    fn who_asks_while_a_driver_hangs_is_told_what_was_told_last() {
        let gpus = Gpus::default();
        let told = vec![GpuSample { index: 1, ..GpuSample::default() }];
        gpus.last.lock().clone_from(&told);
        let _hangs = gpus.asked.lock();
        assert_eq!(gpus.sample(), told);
    }
}
