//! How a generation comes into memory, and how it leaves.

use crate::LoadFigures;
use crate::budget::Room;
use crate::device::{InstallError, Order};
use crate::event::Event;
use crate::generation::{Generation, WarmUpCause};
use crate::lifecycle::{Memory, Model};
use crate::load::{LoadError, LoadOrder, LoadOutcome, load};
use crate::warm_up::WarmUpFigures;
use crate::{Failure, FailureKind, ModelState};
use samovar_engine_api::ModelFiles;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// What is to be made.
#[derive(Clone, Copy)]
pub(crate) struct Making {
    /// The version that was chosen; none: as configured.
    pub(crate) chosen: Option<u64>,
    /// Whose memory it may take.
    pub(crate) room: Room,
    /// Nothing serves meanwhile: the state tells of the warm-up, and an older version is better than none.
    pub(crate) first: bool,
}

/// How long accepted work may take to finish before its generation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// [`DRAIN_MAX`] in all: somebody wants the model gone.
    Short,
    /// As long as something finishes within each [`DRAIN_MAX`]: nothing that was accepted is lost to a swap.
    WhileItMoves,
}

const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How long a slot may give no sign while others wait for its warm-up: a model that hangs must not hang its load.
const WARM_UP_MAX: Duration = Duration::from_secs(300);

impl Model {
    /// Makes a generation, and plans the next attempt where that fails.
    pub(crate) fn make(&self, memory: &mut Memory, making: Making) -> Result<Arc<Generation>, Failure> {
        match self.make_best(memory, making) {
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

    /// Makes another generation of that very version beside the one that serves, in memory that nobody holds.
    pub(crate) fn make_again(&self, memory: &mut Memory, version: Option<u64>) -> Result<Arc<Generation>, LoadError> {
        memory.number += 1;
        self.attempt(version, memory.number, Making { chosen: version, room: Room::Free, first: false })
    }

    /// Makes a generation of the best version that can be had.
    fn make_best(&self, memory: &mut Memory, making: Making) -> Result<Arc<Generation>, LoadError> {
        // Before anything is read: what changes from here on is a change.
        memory.tried = self.spec.stamp(making.chosen);
        let candidates = self.spec.source.candidates(making.chosen)?;
        let most = if making.first { candidates.len() } else { 1 };
        let mut first_error = None;
        for version in candidates.into_iter().take(most) {
            memory.number += 1;
            match self.attempt(version, memory.number, making) {
                Ok(generation) => {
                    if let Some(error) = first_error {
                        self.report_older(&error, version);
                    }
                    return Ok(generation);
                }
                Err(error) if is_of_the_version(&error) => drop(first_error.get_or_insert(error)),
                Err(error) => return Err(first_error.unwrap_or(error)),
            }
        }
        Err(first_error.unwrap_or_else(no_candidate))
    }

    fn report_older(&self, error: &LoadError, version: Option<u64>) {
        let (code, reason) = (error.kind.code(), &error.reason);
        let version = version.unwrap_or_default();
        tracing::warn!(model = %self.spec.name, version, code, %reason, "an older version serves: the newest cannot be loaded");
    }

    fn attempt(&self, version: Option<u64>, number: u64, making: Making) -> Result<Arc<Generation>, LoadError> {
        let made = catch_unwind(AssertUnwindSafe(|| {
            let files = self.spec.source.files(version)?;
            let order = LoadOrder {
                spec: &self.spec,
                files: &files,
                size_bytes: self.size_bytes(&files),
                version,
                fingerprint: self.spec.fingerprint(&files),
                number,
                engines: &self.shared.engines,
                device: &self.shared.device,
                plans: &self.shared.plans,
            };
            self.load_within_budget(&order, making)
        }));
        made.unwrap_or_else(|_| {
            self.observe(&Event::Panicked { model: &self.spec.name });
            Err(LoadError { kind: FailureKind::Internal, reason: "the load ended in a panic".to_owned() })
        })
    }

    fn load_within_budget(&self, order: &LoadOrder<'_>, making: Making) -> Result<Arc<Generation>, LoadError> {
        let _turn = self.shared.loading.begin(order.size_bytes);
        let budget = &self.shared.budget;
        let expected = budget.expected(&self.spec.name, || order.size_bytes);
        let reservation = budget.reserve(&self.spec.name, expected, making.room)?;
        let generation = self.load_and_warm(order, making.first)?;
        let settled = reservation.settle(&generation, making.room);
        settled.inspect_err(|_| self.free(&generation, Patience::Short)).map(|()| generation)
    }

    /// What a first load is expected to take; nothing without a limit.
    pub(crate) fn expected_bytes(&self) -> u64 {
        let best = self.spec.source.candidates(None).ok().and_then(|versions| versions.into_iter().next());
        let files = best.and_then(|version| self.spec.source.files(version).ok());
        let expected = |files| self.shared.budget.expected(&self.spec.name, || self.size_bytes(files));
        files.as_ref().map_or(0, |files| expected(files).bytes)
    }

    /// Bytes of the model's files, external data included. Of its companions the largest alone: a decoder is exported several times over.
    pub(crate) fn size_bytes(&self, files: &ModelFiles) -> u64 {
        let companion = self.spec.companions.iter().map(|path| self.graph_bytes(path)).max();
        self.graph_bytes(&files.path).saturating_add(companion.unwrap_or(0))
    }

    fn graph_bytes(&self, path: &Path) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        if size(path) == 0 {
            return 0;
        }
        let files = ModelFiles { path: path.to_owned() };
        let data = self.shared.engines.first().and_then(|engine| engine.data_files(&files).ok()).unwrap_or_default();
        data.iter().fold(size(path), |sum, path| sum.saturating_add(size(path)))
    }

    fn load_and_warm(&self, order: &LoadOrder<'_>, first: bool) -> Result<Arc<Generation>, LoadError> {
        let weighing = self.shared.scale.begin();
        let started = Instant::now();
        let LoadOutcome { loaded, precision_error } = load(order)?;
        let load = started.elapsed();
        self.observe(&Event::Loaded { model: &self.spec.name, took: load });
        if first {
            self.state.send_replace(ModelState::Warming { since: Instant::now() });
        }
        let weights_bytes = loaded.graphs.weights_bytes();
        let generation = Arc::new(Generation::new(loaded));
        let warm = self.on_all_slots(&generation, |generation, done| Order::WarmUp { generation, done });
        let warm = match warm.inspect_err(|_| self.free(&generation, Patience::Short)) {
            Err(error) if self.refuses_plan(&generation, &error) => return self.load_and_warm(order, first),
            warm => warm?,
        };
        self.prepare(&generation)?;
        self.observe_plan(&generation);
        generation.set_figures(LoadFigures { load, precision_error, ..LoadFigures::default() });
        generation.warmed(&warm.figures, warm.took, WarmUpCause::Asked);
        generation.trim();
        self.record_default(order, &generation);
        weighing.end(&generation, weights_bytes);
        Ok(generation)
    }

    /// The parts' runs are warmed too.
    fn prepare(&self, generation: &Arc<Generation>) -> Result<(), LoadError> {
        generation.prepare().map_err(|error| {
            self.free(generation, Patience::Short);
            LoadError { kind: FailureKind::WarmUp, reason: error.to_string() }
        })
    }

    pub(crate) fn on_all_slots(
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
            let slot = self.next_answer(&answers).map_err(no_answer)?;
            let slot = slot.map_err(|error| LoadError { kind: error.kind, reason: error.reason })?;
            figures.merge(slot);
        }
        let took = started.elapsed();
        self.observe(&Event::WarmedUp { model: &self.spec.name, took, runs: figures.runs });
        Ok(Warmed { figures, took })
    }

