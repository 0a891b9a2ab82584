//! Frames, their times and their pixels, of real and of generated videos.

use super::{Opening, difference, generate, media, program, reference_rgb};
use samovar_media::{FramePool, PixelFormat, PoolPurpose, VideoEnd, VideoInput, VideoSize, YuvMatrix, YuvRange};
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

#[test]
fn the_other_real_video_is_read_too() {
    let (Some(program), Some(path)) = (program(), media("one-by-one-person-detection.mp4")) else { return };
    let (times, decoder) = Opening::file(&program, &path).times().unwrap();
    assert!(times.is_sorted_by(|a, b| a < b));
    assert_eq!((decoder.info().width, decoder.info().height), (768, 432));
    let declared = decoder.info().declared_duration.unwrap().as_secs_f64();
    let rate = decoder.info().declared_frames_per_second.unwrap();
    assert!((times.len() as f64 - declared * rate).abs() <= 1.0, "{} frames in {declared} s", times.len());
}

#[test]
fn pixels_are_those_of_ffmpegs_own_conversion() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    let frame = Opening::file(&program, &path).open().unwrap().next_frame().unwrap().unwrap();
    let reference = reference_rgb(&program, &path, "null");
    // Chroma is taken from the nearest sample here and interpolated there.
    assert!(difference(&frame, &reference) < 1.5, "{}", difference(&frame, &reference));
}

#[test]
fn frames_are_scaled_to_fit_and_never_enlarged() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    for (width, height, expected) in [(240, 240, (240, 180)), (101, 1000, (101, 76)), (4000, 4000, (480, 360))] {
        let mut opening = Opening::file(&program, &path);
        opening.options.size = VideoSize::Fit { width: number(width), height: number(height) };
        let frame = opening.open().unwrap().next_frame().unwrap().unwrap();
        assert_eq!((frame.width(), frame.height()), expected);
        let reference = reference_rgb(&program, &path, &format!("scale={}:{}:flags=bilinear", expected.0, expected.1));
        // The reference is turned into RGB before it is scaled or after, as the FFmpeg at hand likes.
        assert!(difference(&frame, &reference) < 3.5, "{}", difference(&frame, &reference));
    }
}

#[test]
fn frames_are_left_out_inside_the_child() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    let times = |change: fn(&mut Opening)| {
        let mut opening = Opening::file(&program, &path);
        change(&mut opening);
        opening.times().unwrap().0
    };
    let every = times(|opening| opening.options.every = number(7));
    assert_eq!(every.len(), 795_usize.div_ceil(7));
    assert!(every.iter().enumerate().all(|(index, time)| time.as_millis() == 700 * index as u128));
    let capped = times(|opening| opening.options.frames_per_second_max = Some(2.0));
    assert_eq!(capped.len(), 159);
    assert!(capped.iter().enumerate().all(|(index, time)| time.as_millis() == 500 * index as u128));
    // Ten frames a second: 3 and 7 do not divide it.
    for (rate, count) in [(3_u32, 239), (7, 556)] {
        let mut opening = Opening::file(&program, &path);
        opening.options.frames_per_second_max = Some(rate.into());
        let times = opening.times().unwrap().0;
        assert_eq!(times.len(), count, "on average");
        let in_second = |second: u64| times.iter().filter(|time| time.as_secs() == second).count();
        assert!((0..79).all(|second| in_second(second) == rate as usize), "{times:?}");
    }
    let all = times(|opening| opening.options.frames_per_second_max = Some(10.0));
    assert_eq!(all.len(), 795);
    let keyframes = times(|opening| opening.options.keyframes_only = true);
    assert!(!keyframes.is_empty() && keyframes.len() < 100, "{} keyframes", keyframes.len());
}

#[test]
fn a_later_start_keeps_the_sources_times() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    let mut opening = Opening::file(&program, &path);
    opening.options.start = Duration::from_secs(70);
    let (times, decoder) = opening.times().unwrap();
    assert_eq!((times.len(), times[0]), (95, Duration::from_secs(70)));
    assert_eq!(decoder.end(), Some(VideoEnd::Complete));
}

