//! The system's allocator, which counts what is allocated while somebody asks it to.
//!
//! For `samovar bench`: how many allocations a frame takes. Off, it costs one relaxed load for each allocation. What engine libraries and
//! other C code allocate does not pass through here.
#![expect(unsafe_code, reason = "an allocator has no safe interface")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The system's allocator with a counter: the program's global one.
pub struct CountingHeap;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// Starts to count from where the last count ended, or stops.
pub fn count_allocations(on: bool) {
    IS_COUNTING.store(on, Ordering::Relaxed);
}

/// Allocations that were counted so far and the bytes that they asked for. One that grows counts again, with its new size.
pub fn allocations() -> (u64, u64) {
    (ALLOCATIONS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed))
}

fn count(bytes: usize) {
    if IS_COUNTING.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

// SAFETY: every call goes on to `System` with the arguments as they came, and what it gives is given back unchanged; counting touches
// nothing but three atomics and allocates nothing itself.
unsafe impl GlobalAlloc for CountingHeap {
    // SAFETY: the layout is the caller's, which keeps `GlobalAlloc::alloc`'s contract.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as for `alloc`.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    // SAFETY: the caller gives back a block of this allocator, with its layout.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from `System` by way of this allocator, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    // SAFETY: as for `dealloc`; the caller vouches for `new_size`.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: as for `dealloc`; the caller vouches for `new_size`.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_are_counted_only_while_asked_for() {
        // Other tests of this process allocate, too: what is shown is a lower bound while it counts.
        let before = allocations();
        count_allocations(true);
        let kept = std::hint::black_box(vec![1_u8; 1 << 20]);
        count_allocations(false);
        let counted = allocations();
        assert!(counted.0 > before.0 && counted.1 >= before.1 + (1 << 20));
        drop(kept);
        drop(std::hint::black_box(vec![1_u8; 1 << 20]));
        assert_eq!(allocations(), counted);
    }
}
