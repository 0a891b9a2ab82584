//! Runs that are gone on with: the frames are those of a run that was never interrupted, whatever is chosen.

use super::{Opening, generate, media, program};
use samovar_media::{FfmpegProgram, VideoEnd, VideoOptions};
use std::hash::{DefaultHasher, Hasher};
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

type Choice = fn(&mut VideoOptions);

/// Every way to choose frames, and some of them together.
const CHOICES: [(&str, Choice); 9] = [
    ("all", |_| {}),
    ("every", |options| options.every = three()),
    ("fps", |options| options.frames_per_second_max = Some(7.0)),
    ("key frames", |options| options.keyframes_only = true),
    ("scenes", |options| options.scene_change = Some(SCENE)),
    ("every, scenes", |options| (options.every, options.scene_change) = (three(), Some(SCENE))),
    ("every, fps", |options| (options.every, options.frames_per_second_max) = (three(), Some(4.0))),
    ("fps, scenes", |options| (options.frames_per_second_max, options.scene_change) = (Some(7.0), Some(SCENE))),
    ("key frames, scenes", |options| (options.keyframes_only, options.scene_change) = (true, Some(SCENE))),
];

/// Low enough that a walking crowd comes over it now and then.
const SCENE: f64 = 0.004;

fn three() -> NonZeroU32 {
    NonZeroU32::new(3).unwrap()
}

/// Ten seconds with pictures that are turned to their negative for 0.7 s every 2 s, and for one frame in 20; B-frames; sound
/// that begins a little earlier or later.
const SOURCE: &str = "-f lavfi -i testsrc2=s=160x120:r=30:d=10,negate=enable=lt(mod(t\\,2)\\,0.7)+eq(mod(n\\,20)\\,0) \
    -f lavfi -i sine=d=10 -c:v H264 -g 40 -bf 3 -pix_fmt yuv420p";

/// Time and pixels of every frame, and the end.
fn frames(opening: Opening) -> (Vec<(Duration, u64)>, VideoEnd) {
    let (mut decoder, mut frames) = (opening.open().unwrap(), Vec::new());
    while let Some(frame) = decoder.next_frame().unwrap() {
        let mut hasher = DefaultHasher::new();
        hasher.write(frame.pixels());
        frames.push((frame.timestamp(), hasher.finish()));
    }
    (frames, decoder.end().unwrap())
}

fn opening(program: &FfmpegProgram, path: &Path, choice: Choice) -> Opening {
    let mut opening = Opening::file(program, path);
    choice(&mut opening.options);
    opening
}

fn assert_goes_on(program: &FfmpegProgram, path: &Path, (name, choice): (&str, Choice), cuts: usize) {
    let (whole, end) = frames(opening(program, path, choice));
    assert!(whole.len() > 1, "{name}: {} frames", whole.len());
    for cut in (0..=cuts).map(|part| (whole.len() - 1) * part / cuts) {
        let mut opening = opening(program, path, choice);
        opening.options.start = whole[cut].0;
        let (mut rest, rest_end) = frames(opening);
        rest.retain(|(time, _)| *time > whole[cut].0);
        assert_eq!(rest, whole[cut + 1..], "{path:?}, {name}, after {:?}", whole[cut].0);
        assert_eq!(rest_end, end, "{path:?}, {name}");
    }
}

#[test]
fn a_real_video_is_gone_on_with() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    CHOICES.into_iter().for_each(|choice| assert_goes_on(&program, &path, choice, 3));
}

#[test]
fn frames_that_refer_to_later_ones_are_gone_on_with_in_every_container() {
    let Some(program) = program() else { return };
    for (flags, name) in [
        ("", "plain.mp4"),
        (" -movflags frag_keyframe+empty_moov", "pieces.mp4"),
        ("", "plain.mkv"),
        (" -output_ts_offset 70.0003", "late.ts"),
    ] {
        let (_folder, path) = generate(&program, &format!("{SOURCE}{flags}"), name);
        CHOICES.into_iter().for_each(|choice| assert_goes_on(&program, &path, choice, 5));
    }
}

#[test]
fn frames_that_refer_over_the_borders_of_groups_are_gone_on_with() {
    let Some(program) = program() else { return };
    let open_groups = if program.has_x264() { " -x264-params open-gop=1" } else { "" };
    for name in ["open.mp4", "open.mkv", "open.ts"] {
        let (_folder, path) = generate(&program, &format!("{SOURCE}{open_groups}"), name);
        // FFmpeg does not find every key frame where open and closed groups are mixed, as here.
        let sound = CHOICES.into_iter().filter(|(name, _)| !name.contains("key"));
        sound.for_each(|choice| assert_goes_on(&program, &path, choice, 7));
    }
}

#[test]
fn slow_pictures_and_rounded_times_are_gone_on_with() {
    let Some(program) = program() else { return };
    let source = "-f lavfi -i testsrc2=s=64x64:r=RATE:d=30 -c:v H264 -g 6 -bf 3 -pix_fmt yuv420p";
    for (rate, name) in [("1", "slow.mp4"), ("1", "slow.mkv"), ("24000/1001", "film.mkv"), ("24000/1001", "film.mp4")] {
        let (_folder, path) = generate(&program, &source.replace("RATE", rate), name);
        for choice in [CHOICES[0], CHOICES[1]] {
            assert_goes_on(&program, &path, choice, 11);
        }
    }
}

#[test]
fn every_end_is_a_complete_one() {
    let (Some(program), Some(path)) = (program(), media("vtest.mp4")) else { return };
    for (name, choice) in CHOICES {
        let (whole, _) = frames(opening(&program, &path, choice));
        let mut opening = opening(&program, &path, choice);
        // A frame at the end itself is not delivered.
        let end = whole[whole.len() / 2].0;
        opening.options.end = Some(end);
        assert_eq!(frames(opening), (whole[..whole.len() / 2].to_vec(), VideoEnd::Complete), "{name}");
    }
    let mut middle = Opening::file(&program, &path);
    (middle.options.start, middle.options.end) = (Duration::from_secs(60), Some(Duration::from_millis(60_050)));
    assert_eq!(frames(middle).0.len(), 1);
}
