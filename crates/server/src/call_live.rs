//! Live calls: what the call stream adds to a session.

use crate::Metrics;
use crate::app::App;
use crate::call_query::{CallQuery, audio_error, changed_language, partial_every, turns};
use crate::call_record::CallRecord;
use crate::calls::OpenCall;
use crate::error::{ApiError, Refusal};
use crate::finish_time::FinishTime;
use crate::stream_kind::{LiveStream, Readiness, StreamOpening};
use crate::stream_link::StreamText;
use crate::streams::{MessageKind, OpenStream, StreamFacts, StreamKind};
use crate::wire::{CallControl, CallEventBody, CallOptionsBody, CallReadyBody, ms};
use bytes::Bytes;
use parking_lot::Mutex;
use samovar_media::LiveFormat;
use samovar_models::whisper::Language;
use samovar_pipelines::{CallEvent, CallModels, CallOptions, CallStream, TurnChange, Turns};
use samovar_runtime::{ModelHandle, RunError, RunErrorKind};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// A call that has been asked for. It begins at once: a model that is still loading is no reason to keep a caller waiting.
pub(crate) struct CallOpening {
    pub(crate) query: CallQuery,
    pub(crate) models: CallModels,
    pub(crate) sound: LiveFormat,
    /// Held until the stream ends, where its sound has a decoder.
    pub(crate) _decoder: Option<OwnedSemaphorePermit>,
    /// What it is kept as, until the call begins.
    pub(crate) kept: Mutex<Option<OpenCall>>,
}

/// A call that goes on.
pub(crate) struct CallLive {
    stream: CallStream,
    open: Arc<OpenStream>,
    metrics: Arc<Metrics>,
    record: CallRecord,
    options: CallOptionsBody,
    /// A chunk that could not be taken in; the next event.
    refused: Option<ApiError>,
    /// No more sound is taken in.
    is_finishing: bool,
    is_over: bool,
    /// Cancelled when the server goes down.
    closing: CancellationToken,
}

impl StreamOpening for CallOpening {
    type Live = CallLive;

    fn facts(&self) -> StreamFacts {
        StreamFacts { kind: StreamKind::Call, models: model_names(&self.models), source: None, weight: NonZeroU16::MIN }
    }

    fn handles(&self) -> Vec<&ModelHandle> {
        Vec::new()
    }

    fn open_time(&self, limit: Duration) -> Duration {
        limit
    }

    fn ready(&self, readiness: &Readiness<'_>) -> Result<(CallLive, StreamText), ApiError> {
        let options = self.query.options(CallOptions::new(readiness.key), readiness.app)?;
        let shown = CallOptionsBody::from(&options);
        let mut stream = begin(readiness.app, &self.models, options, &self.query, self.sound.clone())?;
        let record = CallRecord::new(self.kept.lock().take());
        record.tap().into_iter().for_each(|tap| stream.set_tap(tap));
        let transcriber = self.models.transcriber.handle();
        let event = CallEventBody::Ready(CallReadyBody {
            stream: readiness.stream.id().to_string(),
            call: record.id(),
            model: transcriber.name().to_owned(),
            model_state: transcriber.state().name(),
            voice_model: self.models.voices.as_ref().map(|voices| voices.handle().name().to_owned()),
            format: self.query.format(),
            open_ms: ms(readiness.took),
            options: shown.clone(),
        });
        let live = CallLive {
            stream,
            open: Arc::clone(readiness.stream),
            metrics: Arc::clone(&readiness.app.metrics),
            record,
            options: shown,
            refused: None,
            is_finishing: false,
            is_over: false,
            closing: readiness.app.closing.clone(),
        };
        Ok((live, StreamText::lasting(&event)))
    }
}

fn begin(
    app: &App,
    models: &CallModels,
    options: CallOptions,
    query: &CallQuery,
    sound: LiveFormat,
) -> Result<CallStream, ApiError> {
    permitted(models, &options)?;
    let limits = &app.speech.settings().audio;
    CallStream::new(models.clone(), options, sound, query.channel(), limits).map_err(|error| audio_error(&error))
}

