//! One loaded and warmed copy of a model: what serves, what it cost, and who still uses it.

use crate::drift::{Change, DriftWatch};
use crate::fingerprint::Fingerprint;
use crate::lone::LoneChoice;
use crate::part::{LoadedGraphs, part_runner};
use crate::plan::{Plan, PlanInUse, PlanSource};
use crate::row_costs::RowCosts;
use crate::warm_up::WarmUpFigures;
use crate::{Drift, Family, LoadFigures, RowShapes, SettledRun, TaskError};
use parking_lot::{Condvar, Mutex, MutexGuard};
use samovar_engine_api::{EngineError, EngineErrorKind, LoadedModel, Precision, Runner, RunnerOptions, Signature};
use samovar_schedule::{BatchRule, LaneKey, Moment};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// One loaded copy of a model. Work that was accepted for it keeps it alive.
pub struct Generation {
    /// The model's name.
    pub name: Arc<str>,
    /// Counts up with each load of this model, from 1.
    pub number: u64,
    /// The version of the model's folder that it was loaded from, where it has versions.
    pub version: Option<u64>,
    /// How its files looked when they were read; none where they could not be looked at.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The engine that runs it.
    pub engine: &'static str,
    /// The engine library's version.
    pub engine_version: String,
    /// Arithmetic of its hot layers.
    pub precision: Precision,
    /// CPU threads of one run.
    pub threads: usize,
    /// Runs that can go on at the same time.
    pub slots: usize,
    /// When it was asked to load.
    pub since: Instant,
    /// Bound to its signature.
    pub family: Arc<dyn Family>,
    /// Rows of the first lane that may share a run.
    pub(crate) batch: BatchRule,
    /// Work that one run takes at most, in the family's weights.
    budget: usize,
    /// Rows of any lane that may share a run.
    rows_max: usize,
    /// Unique in this process: the part of a lane's key that names the generation.
    pub(crate) key: GenerationKey,
    /// What goes in and comes out.
    pub signature: Signature,
    /// The weights; taken out when the generation is freed, so that whoever still holds a result does not hold them.
    model: Mutex<Option<Arc<dyn LoadedModel>>>,
    /// The family's further graphs; taken out with the model.
    parts: Mutex<Vec<Arc<dyn LoadedModel>>>,
    /// Keys of the row shapes met so far that may share runs. Bounded: see [`LANES_MAX`].
    lanes: Mutex<HashMap<RowShapes, LaneKey>>,
    /// Work in the queue or in a slot.
    use_count: Mutex<UseCount>,
    /// Signalled when `use_count` falls to zero.
    unused: Condvar,
    /// Written when a warm-up is through.
    figures: Mutex<LoadFigures>,
    /// What each row shape and batch size settled at in the last warm-up; bounded by what the family names.
    settled: Mutex<Vec<SettledRun>>,
    drift: Mutex<Drifting>,
    costs: Mutex<RowCosts>,
    /// By what it runs: written by its load, and by a measurement that finds that this is how it should run.
    plan: Mutex<PlanInUse>,
    /// CPU threads of a lone run, where they are more.
    pub(crate) lone_threads: Option<usize>,
    /// Which rows make one: written when the first slot is warm.
    lone: OnceLock<LoneChoice>,
}

/// Names a generation in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GenerationKey(pub(crate) u64);

/// Why a model was warmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WarmUpCause {
    /// It was loaded, or somebody asked for it.
    Asked,
    /// Its runs had become slow.
    Drift,
}

/// Keys of lanes that one generation has at most.
const LANES_MAX: usize = 1 << 12;

/// Whether its runs have become slow.
#[derive(Default)]
struct Drifting {
    watch: DriftWatch,
    /// The drift that nobody has taken up yet.
    found: Option<Drift>,
}

#[derive(Default)]
struct UseCount {
    uses: usize,
    retired: bool,
}

/// The parts of a generation that a load has found out.
pub(crate) struct Loaded {
    pub(crate) name: Arc<str>,
    pub(crate) number: u64,
    pub(crate) version: Option<u64>,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) engine: &'static str,
    pub(crate) engine_version: String,
    pub(crate) precision: Precision,
    pub(crate) threads: usize,
    pub(crate) slots: usize,
    pub(crate) since: Instant,
    pub(crate) family: Arc<dyn Family>,
    pub(crate) batch: BatchRule,
    /// Rows in one run at most by the configuration.
    pub(crate) rows_max: usize,
    pub(crate) graphs: LoadedGraphs,
    pub(crate) plan: PlanInUse,
}

