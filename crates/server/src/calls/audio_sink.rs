//! The audio of one live call on its way to its file.

/// The audio of one live call on its way to its file.
pub(super) struct AudioSink;

/// The end of a file that is still being written.
pub(super) struct AudioEnd;

impl AudioSink {
    pub(super) fn finish(self) -> AudioEnd {
        AudioEnd
    }
}
