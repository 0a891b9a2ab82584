//! A realtime session that goes on: OpenAI's events in and out, a live call between them.

use super::items::Items;
use super::session::RealtimeSession;
use crate::call_live::permitted;
use crate::call_query::audio_error;
use crate::call_record::CallRecord;
use crate::calls::OpenCall;
use crate::error::{ApiError, Refusal};
use crate::finish_time::FinishTime;
use crate::stream_kind::{LiveStream, Readiness};
use crate::stream_link::StreamText;
use crate::streams::{MessageKind, OpenStream};
use crate::wire::{OpenAiError, RealtimeControl, RealtimeErrorBody, RealtimeEvent, RealtimeEventBody};
use crate::{Metrics, StreamLimits};
use bytes::Bytes;
use samovar_media::{AudioLimits, ChannelChoice};
use samovar_models::whisper::Transcriber;
use samovar_pipelines::{CallEvent, CallModels, CallOptions, CallStream, TurnChange};
use samovar_runtime::StreamKey;
use samovar_service::speech::SpeechService;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A realtime session that goes on.
pub(crate) struct RealtimeLive {
    session: RealtimeSession,
    items: Items,
    models: CallModels,
    /// None until there is sound: until then everything may be chosen.
    stream: Option<CallStream>,
    /// Sound since the client last committed or cleared.
    uncommitted_bytes: usize,
    /// Events that are still to be told. Emptied between two messages of the client, each of which makes few.
    told: VecDeque<StreamText>,
    record: CallRecord,
    speech: Arc<SpeechService>,
    limits: AudioLimits,
    control_bytes_max: usize,
    open: Arc<OpenStream>,
    metrics: Arc<Metrics>,
    key: StreamKey,
    is_finishing: bool,
    is_over: bool,
    /// Cancelled when the server goes down.
    closing: CancellationToken,
}

impl RealtimeLive {
    pub(super) fn new(
        session: RealtimeSession,
        models: CallModels,
        kept: Option<OpenCall>,
        readiness: &Readiness<'_>,
    ) -> Self {
        let app = readiness.app;
        Self {
            items: Items::new(&session.id, session.is_flat),
            session,
            models,
            stream: None,
            uncommitted_bytes: 0,
            told: VecDeque::new(),
            record: CallRecord::new(kept),
            speech: Arc::clone(&app.speech),
            limits: app.speech.settings().audio.clone(),
            control_bytes_max: app.options.limits.stream.control_bytes_max,
            open: Arc::clone(readiness.stream),
            metrics: Arc::clone(&app.metrics),
            key: readiness.key,
            is_finishing: false,
            is_over: false,
            closing: app.closing.clone(),
        }
    }

    /// The first event.
    pub(super) fn created(&mut self) -> StreamText {
        let session = self.session.body();
        text(if self.session.is_flat {
            RealtimeEventBody::OldSessionCreated { session }
        } else {
            RealtimeEventBody::SessionCreated { session }
        })
    }

    fn tell(&mut self, events: impl IntoIterator<Item = RealtimeEventBody>) {
        self.told.extend(events.into_iter().map(text));
    }

    fn does(&mut self, control: RealtimeControl) -> Result<(), ApiError> {
        match control {
            RealtimeControl::Update(update) => {
                let next = self.session.updated(*update)?;
                self.change(next)?;
                let session = self.session.body();
                self.tell([RealtimeEventBody::SessionUpdated { session }]);
            }
            RealtimeControl::OldUpdate(update) => {
                let next = self.session.updated_flat(*update)?;
                self.change(next)?;
                self.items.speak_old();
                let session = self.session.body();
                self.tell([RealtimeEventBody::OldSessionUpdated { session }]);
            }
            RealtimeControl::Append(bytes) => {
                self.open.meter().came(bytes.len());
                self.sounding()?.push(&bytes).map_err(|error| audio_error(&error))?;
                self.uncommitted_bytes = self.uncommitted_bytes.saturating_add(bytes.len());
            }
            RealtimeControl::Commit => {
                let enough = self.uncommitted_bytes >= self.session.least_bytes();
                let stream = self.stream.as_mut().filter(|_| enough).ok_or_else(empty)?;
                // It is told as committed when the call was listened to up to here, a moment later.
                stream.commit();
                self.uncommitted_bytes = 0;
            }
            RealtimeControl::Clear => {
                if let Some(stream) = &mut self.stream {
                    stream.clear();
                }
                self.items.clear();
                self.uncommitted_bytes = 0;
                self.tell([RealtimeEventBody::Cleared]);
            }
        }
        Ok(())
    }

