//! The limits of the container, or of any control group, that this process runs in (cgroups(7), version 2 and version 1).
//!
//! A limit holds for everybody below it, so each group on the way up is looked at, and the tightest limit counts. Where a container sees
//! its own group as the root of the tree, the path that is told does not lead anywhere; what is found on the way up to the root does.

use crate::process::line_bytes;
use std::path::{Path, PathBuf};

/// What the groups of this process limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Container {
    /// Memory that all in the tightest group may take together, and do.
    pub(crate) memory: Option<Limited>,
    /// Cores that all in the tightest group may keep busy, and the CPU time that they have used.
    pub(crate) cpu: Option<CpuLimited>,
}

/// Memory that is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    /// At most.
    pub(crate) limit_bytes: u64,
    /// In use, without what the system gives back at once when it is needed (file pages that nobody has used lately).
    pub(crate) used_bytes: u64,
}

/// CPU time that is limited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CpuLimited {
    /// At most that many cores' worth.
    pub(crate) cores: f64,
    /// Used so far, in seconds.
    pub(crate) used_s: f64,
}

impl Container {
    /// What holds for this process now.
    pub(crate) fn now() -> Self {
        let membership = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::read(Path::new("/sys/fs/cgroup"), &membership)
    }

    /// From the tree at `root`, for who is told to be in the groups of `membership` (`/proc/self/cgroup`).
    fn read(root: &Path, membership: &str) -> Self {
        let groups = |controller: &str| groups(root, membership, controller);
        let memory_1 = groups("memory").into_iter().filter_map(|folder| memory_version_1(&folder));
        let memory_2 = groups("").into_iter().filter_map(|folder| memory_version_2(&folder));
        let cpu_1 = groups("cpu").into_iter().filter_map(|folder| cpu_version_1(&folder));
        let cpu_2 = groups("").into_iter().filter_map(|folder| cpu_version_2(&folder));
        Self {
            memory: memory_1.chain(memory_2).min_by_key(|limited| limited.limit_bytes),
            cpu: cpu_1.chain(cpu_2).min_by(|one, other| one.cores.total_cmp(&other.cores)),
        }
    }
}

/// Folders of the group that limits by `controller`, and of all groups above it; version 2 is the one without a controller's name.
fn groups(root: &Path, membership: &str, controller: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let has = parts.next()?.split(',').any(|name| name == controller);
        has.then(|| parts.next().unwrap_or("/").trim_start_matches('/').to_owned())
    };
    let Some(path) = membership.lines().find_map(path) else { return Vec::new() };
    let above = Path::new(&path).ancestors().map(|group| root.join(controller).join(group));
    above.filter(|folder| folder.is_dir()).collect()
}

fn memory_version_2(folder: &Path) -> Option<Limited> {
    let idle = "inactive_file";
    limited(number(folder, "memory.max")?, number(folder, "memory.current")?, &text(folder, "memory.stat")?, idle)
}

fn memory_version_1(folder: &Path) -> Option<Limited> {
    let (limit, used) = (number(folder, "memory.limit_in_bytes")?, number(folder, "memory.usage_in_bytes")?);
    // Without a limit it is the largest number of whole pages.
    let limit = Some(limit).filter(|&limit| limit < 1 << 60)?;
    limited(limit, used, &text(folder, "memory.stat")?, "total_inactive_file")
}

fn limited(limit_bytes: u64, used: u64, stat: &str, idle: &str) -> Option<Limited> {
    Some(Limited { limit_bytes, used_bytes: used.saturating_sub(entry(stat, idle).unwrap_or(0)) })
}

fn cpu_version_2(folder: &Path) -> Option<CpuLimited> {
    let max = text(folder, "cpu.max")?;
    let mut words = max.split_ascii_whitespace().map(str::parse::<f64>);
    let (quota, period) = (words.next()?.ok()?, words.next()?.ok()?);
    let used_s = entry(&text(folder, "cpu.stat")?, "usage_usec")? as f64 / 1e6;
    (quota > 0.0 && period > 0.0).then(|| CpuLimited { cores: quota / period, used_s })
}

