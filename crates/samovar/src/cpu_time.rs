//! CPU time of this process and of its children that have ended.

use std::time::Duration;

/// CPU time used so far, in user and kernel together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// By all threads of this process.
    pub own: Duration,
    /// By its children that were waited for.
    pub children: Duration,
}

impl CpuTime {
    /// What the system says now, to a hundredth of a second; zero where it does not tell.
    pub fn now() -> Self {
        let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The program's name stands in brackets and may hold anything.
        let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = |index: usize| {
            let field = after_name.split_ascii_whitespace().nth(index).and_then(|field| field.parse::<u64>().ok());
            field.unwrap_or(0) as f64 / rustix::param::clock_ticks_per_second().max(1) as f64
        };
        // Fields 14 to 17 of proc(5), counted from 1; the first one after the name is field 3.
        let seconds = |first: usize| Duration::from_secs_f64(ticks(first - 3) + ticks(first - 2));
        Self { own: seconds(14), children: seconds(16) }
    }

    /// Both since `earlier`.
    pub fn since(self, earlier: Self) -> Duration {
        (self.own + self.children).saturating_sub(earlier.own + earlier.children)
    }
}
