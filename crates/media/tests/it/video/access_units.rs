//! Access units that a client pushes: decoded at once, numbered rightly, never waited for without end.

use super::live::{coder, footage};
use samovar_media::{
    AccessUnitDecoder, AccessUnitEvent, AccessUnitOptions, FfmpegProgram, FramePool, MediaErrorKind, VideoSize,
};
use samovar_test_camera::{Footage, FootageSpec};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Only ends a hang.
const LIMIT: Duration = Duration::from_secs(30);

fn start(options: AccessUnitOptions) -> (AccessUnitDecoder, Receiver<AccessUnitEvent>) {
    let (sender, events) = channel();
    let sink = move |event| drop(sender.send(event));
    (AccessUnitDecoder::start(options, FramePool::new(8), sink).unwrap(), events)
}

fn options(program: &FfmpegProgram) -> AccessUnitOptions {
    let mut options = AccessUnitOptions::new(program.clone());
    options.limits.stall = Duration::from_secs(3);
    options
}

fn frame(events: &Receiver<AccessUnitEvent>) -> (u64, u32, u32) {
    match events.recv_timeout(LIMIT).unwrap() {
        AccessUnitEvent::Frame { number, frame } => (number, frame.width(), frame.height()),
        other => panic!("{other:?}"),
    }
}

/// What it failed with, whatever came before.
fn failure(events: &Receiver<AccessUnitEvent>) -> MediaErrorKind {
    loop {
        if let AccessUnitEvent::Failed(error) = events.recv_timeout(LIMIT).unwrap() {
            return error.kind();
        }
    }
}

#[test]
fn each_access_unit_gives_its_frame_before_the_next_is_there() {
    let Some(program) = coder() else { return };
    let units = footage(&program, (320, 240)).annex_b();
    let (decoder, events) = start(options(&program));
    for (index, unit) in units.into_iter().enumerate() {
        let number = 1_000 + 3 * index as u64;
        assert!(decoder.push(number, unit.into()).unwrap().is_empty());
        assert_eq!(frame(&events), (number, 320, 240));
    }
    let pid = decoder.process_id().unwrap();
    drop(decoder);
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "killed and reaped");
    assert!(events.recv_timeout(LIMIT).is_err(), "nothing comes after the end");
}

#[test]
fn frames_are_scaled_and_a_change_of_size_goes_on_with_a_new_child() {
    let Some(program) = coder() else { return };
    let side = NonZeroU32::new(160).unwrap();
    let mut scaled = options(&program);
    scaled.size = VideoSize::Fit { width: side, height: side };
    let (decoder, events) = start(scaled);
    let parts = [((320, 240), (160, 120)), ((240, 320), (120, 160)), ((320, 240), (160, 120))];
    let mut number = 0;
    for (size, expected) in parts {
        for unit in footage(&program, size).annex_b().into_iter().take(12) {
            assert!(decoder.push(number, unit.into()).unwrap().is_empty());
            assert_eq!(frame(&events), (number, expected.0, expected.1));
            number += 1;
        }
    }
}

#[test]
fn too_many_at_once_are_dropped_by_whole_runs_and_all_are_told() {
    let Some(program) = coder() else { return };
    let spec =
        FootageSpec { size: (640, 480), rate: 30, seconds: 10, key_distance: 10, ..FootageSpec::new(program.path()) };
    let footage = Footage::make(&spec).unwrap();
    let (decoder, events) = start(AccessUnitOptions { units_waiting_max: 25, ..options(&program) });
    let units = footage.annex_b();
    let count = units.len() as u64;
    let pushed = units.into_iter().enumerate();
    let mut dropped: Vec<u64> =
        pushed.flat_map(|(index, unit)| decoder.push(index as u64, unit.into()).unwrap()).collect();
    let mut shown = Vec::new();
    while shown.len() + dropped.len() < count as usize {
        match events.recv_timeout(LIMIT).unwrap() {
            AccessUnitEvent::Frame { number, .. } => shown.push(number),
            other => panic!("{other:?}"),
        }
    }
    assert!(!dropped.is_empty() && shown.is_sorted_by(|a, b| a < b));
    // What comes after a gap is a key frame.
    let after_gap = shown.windows(2).filter(|pair| pair[1] != pair[0] + 1);
    assert!(after_gap.into_iter().all(|pair| footage.is_key(pair[1] as usize)), "{shown:?}");
    dropped.extend(&shown);
    dropped.sort_unstable();
    assert_eq!(dropped, (0..count).collect::<Vec<_>>());
}

