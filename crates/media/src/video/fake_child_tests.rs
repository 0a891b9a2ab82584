//! Children that lie, flood, leave or pry: a shell script in ffmpeg's place, so that every byte of its output is ours.

use super::child::{ChildLimits, ChildPlan, ConfinedChild};
use super::nut_writer::{frame_head, stream_head};
use super::sandbox::{Grant, Sandbox};
use super::*;
use crate::{FramePool, MediaError, MediaErrorKind, VideoLimits};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

/// A program that answers as ffmpeg does and decodes by running `script`, whose standard input is the video.
fn fake(script: &str) -> (tempfile::TempDir, FfmpegProgram) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ffmpeg");
    let text = format!(
        "#!/bin/sh\ncase \"$2\" in\n-version) echo 'ffmpeg version 7.0';;\n-encoders) ;;\n*)\n{script}\n;;\nesac\n"
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = FfmpegProgram::at(&path).unwrap();
    (folder, program)
}

/// Frames that come out of `script` over `input` before the end, and the end.
fn decode(script: &str, input: &[u8]) -> (usize, Result<VideoEnd, MediaError>) {
    decode_within(Duration::from_secs(20), script, input)
}

fn decode_within(stall: Duration, script: &str, input: &[u8]) -> (usize, Result<VideoEnd, MediaError>) {
    let (_folder, program) = fake(script);
    let limits = VideoLimits { stall, ..VideoLimits::default() };
    let input = VideoInput::Bytes(input.to_vec().into());
    let mut decoder = match VideoDecoder::open(input, VideoOptions::new(program), &limits, FramePool::new(4)) {
        Ok(decoder) => decoder,
        Err(error) => return (0, Err(error)),
    };
    let mut frame_count = 0;
    loop {
        match decoder.next_frame() {
            Ok(Some(_)) => frame_count += 1,
            Ok(None) => return (frame_count, Ok(decoder.end().unwrap())),
            Err(error) => return (frame_count, Err(error)),
        }
    }
}

/// A good stream of two frames of 16×16.
fn good_stream() -> Vec<u8> {
    let mut bytes = stream_head(16, 16, *b"I420");
    for index in 0..2 {
        bytes.extend(frame_head(Duration::from_millis(40 * index), 384));
        bytes.extend([128; 384]);
    }
    bytes
}

fn assert_failed(script: &str, input: &[u8], frames_before: usize) {
    let (frame_count, end) = decode(script, input);
    assert_eq!(end.unwrap_err().kind(), MediaErrorKind::DecoderFailed, "{script}");
    assert_eq!(frame_count, frames_before, "{script}");
}

#[test]
fn a_good_stream_passes_through_the_fake() {
    let (frame_count, end) = decode("exec cat", &good_stream());
    assert_eq!((frame_count, end.unwrap()), (2, VideoEnd::Complete));
}

#[test]
fn floods_of_nonsense_are_refused() {
    assert_failed("exec cat /dev/urandom", b"", 0);
    assert_failed("while :; do printf '\\0\\0\\0\\0\\0\\0\\0\\0'; done", b"", 0);
    assert_failed("cat; exec cat /dev/urandom", &good_stream(), 2);
    assert_failed("cat; while :; do printf '\\0\\0\\0\\0'; done", &good_stream(), 2);
}

#[test]
fn floods_of_words_are_read_along_and_not_kept() {
    let (frame_count, end) = decode("head -c 3000000 /dev/urandom | od >&2; exec cat", &good_stream());
    assert_eq!((frame_count, end.unwrap()), (2, VideoEnd::Complete));
}

#[test]
fn absurd_claims_are_refused_before_anything_is_allocated() {
    let (_, end) = decode("exec cat", &stream_head(100_000, 100_000, *b"I420"));
    assert_eq!(end.unwrap_err().kind(), MediaErrorKind::TooLarge);
    assert_failed("exec cat", &stream_head(16, 16, *b"RV24"), 0);
    let mut long = stream_head(16, 16, *b"I420");
    long.extend(frame_head(Duration::ZERO, 1 << 40));
    assert_failed("exec cat", &long, 0);
}

#[test]
fn a_child_that_leaves_or_dies_is_told() {
    let stream = good_stream();
    assert_failed("exit 0", b"", 0);
    assert_failed("exit 1", b"", 0);
    assert_failed("kill -9 $$", b"", 0);
    assert_failed("cat; kill -9 $$", &stream, 2);
    assert_failed("exec cat", &stream[..stream.len() - 1], 1);
}

#[test]
fn a_child_that_hangs_is_stopped() {
    assert_stopped("exec sleep 1000", 0);
    assert_stopped("cat; kill -STOP $$", 2);
}