#[test]
fn changes_of_scene_are_found_and_nothing_else() {
    let Some(program) = program() else { return };
    let source =
        "-f lavfi -i testsrc2=s=160x120:r=10:d=10,negate=enable=gte(mod(t\\,4)\\,2) -c:v H264 -pix_fmt yuv420p";
    let (_folder, path) = generate(&program, source, "scenes.mp4");
    let mut opening = Opening::file(&program, &path);
    opening.options.scene_change = Some(0.3);
    let (times, decoder) = opening.times().unwrap();
    assert_eq!(times.iter().map(Duration::as_secs).collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
    assert_eq!(decoder.end(), Some(VideoEnd::Complete));
}

#[test]
fn a_bounded_pool_holds_the_decoder_back() {
    let Some(program) = program() else { return };
    let source = "-f lavfi -i testsrc2=s=160x120:r=30:d=5 -c:v H264 -pix_fmt yuv420p";
    let (_folder, path) = generate(&program, source, "long.mp4");
    for capacity in [1, 3] {
        let mut opening = Opening::file(&program, &path);
        opening.pool = FramePool::bounded(PoolPurpose::Video, capacity);
        let pool = opening.pool.clone();
        let mut decoder = opening.open().unwrap();
        // While nobody gives a buffer back the decoder has to wait.
        let held: Vec<_> = (0..capacity).map(|_| decoder.next_frame().unwrap().unwrap()).collect();
        while pool.stats().waits == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(held);
        let rest = std::iter::from_fn(|| decoder.next_frame().unwrap()).count();
        assert_eq!(rest + capacity, 150);
        drop(decoder);
        let stats = pool.stats();
        assert!(stats.allocations <= capacity as u64 && stats.in_use_max <= capacity, "{stats:?}");
        assert_eq!((stats.in_use, stats.misses), (0, 0));
    }
}

#[test]
fn a_decoder_that_waits_for_a_buffer_ends_when_it_is_dropped() {
    let Some(program) = program() else { return };
    let (_folder, path) = generate(&program, "-f lavfi -i testsrc2=s=160x120:r=30:d=5 -c:v mpeg4", "long.mp4");
    let mut opening = Opening::file(&program, &path);
    opening.pool = FramePool::bounded(PoolPurpose::Video, 2);
    let pool = opening.pool.clone();
    let mut decoder = opening.open().unwrap();
    let _held = (decoder.next_frame().unwrap(), decoder.next_frame().unwrap());
    while pool.stats().waits == 0 {
        std::thread::yield_now();
    }
    drop(decoder);
    assert_eq!(pool.stats().in_use, 2);
}

#[test]
#[cfg(target_os = "linux")]
fn the_childs_time_is_known_while_it_runs_and_after() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    let mut decoder = Opening::file(&program, &path).open().unwrap();
    let mut times = Vec::new();
    while decoder.next_frame().unwrap().is_some() {
        times.push(decoder.child_cpu());
    }
    let whole = decoder.child_cpu();
    assert!(times.is_sorted() && times.last().is_some_and(|last| *last <= whole), "{whole:?}");
    assert!((Duration::from_millis(50)..Duration::from_secs(100)).contains(&whole), "{whole:?}");
}

#[test]
fn bytes_in_memory_are_decoded_as_the_file_is() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    let mut opening = Opening::file(&program, &path);
    opening.input = VideoInput::Bytes(std::fs::read(&path).unwrap().into());
    opening.options.every = number(100);
    let (times, decoder) = opening.times().unwrap();
    assert_eq!((times.len(), decoder.end()), (8, Some(VideoEnd::Complete)));
}

#[test]
fn frames_that_need_later_frames_come_in_order() {
    let Some(program) = program() else { return };
    let source = "-f lavfi -i testsrc2=s=1280x720:r=30:d=3 -c:v H264 -bf 2 -pix_fmt yuv420p";
    let (_folder, path) = generate(&program, source, "b.mp4");
    let mut opening = Opening::file(&program, &path);
    let pool = opening.pool.clone();
    opening.options.threads = number(2);
    let (times, decoder) = opening.times().unwrap();
    assert_eq!(times.len(), 90);
    assert!(times.iter().enumerate().all(|(index, time)| time.as_micros().abs_diff(index as u128 * 100_000 / 3) <= 50));
    assert_eq!(decoder.end(), Some(VideoEnd::Complete));
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.allocations + stats.hits), (0, 90));
    // Four waiting, one being filled, one here.
    assert!(stats.allocations <= 6 && stats.in_use_max <= 6, "{stats:?}");
}

