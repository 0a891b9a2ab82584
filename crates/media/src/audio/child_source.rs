//! A recording that the FFmpeg child decodes.

use super::au::AuStream;
use super::child_command;
use super::child_run::{ChildInput, ChildRun, MESSAGES_MAX, Message, patience};
use super::info::AudioInfo;
use super::input::OpenAudio;
use super::source::{PcmBlock, PcmSource};
use super::{AudioError, AudioLimits};
use crate::FfmpegProgram;
use crate::video::child_log::SourceFacts;
use std::io::PipeWriter;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// A child at work. Dropping it kills the child and joins its thread.
pub(super) struct ChildSource {
    /// None once dropped, which ends a thread that waits for the reader.
    messages: Option<Receiver<Message>>,
    stream: AuStream,
    facts: SourceFacts,
    limits: AudioLimits,
    is_damaged: bool,
    has_ended: bool,
    /// Its end in the thread tells that this one was dropped.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl ChildSource {
    pub(super) fn open(audio: OpenAudio, program: FfmpegProgram, limits: &AudioLimits) -> Result<Self, AudioError> {
        let (sender, messages) = sync_channel(MESSAGES_MAX);
        let run = ChildRun {
            program,
            arguments: child_command::recording(limits),
            input: ChildInput::Recording(audio.into_file()?),
            limits: limits.clone(),
            sender,
        };
        let (watched, stop) = std::io::pipe().map_err(|_| AudioError::no_resources())?;
        let thread = std::thread::Builder::new().name("audio-decoder".into());
        let thread = thread.spawn(move || run.run(watched, |_| Ok(()), || true));
        Ok(Self {
            messages: Some(messages),
            stream: AuStream::default(),
            facts: SourceFacts::default(),
            limits: limits.clone(),
            is_damaged: false,
            has_ended: false,
            stop: Some(stop),
            thread: Some(thread.map_err(|_| AudioError::no_resources())?),
        })
    }

    fn receive(&self) -> Message {
        let died = || Message::Failed(AudioError::died());
        self.messages
            .as_ref()
            .map_or_else(died, |messages| messages.recv_timeout(patience(&self.limits)).unwrap_or_else(|_| died()))
    }
}

impl PcmSource for ChildSource {
    fn next(&mut self, block: &mut PcmBlock) -> Result<bool, AudioError> {
        block.clear();
        if self.has_ended {
            return Ok(false);
        }
        match self.receive() {
            Message::Bytes(bytes, facts) => {
                self.facts = *facts;
                self.stream.push(&bytes, &self.limits, block)?;
                Ok(true)
            }
            // Told of live streams alone.
            Message::Damaged => Ok(true),
            Message::Ended { is_damaged } => {
                (self.is_damaged, self.has_ended) = (is_damaged, true);
                Ok(false)
            }
            Message::Failed(error) => {
                self.has_ended = true;
                Err(error)
            }
        }
    }

    fn info(&self) -> AudioInfo {
        let (rate_hz, channels) = self.stream.layout().unwrap_or_default();
        AudioInfo {
            container: self.facts.container.clone().unwrap_or_default(),
            codec: self.facts.audio_codec.clone().unwrap_or_default(),
            rate_hz,
            channels: u16::try_from(channels).unwrap_or(u16::MAX),
            duration_s: self.facts.duration.map(|duration| duration.as_secs_f64()),
        }
    }

    fn is_damaged(&self) -> bool {
        self.is_damaged
    }
}

impl Drop for ChildSource {
    fn drop(&mut self) {
        self.messages = None;
        self.stop = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of an audio child panicked");
        }
    }
}
