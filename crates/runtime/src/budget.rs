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
    loaded: Vec<Held>,
    /// What each model needed last. Bounded by the models that are configured.
    known: HashMap<String, Need>,
}

/// What a load needs, and of how many bytes of files: where these are others, so is the need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) bytes: u64,
    pub(crate) size_bytes: u64,
}

/// A generation in memory.
struct Held {
    generation: Arc<Generation>,
    size_bytes: u64,
}

struct Reserved {
    model: String,
    need: Need,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
pub fn estimate(size_bytes: u64) -> u64 {
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

    /// What a load of `model` will need: what the last one of files of that size did, an estimate by the size where there was none.
    /// Nothing without a limit, which spares looking at the files.
    pub(crate) fn expected(&self, model: &str, size_bytes: impl FnOnce() -> u64) -> Need {
        if self.limit_bytes.is_none() {
            return Need::default();
        }
        let size_bytes = size_bytes();
        let known = self.table.lock().known.get(model).copied();
        let same = known.filter(|known| known.size_bytes == size_bytes);
        same.unwrap_or_else(|| Need { bytes: estimate(size_bytes), size_bytes })
    }

    /// Takes what a load of `model` needs, making room for it where it may. Waits for the real figures of loads in progress before
    /// it refuses: their estimates may have been too high.
    ///
    /// # Errors
    /// `Memory`, with figures. Nobody was put away then.
    pub(crate) fn reserve(&self, model: &str, need: Need, room: Room) -> Result<Reservation<'_>, LoadError> {
        let bytes = need.bytes;
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
        table.reserved.insert(number, Reserved { model: model.to_owned(), need, settles: true });
        Ok(Reservation { budget: self, number })
    }

    /// A generation has left memory.
    pub(crate) fn forget(&self, key: GenerationKey) {
        let mut table = self.table.lock();
        if let Some(index) = table.loaded.iter().position(|held| held.generation.key == key) {
            let gone = table.loaded.swap_remove(index);
            table.learn(&gone);
        }
    }

    /// Whether so much is free now.
    pub(crate) fn fits(&self, bytes: u64) -> bool {
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
            table.loaded.iter().filter(|held| names.contains(&&*held.generation.name)).map(Held::bytes).sum();
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
        let _making_room = self.budget.making_room.lock();
        if let Some(reserved) = self.budget.table.lock().reserved.get_mut(&self.number) {
            reserved.settles = false;
        }
        self.budget.settled.notify_all();
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
        let held = budget.table.lock().settle(self.number, generation);
        let bytes = held.bytes();
        if !budget.make_room(bytes, room) {
            return Err(budget.refusal(bytes));
        }
        budget.table.lock().loaded.push(held);
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
        let reserved = self.reserved.values().map(|reserved| reserved.need.bytes);
        let loaded = self.loaded.iter().map(Held::bytes);
        reserved.chain(loaded).fold(0, u64::saturating_add)
    }

    /// Ends a reservation, and learns what the load really took.
    fn settle(&mut self, reservation: u64, generation: &Arc<Generation>) -> Held {
        let size_bytes = self.reserved.remove(&reservation).map_or(0, |reserved| reserved.need.size_bytes);
        let held = Held { generation: Arc::clone(generation), size_bytes };
        self.learn(&held);
        held
    }

    /// The next load of this model will need what this one needed at its most.
    fn learn(&mut self, held: &Held) {
        let LoadFigures { memory_bytes, peak_bytes, .. } = held.generation.figures();
        let need = Need { bytes: memory_bytes.max(peak_bytes), size_bytes: held.size_bytes };
        self.known.insert(held.generation.name.to_string(), need);
    }

    fn holders(&self) -> String {
        let loaded = self.loaded.iter().map(|held| format!("{} {} MiB", held.generation.name, mebibytes(held.bytes())));
        let loading =
            self.reserved.values().map(|held| format!("{} (loading) {} MiB", held.model, mebibytes(held.need.bytes)));
        loaded.chain(loading).collect::<Vec<_>>().join(", ")
    }
}

impl Held {
    /// What a warm generation keeps: weights and run memory.
    fn bytes(&self) -> u64 {
        self.generation.figures().memory_bytes
    }
}

/// Puts a model away. A panic on the way costs that model's life, not the load that needed its room.
fn put_away(model: &Model) -> bool {
    catch_unwind(AssertUnwindSafe(|| model.evict())).unwrap_or(false)
}

const fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn need(bytes: u64) -> Need {
        Need { bytes, size_bytes: 0 }
    }

    #[test]
    fn reservations_never_pass_the_limit_and_come_back_when_dropped() {
        let budget = Budget::new(Some(2 * GIB));
        let first = budget.reserve("a", need(GIB), Room::Idle);
        let second = budget.reserve("b", need(GIB), Room::Idle);
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
        assert!(budget.reserve("c", need(1), Room::Idle).is_ok());
    }

    #[test]
    fn a_model_that_was_never_loaded_is_estimated_by_its_size() {
        assert_eq!(Budget::new(Some(1)).expected("a", || 1000 << 20).bytes, (1500 << 20) + FLOOR_BYTES);
        assert_eq!(estimate(u64::MAX), u64::MAX, "an absurd size is not a small one");
        let budget = Budget::new(None);
        assert_eq!(budget.expected("a", || unreachable!("nobody asks for the size")), need(0));
        assert!(budget.reserve("a", need(u64::MAX), Room::Free).is_ok(), "without a limit everything fits");
    }
}
