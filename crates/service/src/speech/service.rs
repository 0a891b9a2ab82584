//! Recordings as text: who may ask, which model hears, in whose turn, and how much at once.

use super::places::{Place, PlaceCounts, Places};
use super::recording_class::class_of;
use super::{Chunking, SpeechSettings, TranscribeRequest, Transcript, TranscriptSegment};
use crate::ServiceError;
use crate::access::{Caller, Scope};
use crate::chosen_model::{check_only, in_time, named, only, only_known, open_by};
use samovar_media::{AudioInfo, AudioOptions};
use samovar_models::whisper::{ReaderSource, RecordingEnd, Transcriber, Voices, WindowText};
use samovar_models::{FamilyKind, VoiceDetector};
use samovar_runtime::{Hold, ModelHandle, Registry, RunError, RunErrorKind};
use std::sync::Arc;
use std::time::Instant;

/// What there is to ask about speech. Cheap to clone; all clones share their places.
#[derive(Clone)]
pub struct SpeechService {
    registry: Arc<Registry>,
    settings: Arc<SpeechSettings>,
    places: Places,
}

/// What is told while a recording is heard.
#[derive(Clone, Copy, Debug)]
pub enum TranscriptEvent<'a> {
    /// It is open and the model is ready: what its header says.
    Opened(&'a AudioInfo),
    /// What is said in a piece of it; it will not change.
    Segment(&'a TranscriptSegment),
    /// It was heard until then, in seconds from its beginning.
    HeardUntil(f64),
}

/// The models of a request, ready, and kept in memory until it ends.
struct Ears {
    transcriber: Transcriber,
    voices: Option<VoiceDetector>,
    _holds: Vec<Hold>,
}

const NO_WHISPER: &str = "no model that hears words is configured";

/// Of one track: 16 kHz.
const RATE_HZ: f64 = 16_000.0;

impl SpeechService {
    /// On the models of `registry`.
    pub fn new(registry: Arc<Registry>, settings: SpeechSettings) -> Self {
        let places = Places::new(settings.recordings_max);
        Self { registry, settings: Arc::new(settings), places }
    }

    /// What the operator decided.
    pub fn settings(&self) -> &SpeechSettings {
        &self.settings
    }

    /// A place among the recordings that are heard at once, in the caller's turn, for whoever hears one in another way than
    /// [`SpeechService::transcribe`].
    ///
    /// # Errors
    /// `queue_full`.
    pub async fn place(&self, caller: &Caller, deadline: Instant) -> Result<Place, ServiceError> {
        self.places.take(caller.client, deadline).await
    }

    /// How many recordings are heard at this moment, and how many wait.
    pub fn recordings(&self) -> PlaceCounts {
        self.places.counts()
    }

    /// The Whisper of that name; none: the configured one, else the only one. It may still be loading; what else is on its way is waited for
    /// where it decides which one is meant.
    ///
    /// # Errors
    /// `model_not_found`, `model_required`; `model_not_ready` at the deadline.
    pub async fn transcriber(&self, name: Option<&str>, deadline: Instant) -> Result<Transcriber, ServiceError> {
        match self.named(name) {
            Some(name) => self.transcriber_named(name),
            None => only(&self.registry, &[FamilyKind::Whisper], NO_WHISPER, deadline).await.map(Transcriber::new),
        }
    }

    /// The Whisper of that name. It may still be loading.
    ///
    /// # Errors
    /// `model_not_found`.
    pub fn transcriber_named(&self, name: &str) -> Result<Transcriber, ServiceError> {
        named(&self.registry, name).map(Transcriber::new)
    }

    /// Refuses where no Whisper can be meant, or several: nobody has to send a recording to learn that nothing here hears it.
    ///
    /// # Errors
    /// `model_not_found`, `model_required`.
    pub fn check_model(&self, name: Option<&str>) -> Result<(), ServiceError> {
        match self.named(name) {
            Some(name) => named(&self.registry, name).map(drop),
            None => check_only(&self.registry, &[FamilyKind::Whisper], NO_WHISPER),
        }
    }

    fn named<'a>(&'a self, name: Option<&'a str>) -> Option<&'a str> {
        name.or(self.settings.model.as_deref())
    }

    /// The configured voice model, else the only one beside `transcriber`; none where there is none or several. It may still be loading;
    /// what else is on its way is waited for where it decides which one is meant.
    ///
    /// # Errors
    /// `model_not_found` where the configured one is not there; `model_not_ready` at the deadline.
    pub async fn voice_detector(
        &self,
        transcriber: &Transcriber,
        deadline: Instant,
    ) -> Result<Option<VoiceDetector>, ServiceError> {
        let beside = transcriber.handle().name();
        let handle = match self.settings.voice_model.as_deref() {
            Some(name) => Some(named(&self.registry, name)?),
            None => only_known(&self.registry, FamilyKind::SileroVad, beside, deadline).await?,
        };
        Ok(handle.map(VoiceDetector::new))
    }

    /// Hears a recording; `heard` gets each segment as soon as it is final. Whoever drops the future ends the work, the decoding thread
    /// included. A recording that cannot be read to its end gives what was heard, with the reason in
    /// [`failure`](Transcript::failure).
    ///
    /// # Errors
    /// `forbidden`; an option that is out of bounds or that the model has not (`invalid_option`, `unknown_language`, `unsupported_task`,
    /// `unsupported_timestamps`, `text_too_long`); `model_not_found`, `model_required`, `wrong_family`; the code of the
    /// [`AudioError`](samovar_media::AudioError) that keeps it from being opened; `queue_full` where too many recordings are heard; and
    /// whatever keeps the runtime from a result. Segments that were told before stay good.
    pub async fn transcribe(
        &self,
        caller: &Caller,
        request: TranscribeRequest,
        mut heard: impl FnMut(&TranscriptSegment) + Send,
    ) -> Result<Transcript, ServiceError> {
        let segments = |event: TranscriptEvent<'_>| {
            if let TranscriptEvent::Segment(segment) = event {
                heard(segment);
            }
        };
        self.transcribe_watched(caller, request, segments).await
    }

    /// The same, with more told on the way.
    ///
    /// # Errors
    /// As [`SpeechService::transcribe`].
    pub async fn transcribe_watched(
        &self,
        caller: &Caller,
        request: TranscribeRequest,
        told: impl FnMut(TranscriptEvent<'_>) + Send,
    ) -> Result<Transcript, ServiceError> {
        caller.require(Scope::Infer)?;
        request.check()?;
        let deadline = request.deadline;
        let place = self.places.take(caller.client, deadline).await?;
        let ears = self.ears(&request).await?;
        let transcript = in_time(deadline, self.hear(caller, request, &ears, told)).await;
        drop(place);
        transcript
    }

    async fn hear(
        &self,
        caller: &Caller,
        request: TranscribeRequest,
        ears: &Ears,
        mut told: impl FnMut(TranscriptEvent<'_>) + Send,
    ) -> Result<Transcript, ServiceError> {
        let options = AudioOptions { channels: request.channels, program: self.settings.ffmpeg.clone() };
        let opened = ReaderSource::open(request.audio, &options, &self.settings.audio).await;
        let (info, mut source) = opened.map_err(of_audio)?;
        told(TranscriptEvent::Opened(&info));
        let mut segments = Vec::new();
        let window = |text: WindowText| {
            let end_s = (text.span.first_sample + text.span.samples as u64) as f64 / RATE_HZ;
            for segment in TranscriptSegment::of_window(text, segments.len() as u64) {
                told(TranscriptEvent::Segment(&segment));
                segments.push(segment);
            }
            told(TranscriptEvent::HeardUntil(end_s));
        };
        let call = caller.call(class_of(request.class, &info), request.deadline);
        let (decode, transcriber) = (&request.options, &ears.transcriber);
        let ended: Result<RecordingEnd, RunError> = match (&request.chunking, &ears.voices) {
            (Chunking::Speech(options), Some(detector)) => {
                transcriber.spoken(&mut source, Voices { detector, options }, (decode, call), window).await
            }
            _ => transcriber.recording(&mut source, decode, call, window).await,
        };
        let RecordingEnd { samples, language } = ended.map_err(of_run)?;
        Ok(Transcript {
            model: transcriber.handle().name().into(),
            language,
            translated: decode.translate,
            duration_s: samples as f64 / RATE_HZ,
            segments,
            failure: source.failure().cloned().map(of_audio),
        })
    }

    /// The models that hear it, ready and within the request's time.
    async fn ears(&self, request: &TranscribeRequest) -> Result<Ears, ServiceError> {
        let transcriber = self.transcriber(request.model.as_deref(), request.deadline).await?;
        let voices = match request.chunking {
            Chunking::Windows => None,
            Chunking::Speech(_) => {
                let found = self.voice_detector(&transcriber, request.deadline).await?;
                Some(found.ok_or_else(no_voices)?)
            }
        };
        let handles = || std::iter::once(transcriber.handle()).chain(voices.iter().map(VoiceDetector::handle));
        let _holds = handles().map(ModelHandle::hold).collect();
        for handle in handles() {
            open_by(handle, request.deadline).await?;
        }
        let model = transcriber.model().map_err(of_run)?;
        model.permits(&request.options).map_err(RunError::from).map_err(of_run)?;
        voices.as_ref().map_or(Ok(()), |voices| voices.model().map(drop)).map_err(of_run)?;
        Ok(Ears { transcriber, voices, _holds })
    }
}

fn no_voices() -> ServiceError {
    let message = "no voice model is configured, or several and none is named; ask for fixed windows, or configure one";
    ServiceError::invalid("model_required", message)
}

/// What is wrong with the recording.
fn of_audio(error: RunError) -> ServiceError {
    ServiceError::from(error).about("file")
}

/// What keeps the models from a result, about the field of the request that it comes from.
fn of_run(error: RunError) -> ServiceError {
    let field = match error.kind() {
        RunErrorKind::Input { code: "unknown_language" } => Some("language"),
        RunErrorKind::Input { code: "wrong_family" } => Some("model"),
        RunErrorKind::Input { code: "unsupported_timestamps" } => Some("timestamp_granularities"),
        _ => None,
    };
    let error = ServiceError::from(error);
    field.map_or(error.clone(), |field| error.about(field))
}
