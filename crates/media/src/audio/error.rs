//! What can be wrong with audio: a stable kind for programs, a sentence with the cure for people.

/// What is wrong, for programs. Each has one stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioErrorKind {
    /// The file could not be opened or read.
    Unreadable,
    /// It is no audio of a kind that is read here.
    Unsupported,
    /// It is audio, but damaged or cut off before its first sample.
    Damaged,
    /// It holds no samples.
    Empty,
    /// It lasts longer than the limit.
    TooLong,
    /// It has more bytes than the limit.
    TooLarge,
    /// Its rate or number of channels is over a limit, or cannot be.
    Layout,
    /// The channel that was asked for is not there.
    ChannelAbsent,
    /// Live chunks come faster than they are taken.
    Overrun,
    /// The decoder died, hung or could not be started.
    DecoderFailed,
    /// It takes the FFmpeg program, which is not on this machine.
    DecoderMissing,
}

impl AudioErrorKind {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "audio_unreadable",
            Self::Unsupported => "audio_unsupported",
            Self::Damaged => "audio_damaged",
            Self::Empty => "audio_empty",
            Self::TooLong => "audio_too_long",
            Self::TooLarge => "audio_too_large",
            Self::Layout => "audio_layout",
            Self::ChannelAbsent => "audio_channel_absent",
            Self::Overrun => "audio_overrun",
            Self::DecoderFailed => "decoder_failed",
            Self::DecoderMissing => "decoder_missing",
        }
    }
}

/// A failure to read audio. The sentence names no path and no library text, so that it may reach a client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct AudioError {
    kind: AudioErrorKind,
    message: String,
}

impl AudioError {
    /// An error of `kind` with a sentence that says what to do.
    pub fn new(kind: AudioErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What went wrong, for programs.
    pub const fn kind(&self) -> AudioErrorKind {
        self.kind
    }

    pub(super) fn damaged() -> Self {
        Self::new(
            AudioErrorKind::Damaged,
            "the audio is damaged or cut off before its first sample; send it again, whole",
        )
    }

    pub(super) fn empty() -> Self {
        Self::new(AudioErrorKind::Empty, "the audio has no samples; send a recording that is not empty")
    }

    pub(super) fn unsupported() -> Self {
        Self::new(
            AudioErrorKind::Unsupported,
            "this is no audio of a kind that is read here; send WAV, FLAC, MP3, M4A, Ogg or WebM",
        )
    }

    pub(super) fn unreadable() -> Self {
        Self::new(AudioErrorKind::Unreadable, "the audio could not be read; check its name and permissions")
    }

    pub(super) fn too_long(limit: std::time::Duration) -> Self {
        let message = format!("the audio lasts longer than {} s; send it in parts", limit.as_secs());
        Self::new(AudioErrorKind::TooLong, message)
    }

    pub(super) fn no_resources() -> Self {
        Self::new(AudioErrorKind::DecoderFailed, "the system has no room for another decoder; try again later")
    }

    pub(super) fn died() -> Self {
        Self::new(AudioErrorKind::DecoderFailed, "the audio decoder died; try again")
    }
}
