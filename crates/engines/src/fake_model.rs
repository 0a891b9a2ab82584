//! A model of the fake engine, and the handle with which a test steers it and counts what it does.

use crate::fake_gate::Gate;
use parking_lot::Mutex;
use samovar_engine_api::{Dim, ElementType, EngineError, EngineErrorKind, LoadOptions, Port, Precision, Signature};
use std::collections::HashMap;
use std::sync::Arc;

/// A model of the fake engine, and the handle that steers it: clones share everything.
#[derive(Clone)]
pub struct FakeModel {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) signature: Signature,
    pub(crate) state: Mutex<State>,
}

/// One lock for what the model does next and what it has done, so that a test reads counts that belong together.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) counts: FakeCounts,
    load_faults: HashMap<u64, FakeFault>,
    run_faults: HashMap<u64, FakeFault>,
    every_load: Option<FakeFault>,
    every_run: Option<FakeFault>,
    pub(crate) every_runner: Option<FakeFault>,
    load_hook: Option<Hook>,
    run_hook: Option<Hook>,
    load_gate: Option<Gate>,
    run_gate: Option<Gate>,
    last_load: Option<LoadOptions>,
    pub(crate) weights_bytes: u64,
    pub(crate) deviations: HashMap<Precision, f64>,
}

pub(crate) type Hook = Arc<dyn Fn(FakeCall) + Send + Sync>;

/// What a hook is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FakeCall {
    /// Which load or run of this model it is, from 1.
    pub number: u64,
    /// Rows of the first input; 0 for a load.
    pub rows: usize,
    /// The precision that the model was loaded with, so that a hook can make one faster than another.
    pub precision: Precision,
    /// CPU threads of the run: those of its runner. For a load, those of its options.
    pub threads: usize,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FakeFault {
    /// The call returns an error of this kind.
    Error(EngineErrorKind),
    /// The call panics.
    Panic,
    /// The run succeeds and its floating-point outputs are NaN. A load takes no notice.
    Nan,
}

/// What a model has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FakeCounts {
    /// Loads begun, failed ones included.
    pub loads: u64,
    /// Loads that succeeded and found their compiled form in [`LoadOptions::cache`].
    pub cached_loads: u64,
    /// Loaded models that have not been dropped.
    pub loaded_alive: u64,
    /// The most loaded models that were alive at the same time.
    pub loaded_alive_max: u64,
    /// How often a loaded model was asked to give back what it needs no more.
    pub trims: u64,
    /// Runners made.
    pub runners: u64,
    /// Runners that have not been dropped.
    pub runners_alive: u64,
    /// Runs begun, failed ones included.
    pub runs: u64,
    /// Rows of all runs begun.
    pub rows: u64,
    /// Runs going on now.
    pub running: u64,
    /// The most runs that went on at the same time.
    pub running_max: u64,
}

impl FakeModel {
    /// A model with this signature.
    pub fn new(signature: Signature) -> Self {
        let state = State { weights_bytes: 1 << 20, ..State::default() };
        Self { inner: Arc::new(Inner { signature, state: Mutex::new(state) }) }
    }

    /// A model with one `f32` input `images [batch, features]` and one `f32` output `scores [batch, 4]`.
    pub fn rows(features: usize) -> Self {
        let batch = || Dim::Dynamic(Some("batch".to_owned()));
        let port = |name: &str, size| Port {
            name: name.to_owned(),
            element: ElementType::F32,
            dims: vec![batch(), Dim::Fixed(size)],
        };
        let (inputs, outputs) = (vec![port("images", features)], vec![port("scores", 4)]);
        Self::new(Signature { inputs, outputs, ..Signature::default() })
    }

    /// What goes in and comes out.
    pub fn signature(&self) -> &Signature {
        &self.inner.signature
    }

    /// Says what [`LoadedModel::weights_bytes`](samovar_engine_api::LoadedModel::weights_bytes) answers (1 MiB until then).
    pub fn set_weights_bytes(&self, bytes: u64) {
        self.inner.state.lock().weights_bytes = bytes;
    }

    /// Multiplies the floating-point outputs of runs in `precision` by `1 + relative`: what rounding does, or a broken kernel.
    /// Models that are loaded already take part; 0 ends it.
    pub fn set_deviation(&self, precision: Precision, relative: f64) {
        self.inner.state.lock().deviations.insert(precision, relative);
    }

