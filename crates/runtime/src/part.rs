//! Graphs that belong to a model beside its first one, such as the decoder of a Whisper: loaded, counted and freed with it.

use crate::agreement::{Agreement, Disagreement, Snapshot, Tolerance};
use crate::load::LoadError;
use crate::part_form::PartForm;
use crate::plan::Sample;
use crate::{FailureKind, Family, Scratch, TaskError};
use samovar_engine_api::{
    Engine, EngineError, EngineErrorKind, LoadOptions, LoadedModel, ModelFiles, Runner, RunnerOptions,
};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a part's graph comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartSource {
    /// A file beside the model's own.
    File(PathBuf),
    /// An ONNX file that the family has made for this load, weights included. It is on disk only while the engine reads it.
    Made(Vec<u8>),
}

/// A model's first graph and its parts, in memory.
pub(crate) struct LoadedGraphs {
    pub(crate) model: Arc<dyn LoadedModel>,
    pub(crate) parts: Vec<Arc<dyn LoadedModel>>,
}

/// What representative runs of the parts gave.
pub(crate) struct PartsTrial(Snapshot);

impl LoadedGraphs {
    /// Loads the parts that the family wants beside `model`.
    ///
    /// # Errors
    /// As [`load_parts`].
    pub(crate) fn load(
        engine: &dyn Engine,
        model: Arc<dyn LoadedModel>,
        family: &dyn Family,
        options: &LoadOptions,
    ) -> Result<Self, LoadError> {
        Ok(Self { model, parts: load_parts(engine, family, options)? })
    }

    /// Bytes of weights held, of all graphs.
    pub(crate) fn weights_bytes(&self) -> u64 {
        let parts = self.parts.iter().map(|part| part.weights_bytes());
        parts.fold(self.model.weights_bytes(), u64::saturating_add)
    }

    /// What the family's representative run of the parts gives; nothing to compare where there are none.
    ///
    /// # Errors
    /// Parts that cannot run.
    pub(crate) fn try_parts(&self, family: &dyn Family) -> Result<PartsTrial, String> {
        PartsTrial::of(&self.parts, family)
    }
}

impl PartsTrial {
    /// Loads the parts for one run of them.
    ///
    /// # Errors
    /// Parts that cannot be loaded, do not fit or cannot run.
    pub(crate) fn load(engine: &dyn Engine, family: &dyn Family, options: &LoadOptions) -> Result<Self, String> {
        let parts = load_parts(engine, family, options).map_err(|error| error.reason)?;
        Self::of(&parts, family)
    }

    fn of(parts: &[Arc<dyn LoadedModel>], family: &dyn Family) -> Result<Self, String> {
        if parts.is_empty() {
            return Ok(Self(Snapshot::from_values(Vec::new())));
        }
        let figures = family.try_parts(&mut |index| part_runner(parts, index, 1), &mut Scratch::default());
        let figures = figures.map_err(|error: TaskError| error.to_string())?;
        Ok(Self(Snapshot::from_values(vec![(vec![figures.len()], figures)])))
    }

    /// The figures, as of a run.
    pub(crate) const fn run(&self) -> &Snapshot {
        &self.0
    }

    /// How far it is from the same in f32.
    ///
    /// # Errors
    /// Farther than `tolerance`.
    pub(crate) fn compare(&self, reference: &Self, tolerance: Tolerance) -> Result<Agreement, String> {
        tolerance.compare(&self.0, &reference.0).map_err(|disagreement| differs(&disagreement))
    }

    /// How far it is from what a plan was measured with.
    ///
    /// # Errors
    /// Farther than `tolerance`.
    pub(crate) fn verify(&self, sample: &Sample, tolerance: Tolerance) -> Result<Agreement, String> {
        sample.compare_parts(&self.0, tolerance).map_err(|disagreement| differs(&disagreement))
    }
}

fn differs(disagreement: &Disagreement) -> String {
    format!("its further graphs: {disagreement}")
}

/// Loads the parts that the family wants, with the options of the first graph but for the shapes, which are open, and binds the family to
/// them: to those that were loaded last. Where a place for compiled forms is given, each part has its own in there.
///
/// # Errors
/// Those of the engine, and parts that do not fit the family.
fn load_parts(
    engine: &dyn Engine,
    family: &dyn Family,
    options: &LoadOptions,
) -> Result<Vec<Arc<dyn LoadedModel>>, LoadError> {
    let options = LoadOptions { shapes: Vec::new(), lone_threads: options.threads, ..options.clone() };
    let sources = family.parts(options.precision)?.into_iter().enumerate();
    let load = |(index, source): (usize, PartSource)| {
        let cache = options.cache.as_deref().and_then(|folder| PartForm::of(index, &source).place(folder));
        load_part(engine, source, &LoadOptions { cache, ..options.clone() })
    };
    let parts = sources.map(load).collect::<Result<Vec<_>, _>>()?;
    if !parts.is_empty() {
        let signatures: Vec<_> = parts.iter().map(|part| part.signature().clone()).collect();
        family
            .bind_parts(&signatures)
            .map_err(|error| LoadError { kind: FailureKind::Contract, reason: error.to_string() })?;
    }
    Ok(parts)
}

/// The execution state of part `index`.
pub(crate) fn part_runner(
    parts: &[Arc<dyn LoadedModel>],
    index: usize,
    threads: usize,
) -> Result<Box<dyn Runner>, EngineError> {
    let part = parts.get(index).ok_or_else(|| EngineError::new(EngineErrorKind::Run, "the model has no such part"))?;
    part.runner(&RunnerOptions { threads })
}

