//! One child that decodes access units of one sequence: a thread writes them to it, the owner's thread reads frames.

use super::access_units::{AccessUnitEvent, Work, no_resources};
use super::child::{ChildLimits, ChildPlan, ConfinedChild};
use super::decode_command::access_unit_arguments;
use super::decoding::{ADDRESS_SPACE_BASE_BYTES, HELD_BYTES_PER_PIXEL, OPEN_FILES_MAX};
use super::nut::{NutError, NutReader};
use super::nut_writer;
use super::packet_ring::PacketCodec;
use super::sandbox::{Grant, Sandbox};
use super::stoppable::Stoppable;
use super::unit_queue::{Unit, UnitQueue};
use super::watch::{Watch, WatchedOutput};
use crate::{Frame, MediaError, MediaErrorKind, PixelFormat, YuvMatrix, YuvRange};
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io::{ErrorKind, PipeReader, Read, Write};
use std::process::{ChildStdin, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Access units that the child may hold. Enough that it never waits for the next one.
const IN_CHILD_MAX: usize = 8;
/// Between the times of two access units in the child's stream.
const STEP: Duration = Duration::from_millis(10);
/// How often a silent child is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// The next access unit begins another sequence.
    NextSequence,
    /// The decoder was dropped.
    Closed,
}

/// What the pushing side, the writing thread and the owner share.
#[derive(Debug)]
pub(super) struct Feed {
    state: Mutex<FeedState>,
    /// Told whenever the state changes.
    changed: Condvar,
}

#[derive(Debug)]
struct FeedState {
    queue: UnitQueue,
    /// Access units in the child: place in the row, number.
    in_child: VecDeque<(u64, u64)>,
    /// Access units that the child was given so far: what it gives lies before it in the row.
    written_count: u64,
    /// Since when the child takes nothing although something waits.
    blocked_since: Option<Instant>,
    /// The session's child is gone or going: nothing more is written to it.
    is_over: bool,
    /// The next access unit begins another sequence.
    is_next_sequence: bool,
    is_closed: bool,
    failed: Option<MediaError>,
    process_id: Option<u32>,
}

