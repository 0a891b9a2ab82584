//! Bytes of a call to samples, without ever waiting on the caller's thread.

use bytes::Bytes;
use samovar_media::{AudioError, AudioErrorKind, AudioLimits, ChannelChoice, LiveAudio, LiveFormat};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The sound's way in.
pub(super) struct Intake {
    state: State,
    /// A child decodes, and wakes nobody.
    is_coded: bool,
    /// Bytes came.
    is_fed: bool,
    /// Sound came of them.
    is_sounding: bool,
    /// That some of it is damaged was told.
    has_told_damage: bool,
}

/// What a child had left.
pub(super) enum Drained {
    Sound(Vec<f32>),
    /// Some of it was damaged; that was all.
    Damaged(AudioError),
    Failed(AudioError),
}

enum State {
    Open(LiveAudio),
    /// No more bytes come; what the child still has is waited for on a thread that may wait.
    Ending(Option<LiveAudio>),
    Draining(JoinHandle<Pulled>),
    Done,
}

type Pulled = (LiveAudio, Result<Option<Vec<f32>>, AudioError>);

impl Intake {
    /// How often a child is looked at for what it has decoded.
    pub(super) const PERIOD: Duration = Duration::from_millis(20);

    pub(super) fn new(sound: LiveFormat, channels: ChannelChoice, limits: &AudioLimits) -> Result<Self, AudioError> {
        let is_coded = matches!(sound, LiveFormat::Coded { .. });
        let state = State::Open(LiveAudio::new(sound, channels, limits)?);
        Ok(Self { state, is_coded, is_fed: false, is_sounding: false, has_told_damage: false })
    }

    /// Takes bytes in; what comes after the end is nothing.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), AudioError> {
        self.is_fed |= !bytes.is_empty();
        match &mut self.state {
            State::Open(audio) => audio.push(Bytes::copy_from_slice(bytes)),
            _ => Ok(()),
        }
    }

    /// Whether a child decodes.
    pub(super) const fn is_coded(&self) -> bool {
        self.is_coded
    }

    /// Whether the next bytes find room.
    pub(super) fn has_room(&self) -> bool {
        !matches!(&self.state, State::Open(audio) if !audio.has_room())
    }

    /// What was decoded by now.
    pub(super) fn pull(&mut self) -> Result<Option<Vec<f32>>, AudioError> {
        let block = match &mut self.state {
            State::Open(audio) => audio.pull()?.map(|block| block.mono().to_vec()),
            State::Ending(Some(audio)) if !self.is_coded => audio.pull()?.map(|block| block.mono().to_vec()),
            _ => None,
        };
        self.is_sounding |= block.is_some();
        Ok(block)
    }

    /// What there is to say of damage in a stream that goes on: once, and only where some of it was heard.
    pub(super) fn take_damage(&mut self) -> Option<AudioError> {
        let is_damaged = matches!(&self.state, State::Open(audio) if self.is_coded && audio.is_damaged());
        if !is_damaged || !self.is_sounding || self.has_told_damage {
            return None;
        }
        self.has_told_damage = true;
        Some(damaged())
    }

    /// No more bytes come.
    pub(super) fn finish(&mut self) -> Result<(), AudioError> {
        if let State::Open(mut audio) = std::mem::replace(&mut self.state, State::Done) {
            audio.finish()?;
            self.state = State::Ending(Some(audio));
        }
        Ok(())
    }

    /// Nothing more is read.
    pub(super) fn stop(&mut self) {
        self.state = State::Done;
    }

    /// Whether somebody has to look again by themselves.
    pub(super) const fn is_silent_worker(&self) -> bool {
        self.is_coded && matches!(self.state, State::Open(_))
    }

    /// Whether there is nothing more to come. What a child has left is taken a block at a time, where there `is_room`.
    pub(super) fn is_done(&mut self, is_room: bool) -> bool {
        if let State::Ending(audio) = &mut self.state {
            match audio.take().filter(|_| self.is_coded) {
                None => self.state = State::Done,
                Some(audio) if is_room => self.state = State::Draining(tokio::task::spawn_blocking(|| drain(audio))),
                Some(waiting) => *audio = Some(waiting),
            }
        }
        matches!(self.state, State::Done)
    }

    /// The next of what a child has left.
    pub(super) fn poll_drained(&mut self, context: &mut Context<'_>) -> Poll<Drained> {
        let State::Draining(run) = &mut self.state else { return Poll::Pending };
        let Poll::Ready(pulled) = std::pin::Pin::new(run).poll(context) else { return Poll::Pending };
        self.state = State::Done;
        Poll::Ready(match pulled {
            Ok((audio, Ok(Some(block)))) => {
                self.state = State::Ending(Some(audio));
                self.is_sounding = true;
                Drained::Sound(block)
            }
            Ok((audio, Ok(None))) => self.end(audio.is_damaged()),
            // A child that was given nothing has nothing to complain of.
            Ok((_, Err(_))) if !self.is_fed => Drained::Sound(Vec::new()),
            Ok((_, Err(error))) => Drained::Failed(error),
            Err(_) => {
                let sentence = "the audio decoder was lost; try again";
                Drained::Failed(AudioError::new(AudioErrorKind::DecoderFailed, sentence))
            }
        })
    }

    /// What there is to say at the end of what a child has decoded.
    fn end(&self, is_damaged: bool) -> Drained {
        match (self.is_sounding, is_damaged && !self.has_told_damage) {
            (true, false) => Drained::Sound(Vec::new()),
            (true, true) => Drained::Damaged(damaged()),
            (false, _) => {
                let sentence = "there is no sound behind the head of the stream, or it is damaged";
                Drained::Failed(AudioError::new(AudioErrorKind::Damaged, sentence))
            }
        }
    }
}

fn damaged() -> AudioError {
    AudioError::new(AudioErrorKind::Damaged, "some of the sound is damaged or cut off; the rest is heard")
}

fn drain(mut audio: LiveAudio) -> Pulled {
    let block = audio.pull().map(|block| block.map(|block| block.mono().to_vec()));
    (audio, block)
}
