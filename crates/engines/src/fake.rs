//! An engine for tests: models made in code or from a few lines of text, whose outputs are a pure function of each input
//! row, with gates, hooks, faults and counters.
//!
//! It never sleeps and never reads a clock. A test that needs a run to take time hangs a hook on it (which may advance the
//! test's own clock) or holds it at a [`Gate`].
//!
//! Row `r` of every output depends on row `r` of the inputs alone, so *alone* and *in a batch* must give the same bits; see
//! [`fake_output`](crate::fake_output) for what a test can expect.
//!
//! Several can stand side by side, under names of their own and with models of different speeds: what a tuner chooses from.

use crate::fake_compiled;
use crate::fake_gate::Gate;
use crate::fake_numbers::{compute, deviate, spoil};
use crate::fake_text;
use crate::host_tensor::HostTensor;
use crate::ports;
use parking_lot::Mutex;
use samovar_engine_api::{
    Device, Dim, ElementType, Engine, EngineError, EngineErrorKind, EngineInfo, LoadOptions, LoadedModel, ModelFiles,
    Port, Precision, Runner, RunnerOptions, Signature, TensorMut, TensorRef,
};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The engine: a table of models by path, and text files for every path that is not in it.
pub struct FakeEngine {
    info: EngineInfo,
    models: Mutex<HashMap<PathBuf, FakeModel>>,
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeEngine {
    /// An engine called `fake`, without models, that computes in f32 and bf16 on the CPU.
    pub fn new() -> Self {
        Self::named("fake")
    }

    /// The same under another name, so that several can stand side by side.
    pub fn named(name: &'static str) -> Self {
        let info = EngineInfo {
            name,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            devices: vec![Device::Cpu],
            precisions: vec![Precision::F32, Precision::Bf16],
            library: None,
        };
        Self { info, models: Mutex::default() }
    }

    /// Says another version: the engine was updated since.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.info.version = version.into();
        self
    }

    /// Says which precisions it computes in; a load in another is refused as [`EngineErrorKind::Unsupported`].
    #[must_use]
    pub fn with_precisions(mut self, precisions: &[Precision]) -> Self {
        self.info.precisions = precisions.to_vec();
        self
    }

    /// Puts `model` at `path`; loading that path gives it. The caller keeps its handle to steer and to count.
    #[must_use]
    pub fn with(self, path: impl Into<PathBuf>, model: &FakeModel) -> Self {
        self.put(path, model);
        self
    }

    /// Puts `model` at `path`, in place of what was there (an edited file, a new version).
    pub fn put(&self, path: impl Into<PathBuf>, model: &FakeModel) {
        self.models.lock().insert(path.into(), model.clone());
    }

    fn find(&self, path: &Path) -> Result<FakeModel, EngineError> {
        if let Some(model) = self.models.lock().get(path) {
            return Ok(model.clone());
        }
        let signature = fake_text::read(path)?;
        let model = FakeModel::new(signature);
        self.models.lock().insert(path.to_owned(), model.clone());
        Ok(model)
    }
}

impl Engine for FakeEngine {
    fn info(&self) -> EngineInfo {
        self.info.clone()
    }

    fn inspect(&self, files: &ModelFiles) -> Result<Signature, EngineError> {
        Ok(self.find(&files.path)?.inner.signature.clone())
    }

    fn load(&self, files: &ModelFiles, options: &LoadOptions) -> Result<Arc<dyn LoadedModel>, EngineError> {
        let model = self.find(&files.path)?;
        if !self.info.precisions.contains(&options.precision) {
            let message = format!("{} does not compute in {}", self.info.name, options.precision);
            return Err(EngineError::new(EngineErrorKind::Unsupported, message));
        }
        model.begin_load(options)?;
        let compiled_from_cache = fake_compiled::load(&self.info, options);
        model.inner.state.lock().counts.cached_loads += u64::from(compiled_from_cache);
        Ok(Arc::new(FakeLoaded { model, options: options.clone(), compiled_from_cache }))
    }
}

/// A model of the fake engine, and the handle that steers it: clones share everything.
#[derive(Clone)]
pub struct FakeModel {
    inner: Arc<Inner>,
}

struct Inner {
    signature: Signature,
    state: Mutex<State>,
}

/// One lock for what the model does next and what it has done, so that a test reads counts that belong together.
#[derive(Default)]
struct State {
    counts: FakeCounts,
    load_faults: HashMap<u64, FakeFault>,
    run_faults: HashMap<u64, FakeFault>,
    every_load: Option<FakeFault>,
    every_run: Option<FakeFault>,
    every_runner: Option<FakeFault>,
    load_hook: Option<Hook>,
    run_hook: Option<Hook>,
    load_gate: Option<Gate>,
    run_gate: Option<Gate>,
    last_load: Option<LoadOptions>,
    weights_bytes: u64,
    deviations: HashMap<Precision, f64>,
}

