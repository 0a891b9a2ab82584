//! The life of one model: load, warm-up, swap, unload. Single-flight: one operation at a time, everybody else watches.

use crate::device::{Device, Order};
use crate::event::Event;
use crate::generation::{Generation, LoadFigures};
use crate::load::{LoadError, LoadOrder, LoadOutcome, load};
use crate::memory::Scale;
use crate::warm_up::WarmUpFigures;
use crate::{Failure, FailureKind, ModelSource, ModelSpec, ModelState};
use parking_lot::Mutex;
use samovar_engine_api::Engine;
use samovar_schedule::Backoff;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What all models of a registry share.
pub(crate) struct Shared {
    pub(crate) engines: Vec<Arc<dyn Engine>>,
    pub(crate) device: Arc<Device>,
    /// Weighs models while they are loaded.
    pub(crate) scale: Scale,
}

/// One configured model and where it is in its life.
pub(crate) struct Model {
    pub(crate) spec: ModelSpec,
    pub(crate) shared: Arc<Shared>,
    /// The one state value. Written by the operation in progress only.
    pub(crate) state: watch::Sender<ModelState>,
    /// Held by the operation in progress; the rest is what it remembers.
    operation: Mutex<Memory>,
}

/// What operations on a model remember from one to the next.
struct Memory {
    number: u64,
    attempts: u32,
    backoff: Backoff,
}

/// How long accepted work may take to finish before its generation goes.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How long one slot's warm-up may take: a model that hangs must not hang its load.
const WARM_UP_MAX: Duration = Duration::from_secs(300);
const RETRY_FIRST: Duration = Duration::from_secs(2);
const RETRY_CAP: Duration = Duration::from_secs(300);

impl Model {
    pub(crate) fn new(spec: ModelSpec, shared: Arc<Shared>) -> Self {
        let memory = Memory { number: 0, attempts: 0, backoff: Backoff::new(RETRY_FIRST, RETRY_CAP) };
        Self { spec, shared, state: watch::Sender::new(ModelState::Absent), operation: Mutex::new(memory) }
    }

    /// Takes it upon the caller to load: true for exactly one of many who ask at once, who then must call [`Model::load`].
    pub(crate) fn claim_load(&self) -> bool {
        self.state.send_if_modified(|state| {
            let idle = match state {
                ModelState::Absent => true,
                ModelState::Failed(failure) => failure.retry_at.is_some_and(|at| at <= Instant::now()),
                _ => false,
            };
            if idle {
                *state = ModelState::Loading { since: Instant::now() };
            }
            idle
        })
    }

    /// Ends a claim or an operation that came to no end of its own, so that nobody waits for it for ever.
    pub(crate) fn give_up(&self, reason: &str) {
        // Whoever holds the lock is an operation in progress: it sets the state when it ends.
        let Some(_memory) = self.operation.try_lock() else { return };
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
        let mut memory = self.operation.lock();
        if let Some(generation) = self.state.borrow().generation() {
            return Ok(Arc::clone(generation));
        }
        self.state.send_replace(ModelState::Loading { since: Instant::now() });
        let made = self.make(&mut memory, true);
        let state = match &made {
            Ok(generation) => ModelState::Ready(Arc::clone(generation)),
            Err(failure) => ModelState::Failed(failure.clone()),
        };
        self.state.send_replace(state);
        made
    }

    /// Loads and warms a new generation beside the one that serves, switches, and frees the old one.
    pub(crate) fn reload(&self) -> Result<Arc<Generation>, Failure> {
        let mut memory = self.operation.lock();
        let Some(old) = self.state.borrow().generation().cloned() else {
            drop(memory);
            return self.load();
        };
        let new = self.make(&mut memory, false)?;
        self.state.send_replace(ModelState::Ready(Arc::clone(&new)));
        self.observe(&Event::Swapped { model: &self.spec.name });
        self.free(&old);
        Ok(new)
    }

    /// Finishes what was accepted and frees the weights.
    pub(crate) fn unload(&self) {
        let _memory = self.operation.lock();
        let Some(old) = self.state.borrow().generation().cloned() else {
            self.state.send_replace(ModelState::Absent);
            return;
        };
        self.state.send_replace(ModelState::Draining);
        self.free(&old);
        self.state.send_replace(ModelState::Absent);
    }

    /// Warms the serving generation again.
    pub(crate) fn warm_again(&self) -> Result<Arc<Generation>, Failure> {
        let memory = self.operation.lock();
        let Some(generation) = self.state.borrow().generation().cloned() else {
            drop(memory);
            return self.load();
        };
        let warmed = self.on_all_slots(&generation, |generation, done| Order::WarmUp { generation, done });
        match warmed {
            Ok(warm) => {
                generation.set_figures(LoadFigures { warm_up: warm.took, ..generation.figures() });
                Ok(generation)
            }
            Err(error) => Err(not_planned(error)),
        }
    }

