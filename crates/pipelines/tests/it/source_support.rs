//! Sources under test: what the process holds, and waits for what a source tells.

use samovar_media::FfmpegProgram;
use samovar_pipelines::{
    ReconnectPolicy, SourceAddress, SourceFrame, SourceItem, SourceReader, SourceSpec, SourceState, SourceTools,
};
use samovar_test_camera::{Footage, FootageSpec};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long anything may take on a machine that has other things to do.
pub const LIMIT: Duration = Duration::from_secs(40);

/// Tools that open again soon; none, with a line that says so, where FFmpeg is absent.
pub fn tools() -> Option<SourceTools> {
    let program = FfmpegProgram::find().ok();
    assert!(program.is_some() || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "FFmpeg is absent");
    if program.is_none() {
        println!("skipped: FFmpeg is absent");
    }
    let reconnect = ReconnectPolicy { near_max: Duration::from_secs(1), ..ReconnectPolicy::default() };
    program.map(|program| SourceTools { reconnect, ..SourceTools::new(program) })
}

/// Two seconds of the test picture.
pub fn footage(tools: &SourceTools, size: (u32, u32)) -> Footage {
    Footage::make(&FootageSpec { size, seconds: 2, ..FootageSpec::new(tools.ffmpeg.path()) }).unwrap()
}

/// A source with a short stall limit.
pub fn spec(address: &str) -> SourceSpec {
    let address = SourceAddress::parse(address).unwrap();
    SourceSpec { stall: Duration::from_secs(3), ..SourceSpec::new("door", address) }
}

pub fn start(address: &str, tools: &SourceTools) -> SourceReader {
    SourceReader::start(spec(address), tools.clone()).unwrap()
}

/// Writes a video of this length to `path`, with its index at the front.
pub fn write_video(tools: &SourceTools, path: &Path, seconds: u32) {
    let mut command = std::process::Command::new(tools.ffmpeg.path());
    let made =
        format!("-nostdin -v error -f lavfi -i testsrc2=s=160x120:r=10 -t {seconds} -c:v libx264 -preset ultrafast");
    command.args(made.split(' ')).args(["-pix_fmt", "yuv420p", "-movflags", "faststart"]).arg(path);
    assert!(command.status().unwrap().success());
}

/// The next frame for which `wanted` holds; states go by.
pub async fn frame(reader: &mut SourceReader, wanted: impl Fn(&SourceFrame) -> bool) -> SourceFrame {
    let found = async {
        loop {
            match reader.next().await {
                SourceItem::Frame(frame) if wanted(&frame) => return frame,
                _ => {}
            }
        }
    };
    let found = tokio::time::timeout(LIMIT, found).await;
    assert!(found.is_ok(), "no such frame came; {:?}, {:?}", reader.state(), reader.figures());
    found.unwrap()
}

/// Waits for a state for which `wanted` holds; frames go by.
pub async fn state(reader: &mut SourceReader, wanted: impl Fn(&SourceState) -> bool) -> SourceState {
    let found = async {
        loop {
            match reader.next().await {
                SourceItem::State(state) if wanted(&state) => return state,
                _ => {}
            }
        }
    };
    let found = tokio::time::timeout(LIMIT, found).await;
    assert!(found.is_ok(), "no such state came; {:?}, {:?}", reader.state(), reader.figures());
    found.unwrap()
}

/// What this process holds that sources could leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Threads of sources and decoders.
    pub threads: usize,
    pub descriptors: usize,
    pub children: usize,
}

impl Held {
    pub fn now() -> Self {
        let names = list("/proc/self/task").into_iter();
        let name = |task: String| std::fs::read_to_string(format!("/proc/self/task/{task}/comm")).unwrap_or_default();
        let ours = |name: &String| name.starts_with("source-") || name.starts_with("video-");
        let children = |task: String| std::fs::read_to_string(format!("/proc/self/task/{task}/children"));
        let child_count = |text: String| text.split_whitespace().count();
        Self {
            threads: names.map(name).filter(ours).count(),
            descriptors: list("/proc/self/fd").len(),
            children: list("/proc/self/task").into_iter().flat_map(children).map(child_count).sum(),
        }
    }

    /// Waits until this much is held; tells what is held otherwise.
    pub async fn wait_for(expected: Self) {
        let began = Instant::now();
        while Self::now() != expected {
            assert!(began.elapsed() < LIMIT, "{:?} is held, {expected:?} was at the start", Self::now());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn list(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
