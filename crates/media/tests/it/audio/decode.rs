//! Every codec against FFmpeg's own decoding, and what is told of each file.

use super::made::{ffmpeg, ffmpeg_to, floats, largest_difference, open_with, tone, wav16};
use crate::video::{media, program};
use samovar_media::{AudioErrorKind, AudioInput, AudioLimits, AudioOptions, AudioReader, FfmpegProgram};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Speech of 11 s at 16 kHz, as a file that FFmpeg writes with `arguments`.
fn coded(program: &FfmpegProgram, speech: &Path, arguments: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    // A name that says nothing, and nothing true.
    let path = folder.path().join("recording.txt");
    std::fs::write(&path, ffmpeg(program, speech, arguments)).unwrap();
    (folder, path)
}

/// The same as a seekable file.
fn coded_file(program: &FfmpegProgram, speech: &Path, arguments: &str, name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    ffmpeg_to(program, speech, arguments, &path);
    (folder, path)
}

fn open_file(path: &Path, program: &FfmpegProgram) -> AudioReader {
    let options = AudioOptions { program: Some(program.clone()), ..AudioOptions::default() };
    AudioReader::open(AudioInput::File(path.into()), &options, &AudioLimits::default()).unwrap()
}

#[test]
fn codecs_give_the_samples_that_ffmpeg_gives() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    for (arguments, container, codec, tolerance) in [
        ("-c:a flac -f flac", "flac", "flac", 0.0),
        ("-c:a libmp3lame -b:a 64k -f mp3", "mp3", "mp3", 2e-4),
        ("-c:a aac -b:a 64k -f adts", "adts", "aac", 2e-4),
        ("-c:a libvorbis -f ogg", "ogg", "vorbis", 2e-4),
        ("-c:a pcm_mulaw -f wav", "wav", "pcm_mulaw", 0.0),
        ("-c:a pcm_alaw -f wav", "wav", "pcm_alaw", 0.0),
        ("-c:a adpcm_ima_wav -f wav", "wav", "adpcm_ima_wav", 0.0),
        ("-c:a aac -b:a 64k -f mp4 -movflags empty_moov", "mov,mp4,m4a,3gp,3g2,mj2", "aac", 0.0),
        ("-c:a pcm_s16be -f au", "au", "pcm_s16be", 0.0),
        ("-c:a alac -f matroska", "matroska,webm", "alac", 0.0),
    ] {
        let (_folder, path) = coded(&program, &speech, arguments);
        let expected = floats(&ffmpeg(&program, &path, "-c:a pcm_f32le -f f32le"));
        let mut reader = open_file(&path, &program);
        let info = reader.info().clone();
        assert_eq!((info.container.as_str(), info.codec.as_str()), (container, codec));
        assert_eq!((info.rate_hz, info.channels), (16_000, 1), "{arguments}");
        let samples = reader.read_to_end(usize::MAX).unwrap();
        let worst = largest_difference(&samples, &expected);
        println!("{codec}: {} of {} samples, at most {worst:.1e} from ffmpeg", samples.len(), expected.len());
        assert!(!reader.is_damaged(), "{arguments}");
        assert!(samples.len().abs_diff(expected.len()) <= 1_200 && worst <= tolerance, "{arguments}: {worst}");
        if tolerance == 0.0 {
            assert_eq!(samples.len(), expected.len(), "{arguments}");
        }
    }
}

#[test]
fn opus_is_decoded_by_the_child_and_resampled_here() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    for (arguments, container) in [("-c:a libopus -f ogg", "ogg"), ("-c:a libopus -f webm", "matroska,webm")] {
        let (_folder, path) = coded(&program, &speech, arguments);
        let filter = "-af aresample=16000:filter_size=512:phase_shift=14:cutoff=0.98 -c:a pcm_f32le -f f32le";
        let expected = floats(&ffmpeg(&program, &path, filter));
        let mut reader = open_file(&path, &program);
        let info = reader.info().clone();
        assert_eq!((info.container.as_str(), info.codec.as_str(), info.rate_hz), (container, "opus", 48_000));
        let samples = reader.read_to_end(usize::MAX).unwrap();
        let worst = largest_difference(&samples, &expected);
        println!("{arguments}: {} of {} samples, at most {worst:.1e} from ffmpeg", samples.len(), expected.len());
        assert!(samples.len().abs_diff(expected.len()) <= 1 && worst < 5e-3, "{arguments}: {worst}");
    }
}

