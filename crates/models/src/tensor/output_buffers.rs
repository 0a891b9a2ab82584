//! Memory for large outputs that comes back once the answer has been sent: a fresh buffer of some MB costs more in page faults than
//! the copy into it.

use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// The buffers of one slot.
#[derive(Default)]
pub(super) struct OutputBuffers {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Buffers that a slot keeps at most, and how large each may be: 16 MiB a slot.
const KEPT: usize = 2;
const KEPT_BYTES_MAX: usize = 8 << 20;
/// From here on memory comes from the system and goes back to it each time.
const LARGE_BYTES: usize = 64 << 10;

/// A buffer on its way to a client; it goes home when the last reader drops it.
struct Lent {
    bytes: Vec<u8>,
    home: Weak<Mutex<Vec<Vec<u8>>>>,
}

impl OutputBuffers {
    /// A copy of `bytes`.
    pub(super) fn copy(&self, bytes: &[u8]) -> Bytes {
        if !(LARGE_BYTES..=KEPT_BYTES_MAX).contains(&bytes.len()) {
            return Bytes::copy_from_slice(bytes);
        }
        let mut buffer = self.free.lock().pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(bytes);
        Bytes::from_owner(Lent { bytes: buffer, home: Arc::downgrade(&self.free) })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else { return };
        let mut free = home.lock();
        if free.len() < KEPT && self.bytes.capacity() <= KEPT_BYTES_MAX {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_buffers_come_back_and_few_are_kept() {
        let buffers = OutputBuffers::default();
        let large = vec![7; LARGE_BYTES];
        let first = buffers.copy(&large);
        let at = first.as_ptr();
        assert_eq!(first, large);
        drop(first.clone());
        assert!(buffers.free.lock().is_empty(), "somebody still reads it");
        drop(first);
        let again = buffers.copy(&vec![8; LARGE_BYTES]);
        assert_eq!((again.as_ptr(), again[0]), (at, 8));
        let many: Vec<_> = (0..8).map(|_| buffers.copy(&large)).collect();
        drop((many, again));
        assert_eq!(buffers.free.lock().len(), KEPT);
        drop(buffers.copy(b"small"));
        assert_eq!(buffers.free.lock().len(), KEPT);
    }

    #[test]
    fn a_buffer_outlives_its_slot() {
        let buffers = OutputBuffers::default();
        let lent = buffers.copy(&vec![1; LARGE_BYTES]);
        drop(buffers);
        assert_eq!(lent.len(), LARGE_BYTES);
    }
}
