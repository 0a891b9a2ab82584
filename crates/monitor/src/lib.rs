//! What the machine and this process do: CPU, memory and GPU, sampled on demand. Names no model, no queue and no wire.

#![forbid(unsafe_code)]

mod monitor;
mod sample;

pub use monitor::Monitor;
pub use sample::{GpuSample, MachineSample, ProcessSample};
