//! The child's life: killed, stopped, dropped, orphaned. What is waited for is an event; the limits only end a hang.

use super::{Opening, generate, program};
use samovar_media::{FfmpegProgram, MediaErrorKind};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Set for the process that [`an_orphaned_child_dies`] starts and kills.
const HELPER: &str = "SAMOVAR_TEST_ORPHAN_VIDEO";

fn long_video(program: &FfmpegProgram) -> (tempfile::TempDir, PathBuf) {
    generate(program, "-f lavfi -i testsrc2=s=320x240:r=100:d=20 -c:v mpeg4", "long.mp4")
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

/// Whether the process runs; one that is dead and not yet reaped does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

#[test]
fn a_killed_child_ends_the_video_with_an_error_and_the_next_one_is_right() {
    let Some(program) = program() else { return };
    let (_folder, path) = long_video(&program);
    let mut decoder = Opening::file(&program, &path).open().unwrap();
    signal(decoder.process_id(), "-KILL");
    let (count, error) = drain(&mut decoder);
    assert_eq!(error, MediaErrorKind::DecoderFailed);
    assert!(count < 2000, "{count}");
    assert!(decoder.next_frame().unwrap().is_none() && decoder.end().is_none());
    assert_eq!(Opening::file(&program, &path).times().unwrap().0.len(), 2000);
}

#[test]
fn a_stopped_child_is_ended_by_the_watchdog() {
    let Some(program) = program() else { return };
    let (_folder, path) = long_video(&program);
    let mut opening = Opening::file(&program, &path);
    opening.limits.stall = Duration::from_secs(3);
    let mut decoder = opening.open().unwrap();
    let pid = decoder.process_id();
    signal(pid, "-STOP");
    let (_, error) = drain(&mut decoder);
    assert_eq!(error, MediaErrorKind::DecoderFailed);
    drop(decoder);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_slow_reader_is_waited_for() {
    let Some(program) = program() else { return };
    let (_folder, path) = long_video(&program);
    let mut opening = Opening::file(&program, &path);
    opening.limits.stall = Duration::from_secs(4);
    let mut decoder = opening.open().unwrap();
    // Longer than the stall limit: waiting for the reader is not the child's fault.
    std::thread::sleep(Duration::from_secs(5));
    let mut count = 0;
    while decoder.next_frame().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 2000);
}

#[test]
fn a_dropped_decoder_leaves_no_process() {
    let Some(program) = program() else { return };
    let (_folder, path) = long_video(&program);
    for frames_read in [0, 1, 50] {
        let opening = Opening::file(&program, &path);
        let pool = opening.pool.clone();
        let mut decoder = opening.open().unwrap();
        let pid = decoder.process_id();
        for _ in 0..frames_read {
            decoder.next_frame().unwrap().unwrap();
        }
        drop(decoder);
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "killed and reaped");
        assert_eq!(pool.stats().in_use, 0);
    }
}

#[test]
fn an_orphaned_child_dies() {
    let Some(program) = program() else { return };
    let (_folder, path) = long_video(&program);
    let mut helper = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "video::child::helper_that_is_killed", "--ignored", "--nocapture"])
        .env(HELPER, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(helper.stdout.take().unwrap()).lines();
    let pid: u32 = lines.map_while(Result::ok).find_map(|line| line.split("child ").nth(1)?.parse().ok()).unwrap();
    assert!(runs(pid));
    helper.kill().unwrap();
    helper.wait().unwrap();
    let gone = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !runs(pid)
    });
    assert!(gone, "the child outlived its parent");
}

#[test]
#[ignore = "started and killed by an_orphaned_child_dies"]
fn helper_that_is_killed() {
    let Some(path) = std::env::var_os(HELPER) else { return };
    let program = FfmpegProgram::find().unwrap();
    let decoder = Opening::file(&program, Path::new(&path)).open().unwrap();
    println!("\nchild {}", decoder.process_id());
    std::thread::sleep(Duration::from_secs(60));
}

/// Frames until the error, and its kind.
fn drain(decoder: &mut samovar_media::VideoDecoder) -> (usize, MediaErrorKind) {
    let mut count = 0;
    loop {
        match decoder.next_frame() {
            Ok(Some(_)) => count += 1,
            Ok(None) => panic!("it ended as if nothing had happened: {:?}", decoder.end()),
            Err(error) => return (count, error.kind()),
        }
    }
}
