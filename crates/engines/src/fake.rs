//! An engine for tests: models made in code or from a few lines of text, whose outputs are a pure function of each input
//! row, with gates, hooks, faults and counters.
//!
//! It never sleeps and never reads a clock. A test that needs a run to take time hangs a hook on it (which may advance the
//! test's own clock) or holds it at a [`Gate`](crate::Gate).
//!
//! Row `r` of every output depends on row `r` of the inputs alone, so *alone* and *in a batch* must give the same bits; see
//! [`fake_output`](crate::fake_output) for what a test can expect.
//!
//! Several can stand side by side, under names of their own and with models of different speeds: what a tuner chooses from.

use crate::fake_compiled;
use crate::fake_model::{FakeFault, FakeModel, raise};
use crate::fake_numbers::{compute, deviate, spoil};
use crate::fake_text;
use crate::host_tensor::HostTensor;
use crate::ports;
use parking_lot::Mutex;
use samovar_engine_api::{
    Device, Engine, EngineError, EngineErrorKind, EngineInfo, LoadOptions, LoadedModel, ModelFiles, Precision, Runner,
    RunnerOptions, Signature, TensorMut, TensorRef,
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

    fn trim(&self) {
        self.model.inner.state.lock().counts.trims += 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gate, fake_digest, fake_output};

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
