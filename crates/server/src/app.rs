//! What every route works with.

use crate::audio_upload::AudioUploads;
use crate::body_budget::BodyBudget;
use crate::calls::CallDesk;
use crate::error::{ApiError, Refusal};
use crate::evidence::Evidence;
use crate::jobs::JobDesk;
use crate::sinks::Sinks;
use crate::sources::{self, Sources};
use crate::streams::StreamBoard;
use crate::telemetry::Telemetry;
use crate::{Metrics, ServerError, ServerOptions};
use samovar_models::{AppearanceEncoder, Detector, FamilyKind, PoseEstimator, Segmenter, SequenceScorer};
use samovar_monitor::Monitor;
use samovar_pipelines::{AnomalyModels, Mode, ModeTable};
use samovar_runtime::{ModelHandle, ModelStatus, Registry, StreamKey};
use samovar_service::media::MediaService;
use samovar_service::shared_memory::SharedMemory;
use samovar_service::speech::SpeechService;
use samovar_service::tensor::{TensorObserver, TensorOptions, TensorService};
use samovar_service::text::{TextLimits, TextObserver, TextService};
use samovar_triage::CurrentRules;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What every route works with. One value per server.
pub(crate) struct App {
    pub(crate) registry: Arc<Registry>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) options: ServerOptions,
    /// Room for the bodies of all requests.
    pub(crate) bodies: Arc<BodyBudget>,
    /// Streams that may be decoded at the same time: each has a child process.
    pub(crate) decoders: Arc<Semaphore>,
    /// Cameras and files that the server opens itself.
    pub(crate) sources: Sources,
    /// Where their events go.
    pub(crate) sinks: Sinks,
    /// What is kept of anomalies; none where nothing is.
    pub(crate) evidence: Option<Arc<Evidence>>,
    /// Where recorded media are handed in; none where no jobs are taken.
    pub(crate) jobs: Option<Arc<JobDesk>>,
    /// Answers tensor requests, whichever wire they come by.
    pub(crate) tensors: Arc<TensorService>,
    /// Traces of requests; none where they are sent nowhere.
    pub(crate) telemetry: Option<Telemetry>,
    /// What the machine does.
    pub(crate) monitor: Arc<Monitor>,
    /// When the server was made.
    pub(crate) began: Instant,
    /// Every stream that is open.
    pub(crate) board: StreamBoard,
    /// The modes of segmentation; none where none are configured.
    pub(crate) segment_modes: Option<Arc<ModeTable>>,
    /// Vectors, ranks and likenesses of texts and pictures.
    pub(crate) texts: TextService,
    /// Faces.
    pub(crate) media: MediaService,
    /// Recordings on their way in, and those that are being heard.
    pub(crate) audio_uploads: AudioUploads,
    /// Hears recordings, and finds the models that hear.
    pub(crate) speech: Arc<SpeechService>,
    /// Where calls are kept; none where nothing is.
    pub(crate) calls: Option<Arc<CallDesk>>,
    /// How urgent a call is.
    pub(crate) rules: Arc<CurrentRules>,
    /// Every task of this server.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when streams and kept connections are to end.
    pub(crate) closing: CancellationToken,
    /// Cancelled when everything that is left is to end at once.
    pub(crate) kill: CancellationToken,
    /// Pictures that may be annotated at the same time.
    pub(crate) annotations: Semaphore,
    /// Set once, when every preloaded model has been ready at the same time.
    pub(crate) started: AtomicBool,
    /// Set once, when the server begins to go down.
    pub(crate) draining: AtomicBool,
    next_key: AtomicU64,
}

