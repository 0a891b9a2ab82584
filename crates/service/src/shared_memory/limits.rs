//! How much shared memory callers may register.

/// How much shared memory callers may register: all of them together, and each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedMemoryLimits {
    /// Regions; each holds one file descriptor.
    pub regions_max: usize,
    /// Bytes of all regions. They are the callers' memory; the limit is one on what a caller can make the server touch.
    pub bytes_max: u64,
    /// Regions of one caller: whoever takes all that they may leaves room for somebody else.
    pub caller_regions_max: usize,
    /// Bytes of one caller's regions.
    pub caller_bytes_max: u64,
}

impl Default for SharedMemoryLimits {
    fn default() -> Self {
        Self { regions_max: 256, bytes_max: 4 << 30, caller_regions_max: 64, caller_bytes_max: 2 << 30 }
    }
}
