//! The machine: CPU and its features, cores that may be used, memory, and the folder that is written to.

use super::finding::Finding;
use std::path::Path;

/// Looks at the machine and at Samovar's own folder `home`.
pub fn look(home: &Path) -> Vec<Finding> {
    vec![cpu(), cores(), memory(), open_files(), home_folder(home)]
}

fn cpu() -> Finding {
    let features = features();
    let shown = if features.is_empty() { "no vector features known here".to_owned() } else { features.join(" ") };
    let name = proc_field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let detail = format!("{name}: {shown}");
    if cfg!(target_arch = "x86_64") && !features.contains(&"avx2") {
        return Finding::note("cpu", detail, "without AVX2 models run several times slower; take a newer machine");
    }
    Finding::ok("cpu", detail)
}

/// Features that inference is faster with.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let flags = proc_field("/proc/cpuinfo", "flags").unwrap_or_default();
    let has = |flag: &str| flags.split_ascii_whitespace().any(|word| word == flag);
    let known = [
        ("avx2", "avx2"),
        ("avx512f", "avx512"),
        ("avx512_bf16", "avx512-bf16"),
        ("avx512_vnni", "avx512-vnni"),
        ("avx_vnni", "avx-vnni"),
        ("amx_bf16", "amx-bf16"),
        ("amx_int8", "amx-int8"),
    ];
    known.into_iter().filter(|(flag, _)| has(flag)).map(|(_, name)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

fn cores() -> Finding {
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    let installed = std::fs::read_to_string("/proc/cpuinfo")
        .map_or(usable, |text| text.lines().filter(|line| line.starts_with("processor")).count().max(1));
    let detail = if usable < installed {
        format!("{usable} of {installed} may be used (a container's or the scheduler's limit): {usable} slots")
    } else {
        format!("{usable}: {usable} slots")
    };
    Finding::ok("cores", detail)
}

/// Memory that processes here may take: the machine's, or less where a container limits it.
pub fn memory_bytes() -> u64 {
    let total = proc_kib("MemTotal").map_or(u64::MAX, |kib| kib << 10);
    cgroup_limit_mib().map_or(total, |mib| total.min(mib << 20))
}

fn memory() -> Finding {
    let total = proc_kib("MemTotal").unwrap_or(0);
    let free = proc_kib("MemAvailable").unwrap_or(0);
    let limit = cgroup_limit_mib();
    let limited = limit.map_or_else(String::new, |mib| format!(", limited to {mib} MiB by the container"));
    let detail = format!("{} MiB free of {} MiB{limited}", free / 1024, total / 1024);
    let least = limit.unwrap_or(u64::MAX).min(free / 1024);
    if least < MEMORY_LOW_MIB {
        return Finding::note("memory", detail, "a detection model takes 50 to 150 MiB; give the container more");
    }
    Finding::ok("memory", detail)
}

/// Below it a second model or an H.264 decoder may not fit.
const MEMORY_LOW_MIB: u64 = 512;
/// A thousand streams and as many connections need so many descriptors.
const OPEN_FILES_WANTED: u64 = 4_096;

fn cgroup_limit_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?;
    text.trim().parse::<u64>().ok().map(|bytes| bytes >> 20)
}

fn open_files() -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let shown = if limit == u64::MAX { "no limit".to_owned() } else { format!("{limit} at most") };
    if limit < OPEN_FILES_WANTED {
        return Finding::note("open files", shown, format!("many streams need more: ulimit -n {OPEN_FILES_WANTED}"));
    }
    Finding::ok("open files", shown)
}

fn home_folder(home: &Path) -> Finding {
    let shown = home.display().to_string();
    let existing = home.ancestors().find(|folder| folder.exists());
    let writable = existing.is_some_and(|folder| rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok());
    if writable {
        return Finding::ok("own folder", shown);
    }
    let cure = "set SAMOVAR_HOME to a folder that this user may write";
    Finding::note("own folder", format!("{shown} cannot be written; `samovar engine install` needs it"), cure)
}

fn proc_kib(field: &str) -> Option<u64> {
    proc_field("/proc/meminfo", field)?.split_ascii_whitespace().next()?.parse().ok()
}

/// The first `field: value` of a file under `/proc`.
fn proc_field(path: &str, field: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(name, _)| name.trim() == field).map(|(_, value)| value.trim().to_owned())
}