impl Feed {
    pub(super) fn new(units_max: usize, bytes_max: usize) -> Self {
        let state = FeedState {
            queue: UnitQueue::new(units_max, bytes_max),
            in_child: VecDeque::new(),
            written_count: 0,
            blocked_since: None,
            is_over: false,
            is_next_sequence: false,
            is_closed: false,
            failed: None,
            process_id: None,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn push(&self, number: u64, unit: Bytes) -> Result<Vec<u64>, MediaError> {
        let mut state = self.state.lock();
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        let pushed = state.queue.push(number, unit);
        self.changed.notify_all();
        pushed
    }

    /// False once closed. Ends with the next push or with the decoder.
    pub(super) fn wait_for_unit(&self) -> bool {
        let mut state = self.state.lock();
        while state.queue.front().is_none() && !state.is_closed {
            self.changed.wait(&mut state);
        }
        (state.is_over, state.is_next_sequence) = (false, false);
        state.in_child.clear();
        state.written_count = 0;
        !state.is_closed
    }

    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_all();
    }

    pub(super) fn fail(&self, error: MediaError) {
        self.state.lock().failed = Some(error);
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        self.state.lock().process_id
    }

    /// Ends the writing thread where it waits for access units.
    fn end_session(&self) {
        self.state.lock().is_over = true;
        self.changed.notify_all();
    }

    /// The next access unit for the child, when it has room; none where the session ends here.
    fn next(&self, sps: &mut Option<Bytes>, place: u64) -> Option<Unit> {
        let mut state = self.state.lock();
        loop {
            if state.is_over || state.is_closed {
                return None;
            }
            let is_full = state.in_child.len() >= IN_CHILD_MAX;
            match state.queue.front() {
                Some(unit) if sps.is_some() && unit.sps.is_some() && unit.sps != *sps => {
                    state.is_next_sequence = true;
                    return None;
                }
                Some(_) if !is_full => break,
                Some(_) => state.blocked_since = state.blocked_since.or_else(|| Some(Instant::now())),
                None => {}
            }
            self.changed.wait(&mut state);
        }
        let unit = state.queue.pop()?;
        *sps = sps.take().or_else(|| unit.sps.clone());
        state.in_child.push_back((place, unit.number));
        state.written_count = place + 1;
        // Writing may block, too.
        state.blocked_since = Some(Instant::now());
        Some(unit)
    }

    fn written(&self) {
        self.state.lock().blocked_since = None;
    }

    /// Takes the access units up to `place` out of the child: those that gave no picture, and the one that did. That is none where its
    /// place has passed already, as with B-frames, which come after a picture that is shown later: it was told as empty.
    fn came_out(&self, place: u64) -> Result<(Vec<u64>, Option<u64>), NutError> {
        let mut state = self.state.lock();
        let mut empty = Vec::new();
        while let Some((_, number)) = state.in_child.pop_front_if(|(held, _)| *held < place) {
            empty.push(number);
        }
        let number = state.in_child.pop_front_if(|(held, _)| *held == place).map(|(_, number)| number);
        if number.is_none() && place >= state.written_count {
            return Err(NutError::Malformed("a frame that nobody asked for"));
        }
        state.blocked_since = None;
        self.changed.notify_all();
        Ok((empty, number))
    }

    /// Those that the child kept for itself.
    fn left_over(&self) -> Vec<u64> {
        self.state.lock().in_child.drain(..).map(|(_, number)| number).collect()
    }

    /// What has closed the child's input, where this side did.
    fn own_end(&self) -> Option<SessionEnd> {
        let state = self.state.lock();
        if state.is_closed {
            Some(SessionEnd::Closed)
        } else {
            state.is_next_sequence.then_some(SessionEnd::NextSequence)
        }
    }

    fn is_blocked_for(&self, limit: Duration) -> bool {
        self.state.lock().blocked_since.is_some_and(|since| since.elapsed() >= limit)
    }
}

/// Decodes until the sequence changes, the decoder is dropped, or the child fails.
pub(super) fn run_session(work: &mut Work, stop: PipeReader) -> Result<SessionEnd, MediaError> {
    let mut child = spawn(work)?;
    work.feed.state.lock().process_id = Some(child.id());
    let (stdin, stdout, stderr) = (child.take_stdin(), child.take_stdout(), child.take_stderr());
    let output = Watch::new(stderr, stop).and_then(|watch| WatchedOutput::new(stdout, watch));
    let mut output = output.map_err(|_| no_resources())?;
    let feed = Arc::clone(&work.feed);
    let (stdin, stop_writing) = Stoppable::new(stdin).map_err(|_| no_resources())?;
    let writer = std::thread::Builder::new().name("access-unit-feed".into()).spawn(move || write_units(&feed, stdin));
    let writer = writer.map_err(|_| no_resources())?;
    let read = read_frames(work, &mut output);
    let end = conclude(work, &mut child, &mut output, &read);
    drop(child);
    drop(stop_writing);
    work.feed.end_session();
    if writer.join().is_err() {
        tracing::error!("the thread that feeds access units panicked");
    }
    for number in work.feed.left_over() {
        (work.sink)(AccessUnitEvent::Empty { number });
    }
    end
}

fn spawn(work: &Work) -> Result<ConfinedChild, MediaError> {
    let program = work.options.program.path();
    let pixels = u64::from(work.options.limits.side_px).pow(2);
    ConfinedChild::spawn(ChildPlan {
        program,
        arguments: access_unit_arguments(work.options.size, &work.options.limits),
        stdin: Stdio::piped(),
        stdout: Stdio::piped(),
        extra: None,
        limits: ChildLimits {
            address_space_bytes: ADDRESS_SPACE_BASE_BYTES + pixels.saturating_mul(HELD_BYTES_PER_PIXEL),
            // A stream may last for days; a child that takes and gives nothing is stopped for that.
            cpu_s: u64::MAX,
            file_bytes: Some(0),
            open_files: OPEN_FILES_MAX,
        },
        sandbox: Sandbox::new(program, Grant::Nothing),
    })
}

/// The whole life of the writing thread. It ends with the session.
fn write_units(feed: &Feed, mut stdin: Stoppable<ChildStdin>) {
    // The size is only a hint: the parameter sets tell it.
    let mut head = nut_writer::packet_stream_head(&PacketCodec::h264(16, 16));
    let mut sps = None;
    for place in 0.. {
        let Some(unit) = feed.next(&mut sps, place) else { return };
        head.extend(nut_writer::packet_head(STEP * place as u32, unit.bytes.len() as u64, unit.is_key));
        let written = stdin.write_all(&head).and_then(|()| stdin.write_all(&unit.bytes));
        head.clear();
        feed.written();
        if written.is_err() {
            return;
        }
    }
}

/// The child's output, whose silence counts only while it owes something.
struct PatientOutput<'a> {
    output: &'a mut WatchedOutput,
    feed: &'a Feed,
    stall: Duration,
}