#[test]
fn a_child_that_lingers_is_stopped() {
    assert_stopped("cat; exec sleep 1000", 2);
    // Its output is closed, it itself does not end.
    assert_stopped("cat; exec 1>&- 2>&-; sleep 1000", 2);
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_that_reads_on_may_be_silent_where_frames_are_left_out() {
    let reads = "for i in 1 2 3 4 5 6; do read x < \"$0\"; sleep 0.5; done; exec cat";
    let (_folder, program) = fake(reads);
    let run = |scene_change| {
        let limits = VideoLimits { stall: Duration::from_secs(1), ..VideoLimits::default() };
        let options = VideoOptions { scene_change, ..VideoOptions::new(program.clone()) };
        let input = VideoInput::Bytes(good_stream().into());
        VideoDecoder::open(input, options, &limits, FramePool::new(4)).map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(run(Some(0.3)), Ok(()));
    assert_eq!(run(None), Err(MediaErrorKind::DecoderFailed));
}

fn assert_stopped(script: &str, frames_before: usize) {
    let (frame_count, end) = decode_within(Duration::from_secs(2), script, &good_stream());
    assert_eq!((frame_count, end.unwrap_err().kind()), (frames_before, MediaErrorKind::DecoderFailed), "{script}");
}

/// A loop over `script`, which may write to the packets' pipe as `$packets`.
fn decode_with_packets(script: &str) -> (usize, Result<VideoEnd, MediaError>, RingStats) {
    let (folder, program) =
        fake(&format!("eval \"packets=\\${{$#}}\"; packets=${{packets#pipe:}}; export packets; {script}"));
    let path = folder.path().join("good.nut");
    std::fs::write(&path, good_stream()).unwrap();
    let ring = PacketRing::new(RingLimits { bytes: 1 << 20, span: Duration::from_secs(60) });
    let options = VideoOptions { packets: Some(ring.clone()), ..VideoOptions::new(program) };
    let mut decoder =
        VideoDecoder::open(VideoInput::Loop(path), options, &VideoLimits::default(), FramePool::new(4)).unwrap();
    let mut frame_count = 0;
    let end = loop {
        match decoder.next_frame() {
            Ok(Some(_)) => frame_count += 1,
            Ok(None) => break Ok(decoder.end().unwrap()),
            Err(error) => break Err(error),
        }
    };
    drop(decoder);
    (frame_count, end, ring.stats())
}

#[test]
fn packets_of_a_liar_are_refused_and_hold_nobody_up() {
    for script in [
        "bash -c 'cat /dev/urandom >&$packets'; exec cat",
        "bash -c 'printf \"nut/multimedia container\\0\" >&$packets'; exec cat",
        "exec cat",
        // Somebody stays behind and holds the pipe.
        "sleep 1000 <&- >&- 2>&- & exec cat",
    ] {
        let (frame_count, end, stats) = decode_with_packets(script);
        assert_eq!((frame_count, stats.items), (2, 0), "{script}");
        end.unwrap();
    }
}

#[test]
fn the_child_is_bound_in_its_resources_and_environment() {
    let bound = "[ $(ulimit -f) = 0 ] && [ $(ulimit -c) = 0 ] && [ $(ulimit -n) -le 32 ] && [ $(ulimit -v) -lt 2200000 ] \
        && [ -z \"$HOME\" ] && grep -q '^NoNewPrivs:.1' </proc/self/status && exec cat";
    // The status file is outside of what the sandbox grants.
    let bound = if has_landlock() {
        bound.replace(" && grep -q '^NoNewPrivs:.1' </proc/self/status", "")
    } else {
        bound.into()
    };
    let (frame_count, end) = decode(&bound, &good_stream());
    assert_eq!((frame_count, end.unwrap()), (2, VideoEnd::Complete));
}

#[test]
fn the_child_opens_nothing_but_its_input() {
    if !has_landlock() {
        eprintln!("skipped: this kernel has no Landlock");
        return;
    }
    for pry in
        ["read line </etc/passwd", "read line </proc/1/status", "ls /", "echo pry >/dev/shm/pry", "mkdir /dev/shm/pry"]
    {
        let script = format!("if {pry}; then exit 1; fi; exec cat");
        let (frame_count, end) = decode(&script, &good_stream());
        assert_eq!((frame_count, end.unwrap()), (2, VideoEnd::Complete), "{pry}");
    }
}

#[test]
fn a_network_child_reads_names_and_certificates_and_nobodys_secrets() {
    if !has_landlock() {
        eprintln!("skipped: this kernel has no Landlock");
        return;
    }
    let reads = |path: &str| {
        let program = std::path::Path::new("/bin/sh");
        let mut child = ConfinedChild::spawn(ChildPlan {
            program,
            arguments: vec!["-c".into(), format!("read line <{path}").into()],
            stdin: Stdio::null(),
            stdout: Stdio::null(),
            extra: None,
            limits: ChildLimits { address_space_bytes: 1 << 30, cpu_s: 10, file_bytes: Some(0), open_files: 32 },
            sandbox: Sandbox::new(program, Grant::Network(None)),
        })
        .unwrap();
        child.wait(Duration::from_secs(30)).unwrap().success()
    };
    let is_there = |path: &str| std::path::Path::new(path).metadata().is_ok_and(|facts| facts.len() > 0);
    for path in ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl/openssl.cnf"] {
        assert!(!is_there(path) || reads(path), "{path}");
    }
    for path in ["/etc/passwd", "/etc/hostname", "/etc/group", "/proc/1/status"] {
        assert!(!reads(path), "{path}");
    }
}

#[test]
fn a_program_that_is_no_ffmpeg_is_told_with_a_cure() {
    let folder = tempfile::tempdir().unwrap();
    for path in [std::path::Path::new("/bin/true"), &folder.path().join("absent")] {
        let error = FfmpegProgram::at(path).unwrap_err();
        assert_eq!(error.kind(), MediaErrorKind::DecoderMissing);
        assert!(error.to_string().contains("samovar engine install ffmpeg"));
    }
}

fn has_landlock() -> bool {
    let file = tempfile::tempfile().unwrap();
    Sandbox::new(std::path::Path::new("/bin/sh"), Grant::Read(&file)).ruleset.is_some()
}
