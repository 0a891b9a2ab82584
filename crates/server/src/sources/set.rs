//! All sources of a server: those that are configured, and those that clients add while it runs.

use super::play::play;
use super::running::{RunningSource, SourceModels, SourceOptions};
use super::{SourcePipeline, SourceSettings};
use crate::app::App;
use crate::evidence;
use crate::names::is_name;
use crate::sinks::Sinks;
use crate::streams::{StreamFacts, StreamKind};
use crate::{ServerError, ServerOptions};
use parking_lot::Mutex;
use samovar_media::FfmpegProgram;
use samovar_pipelines::{ClipSpan, SourceReader, SourceSpec, SourceTools};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// All sources that run, by name.
#[derive(Default)]
pub(crate) struct Sources {
    running: Mutex<BTreeMap<Arc<str>, Arc<RunningSource>>>,
    /// The tasks of the sources alone: what they tell last must still reach the sinks.
    tasks: TaskTracker,
}

/// Why a source does not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    /// Its name is none.
    #[error(
        "a source's name consists of letters, digits, `.`, `_` and `-`, at most 64, and begins with a letter or a digit"
    )]
    Name,
    /// Another has its name.
    #[error("there is a source of this name; remove it first or choose another name")]
    Exists,
    /// There are as many as may be.
    #[error("there are as many sources as may be; remove one first")]
    Full,
    /// No program decodes video.
    #[error("sources need the ffmpeg program; run `samovar engine install ffmpeg`")]
    NoDecoder,
    /// No sink has that name.
    #[error("no sink of the name that is given is configured")]
    Sink,
    /// A value makes no sense. The sentence names the field.
    #[error("{0}")]
    Settings(String),
    /// The server goes down.
    #[error("the server is shutting down")]
    Closing,
}

impl Sources {
    /// All of them, by name.
    pub(crate) fn list(&self) -> Vec<Arc<RunningSource>> {
        self.running.lock().values().cloned().collect()
    }

    /// The source of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<RunningSource>> {
        self.running.lock().get(name).cloned()
    }

    /// The source has ended. Another may have its name by now.
    pub(super) fn forget(&self, source: &Arc<RunningSource>) {
        let mut running = self.running.lock();
        if running.get(source.name()).is_some_and(|present| Arc::ptr_eq(present, source)) {
            running.remove(source.name());
        }
    }
}

/// Whether the configured sources can be.
///
/// # Errors
/// The first that cannot, by name.
pub(crate) fn check(options: &ServerOptions, sinks: &Sinks) -> Result<(), ServerError> {
    for (place, settings) in options.sources.iter().enumerate() {
        let name = &settings.spec.name;
        let twice = options.sources[..place].iter().any(|other| other.spec.name == *name);
        let checked = if twice { Err(SourceError::Exists) } else { check_one(settings, sinks) };
        let tools = options.ffmpeg.as_ref().ok_or(SourceError::NoDecoder);
        checked.and(tools).map_err(|error| ServerError::Sources(format!("`{name}`: {error}")))?;
    }
    let max = options.limits.sources_max;
    let fits = options.sources.len() <= max;
    fits.then_some(()).ok_or_else(|| ServerError::Sources(format!("there are more than {max} of them")))
}

/// Starts the sinks and the configured sources, and sees to it that they end in their order: first whoever tells, then whoever is told.
pub(crate) fn start(app: &Arc<App>) {
    app.sinks.start(&app.tasks, &app.kill);
    for settings in &app.options.sources {
        if let Err(error) = add(app, settings.clone(), true) {
            tracing::error!(source = %settings.spec.name, %error, "a source cannot be started");
        }
    }
    if let Some(evidence) = &app.evidence {
        app.tasks.spawn(app.closing.clone().run_until_cancelled_owned(evidence::sweep_on(Arc::clone(evidence))));
    }
    let ending = Arc::clone(app);
    app.tasks.spawn(app.kill.clone().run_until_cancelled_owned(async move {
        ending.closing.cancelled().await;
        ending.sources.tasks.close();
        ending.sources.tasks.wait().await;
        ending.sinks.close();
    }));
}