impl Generation {
    pub(crate) fn new(loaded: Loaded) -> Self {
        static KEYS: AtomicU64 = AtomicU64::new(1);
        let key = GenerationKey(KEYS.fetch_add(1, Ordering::Relaxed));
        let lanes = loaded.family.lanes();
        let first = lanes.first().map_or(1, |lane| loaded.family.weight(lane).max(1));
        let rows_max = loaded.rows_max.min(loaded.family.batch_max()).max(loaded.batch.size_max);
        Self {
            name: loaded.name,
            number: loaded.number,
            version: loaded.version,
            fingerprint: loaded.fingerprint,
            engine: loaded.engine,
            engine_version: loaded.engine_version,
            precision: loaded.precision,
            threads: loaded.threads,
            slots: loaded.slots,
            since: loaded.since,
            family: loaded.family,
            batch: loaded.batch,
            budget: loaded.batch.size_max.max(1).saturating_mul(first),
            rows_max,
            key,
            signature: loaded.graphs.model.signature().clone(),
            lone_threads: loaded.graphs.model.lone_threads(),
            lone: OnceLock::new(),
            model: Mutex::new(Some(loaded.graphs.model)),
            parts: Mutex::new(loaded.graphs.parts),
            // The family's own have theirs from the beginning: callers who choose shapes freely cannot use up the keys before them.
            lanes: Mutex::new(keys_of(key, lanes)),
            use_count: Mutex::new(UseCount::default()),
            unused: Condvar::new(),
            figures: Mutex::new(LoadFigures::default()),
            settled: Mutex::new(Vec::new()),
            drift: Mutex::default(),
            costs: Mutex::default(),
            plan: Mutex::new(loaded.plan),
        }
    }

    /// Tells the files that it was loaded from apart from others, without reading them: equal words are equal files. Empty where they
    /// could not be looked at.
    pub fn files_word(&self) -> String {
        self.fingerprint.map_or_else(String::new, |fingerprint| fingerprint.word())
    }

    /// Whether a row of these shapes that comes alone is run on [`Generation::lone_threads`].
    pub(crate) fn is_wide(&self, shapes: &RowShapes) -> bool {
        self.lone.get().is_some_and(|choice| choice.is_wide(self.family.weight(shapes)))
    }

    /// Notes which rows are; the first slot that has measured it is believed.
    pub(crate) fn set_lone(&self, choice: LoneChoice) {
        // A second slot finds the same.
        drop(self.lone.set(choice));
    }

    /// Makes the execution state of one slot.
    pub(crate) fn runner(&self) -> Result<Box<dyn Runner>, EngineError> {
        let model = self.model.lock().clone();
        let model = model.ok_or_else(|| EngineError::new(EngineErrorKind::Run, "the model was freed"))?;
        model.runner(&RunnerOptions { threads: self.threads })
    }

    /// Makes an execution state of part `index`.
    pub(crate) fn part_runner(&self, index: usize) -> Result<Box<dyn Runner>, EngineError> {
        let parts = self.parts.lock().clone();
        catch_unwind(AssertUnwindSafe(|| part_runner(&parts, index, self.threads))).unwrap_or_else(|_| {
            Err(EngineError::new(EngineErrorKind::Run, "the engine panicked while it made a runner"))
        })
    }

    /// Lets the family make ready what it runs its parts with.
    pub(crate) fn prepare(&self) -> Result<(), TaskError> {
        self.family.prepare(&mut |index| self.part_runner(index))
    }

    /// Lets the engine give back what only the load and the warm-up needed.
    pub(crate) fn trim(&self) {
        let model = self.model.lock().clone();
        let parts = self.parts.lock().clone();
        for graph in model.into_iter().chain(parts) {
            graph.trim();
        }
    }

    /// Lets the weights go; runners that are left keep them until they are dropped. An engine that panics over it keeps nobody from
    /// letting the rest go.
    pub(crate) fn release(&self) {
        let (model, parts) = (self.model.lock().take(), std::mem::take(&mut *self.parts.lock()));
        let let_go = || {
            self.family.release();
            drop((model, parts));
        };
        if catch_unwind(AssertUnwindSafe(let_go)).is_err() {
            tracing::error!(model = %self.name, "the engine panicked when the weights were let go");
        }
    }

    /// How rows of `lane` share runs: as many as are as much work as the first lane's are.
    pub(crate) fn batch_rule(&self, lane: &RowShapes) -> BatchRule {
        if !lane.batched() {
            return BatchRule::SINGLE;
        }
        let rows = self.budget / self.family.weight(lane).max(1);
        BatchRule { size_max: rows.clamp(1, self.rows_max.max(1)), ..self.batch }
    }

    /// Rows of the commonest shape that one run takes at most, by its plan and its configuration.
    pub fn batch_max(&self) -> usize {
        self.batch.size_max.max(1)
    }

