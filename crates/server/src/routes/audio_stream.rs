//! A transcription as Server-Sent Events, while the recording is heard.
//!
//! Whoever reads the answer drives the work: what nobody takes is not heard, so that nothing piles up behind a slow reader, and the work
//! ends with the connection.

use super::audio_transcriptions::{Asked, whisper};
use crate::app::App;
use crate::audio_upload::ReceivedAudio;
use crate::error::ApiError;
use crate::metrics::SpeechRequest;
use crate::wire::{LogprobBody, OpenAiError, TranscriptEventBody};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::unfold;
use parking_lot::Mutex;
use samovar_service::ServiceError;
use samovar_service::access::Caller;
use samovar_service::speech::{Transcript, TranscriptSegment};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The answer, once there is something to tell: what fails before that is told by its status.
pub(super) async fn stream(app: &Arc<App>, caller: Caller, asked: Asked) -> Result<Response, ApiError> {
    /// What stands between keeps a connection that nobody speaks on.
    const HEARTBEAT: Duration = Duration::from_secs(15);
    let mut telling = Telling::new(app, caller, asked);
    if let Some(error) = telling.first().await {
        return Err(telling.failing(error));
    }
    let events = unfold(telling, async |mut telling| Some((Ok::<_, Infallible>(telling.next().await?), telling)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

/// A recording that is heard and told of.
struct Telling {
    app: Arc<App>,
    model: String,
    with_words: bool,
    with_logprobs: bool,
    hearing: Hearing,
    /// Events that were made and not taken.
    events: VecDeque<TranscriptEventBody>,
    /// What all deltas said of their tokens.
    logprobs: Vec<LogprobBody>,
    has_text: bool,
    /// What ended it and was not told yet.
    end: Option<Result<Transcript, ServiceError>>,
    /// None once it is told how it ended.
    counted: Option<SpeechRequest>,
    _audio: ReceivedAudio,
}

/// The work, and what it has given.
struct Hearing {
    work: BoxFuture<'static, Result<Transcript, ServiceError>>,
    said: Arc<Mutex<VecDeque<TranscriptSegment>>>,
}

/// What the work gives next.
enum Heard {
    Segment(TranscriptSegment),
    End(Result<Transcript, ServiceError>),
}

impl Telling {
    fn new(app: &Arc<App>, caller: Caller, asked: Asked) -> Self {
        let Asked { form, request, audio, counted } = asked;
        let said = Arc::<Mutex<VecDeque<TranscriptSegment>>>::default();
        let (service, heard) = (Arc::clone(&app.speech), Arc::clone(&said));
        let model = request.model.clone().unwrap_or_default();
        let work = async move {
            service.transcribe(&caller, request, |segment| heard.lock().push_back(segment.clone())).await
        };
        Self {
            app: Arc::clone(app),
            model,
            with_words: form.times.words(),
            with_logprobs: form.logprobs,
            hearing: Hearing { work: work.boxed(), said },
            events: VecDeque::new(),
            logprobs: Vec::new(),
            has_text: false,
            end: None,
            counted: Some(counted),
            _audio: audio,
        }
    }

    /// Waits until there is something to tell; an error where that is all.
    async fn first(&mut self) -> Option<ApiError> {
        match self.hearing.next().await {
            Heard::Segment(segment) => self.tell(&segment).err(),
            Heard::End(Err(error)) => Some(error.into()),
            Heard::End(end) => {
                self.end = Some(end);
                None
            }
        }
    }

    /// The next event; none behind the last.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(written(&event));
            }
            if let Some(end) = self.end.take() {
                return Some(self.last(end));
            }
            self.counted.as_ref()?;
            match self.hearing.next().await {
                Heard::Segment(segment) => {
                    if let Err(error) = self.tell(&segment) {
                        return Some(self.failed(error));
                    }
                }
                Heard::End(end) => self.end = Some(end),
            }
        }
    }

    fn tell(&mut self, segment: &TranscriptSegment) -> Result<(), ApiError> {
        let logprobs = match self.with_logprobs {
            true => Some(LogprobBody::of(segment, whisper(&self.app, &self.model)?.tokenizer())),
            false => None,
        };
        self.logprobs.extend(logprobs.iter().flatten().cloned());
        self.events.push_back(TranscriptEventBody::delta(segment, !self.has_text, logprobs));
        self.events.push_back(TranscriptEventBody::segment(segment, self.with_words));
        self.has_text = true;
        Ok(())
    }

    fn last(&mut self, end: Result<Transcript, ServiceError>) -> Event {
        match end {
            Ok(transcript) => {
                if let Some(counted) = self.counted.take() {
                    counted.answered(transcript.duration_s);
                }
                let logprobs = self.with_logprobs.then(|| std::mem::take(&mut self.logprobs));
                written(&TranscriptEventBody::done(&transcript, logprobs))
            }
            Err(error) => self.failed(error.into()),
        }
    }

    /// Counts what goes wrong before anything was told.
    fn failing(mut self, error: ApiError) -> ApiError {
        match self.counted.take() {
            Some(counted) => counted.failing(error),
            None => error,
        }
    }

    /// What goes wrong on the way is the last event, in the form in which OpenAI's clients raise it.
    fn failed(&mut self, error: ApiError) -> Event {
        let error = match self.counted.take() {
            Some(counted) => counted.failing(error),
            None => error,
        };
        written(&OpenAiError::from(&error))
    }
}

impl Hearing {
    /// The next segment; at last the end, once.
    async fn next(&mut self) -> Heard {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        if let Some(segment) = self.said.lock().pop_front() {
            return Poll::Ready(Heard::Segment(segment));
        }
        let polled = self.work.poll_unpin(context);
        match (self.said.lock().pop_front(), polled) {
            (Some(segment), polled) => {
                // What has ended is not asked again: its end comes behind what it has said.
                if let Poll::Ready(end) = polled {
                    self.work = std::future::ready(end).boxed();
                }
                Poll::Ready(Heard::Segment(segment))
            }
            (None, Poll::Ready(end)) => Poll::Ready(Heard::End(end)),
            (None, Poll::Pending) => Poll::Pending,
        }
    }
}

fn written(event: &impl serde::Serialize) -> Event {
    Event::default().data(serde_json::to_string(event).expect("an event is plain strings and numbers"))
}
