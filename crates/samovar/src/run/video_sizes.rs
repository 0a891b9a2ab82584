//! The sizes of the videos that are to come, known before the model is loaded: a model with a dynamic height and width is then compiled
//! for the rectangles that they take alone, which costs a quarter of the memory of all of them.

use samovar_media::{FfmpegProgram, FramePool, VideoDecoder, VideoInput, VideoLimits, VideoOptions};
use std::path::Path;

/// Videos that are looked at beforehand at most: each takes a tenth of a second.
const VIDEOS_MAX: usize = 4;

/// (width, height) in pixels of these videos; empty where there are too many of them, or one cannot be opened: then nothing is known.
pub fn video_sizes(videos: &[&Path], program: &FfmpegProgram) -> Vec<(u32, u32)> {
    if videos.len() > VIDEOS_MAX {
        return Vec::new();
    }
    videos.iter().map(|video| size(video, program)).collect::<Option<_>>().unwrap_or_default()
}

fn size(video: &Path, program: &FfmpegProgram) -> Option<(u32, u32)> {
    let options = VideoOptions { frame_count_max: Some(1), ..VideoOptions::new(program.clone()) };
    let pool = FramePool::new(options.frames_ahead.get() as usize + 1);
    let opened = VideoDecoder::open(VideoInput::File(video.to_path_buf()), options, &VideoLimits::default(), pool);
    opened.ok().map(|decoder| (decoder.info().width, decoder.info().height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::here;

    #[test]
    fn sizes_are_known_of_few_videos_that_can_all_be_opened() {
        let street = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../starter/samples/street.mp4"));
        let program = here::ffmpeg(&Config::default()).unwrap();
        let sizes = video_sizes(&[street, street], &program);
        assert_eq!(sizes.len(), 2);
        assert!(sizes[0].0 > sizes[0].1 && sizes[0] == sizes[1], "{sizes:?}");
        assert!(video_sizes(&[street, Path::new("absent.mp4")], &program).is_empty());
        assert!(video_sizes(&[street; VIDEOS_MAX + 1], &program).is_empty());
    }
}