type Hook = Arc<dyn Fn(FakeCall) + Send + Sync>;

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

    /// Says what [`LoadedModel::weights_bytes`] answers (1 MiB until then).
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

    fn begin_load(&self, options: &LoadOptions) -> Result<(), EngineError> {
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

    fn note_run(
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

struct FakeLoaded {
    model: FakeModel,
    options: LoadOptions,
    compiled_from_cache: bool,
}

impl Drop for FakeLoaded {
    fn drop(&mut self) {
        self.model.inner.state.lock().counts.loaded_alive -= 1;
    }
}

impl LoadedModel for FakeLoaded {
    fn signature(&self) -> &Signature {
        self.model.signature()
    }

    fn weights_bytes(&self) -> u64 {
        self.model.inner.state.lock().weights_bytes
    }

    fn compiled_from_cache(&self) -> bool {
        self.compiled_from_cache
    }

    fn runner(&self, options: &RunnerOptions) -> Result<Box<dyn Runner>, EngineError> {
        let (fault, made) = {
            let state = self.model.inner.state.lock();
            (state.every_runner, state.counts.runners)
        };
        raise(fault, "runner", made + 1)?;
        let counts = &mut self.model.inner.state.lock().counts;
        counts.runners += 1;
        counts.runners_alive += 1;
        let signature = self.model.signature();
        let inputs = signature.inputs.iter().map(|port| HostTensor::empty(port.element)).collect();
        let arrangement = (self.options.precision, options.threads);
        Ok(Box::new(FakeRunner { model: self.model.clone(), arrangement, inputs, outputs: Vec::new() }))
    }
}

struct FakeRunner {
    model: FakeModel,
    /// Precision of the load, threads of this runner.
    arrangement: (Precision, usize),
    inputs: Vec<HostTensor>,
    outputs: Vec<HostTensor>,
}

impl Drop for FakeRunner {
    fn drop(&mut self) {
        self.model.inner.state.lock().counts.runners_alive -= 1;
    }
}

/// Ends a run in the counts however it ends, a panic included.
struct Running<'a>(&'a FakeModel);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.inner.state.lock().counts.running -= 1;
    }
}

impl Runner for FakeRunner {
    fn input(&mut self, index: usize, shape: &[usize]) -> Result<TensorMut<'_>, EngineError> {
        ports::input_port(self.model.signature(), index, shape)?;
        self.inputs[index].reshape(shape);
        Ok(self.inputs[index].view_mut())
    }

    fn run(&mut self) -> Result<(), EngineError> {
        let rows = self.inputs.first().and_then(|input| input.shape().first().copied()).unwrap_or(0);
        let (call, fault, hook, gate) = self.model.note_run(rows, self.arrangement);
        let running = Running(&self.model);
        if let Some(hook) = hook {
            hook(call);
        }
        if let Some(gate) = gate {
            gate.pass()?;
        }
        raise(fault, "run", call.number)?;
        let signature = self.model.signature();
        self.outputs = signature.outputs.iter().map(|port| compute(signature, port, &self.inputs)).collect();
        let deviation = self.model.inner.state.lock().deviations.get(&self.arrangement.0).copied();
        if let Some(relative) = deviation {
            self.outputs.iter_mut().for_each(|output| deviate(output, relative));
        }
        if fault == Some(FakeFault::Nan) {
            self.outputs.iter_mut().for_each(spoil);
        }
        drop(running);
        Ok(())
    }

    fn output(&self, index: usize) -> Result<TensorRef<'_>, EngineError> {
        self.outputs.get(index).map(HostTensor::view).ok_or_else(|| ports::no_output(self.model.signature(), index))
    }
}