#[test]
fn garbage_is_refused_or_ends_the_decoder_and_never_hangs_it() {
    let Some(program) = coder() else { return };
    let (decoder, events) = start(options(&program));
    assert_eq!(decoder.push(0, b"no start code".to_vec().into()).unwrap_err().kind(), MediaErrorKind::Corrupt);
    let long = vec![0; 9 << 20];
    assert_eq!(decoder.push(1, long.into()).unwrap_err().kind(), MediaErrorKind::TooLarge);
    // Looks like key frames, and is none.
    for number in 2..40 {
        let mut unit = vec![0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x65];
        unit.extend((0..2_000_u64).map(|index| ((index * index * (number + 7)) >> 3) as u8 | 1));
        if decoder.push(number, unit.into()).is_err() {
            break;
        }
    }
    let kind = failure(&events);
    assert!(matches!(kind, MediaErrorKind::Corrupt | MediaErrorKind::DecoderFailed), "{kind:?}");
    assert_eq!(decoder.push(50, vec![0, 0, 1, 0x65, 1].into()).unwrap_err().kind(), kind);
}

#[test]
fn b_frames_and_several_pictures_in_one_unit_do_not_end_the_stream() {
    let Some(program) = coder() else { return };
    let coding = "-f lavfi -i testsrc2=s=64x64:r=20:d=1 -c:v libx264 -bf 2 -g 10 -pix_fmt yuv420p -bsf:v h264_metadata=aud=insert";
    let (_folder, path) = super::generate(&program, coding, "b.h264");
    let stream = std::fs::read(path).unwrap();
    let starts: Vec<usize> = (0..stream.len()).filter(|&at| stream[at..].starts_with(&[0, 0, 0, 1, 9])).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    let units: Vec<&[u8]> = starts.iter().zip(ends).map(|(&start, end)| &stream[start..end]).collect();
    for together in [1, 2] {
        let (decoder, events) = start(options(&program));
        let count = units.chunks(together).len();
        for (number, chunk) in units.chunks(together).enumerate() {
            assert!(decoder.push(number as u64, chunk.concat().into()).unwrap().is_empty());
        }
        let key = footage(&program, (320, 240)).annex_b().remove(0);
        assert!(decoder.push(1_000, key.into()).unwrap().is_empty());
        let (mut told, mut shown) = (Vec::new(), 0);
        while told.last() != Some(&1_000) {
            match events.recv_timeout(LIMIT).unwrap() {
                AccessUnitEvent::Frame { number, .. } => (told.push(number), shown += 1).0,
                AccessUnitEvent::Empty { number } => told.push(number),
                AccessUnitEvent::Failed(error) => panic!("{error} after {told:?}"),
            }
        }
        println!("{together} together: {shown} frames of {count}");
        told.sort_unstable();
        assert!(told.iter().copied().eq((0..count as u64).chain([1_000])), "each is told once: {told:?}");
        assert!(shown > count / 3, "{shown} of {count}");
    }
}

#[test]
fn damage_between_good_frames_is_lived_through() {
    let Some(program) = coder() else { return };
    let units = footage(&program, (320, 240)).annex_b();
    let (decoder, events) = start(options(&program));
    let mut shown = 0;
    for (index, mut unit) in units.into_iter().enumerate() {
        if index % 10 == 5 {
            let len = unit.len();
            unit[12.min(len - 1)..].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(7) | 1);
        }
        assert!(decoder.push(index as u64, unit.into()).unwrap().is_empty());
        if index % 10 != 5 {
            loop {
                match events.recv_timeout(LIMIT).unwrap() {
                    AccessUnitEvent::Frame { number, .. } if number == index as u64 => break,
                    AccessUnitEvent::Failed(error) => panic!("{error}"),
                    _ => {}
                }
            }
            shown += 1;
        }
    }
    assert_eq!(shown, 36);
}

#[test]
fn a_killed_or_stopped_child_is_told() {
    let Some(program) = coder() else { return };
    for signal in ["-KILL", "-STOP"] {
        let units = footage(&program, (320, 240)).annex_b();
        let (decoder, events) = start(options(&program));
        decoder.push(0, units[0].clone().into()).unwrap();
        frame(&events);
        let pid = decoder.process_id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        for (index, unit) in units.into_iter().enumerate().skip(1) {
            if decoder.push(index as u64, unit.into()).is_err() {
                break;
            }
        }
        assert_eq!(failure(&events), MediaErrorKind::DecoderFailed, "{signal}");
        drop(decoder);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}

#[test]
fn a_picture_over_the_limit_is_refused() {
    let Some(program) = coder() else { return };
    let mut small = options(&program);
    small.limits.side_px = 200;
    let (decoder, events) = start(small);
    for (index, unit) in footage(&program, (320, 240)).annex_b().into_iter().enumerate() {
        if decoder.push(index as u64, unit.into()).is_err() {
            break;
        }
    }
    let kind = failure(&events);
    assert!(matches!(kind, MediaErrorKind::TooLarge), "{kind:?}");
}

#[test]
fn a_decoder_that_was_never_fed_ends_too() {
    let Some(program) = coder() else { return };
    let (decoder, _events) = start(options(&program));
    assert_eq!(decoder.process_id(), None);
    drop(decoder);
}
