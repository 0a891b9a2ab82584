//! What this CPU computes natively.

/// Whether the CPU multiplies in bf16. Engines emulate it elsewhere, slower than f32.
pub(crate) fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512bf16") || has_amx_bf16()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// The standard library does not tell AMX on stable; the kernel lists it where it may be used.
#[cfg(target_arch = "x86_64")]
fn has_amx_bf16() -> bool {
    std::fs::read_to_string("/proc/cpuinfo")
        .is_ok_and(|text| text.lines().any(|line| line.starts_with("flags") && line.contains(" amx_bf16 ")))
}
