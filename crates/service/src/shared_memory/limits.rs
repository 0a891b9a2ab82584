//! How much shared memory callers may register.

/// How much shared memory callers may register, all of them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedMemoryLimits {
    /// Regions; each holds one file descriptor.
    pub regions_max: usize,
    /// Bytes of all regions. They are the callers' memory; the limit is one on what a caller can make the server touch.
    pub bytes_max: u64,
}

impl Default for SharedMemoryLimits {
    fn default() -> Self {
        Self { regions_max: 256, bytes_max: 4 << 30 }
    }
}
