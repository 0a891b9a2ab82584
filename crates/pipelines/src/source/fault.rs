//! Why a source gives no frames: a closed set of kinds, each with one stable code and the cure.

use samovar_media::{MediaError, MediaErrorKind};

/// Why a source gives no frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceFault {
    /// Nothing answers at its host and port, or the host's name is not known.
    Unreachable,
    /// It answers, and gives no video: a wrong path or password, a camera that is still starting, garbage.
    Refused,
    /// It gave frames and closed.
    Closed,
    /// It gave no frame for [`SourceSpec::stall`](crate::SourceSpec::stall).
    Stalled,
    /// A picture or frame rate over the limits.
    TooLarge,
    /// The file or device cannot be opened.
    Unreadable,
    /// The decoder died or told nonsense.
    DecoderFailed,
    /// The program that decodes video is not on this machine.
    DecoderMissing,
    /// An address that may not be opened.
    Forbidden,
}

impl SourceFault {
    /// All of them, in the order of [`SourceFigures::faults`](crate::SourceFigures::faults).
    pub const ALL: [Self; 9] = [
        Self::Unreachable,
        Self::Refused,
        Self::Closed,
        Self::Stalled,
        Self::TooLarge,
        Self::Unreadable,
        Self::DecoderFailed,
        Self::DecoderMissing,
        Self::Forbidden,
    ];

    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "source_unreachable",
            Self::Refused => "source_refused",
            Self::Closed => "source_closed",
            Self::Stalled => "source_stalled",
            Self::TooLarge => "source_too_large",
            Self::Unreadable => "source_unreadable",
            Self::DecoderFailed => "decoder_failed",
            Self::DecoderMissing => "decoder_missing",
            Self::Forbidden => "source_forbidden",
        }
    }

    /// What it is and what to do, as a lower-case sentence without address or path.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Unreachable => "nothing answers at the source's host and port; check its power, network and address",
            Self::Refused => "the source answers and gives no video; check the path, the user and the password",
            Self::Closed => "the source closed the connection; it is opened again",
            Self::Stalled => "the source sent no picture for its stall limit; it is opened again",
            Self::TooLarge => "the source's picture or frame rate is over the limit; lower it at the camera",
            Self::Unreadable => "the file or device cannot be opened; check that it is there and may be read",
            Self::DecoderFailed => "the video decoder failed on the source; it is opened again",
            Self::DecoderMissing => "video needs the ffmpeg program; run `samovar engine install ffmpeg`",
            Self::Forbidden => "sources of this kind may not be opened here; use another kind of address",
        }
    }

    /// Its place in [`SourceFault::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl From<&MediaError> for SourceFault {
    fn from(error: &MediaError) -> Self {
        match error.kind() {
            MediaErrorKind::UnsupportedFormat | MediaErrorKind::Corrupt => Self::Refused,
            MediaErrorKind::TooLarge => Self::TooLarge,
            MediaErrorKind::DecoderMissing => Self::DecoderMissing,
            MediaErrorKind::Unreadable => Self::Unreadable,
            MediaErrorKind::Forbidden => Self::Forbidden,
            _ => Self::DecoderFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_and_in_order() {
        let codes: HashSet<_> = SourceFault::ALL.iter().map(|fault| fault.code()).collect();
        assert_eq!(codes.len(), SourceFault::ALL.len());
        assert!(SourceFault::ALL.iter().enumerate().all(|(at, fault)| fault.index() == at));
    }
}
