//! What a live call tells, as it becomes known.

use super::tape::seconds;
use super::utterance::Utterance;
use samovar_acoustics::VoiceFigures;
use samovar_media::AudioError;
use samovar_models::whisper::{Language, Segment};
use samovar_runtime::{RunError, RunErrorKind};
use samovar_triage::Decision;
use std::time::Duration;

/// Something that became known of a call. All places are seconds from the first sample of the call.
///
/// Of each utterance there is one [`CallEvent::Final`], or one [`CallEvent::Error`] with its number, in the order of their numbers; its
/// partials come before it.
#[derive(Clone, Debug)]
pub enum CallEvent {
    /// Somebody began to speak. Only where turns are detected.
    SpeechStarted {
        /// Counted from 0 within the call.
        utterance: u64,
        /// Where the speech begins.
        at_s: f64,
    },
    /// The speech is over: no more sound belongs to this utterance. Its text follows. Only where turns are detected.
    SpeechStopped {
        /// Which.
        utterance: u64,
        /// Where the speech ends.
        at_s: f64,
    },
    /// What an utterance that goes on sounds like so far.
    Partial {
        /// Which.
        utterance: u64,
        /// Where the utterance begins.
        start_s: f64,
        /// Up to where it was heard.
        end_s: f64,
        /// The whole text of the utterance so far.
        text: String,
        /// So many bytes at the beginning of `text` stay in every later partial of this utterance: two hypotheses in a row agreed on them.
        stable_bytes: usize,
        /// What is spoken; none where nothing was heard yet.
        language: Option<Language>,
        /// From the arrival of the sound at `end_s` to this text.
        latency: Duration,
    },
    /// What was said in an utterance, heard once more as a whole. It does not change any more.
    Final {
        /// Which.
        utterance: u64,
        /// Where the sound begins that was heard.
        start_s: f64,
        /// Where it ends.
        end_s: f64,
        /// In order; empty where it turned out that nobody spoke.
        segments: Vec<Segment>,
        /// What is spoken; none where nothing was heard.
        language: Option<Language>,
        /// The mean of its tokens' natural log probabilities.
        average_logprob: f32,
        /// How likely it is that nobody speaks, 0 to 1.
        no_speech_prob: f32,
        /// Whether it takes something back that a partial told as stable. Rare, since two hypotheses agreed on it.
        is_revised: bool,
        /// From the arrival of the sound at `end_s` to this text.
        latency: Duration,
    },
    /// What the last seconds sound like; one for each second.
    Features(VoiceFigures),
    /// How urgent the call is, whenever that or its reasons change.
    Triage {
        /// How much of the call was heard by then.
        at_s: f64,
        /// By the rules in force at that moment.
        decision: Decision,
    },
    /// The speech model is loading: sound is held, figures of the voice go on.
    ModelWaiting,
    /// The speech model is there, and what was held is caught up with.
    ModelReady {
        /// How much of the call it has to catch up with.
        behind_s: f64,
    },
    /// There is no model that detects voices: the call is cut into windows of a fixed length. Told once.
    NoVoiceModel,
    /// This part of the call was not transcribed: more sound waited than may be held.
    Lost {
        /// Where it begins.
        from_s: f64,
        /// Where it ends.
        to_s: f64,
    },
    /// Something could not be done; the call goes on.
    Error {
        /// The utterance that has no text for it; none where it concerns no utterance.
        utterance: Option<u64>,
        /// Why.
        error: RunError,
    },
    /// The sound cannot be decoded any further: what came before is still told, then the call ends.
    AudioFailed(AudioError),
    /// The last event.
    Ended {
        /// How long the call was.
        heard_s: f64,
    },
}

impl CallEvent {
    /// Some of the sound was damaged, and is left out.
    pub(super) fn of_damage(error: &AudioError) -> Self {
        let kind = RunErrorKind::Input { code: error.kind().code() };
        Self::Error { utterance: None, error: RunError::new(kind, error.to_string()) }
    }

    /// What was said in an utterance that is done.
    pub(super) fn of_final(done: Utterance, latency: Duration) -> Self {
        let heard = done.heard();
        Self::Final {
            utterance: done.number,
            start_s: seconds(done.from),
            end_s: seconds(done.to()),
            language: heard.language,
            average_logprob: heard.average_logprob(),
            no_speech_prob: heard.no_speech_prob(),
            is_revised: !heard.text().starts_with(done.agreement.stable()),
            latency,
            segments: done.into_heard().segments,
        }
    }
}
