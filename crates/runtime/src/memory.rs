//! How much memory a model takes: the growth of the process while it was loaded and warmed, pages of files left out, and the most that
//! it grew meanwhile.
//!
//! Loads that overlap cannot be told apart by that growth. They share one window: when the last of them ends, the growth
//! is shared out by the size of their weights.
//!
//! A copy that comes after another has gone grows the process by less than it takes: the allocator gives it pages that it had kept.
//! So the heaviest that a model was found with the same weights, run in the same way, counts for its later copies too.

use crate::Generation;
use parking_lot::Mutex;
use samovar_engine_api::Precision;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Bytes of this process that are in memory now; 0 where the system does not tell.
pub fn resident_bytes() -> u64 {
    resident().0
}

/// Bytes of this process that are in memory, and those of them that are no pages of files: code that another load has run already, and
/// that was given back meanwhile, is no memory of the model that runs it next.
fn resident() -> (u64, u64) {
    let Ok(statm) = std::fs::read_to_string("/proc/self/statm") else { return (0, 0) };
    let pages = |index| statm.split_ascii_whitespace().nth(index).and_then(|field| field.parse().ok()).unwrap_or(0_u64);
    let (all, of_files, page) = (pages(1), pages(2), rustix::param::page_size() as u64);
    (all * page, all.saturating_sub(of_files) * page)
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
    heaviest: Mutex<Heaviest>,
}

/// The heaviest that each model was found. Bounded: [`KINDS_MAX`] for each of the models that are configured.
#[derive(Default)]
struct Heaviest(HashMap<Arc<str>, VecDeque<(Kind, u64)>>);

/// Copies of a model that take the same memory.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    weights_bytes: u64,
    engine: &'static str,
    precision: Precision,
    threads: usize,
    rows_max: usize,
}

/// Kinds of one model that are remembered: versions that take turns, each before and after it was measured.
const KINDS_MAX: usize = 8;

/// Loads that overlap, from the first one's begin to the last one's end.
#[derive(Default)]
struct Window {
    /// Loads that have begun and not ended.
    loading: usize,
    before_bytes: u64,
    /// The same without pages of files.
    own_before_bytes: u64,
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
            (window.before_bytes, window.own_before_bytes) = resident();
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
        let (resident, own) = resident();
        let most = if window.mark_is_fresh { high_water_bytes().max(resident) } else { resident };
        let (grown, peak) = (own.saturating_sub(window.own_before_bytes), most.saturating_sub(window.before_bytes));
        let loaded = std::mem::take(&mut window.loaded);
        drop(window);
        let weights: Vec<u64> = loaded.iter().map(|(_, weights_bytes)| *weights_bytes).collect();
        let figures = shares(grown, &weights).into_iter().zip(shares(peak, &weights));
        let mut heaviest = self.scale.heaviest.lock();
        for ((generation, weights_bytes), (memory_bytes, peak_bytes)) in loaded.iter().zip(figures) {
            let memory_bytes = heaviest.of(&generation.name, Kind::of(generation, *weights_bytes), memory_bytes);
            generation.set_memory(memory_bytes, peak_bytes.max(memory_bytes));
        }
    }
}

impl Kind {
    fn of(generation: &Generation, weights_bytes: u64) -> Self {
        let Generation { engine, precision, threads, .. } = *generation;
        Self { weights_bytes, engine, precision, threads, rows_max: generation.batch.size_max }
    }
}

impl Heaviest {
    /// Takes a copy's figure in and gives the largest of its kind.
    fn of(&mut self, model: &Arc<str>, kind: Kind, bytes: u64) -> u64 {
        let kinds = self.0.entry(Arc::clone(model)).or_default();
        let known = kinds.iter().position(|(known, _)| *known == kind).and_then(|index| kinds.remove(index));
        let most = known.map_or(bytes, |(_, known)| known.max(bytes));
        kinds.push_back((kind, most));
        if kinds.len() > KINDS_MAX {
            kinds.pop_front();
        }
        most
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
    fn a_copy_that_reuses_memory_weighs_what_the_first_of_its_kind_did() {
        let kind =
            |weights_bytes| Kind { weights_bytes, engine: "fake", precision: Precision::F32, threads: 1, rows_max: 1 };
        let (mut heaviest, model) = (Heaviest::default(), Arc::from("m"));
        assert_eq!(heaviest.of(&model, kind(10), 30), 30);
        assert_eq!(heaviest.of(&model, kind(10), 12), 30);
        assert_eq!(heaviest.of(&model, kind(20), 25), 25, "another version is another kind");
        assert_eq!(heaviest.of(&model, kind(10), 31), 31);
        for weights_bytes in 100..100 + KINDS_MAX as u64 {
            heaviest.of(&model, kind(weights_bytes), 1);
        }
        assert_eq!(heaviest.of(&model, kind(10), 12), 12, "what was not seen for long is forgotten");
        assert_eq!(heaviest.0[&model].len(), KINDS_MAX);
    }

    #[test]
    fn this_process_is_in_memory() {
        let (all, own) = resident();
        assert!(own > 1 << 16 && own < all && all > 1 << 20, "{own} of {all}");
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