impl App {
    /// # Errors
    /// What is wrong with the configured modes.
    pub(crate) fn new(
        options: ServerOptions,
        registry: Arc<Registry>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ServerError> {
        metrics.know(registry.list().iter().map(|model| model.name.as_str()));
        metrics.know_pairs(options.pairs.keys().map(String::as_str));
        let sinks = Sinks::new(&options.webhooks, options.mqtt.as_ref(), &metrics)?;
        sources::check(&options, &sinks)?;
        let evidence = evidence(&options, &metrics)?;
        let jobs = options.jobs.as_ref().map(|settings| JobDesk::open(settings, &metrics)).transpose()?.map(Arc::new);
        Ok(Self {
            bodies: BodyBudget::new(&options.limits, Arc::clone(&metrics)),
            sources: Sources::default(),
            sinks,
            evidence,
            jobs,
            decoders: Arc::new(Semaphore::new(options.limits.stream.decoders_max)),
            telemetry: options.telemetry.as_ref().map(|settings| Telemetry::start(settings, &metrics)).transpose()?,
            monitor: Arc::default(),
            began: Instant::now(),
            board: StreamBoard::new(&options.limits.stream),
            segment_modes: segment_modes(&options, &registry)?,
            tensors: Arc::new(tensors(&options, &registry, &metrics)),
            texts: TextService::new(
                Arc::clone(&registry),
                options.pairs.clone(),
                TextLimits::default(),
                Arc::clone(&metrics) as Arc<dyn TextObserver>,
            ),
            media: MediaService::new(Arc::clone(&registry), options.limits.annotations_max),
            audio_uploads: AudioUploads::new(options.limits.audio),
            speech: Arc::new(SpeechService::new(Arc::clone(&registry), options.speech.clone())),
            calls: options.calls.as_ref().map(|settings| CallDesk::open(settings, &metrics)).transpose()?.map(Arc::new),
            rules: Arc::clone(&options.rules),
            registry,
            metrics,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            kill: CancellationToken::new(),
            annotations: Semaphore::new(options.limits.annotations_max),
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            next_key: AtomicU64::new(0),
            options,
        })
    }

    /// When a request that arrives now is too late: `timeout_ms` lowers the server's own limit.
    pub(crate) fn deadline(&self, timeout_ms: Option<u64>) -> Instant {
        let limit = self.options.limits.request_time;
        Instant::now() + timeout_ms.map_or(limit, |asked| Duration::from_millis(asked).min(limit))
    }

    /// A key that no other stream or connection has.
    pub(crate) fn next_key(&self) -> StreamKey {
        StreamKey(self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// The model of that name.
    pub(crate) fn model(&self, name: &str) -> Result<ModelHandle, ApiError> {
        Ok(self.registry.model(name)?)
    }

    /// The detector of that name; where none is named, the default one, or the only one.
    pub(crate) fn detector(&self, name: Option<&str>) -> Result<Detector, ApiError> {
        let name = match name.or(self.options.default_model.as_deref()) {
            Some(name) => name.to_owned(),
            None => self.only_detector()?,
        };
        self.model(&name).map(Detector::new)
    }

    /// The pose model of that name; where none is named, that of anomaly streams, or the only one.
    pub(crate) fn pose_estimator(&self, name: Option<&str>) -> Result<PoseEstimator, ApiError> {
        let own = self.options.anomaly.as_ref().and_then(|settings| settings.pose.as_deref());
        self.of_family(name.or(own), FamilyKind::YoloPose, "no pose model is configured").map(PoseEstimator::new)
    }

    /// The models of an anomaly stream: those that are named, then the configuration's, then the only one of each kind.
    pub(crate) fn anomaly_models(&self, names: AnomalyNames<'_>) -> Result<AnomalyModels, ApiError> {
        let own = self.options.anomaly.as_ref();
        let named = |asked: Option<&str>, own: Option<&String>| {
            let name = asked.or(own.map(String::as_str)).filter(|name| !name.is_empty());
            name.map(|name| self.model(name)).transpose()
        };
        let sequence = names.sequence.or(own.and_then(|own| own.sequence.as_deref()));
        let no_sequence = "no model that scores movements is configured";
        Ok(AnomalyModels {
            detector: named(names.detector, own.and_then(|own| own.detector.as_ref()))?.map(Detector::new),
            pose: self.pose_estimator(names.pose)?,
            sequence: self.of_family(sequence, FamilyKind::StgNf, no_sequence).map(SequenceScorer::new)?,
            appearance: named(names.appearance, own.and_then(|own| own.appearance.as_ref()))?
                .map(AppearanceEncoder::new),
        })
    }

    /// The model of that name; where none is named, the only one that is known to be of the family; else the only one that may be.
    fn of_family(&self, name: Option<&str>, family: FamilyKind, none: &'static str) -> Result<ModelHandle, ApiError> {
        if let Some(name) = name {
            return self.model(name);
        }
        let sure = |model: &ModelStatus| model.family == Some(family.name());
        let any = self.registry.list().iter().any(sure);
        self.model(&self.only(|model| sure(model) || !any && model.family.is_none(), none)?)
    }

    /// What segments: the model or the mode that is named, one of both at most; where neither is, the fastest mode, or the only
    /// segmentation model.
    pub(crate) fn segment_target(&self, model: Option<&str>, mode: Option<&str>) -> Result<SegmentTarget, ApiError> {
        match (model, mode, &self.segment_modes) {
            (Some(_), Some(_), _) => Err(ApiError::new(Refusal::Query, "name a model or a mode, not both")),
            (Some(model), None, _) => Ok(SegmentTarget::model(Segmenter::new(self.model(model)?))),
            (None, Some(mode), Some(table)) => SegmentTarget::mode_named(table, mode),
            (None, Some(_), None) => Err(ApiError::new(Refusal::Mode, "no modes are configured")),
            (None, None, Some(table)) => Ok(SegmentTarget { table: Arc::clone(table), index: 0, auto: false }),
            (None, None, None) => {
                let name = self.only(may_segment, "no segmentation model is configured")?;
                Ok(SegmentTarget::model(Segmenter::new(self.model(&name)?)))
            }
        }
    }

    /// The models of modes are segmentation models, whether loaded or not.
    fn only_detector(&self) -> Result<String, ApiError> {
        let modes = &self.options.segment_modes;
        let may = |model: &ModelStatus| may_detect(model) && modes.iter().all(|(_, name)| *name != model.name);
        self.only(may, "no detection model is configured")
    }

    /// The only model of a kind.
    fn only(&self, may: impl Fn(&ModelStatus) -> bool, none: &'static str) -> Result<String, ApiError> {
        let mut candidates = self.registry.list().into_iter().filter(may);
        match (candidates.next(), candidates.next()) {
            (Some(only), None) => Ok(only.name),
            (None, _) => Err(ApiError::new(Refusal::ModelRequired, none).with_cure(NO_MODEL)),
            _ => Err(ApiError::new(Refusal::ModelRequired, "there are several models and the request names none")),
        }
    }
}

/// What helps where nothing that could be named is there.
const NO_MODEL: &str = "add one to the configuration as `[models.NAME]`, or start the server with `--model FILE`";

/// The names of the models of an anomaly stream that were asked for. An empty one means: without.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AnomalyNames<'a> {
    pub(crate) detector: Option<&'a str>,
    pub(crate) pose: Option<&'a str>,
    pub(crate) sequence: Option<&'a str>,
    pub(crate) appearance: Option<&'a str>,
}

/// The mode that a request or a stream begins in, and those that a stream may go on in.
#[derive(Clone)]
pub(crate) struct SegmentTarget {
    pub(crate) table: Arc<ModeTable>,
    /// Its place in the table.
    pub(crate) index: usize,
    /// Whether the server chooses.
    pub(crate) auto: bool,
}

impl SegmentTarget {
    fn model(segmenter: Segmenter) -> Self {
        Self { table: Arc::new(ModeTable::single(Mode::of_model(segmenter))), index: 0, auto: false }
    }

    fn mode_named(table: &Arc<ModeTable>, name: &str) -> Result<Self, ApiError> {
        let auto = name == ModeTable::AUTO;
        let index = if auto { 0 } else { table.find(name)? };
        Ok(Self { table: Arc::clone(table), index, auto })
    }

    /// The mode.
    pub(crate) fn mode(&self) -> &Mode {
        &self.table.modes()[self.index]
    }
}

fn tensors(options: &ServerOptions, registry: &Arc<Registry>, metrics: &Arc<Metrics>) -> TensorService {
    let observer = Arc::clone(metrics) as Arc<dyn TensorObserver>;
    let shared_memory = Arc::new(options.shared_memory.map(SharedMemory::new).unwrap_or_default());
    let request_time = options.limits.request_time;
    let options =
        TensorOptions { request_time, shared_memory, log: options.log.clone(), observer, ..TensorOptions::default() };
    TensorService::new(Arc::clone(registry), options)
}

fn evidence(options: &ServerOptions, metrics: &Arc<Metrics>) -> Result<Option<Arc<Evidence>>, ServerError> {
    let open = |settings| Evidence::open(settings, options.ffmpeg.clone(), metrics);
    options.evidence.as_ref().map(open).transpose().map(|evidence| evidence.map(Arc::new))
}

fn segment_modes(options: &ServerOptions, registry: &Registry) -> Result<Option<Arc<ModeTable>>, ServerError> {
    if options.segment_modes.is_empty() {
        return Ok(None);
    }
    let mode = |(mode, model): &(String, String)| {
        let handle = registry.model(model).map_err(|_| format!("no model `{model}` is configured"))?;
        Ok(Mode::new(mode.as_str(), Segmenter::new(handle)))
    };
    let modes: Result<Vec<_>, String> = options.segment_modes.iter().map(mode).collect();
    let table = modes.and_then(|modes| ModeTable::new(modes).map_err(|error| error.to_string()));
    table.map(|table| Some(Arc::new(table))).map_err(ServerError::Modes)
}

/// Of which it is not known what it is may be anything.
fn may_detect(model: &ModelStatus) -> bool {
    model.family.is_none_or(|family| matches!(family, "yolo" | "yolox"))
}

fn may_segment(model: &ModelStatus) -> bool {
    model.family.is_none_or(|family| family == FamilyKind::Segmentation.name())
}