    /// Whether it runs by default, by a plan of this process or by one of an earlier process.
    pub fn plan_source(&self) -> PlanSource {
        self.plan.lock().source
    }

    /// The plan that it runs by; none where it runs by default.
    pub fn plan(&self) -> Option<Arc<Plan>> {
        self.record().filter(|plan| plan.is_measured())
    }

    /// The same, and what is recorded of a large model that runs by default.
    pub(crate) fn record(&self) -> Option<Arc<Plan>> {
        self.plan.lock().plan.clone()
    }

    /// The plan in use, to be looked at or replaced by one that says how this generation runs anyway.
    pub(crate) fn plan_in_use(&self) -> MutexGuard<'_, PlanInUse> {
        self.plan.lock()
    }

    /// Holds the first run of the warm-up input against the plan; whoever comes second has nothing left to check.
    pub(crate) fn verify(&self, runner: &dyn Runner) -> Result<(), TaskError> {
        let check = self.plan.lock().check.take();
        let outputs = self.signature.outputs.len();
        check.map_or(Ok(()), |check| check.verify(runner, outputs).map_err(TaskError::internal))
    }

    /// What loading and warming took.
    pub fn figures(&self) -> LoadFigures {
        *self.figures.lock()
    }

    pub(crate) fn set_figures(&self, figures: LoadFigures) {
        *self.figures.lock() = figures;
    }

    /// Writes what the generation weighs: what it keeps, and the most that its load needed.
    pub(crate) fn set_memory(&self, memory_bytes: u64, peak_bytes: u64) {
        let mut figures = self.figures.lock();
        (figures.memory_bytes, figures.peak_bytes) = (memory_bytes, peak_bytes.max(memory_bytes));
    }

    /// Writes the figures of a warm-up that `took` so long over all slots. A warm-up that somebody asked for is what drift is
    /// judged by from now on; one that a drift set off is not.
    pub(crate) fn warmed(&self, warm: &WarmUpFigures, took: Duration, cause: WarmUpCause) {
        {
            let mut figures = self.figures.lock();
            (figures.warm_up, figures.warm_up_runs) = (took, warm.runs);
            (figures.first_run, figures.settled_run) = (warm.first, warm.settled_run());
        }
        self.settled.lock().clone_from(&warm.settled);
        if cause == WarmUpCause::Asked {
            let mut drift = self.drift.lock();
            drift.watch.hold_against(&warm.settled);
            drift.found = None;
        }
    }

    /// What each row shape and batch size settled at in the last warm-up, the commonest first.
    pub fn settled_runs(&self) -> Vec<SettledRun> {
        self.settled.lock().clone()
    }

    /// Notes one run of the engine that ended at `now`.
    pub(crate) fn ran(&self, lane: &RowShapes, rows: usize, took: Duration, now: Moment) {
        let mut drift = self.drift.lock();
        match drift.watch.ran(lane, rows, took, now) {
            Some(Change::Drifted(found)) => drift.found = Some(found),
            Some(Change::Recovered { rows, median }) => {
                drift.found = None;
                drop(drift);
                tracing::info!(model = %self.name, rows, run_ms = median.as_secs_f64() * 1e3, "runs are no longer slow");
            }
            None => {}
        }
    }

    /// What a row of these shapes will probably take of the device's cores.
    pub(crate) fn cost_of(&self, shapes: &RowShapes) -> Duration {
        self.costs.lock().of(shapes)
    }

    /// Notes what a batch of so many rows took from its slot, writing and reading included.
    pub(crate) fn batch_took(&self, shapes: &RowShapes, rows: usize, took: Duration) {
        let threads = u32::try_from(self.threads.max(1)).unwrap_or(u32::MAX);
        self.costs.lock().note(shapes, rows, took.saturating_mul(threads));
    }

    /// The drift that has been found since the last call: whoever takes it warms the model again.
    pub(crate) fn take_drift(&self) -> Option<Drift> {
        self.drift.lock().found.take()
    }

    /// Where rows of these shapes wait, and how they share runs. Rows that share none need no key of their own; and where there are as
    /// many keys as may be, as with tensors of any size over a long time, further shapes share none either.
    pub(crate) fn lane(&self, shapes: &RowShapes) -> (LaneKey, BatchRule) {
        if !shapes.batched() {
            return (lane_key(self.key, 0), BatchRule::SINGLE);
        }
        let rule = self.batch_rule(shapes);
        let mut lanes = self.lanes.lock();
        if let Some(&key) = lanes.get(shapes) {
            return (key, rule);
        }
        // The first key is that of whoever runs alone.
        let index = lanes.len() + 1;
        if index >= LANES_MAX {
            return (lane_key(self.key, 0), BatchRule::SINGLE);
        }
        let key = lane_key(self.key, index);
        lanes.insert(shapes.clone(), key);
        (key, rule)
    }

    /// Keys of all lanes that may have work.
    pub(crate) fn lane_keys(&self) -> Vec<LaneKey> {
        self.lanes.lock().values().copied().chain([lane_key(self.key, 0)]).collect()
    }

    /// Counts a piece of work in; none when this generation takes no more.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<InUse> {
        let mut count = self.use_count.lock();
        if count.retired {
            return None;
        }
        count.uses += 1;
        Some(InUse(Arc::clone(self)))
    }

    /// Whether it takes no more work: it is on its way out of memory, or its load was given up.
    pub(crate) fn is_retired(&self) -> bool {
        self.use_count.lock().retired
    }

    /// Pieces of work that were accepted and are not done.
    pub(crate) fn uses(&self) -> usize {
        self.use_count.lock().uses
    }

    /// Takes no more work if there is none at present; tells whether that is so.
    pub(crate) fn retire_unused(&self) -> bool {
        let mut count = self.use_count.lock();
        count.retired |= count.uses == 0;
        count.retired
    }

    /// Takes no more work, and waits until what was accepted is done. Tells whether it is, within `limit`.
    pub(crate) fn retire(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut count = self.use_count.lock();
        count.retired = true;
        while count.uses > 0 {
            if self.unused.wait_until(&mut count, deadline).timed_out() {
                return count.uses == 0;
            }
        }
        true
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{} on {} {}", self.name, self.number, self.engine, self.precision)
    }
}

