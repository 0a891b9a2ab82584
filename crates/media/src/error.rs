//! The one error of this crate: a stable kind for programs, a sentence and a cure for people.

/// What is wrong with the media, for programs. Each has one stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaErrorKind {
    /// The bytes are none of the formats that are read here.
    UnsupportedFormat,
    /// The format is known, the content is damaged or cut off.
    Corrupt,
    /// A size, duration or count is over its limit.
    TooLarge,
    /// The decoder died, hung or was stopped.
    DecoderFailed,
    /// The program that decodes video is not on this machine.
    DecoderMissing,
    /// What was to be written does not fit on the disk.
    OutputFailed,
    /// A file or address could not be opened.
    Unreadable,
    /// An address that is not allowed.
    Forbidden,
    /// What was asked for of a video cannot be: a threshold out of range, an end before the start, a start after the end.
    Choice,
}

impl MediaErrorKind {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnsupportedFormat => "unsupported_media",
            Self::Corrupt => "corrupt_media",
            Self::TooLarge => "media_too_large",
            Self::DecoderFailed => "decoder_failed",
            Self::DecoderMissing => "decoder_missing",
            Self::OutputFailed => "output_failed",
            Self::Unreadable => "media_unreadable",
            Self::Forbidden => "media_forbidden",
            Self::Choice => "invalid_option",
        }
    }
}

/// A failure to read or write media. The message names no path and no library text, so that it may reach a client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct MediaError {
    kind: MediaErrorKind,
    message: String,
}

impl MediaError {
    /// An error of `kind` with a sentence that says what to do.
    pub fn new(kind: MediaErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What went wrong, for programs.
    pub const fn kind(&self) -> MediaErrorKind {
        self.kind
    }
}
