//! How much of the processor a child has taken, and how far it has read: while it runs, and for ever after its end.
//!
//! By `/proc`, so on Linux only; elsewhere nothing is told. The figures of a process that has ended can be read until it
//! is reaped, and so are taken then: the whole of it is known, to a tick of the system's clock (10 ms).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The processor time of one child.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChildClock {
    process_id: u32,
    /// Microseconds of the whole life, one more so that zero is a child that still runs.
    ended: Arc<AtomicU64>,
}

impl ChildClock {
    pub(crate) fn new(process_id: u32) -> Self {
        Self { process_id, ended: Arc::default() }
    }

    pub(crate) const fn process_id(&self) -> u32 {
        self.process_id
    }

    /// User and system time so far, or of the whole life.
    pub(crate) fn cpu(&self) -> Duration {
        // Once more where it ended in between.
        self.whole().or_else(|| cpu_of(self.process_id)).or_else(|| self.whole()).unwrap_or_default()
    }

    /// Takes down the whole life. The child must have ended, and not yet be reaped.
    pub(crate) fn stop(&self) {
        let cpu = cpu_of(self.process_id).unwrap_or_default();
        self.ended.store(1 + u64::try_from(cpu.as_micros()).unwrap_or(0), Ordering::Release);
    }

    fn whole(&self) -> Option<Duration> {
        self.ended.load(Ordering::Acquire).checked_sub(1).map(Duration::from_micros)
    }
}

/// Bytes that a process has read so far, of files and pipes.
pub(crate) fn bytes_read(process_id: u32) -> Option<u64> {
    let io = std::fs::read_to_string(format!("/proc/{process_id}/io")).ok()?;
    io.lines().find_map(|line| line.strip_prefix("rchar: "))?.parse().ok()
}

/// User and system time of a process with all its threads.
fn cpu_of(process_id: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    let ticks = parse_ticks(&stat)?;
    Some(Duration::from_secs_f64(ticks as f64 / ticks_per_second()?))
}

#[cfg(target_os = "linux")]
fn ticks_per_second() -> Option<f64> {
    Some(rustix::param::clock_ticks_per_second() as f64).filter(|ticks| *ticks > 0.0)
}

#[cfg(not(target_os = "linux"))]
fn ticks_per_second() -> Option<f64> {
    None
}

/// The fields `utime` and `stime`, 14 and 15 of `proc(5)`. The name before them is in brackets and may hold anything.
fn parse_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(|field| field.parse::<u64>().ok());
    times.next()??.checked_add(times.next()??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 250 17 0 0 20 0 1";
        assert_eq!(parse_ticks(stat), Some(267));
        assert_eq!(parse_ticks("7 (a) S 1 2"), None);
        assert_eq!(parse_ticks(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_has_read_has_read_more() {
        let id = std::process::id();
        let before = bytes_read(id).unwrap();
        std::fs::read("/proc/self/status").unwrap();
        assert!(bytes_read(id).unwrap() > before);
        assert_eq!(bytes_read(0), None);
    }
}
