//! A registry with one model, loaded and warm.

use samovar_engine_api::{Engine, Precision};
use samovar_media::Picture;
use samovar_models::{
    Appearance, AppearanceEncoder, BoundingBox, ClassMap, CrossEncoder, DetectOptions, Detections, Detector,
    FamilyHints, PoseEstimator, PoseWindow, Poses, SegmentOptions, Segmenter, SequenceScorer, TextEmbedder, binder,
};
use samovar_runtime::{
    Call, Class, DeviceOptions, Failure, ModelHandle, ModelSource, ModelSpec, Pending, PlanOptions, PlanSource,
    PrecisionChoice, Registry, RegistryOptions, RunError, StreamKey, TuneOptions,
};
use std::path::{Path, PathBuf};
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
        Self::start_spec(engine, spec(path, batch_max, hints))
    }

    /// The same with what the family chooses itself: how many rows share a run, and that nobody waits for others.
    pub(crate) fn start_plain(engine: Arc<dyn Engine>, path: PathBuf, hints: FamilyHints) -> Result<Self, Failure> {
        let spec = ModelSpec { batch_max: None, batch_delay: Duration::ZERO, ..spec(path, 1, hints) };
        Self::start_spec(engine, spec)
    }

    /// The same in the fastest precision that agrees with f32.
    pub(crate) fn start_fastest(engine: Arc<dyn Engine>, path: PathBuf, hints: FamilyHints) -> Result<Self, Failure> {
        let precision = PrecisionChoice::Auto;
        let spec = ModelSpec { precision, batch_max: None, batch_delay: Duration::ZERO, ..spec(path, 1, hints) };
        Self::start_spec(engine, spec)
    }

    /// The same in `precision`, by a plan that a process before it has measured and left in `plans`.
    pub(crate) fn start_tuned(
        engine: &Arc<dyn Engine>,
        (path, hints): (PathBuf, FamilyHints),
        precision: Precision,
        plans: &Path,
    ) -> Self {
        let precision = PrecisionChoice::Fixed(precision);
        let spec = ModelSpec { precision, batch_max: None, batch_delay: Duration::ZERO, ..spec(path, 1, hints) };
        let plans = PlanOptions { folder: Some(plans.to_owned()), ..PlanOptions::default() };
        let process = || Self::idle(Arc::clone(engine), spec.clone(), plans.clone());
        let measuring = process();
        // One way is measured whatever the budget.
        let options = TuneOptions { budget: Duration::ZERO, ..TuneOptions::default() };
        measuring.runtime.block_on(measuring.registry.tune(NAME, options)).unwrap().unwrap();
        drop(measuring);
        let serving = process();
        serving.runtime.block_on(serving.registry.load(NAME)).unwrap().unwrap();
        assert_eq!(serving.handle().generation().unwrap().plan_source(), PlanSource::Stored);
        serving
    }

    /// A configuration of its own.
    pub(crate) fn start_spec(engine: Arc<dyn Engine>, spec: ModelSpec) -> Result<Self, Failure> {
        let serving = Self::idle(engine, spec, PlanOptions::default());
        serving.runtime.block_on(serving.registry.load(NAME)).unwrap()?;
        Ok(serving)
    }

    fn idle(engine: Arc<dyn Engine>, spec: ModelSpec, plans: PlanOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut options = RegistryOptions { plans, ..RegistryOptions::new(vec![engine]) };
        options.device = DeviceOptions { slots: 1, ..DeviceOptions::default() };
        Self { registry: Registry::start(options, vec![spec]).unwrap(), runtime }
    }

    pub(crate) fn handle(&self) -> ModelHandle {
        self.registry.model(NAME).unwrap()
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
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

    pub(crate) fn pose_estimator(&self) -> PoseEstimator {
        PoseEstimator::new(self.registry.model(NAME).unwrap())
    }

    /// Poses with the default options.
    pub(crate) fn poses(&self, picture: &Picture) -> Result<Poses, RunError> {
        self.poses_with(picture, DetectOptions::default())
    }

    pub(crate) fn poses_with(&self, picture: &Picture, options: DetectOptions) -> Result<Poses, RunError> {
        let pending = self.pose_estimator().estimate(picture.clone(), options, call(0))?;
        self.runtime.block_on(pending).map(|completed| completed.output)
    }

    pub(crate) fn scorer(&self) -> SequenceScorer {
        SequenceScorer::new(self.registry.model(NAME).unwrap())
    }

    pub(crate) fn score(&self, window: PoseWindow) -> Result<f32, RunError> {
        let pending = self.scorer().score(window, call(0))?;
        self.runtime.block_on(pending).map(|completed| completed.output)
    }

    pub(crate) fn encoder(&self) -> AppearanceEncoder {
        AppearanceEncoder::new(self.registry.model(NAME).unwrap())
    }

    pub(crate) fn appearance(&self, picture: &Picture, bbox: BoundingBox) -> Result<Appearance, RunError> {
        let pending = self.encoder().encode(picture.clone(), bbox, call(0))?;
        self.runtime.block_on(pending).map(|completed| completed.output)
    }

    pub(crate) fn embedder(&self) -> TextEmbedder {
        TextEmbedder::new(self.registry.model(NAME).unwrap())
    }

    pub(crate) fn cross_encoder(&self) -> CrossEncoder {
        CrossEncoder::new(self.registry.model(NAME).unwrap())
    }

    /// Submits `count` calls before it waits for any; each result with the rows of its run.
    pub(crate) fn together<T>(&self, count: usize, submit: impl Fn(usize, Call) -> Pending<T>) -> Vec<(T, usize)> {
        let pending: Vec<_> = (0..count).map(|key| submit(key, call(key as u64))).collect();
        let completed = pending.into_iter().map(|pending| self.runtime.block_on(pending).unwrap());
        completed.map(|completed| (completed.output, completed.timings.batch_rows)).collect()
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Detects all at once, each as a client of its own.
    pub(crate) fn detect_together(&self, pictures: &[Picture]) -> Vec<(Detections, usize)> {
        let detector = self.detector();
        self.together(pictures.len(), |key, call| {
            detector.detect(pictures[key].clone(), DetectOptions::default(), call).unwrap()
        })
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
