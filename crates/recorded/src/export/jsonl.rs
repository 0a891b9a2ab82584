//! JSON Lines: one object for each frame.

use super::FrameLine;
use super::frames::Frames;
use crate::RecordedError;
use std::io::{self, Write};

/// Writes every frame.
pub(super) fn write(frames: &Frames<'_>, out: &mut impl Write) -> Result<(), RecordedError> {
    frames.each(|header, record| {
        write_json(out, &FrameLine::new(header, record))?;
        out.write_all(b"\n").map_err(|error| RecordedError::output(&error))
    })
}

/// Writes one value as JSON.
pub(super) fn write_json(out: &mut impl Write, value: &impl serde::Serialize) -> Result<(), RecordedError> {
    let written = serde_json::to_writer(out, value);
    written.map_err(|error| RecordedError::output(&io::Error::from(error)))
}
