//! What the system tells of one process: `stat`, `status` and `fd` of its folder under `/proc` (proc(5)).

use std::path::Path;

/// What the system tells of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ProcessFigures {
    /// CPU time of its threads, in seconds, to a hundredth.
    pub(crate) cpu_s: f64,
    /// CPU time of its children that it has waited for, and of theirs, in seconds.
    pub(crate) reaped_cpu_s: f64,
    /// In memory now.
    pub(crate) resident_bytes: u64,
    /// The most in memory since the mark was set back last (`proc_pid_clear_refs(5)`).
    pub(crate) resident_max_bytes: u64,
    /// Threads.
    pub(crate) threads: u64,
    /// Whose child it is.
    pub(crate) parent: u32,
    /// Whether it has ended and only waits for its parent to hear of it.
    pub(crate) ended: bool,
}

impl ProcessFigures {
    /// Of the process with this folder; none where it is gone.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        Self::parse(&stat, &status, rustix::param::clock_ticks_per_second().max(1) as f64)
    }

    fn parse(stat: &str, status: &str, ticks_per_s: f64) -> Option<Self> {
        // The program's name stands in brackets and may hold anything. What follows begins with field 3 of proc(5).
        let (_, after_name) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let seconds = |first: usize| Some((number(first)? + number(first + 1)?) as f64 / ticks_per_s);
        Some(Self {
            cpu_s: seconds(14)?,
            reaped_cpu_s: seconds(16)?,
            resident_bytes: line_bytes(status, "VmRSS:"),
            resident_max_bytes: line_bytes(status, "VmHWM:"),
            threads: number(20)?,
            parent: u32::try_from(number(4)?).ok()?,
            ended: matches!(fields.first(), Some(&"Z" | &"X")),
        })
    }
}

/// Open files of the process with this folder; 0 where the system does not tell.
pub(crate) fn open_files(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder.join("fd")) else { return 0 };
    // The folder that is being listed is one of them.
    (entries.count() as u64).saturating_sub(1)
}

/// The value of a line such as `VmRSS:      1234 kB`; 0 where there is none.
pub(crate) fn line_bytes(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let kib: u64 = value.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0);
    kib.saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "4242 (a) b (c) ) S 17 4242 4242 0 -1 4194560 8123 99 1 0 250 50 1200 300 20 0 9 0 8814 1000 5000";
    const STATUS: &str = "Name:\ta) b\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t9\n";

    #[test]
    fn fields_are_found_behind_any_name() {
        let figures = ProcessFigures::parse(STAT, STATUS, 100.0).unwrap();
        assert_eq!((figures.cpu_s, figures.reaped_cpu_s), (3.0, 15.0));
        assert_eq!((figures.resident_bytes, figures.resident_max_bytes), (10 << 20, 20 << 20));
        assert_eq!((figures.threads, figures.parent, figures.ended), (9, 17, false));
    }

    #[test]
    fn what_has_ended_is_known_and_holds_no_memory() {
        let figures = ProcessFigures::parse(&STAT.replace(") S", ") Z"), "Name:\tx\n", 100.0).unwrap();
        assert_eq!((figures.ended, figures.resident_bytes), (true, 0));
    }

    #[test]
    fn text_that_is_cut_short_tells_nothing() {
        for cut in ["", "4242", "4242 (x) S 17", "4242 (x) S 17 a b c d e f g h i j k l m n o p q r"] {
            assert_eq!(ProcessFigures::parse(cut, STATUS, 100.0), None, "{cut}");
        }
    }
}