    /// Makes load `number` (from 1, counted over the model's life) go wrong.
    pub fn fail_load(&self, number: u64, fault: FakeFault) {
        self.inner.state.lock().load_faults.insert(number, fault);
    }

    /// Makes every load go wrong from now on; none ends it.
    pub fn fail_every_load(&self, fault: Option<FakeFault>) {
        self.inner.state.lock().every_load = fault;
    }

    /// Makes run `number` (from 1, counted over the model's life) go wrong.
    pub fn fail_run(&self, number: u64, fault: FakeFault) {
        self.inner.state.lock().run_faults.insert(number, fault);
    }

    /// Makes every run go wrong from now on; none ends it.
    pub fn fail_every_run(&self, fault: Option<FakeFault>) {
        self.inner.state.lock().every_run = fault;
    }

    /// Makes every runner that is asked for go wrong from now on; none ends it.
    pub fn fail_every_runner(&self, fault: Option<FakeFault>) {
        self.inner.state.lock().every_runner = fault;
    }

    /// Calls `hook` at the start of every load, on the loading thread.
    pub fn on_load(&self, hook: impl Fn(FakeCall) + Send + Sync + 'static) {
        self.inner.state.lock().load_hook = Some(Arc::new(hook));
    }

    /// Calls `hook` at the start of every run, on the running thread: the place for a virtual delay.
    pub fn on_run(&self, hook: impl Fn(FakeCall) + Send + Sync + 'static) {
        self.inner.state.lock().run_hook = Some(Arc::new(hook));
    }

    /// Holds every load from now on at `gate`.
    pub fn hold_loads(&self, gate: &Gate) {
        self.inner.state.lock().load_gate = Some(gate.clone());
    }

    /// Holds every run from now on at `gate`.
    pub fn hold_runs(&self, gate: &Gate) {
        self.inner.state.lock().run_gate = Some(gate.clone());
    }

    /// What the model has done so far.
    pub fn counts(&self) -> FakeCounts {
        self.inner.state.lock().counts
    }

    /// The options of the last load.
    pub fn last_load(&self) -> Option<LoadOptions> {
        self.inner.state.lock().last_load.clone()
    }

    pub(crate) fn begin_load(&self, options: &LoadOptions) -> Result<(), EngineError> {
        let (call, fault, hook, gate) = self.note_load(options);
        if let Some(hook) = hook {
            hook(call);
        }
        if let Some(gate) = gate {
            gate.pass()?;
        }
        raise(fault, "load", call.number)?;
        let counts = &mut self.inner.state.lock().counts;
        counts.loaded_alive += 1;
        counts.loaded_alive_max = counts.loaded_alive_max.max(counts.loaded_alive);
        Ok(())
    }

    fn note_load(&self, options: &LoadOptions) -> (FakeCall, Option<FakeFault>, Option<Hook>, Option<Gate>) {
        let mut state = self.inner.state.lock();
        state.last_load = Some(options.clone());
        state.counts.loads += 1;
        let number = state.counts.loads;
        let fault = state.load_faults.remove(&number).or(state.every_load);
        let call = FakeCall { number, rows: 0, precision: options.precision, threads: options.threads };
        (call, fault, state.load_hook.clone(), state.load_gate.clone())
    }

    pub(crate) fn note_run(
        &self,
        rows: usize,
        (precision, threads): (Precision, usize),
    ) -> (FakeCall, Option<FakeFault>, Option<Hook>, Option<Gate>) {
        let mut state = self.inner.state.lock();
        state.counts.runs += 1;
        state.counts.rows += rows as u64;
        state.counts.running += 1;
        state.counts.running_max = state.counts.running_max.max(state.counts.running);
        let number = state.counts.runs;
        let fault = state.run_faults.remove(&number).or(state.every_run);
        let call = FakeCall { number, rows, precision, threads };
        (call, fault, state.run_hook.clone(), state.run_gate.clone())
    }
}

#[expect(clippy::panic, reason = "the fault that a test asked for")]
pub(crate) fn raise(fault: Option<FakeFault>, what: &str, number: u64) -> Result<(), EngineError> {
    match fault {
        Some(FakeFault::Error(kind)) => Err(EngineError::new(kind, format!("the fake {what} {number} fails as told"))),
        Some(FakeFault::Panic) => panic!("the fake {what} {number} panics as told"),
        Some(FakeFault::Nan) | None => Ok(()),
    }
}