#[test]
fn the_sound_of_a_video_is_read_and_a_video_without_is_refused() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    let (_folder, path) = coded_file(
        &program,
        &speech,
        "-f lavfi -i testsrc2=size=64x64:rate=5 -shortest -c:v mpeg4 -c:a aac",
        "video.mp4",
    );
    let mut reader = open_file(&path, &program);
    assert_eq!(reader.info().codec, "aac");
    let samples = reader.read_to_end(usize::MAX).unwrap();
    assert!(samples.len().abs_diff(176_000) < 2_048 && !reader.is_damaged(), "{}", samples.len());
    let (_folder, silent) = coded_file(&program, &path, "-an -c:v copy", "silent.mp4");
    let options = AudioOptions { program: Some(program), ..AudioOptions::default() };
    let opened = AudioReader::open(AudioInput::File(silent), &options, &AudioLimits::default());
    assert_eq!(opened.err().unwrap().kind(), AudioErrorKind::Unsupported);
}

#[test]
fn a_length_over_the_limit_is_found_by_the_header_or_by_counting() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    let limits = AudioLimits { duration: Duration::from_secs(5), ..AudioLimits::default() };
    let options = AudioOptions { program: Some(program.clone()), ..AudioOptions::default() };
    for arguments in
        ["-c:a flac -f flac", "-c:a aac -f adts", "-c:a libopus -f ogg", "-c:a libmp3lame -write_xing 0 -f mp3"]
    {
        let (_folder, path) = coded(&program, &speech, arguments);
        let opened = AudioReader::open(AudioInput::File(path), &options, &limits);
        let error = opened.and_then(|mut reader| reader.read_to_end(usize::MAX)).unwrap_err();
        assert_eq!(error.kind(), AudioErrorKind::TooLong, "{arguments}");
    }
}

#[test]
fn the_starter_call_and_the_speech_recordings_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/samples/call.flac");
    let mut reader =
        AudioReader::open(AudioInput::File(root), &AudioOptions::default(), &AudioLimits::default()).unwrap();
    assert_eq!(reader.info().duration_s, Some(15.0));
    assert_eq!(reader.read_to_end(usize::MAX).unwrap().len(), 240_000);
    let Some(speech) = media("speech/LJ001-0001.wav") else { return };
    let bytes = std::fs::read(&speech).unwrap();
    let mut reader = super::made::open(bytes).unwrap();
    let seconds = reader.info().duration_s.unwrap();
    assert_eq!(reader.read_to_end(usize::MAX).unwrap().len(), (seconds * 16_000.0).round() as usize);
}

#[test]
fn texts_pictures_and_noise_are_no_audio() {
    let Some(program) = program() else { return };
    let mut noise = super::made::Noise(11);
    let noise: Vec<u8> = (0..200_000).map(|_| noise.next() as u8).collect();
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".repeat(100);
    for bytes in [b"a text that is no recording\n".repeat(1_000), picture, noise, b"RIFF".to_vec(), vec![0; 4_096]] {
        let error = open_with(bytes, &program).err().unwrap();
        let kinds = [AudioErrorKind::Unsupported, AudioErrorKind::Damaged, AudioErrorKind::Empty];
        assert!(kinds.contains(&error.kind()), "{error}");
    }
}

#[test]
fn names_are_not_believed() {
    let (Some(program), Some(speech)) = (program(), media("jfk.wav")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("liar.mp3");
    std::fs::write(&path, wav16(16_000, 1, &tone(16_000, 440.0, 0.5, 1.0))).unwrap();
    assert_eq!(open_file(&path, &program).info().container, "wav");
    let (_folder, flac) = coded_file(&program, &speech, "-c:a flac -f flac", "liar.wav");
    assert_eq!(open_file(&flac, &program).info().container, "flac");
}