/// Runs a source.
///
/// # Errors
/// Why it cannot be.
pub(crate) fn add(
    app: &Arc<App>,
    settings: SourceSettings,
    configured: bool,
) -> Result<Arc<RunningSource>, SourceError> {
    check_one(&settings, &app.sinks)?;
    let program = app.options.ffmpeg.clone().ok_or(SourceError::NoDecoder)?;
    let mut running = app.sources.running.lock();
    if app.draining.load(Ordering::SeqCst) {
        return Err(SourceError::Closing);
    }
    if running.contains_key(&settings.spec.name) {
        return Err(SourceError::Exists);
    }
    if running.len() >= app.options.limits.sources_max {
        return Err(SourceError::Full);
    }
    let (source, task) = begin(app, settings, configured, program)?;
    running.insert(Arc::clone(source.name()), Arc::clone(&source));
    drop(running);
    app.tasks.spawn(app.sources.tasks.track_future(app.kill.clone().run_until_cancelled_owned(task)));
    Ok(source)
}

fn begin(
    app: &Arc<App>,
    settings: SourceSettings,
    configured: bool,
    program: FfmpegProgram,
) -> Result<(Arc<RunningSource>, impl Future<Output = ()> + Send + 'static), SourceError> {
    let spec = SourceSpec { clip: clip(app, &settings), ..settings.spec.clone() };
    let reader = SourceReader::start(spec, SourceTools::new(program))
        .map_err(|error| SourceError::Settings(error.to_string()))?;
    if configured {
        app.metrics.sources.know(&settings.spec.name);
    }
    let entry = app.board.open(facts(&settings), None);
    let source = Arc::new(RunningSource {
        stream: Arc::clone(entry.shared()),
        monitor: reader.monitor(),
        sinks: app.sinks.named(&settings.sinks).map_err(|_| SourceError::Sink)?,
        options: watch::Sender::new(SourceOptions::of(&settings.pipeline)),
        models: Mutex::new(SourceModels::Waiting(None)),
        done: CancellationToken::new(),
        settings,
        configured,
    });
    let task = play(Arc::clone(app), Arc::clone(&source), entry, reader);
    Ok((source, task))
}

fn facts(settings: &SourceSettings) -> StreamFacts {
    let kind = match settings.pipeline {
        SourcePipeline::Anomaly(_) => StreamKind::Anomaly,
        SourcePipeline::Detect { .. } => StreamKind::Detect,
    };
    let (models, spec) = (settings.pipeline.models(), &settings.spec);
    StreamFacts { kind, models, source: Some(Arc::clone(&spec.name)), weight: spec.weight }
}

/// What is kept of the source's packets: what a clip needs, and a little for the time until it is cut.
fn clip(app: &App, settings: &SourceSettings) -> Option<ClipSpan> {
    const CUT: Duration = Duration::from_secs(3);
    /// 12 Mbit/s.
    const BYTES_PER_S: u64 = 3 << 19;
    const BYTES_MAX: u64 = 512 << 20;
    let kept = &app.evidence.as_ref().filter(|_| settings.evidence)?.settings;
    let (before, after) = (kept.before, kept.after + CUT);
    let bytes = (before + after).as_secs().saturating_mul(BYTES_PER_S).min(BYTES_MAX);
    kept.clips.then_some(ClipSpan { before, after, bytes_max: usize::try_from(bytes).unwrap_or(usize::MAX) })
}

fn check_one(settings: &SourceSettings, sinks: &Sinks) -> Result<(), SourceError> {
    let wrong = |error: String| SourceError::Settings(error);
    if !is_name(&settings.spec.name) {
        return Err(SourceError::Name);
    }
    settings.spec.validate().map_err(|error| wrong(error.to_string()))?;
    match &settings.pipeline {
        SourcePipeline::Anomaly(anomaly) => anomaly.options.validate().map_err(|error| wrong(error.to_string()))?,
        SourcePipeline::Detect { options, .. } => options.validate().map_err(|error| wrong(error.to_string()))?,
    }
    let names = &settings.sinks;
    let twice = names.iter().enumerate().any(|(place, name)| names[..place].contains(name));
    sinks.named(names).map_err(|_| SourceError::Sink)?;
    if twice { Err(wrong("`sinks` names one of them twice; each event goes there once".to_owned())) } else { Ok(()) }
}
