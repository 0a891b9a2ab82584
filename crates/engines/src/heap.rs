//! The C heap that engine libraries allocate from: set up once, and trimmed when a model has come or gone.
//!
//! glibc keeps freed memory for each thread that ever allocated. Loading compiles on many threads and frees most of what it took, so a
//! server would hold tens of megabytes for nothing. Other C libraries are left as they are.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "the C library's heap has no other interface")
)]

/// Arenas that allocating threads share: few, because what one thread freed in its own no other can use.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: libc::c_int = 2;

/// Sets the heap up. To be called at the start, before threads allocate.
pub fn configure_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes two integers and touches nothing but the allocator's own settings; a refused value changes nothing.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

/// Gives freed memory back to the system. Takes milliseconds: for when a model was loaded or freed, never for a request.
pub fn trim_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` may be called at any time from any thread; it only gives back pages that no allocation uses.
    unsafe {
        libc::malloc_trim(0);
    }
}
