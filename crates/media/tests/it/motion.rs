//! The motion gate over real people and over noise.

use crate::video::{Opening, media, program};
use samovar_media::{Frame, FramePool, MotionGate, MotionGateOptions, PixelFormat, to_rgb};
use std::path::Path;
use std::time::Duration;

/// A gate that never lets a frame pass only because time has.
fn gate() -> MotionGate {
    MotionGate::new(MotionGateOptions { force_after: None, ..MotionGateOptions::default() })
}

fn frames(path: &Path, count: u64) -> Option<Vec<Frame>> {
    let mut opening = Opening::file(&program()?, path);
    opening.options.frame_count_max = Some(count);
    let mut decoder = opening.open().unwrap();
    Some(std::iter::from_fn(|| decoder.next_frame().unwrap()).collect())
}

/// The frame with noise of up to `levels` on every sample.
fn noisy(frame: &Frame, levels: u32, seed: u32) -> Frame {
    let mut pixels = FramePool::new(0).take(frame.pixels().len());
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    for (noisy, value) in pixels.iter_mut().zip(frame.pixels()) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let noise = i32::try_from(state % (2 * levels + 1)).unwrap() - levels as i32;
        *noisy = (i32::from(*value) + noise).clamp(0, 255) as u8;
    }
    Frame::new(frame.width(), frame.height(), frame.format(), frame.timestamp(), pixels)
}

fn passed(gate: &mut MotionGate, frames: &[Frame]) -> usize {
    frames.iter().filter(|frame| gate.passes(frame, frame.timestamp())).count()
}

#[test]
fn walkers_pass_and_noise_does_not() {
    let Some(frames) = media("vtest.mp4").and_then(|path| frames(&path, 100)) else { return };
    let walking = passed(&mut gate(), &frames);
    let noise: Vec<_> = (0..100).map(|seed| noisy(&frames[0], 16, seed)).collect();
    let still = passed(&mut gate(), &noise);
    eprintln!("{walking} of 100 frames with walkers pass, {still} of 100 with noise");
    assert!(walking >= 80 && still == 1);
    let rgb: Vec<_> = frames.iter().map(|frame| to_rgb(frame, &FramePool::new(0)).at(frame.timestamp())).collect();
    assert!(passed(&mut gate(), &rgb).abs_diff(walking) <= 15);
}

#[test]
fn what_is_due_passes_and_so_does_another_size() {
    let pool = FramePool::new(0);
    let plain = |side: u32, seconds: u64| {
        let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(side, side));
        pixels.fill(90);
        Frame::new(side, side, PixelFormat::Rgb8, Duration::from_secs(seconds), pixels)
    };
    let mut gate = MotionGate::new(MotionGateOptions::default());
    let times: Vec<_> = (0..40).filter(|time| gate.passes(&plain(33, *time), Duration::from_secs(*time))).collect();
    assert_eq!(times, [0, 10, 20, 30]);
    assert!(gate.passes(&plain(34, 31), Duration::from_secs(31)));
    for side in [1, 2, 63, 64, 65, 200] {
        assert!(gate.passes(&plain(side, 31), Duration::from_secs(31)), "{side}");
        assert!(!gate.passes(&plain(side, 31), Duration::from_secs(31)), "{side}");
    }
}
