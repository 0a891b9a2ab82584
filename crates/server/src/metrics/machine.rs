//! What the machine, the process and its children do, as it was sampled for the page.

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use samovar_monitor::{GpuSample, MachineSample};
use std::fmt;
use std::sync::Arc;

/// What the next page tells.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine(Arc<Mutex<MachineSample>>);

impl Machine {
    pub(super) fn register(into: &mut Registry) -> Self {
        let machine = Self::default();
        into.register_collector(Box::new(machine.clone()));
        machine
    }

    pub(super) fn set(&self, sample: MachineSample) {
        *self.0.lock() = sample;
    }
}

impl Collector for Machine {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (sample, mut page) = (self.0.lock().clone(), Families(encoder));
        page.whole("samovar_machine_cores", "Cores that may be used.", sample.cores as u64)?;
        page.ratio("samovar_machine_cpu_busy_ratio", "Share of them that is busy, with whatever.", sample.cpu_share)?;
        page.whole("samovar_machine_memory_bytes", "Memory that programs may take.", sample.memory_bytes)?;
        let available = sample.memory_available_bytes;
        page.whole("samovar_machine_memory_available_bytes", "What of it is left.", available)?;
        process(&mut page, &sample)?;
        children(&mut page, &sample)?;
        gpus(&mut page, &sample.gpus)
    }
}

fn process(page: &mut Families<'_>, MachineSample { process, .. }: &MachineSample) -> fmt::Result {
    page.seconds("samovar_process_cpu_seconds", "CPU time of the process.", process.cpu_s)?;
    page.whole("samovar_process_resident_bytes", "Memory of the process.", process.resident_bytes)?;
    page.whole("samovar_process_resident_max_bytes", "The most that it was seen with.", process.resident_max_bytes)?;
    page.whole("samovar_process_threads", "Threads.", process.threads)?;
    page.whole("samovar_process_open_files", "Open files, sockets and pipes.", process.open_files)
}

fn children(page: &mut Families<'_>, MachineSample { children, children_count, .. }: &MachineSample) -> fmt::Result {
    page.whole("samovar_children", "Child processes: decoders and encoders.", *children_count as u64)?;
    page.seconds("samovar_children_cpu_seconds", "CPU time of all children so far.", children.cpu_s)?;
    page.whole("samovar_children_resident_bytes", "Memory of the children.", children.resident_bytes)?;
    let most = children.resident_max_bytes;
    page.whole("samovar_children_resident_max_bytes", "The most that they were seen with together.", most)
}

fn gpus(page: &mut Families<'_>, gpus: &[GpuSample]) -> fmt::Result {
    // Without a GPU these families would be empty, which readers of the classic form do not expect.
    if gpus.is_empty() {
        return Ok(());
    }
    let share: fn(&GpuSample) -> f64 = |gpu| gpu.share;
    page.gpu("samovar_gpu_busy_ratio", "Share of the time in which the GPU computed.", gpus, share)?;
    let used: fn(&GpuSample) -> u64 = |gpu| gpu.memory_used_bytes;
    page.gpu("samovar_gpu_memory_used_bytes", "Memory of the GPU that anybody uses.", gpus, used)?;
    let all: fn(&GpuSample) -> u64 = |gpu| gpu.memory_bytes;
    page.gpu("samovar_gpu_memory_bytes", "Memory of the GPU.", gpus, all)
}

/// Writes one family after the other.
struct Families<'e>(DescriptorEncoder<'e>);

impl Families<'_> {
    fn whole(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.one(name, help, &ConstGauge::new(value))
    }

    /// 0 until there are two samples.
    fn ratio(&mut self, name: &str, help: &str, value: Option<f64>) -> fmt::Result {
        self.one(name, help, &ConstGauge::new(value.unwrap_or(0.0)))
    }

    fn seconds(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.one(name, help, &ConstCounter::new(value))
    }

    fn one(&mut self, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        metric.encode(self.0.encode_descriptor(name, help.trim_end_matches('.'), None, metric.metric_type())?)
    }

    fn gpu<N>(&mut self, name: &str, help: &str, gpus: &[GpuSample], value: fn(&GpuSample) -> N) -> fmt::Result
    where
        ConstGauge<N>: EncodeMetric,
    {
        let kind = MetricType::Gauge;
        let mut family = self.0.encode_descriptor(name, help.trim_end_matches('.'), None, kind)?;
        gpus.iter().try_for_each(|gpu| {
            let labels = [("gpu", gpu.index.to_string())];
            ConstGauge::new(value(gpu)).encode(family.encode_family(&labels)?)
        })
    }
}