impl Read for PatientOutput<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            self.output.watch.allow(LOOK.min(self.stall));
            match self.output.read(into) {
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    if self.feed.is_blocked_for(self.stall) || self.output.watch.log().trouble.too_large {
                        return Err(error);
                    }
                }
                read => return read,
            }
        }
    }
}

fn read_frames(work: &mut Work, output: &mut WatchedOutput) -> Result<(), NutError> {
    let feed = Arc::clone(&work.feed);
    let mut reader = NutReader::open(PatientOutput { output, feed: &feed, stall: work.options.limits.stall })?;
    let (width, height) = (reader.stream().width, reader.stream().height);
    if &reader.stream().fourcc != b"I420" || width.max(height) > work.options.limits.side_px {
        return Err(NutError::Malformed("an unexpected picture"));
    }
    let mut format = None;
    while let Some(head) = reader.next_frame()? {
        let size = PixelFormat::Yuv420 { matrix: YuvMatrix::Bt601, range: YuvRange::Limited }.size_bytes(width, height);
        if head.payload_bytes != size as u64 {
            return Err(NutError::Malformed("a frame of the wrong length"));
        }
        let mut pixels = work.pool.take(size);
        reader.read_payload(&mut pixels)?;
        let color = reader.source_mut().output.watch.log().facts.color;
        let format = *format.get_or_insert_with(|| {
            let (matrix, range) = color.unwrap_or((YuvMatrix::Bt601, YuvRange::Limited));
            PixelFormat::Yuv420 { matrix, range }
        });
        let place = head.timestamp.as_nanos() / STEP.as_nanos();
        let (empty, number) = feed.came_out(u64::try_from(place).unwrap_or(u64::MAX))?;
        empty.into_iter().for_each(|number| (work.sink)(AccessUnitEvent::Empty { number }));
        let Some(number) = number else { continue };
        let frame = Frame::new(width, height, format, Duration::ZERO, pixels);
        (work.sink)(AccessUnitEvent::Frame { number, frame });
    }
    Ok(())
}

/// Judges how the child ended, or ends it.
fn conclude(
    work: &Work,
    child: &mut ConfinedChild,
    output: &mut WatchedOutput,
    read: &Result<(), NutError>,
) -> Result<SessionEnd, MediaError> {
    if matches!(read, Err(NutError::Io(error)) if error.kind() == ErrorKind::ConnectionAborted) {
        return Ok(SessionEnd::Closed);
    }
    let is_silent = matches!(read, Err(NutError::Io(error)) if error.kind() == ErrorKind::TimedOut);
    if matches!(read, Err(NutError::Malformed(_))) {
        // It would go on, and its end be waited for.
        child.kill();
    }
    if !is_silent {
        output.watch.allow(work.options.limits.stall);
        output.watch.read_log_to_end();
    }
    let status = if is_silent { None } else { child.wait(work.options.limits.stall) };
    let trouble = output.watch.log().trouble;
    let own_end = work.feed.own_end().filter(|_| read.is_ok() && status.is_some_and(|status| status.code().is_some()));
    if let Some(end) = own_end {
        return Ok(end);
    }
    tracing::warn!(?read, ?status, log = output.watch.log().tail(), "access units are not decoded");
    let (kind, sentence) = if trouble.too_large {
        (MediaErrorKind::TooLarge, "the video's picture is over the size limit; scale it down first")
    } else if is_silent && trouble.damaged {
        (MediaErrorKind::Corrupt, "nothing in these access units can be decoded; send H.264 from a key frame on")
    } else if is_silent {
        (MediaErrorKind::DecoderFailed, "the video decoder made no progress and was stopped; try again")
    } else {
        (MediaErrorKind::DecoderFailed, "the video decoder died; try again")
    };
    Err(MediaError::new(kind, sentence))
}