    fn make(&self, memory: &mut Memory, first: bool) -> Result<Arc<Generation>, Failure> {
        memory.number += 1;
        let number = memory.number;
        let made = catch_unwind(AssertUnwindSafe(|| self.load_and_warm(number, first)));
        let made = made.unwrap_or_else(|_| {
            self.observe(&Event::Panicked { model: &self.spec.name });
            Err(LoadError { kind: FailureKind::Internal, reason: "the load ended in a panic".to_owned() })
        });
        match made {
            Ok(generation) => {
                memory.attempts = 0;
                memory.backoff.reset();
                Ok(generation)
            }
            Err(error) => {
                self.observe(&Event::LoadFailed { model: &self.spec.name, code: error.kind.code() });
                // Clients are told the code alone: the reason may name files, and this is where the operator finds it.
                tracing::warn!(model = %self.spec.name, code = error.kind.code(), reason = %error.reason, "the load failed");
                memory.attempts += 1;
                Err(planned(error, memory))
            }
        }
    }

    fn load_and_warm(&self, number: u64, first: bool) -> Result<Arc<Generation>, LoadError> {
        let weighing = self.shared.scale.begin();
        let started = Instant::now();
        let ModelSource::File(files) = &self.spec.source;
        let order = LoadOrder {
            spec: &self.spec,
            files,
            version: None,
            number,
            engines: &self.shared.engines,
            device: &self.shared.device,
        };
        let LoadOutcome { loaded, precision_error } = load(&order)?;
        let load = started.elapsed();
        self.observe(&Event::Loaded { model: &self.spec.name, took: load });
        if first {
            self.state.send_replace(ModelState::Warming { since: Instant::now() });
        }
        let weights_bytes = loaded.model.weights_bytes();
        let generation = Arc::new(Generation::new(loaded));
        let warm = self.on_all_slots(&generation, |generation, done| Order::WarmUp { generation, done });
        let warm = warm.inspect_err(|_| self.free(&generation))?;
        generation.set_figures(LoadFigures {
            load,
            warm_up: warm.took,
            first_run: warm.figures.first,
            settled_run: warm.figures.settled,
            warm_up_runs: warm.figures.runs,
            memory_bytes: weights_bytes,
            precision_error,
        });
        weighing.end(&generation, weights_bytes);
        Ok(generation)
    }

    fn on_all_slots(
        &self,
        generation: &Arc<Generation>,
        order: impl Fn(Arc<Generation>, Done) -> Order,
    ) -> Result<Warmed, LoadError> {
        let started = Instant::now();
        let slots = self.shared.device.options.slots;
        let (done, answers) = sync_channel(slots);
        self.shared.device.order(|| order(Arc::clone(generation), done.clone()));
        drop(done);
        let mut figures = WarmUpFigures::default();
        for _ in 0..slots {
            let slot = answers.recv_timeout(WARM_UP_MAX).map_err(no_answer)?;
            let slot = slot.map_err(|error| LoadError { kind: error.kind, reason: error.reason })?;
            figures.runs += slot.runs;
            figures.first = figures.first.max(slot.first);
            figures.settled = figures.settled.max(slot.settled);
        }
        let took = started.elapsed();
        self.observe(&Event::WarmedUp { model: &self.spec.name, took, runs: figures.runs });
        Ok(Warmed { figures, took })
    }

    /// Waits for accepted work, then drops runners and weights; returns when the memory is free.
    fn free(&self, generation: &Arc<Generation>) {
        if !generation.retire(DRAIN_MAX) {
            tracing::warn!(model = %self.spec.name, "work was still waiting after the drain limit and is dropped");
            self.shared.device.abandon(generation);
        }
        generation.release();
        let slots = self.shared.device.options.slots;
        let (done, removed) = sync_channel(slots);
        self.shared.device.order(|| Order::Remove { key: generation.key, done: done.clone() });
        drop(done);
        if !(0..slots).all(|_| removed.recv_timeout(DRAIN_MAX).is_ok()) {
            tracing::warn!(model = %self.spec.name, "a slot has not let its runner go yet");
        }
        self.observe(&Event::Unloaded { model: &self.spec.name });
    }

    fn observe(&self, event: &Event<'_>) {
        self.shared.device.observer.observe(event);
    }
}

type Done = std::sync::mpsc::SyncSender<Result<WarmUpFigures, crate::device::InstallError>>;

struct Warmed {
    figures: WarmUpFigures,
    took: Duration,
}

fn no_answer(error: RecvTimeoutError) -> LoadError {
    let reason = match error {
        RecvTimeoutError::Timeout => "the warm-up did not end in time",
        RecvTimeoutError::Disconnected => "the device is closing, or a slot had to give the warm-up up",
    };
    LoadError { kind: FailureKind::WarmUp, reason: reason.to_owned() }
}

/// A failure with its next attempt, where trying again without a person's help can mend it.
fn planned(error: LoadError, memory: &mut Memory) -> Failure {
    let again = matches!(
        error.kind,
        FailureKind::File | FailureKind::Model | FailureKind::WarmUp | FailureKind::Internal | FailureKind::Unsupported
    );
    let retry_at = again.then(|| Instant::now() + memory.backoff.next_wait(1.0));
    Failure { kind: error.kind, reason: error.reason, attempts: memory.attempts, retry_at }
}

fn not_planned(error: LoadError) -> Failure {
    Failure { kind: error.kind, reason: error.reason, attempts: 0, retry_at: None }
}