/// The time that was used is told by a controller of its own, which is mostly found at the same place.
fn cpu_version_1(folder: &Path) -> Option<CpuLimited> {
    let quota = text(folder, "cpu.cfs_quota_us")?.trim().parse::<f64>().ok()?;
    let period = number(folder, "cpu.cfs_period_us")? as f64;
    let used_s = number(folder, "cpuacct.usage")? as f64 / 1e9;
    (quota > 0.0 && period > 0.0).then(|| CpuLimited { cores: quota / period, used_s })
}

fn text(folder: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(folder.join(file)).ok()
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    text(folder, file)?.trim().parse().ok()
}

/// The number behind a word at the beginning of a line.
fn entry(text: &str, name: &str) -> Option<u64> {
    let of = |line: &str| line.split_once(' ').filter(|(word, _)| *word == name)?.1.trim().parse().ok();
    text.lines().find_map(of)
}

/// `MemTotal` and `MemAvailable` of `/proc/meminfo`, in bytes.
pub(crate) fn memory_of(meminfo: &str) -> (u64, u64) {
    (line_bytes(meminfo, "MemTotal:"), line_bytes(meminfo, "MemAvailable:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of control groups with these files.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        root
    }

    const VERSION_2: [(&str, &str); 7] = [
        ("a/memory.max", "1000000\n"),
        ("a/memory.current", "600000\n"),
        ("a/memory.stat", "anon 5\ninactive_file 100000\nactive_file 7\n"),
        ("a/cpu.max", "max 100000\n"),
        ("a/b/memory.max", "max\n"),
        ("a/b/cpu.max", "150000 100000\n"),
        ("a/b/cpu.stat", "usage_usec 2500000\nuser_usec 1\n"),
    ];

    #[test]
    fn the_tightest_limit_on_the_way_up_counts() {
        let container = Container::read(tree(&VERSION_2).path(), "0::/a/b\n");
        assert_eq!(container.memory, Some(Limited { limit_bytes: 1_000_000, used_bytes: 500_000 }));
        assert_eq!(container.cpu, Some(CpuLimited { cores: 1.5, used_s: 2.5 }));
    }

    #[test]
    fn a_container_that_is_told_of_a_path_outside_finds_its_own_root() {
        let files = VERSION_2.map(|(path, content)| (path.strip_prefix("a/b/").unwrap_or(path), content));
        let container = Container::read(tree(&files).path(), "0::/system/docker-1\n");
        assert_eq!(container.cpu.map(|cpu| cpu.cores), Some(1.5));
    }

    #[test]
    fn version_1_is_read_too() {
        let root = tree(&[
            ("memory/docker/memory.limit_in_bytes", "4096\n"),
            ("memory/docker/memory.usage_in_bytes", "2048\n"),
            ("memory/docker/memory.stat", "cache 1\ntotal_inactive_file 48\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/memory.usage_in_bytes", "5\n"),
            ("memory/memory.stat", ""),
            ("cpu/cpu.cfs_quota_us", "200000\n"),
            ("cpu/cpu.cfs_period_us", "100000\n"),
            ("cpu/cpuacct.usage", "3000000000\n"),
        ]);
        let container = Container::read(root.path(), "4:memory:/docker\n2:cpu,cpuacct:/docker\n0::/\n");
        assert_eq!(container.memory, Some(Limited { limit_bytes: 4096, used_bytes: 2000 }));
        assert_eq!(container.cpu, Some(CpuLimited { cores: 2.0, used_s: 3.0 }));
    }

    #[test]
    fn nothing_is_limited_where_nothing_is_told() {
        let root = tree(&[("memory.max", "max\n"), ("cpu.max", "max 100000\n")]);
        for membership in ["", "0::/\n", "nonsense", "4:memory:/x\n"] {
            assert_eq!(Container::read(root.path(), membership), Container::default(), "{membership}");
        }
        assert_eq!(memory_of("MemTotal:  20 kB\nMemFree: 1 kB\nMemAvailable:  10 kB\n"), (20_480, 10_240));
    }
}
