//! A coded live stream through a child: a bounded queue before it, its own thread to feed it, bounded messages behind it.

use super::au::AuStream;
use super::child_command;
use super::child_run::{ChildInput, ChildRun, Message, patience};
use super::live::{LiveCoding, overrun, too_large};
use super::ogg_opus::OggOpus;
use super::source::PcmBlock;
use super::{AudioError, AudioLimits};
use crate::FfmpegProgram;
use crate::video::stoppable::{Stop, Stoppable};
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io::{PipeWriter, Write};
use std::process::ChildStdin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread::JoinHandle;

/// Compressed bytes that wait for the child at most: some minutes of speech.
const QUEUE_BYTES_MAX: usize = 1 << 20;
/// Messages of the child that wait to be taken.
const LIVE_MESSAGES_MAX: usize = 32;

/// A child at work on a live stream. Dropping it kills the child and joins its threads.
pub(super) struct LiveChild {
    queue: Arc<FeedQueue>,
    /// Makes pages of bare packets.
    pages: Option<OggOpus>,
    messages: Option<Receiver<Message>>,
    stream: AuStream,
    limits: AudioLimits,
    is_damaged: bool,
    has_ended: bool,
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl LiveChild {
    pub(super) fn start(coding: LiveCoding, program: FfmpegProgram, limits: &AudioLimits) -> Result<Self, AudioError> {
        let (sender, messages) = sync_channel(LIVE_MESSAGES_MAX);
        let arguments = child_command::live(coding);
        let run = ChildRun { program, arguments, input: ChildInput::Live, limits: limits.clone(), sender };
        let queue = Arc::new(FeedQueue::default());
        let (fed, owing) = (Arc::clone(&queue), Arc::clone(&queue));
        let (watched, stop) = std::io::pipe().map_err(|_| AudioError::no_resources())?;
        let thread = std::thread::Builder::new().name("live-audio".into());
        let thread = thread.spawn(move || run.run(watched, |stdin| Feeder::start(fed, stdin), || owing.is_waiting()));
        Ok(Self {
            queue,
            pages: (coding == LiveCoding::OpusPackets).then(OggOpus::default),
            messages: Some(messages),
            stream: AuStream::default(),
            limits: limits.clone(),
            is_damaged: false,
            has_ended: false,
            stop: Some(stop),
            thread: Some(thread.map_err(|_| AudioError::no_resources())?),
        })
    }

    pub(super) fn push(&mut self, chunk: Bytes) -> Result<(), AudioError> {
        if chunk.len() > QUEUE_BYTES_MAX {
            return Err(too_large("1 MiB of coded sound"));
        }
        let Some(pages) = &mut self.pages else { return self.queue.push(chunk) };
        if !self.queue.has_room(chunk.len()) {
            return Err(overrun());
        }
        self.queue.push(pages.write(&chunk)?)
    }

    /// Whether most of the queue before the child is free.
    pub(super) fn has_room(&self) -> bool {
        self.queue.has_room(QUEUE_BYTES_MAX / 4 * 3)
    }

    /// Closes the child's input once it has taken all.
    pub(super) fn finish(&self) {
        self.queue.finish();
    }

    /// Replaces `block` by what was decoded; false where there is nothing, or, where it `waits`, at the end.
    pub(super) fn next(&mut self, block: &mut PcmBlock, waits: bool) -> Result<bool, AudioError> {
        block.clear();
        let Some(message) = self.receive(waits) else { return Ok(false) };
        match message {
            Message::Bytes(bytes, _) => {
                self.stream.push(&bytes, &self.limits, block)?;
                Ok(true)
            }
            Message::Damaged => {
                self.is_damaged = true;
                Ok(true)
            }
            Message::Ended { is_damaged } => {
                (self.is_damaged, self.has_ended) = (self.is_damaged || is_damaged, true);
                Ok(false)
            }
            Message::Failed(error) => {
                self.has_ended = true;
                Err(error)
            }
        }
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) const fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    fn receive(&self, waits: bool) -> Option<Message> {
        let messages = self.messages.as_ref().filter(|_| !self.has_ended)?;
        let died = || Some(Message::Failed(AudioError::died()));
        if waits {
            return match messages.recv_timeout(patience(&self.limits)) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => died(),
            };
        }
        match messages.try_recv() {
            Ok(message) => Some(message),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => died(),
        }
    }
}

impl Drop for LiveChild {
    fn drop(&mut self) {
        self.queue.close();
        self.messages = None;
        self.stop = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of a live audio child panicked");
        }
    }
}

/// Chunks that wait for the child.
#[derive(Default)]
struct FeedQueue {
    state: Mutex<FeedState>,
    changed: Condvar,
}

#[derive(Default)]
struct FeedState {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    /// No more chunks come.
    is_finished: bool,
    /// Nothing more is written.
    is_closed: bool,
}

impl FeedQueue {
    fn has_room(&self, bytes: usize) -> bool {
        self.state.lock().bytes.saturating_add(bytes) <= QUEUE_BYTES_MAX
    }

    fn push(&self, chunk: Bytes) -> Result<(), AudioError> {
        let mut state = self.state.lock();
        if state.bytes.saturating_add(chunk.len()) > QUEUE_BYTES_MAX {
            return Err(overrun());
        }
        // A child that is gone takes nothing; why is told by what is pulled.
        if !chunk.is_empty() && !state.is_closed && !state.is_finished {
            state.bytes += chunk.len();
            state.chunks.push_back(chunk);
            self.changed.notify_all();
        }
        Ok(())
    }

    /// The next chunk; none when there is none any more. Ends with the next push, or with the stream.
    fn next(&self) -> Option<Bytes> {
        let mut state = self.state.lock();
        while state.chunks.is_empty() && !state.is_finished && !state.is_closed {
            self.changed.wait(&mut state);
        }
        if state.is_closed { None } else { state.chunks.front().cloned() }
    }

    /// The chunk that came last was written.
    fn written(&self) {
        let mut state = self.state.lock();
        let len = state.chunks.pop_front().map_or(0, |chunk| chunk.len());
        state.bytes = state.bytes.saturating_sub(len);
    }

    fn is_waiting(&self) -> bool {
        self.state.lock().bytes > 0
    }

    fn finish(&self) {
        self.state.lock().is_finished = true;
        self.changed.notify_all();
    }

    fn close(&self) {
        *self.state.lock() = FeedState { is_closed: true, ..FeedState::default() };
        self.changed.notify_all();
    }
}

/// The thread that writes to the child. Dropping it ends and joins it.
pub(super) struct Feeder {
    queue: Arc<FeedQueue>,
    stop: Option<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl Feeder {
    fn start(queue: Arc<FeedQueue>, stdin: ChildStdin) -> Result<Self, AudioError> {
        let (stdin, stop) = Stoppable::new(stdin).map_err(|_| AudioError::no_resources())?;
        let fed = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name("live-audio-feed".into());
        let thread = thread.spawn(move || feed(&fed, stdin)).map_err(|_| AudioError::no_resources())?;
        Ok(Self { queue, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.queue.close();
        self.stop = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that feeds live audio panicked");
        }
    }
}

/// Writes until the end of the queue; closing the input tells the child that all is written.
fn feed(queue: &FeedQueue, mut stdin: Stoppable<ChildStdin>) {
    while let Some(chunk) = queue.next() {
        if stdin.write_all(&chunk).is_err() {
            return;
        }
        queue.written();
    }
}
