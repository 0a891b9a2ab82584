//! Frames written to a file are read back: as many, at their times, with their colours.

use super::{Opening, media, program};
use samovar_media::{EncoderOptions, FfmpegProgram, Frame, FramePool, MediaErrorKind, PixelFormat, VideoEncoder};
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

fn options(program: &FfmpegProgram, width: u32, height: u32, format: PixelFormat) -> EncoderOptions {
    let (program, threads, stall) = (program.clone(), NonZeroU32::MIN, Duration::from_secs(30));
    EncoderOptions { program, width, height, format, threads, stall }
}

/// A frame of one colour.
fn plain(pool: &FramePool, rgb: [u8; 3], time_ms: u64) -> Frame {
    let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(65, 49));
    pixels.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&rgb));
    Frame::new(65, 49, PixelFormat::Rgb8, Duration::from_millis(time_ms), pixels)
}

#[test]
fn irregular_rgb_frames_come_back_at_their_times_in_their_colours() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mp4");
    let pool = FramePool::new(4);
    let frames =
        [([255, 0, 0], 0), ([0, 255, 0], 40), ([0, 0, 255], 333), ([250, 250, 250], 1000), ([16, 16, 16], 1040)];
    let mut encoder = VideoEncoder::create(&path, options(&program, 65, 49, PixelFormat::Rgb8)).unwrap();
    for (rgb, time_ms) in frames {
        encoder.write(plain(&pool, rgb, time_ms)).unwrap();
    }
    encoder.finish().unwrap();
    assert_eq!(pool.stats().in_use, 0);

    let mut decoder = Opening::file(&program, &path).open().unwrap();
    for (rgb, time_ms) in frames {
        let frame = decoder.next_frame().unwrap().unwrap();
        assert_eq!((frame.width(), frame.height()), (66, 50));
        assert!(frame.timestamp().as_millis().abs_diff(time_ms.into()) <= 1, "{:?}", frame.timestamp());
        let read = samovar_media::to_rgb(&frame, &pool);
        let middle = &read.pixels()[(25 * 66 + 33) * 3..][..3];
        assert!(middle.iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 12), "{middle:?} for {rgb:?}");
    }
    assert!(decoder.next_frame().unwrap().is_none());
}

#[test]
fn a_decoded_video_is_written_again() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.mp4");
    let mut opening = Opening::file(&program, &path);
    opening.options.frame_count_max = Some(60);
    let mut decoder = opening.open().unwrap();
    let info = decoder.info().clone();
    let mut encoder = VideoEncoder::create(&copy, options(&program, info.width, info.height, info.format)).unwrap();
    while let Some(frame) = decoder.next_frame().unwrap() {
        encoder.write(frame).unwrap();
    }
    encoder.finish().unwrap();
    let (times, decoder) = Opening::file(&program, &copy).times().unwrap();
    assert_eq!(times.iter().map(Duration::as_millis).collect::<Vec<_>>(), (0..60).map(|i| i * 100).collect::<Vec<_>>());
    assert_eq!(decoder.info().format, info.format);
}

#[test]
fn an_unfinished_file_is_removed_and_frames_must_be_alike() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mp4");
    let pool = FramePool::new(4);
    let mut encoder = VideoEncoder::create(&path, options(&program, 640, 480, PixelFormat::Rgb8)).unwrap();
    let error = encoder.write(plain(&pool, [0; 3], 0)).unwrap_err();
    assert_eq!(error.kind(), MediaErrorKind::UnsupportedFormat);
    drop(encoder);
    assert!(!path.exists());
    let nowhere = VideoEncoder::create(Path::new("/nowhere/out.mp4"), options(&program, 64, 64, PixelFormat::Rgb8));
    assert_eq!(nowhere.unwrap_err().kind(), MediaErrorKind::Unreadable);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_apart_from_a_broken_encoder() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mp4");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let pool = FramePool::new(4);
    let mut encoder = VideoEncoder::create(&path, options(&program, 65, 49, PixelFormat::Rgb8)).unwrap();
    let written =
        (0..200).try_for_each(|frame| encoder.write(plain(&pool, [frame as u8; 3], u64::from(frame as u32) * 40)));
    let error = written.and_then(|()| encoder.finish()).unwrap_err();
    assert_eq!(error.kind(), MediaErrorKind::OutputFailed, "{error}");
}
