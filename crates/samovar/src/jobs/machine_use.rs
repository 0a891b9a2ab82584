//! What the machine did while a job ran: least, mean and most of each figure, in a size that does not depend on how long it took.

use parking_lot::Mutex;
use samovar_monitor::{MachineSample, Monitor};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

/// Looks at the machine once a second, apart from the work: a driver that takes its time holds up nobody. Ends with its owner.
pub struct MachineWatch {
    used: Arc<Mutex<MachineUse>>,
    monitor: Arc<Monitor>,
    looks: JoinHandle<()>,
}

/// From one look at the machine to the next.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for the last look.
const PATIENCE: Duration = Duration::from_secs(1);

impl MachineWatch {
    /// Begins now. To be called within a tokio runtime.
    pub fn begin(monitor: &Arc<Monitor>) -> Self {
        let used = Arc::<Mutex<MachineUse>>::default();
        let (told, asked) = (Arc::clone(&used), Arc::clone(monitor));
        let looks = tokio::spawn(async move {
            let mut looks = interval(LOOK_EVERY);
            loop {
                looks.tick().await;
                look(&asked, &told).await;
            }
        });
        Self { used, monitor: Arc::clone(monitor), looks }
    }

    /// Looks once more, and tells all of it.
    pub async fn end(self) -> Value {
        drop(timeout(PATIENCE, look(&self.monitor, &self.used)).await);
        serde_json::to_value(&*self.used.lock()).unwrap_or_default()
    }
}

impl Drop for MachineWatch {
    fn drop(&mut self) {
        self.looks.abort();
    }
}

async fn look(monitor: &Arc<Monitor>, used: &Mutex<MachineUse>) {
    let monitor = Arc::clone(monitor);
    if let Ok(sample) = tokio::task::spawn_blocking(move || monitor.sample()).await {
        used.lock().add(&sample);
    }
}

/// What the machine did while a job ran. The job was not alone: live streams and other jobs are in it.
#[derive(Debug, Default, Serialize)]
struct MachineUse {
    /// Samples, one a second.
    samples: u64,
    /// Busy share of all cores, 0–1.
    #[serde(skip_serializing_if = "Spread::is_empty")]
    cpu_share: Spread,
    /// Cores that were busy for this process.
    #[serde(skip_serializing_if = "Spread::is_empty")]
    cores_busy: Spread,
    /// Resident memory of this process, in bytes.
    resident_bytes: Spread,
    /// Resident memory of its decoders and encoders, in bytes.
    children_resident_bytes: Spread,
    /// Of each GPU, by its number; at most [`GPUS_MAX`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gpus: Vec<GpuUse>,
}

#[derive(Debug, Serialize)]
struct GpuUse {
    index: u32,
    name: String,
    /// Busy share, 0–1.
    share: Spread,
    memory_used_bytes: Spread,
}

/// Least, mean and most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Spread {
    min: f64,
    mean: f64,
    max: f64,
    #[serde(skip)]
    count: u64,
}

/// GPUs that are told of.
const GPUS_MAX: usize = 16;

impl MachineUse {
    fn add(&mut self, sample: &MachineSample) {
        self.samples += 1;
        sample.cpu_share.into_iter().for_each(|share| self.cpu_share.add(share));
        sample.process.cores_busy.into_iter().for_each(|cores| self.cores_busy.add(cores));
        self.resident_bytes.add(sample.process.resident_bytes as f64);
        self.children_resident_bytes.add(sample.children.resident_bytes as f64);
        for gpu in sample.gpus.iter().take(GPUS_MAX) {
            let known = self.gpus.iter().position(|known| known.index == gpu.index);
            let at = known.unwrap_or_else(|| {
                let (share, memory_used_bytes) = Default::default();
                self.gpus.push(GpuUse { index: gpu.index, name: gpu.name.clone(), share, memory_used_bytes });
                self.gpus.len() - 1
            });
            self.gpus[at].share.add(gpu.share);
            self.gpus[at].memory_used_bytes.add(gpu.memory_used_bytes as f64);
        }
    }
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.count += 1;
        if self.count == 1 {
            (self.min, self.mean, self.max) = (value, value, value);
            return;
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.mean += (value - self.mean) / self.count as f64;
    }

    const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_monitor::{GpuSample, ProcessSample};

    #[test]
    fn least_mean_and_most_of_all_samples_are_told() {
        let mut used = MachineUse::default();
        for (share, resident_bytes) in [(0.5, 100), (1.0, 300), (0.0, 200)] {
            let gpus = vec![GpuSample { index: 1, name: "gpu".into(), share, ..GpuSample::default() }];
            let process = ProcessSample { resident_bytes, ..ProcessSample::default() };
            used.add(&MachineSample { cpu_share: Some(share), process, gpus, ..MachineSample::default() });
        }
        let told = serde_json::to_value(&used).unwrap();
        let spread = |min: f64, mean: f64, max: f64| serde_json::json!({ "min": min, "mean": mean, "max": max });
        assert_eq!(told["cpu_share"], spread(0.0, 0.5, 1.0));
        assert_eq!(told["resident_bytes"], spread(100.0, 200.0, 300.0));
        assert_eq!(told["gpus"][0]["share"], spread(0.0, 0.5, 1.0));
    }

    #[tokio::test]
    async fn the_last_look_is_told_too() {
        let monitor = Arc::new(Monitor::new());
        let told = MachineWatch::begin(&monitor).end().await;
        assert!(told["samples"].as_u64() >= Some(1) && told["resident_bytes"]["max"].as_f64() > Some(1e6), "{told}");
    }
}
