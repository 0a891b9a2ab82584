//! What decoding through the child costs: frames per CPU-second (child and reader together), the child's memory, the
//! time to the first frame.
//!
//! `cargo bench -p samovar-media --bench video`, with the `ffmpeg` that production would use. The video is made by it:
//! 300 frames of 1280×720 with B-frames, a test picture under moving noise.

use samovar_media::{FfmpegProgram, FramePool, VideoDecoder, VideoInput, VideoLimits, VideoOptions, VideoSize};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Clock ticks of `/proc` in a second, as Linux has them everywhere.
const TICKS_PER_SECOND: f64 = 100.0;
const FRAME_COUNT: u32 = 300;
const ROUNDS: u32 = 5;

fn main() {
    let program = FfmpegProgram::find().expect("the bench needs ffmpeg");
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("bench.mp4");
    generate(&program, &path);
    println!("ffmpeg {}", program.version());
    let mut options = VideoOptions::new(program);
    measure("720p, one thread", &path, &options);
    options.threads = NonZeroU32::MIN.saturating_add(1);
    measure("720p, two threads", &path, &options);
    options.threads = NonZeroU32::MIN;
    let side = NonZeroU32::MIN.saturating_add(639);
    options.size = VideoSize::Fit { width: side, height: side };
    measure("720p to 640 wide, one thread", &path, &options);
}

fn generate(program: &FfmpegProgram, path: &Path) {
    let made = Command::new(program.path())
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30:d=10"])
        .args(["-vf", "noise=alls=12:allf=t", "-c:v", "libx264", "-bf", "2", "-crf", "26", "-pix_fmt", "yuv420p"])
        .arg(path)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "the bench needs an ffmpeg with libx264");
}

fn measure(name: &str, path: &Path, options: &VideoOptions) {
    let (cpu_before, began) = (cpu_seconds(), Instant::now());
    let mut first_ms = Vec::new();
    let mut child_mib = 0.0_f64;
    for _ in 0..ROUNDS {
        let opened = Instant::now();
        let input = VideoInput::File(path.to_owned());
        let pool = FramePool::new(8);
        let mut decoder = VideoDecoder::open(input, options.clone(), &VideoLimits::default(), pool).expect("it opens");
        first_ms.push(opened.elapsed().as_secs_f64() * 1000.0);
        let mut count = 0;
        while decoder.next_frame().expect("it decodes").is_some() {
            count += 1;
            if count == FRAME_COUNT - 60 {
                child_mib = child_mib.max(resident_mib(decoder.process_id()));
            }
        }
        assert_eq!(count, FRAME_COUNT);
    }
    let frames = f64::from(FRAME_COUNT * ROUNDS);
    let (wall, (own, child)) = (began.elapsed().as_secs_f64(), cpu_seconds());
    let (own, child) = (own - cpu_before.0, child - cpu_before.1);
    first_ms.sort_by(f64::total_cmp);
    println!(
        "{name}: {:.0} frames/CPU-s (child {child:.2} s, reader {own:.2} s), {:.0} frames/s, \
         first frame {:.0} ms (median), child {child_mib:.0} MiB",
        frames / (own + child),
        frames / wall,
        first_ms[first_ms.len() / 2],
    );
}

/// CPU-seconds of this process and of its children that have ended.
fn cpu_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells it");
    let (_, fields) = stat.rsplit_once(") ").expect("the name stands in brackets");
    let ticks: Vec<f64> = fields.split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
    ((ticks[11] + ticks[12]) / TICKS_PER_SECOND, (ticks[13] + ticks[14]) / TICKS_PER_SECOND)
}

/// The most that a running process held resident.
fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
