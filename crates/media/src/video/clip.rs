//! The last seconds of a stream as an MP4 file: packets are put into it as they are, pictures are encoded.

use super::child::{ChildLimits, ChildPlan, ConfinedChild};
use super::encoder::{DISK_FULL, STDOUT_FILE};
use super::packet_ring::PacketClip;
use super::picture_ring::TimedPicture;
use super::sandbox::{Grant, Sandbox};
use super::watch::{Watch, WatchedInput};
use super::{EncoderOptions, FfmpegProgram, VideoEncoder, nut_writer};
use crate::{FramePool, MediaError, MediaErrorKind, PixelFormat, to_rgb};
use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Address space beside the packets: the program, and what it holds until it knows the streams.
const ADDRESS_SPACE_BYTES: u64 = 1 << 30;
const OPEN_FILES_MAX: u64 = 32;
/// Pictures in work at once: one being decoded, those that wait for the encoder.
const PICTURES_IN_WORK: usize = 4;

/// How a clip is written.
#[derive(Clone, Debug)]
pub struct ClipOptions {
    /// The program that writes.
    pub program: FfmpegProgram,
    /// Longest file, in bytes.
    pub bytes_max: u64,
    /// Longest time that writing may take.
    pub time_max: Duration,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipFacts {
    /// From its first to its last picture.
    pub duration: Duration,
    /// Pictures in it.
    pub pictures: usize,
    /// Pictures of another size, or that could not be decoded, which were left out.
    pub left_out: usize,
    /// Length of the file.
    pub bytes: u64,
}

/// Writes packets to an MP4 file at `path` without encoding them, so that it begins at their key frame. Waits until it
/// is whole; the thread must live that long.
///
/// # Errors
/// `Unreadable` where the file cannot be made, `TooLarge` where it would be longer than allowed, `OutputFailed` where
/// the disk is full, `DecoderFailed` where the child died, hung or refused the packets. No file is left then.
pub fn write_clip(clip: &PacketClip, path: &Path, options: &ClipOptions) -> Result<ClipFacts, MediaError> {
    let times = || clip.packets.iter().map(|packet| packet.time);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Err(MediaError::new(MediaErrorKind::Corrupt, "there are no packets to make a clip of"));
    };
    let size: u64 = clip.packets.iter().map(|packet| packet.data.len() as u64).sum();
    if size > options.bytes_max {
        return Err(too_long());
    }
    let file = create(path)?;
    let written = remux(clip, first, &file, options).and_then(|()| length(&file));
    match written {
        Ok(bytes) => {
            let pictures = clip.packets.len();
            Ok(ClipFacts { duration: last - first, pictures, left_out: 0, bytes })
        }
        Err(error) => {
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}

/// Decodes pictures and encodes them into an MP4 file at `path`, at their own times. Waits until it is whole; the thread
/// must live that long. Pictures of another size than the newest are left out.
///
/// # Errors
/// As [`write_clip`]; `Corrupt` where no picture can be decoded.
pub fn write_picture_clip(
    pictures: &[TimedPicture],
    path: &Path,
    options: &ClipOptions,
) -> Result<ClipFacts, MediaError> {
    let none = || MediaError::new(MediaErrorKind::Corrupt, "there are no pictures to make a clip of");
    let (width, height) = pictures.last().ok_or_else(none)?.picture.size();
    let started = Instant::now();
    let encoder_options = EncoderOptions {
        program: options.program.clone(),
        width,
        height,
        format: PixelFormat::Rgb8,
        threads: NonZeroU32::MIN,
        stall: options.time_max,
    };
    let mut encoder = VideoEncoder::create_bounded(path, encoder_options, Some(options.bytes_max))?;
    let pool = FramePool::new(PICTURES_IN_WORK);
    let alike = pictures.iter().filter(|picture| picture.picture.size() == (width, height));
    let mut span: Option<(Duration, Duration)> = None;
    let mut count = 0;
    for picture in alike {
        if started.elapsed() > options.time_max {
            return Err(MediaError::new(MediaErrorKind::DecoderFailed, "the clip took too long; take a shorter one"));
        }
        // Times must grow: what a clock that was set back has doubled is left out.
        let is_later = span.is_none_or(|(_, last)| picture.time > last);
        let Some(frame) = picture.picture.frame(&pool).ok().filter(|_| is_later) else { continue };
        let first = span.map_or(picture.time, |(first, _)| first);
        encoder.write(to_rgb(&frame, &pool).at(picture.time - first))?;
        (span, count) = (Some((first, picture.time)), count + 1);
    }
    let (first, last) = span.ok_or_else(none)?;
    encoder.finish()?;
    let bytes = std::fs::metadata(path).map_err(|_| failed("cannot be found again"))?.len();
    Ok(ClipFacts { duration: last - first, pictures: count, left_out: pictures.len() - count, bytes })
}

fn create(path: &Path) -> Result<File, MediaError> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(|_| MediaError::new(MediaErrorKind::Unreadable, "the clip's file cannot be written; check its folder"))
}

fn length(file: &File) -> Result<u64, MediaError> {
    match file.metadata() {
        Ok(facts) if facts.len() > 0 => Ok(facts.len()),
        _ => Err(failed("is empty")),
    }
}

/// Feeds the packets to a child that writes them to `file`, their times counted from `first`.
fn remux(clip: &PacketClip, first: Duration, file: &File, options: &ClipOptions) -> Result<(), MediaError> {
    let mut child = spawn(file, options)?;
    // Nobody stops a clip but its time limit.
    let (stop, _held) = io::pipe().map_err(|_| failed("could not be started"))?;
    let (stdin, stderr) = (child.take_stdin(), child.take_stderr());
    let input = Watch::new(stderr, stop).and_then(|watch| WatchedInput::new(stdin, watch));
    let mut input = input.map_err(|_| failed("could not be started"))?;
    input.watch.allow(options.time_max);
    let fed = feed(clip, first, &mut input);
    let mut watch = input.close();
    watch.read_log_to_end();
    let status = if fed.is_ok() { child.wait(options.time_max) } else { child.wait(Duration::ZERO) };
    if fed.is_ok() && status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let log = watch.log().tail();
    tracing::warn!(?fed, ?status, log, "a clip was not written");
    Err(judge(&log, file, options))
}

fn judge(log: &str, file: &File, options: &ClipOptions) -> MediaError {
    if log.contains(DISK_FULL) {
        return MediaError::new(MediaErrorKind::OutputFailed, "the disk is full; make room and try again");
    }
    if file.metadata().is_ok_and(|facts| facts.len() >= options.bytes_max) {
        return too_long();
    }
    failed("could not be written")
}

fn feed(clip: &PacketClip, first: Duration, input: &mut WatchedInput) -> io::Result<()> {
    input.write_all(&nut_writer::packet_stream_head(&clip.codec))?;
    for packet in &clip.packets {
        let len = packet.data.len() as u64;
        input.write_all(&nut_writer::packet_head(packet.time - first, len, packet.is_key))?;
        input.write_all(&packet.data)?;
    }
    Ok(())
}

fn spawn(file: &File, options: &ClipOptions) -> Result<ConfinedChild, MediaError> {
    let program = options.program.path();
    // What players need to begin is moved to the front, so that a browser shows the clip while it comes.
    let arguments = format!(
        "-nostdin -hide_banner -nostats -loglevel level+warning -y -protocol_whitelist pipe -format_whitelist nut \
         -probesize 5000000 -f nut -i pipe:0 -map 0:v:0 -map_metadata -1 -an -sn -dn -c:v copy \
         -protocol_whitelist file -movflags +faststart -f mp4 {STDOUT_FILE}"
    );
    let stdout = file.try_clone().map_err(|_| failed("could not be started"))?;
    ConfinedChild::spawn(ChildPlan {
        program,
        arguments: arguments.split(' ').filter(|word| !word.is_empty()).map(Into::into).collect(),
        stdin: Stdio::piped(),
        stdout: stdout.into(),
        extra: None,
        limits: ChildLimits {
            address_space_bytes: ADDRESS_SPACE_BYTES.saturating_add(options.bytes_max),
            cpu_s: options.time_max.as_secs().saturating_add(1),
            file_bytes: Some(options.bytes_max),
            open_files: OPEN_FILES_MAX,
        },
        sandbox: Sandbox::new(program, Grant::Write(file)),
    })
}

fn too_long() -> MediaError {
    MediaError::new(MediaErrorKind::TooLarge, "the clip is longer than allowed; take fewer seconds")
}

fn failed(what: &str) -> MediaError {
    MediaError::new(MediaErrorKind::DecoderFailed, format!("the clip {what}; run `samovar doctor`"))
}
