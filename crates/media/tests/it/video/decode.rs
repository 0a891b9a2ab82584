//! Frames, their times and their pixels, of real and of generated videos.

use super::{Opening, difference, generate, media, program, reference_rgb};
use samovar_media::{PixelFormat, VideoEnd, VideoInput, VideoSize, YuvMatrix, YuvRange};
use std::num::NonZeroU32;
use std::time::Duration;

fn number(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).unwrap()
}

#[test]
fn every_frame_of_a_real_video_comes_with_its_time() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    let (times, decoder) = Opening::file(&program, &path).times().unwrap();
    assert_eq!(times.len(), 795);
    for (index, time) in times.iter().enumerate() {
        assert_eq!(time.as_micros(), index as u128 * 100_000);
    }
    assert_eq!(decoder.end(), Some(VideoEnd::Complete));
    let info = decoder.info();
    assert_eq!((info.width, info.height), (480, 360));
    assert_eq!(info.declared_frames_per_second, Some(10.0));
    assert_eq!(info.declared_duration, Some(Duration::from_millis(79_510)));
    assert_eq!(info.codec.as_deref(), Some("h264"));
    assert_eq!(info.format, PixelFormat::Yuv420 { matrix: YuvMatrix::Bt709, range: YuvRange::Limited });
}
