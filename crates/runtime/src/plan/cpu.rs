//! What the CPU has that makes one way to run a model faster than another.

/// Name and instruction sets of this machine's CPU, in one line. Another machine with the same line runs the same plans.
pub(crate) fn describe() -> String {
    let features: Vec<&str> = features().into_iter().filter_map(|(name, present)| present.then_some(name)).collect();
    format!("{} {}: {}", std::env::consts::ARCH, model_name().unwrap_or_default(), features.join(" "))
}

/// The name that the system gives; instruction sets that Rust cannot ask for yet (AMX) follow from it.
fn model_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let named = text.lines().find(|line| line.starts_with("model name") || line.starts_with("CPU part"))?;
    Some(named.split_once(':')?.1.trim().to_owned())
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<(&'static str, bool)> {
    macro_rules! detect {
        ($($name:tt),*) => { vec![$(($name, std::arch::is_x86_feature_detected!($name))),*] };
    }
    detect!(
        "sse4.2",
        "avx",
        "f16c",
        "fma",
        "avx2",
        "avxvnni",
        "avx512f",
        "avx512bw",
        "avx512vnni",
        "avx512bf16",
        "avx512fp16"
    )
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<(&'static str, bool)> {
    macro_rules! detect {
        ($($name:tt),*) => { vec![$(($name, std::arch::is_aarch64_feature_detected!($name))),*] };
    }
    detect!("neon", "fp16", "dotprod", "i8mm", "bf16", "sve", "sve2")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<(&'static str, bool)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_same_cpu_is_described_the_same() {
        assert_eq!(super::describe(), super::describe());
        assert!(super::describe().starts_with(std::env::consts::ARCH));
    }
}
