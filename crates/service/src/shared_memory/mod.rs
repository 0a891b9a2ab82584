//! Regions of system shared memory that callers on this machine have registered: tensors go in and out without the wire.
//!
//! A region is read and written through its file descriptor and never mapped: its owner may shorten the file at any moment,
//! which a mapping answers with a signal and a read with fewer bytes. That costs the one copy into the engine's input that a
//! socket costs as well.

mod key;
mod limits;
mod region;
mod regions;

pub use limits::SharedMemoryLimits;
pub use region::RegionSpan;
pub use regions::{RegionStatus, SharedMemory};
