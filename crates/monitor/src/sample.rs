//! One sample of what the machine does.

use serde::Serialize;

/// What the machine did between the sample before and this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MachineSample {
    /// Logical cores.
    pub cores: usize,
    /// Busy share of all cores, 0–1; none for the first sample.
    pub cpu_share: Option<f64>,
    /// Memory of the machine, in bytes.
    pub memory_bytes: u64,
    /// What of it programs could still take, in bytes.
    pub memory_available_bytes: u64,
    /// This process.
    pub process: ProcessSample,
    /// Its children together: decoders and encoders.
    pub children: ProcessSample,
    /// How many children there are.
    pub children_count: usize,
    /// GPUs that NVML tells of; empty where there are none.
    pub gpus: Vec<GpuSample>,
}

/// What a process, or several together, take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ProcessSample {
    /// CPU time so far, in seconds.
    pub cpu_s: f64,
    /// Cores that were busy for it since the sample before; none for the first.
    pub cores_busy: Option<f64>,
    /// Resident memory, in bytes.
    pub resident_bytes: u64,
    /// The most that was ever resident, in bytes; 0 where the system does not tell.
    pub resident_max_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open files; 0 where the system does not tell.
    pub open_files: u64,
}

/// What a GPU does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GpuSample {
    /// Its number, from 0.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Busy share, 0–1.
    pub share: f64,
    /// Memory in use, in bytes.
    pub memory_used_bytes: u64,
    /// Memory in all, in bytes.
    pub memory_bytes: u64,
}
