//! Frames into an MP4 file: a child encodes, one thread owns the child and feeds it. Frames keep their times.

use super::FfmpegProgram;
use super::child::{ChildLimits, ChildPlan, ConfinedChild};
use super::nut_writer;
use super::sandbox::{Grant, Sandbox};
use super::watch::{Watch, WatchedInput};
use crate::{Frame, MediaError, MediaErrorKind, PixelFormat, YuvMatrix, YuvRange};
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Frames that wait for the child; one is in its hands besides.
const FRAMES_WAITING: usize = 2;
/// Address space of an encoder: the program, and some hundred pictures that x264 looks ahead on.
const ADDRESS_SPACE_BASE_BYTES: u64 = 1 << 30;
const HELD_BYTES_PER_PIXEL: u64 = 512;
const OPEN_FILES_MAX: u64 = 32;
/// What the child writes to its log where the disk is full (ENOSPC).
pub(super) const DISK_FULL: &str = "No space left on device";
/// Where the child finds the file: its standard output, opened once more so that it can seek.
pub(super) const STDOUT_FILE: &str = if cfg!(target_os = "linux") { "file:/proc/self/fd/1" } else { "file:/dev/fd/1" };

/// How a video is encoded.
#[derive(Clone, Debug)]
pub struct EncoderOptions {
    /// The program that encodes: H.264 where it can, else MPEG-4 part 2.
    pub program: FfmpegProgram,
    /// Width of all frames, in pixels. An odd one is padded by one black column.
    pub width: u32,
    /// Height of all frames, in pixels. An odd one is padded by one black row.
    pub height: u32,
    /// Layout of all frames.
    pub format: PixelFormat,
    /// Threads that encode.
    pub threads: NonZeroU32,
    /// Longest wait for the child to take a frame, or to finish after the last one.
    pub stall: Duration,
}

/// A video file that is being written. Dropped before [`finish`](Self::finish), the child is killed and the file removed.
#[derive(Debug)]
pub struct VideoEncoder {
    /// None once all is written.
    frames: Option<SyncSender<Frame>>,
    expected: (u32, u32, PixelFormat),
    /// Its end in the thread tells that this one was dropped.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<Result<(), MediaError>>>,
    path: PathBuf,
    finished: bool,
}

impl VideoEncoder {
    /// Creates the file at `path`, or empties the one that is there, and starts the child.
    ///
    /// # Errors
    /// `Unreadable` where the file cannot be made, `DecoderFailed` where the system has no thread for it.
    pub fn create(path: &Path, options: EncoderOptions) -> Result<Self, MediaError> {
        Self::create_bounded(path, options, None)
    }

    /// The same for a file of `bytes_max` at most; one that would be longer is told as [`MediaErrorKind::TooLarge`].
    pub(super) fn create_bounded(
        path: &Path,
        options: EncoderOptions,
        bytes_max: Option<u64>,
    ) -> Result<Self, MediaError> {
        let mut opening = File::options();
        let file = opening.read(true).write(true).create(true).truncate(true).open(path).map_err(|_| {
            MediaError::new(MediaErrorKind::Unreadable, "the video file cannot be written; check its folder")
        })?;
        let (frames, waiting) = sync_channel(FRAMES_WAITING);
        let (watched_stop, stop) = io::pipe().map_err(|_| no_resources())?;
        let expected = (options.width, options.height, options.format);
        let thread = std::thread::Builder::new()
            .name("video-encoder".into())
            .spawn(move || encode(&options, &OutputFile { file, bytes_max }, &waiting, watched_stop))
            .map_err(|_| no_resources())?;
        let (frames, stop, thread) = (Some(frames), Some(stop), Some(thread));
        Ok(Self { frames, expected, stop, thread, path: path.to_owned(), finished: false })
    }

    /// Hands over the next frame; waits while the child is busy. Its time must be later than the last one's.
    ///
    /// # Errors
    /// `UnsupportedFormat` for a frame of another size or layout; what [`finish`](Self::finish) tells where the child
    /// has failed.
    pub fn write(&mut self, frame: Frame) -> Result<(), MediaError> {
        if (frame.width(), frame.height(), frame.format()) != self.expected {
            return Err(MediaError::new(MediaErrorKind::UnsupportedFormat, "the frames of one video must be alike"));
        }
        let sent = self.frames.as_ref().is_some_and(|frames| frames.send(frame).is_ok());
        if sent { Ok(()) } else { self.join() }
    }

    /// Waits until the file is whole.
    ///
    /// # Errors
    /// `DecoderFailed` where the child died, hung or refused the frames, `OutputFailed` where the disk is full. The file
    /// is then removed.
    pub fn finish(mut self) -> Result<(), MediaError> {
        self.join()?;
        self.finished = true;
        Ok(())
    }

    fn join(&mut self) -> Result<(), MediaError> {
        drop(self.frames.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) | None => Err(failed("ended unexpectedly")),
        }
    }
}

