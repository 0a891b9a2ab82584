//! The machine as far as this process may use it: its cores and its memory.

use crate::container::{Container, memory_of};
use std::time::Duration;

/// CPU time of everybody since some moment in the past, in any unit: shares are told between two of these.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CpuUse {
    /// Spent.
    pub(crate) busy: f64,
    /// What could have been spent.
    pub(crate) total: f64,
}

impl CpuUse {
    /// Of the cores that this process may run on, or of what its container may spend. `elapsed` counts from any fixed moment.
    pub(crate) fn now(container: &Container, elapsed: Duration) -> Self {
        if let Some(cpu) = container.cpu {
            return Self { busy: cpu.used_s, total: cpu.cores * elapsed.as_secs_f64() };
        }
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
        Self::parse(&stat, allowed.trim())
    }

    /// From `/proc/stat`, for the cores of a list such as `0-3,8`; an empty list allows all.
    fn parse(stat: &str, allowed: &str) -> Self {
        let cores = stat.lines().filter_map(|line| {
            let (core, times) = line.strip_prefix("cpu")?.split_once(' ')?;
            in_list(allowed, core.parse().ok()?).then(|| Self::of_core(times))
        });
        cores.fold(Self::default(), |sum, core| Self { busy: sum.busy + core.busy, total: sum.total + core.total })
    }

    /// User, nice, system, idle, wait for a disk, interrupts of two kinds, and what a hypervisor took: the guests' times after them are
    /// part of the first two.
    fn of_core(times: &str) -> Self {
        let times: Vec<f64> = times.split_ascii_whitespace().take(8).filter_map(|word| word.parse().ok()).collect();
        let idle = times.iter().skip(3).take(2).sum::<f64>();
        let total = times.iter().sum::<f64>();
        Self { busy: total - idle, total }
    }

    /// The busy share since `earlier`, 0–1; none where no time has passed.
    pub(crate) fn share_since(self, earlier: Self) -> Option<f64> {
        let (busy, total) = (self.busy - earlier.busy, self.total - earlier.total);
        (total > 0.0).then(|| (busy / total).clamp(0.0, 1.0))
    }
}

/// Memory in all and what programs could still take of it, in bytes: the machine's, or the container's where that is less.
pub(crate) fn memory(container: &Container) -> (u64, u64) {
    let (total, available) = memory_of(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default());
    within(container, total, available)
}

fn within(container: &Container, total: u64, available: u64) -> (u64, u64) {
    let Some(limited) = container.memory.filter(|limited| limited.limit_bytes < total) else {
        return (total, available);
    };
    (limited.limit_bytes, available.min(limited.limit_bytes.saturating_sub(limited.used_bytes)))
}

/// Whether a list of numbers and ranges, such as `0-3,8`, has the number. An empty one has all.
fn in_list(list: &str, number: u32) -> bool {
    let has = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse().is_ok_and(|first: u32| first <= number) && last.parse().is_ok_and(|last: u32| number <= last)
    };
    list.is_empty() || list.split(',').any(has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Limited;

    const STAT: &str = "\
cpu  400 0 100 1000 100 0 0 0 50 0
cpu0 300 0 50 400 50 0 0 0 50 0
cpu1 100 0 50 600 50 0 0 0 0 0
intr 12 3
ctxt 99
";

    #[test]
    fn the_share_is_that_of_the_cores_that_may_be_used() {
        let both = CpuUse::parse(STAT, "0-1");
        assert_eq!((both.busy, both.total), (500.0, 1600.0));
        assert_eq!(CpuUse::parse(STAT, ""), both);
        let second = CpuUse::parse(STAT, "1,7");
        assert_eq!((second.busy, second.total), (150.0, 800.0));
        assert_eq!(both.share_since(second), Some(350.0 / 800.0));
        assert_eq!((both.share_since(both), CpuUse::parse("", "0-1")), (None, CpuUse::default()));
    }

    #[test]
    fn lists_of_cores_are_read() {
        let within = |list: &str| (0..12).filter(|&number| in_list(list, number)).collect::<Vec<_>>();
        assert_eq!(within("0-2,8,10-99"), [0, 1, 2, 8, 10, 11]);
        assert_eq!(within("x,3-"), [] as [u32; 0]);
    }

    #[test]
    fn a_limit_counts_where_it_is_less_than_the_machine_has() {
        let with = |limit_bytes, used_bytes| Container {
            memory: Some(Limited { limit_bytes, used_bytes }),
            ..Container::default()
        };
        assert_eq!(within(&with(100, 30), 1000, 500), (100, 70));
        assert_eq!(within(&with(100, 30), 1000, 20), (100, 20), "the machine itself has less");
        assert_eq!(within(&with(2000, 30), 1000, 500), (1000, 500));
        assert_eq!(within(&with(100, 130), 1000, 500), (100, 0));
    }
}
