//! Clips of what was held: begun at a key frame, with true times, within their bounds.

use super::live::{coder, footage, live, ring, times};
use super::{Opening, program};
use samovar_media::{
    ClipOptions, FfmpegProgram, ImageLimits, MediaErrorKind, PacketClip, PacketRing, Picture, PictureRing, RingLimits,
    TimedPicture, VideoEnd, VideoInput, write_clip, write_picture_clip,
};
use samovar_test_camera::{FootageSpec, MjpegCamera, MjpegForm, RtspCamera, jpegs};
use std::path::Path;
use std::time::{Duration, SystemTime};

fn options(program: &FfmpegProgram) -> ClipOptions {
    ClipOptions { program: program.clone(), bytes_max: 16 << 20, time_max: Duration::from_secs(30) }
}

fn everything(packets: &PacketRing) -> PacketClip {
    packets.clip(SystemTime::UNIX_EPOCH, SystemTime::now()).unwrap()
}

/// Reads a clip back: as many frames as packets, at the packets' times.
fn assert_is_whole(program: &FfmpegProgram, path: &Path, clip: &PacketClip) {
    let (read, decoder) = Opening::file(program, path).times().unwrap();
    assert_eq!(decoder.end(), Some(VideoEnd::Complete));
    let mut expected: Vec<_> = clip.packets.iter().map(|packet| packet.time).collect();
    expected.sort();
    let first = expected[0];
    assert_eq!(read.len(), expected.len());
    let is_near = |(read, expected): (&Duration, Duration)| read.abs_diff(expected - first) <= Duration::from_millis(2);
    assert!(read.iter().zip(expected).all(is_near), "{read:?}");
    let bytes = std::fs::read(path).unwrap();
    let place = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
    assert!(place(b"moov") < place(b"mdat"), "what players need comes first");
}

#[test]
fn packets_of_a_camera_become_a_clip_that_begins_at_a_key_frame() {
    let Some(program) = coder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let camera = RtspCamera::start(footage(&program, (320, 240))).unwrap();
    let mut opening = live(&program, camera.url());
    let packets = ring();
    opening.options.packets = Some(packets.clone());
    let mut decoder = opening.open().unwrap();
    times(&mut decoder, 35);
    drop(decoder);
    let all = everything(&packets);
    let from = all.packets[15].wall;
    let clip = packets.clip(from, all.packets[28].wall).unwrap();
    assert!(clip.packets[0].is_key && clip.packets[0].wall <= from);
    let path = folder.path().join("clip.mp4");
    let facts = write_clip(&clip, &path, &options(&program)).unwrap();
    assert_eq!((facts.pictures, facts.bytes), (clip.packets.len(), path.metadata().unwrap().len()));
    assert_is_whole(&program, &path, &clip);
}

#[test]
fn packets_with_b_frames_and_of_pictures_become_clips() {
    let Some(program) = coder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let source = "-f lavfi -i testsrc2=s=64x64:r=20:d=2 -c:v H264 -bf 2 -g 10 -pix_fmt yuv420p";
    let (_folder, looped) = super::generate(&program, source, "b.mp4");
    let camera =
        MjpegCamera::start(jpegs(&FootageSpec::new(program.path())).unwrap(), 20, MjpegForm::Multipart).unwrap();
    let pictures = live(&program, camera.url());
    let mut file = Opening::file(&program, &looped);
    file.input = VideoInput::Loop(looped.clone());
    for mut opening in [file, pictures] {
        let packets = ring();
        opening.options.packets = Some(packets.clone());
        let mut decoder = opening.open().unwrap();
        times(&mut decoder, 30);
        drop(decoder);
        let clip = everything(&packets);
        write_clip(&clip, &path, &options(&program)).unwrap();
        assert_eq!(Opening::file(&program, &path).times().unwrap().0.len(), clip.packets.len(), "{:?}", clip.codec);
    }
}

#[test]
fn a_clip_that_is_too_long_or_nonsense_leaves_no_file() {
    let Some(program) = coder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let camera = RtspCamera::start(footage(&program, (320, 240))).unwrap();
    let mut opening = live(&program, camera.url());
    let packets = ring();
    opening.options.packets = Some(packets.clone());
    times(&mut opening.open().unwrap(), 20);
    let mut clip = everything(&packets);
    let size: usize = clip.packets.iter().map(|packet| packet.data.len()).sum();
    for bytes_max in [1_000, size as u64 + 100] {
        let error = write_clip(&clip, &path, &ClipOptions { bytes_max, ..options(&program) }).unwrap_err();
        assert_eq!(error.kind(), MediaErrorKind::TooLarge, "{error}");
        assert!(!path.exists());
    }
    clip.packets.clear();
    assert_eq!(write_clip(&clip, &path, &options(&program)).unwrap_err().kind(), MediaErrorKind::Corrupt);
    let nowhere = write_clip(&everything(&packets), Path::new("/nowhere/clip.mp4"), &options(&program));
    assert_eq!(nowhere.unwrap_err().kind(), MediaErrorKind::Unreadable);
    let mut nonsense = everything(&packets);
    for packet in &mut nonsense.packets {
        packet.data = vec![7; 100].into();
    }
    let codec = samovar_media::PacketCodec { fourcc: *b"XXXX", ..(*nonsense.codec).clone() };
    nonsense.codec = codec.into();
    assert_eq!(write_clip(&nonsense, &path, &options(&program)).unwrap_err().kind(), MediaErrorKind::DecoderFailed);
    assert!(!path.exists());
}

#[test]
fn pictures_become_a_clip_at_their_own_times() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let spec = FootageSpec::new(program.path());
    let ring = PictureRing::new(RingLimits { bytes: 4 << 20, span: Duration::from_secs(60) });
    let push = |index: u64, jpeg: &[u8]| {
        let picture = Picture::encoded(jpeg.to_vec().into(), ImageLimits::default()).unwrap();
        let time = Duration::from_millis(index * index * 10);
        ring.push(TimedPicture { time, wall: SystemTime::UNIX_EPOCH + time, picture });
    };
    push(0, &jpegs(&FootageSpec { size: (160, 120), seconds: 1, ..spec.clone() }).unwrap()[0]);
    for (index, jpeg) in jpegs(&spec).unwrap().iter().enumerate().skip(1) {
        push(index as u64, if index == 7 { &jpeg[..jpeg.len() / 3] } else { jpeg });
    }
    let clip = ring.clip(SystemTime::UNIX_EPOCH, SystemTime::now());
    let facts = write_picture_clip(&clip, &path, &options(&program)).unwrap();
    assert_eq!((facts.pictures + facts.left_out, facts.duration), (40, Duration::from_millis((39 * 39 - 1) * 10)));
    assert!((1..=2).contains(&facts.left_out), "the one of another size, and the cut one where it is refused");
    let (read, decoder) = Opening::file(&program, &path).times().unwrap();
    assert_eq!((read.len(), decoder.info().width), (facts.pictures, 320));
    assert!(read[1].abs_diff(Duration::from_millis(30)) <= Duration::from_millis(1), "{read:?}");
    let short = ClipOptions { bytes_max: 2_000, ..options(&program) };
    assert_eq!(write_picture_clip(&clip, &path, &short).unwrap_err().kind(), MediaErrorKind::TooLarge);
    assert!(!path.exists());
}
