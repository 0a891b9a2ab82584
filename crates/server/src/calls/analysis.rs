//! A recording analysed for somebody: its place and its model waited for, its sound on the way into the store, what fails told apart from
//! what is only missing.

use super::{OpenCall, entries};
use crate::app::App;
use crate::error::ApiError;
use crate::in_time::open_by;
use samovar_calls::{CallEnd, CallError, CallErrorKind, CallId, CallOrigin};
use samovar_media::{AudioInput, AudioOptions};
use samovar_models::whisper::{DecodeOptions, ReaderSource, SampleSource, Transcriber};
use samovar_pipelines::{Analysis, AnalysisOptions, analyse};
use samovar_runtime::{Class, ModelState, RunError, RunErrorKind};
use samovar_service::access::Caller;
use samovar_service::speech::{TranscriptSegment, class_of};
use std::time::{Duration, Instant};
use tokio::time::{timeout, timeout_at};

/// What is asked for.
pub(crate) struct AnalysisRequest {
    /// The model that hears words.
    pub(crate) transcriber: Transcriber,
    /// How it is heard.
    pub(crate) decode: DecodeOptions,
    /// The recording.
    pub(crate) audio: AudioInput,
    /// When nobody waits any more.
    pub(crate) deadline: Instant,
    /// Whether the call is to be kept where calls are kept.
    pub(crate) store: bool,
    /// What its sender calls it.
    pub(crate) label: Option<String>,
}

/// What came of a recording.
pub(crate) struct Analysed {
    pub(crate) analysis: Analysis,
    /// What was said.
    pub(crate) said: Vec<TranscriptSegment>,
    /// The call as it is kept.
    pub(crate) call: Option<CallId>,
    /// Until a place was free and the model ready.
    pub(crate) wait: Duration,
    /// Why the recording was not read to its end.
    pub(crate) audio_fault: Option<ApiError>,
    /// Why the call is not kept although it was to be.
    pub(crate) storage_fault: Option<ApiError>,
}

/// A source whose sound is kept as it goes by.
struct Kept<S> {
    source: S,
    call: Option<OpenCall>,
}

/// Analyses a recording within its time. Whoever drops the future ends the work; a call that is being kept then ends as interrupted.
///
/// # Errors
/// Those of the recording, of the options and of the time; a model that is still being loaded when it is over. The call is then not kept.
pub(crate) async fn analyse_recording(
    app: &App,
    caller: &Caller,
    request: AnalysisRequest,
) -> Result<Analysed, ApiError> {
    let begun = Instant::now();
    let _place = app.speech.place(caller, request.deadline).await?;
    let _hold = request.transcriber.handle().hold();
    let ready = ready(&request).await?;
    let wait = begun.elapsed();
    let (settings, rules) = (app.speech.settings(), app.rules.get());
    let options = AudioOptions { program: settings.ffmpeg.clone(), ..AudioOptions::default() };
    let opened = in_time(request.deadline, ReaderSource::open(request.audio.clone(), &options, &settings.audio));
    let (info, source) = opened.await?;
    let call = caller.call(class_of(Class::Interactive, &info), request.deadline);
    let (kept, mut storage_fault) = begin(app, caller, &request).await;
    let (mut source, mut said) = (Kept { source, call: kept }, Vec::new());
    let options = AnalysisOptions { decode: &request.decode, call, rules: &rules };
    let heard = |text| said.extend(TranscriptSegment::of_window(text, said.len() as u64));
    // The time is over within, so that a call that is being kept is forgotten when it is.
    let analysing = analyse(&mut source, ready.map(|()| &request.transcriber), options, heard);
    let analysed = in_time(request.deadline, analysing).await;
    let Kept { source, call: open } = source;
    let analysis = match analysed {
        Ok(analysis) => analysis,
        Err(error) => {
            forget(app, open).await;
            return Err(error.into());
        }
    };
    let mut call = None;
    if let Some(open) = open {
        call = written(open, &analysis, &said).await.map_err(|error| storage_fault = Some(error.into())).ok();
    }
    let audio_fault = source.failure().cloned().map(ApiError::from);
    Ok(Analysed { analysis, said, call, wait, audio_fault, storage_fault })
}

/// What `work` comes to, if it does so in time.
async fn in_time<T>(deadline: Instant, work: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
    let late = |_| RunError::new(RunErrorKind::DeadlineExceeded, "the recording was not analysed in time");
    timeout_at(deadline.into(), work).await.map_err(late)?
}

/// Waits for the model. One that failed is no reason to refuse everything: the reason is within.
async fn ready(request: &AnalysisRequest) -> Result<Result<(), RunError>, ApiError> {
    let handle = request.transcriber.handle();
    let opened = open_by(handle, request.deadline.into()).await;
    match (opened, handle.state()) {
        (Ok(()), _) => {
            request.transcriber.model()?.permits(&request.decode).map_err(RunError::from)?;
            Ok(Ok(()))
        }
        (Err(_), ModelState::Failed(_)) => Ok(handle.generation().map(drop)),
        (Err(error), _) => Err(error),
    }
}

/// The call as it begins to be kept; none where it is not, and why where it was to be.
async fn begin(app: &App, caller: &Caller, request: &AnalysisRequest) -> (Option<OpenCall>, Option<ApiError>) {
    let Some(desk) = app.calls.as_ref().filter(|_| request.store) else { return (None, None) };
    match desk.begin(caller, CallOrigin::Upload, request.label.clone()).await {
        Ok(call) => (Some(call), None),
        Err(error) => (None, Some(error.into())),
    }
}

/// A disk that hangs does not hold up an answer that is there.
async fn written(call: OpenCall, analysis: &Analysis, said: &[TranscriptSegment]) -> Result<CallId, CallError> {
    let lost = |_| CallError::new(CallErrorKind::Storage);
    timeout(WRITTEN_MAX, write(call, analysis, said)).await.map_err(lost)?
}

/// How long what came of a recording may take to be written.
const WRITTEN_MAX: Duration = Duration::from_secs(20);

async fn write(call: OpenCall, analysis: &Analysis, said: &[TranscriptSegment]) -> Result<CallId, CallError> {
    for piece in entries::of_recording(analysis, said) {
        call.append_waiting(piece).await?;
    }
    let language = analysis.language.map(|language| language.code().to_owned());
    let end = CallEnd { duration_s: Some(analysis.heard_s), language, ..CallEnd::default() };
    call.end_waiting(end).await.map(|call| call.id)
}

/// Nothing is kept of what was refused.
async fn forget(app: &App, call: Option<OpenCall>) {
    if let (Some(desk), Some(call)) = (&app.calls, call) {
        desk.forget(call).await;
    }
}

impl<S: SampleSource> SampleSource for Kept<S> {
    async fn next_block(&mut self) -> Result<Option<Vec<f32>>, RunError> {
        let block = self.source.next_block().await?;
        if let (Some(call), Some(block)) = (&mut self.call, &block) {
            call.hear_waiting(block).await;
        }
        Ok(block)
    }
}
