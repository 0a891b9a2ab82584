//! What was found, drawn on the pictures of a video that is decoded once more.

use crate::FrameRecord;
use samovar_media::{Canvas, FfmpegProgram, VideoLimits};

/// Draws what a journal holds on the pictures of its video: [`annotate`](Self::annotate) makes a video of it,
/// [`thumbnails`](Self::thumbnails) a few small pictures.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// The program that decodes and encodes.
    pub program: FfmpegProgram,
    /// What a video may be.
    pub limits: VideoLimits,
    /// The only TCP port that the decoder may reach for an address that a client named, as [`VideoWork`](crate::VideoWork) has it.
    pub only_port: Option<u16>,
}

/// Draws every box of a frame with its name, score and track, the surest on top. `scale` is how many pixels of the canvas there are for
/// each of the frame.
pub fn draw_record(canvas: &mut Canvas, record: &FrameRecord, scale: f32) {
    for found in record.detections.iter().rev() {
        let label = match found.track {
            Some(track) => format!("{} {:.2} #{track}", found.label, found.score),
            None => format!("{} {:.2}", found.label, found.score),
        };
        canvas.draw_box(found.corners.map(|side| side * scale), &label, found.class_id as usize);
    }
}