    /// The next slot's answer. Other models' warm-ups may go before this one's: it waits as long as any of them moves.
    fn next_answer(&self, answers: &Receiver<Answer>) -> Result<Answer, RecvTimeoutError> {
        loop {
            let before = self.shared.device.warm_up_runs();
            match answers.recv_timeout(WARM_UP_MAX) {
                Err(RecvTimeoutError::Timeout) if self.shared.device.warm_up_runs() != before => {}
                answer => return answer,
            }
        }
    }

    /// Waits for accepted work, then drops runners and weights; returns when the memory is free.
    pub(crate) fn free(&self, generation: &Arc<Generation>, patience: Patience) {
        if !drained(generation, patience) {
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
        self.shared.budget.forget(generation.key);
        self.observe(&Event::Unloaded { model: &self.spec.name });
    }
}

impl Patience {
    /// Whether to wait for another while, in which the pieces of work went from `before` to `after`.
    fn goes_on(self, before: usize, after: usize) -> bool {
        self == Self::WhileItMoves && after < before
    }
}

type Answer = Result<WarmUpFigures, InstallError>;
type Done = SyncSender<Answer>;

pub(crate) struct Warmed {
    pub(crate) figures: WarmUpFigures,
    pub(crate) took: Duration,
}

/// Takes no more work and waits for what was accepted; tells whether all of it is done.
fn drained(generation: &Generation, patience: Patience) -> bool {
    loop {
        let before = generation.uses();
        if generation.retire(DRAIN_MAX) {
            return true;
        }
        if !patience.goes_on(before, generation.uses()) {
            return false;
        }
    }
}

/// Whether another version of the model may do better.
fn is_of_the_version(error: &LoadError) -> bool {
    !matches!(error.kind, FailureKind::EngineUnavailable | FailureKind::Memory)
}

fn no_candidate() -> LoadError {
    LoadError { kind: FailureKind::File, reason: "the model has no version that may serve".to_owned() }
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
        FailureKind::File
            | FailureKind::Version
            | FailureKind::Model
            | FailureKind::WarmUp
            | FailureKind::Memory
            | FailureKind::Internal
            | FailureKind::Unsupported
    );
    let retry_at = again.then(|| Instant::now() + memory.backoff.next_wait(1.0));
    Failure { kind: error.kind, reason: error.reason, attempts: memory.attempts, retry_at }
}

/// A failure that is told to whoever asked and not tried again.
pub(crate) fn not_planned(error: LoadError) -> Failure {
    Failure { kind: error.kind, reason: error.reason, attempts: 0, retry_at: None }
}

#[cfg(test)]
mod tests {
    use super::Patience;

    #[test]
    fn a_swap_waits_while_work_is_finished_and_an_unload_does_not() {
        assert!(Patience::WhileItMoves.goes_on(300, 299));
        assert!(!Patience::WhileItMoves.goes_on(300, 300));
        assert!(!Patience::Short.goes_on(300, 1));
    }
}