impl Drop for VideoEncoder {
    fn drop(&mut self) {
        drop(self.stop.take());
        drop(self.frames.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if !self.finished {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Where the child writes to.
struct OutputFile {
    file: File,
    /// Longest it may become; no bound where none.
    bytes_max: Option<u64>,
}

impl OutputFile {
    /// Whether the bound is reached.
    fn is_full(&self) -> bool {
        let len = self.file.metadata().map_or(0, |facts| facts.len());
        self.bytes_max.is_some_and(|bytes_max| len >= bytes_max)
    }
}

/// The whole life of the thread.
fn encode(
    options: &EncoderOptions,
    output: &OutputFile,
    frames: &Receiver<Frame>,
    stop: PipeReader,
) -> Result<(), MediaError> {
    let mut child = spawn(options, output)?;
    let (stdin, stderr) = (child.take_stdin(), child.take_stderr());
    let input = Watch::new(stderr, stop).and_then(|watch| WatchedInput::new(stdin, watch));
    let mut input = input.map_err(|_| no_resources())?;
    let fed = feed(options, &mut input, frames);
    let mut watch = input.close();
    watch.allow(options.stall);
    if fed.is_ok() {
        watch.read_log_to_end();
    }
    let status = if fed.is_ok() { child.wait(options.stall) } else { None };
    if status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let log = watch.log().tail();
    tracing::warn!(?fed, ?status, log, "a video was not encoded");
    if log.contains(DISK_FULL) {
        return Err(MediaError::new(MediaErrorKind::OutputFailed, "the disk is full; make room and try again"));
    }
    if output.is_full() {
        return Err(MediaError::new(MediaErrorKind::TooLarge, "the video is longer than allowed; take fewer seconds"));
    }
    Err(failed(if status.is_some() { "refused the frames" } else { "died or made no progress" }))
}

fn feed(options: &EncoderOptions, input: &mut WatchedInput, frames: &Receiver<Frame>) -> io::Result<()> {
    input.watch.allow(options.stall);
    input.write_all(&nut_writer::stream_head(options.width, options.height, fourcc(options.format)))?;
    // Ends when the encoder drops its sender.
    while let Ok(frame) = frames.recv() {
        input.watch.allow(options.stall);
        input.write_all(&nut_writer::frame_head(frame.timestamp(), frame.pixels().len() as u64))?;
        input.write_all(frame.pixels())?;
    }
    Ok(())
}

fn spawn(options: &EncoderOptions, output: &OutputFile) -> Result<ConfinedChild, MediaError> {
    let program = options.program.path();
    let stdout = output.file.try_clone().map_err(|_| no_resources())?;
    let pixels = u64::from(options.width) * u64::from(options.height);
    ConfinedChild::spawn(ChildPlan {
        program,
        arguments: arguments(options).into_iter().map(Into::into).collect(),
        stdin: Stdio::piped(),
        sandbox: Sandbox::new(program, Grant::Write(&output.file)),
        extra: None,
        stdout: stdout.into(),
        limits: ChildLimits {
            address_space_bytes: ADDRESS_SPACE_BASE_BYTES + pixels.saturating_mul(HELD_BYTES_PER_PIXEL),
            // The frames are ours: as many as there are may be encoded.
            cpu_s: u64::MAX,
            file_bytes: output.bytes_max,
            open_files: OPEN_FILES_MAX,
        },
    })
}

fn arguments(options: &EncoderOptions) -> Vec<String> {
    let codec =
        if options.program.has_x264() { "-c:v libx264 -preset veryfast -crf 20" } else { "-c:v mpeg4 -qscale:v 3" };
    let words = format!(
        "-nostdin -hide_banner -nostats -loglevel level+warning -y -filter_threads 1 -protocol_whitelist pipe \
         -f nut -i pipe:0 -an -sn -dn -filter:v {} {codec} -threads {} -pix_fmt yuv420p -fps_mode passthrough \
         -enc_time_base 1:{TIME_UNITS} -video_track_timescale {TIME_UNITS} -f mp4 {STDOUT_FILE}",
        filters(options),
        options.threads,
    );
    words.split(' ').map(str::to_owned).collect()
}

/// Parts of a second in the file: MPEG-4 part 2 holds no more than 65,535.
const TIME_UNITS: u32 = 60_000;

/// Even sides, as 4:2:0 codecs need them, and colours that say what they are.
fn filters(options: &EncoderOptions) -> String {
    let (convert, matrix, range) = match options.format {
        PixelFormat::Rgb8 => ("scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,", "bt709", "tv"),
        PixelFormat::Yuv420 { matrix, range } => ("", matrix_name(matrix), range_name(range)),
    };
    format!("{convert}setparams=colorspace={matrix}:range={range},pad=ceil(iw/2)*2:ceil(ih/2)*2")
}

const fn matrix_name(matrix: YuvMatrix) -> &'static str {
    match matrix {
        YuvMatrix::Bt601 => "smpte170m",
        YuvMatrix::Bt709 => "bt709",
    }
}

const fn range_name(range: YuvRange) -> &'static str {
    match range {
        YuvRange::Limited => "tv",
        YuvRange::Full => "pc",
    }
}

const fn fourcc(format: PixelFormat) -> [u8; 4] {
    match format {
        PixelFormat::Rgb8 => *b"RGB\x18",
        PixelFormat::Yuv420 { .. } => *b"I420",
    }
}

fn no_resources() -> MediaError {
    failed("could not be started")
}

fn failed(what: &str) -> MediaError {
    MediaError::new(MediaErrorKind::DecoderFailed, format!("the video encoder {what}; run `samovar doctor`"))
}
