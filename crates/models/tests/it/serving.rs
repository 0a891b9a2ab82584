//! A registry with one model, loaded and warm.

use samovar_engine_api::{Engine, Precision};
use samovar_media::Picture;
use samovar_models::{ClassMap, DetectOptions, Detections, Detector, FamilyHints, SegmentOptions, Segmenter, binder};
use samovar_runtime::{
    Call, Class, DeviceOptions, Failure, ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions, RunError,
    StreamKey,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One model that serves; everything ends with it.
pub(crate) struct Serving {
    runtime: tokio::runtime::Runtime,
    registry: Registry,
}

const NAME: &str = "model";

impl Serving {
    /// Loads and warms the model at `path` on `engine`, with rows of up to `batch_max` in one run.
    pub(crate) fn start(engine: Arc<dyn Engine>, path: PathBuf, batch_max: usize) -> Result<Self, Failure> {
        Self::start_hinted(engine, path, batch_max, FamilyHints::default())
    }

    /// The same, configured.
    pub(crate) fn start_hinted(
        engine: Arc<dyn Engine>,
        path: PathBuf,
        batch_max: usize,
        hints: FamilyHints,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut options = RegistryOptions::new(vec![engine]);
        options.device = DeviceOptions { slots: 1, ..DeviceOptions::default() };
        let registry = Registry::start(options, vec![spec(path, batch_max, hints)]).unwrap();
        runtime.block_on(registry.load(NAME)).unwrap()?;
        Ok(Self { runtime, registry })
    }

    pub(crate) fn detector(&self) -> Detector {
        Detector::new(self.registry.model(NAME).unwrap())
    }

    /// Detects with the default options.
    pub(crate) fn detect(&self, picture: &Picture) -> Result<Detections, RunError> {
        self.detect_with(picture, DetectOptions::default())
    }

    pub(crate) fn detect_with(&self, picture: &Picture, options: DetectOptions) -> Result<Detections, RunError> {
        let pending = self.detector().detect(picture.clone(), options, call(0))?;
        self.runtime.block_on(pending).map(|completed| completed.output)
    }

    pub(crate) fn segmenter(&self) -> Segmenter {
        Segmenter::new(self.registry.model(NAME).unwrap())
    }

    pub(crate) fn segment(&self, picture: &Picture, options: SegmentOptions) -> Result<ClassMap, RunError> {
        let pending = self.segmenter().segment(picture.clone(), options, call(0))?;
        self.runtime.block_on(pending).map(|completed| completed.output)
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Detects all at once, each as a client of its own.
    pub(crate) fn detect_together(&self, pictures: &[Picture]) -> Vec<(Detections, usize)> {
        let detector = self.detector();
        let submit = |(key, picture): (usize, &Picture)| {
            detector.detect(picture.clone(), DetectOptions::default(), call(key as u64)).unwrap()
        };
        let pending: Vec<_> = pictures.iter().enumerate().map(submit).collect();
        let completed = pending.into_iter().map(|pending| self.runtime.block_on(pending).unwrap());
        completed.map(|completed| (completed.output, completed.timings.batch_rows)).collect()
    }
}

pub(crate) fn call(stream: u64) -> Call {
    Call::new(Class::Interactive, StreamKey(stream))
}

fn spec(path: PathBuf, batch_max: usize, hints: FamilyHints) -> ModelSpec {
    ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        batch_max: Some(batch_max),
        batch_delay: Duration::from_millis(50),
        preload: false,
        ..ModelSpec::new(NAME, ModelSource::file(path), binder(hints))
    }
}
