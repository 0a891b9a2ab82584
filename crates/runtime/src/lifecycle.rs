//! The life of one model: load, swap, unload, and who may start them. Single-flight: one operation at a time, everybody else watches.
//!
//! How a generation comes into memory and leaves it is in `making.rs`.

use crate::budget::{Budget, Room};
use crate::device::{Device, Order};
use crate::event::Event;
use crate::generation::{Generation, WarmUpCause};
use crate::hold::Usage;
use crate::load::LoadError;
use crate::loading::Loading;
use crate::making::{Making, Patience, not_planned};
use crate::memory::Scale;
use crate::plan::{MeasuredFiles, Plans};
use crate::source::Stamp;
use crate::turn::Turn;
use crate::{Drift, Failure, FailureKind, ModelSpec, ModelState, OnPreloadFailure};
use parking_lot::Mutex;
use samovar_engine_api::Engine;
use samovar_schedule::{Backoff, Moment};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What all models of a registry share.
pub(crate) struct Shared {
    pub(crate) engines: Vec<Arc<dyn Engine>>,
    pub(crate) device: Arc<Device>,
    /// Weighs models while they are loaded.
    pub(crate) scale: Scale,
    /// What they may take together.
    pub(crate) budget: Budget,
    /// Which loads go on at the same time.
    pub(crate) loading: Loading,
    pub(crate) on_preload_failure: OnPreloadFailure,
    /// What is known of the best way to run each model.
    pub(crate) plans: Plans,
}

/// One configured model and where it is in its life.
pub(crate) struct Model {
    pub(crate) spec: ModelSpec,
    pub(crate) shared: Arc<Shared>,
    /// The one state value. Written by the operation in progress only.
    pub(crate) state: watch::Sender<ModelState>,
    /// Who uses it, and when it was last used.
    pub(crate) usage: Usage,
    /// The word for its family, as soon as that is known: it outlives what is unloaded.
    family: Mutex<Option<&'static str>>,
    /// Whether it has been ready once: readiness waits for the first load alone.
    served: AtomicBool,
    /// When the last load failed, on the device's clock.
    failed_at: AtomicU64,
    /// Why the last reload failed while another generation went on serving.
    reload_failure: Mutex<Option<Failure>>,
    /// Held by the operation in progress; the rest is what it remembers.
    operation: Mutex<Memory>,
}

/// What operations on a model remember from one to the next.
pub(crate) struct Memory {
    /// Of the last generation that was tried.
    pub(crate) number: u64,
    pub(crate) attempts: u32,
    pub(crate) backoff: Backoff,
    /// The version that a swap has named; none: as configured.
    pub(crate) chosen: Option<u64>,
    /// What the last load took or tried to take: a file that failed is not tried again until it changes.
    pub(crate) tried: Option<Stamp>,
}

/// Which version a reload takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Take {
    /// The one that was chosen before.
    Same,
    /// This one; none: as configured.
    Version(Option<u64>),
}

const RETRY_FIRST: Duration = Duration::from_secs(2);
const RETRY_CAP: Duration = Duration::from_secs(300);
/// With `on_preload_failure = "lazy"` a request tries again without waiting for the next attempt, but not more often than this.
const ASKED_EVERY: Duration = Duration::from_secs(1);

impl Model {
    pub(crate) fn new(spec: ModelSpec, shared: Arc<Shared>) -> Self {
        let backoff = Backoff::new(RETRY_FIRST, RETRY_CAP);
        let memory = Memory { number: 0, attempts: 0, backoff, chosen: None, tried: None };
        Self {
            family: Mutex::new(spec.family),
            spec,
            shared,
            state: watch::Sender::new(ModelState::Absent),
            usage: Usage::default(),
            served: AtomicBool::new(false),
            failed_at: AtomicU64::new(0),
            reload_failure: Mutex::new(None),
            operation: Mutex::new(memory),
        }
    }

    /// Takes it upon the caller to load for a request: true for exactly one of many who ask at once, who then must call
    /// [`Model::load`].
    pub(crate) fn claim_load(&self) -> bool {
        self.claim(|state| match state {
            ModelState::Absent => true,
            ModelState::Failed(failure) => self.may_try(failure),
            _ => false,
        })
    }

