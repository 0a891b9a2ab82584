//! How much memory a model takes: the growth of the process while it was loaded and warmed, and the most that it grew meanwhile.
//!
//! Loads that overlap cannot be told apart by that growth. They share one window: when the last of them ends, the growth
//! is shared out by the size of their weights.

use crate::Generation;
use parking_lot::Mutex;
use std::sync::Arc;

/// Bytes of this process that are in memory now; 0 where the system does not tell.
pub fn resident_bytes() -> u64 {
    let Ok(statm) = std::fs::read_to_string("/proc/self/statm") else { return 0 };
    let pages: u64 = statm.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

/// The most bytes that this process had in memory since the mark was last set back; 0 where the system does not tell.
fn high_water_bytes() -> u64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return 0 };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: u64 = line.split_ascii_whitespace().next().and_then(|field| field.parse().ok()).unwrap_or(0);
    kib.saturating_mul(1024)
}

/// Sets the high-water mark back to what is in memory now (`proc_pid_clear_refs(5)`). Tells whether the system allows it.
fn lower_high_water() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// Weighs models while they are loaded.
#[derive(Default)]
pub(crate) struct Scale {
    window: Mutex<Window>,
}

/// Loads that overlap, from the first one's begin to the last one's end.
#[derive(Default)]
struct Window {
    /// Loads that have begun and not ended.
    loading: usize,
    before_bytes: u64,
    /// Whether the high-water mark was set back at the begin: else it tells of times before it.
    mark_is_fresh: bool,
    /// Generations that came out of the window, with their weights. Bounded by the models that are configured.
    loaded: Vec<(Arc<Generation>, u64)>,
}

/// One load on the scale; dropped without [`Weighing::end`], the load has failed.
pub(crate) struct Weighing<'a> {
    scale: &'a Scale,
}

impl Scale {
    pub(crate) fn begin(&self) -> Weighing<'_> {
        let mut window = self.window.lock();
        if window.loading == 0 {
            window.mark_is_fresh = lower_high_water();
            window.before_bytes = resident_bytes();
        }
        window.loading += 1;
        Weighing { scale: self }
    }
}

impl Weighing<'_> {
    /// Ends a load that succeeded. The figure is set now or when the last overlapping load ends; until then it is the weights.
    pub(crate) fn end(self, generation: &Arc<Generation>, weights_bytes: u64) {
        generation.set_memory(weights_bytes, weights_bytes);
        self.scale.window.lock().loaded.push((Arc::clone(generation), weights_bytes));
    }
}

impl Drop for Weighing<'_> {
    fn drop(&mut self) {
        let mut window = self.scale.window.lock();
        window.loading -= 1;
        if window.loading > 0 {
            return;
        }
        let resident = resident_bytes();
        let most = if window.mark_is_fresh { high_water_bytes().max(resident) } else { resident };
        let (grown, peak) = (resident.saturating_sub(window.before_bytes), most.saturating_sub(window.before_bytes));
        let loaded = std::mem::take(&mut window.loaded);
        drop(window);
        let weights: Vec<u64> = loaded.iter().map(|(_, weights_bytes)| *weights_bytes).collect();
        let figures = shares(grown, &weights).into_iter().zip(shares(peak, &weights));
        for ((generation, _), (memory_bytes, peak_bytes)) in loaded.iter().zip(figures) {
            generation.set_memory(memory_bytes, peak_bytes);
        }
    }
}

/// Shares `grown` out by weight; nobody gets less than its weights.
fn shares(grown: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u64 = weights.iter().sum();
    let share = |weight: u64| (grown as f64 * weight as f64 / sum.max(1) as f64) as u64;
    weights.iter().map(|&weight| share(weight).max(weight)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_shared_out_by_weight() {
        assert_eq!(shares(120, &[40]), [120]);
        assert_eq!(shares(120, &[10, 30]), [30, 90]);
        assert_eq!(shares(20, &[40]), [40], "weights that were in memory before still count");
        assert_eq!(shares(20, &[]), [0_u64; 0]);
    }

    #[test]
    fn this_process_is_in_memory() {
        assert!(resident_bytes() > 1 << 20);
    }

    #[test]
    fn memory_that_was_given_back_shows_in_the_high_water_mark() {
        const BYTES: usize = 64 << 20;
        if !lower_high_water() {
            eprintln!("skipped: the system does not let the high-water mark be set back");
            return;
        }
        let before = resident_bytes();
        drop(std::hint::black_box(vec![1_u8; BYTES]));
        // Other tests of this process may come and go meanwhile: half of it is proof enough.
        assert!(high_water_bytes() >= before.saturating_add(BYTES as u64 / 2));
    }
}
