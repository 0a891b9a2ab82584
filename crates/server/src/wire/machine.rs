//! The machine and what the server does with it, as JSON.

use crate::metrics::{ClassFigures, JobMetrics, STAGES};
use samovar_jobs::JobState;
use samovar_media::PoolPurpose;
use samovar_monitor::{GpuSample, MachineSample, ProcessSample};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What the machine does, and what the server does with it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MachineBody {
    /// Always `machine`.
    pub(crate) object: &'static str,
    /// The server's version.
    pub(crate) version: &'static str,
    /// `ready`, `not_ready` or `draining`.
    #[schema(example = "ready")]
    pub(crate) status: &'static str,
    /// Since the server began, in seconds: sums below are told apart by it when two answers are compared.
    pub(crate) up_s: f64,
    /// Cores and memory that may be used: the machine's, or those of the container.
    pub(crate) machine: HardwareBody,
    /// This process.
    pub(crate) process: ProcessBody,
    /// Its children together: decoders and encoders. CPU time is that of all there have been.
    pub(crate) children: ProcessBody,
    /// Children at present.
    pub(crate) children_count: usize,
    /// NVIDIA GPUs.
    pub(crate) gpus: Vec<GpuBody>,
    /// Batches that can run at the same time.
    pub(crate) slots: usize,
    /// Work by class: `live`, `interactive`, `job`.
    pub(crate) classes: Vec<ClassBody>,
    /// Recorded media that were handed in; null where none are taken.
    pub(crate) jobs: Option<JobCountsBody>,
    /// Pools of buffers, by purpose.
    pub(crate) pools: Vec<PoolBody>,
    /// Bytes that can still be written, for each folder that the server keeps: `evidence`, `jobs`.
    pub(crate) disk_free_bytes: BTreeMap<&'static str, u64>,
}

/// Cores and memory that may be used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HardwareBody {
    /// Cores.
    pub(crate) cores: usize,
    /// Share of them that is busy with whatever, 0–1; null in the first answer.
    pub(crate) cpu_share: Option<f64>,
    /// Memory.
    pub(crate) memory_bytes: u64,
    /// What of it programs could still take.
    pub(crate) memory_available_bytes: u64,
}

/// What a process, or several together, take.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProcessBody {
    /// CPU time so far, in seconds.
    pub(crate) cpu_s: f64,
    /// Cores that were busy with it lately; null in the first answer.
    pub(crate) cores_busy: Option<f64>,
    /// Memory.
    pub(crate) resident_bytes: u64,
    /// The most memory that it was seen with.
    pub(crate) resident_max_bytes: u64,
    /// Threads.
    pub(crate) threads: u64,
    /// Open files; 0 for children.
    pub(crate) open_files: u64,
}

/// A GPU.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GpuBody {
    /// Its number, from 0.
    pub(crate) index: u32,
    /// Its name.
    pub(crate) name: String,
    /// Share of the time in which it computed, 0–1.
    pub(crate) share: f64,
    /// Memory that anybody uses.
    pub(crate) memory_used_bytes: u64,
    /// Memory.
    pub(crate) memory_bytes: u64,
}

/// Work of one class.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassBody {
    /// `live`, `interactive` or `job`.
    #[schema(example = "live")]
    pub(crate) class: &'static str,
    /// What waits for a slot.
    pub(crate) waiting: usize,
    /// Rows that ran since the server began.
    pub(crate) rows: u64,
    /// Seconds since the server began in each stage of the batches: `queue`, `prepare`, `infer`, `finish`.
    pub(crate) stages_s: BTreeMap<&'static str, f64>,
}

/// Jobs by state, as they were counted within the last second.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobCountsBody {
    /// Wait.
    pub(crate) queued: u64,
    /// Are worked on.
    pub(crate) running: u64,
    /// Have their result.
    pub(crate) done: u64,
    /// Were given up.
    pub(crate) failed: u64,
    /// Were cancelled.
    pub(crate) cancelled: u64,
    /// Age of the oldest that waits and may begin, in seconds.
    pub(crate) oldest_queued_s: f64,
}

/// Pools of buffers of one purpose.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PoolBody {
    /// `picture`, `video`, `tensor` or `detections`.
    #[schema(example = "video")]
    pub(crate) pool: &'static str,
    /// Buffers that there is room for.
    pub(crate) capacity: u64,
    /// Buffers that are out.
    pub(crate) in_use: u64,
    /// The most that were ever out at once.
    pub(crate) in_use_max: u64,
    /// Buffers taken since the server began.
    pub(crate) takes: u64,
    /// Of these, beyond their pool's capacity.
    pub(crate) misses: u64,
    /// Of these, after waiting for one to come back.
    pub(crate) waits: u64,
}

impl From<&MachineSample> for HardwareBody {
    fn from(sample: &MachineSample) -> Self {
        Self {
            cores: sample.cores,
            cpu_share: sample.cpu_share,
            memory_bytes: sample.memory_bytes,
            memory_available_bytes: sample.memory_available_bytes,
        }
    }
}

impl From<ProcessSample> for ProcessBody {
    fn from(sample: ProcessSample) -> Self {
        let ProcessSample { cpu_s, cores_busy, resident_bytes, resident_max_bytes, threads, open_files } = sample;
        Self { cpu_s, cores_busy, resident_bytes, resident_max_bytes, threads, open_files }
    }
}

impl From<GpuSample> for GpuBody {
    fn from(sample: GpuSample) -> Self {
        let GpuSample { index, name, share, memory_used_bytes, memory_bytes } = sample;
        Self { index, name, share, memory_used_bytes, memory_bytes }
    }
}

impl ClassBody {
    pub(crate) fn new(figures: ClassFigures, waiting: usize) -> Self {
        let ClassFigures { class, rows, seconds } = figures;
        Self { class: class.name(), waiting, rows, stages_s: STAGES.into_iter().zip(seconds).collect() }
    }
}

impl From<&JobMetrics> for JobCountsBody {
    fn from(metrics: &JobMetrics) -> Self {
        Self {
            queued: metrics.in_state(JobState::Queued),
            running: metrics.in_state(JobState::Running),
            done: metrics.in_state(JobState::Done),
            failed: metrics.in_state(JobState::Failed),
            cancelled: metrics.in_state(JobState::Cancelled),
            oldest_queued_s: metrics.oldest_queued_s(),
        }
    }
}

impl From<PoolPurpose> for PoolBody {
    fn from(purpose: PoolPurpose) -> Self {
        let totals = purpose.totals();
        Self {
            pool: purpose.name(),
            capacity: totals.capacity,
            in_use: totals.in_use,
            in_use_max: totals.in_use_max,
            takes: totals.takes,
            misses: totals.misses,
            waits: totals.waits,
        }
    }
}
