//! What the machine and this process do: CPU, memory and GPU, sampled on demand. Names no model, no queue and no wire.
//!
//! On Linux the figures are those of `/proc` and of the control groups, on machines with NVIDIA GPUs those of NVML besides. Elsewhere what
//! is not told is 0 or none.

#![forbid(unsafe_code)]

mod children;
mod container;
mod disk;
mod gpu;
mod machine;
mod monitor;
mod process;
mod sample;

pub use disk::free_bytes;
pub use monitor::Monitor;
pub use sample::{GpuSample, MachineSample, ProcessSample};