    /// The same for an attempt that is due without anybody asking.
    pub(crate) fn claim_retry(&self) -> bool {
        self.claim(|state| matches!(state, ModelState::Failed(failure) if is_due(failure)))
    }

    fn claim(&self, may: impl Fn(&ModelState) -> bool) -> bool {
        self.state.send_if_modified(|state| {
            let claimed = may(state);
            if claimed {
                *state = ModelState::Loading { since: Instant::now() };
            }
            claimed
        })
    }

    /// Whether a request may try a load that has failed.
    pub(crate) fn may_try(&self, failure: &Failure) -> bool {
        let lazy = self.spec.preload && self.shared.on_preload_failure == OnPreloadFailure::Lazy;
        let rested = self.now().saturating_since(Moment(self.failed_at.load(Ordering::Relaxed))) >= ASKED_EVERY;
        is_due(failure) || (lazy && rested && failure.retry_at.is_some())
    }

    /// Ends a claim or an operation that came to no end of its own, so that nobody waits for it for ever. An operation that does go on
    /// sets the state again when it ends.
    pub(crate) fn give_up(&self, reason: &str) {
        self.state.send_if_modified(|state| {
            let open_ended = !matches!(state, ModelState::Absent | ModelState::Ready(_) | ModelState::Failed(_));
            if open_ended {
                let retry_at = Some(Instant::now() + RETRY_FIRST);
                let (kind, reason) = (FailureKind::Internal, reason.to_owned());
                *state = ModelState::Failed(Failure { kind, reason, attempts: 0, retry_at });
            }
            open_ended
        });
    }

    /// Loads and warms unless that is done already. Blocks; whoever comes second waits for the first.
    pub(crate) fn load(&self) -> Result<Arc<Generation>, Failure> {
        self.load_into(Room::Idle)
    }

    /// The same, but takes nobody's memory: for loads that nobody waits for.
    pub(crate) fn preload(&self) -> Result<Arc<Generation>, Failure> {
        self.load_into(Room::Free)
    }

    fn load_into(&self, room: Room) -> Result<Arc<Generation>, Failure> {
        let mut memory = self.begin_operation();
        let chosen = memory.chosen;
        self.serving().map_or_else(|| self.load_first(&mut memory, chosen, room), Ok)
    }

    /// Loads and warms a new generation beside the one that serves, switches, and frees the old one. A failure changes nothing.
    /// Where none serves, loads.
    pub(crate) fn reload(&self, take: Take) -> Result<Arc<Generation>, Failure> {
        let mut memory = self.begin_operation();
        let chosen = match take {
            Take::Same => memory.chosen,
            Take::Version(version) => version,
        };
        let tried = memory.tried;
        let made = match self.serving() {
            Some(old) => self.replace(&mut memory, chosen, &old),
            None => self.load_first(&mut memory, chosen, Room::Idle),
        };
        if made.is_ok() {
            memory.chosen = chosen;
        } else if memory.chosen != chosen {
            // The choice stays, and with it the file that is watched.
            memory.tried = tried;
        }
        made
    }

    /// Loads what serves once more, from the same files, and switches: its plan has changed. Where something else serves by now or the
    /// files have changed, and where there is no free memory for it, nothing happens: nobody asked for it. Neither the choice of a
    /// version nor what is known of files that failed changes.
    pub(crate) fn renew(&self, measured: MeasuredFiles) -> Result<(), LoadError> {
        let mut memory = self.begin_operation();
        let serving = self.serving().filter(|generation| measured.is_of(generation));
        let Some(old) = serving.filter(|_| measured.is_still(&self.spec)) else { return Ok(()) };
        let new = self.make_again(&mut memory, measured.version)?;
        if measured.is_of(&new) {
            self.switch(&old, &new);
        } else {
            self.free(&new, Patience::Short);
        }
        Ok(())
    }

    /// Takes up a file that has changed, unless somebody else has done so meanwhile.
    pub(crate) fn take_up_change(&self) {
        let mut memory = self.begin_operation();
        let chosen = memory.chosen;
        if self.spec.stamp(chosen) == memory.tried {
            return;
        }
        // Whoever reads the log or the state sees why it failed; there is nobody else to tell it to.
        match &*self.state.borrow() {
            ModelState::Ready(_) | ModelState::Failed(_) => {}
            _ => return,
        }
        drop(match self.serving() {
            Some(old) => self.replace(&mut memory, chosen, &old),
            None => self.load_first(&mut memory, chosen, Room::Free),
        });
    }