/// A key for each of the lanes that a family names, as far as there are keys.
fn keys_of(generation: GenerationKey, lanes: Vec<RowShapes>) -> HashMap<RowShapes, LaneKey> {
    let mut keys = HashMap::new();
    for lane in lanes.into_iter().filter(RowShapes::batched).take(LANES_MAX - 1) {
        let next = lane_key(generation, keys.len() + 1);
        keys.entry(lane).or_insert(next);
    }
    keys
}

fn lane_key(generation: GenerationKey, index: usize) -> LaneKey {
    LaneKey(generation.0 * LANES_MAX as u64 + index as u64)
}

/// One piece of work that uses a generation, from its acceptance to its end.
pub(crate) struct InUse(pub(crate) Arc<Generation>);

impl InUse {
    /// Another use beside this one. A generation on its way out waits for this one, so it can as well wait for both.
    pub(crate) fn again(&self) -> Self {
        self.0.use_count.lock().uses += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut count = self.0.use_count.lock();
        count.uses -= 1;
        if count.uses == 0 {
            self.0.unused.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RowShape;
    use crate::fixture::generation;
    use samovar_engines::FakeModel;

    fn shapes(size: usize) -> RowShapes {
        RowShapes::new(vec![RowShape::Batched(vec![size])])
    }

    #[test]
    fn shapes_without_end_are_all_served_and_the_first_ones_go_on_sharing_runs() {
        let rule = BatchRule { size_max: 4, delay_max: Duration::ZERO };
        let generation = generation(&FakeModel::rows(1), 1, rule);
        let first = generation.lane(&shapes(0));
        assert_eq!(first.1, rule);
        let lanes: Vec<_> = (1..3 * LANES_MAX).map(|size| generation.lane(&shapes(size))).collect();
        assert_eq!(generation.lane(&shapes(0)), first);
        let (alone, single) = *lanes.last().expect("there are lanes");
        assert_eq!(single, BatchRule::SINGLE);
        assert_eq!(lanes.iter().filter(|(key, _)| *key != alone).count(), LANES_MAX - 2);
        let whole = RowShapes::new(vec![RowShape::Whole(vec![1, 1])]);
        assert_eq!(generation.lane(&whole), (alone, BatchRule::SINGLE));
        assert_eq!(generation.lane_keys().len(), LANES_MAX);
        assert!(generation.lane_keys().contains(&alone), "what waits there is found when the model goes");
    }

    #[test]
    fn a_familys_own_shapes_have_keys_whatever_callers_send_first() {
        let whole = RowShapes::new(vec![RowShape::Whole(vec![1, 1])]);
        let generation = GenerationKey(3);
        let keys = keys_of(generation, vec![shapes(8), whole.clone(), shapes(16), shapes(8)]);
        assert_eq!((keys.len(), keys.contains_key(&whole)), (2, false));
        assert_eq!(keys[&shapes(8)], lane_key(generation, 1));
        assert_eq!(keys[&shapes(16)], lane_key(generation, 2));
        assert_eq!(keys_of(generation, (0..2 * LANES_MAX).map(shapes).collect()).len(), LANES_MAX - 1);
    }
}