#[test]
fn odd_sizes_keep_every_pixel() {
    let Some(program) = program() else { return };
    let source = "-f lavfi -i testsrc=s=321x241:r=10:d=0.5 -c:v ffv1 -pix_fmt yuv420p";
    let (_folder, path) = generate(&program, source, "odd.mkv");
    let mut decoder = Opening::file(&program, &path).open().unwrap();
    let frame = decoder.next_frame().unwrap().unwrap();
    assert_eq!((frame.width(), frame.height()), (321, 241));
    // Hard synthetic edges: most of the difference is chroma that is interpolated there.
    assert!(difference(&frame, &reference_rgb(&program, &path, "null")) < 4.0);
}

#[test]
fn turned_videos_come_upright() {
    let Some(program) = program() else { return };
    let source = "-f lavfi -i testsrc2=s=320x180:r=10:d=1 -c:v H264 -pix_fmt yuv420p";
    let (folder, path) = generate(&program, source, "flat.mp4");
    let turned = folder.path().join("turned.mp4");
    let old = format!("-i {} -c copy -metadata:s:v rotate=90 {}", path.display(), turned.display());
    let new = format!("-display_rotation 90 -i {} -c copy {}", path.display(), turned.display());
    let arguments = if program.version().starts_with("5.") { old } else { new };
    super::ffmpeg(&program, arguments.split(' ').map(str::to_owned));
    let frame = Opening::file(&program, &turned).open().unwrap().next_frame().unwrap().unwrap();
    assert_eq!((frame.width(), frame.height()), (180, 320));
    assert!(difference(&frame, &reference_rgb(&program, &turned, "null")) < 4.0);
}

#[test]
fn irregular_times_are_kept() {
    let Some(program) = program() else { return };
    let source = "-f lavfi -i testsrc2=s=64x64:r=100:d=1 -vf select=eq(n\\,0)+eq(n\\,1)+eq(n\\,37)+eq(n\\,90) \
                  -fps_mode vfr -c:v ffv1 -pix_fmt yuv420p";
    let (_folder, path) = generate(&program, source, "vfr.mkv");
    let (times, _) = Opening::file(&program, &path).times().unwrap();
    assert_eq!(times.iter().map(Duration::as_millis).collect::<Vec<_>>(), [0, 10, 370, 900]);
}

#[test]
fn full_range_and_rgb_sources_keep_their_colours() {
    let Some(program) = program() else { return };
    for (codec, name) in
        [("mjpeg -pix_fmt yuvj420p", "j.avi"), ("ffv1 -pix_fmt bgr0", "rgb.mkv"), ("H264 -pix_fmt yuv422p", "422.mp4")]
    {
        let source = format!("-f lavfi -i smptehdbars=s=320x240:r=10:d=1 -c:v {codec}");
        let (_folder, path) = generate(&program, &source, name);
        let frame = Opening::file(&program, &path).open().unwrap().next_frame().unwrap().unwrap();
        assert!(difference(&frame, &reference_rgb(&program, &path, "null")) < 2.5, "{name}");
    }
}

#[test]
fn a_size_that_changes_midway_is_brought_to_the_first() {
    let Some(program) = program() else { return };
    let part = |size: &str, name: &str| {
        let source = format!("-f lavfi -i testsrc2=s={size}:r=10:d=1 -c:v H264 -pix_fmt yuv420p");
        generate(&program, &source, name)
    };
    let ((_a, first), (_b, second)) = (part("320x240", "a.ts"), part("160x120", "b.ts"));
    let mut bytes = std::fs::read(first).unwrap();
    bytes.extend(std::fs::read(second).unwrap());
    let mut opening = Opening::file(&program, "unused".as_ref());
    opening.input = VideoInput::Bytes(bytes.into());
    let mut decoder = opening.open().unwrap();
    let mut count = 0;
    while let Some(frame) = decoder.next_frame().unwrap() {
        assert_eq!((frame.width(), frame.height()), (320, 240));
        count += 1;
    }
    assert!(count > 10, "{count}");
}