    /// How the file that a reload would take looks, where that is not what the last load took. None while an operation goes on.
    pub(crate) fn change(&self) -> Option<Stamp> {
        let (chosen, tried) = {
            let memory = self.operation.try_lock()?;
            (memory.chosen, memory.tried)
        };
        // A disk may be slow, and a model that somebody looks at can still be evicted.
        let stamp = self.spec.stamp(chosen)?;
        (tried != Some(stamp)).then_some(stamp)
    }

    fn load_first(&self, memory: &mut Memory, chosen: Option<u64>, room: Room) -> Result<Arc<Generation>, Failure> {
        self.state.send_replace(ModelState::Loading { since: Instant::now() });
        let made = self.make(memory, Making { chosen, room, first: true });
        let state = match &made {
            Ok(generation) => {
                *self.family.lock() = Some(generation.family.name());
                self.served.store(true, Ordering::SeqCst);
                self.touch();
                ModelState::Ready(Arc::clone(generation))
            }
            Err(failure) => {
                self.failed_at.store(self.now().0, Ordering::Relaxed);
                ModelState::Failed(failure.clone())
            }
        };
        *self.reload_failure.lock() = None;
        self.state.send_replace(state);
        made
    }

    fn replace(
        &self,
        memory: &mut Memory,
        chosen: Option<u64>,
        old: &Arc<Generation>,
    ) -> Result<Arc<Generation>, Failure> {
        let made = self.make(memory, Making { chosen, room: Room::Idle, first: false });
        // The old generation goes on: nothing has failed for those who ask, and nothing is tried again unasked.
        let made = made.map_err(|failure| Failure { retry_at: None, ..failure });
        *self.reload_failure.lock() = made.as_ref().err().cloned();
        let new = made?;
        self.switch(old, &new);
        Ok(new)
    }

    fn switch(&self, old: &Arc<Generation>, new: &Arc<Generation>) {
        *self.family.lock() = Some(new.family.name());
        self.state.send_replace(ModelState::Ready(Arc::clone(new)));
        self.observe(&Event::Swapped { model: &self.spec.name });
        self.free(old, Patience::WhileItMoves);
    }

    /// Finishes what was accepted, as far as the drain limit allows, and frees the weights.
    pub(crate) fn unload(&self) {
        let _turn = self.begin_operation();
        match self.serving() {
            Some(old) => self.put_away(&old, Patience::Short),
            None => drop(self.state.send_replace(ModelState::Absent)),
        }
    }

    /// Finishes all that was accepted and frees the weights. A model that is not loaded keeps its state.
    pub(crate) fn clear(&self) {
        let _turn = self.begin_operation();
        if let Some(old) = self.serving() {
            self.put_away(&old, Patience::WhileItMoves);
        }
    }

    /// Frees the model if it is idle; tells whether it did. Waits for nothing.
    pub(crate) fn evict(&self) -> bool {
        let evicted = self.may_be_evicted() && self.put_away_unused();
        if evicted {
            tracing::info!(model = %self.spec.name, "evicted to make room for another model");
            self.observe(&Event::Evicted { model: &self.spec.name });
        }
        evicted
    }

    /// Whether it may be evicted, as far as can be seen without asking.
    pub(crate) fn may_be_evicted(&self) -> bool {
        !self.spec.pinned && self.is_unused() && !self.operation.is_locked()
    }

    /// Frees the model if it has been idle for as long as it may.
    pub(crate) fn unload_if_idle(&self) {
        if self.has_idled() && self.put_away_unused() {
            tracing::info!(model = %self.spec.name, "unloaded: nobody has used it for its idle time");
        }
    }

    /// Whether it has been idle for as long as it may.
    pub(crate) fn has_idled(&self) -> bool {
        self.spec.idle_ttl.is_some_and(|ttl| self.is_unused() && self.usage.idle_for(self.now()) >= ttl)
    }

    fn is_unused(&self) -> bool {
        self.usage.holds() == 0 && self.serving().is_some_and(|generation| generation.uses() == 0)
    }

