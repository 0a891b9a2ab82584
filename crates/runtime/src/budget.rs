//! How much memory all models together may take: who holds what, what a load will need, and who has to go for it.
//!
//! A load reserves an estimate before it begins and settles for its real figure when it is warm. Room is made by putting idle
//! models away, the least recently used first; where that is not enough, nobody is put away and the load is refused.

use crate::generation::{Generation, GenerationKey};
use crate::lifecycle::Model;
use crate::load::LoadError;
use crate::{FailureKind, LoadFigures};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// The memory of all models of a registry.
#[derive(Default)]
pub(crate) struct Budget {
    /// None: no limit.
    limit_bytes: Option<u64>,
    /// Who may be asked to go. Set once, when the models have been made.
    models: OnceLock<Vec<Weak<Model>>>,
    /// Held while room is made, taken and given back, so that two loads never take the same room.
    making_room: Mutex<()>,
    /// Signalled when a load has settled or failed: what it reserved beyond its real figure is free for others.
    settled: Condvar,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// Loads in progress.
    reserved: BTreeMap<u64, Reserved>,
    reservations: u64,
    /// Generations in memory. Their figures are read where they are: those of overlapping loads are corrected later.
    loaded: Vec<Arc<Generation>>,
    /// The last known figure of each model. Bounded by the models that are configured.
    known: HashMap<String, u64>,
}

struct Reserved {
    model: String,
    bytes: u64,
    /// Whether a real figure takes its place before long, for which others may wait.
    settles: bool,
}

/// Room that a load has taken; given back on drop.
pub(crate) struct Reservation<'a> {
    budget: &'a Budget,
    number: u64,
}

/// Whose memory a load may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// What nobody holds: loads at start, which would otherwise put away what the same start has just loaded.
    Free,
    /// Also what idle models hold.
    Idle,
}

/// What all models together take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryStats {
    /// What they may take. None: no limit.
    pub limit_bytes: Option<u64>,
    /// What they take, loads in progress by their estimates.
    pub held_bytes: u64,
}

/// The least that a model is expected to take: runners, lanes and the engine's own structures.
const FLOOR_BYTES: u64 = 16 << 20;

/// How long a load waits for the real figure of another.
const SETTLE_MAX: Duration = Duration::from_secs(300);

/// What a model that has never been loaded is expected to take: one and a half times its file and external data. Engines hold the
/// weights as large as they are in the file and a second time where they pack them for their kernels, which they do for the larger
/// part of some and none of others; activations come on top. The real figure counts as soon as there is one.
pub(crate) fn estimate(size_bytes: u64) -> u64 {
    size_bytes.saturating_add(size_bytes / 2).saturating_add(FLOOR_BYTES)
}

impl Budget {
    pub(crate) fn new(limit_bytes: Option<u64>) -> Self {
        Self { limit_bytes, ..Self::default() }
    }

    /// Says who may be asked to go.
    pub(crate) fn set_models(&self, models: Vec<Weak<Model>>) {
        assert!(self.models.set(models).is_ok(), "the models are made once");
    }

    pub(crate) fn stats(&self) -> MemoryStats {
        MemoryStats { limit_bytes: self.limit_bytes, held_bytes: self.table.lock().total() }
    }

    /// What a load of `model` will need: what the last one did, an estimate by its size where there was none. 0 without a limit, which
    /// spares looking at the files.
    pub(crate) fn expected(&self, model: &str, size_bytes: impl FnOnce() -> u64) -> u64 {
        let known = self.table.lock().known.get(model).copied();
        let expected = || known.unwrap_or_else(|| estimate(size_bytes()));
        self.limit_bytes.map_or(0, |_| expected())
    }

    /// Takes `bytes` for a load of `model`, making room for them where it may. Waits for the real figures of loads in progress before
    /// it refuses: their estimates may have been too high.
    ///
    /// # Errors
    /// `Memory`, with figures. Nobody was put away then.
    pub(crate) fn reserve(&self, model: &str, bytes: u64, room: Room) -> Result<Reservation<'_>, LoadError> {
        let mut making_room = self.making_room.lock();
        while !self.make_room(bytes, room) {
            let may_change = self.table.lock().reserved.values().any(|reserved| reserved.settles);
            if !may_change || self.settled.wait_for(&mut making_room, SETTLE_MAX).timed_out() {
                return Err(self.refusal(bytes));
            }
        }
        let mut table = self.table.lock();
        table.reservations += 1;
        let number = table.reservations;
        table.reserved.insert(number, Reserved { model: model.to_owned(), bytes, settles: true });
        Ok(Reservation { budget: self, number })
    }

    /// A generation has left memory.
    pub(crate) fn forget(&self, key: GenerationKey) {
        let mut table = self.table.lock();
        if let Some(index) = table.loaded.iter().position(|generation| generation.key == key) {
            let gone = table.loaded.swap_remove(index);
            table.learn(&gone);
        }
    }

    fn fits(&self, bytes: u64) -> bool {
        self.limit_bytes.is_none_or(|limit| self.table.lock().total().saturating_add(bytes) <= limit)
    }

    /// Puts idle models away until `bytes` fit; nobody, where that would not be enough.
    fn make_room(&self, bytes: u64, room: Room) -> bool {
        if self.fits(bytes) {
            return true;
        }
        let idle = if room == Room::Idle { self.idle_models() } else { Vec::new() };
        if !self.would_fit(bytes, &idle) {
            return false;
        }
        idle.iter().any(|model| put_away(model) && self.fits(bytes))
    }

    /// Whether `bytes` fit once these models are gone.
    fn would_fit(&self, bytes: u64, without: &[Arc<Model>]) -> bool {
        let table = self.table.lock();
        let names: Vec<&str> = without.iter().map(|model| model.spec.name.as_str()).collect();
        let freed: u64 =
            table.loaded.iter().filter(|held| names.contains(&&*held.name)).map(|held| bytes_of(held)).sum();
        let left = table.total().saturating_sub(freed);
        self.limit_bytes.is_none_or(|limit| left.saturating_add(bytes) <= limit)
    }

    /// Models that may be put away, the least recently used first.
    fn idle_models(&self) -> Vec<Arc<Model>> {
        let all = self.models.get().map_or(&[][..], Vec::as_slice);
        let mut idle: Vec<_> = all.iter().filter_map(Weak::upgrade).filter(|model| model.may_be_evicted()).collect();
        idle.sort_by_key(|model| model.usage.last());
        idle
    }

    /// Why `bytes` more do not fit, for the operator.
    fn refusal(&self, bytes: u64) -> LoadError {
        let table = self.table.lock();
        let (total, limit) = (table.total(), self.limit_bytes.unwrap_or(u64::MAX));
        let mut reason =
            format!("it needs about {} MiB and the limit is {} MiB, of which ", mebibytes(bytes), mebibytes(limit));
        if total == 0 {
            reason.push_str("nothing is held");
        } else {
            // Writing to a string does not fail.
            let _ = write!(reason, "{} MiB are held and cannot be freed now: {}", mebibytes(total), table.holders());
        }
        LoadError { kind: FailureKind::Memory, reason }
    }
}