    /// Another session in place of the present one, unless it cannot be.
    fn change(&mut self, next: RealtimeSession) -> Result<(), ApiError> {
        if let Some(stream) = &mut self.stream {
            if !next.hears_as(&self.session) {
                let detail = "the model, its keywords and the format may be changed before the first sound alone";
                return Err(ApiError::new(Refusal::Option, detail)
                    .with_cure("open another session")
                    .about("session.audio.input"));
            }
            let turns = (next.turns() != self.session.turns()).then(|| next.turns());
            stream.change(TurnChange {
                language: Some(next.language),
                prompt: Some(next.prompt.clone()),
                partial_every: None,
                turns,
            })?;
        } else {
            let models = CallModels { transcriber: self.transcriber(&next.model)?, ..self.models.clone() };
            permitted(&models, &next.options(CallOptions::new(self.key)))?;
            self.models = models;
        }
        self.session = next;
        Ok(())
    }

    fn transcriber(&self, name: &str) -> Result<Transcriber, ApiError> {
        Ok(self.speech.transcriber_named(name)?)
    }

    /// The call, which begins with the first sound.
    fn sounding(&mut self) -> Result<&mut CallStream, ApiError> {
        if self.is_finishing {
            return Err(ApiError::new(Refusal::Control, "the session is ending"));
        }
        if let Some(stream) = self.stream.take() {
            return Ok(self.stream.insert(stream));
        }
        let options = self.session.options(CallOptions::new(self.key));
        let (models, sound) = (self.models.clone(), self.session.sound());
        let stream = CallStream::new(models, options, sound, ChannelChoice::Mean, &self.limits);
        let stream = self.stream.insert(stream.map_err(|error| audio_error(&error))?);
        self.record.tap().into_iter().for_each(|tap| stream.set_tap(tap));
        Ok(stream)
    }

    /// What a call tells, in the words of OpenAI's clients.
    fn translate(&mut self, event: CallEvent) -> Vec<RealtimeEventBody> {
        match event {
            CallEvent::SpeechStarted { .. } if self.session.is_manual() => Vec::new(),
            CallEvent::SpeechStopped { utterance, .. } if self.session.is_manual() => self.items.commit(utterance),
            CallEvent::SpeechStarted { utterance, at_s } => {
                let item_id = self.items.id(utterance);
                vec![RealtimeEventBody::SpeechStarted { audio_start_ms: whole_ms(at_s), item_id }]
            }
            CallEvent::SpeechStopped { utterance, at_s } => {
                let item_id = self.items.id(utterance);
                let stopped = RealtimeEventBody::SpeechStopped { audio_end_ms: whole_ms(at_s), item_id };
                std::iter::once(stopped).chain(self.items.commit(utterance)).collect()
            }
            CallEvent::Partial { utterance, text, stable_bytes, .. } => {
                let stable = text.get(..stable_bytes).unwrap_or_default();
                self.items.stable(utterance, stable).into_iter().collect()
            }
            CallEvent::Final { utterance, segments, start_s, end_s, .. } => {
                self.items.complete(utterance, &segments, end_s - start_s)
            }
            CallEvent::Error { utterance: Some(utterance), error } => self.items.fail(utterance, &error.into()),
            CallEvent::Error { utterance: None, error } => vec![failed(&error.into(), None)],
            CallEvent::AudioFailed(error) => vec![failed(&audio_error(&error), None)],
            CallEvent::Lost { from_s, to_s } => {
                let detail =
                    format!("the sound from {from_s:.1} s to {to_s:.1} s was not transcribed: too much waited");
                vec![failed(&ApiError::new(Refusal::SoundLost, detail), None)]
            }
            CallEvent::NoVoiceModel => vec![failed(&ApiError::new(Refusal::NoVoiceModel, NO_VOICE_MODEL), None)],
            CallEvent::ModelWaiting
            | CallEvent::ModelReady { .. }
            | CallEvent::Features(_)
            | CallEvent::Triage { .. } => Vec::new(),
            // It ends by itself only where the server ends it.
            CallEvent::Ended { .. } => vec![failed(&ApiError::new(Refusal::SessionEnded, SESSION_ENDED), None)],
        }
    }