    fn put_away_unused(&self) -> bool {
        let Some(_turn) = self.operation.try_lock().map(|memory| Turn::new(self, memory)) else { return false };
        let Some(generation) = self.retire_unused() else { return false };
        self.free_retired(&generation, Patience::Short);
        true
    }

    /// Takes the model out of service if nobody uses or holds it. That is decided while nobody reads the state: who holds the model
    /// before it is opened either keeps it, or finds it on its way out and waits for the next generation.
    fn retire_unused(&self) -> Option<Arc<Generation>> {
        let mut retired = None;
        self.state.send_if_modified(|state| {
            let unused = state.generation().filter(|serving| self.usage.holds() == 0 && serving.retire_unused());
            retired = unused.cloned();
            if retired.is_some() {
                *state = ModelState::Draining;
            }
            retired.is_some()
        });
        retired
    }

    fn put_away(&self, generation: &Arc<Generation>, patience: Patience) {
        self.state.send_replace(ModelState::Draining);
        self.free_retired(generation, patience);
    }

    fn free_retired(&self, generation: &Arc<Generation>, patience: Patience) {
        self.free(generation, patience);
        self.state.send_replace(ModelState::Absent);
    }

    /// Warms the serving generation again, because somebody asked for it.
    pub(crate) fn warm_again(&self) -> Result<Arc<Generation>, Failure> {
        let mut memory = self.begin_operation();
        let Some(generation) = self.serving() else {
            let chosen = memory.chosen;
            return self.load_first(&mut memory, chosen, Room::Idle);
        };
        self.warm(generation, WarmUpCause::Asked)
    }

    /// Warms a generation again whose runs have become slow, if it still serves when its turn comes.
    pub(crate) fn warm_after_drift(&self, slow: &Generation, drift: Drift) {
        let _turn = self.begin_operation();
        let Some(generation) = self.serving().filter(|serving| serving.key == slow.key) else { return };
        tracing::warn!(model = %self.spec.name, %drift, "the model has become slow and is warmed again");
        self.observe(&Event::DriftRewarm { model: &self.spec.name, drift });
        if let Err(failure) = self.warm(generation, WarmUpCause::Drift) {
            tracing::warn!(model = %self.spec.name, reason = %failure.reason, "the warm-up failed; the model serves on");
        }
    }

    fn warm(&self, generation: Arc<Generation>, cause: WarmUpCause) -> Result<Arc<Generation>, Failure> {
        let warmed = self.on_all_slots(&generation, |generation, done| Order::WarmUp { generation, done });
        match warmed {
            Ok(warm) => {
                generation.warmed(&warm.figures, warm.took, cause);
                Ok(generation)
            }
            Err(error) => Err(not_planned(error)),
        }
    }

    /// Waits for the operation in progress, and keeps every other one waiting until the turn is dropped.
    pub(crate) fn begin_operation(&self) -> Turn<'_> {
        Turn::new(self, self.operation.lock())
    }

    /// The generation that serves, if one does.
    pub(crate) fn serving(&self) -> Option<Arc<Generation>> {
        self.state.borrow().generation().cloned()
    }

    /// Whether readiness waits for it: a preload that has never been ready, or whose last load failed. Once it has served, a model that
    /// was put away comes back with its next use.
    pub(crate) fn is_required(&self) -> bool {
        let lazy = self.shared.on_preload_failure == OnPreloadFailure::Lazy;
        self.spec.preload
            && match &*self.state.borrow() {
                ModelState::Failed(_) => !lazy,
                ModelState::Ready(_) => true,
                _ => !self.served.load(Ordering::SeqCst),
            }
    }

    /// The word for its family, where that is known.
    pub(crate) fn family(&self) -> Option<&'static str> {
        *self.family.lock()
    }

    /// Why the last reload failed while another generation went on serving; none where the last one succeeded.
    pub(crate) fn reload_failure(&self) -> Option<Failure> {
        self.reload_failure.lock().clone()
    }

    /// Somebody uses it now.
    pub(crate) fn touch(&self) {
        self.usage.touch(self.now());
    }

    fn now(&self) -> Moment {
        self.shared.device.clock.now()
    }

    pub(crate) fn observe(&self, event: &Event<'_>) {
        self.shared.device.observer.observe(event);
    }
}

/// Whether the next attempt is due.
fn is_due(failure: &Failure) -> bool {
    failure.retry_at.is_some_and(|at| at <= Instant::now())
}