impl Reservation<'_> {
    /// The same for as long as it is held: nobody waits for it to settle.
    pub(crate) fn lasting(self) -> Self {
        if let Some(reserved) = self.budget.table.lock().reserved.get_mut(&self.number) {
            reserved.settles = false;
        }
        self
    }

    /// The load is warm: its real figure takes the place of the estimate. Where that is too much, idle models are put away, and where
    /// that is not enough, the generation has to go.
    ///
    /// # Errors
    /// `Memory`, with figures; the generation counts no more and is to be freed.
    pub(crate) fn settle(self, generation: &Arc<Generation>, room: Room) -> Result<(), LoadError> {
        let budget = self.budget;
        let _making_room = budget.making_room.lock();
        budget.table.lock().reserved.remove(&self.number);
        budget.table.lock().learn(generation);
        let bytes = bytes_of(generation);
        if !budget.make_room(bytes, room) {
            return Err(budget.refusal(bytes));
        }
        budget.table.lock().loaded.push(Arc::clone(generation));
        Ok(())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let _making_room = self.budget.making_room.lock();
        self.budget.table.lock().reserved.remove(&self.number);
        self.budget.settled.notify_all();
    }
}

impl Table {
    fn total(&self) -> u64 {
        let reserved = self.reserved.values().map(|reserved| reserved.bytes);
        let loaded = self.loaded.iter().map(|generation| bytes_of(generation));
        reserved.chain(loaded).fold(0, u64::saturating_add)
    }

    /// The next load of this model will need what this one needed at its most.
    fn learn(&mut self, generation: &Generation) {
        let LoadFigures { memory_bytes, peak_bytes, .. } = generation.figures();
        self.known.insert(generation.name.to_string(), memory_bytes.max(peak_bytes));
    }

    fn holders(&self) -> String {
        let loaded = self.loaded.iter().map(|held| format!("{} {} MiB", held.name, mebibytes(bytes_of(held))));
        let loading =
            self.reserved.values().map(|held| format!("{} (loading) {} MiB", held.model, mebibytes(held.bytes)));
        loaded.chain(loading).collect::<Vec<_>>().join(", ")
    }
}

/// Puts a model away. A panic on the way costs that model's life, not the load that needed its room.
fn put_away(model: &Arc<Model>) -> bool {
    catch_unwind(AssertUnwindSafe(|| model.evict())).unwrap_or_else(|_| {
        model.give_up("putting the model away ended in a panic");
        false
    })
}

/// What a warm generation keeps: weights and run memory.
fn bytes_of(generation: &Generation) -> u64 {
    generation.figures().memory_bytes
}

const fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn reservations_never_pass_the_limit_and_come_back_when_dropped() {
        let budget = Budget::new(Some(2 * GIB));
        let first = budget.reserve("a", GIB, Room::Idle);
        let second = budget.reserve("b", GIB, Room::Idle);
        assert!(first.is_ok() && second.is_ok());
        let refused = budget.refusal(1);
        assert_eq!(refused.kind, FailureKind::Memory);
        assert!(!budget.make_room(1, Room::Idle));
        assert_eq!(
            refused.reason,
            "it needs about 1 MiB and the limit is 2048 MiB, of which 2048 MiB are held and cannot be freed now: \
             a (loading) 1024 MiB, b (loading) 1024 MiB"
        );
        drop(first);
        assert_eq!(budget.stats(), MemoryStats { limit_bytes: Some(2 * GIB), held_bytes: GIB });
        assert!(budget.reserve("c", 1, Room::Idle).is_ok());
    }

    #[test]
    fn a_model_that_was_never_loaded_is_estimated_by_its_size() {
        assert_eq!(Budget::new(Some(1)).expected("a", || 1000 << 20), (1500 << 20) + FLOOR_BYTES);
        assert_eq!(estimate(u64::MAX), u64::MAX, "an absurd size is not a small one");
        let budget = Budget::new(None);
        assert_eq!(budget.expected("a", || unreachable!("nobody asks for the size")), 0);
        assert!(budget.reserve("a", u64::MAX, Room::Free).is_ok(), "without a limit everything fits");
    }
}