    /// Counts and writes down what is told.
    fn note(&mut self, event: &CallEvent) {
        self.record.write(event);
        self.metrics.live_calls.told(event);
        match event {
            CallEvent::Final { latency, .. } => self.open.meter().heard(*latency),
            CallEvent::Error { .. } | CallEvent::AudioFailed(_) => self.open.meter().failed(),
            CallEvent::Ended { heard_s } => {
                self.is_over = true;
                self.record.close(*heard_s);
            }
            _ => {}
        }
    }
}

impl LiveStream for RealtimeLive {
    fn push(&mut self, _number: u64, _bytes: Bytes) {
        let detail = "sound comes in input_audio_buffer.append, in base64";
        self.told.push_back(Self::problem(&ApiError::new(Refusal::Control, detail)));
    }

    async fn next(&mut self) -> StreamText {
        loop {
            if let Some(text) = self.told.pop_front() {
                return text;
            }
            let Some(stream) = &mut self.stream else { return std::future::pending().await };
            let Some(event) = stream.next().await else { return std::future::pending().await };
            self.note(&event);
            let is_final = matches!(event, CallEvent::Final { .. });
            let events = self.translate(event);
            self.tell(events);
            if let Some(completed) = self.told.back().filter(|_| is_final) {
                self.open.tell(MessageKind::Event("call.final"), completed.text().clone());
            }
        }
    }

    fn text_bytes_max(limits: &StreamLimits) -> usize {
        limits.message_bytes_max
    }

    fn control(&mut self, text: &str) -> Result<Option<StreamText>, ApiError> {
        let (event_id, control) = RealtimeControl::read(text, self.control_bytes_max);
        if let Err(error) = control.and_then(|control| self.does(control)) {
            self.open.meter().failed();
            self.tell([failed(&error, event_id)]);
        }
        Ok(None)
    }

    fn is_idle(&self) -> bool {
        self.told.is_empty() && (self.is_over || self.stream.is_none())
    }

    fn is_over(&self) -> bool {
        self.is_over && self.told.is_empty()
    }

    fn takes_in(&self) -> bool {
        self.stream.as_ref().is_none_or(CallStream::takes_in)
    }

    fn finish(&mut self) {
        if self.closing.is_cancelled() {
            self.record.interrupt();
        }
        if !std::mem::replace(&mut self.is_finishing, true)
            && let Some(stream) = &mut self.stream
        {
            stream.finish();
        }
    }

    fn finish_time(&self) -> FinishTime {
        FinishTime::CALL
    }

    fn progress(&self) -> u64 {
        self.stream.as_ref().map_or(0, CallStream::progress)
    }

    fn parted(&mut self, orderly: bool) -> bool {
        if !orderly {
            self.record.interrupt();
        }
        self.finish();
        self.record.is_kept()
    }

    fn end(&mut self) -> Vec<StreamText> {
        if !self.is_over && self.stream.is_some() {
            self.record.interrupt();
        }
        self.record.close(self.stream.as_ref().map_or(0.0, CallStream::heard_s));
        Vec::new()
    }

    fn problem(error: &ApiError) -> StreamText {
        text(failed(error, None))
    }
}

const SESSION_ENDED: &str = "the session was ended by the server";
const NO_VOICE_MODEL: &str = "no model that hears voices is configured: items end after a fixed time";

fn empty() -> ApiError {
    ApiError::new(Refusal::SoundEmpty, "there are less than 100 ms of sound since the last item")
}

fn failed(error: &ApiError, event_id: Option<String>) -> RealtimeEventBody {
    let error = OpenAiError::from(error).error;
    RealtimeEventBody::Error { error: RealtimeErrorBody { error, event_id } }
}

/// None is ever left out: text that is only added to would miss what was.
fn text(body: RealtimeEventBody) -> StreamText {
    StreamText::lasting(&RealtimeEvent::from(body))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time within a call, not below its beginning"
)]
fn whole_ms(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1e3).round() as u64
}