/// Loads a model's first graph: as it is stored, or as the family changes it for this load.
///
/// # Errors
/// Those of the engine, and an adapter that does not fit.
pub(crate) fn load_first(
    engine: &dyn Engine,
    files: &ModelFiles,
    family: &dyn Family,
    options: &LoadOptions,
) -> Result<Arc<dyn LoadedModel>, LoadError> {
    match family.first_graph(files)? {
        Some(graph) => load_part(engine, PartSource::Made(graph), options),
        None => Ok(engine.load(files, options)?),
    }
}

fn load_part(
    engine: &dyn Engine,
    source: PartSource,
    options: &LoadOptions,
) -> Result<Arc<dyn LoadedModel>, LoadError> {
    match source {
        PartSource::File(path) => Ok(engine.load(&ModelFiles { path }, options)?),
        PartSource::Made(bytes) => {
            let file = written(&bytes).map_err(|error| unwritable(&error))?;
            // The engine reads the file: it is not held twice meanwhile.
            drop(bytes);
            Ok(engine.load(&ModelFiles { path: file.path().to_owned() }, options)?)
        }
    }
}

/// Engines take files. This one goes when it has been read.
fn written(bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("part-").suffix(".onnx").tempfile()?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file)
}

fn unwritable(error: &std::io::Error) -> LoadError {
    let reason = format!(
        "a graph that is made for the load cannot be written ({}); let TMPDIR name a folder with room",
        error.kind()
    );
    LoadError { kind: FailureKind::File, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AdapterError, ContractError, PartRunners, RowShapes, WarmUpRow};
    use parking_lot::Mutex;
    use samovar_engine_api::{Precision, Signature};
    use samovar_engines::{FakeEngine, FakeModel};

    /// A family with these parts; notes what it is told.
    struct Parted {
        parts: Vec<PartSource>,
        bound: Mutex<Vec<usize>>,
    }

    impl Family for Parted {
        fn name(&self) -> &'static str {
            "parted"
        }

        fn lanes(&self) -> Vec<RowShapes> {
            Vec::new()
        }

        fn batch_max(&self) -> usize {
            1
        }

        fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
            unreachable!("there is no lane to warm up")
        }

        fn parts(&self, _precision: Precision) -> Result<Vec<PartSource>, AdapterError> {
            Ok(self.parts.clone())
        }

        fn bind_parts(&self, signatures: &[Signature]) -> Result<(), ContractError> {
            self.bound.lock().push(signatures.len());
            if signatures.len() > 2 { Err(ContractError("too many".to_owned())) } else { Ok(()) }
        }

        fn try_parts(&self, runner: PartRunners<'_>, _scratch: &mut Scratch) -> Result<Vec<f32>, TaskError> {
            let mut runner = runner(0)?;
            runner.input(0, &[1, 1])?.into_slice::<f32>()?.fill(3.0);
            runner.run()?;
            Ok(runner.output(0)?.as_slice::<f32>()?.to_vec())
        }
    }

    fn load(engine: &FakeEngine, parts: &[&str]) -> Result<(Parted, LoadedGraphs), LoadError> {
        let parts = parts.iter().map(|path| PartSource::File(path.into())).collect();
        let family = Parted { parts, bound: Mutex::default() };
        let options = LoadOptions::default();
        let model = engine.load(&ModelFiles { path: "m".into() }, &options).unwrap();
        let graphs = LoadedGraphs::load(engine, model, &family, &options)?;
        Ok((family, graphs))
    }

    #[test]
    fn parts_are_loaded_bound_counted_and_tried() {
        let engine = FakeEngine::new().with("m", &FakeModel::rows(1)).with("p", &FakeModel::rows(1));
        let (family, one) = load(&engine, &["p"]).unwrap();
        let (_, none) = load(&engine, &[]).unwrap();
        assert_eq!((&*family.bound.lock(), one.parts.len()), (&vec![1], 1));
        assert!(one.weights_bytes() >= none.weights_bytes());
        let trial = one.try_parts(&family).unwrap();
        assert!(trial.compare(&one.try_parts(&family).unwrap(), Tolerance { relative: 0.0 }).is_ok());
        let other = PartsTrial(Snapshot::from_values(vec![(vec![1], vec![1e9])]));
        assert!(other.compare(&trial, Tolerance::default()).unwrap_err().contains("further graphs"));
        assert!(part_runner(&one.parts, 1, 1).is_err());
    }

    #[test]
    fn each_part_has_its_compiled_form_beside_the_models_own() {
        let folder = tempfile::tempdir().unwrap();
        let part = FakeModel::rows(1);
        let engine = FakeEngine::new().with("m", &FakeModel::rows(1)).with("p", &part);
        for cached_loads in [0, 2] {
            let family = Parted { parts: vec![PartSource::File("p".into()); 2], bound: Mutex::default() };
            let options = LoadOptions { cache: Some(folder.path().to_owned()), ..LoadOptions::default() };
            let model = engine.load(&ModelFiles { path: "m".into() }, &options).unwrap();
            drop(LoadedGraphs::load(&engine, model, &family, &options).unwrap());
            assert_eq!(part.counts().cached_loads, cached_loads);
        }
    }

    #[test]
    fn parts_that_are_missing_or_do_not_fit_fail_the_load() {
        let engine = FakeEngine::new().with("m", &FakeModel::rows(1)).with("p", &FakeModel::rows(1));
        assert_eq!(load(&engine, &["q"]).err().unwrap().kind, FailureKind::File);
        assert_eq!(load(&engine, &["p", "p", "p"]).err().unwrap().kind, FailureKind::Contract);
    }

    #[test]
    fn what_is_made_for_a_load_is_a_file_while_it_is_read() {
        let file = written(b"graph").unwrap();
        let path = file.path().to_owned();
        assert_eq!(std::fs::read(&path).unwrap(), b"graph");
        drop(file);
        assert!(!path.exists());
    }
}
