//! Lines as MOT Challenge has them: frame, id, left, top, width, height, score, and three numbers for places in the world.

use super::frames::Frames;
use crate::RecordedError;
use std::io::Write;

/// Writes every object, or where objects are followed, every object that has a track.
pub(super) fn write(frames: &Frames<'_>, out: &mut impl Write) -> Result<(), RecordedError> {
    let mut number = 0_u64;
    frames.each(|_, record| {
        number += 1;
        let told = record.detections.iter().filter(|found| !frames.track || found.track.is_some());
        let mut told = told.map(|found| {
            let [x1, y1, x2, y2] = found.corners;
            (found.track, [x1, y1, x2 - x1, y2 - y1], found.score)
        });
        let written = told.try_for_each(|(track, [left, top, width, height], score)| {
            match track {
                Some(id) => write!(out, "{number},{id},")?,
                None => write!(out, "{number},-1,")?,
            }
            writeln!(out, "{left},{top},{width},{height},{score},-1,-1,-1")
        });
        written.map_err(|error| RecordedError::output(&error))
    })
}