#[expect(clippy::panic, reason = "the fault that a test asked for")]
fn raise(fault: Option<FakeFault>, what: &str, number: u64) -> Result<(), EngineError> {
    match fault {
        Some(FakeFault::Error(kind)) => Err(EngineError::new(kind, format!("the fake {what} {number} fails as told"))),
        Some(FakeFault::Panic) => panic!("the fake {what} {number} panics as told"),
        Some(FakeFault::Nan) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fake_digest, fake_output};

    fn load(model: &FakeModel) -> Result<Arc<dyn LoadedModel>, EngineError> {
        let engine = FakeEngine::new().with("a.fake", model);
        engine.load(&ModelFiles { path: "a.fake".into() }, &LoadOptions::default())
    }

    #[test]
    fn a_batch_gives_each_row_what_it_gives_alone() {
        let loaded = load(&FakeModel::rows(3)).unwrap();
        let mut runner = loaded.runner(&RunnerOptions::default()).unwrap();
        let rows = [1.0_f32, 2.0, 3.0, 0.5, 0.25, 0.125];
        runner.input(0, &[2, 3]).unwrap().into_slice::<f32>().unwrap().copy_from_slice(&rows);
        runner.run().unwrap();
        let together = runner.output(0).unwrap().as_slice::<f32>().unwrap().to_vec();
        for row in 0..2 {
            runner.input(0, &[1, 3]).unwrap().into_slice::<f32>().unwrap().copy_from_slice(&rows[row * 3..][..3]);
            runner.run().unwrap();
            assert_eq!(runner.output(0).unwrap().as_slice::<f32>().unwrap(), &together[row * 4..][..4]);
            assert_eq!(f64::from(together[row * 4 + 1]), fake_output(fake_digest(&rows[row * 3..][..3]), 1));
        }
    }

    #[test]
    fn faults_come_at_their_number_and_are_counted() {
        let model = FakeModel::rows(1);
        model.fail_load(1, FakeFault::Error(EngineErrorKind::Model));
        model.fail_run(2, FakeFault::Nan);
        model.fail_run(3, FakeFault::Error(EngineErrorKind::Run));
        assert_eq!(load(&model).err().unwrap().kind(), EngineErrorKind::Model);
        let loaded = load(&model).unwrap();
        let mut runner = loaded.runner(&RunnerOptions::default()).unwrap();
        runner.input(0, &[1, 1]).unwrap();
        runner.run().unwrap();
        assert!(!runner.output(0).unwrap().as_slice::<f32>().unwrap()[0].is_nan());
        runner.run().unwrap();
        assert!(runner.output(0).unwrap().as_slice::<f32>().unwrap()[0].is_nan());
        assert_eq!(runner.run().unwrap_err().kind(), EngineErrorKind::Run);
        drop((runner, loaded));
        let counts = model.counts();
        assert_eq!(
            (counts.loads, counts.runs, counts.running, counts.runners_alive, counts.loaded_alive),
            (2, 3, 0, 0, 0)
        );
    }

    #[test]
    fn engines_stand_side_by_side_and_refuse_what_they_lack() {
        let fast = FakeEngine::named("fast").with_version("2").with("m", &FakeModel::rows(1));
        let exact = FakeEngine::named("exact").with_precisions(&[Precision::F32]).with("m", &FakeModel::rows(1));
        assert_eq!((fast.info().name, fast.info().version.as_str(), exact.info().name), ("fast", "2", "exact"));
        let options = LoadOptions { precision: Precision::Bf16, ..LoadOptions::default() };
        let files = ModelFiles { path: "m".into() };
        assert!(fast.load(&files, &options).is_ok());
        assert_eq!(exact.load(&files, &options).err().unwrap().kind(), EngineErrorKind::Unsupported);
    }

    #[test]
    fn a_precision_can_deviate_and_hooks_are_told_it() {
        let model = FakeModel::rows(1);
        model.set_deviation(Precision::Bf16, 0.5);
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        model.on_run(move |call| sink.lock().push((call.precision, call.threads)));
        let engine = FakeEngine::new().with("m", &model);
        let scores = [Precision::F32, Precision::Bf16].map(|precision| {
            let options = LoadOptions { precision, ..LoadOptions::default() };
            let loaded = engine.load(&ModelFiles { path: "m".into() }, &options).unwrap();
            let mut runner = loaded.runner(&RunnerOptions { threads: 2 }).unwrap();
            runner.input(0, &[1, 1]).unwrap().into_slice::<f32>().unwrap()[0] = 2.0;
            runner.run().unwrap();
            runner.output(0).unwrap().as_slice::<f32>().unwrap()[0]
        });
        assert_eq!(scores, [2.0, 3.0]);
        assert_eq!(*told.lock(), [(Precision::F32, 2), (Precision::Bf16, 2)]);
    }

    #[test]
    fn the_second_load_finds_the_compiled_form_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let model = FakeModel::rows(1);
        let engine = FakeEngine::new().with("m", &model);
        let load = |slots| {
            let options = LoadOptions { slots, cache: Some(folder.path().to_owned()), ..LoadOptions::default() };
            engine.load(&ModelFiles { path: "m".into() }, &options).unwrap().compiled_from_cache()
        };
        assert_eq!([load(1), load(1), load(2), load(2)], [false, true, false, true]);
        assert_eq!((model.counts().loads, model.counts().cached_loads), (4, 2));
    }

    #[test]
    fn a_gate_holds_runs_until_it_opens() {
        let model = FakeModel::rows(1);
        let gate = Gate::closed();
        model.hold_runs(&gate);
        let loaded = load(&model).unwrap();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let mut runner = loaded.runner(&RunnerOptions::default()).unwrap();
                std::thread::spawn(move || {
                    runner.input(0, &[1, 1]).unwrap();
                    runner.run()
                })
            })
            .collect();
        gate.wait_for(2);
        assert_eq!(model.counts().running, 2);
        gate.open();
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
        assert_eq!((model.counts().running, model.counts().running_max), (0, 2));
    }
}