/// Refuses what the models cannot do, as far as they are loaded.
///
/// # Errors
/// `wrong_family`, `unknown_language`, `unsupported_timestamps` and what else a loaded model does not do.
pub(crate) fn permitted(models: &CallModels, options: &CallOptions) -> Result<(), ApiError> {
    let is_away = |error: &RunError| matches!(error.kind(), RunErrorKind::NotReady { .. });
    match models.transcriber.model() {
        Ok(model) => model.permits(&options.decode).map_err(RunError::from)?,
        Err(error) if is_away(&error) => {}
        Err(error) => return Err(error.into()),
    }
    match models.voices.as_ref().map(|voices| voices.model()) {
        Some(Err(error)) if !is_away(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// The configured names of the models, the one that hears words first.
pub(crate) fn model_names(models: &CallModels) -> Vec<String> {
    let voices = models.voices.as_ref().map(|voices| voices.handle().name().to_owned());
    std::iter::once(models.transcriber.handle().name().to_owned()).chain(voices).collect()
}

impl LiveStream for CallLive {
    fn push(&mut self, _number: u64, bytes: Bytes) {
        if self.is_finishing {
            let error = || ApiError::new(Refusal::Control, "no sound is taken in after `end`");
            self.refused.get_or_insert_with(error);
        } else if let Err(error) = self.stream.push(&bytes) {
            self.open.meter().failed();
            // One is enough while it waits: the rest would say the same.
            self.refused.get_or_insert_with(|| audio_error(&error));
        }
    }

    async fn next(&mut self) -> StreamText {
        if let Some(error) = self.refused.take() {
            return failed(&error);
        }
        match self.stream.next().await {
            Some(event) => self.told(event),
            None => std::future::pending().await,
        }
    }

    fn control(&mut self, text: &str) -> Result<Option<StreamText>, ApiError> {
        let unreadable = "a control message is an object with `type` \"end\", or \"options\" and language, prompt, partial_ms \
            or silence_ms";
        match serde_json::from_str(text).map_err(|_| ApiError::new(Refusal::Control, unreadable))? {
            CallControl::End => {
                self.finish();
                Ok(None)
            }
            CallControl::Options { language, prompt, partial_ms, silence_ms } => {
                self.change(language.as_deref(), prompt, (partial_ms, silence_ms)).map(Some)
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.is_over
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn takes_in(&self) -> bool {
        self.is_finishing || self.stream.takes_in()
    }

    fn finish(&mut self) {
        if self.closing.is_cancelled() {
            self.record.interrupt();
        }
        if !std::mem::replace(&mut self.is_finishing, true) {
            self.stream.finish();
        }
    }

    fn finish_time(&self) -> FinishTime {
        FinishTime::CALL
    }

    fn progress(&self) -> u64 {
        self.stream.progress()
    }

    fn parted(&mut self, orderly: bool) -> bool {
        if !orderly {
            self.record.interrupt();
        }
        self.finish();
        self.record.is_kept()
    }

    fn end(&mut self) -> Vec<StreamText> {
        if !self.is_over {
            self.record.interrupt();
        }
        self.record.close(self.stream.heard_s());
        Vec::new()
    }

    fn problem(error: &ApiError) -> StreamText {
        failed(error)
    }
}

impl CallLive {
    fn change(
        &mut self,
        language: Option<&str>,
        prompt: Option<String>,
        (partial_ms, silence_ms): (Option<u32>, Option<u32>),
    ) -> Result<StreamText, ApiError> {
        let prompt = prompt.map(|prompt| Some(prompt).filter(|prompt| !prompt.is_empty()));
        let turns = silence_ms.map(|asked| turns(Some(asked))).transpose()?;
        let change = TurnChange {
            language: changed_language(language)?,
            prompt: prompt.clone(),
            partial_every: partial_every(partial_ms)?,
            turns: turns.map(Turns::Detected),
        };
        let (language, partial_every) = (change.language, change.partial_every);
        self.stream.change(change)?;
        let shown = &mut self.options;
        shown.language = language.map_or(shown.language, code);
        shown.prompt = prompt.unwrap_or_else(|| shown.prompt.take());
        shown.partial_ms = partial_every.map_or(shown.partial_ms, CallOptionsBody::whole_ms);
        shown.silence_ms = silence_ms.unwrap_or(shown.silence_ms);
        Ok(StreamText::lasting(&CallEventBody::Options(shown.clone())))
    }

    /// The event as it is sent: counted, written down, and told to whoever reads beside the client.
    fn told(&mut self, event: CallEvent) -> StreamText {
        self.record.write(&event);
        self.metrics.live_calls.told(&event);
        match event {
            CallEvent::Final { latency, .. } => self.open.meter().heard(latency),
            CallEvent::Error { .. } => self.open.meter().failed(),
            CallEvent::AudioFailed(_) => {
                self.open.meter().failed();
                self.record.interrupt();
            }
            CallEvent::Ended { heard_s } => {
                self.is_over = true;
                self.record.close(heard_s);
            }
            _ => {}
        }
        let kind = kind(&event);
        let text = text(event, &self.open);
        self.open.tell(kind, text.text().clone());
        text
    }
}

/// What readers beside the client know it as: what is to be kept for those who come back has a name.
const fn kind(event: &CallEvent) -> MessageKind {
    match event {
        CallEvent::Final { .. } => MessageKind::Event("call.final"),
        CallEvent::Triage { .. } => MessageKind::Event("call.triage"),
        CallEvent::Ended { .. } => MessageKind::Event("call.ended"),
        _ => MessageKind::Result,
    }
}

/// As it is sent. Newer partials and figures make older ones worthless to a client that is behind; nothing else is ever left out.
fn text(event: CallEvent, open: &OpenStream) -> StreamText {
    let is_replaceable = matches!(event, CallEvent::Partial { .. } | CallEvent::Features(_));
    let body = CallEventBody::new(event, || open.id().to_string());
    if is_replaceable { StreamText::replaceable(&body) } else { StreamText::lasting(&body) }
}

fn failed(error: &ApiError) -> StreamText {
    StreamText::lasting(&CallEventBody::failed(None, error))
}

fn code(language: Option<Language>) -> Option<&'static str> {
    language.map(Language::code)
}
