//! Takes samples, and remembers earlier ones: shares are told between two.

use crate::children::Children;
use crate::container::Container;
use crate::gpu::Gpus;
use crate::machine::{self, CpuUse};
use crate::process::{ProcessFigures, open_files};
use crate::{MachineSample, ProcessSample};
use parking_lot::Mutex;
use std::path::Path;
use std::time::{Duration, Instant};

/// Takes samples. One value per process is enough; cheap to ask (under a millisecond without GPUs), at most some times a second.
///
/// Several may ask at once. Shares are told over the second before at least, once there has been one, so that those who ask shortly after
/// one another are not told of the moment between them.
#[derive(Debug)]
pub struct Monitor {
    started: Instant,
    gpus: Gpus,
    marks: Mutex<Marks>,
}

/// What a later sample is held against.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    machine: CpuUse,
    process_cpu_s: f64,
    children_cpu_s: f64,
}

#[derive(Debug, Default)]
struct Marks {
    /// Shares are told since then.
    base: Option<Mark>,
    /// The next base, as soon as it is [`WINDOW_MIN`] old.
    next: Option<Mark>,
    /// The most that were resident at any sample: this process, its children together.
    resident_max_bytes: (u64, u64),
}

/// Shares are told over this long at least.
const WINDOW_MIN: Duration = Duration::from_secs(1);

impl Default for Monitor {
    fn default() -> Self {
        Self::new()
    }
}

impl Monitor {
    /// Nothing sampled yet.
    pub fn new() -> Self {
        Self { started: Instant::now(), gpus: Gpus::default(), marks: Mutex::default() }
    }

    /// What the machine does now, with shares since a call before that was a second ago or more, else since the first.
    ///
    /// Reads small files and, where there are GPUs, asks their driver, which takes a while the first time: not to be called where an
    /// event loop waits.
    pub fn sample(&self) -> MachineSample {
        let gpus = self.gpus.sample();
        let mut marks = self.marks.lock();
        let now = Instant::now();
        let (container, own_folder) = (Container::now(), Path::new("/proc/self"));
        // Children first: one that ends in between is then counted twice rather than not at all, and `larger` keeps the sums rising.
        let children = Children::of(std::process::id(), Path::new("/proc"));
        let own = ProcessFigures::of(own_folder).unwrap_or_default();
        let mark = Mark {
            at: now,
            machine: CpuUse::now(&container, now - self.started),
            process_cpu_s: own.cpu_s,
            children_cpu_s: own.reaped_cpu_s + children.sum.cpu_s,
        };
        let (mark, base) = marks.pass(mark);
        let share = |of: fn(&Mark) -> f64| base.and_then(|base| share(of(&mark) - of(&base), now - base.at));
        let resident_max_bytes = marks.raise(&own, &children.sum);
        let (memory_bytes, memory_available_bytes) = machine::memory(&container);
        MachineSample {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu_share: base.and_then(|base| mark.machine.share_since(base.machine)),
            memory_bytes,
            memory_available_bytes,
            process: ProcessSample {
                cpu_s: mark.process_cpu_s,
                cores_busy: share(|mark| mark.process_cpu_s),
                resident_bytes: own.resident_bytes,
                resident_max_bytes: resident_max_bytes.0,
                threads: own.threads,
                open_files: open_files(own_folder),
            },
            children: ProcessSample {
                cpu_s: mark.children_cpu_s,
                cores_busy: share(|mark| mark.children_cpu_s),
                resident_bytes: children.sum.resident_bytes,
                resident_max_bytes: resident_max_bytes.1,
                threads: children.sum.threads,
                open_files: 0,
            },
            children_count: children.count,
            gpus,
        }
    }
}

impl Marks {
    /// Takes note of a sample. Gives it, with sums that never fall, and the one that it is held against.
    fn pass(&mut self, mut mark: Mark) -> (Mark, Option<Mark>) {
        if let Some(next) = self.next {
            mark.children_cpu_s = mark.children_cpu_s.max(next.children_cpu_s);
        }
        let due = self.next.is_none_or(|next| mark.at - next.at >= WINDOW_MIN);
        if due {
            self.base = self.next.replace(mark);
        }
        (mark, self.base.or(self.next.filter(|next| next.at < mark.at)))
    }

    fn raise(&mut self, own: &ProcessFigures, children: &ProcessFigures) -> (u64, u64) {
        let (process, all_children) = &mut self.resident_max_bytes;
        *process = own.resident_max_bytes.max(own.resident_bytes).max(*process);
        *all_children = children.resident_max_bytes.max(children.resident_bytes).max(*all_children);
        self.resident_max_bytes
    }
}

/// Cores that were busy; none where no time has passed.
fn share(cpu_s: f64, elapsed: Duration) -> Option<f64> {
    (!elapsed.is_zero()).then(|| (cpu_s / elapsed.as_secs_f64()).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at: Instant, cpu_s: f64) -> Mark {
        Mark { at, machine: CpuUse::default(), process_cpu_s: cpu_s, children_cpu_s: cpu_s }
    }

    #[test]
    fn who_asks_right_after_another_is_told_of_the_same_second() {
        let (mut marks, start) = (Marks::default(), Instant::now());
        let mut base_at = |ms: u64| {
            let (_, base) = marks.pass(mark(start + Duration::from_millis(ms), 0.0));
            base.map(|base| (base.at - start).as_millis())
        };
        assert_eq!(
            [0, 10, 1000, 1010, 1500, 2000, 2010, 60_000].map(&mut base_at),
            [None, Some(0), Some(0), Some(0), Some(0), Some(1000), Some(1000), Some(2000)]
        );
    }

    #[test]
    fn the_time_of_children_never_falls() {
        let (mut marks, start) = (Marks::default(), Instant::now());
        marks.pass(mark(start, 5.0));
        let (later, _) = marks.pass(mark(start + Duration::from_secs(2), 4.0));
        assert_eq!((later.children_cpu_s, later.process_cpu_s), (5.0, 4.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_sample_of_this_process_is_plausible() {
        let monitor = Monitor::new();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let first = monitor.sample();
        let second = monitor.sample();
        child.kill().unwrap();
        child.wait().unwrap();
        let third = monitor.sample();
        assert_eq!((first.cpu_share, first.process.cores_busy), (None, None));
        assert!(second.process.cores_busy.is_some());
        assert!(second.process.resident_bytes > 1 << 20);
        assert!(second.process.resident_max_bytes >= second.process.resident_bytes);
        assert!(second.process.threads >= 1 && second.process.open_files >= 3);
        assert!(second.cores >= 1 && second.memory_bytes > second.memory_available_bytes);
        assert!(second.children_count >= 1 && second.children.resident_bytes > 0, "{second:?}");
        assert_eq!(third.children_count, second.children_count - 1);
        assert!(third.children.cpu_s >= second.children.cpu_s && third.children.resident_max_bytes > 0);
    }
}
