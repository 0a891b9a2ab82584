//! A live call: bytes go in as they come, events come out as they become known.

use super::{CallEvent, CallModels, CallOptions, TurnChange};
use samovar_media::{AudioError, AudioLimits, ChannelChoice, LiveAudio, LiveFormat};
use samovar_runtime::{Hold, RunError};

/// A live call. Dropping it ends whatever it has running.
///
/// Bytes go in by [`push`](Self::push), which never waits. All work is done while somebody awaits [`next`](Self::next), which may be given
/// up at any time and loses nothing. At most one window of a call is with the model at a time.
pub struct CallStream {
    audio: LiveAudio,
    _models: CallModels,
    _options: CallOptions,
    _holds: Vec<Hold>,
}

impl CallStream {
    /// Begins a call. Models that are not loaded are loaded; the call does not wait for that.
    ///
    /// # Errors
    /// `Layout`, `ChannelAbsent` and `DecoderFailed` of [`LiveAudio::new`].
    pub fn new(
        models: CallModels,
        options: CallOptions,
        sound: LiveFormat,
        channels: ChannelChoice,
        limits: &AudioLimits,
    ) -> Result<Self, AudioError> {
        let audio = LiveAudio::new(sound, channels, limits)?;
        Ok(Self { audio, _models: models, _options: options, _holds: Vec::new() })
    }

    /// Takes the next bytes in, cut anywhere; bare packets of Opus come one at a time. Never waits.
    ///
    /// # Errors
    /// Those of [`LiveAudio::push`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), AudioError> {
        self.audio.push(bytes::Bytes::copy_from_slice(bytes))
    }

    /// Ends the utterance here; its number, or none where there was no sound since the last one.
    pub fn commit(&mut self) -> Option<u64> {
        None
    }

    /// Forgets the sound since the last utterance.
    pub fn clear(&mut self) {}

    /// No more sound comes: [`next`](Self::next) gives what remains, and at last none.
    pub fn finish(&mut self) {}

    /// Changes how the call is heard from the next window on.
    ///
    /// # Errors
    /// `Input` for what the options may not be.
    pub fn change(&mut self, _change: TurnChange) -> Result<(), RunError> {
        Ok(())
    }

    /// The next event, waiting for it; none after [`CallEvent::Ended`]. Cancel-safe.
    pub async fn next(&mut self) -> Option<CallEvent> {
        None
    }

    /// How much of the call has come in, in seconds.
    pub fn heard_s(&self) -> f64 {
        0.0
    }

    /// How much sound has come in that was not worked through yet, in seconds: whoever reads a file to it waits while this is large.
    pub fn behind_s(&self) -> f64 {
        0.0
    }
}
