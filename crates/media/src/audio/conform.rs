//! Decoded blocks of any rate and layout to tracks at 16 kHz, with their places in time.

use super::mixdown::ChannelChoice;
use super::resampler::TrackResampler;
use super::source::PcmBlock;
use super::{AudioError, AudioErrorKind, AudioLimits};
use std::time::Duration;

/// Some samples of every track, mono at 16 kHz, full scale ±1.
#[derive(Clone, Copy, Debug)]
pub struct AudioBlock<'a> {
    /// Place of the first sample, counted from the beginning of the audio, in samples at 16 kHz.
    pub start: u64,
    /// One, or as many as there are channels, all of one length.
    pub tracks: &'a [Vec<f32>],
}

impl<'a> AudioBlock<'a> {
    /// The samples of the first track.
    pub fn mono(&self) -> &'a [f32] {
        self.tracks.first().map_or(&[], Vec::as_slice)
    }
}

/// Mixes and resamples, and counts what went through.
pub(super) struct Conform {
    choice: ChannelChoice,
    limits: AudioLimits,
    /// None before the first samples.
    layout: Option<(u32, usize)>,
    resamplers: Vec<TrackResampler>,
    mixed: Vec<f32>,
    /// What came out and was not handed over yet.
    tracks: Vec<Vec<f32>>,
    /// Of these, how many are handed over.
    handed: usize,
    /// Place of the first sample in `tracks`.
    start: u64,
    /// How long the input was so far, in nanoseconds of each stretch of one rate.
    lasted: Duration,
    frames: u64,
}

impl Conform {
    pub(super) fn new(choice: ChannelChoice, limits: &AudioLimits) -> Self {
        Self {
            choice,
            limits: limits.clone(),
            layout: None,
            resamplers: Vec::new(),
            mixed: Vec::new(),
            tracks: Vec::new(),
            handed: 0,
            start: 0,
            lasted: Duration::ZERO,
            frames: 0,
        }
    }

    /// Takes a decoded block in.
    pub(super) fn push(&mut self, block: &PcmBlock) -> Result<(), AudioError> {
        if block.samples.is_empty() {
            return Ok(());
        }
        self.adapt(block.rate_hz, block.channels)?;
        self.frames += block.frames() as u64;
        self.limits.check_duration(self.lasted())?;
        for (index, resampler) in self.resamplers.iter_mut().enumerate() {
            self.choice.track(block, index, &mut self.mixed);
            resampler.push(&self.mixed, &mut self.tracks[index])?;
        }
        Ok(())
    }

    /// Takes the end in.
    pub(super) fn finish(&mut self) -> Result<(), AudioError> {
        for (resampler, track) in self.resamplers.iter_mut().zip(&mut self.tracks) {
            resampler.finish(track)?;
        }
        self.resamplers.clear();
        Ok(())
    }

    /// Samples that wait to be handed over.
    pub(super) fn held(&self) -> usize {
        self.tracks.first().map_or(0, Vec::len)
    }

    /// Hands over what waits; none where that is nothing.
    pub(super) fn block(&mut self) -> Option<AudioBlock<'_>> {
        self.handed = self.held();
        (self.handed > 0).then_some(AudioBlock { start: self.start, tracks: &self.tracks })
    }

    /// Forgets what was handed over.
    pub(super) fn release(&mut self) {
        let handed = std::mem::take(&mut self.handed);
        self.start += handed as u64;
        self.tracks.iter_mut().for_each(|track| drop(track.drain(..handed)));
    }

    /// Sets everything up for another rate or layout; what was begun ends as at an end.
    fn adapt(&mut self, rate_hz: u32, channels: usize) -> Result<(), AudioError> {
        if self.layout == Some((rate_hz, channels)) {
            return Ok(());
        }
        self.limits.check_layout(rate_hz, channels)?;
        self.choice.check(channels)?;
        self.lasted = self.lasted();
        self.frames = 0;
        self.finish()?;
        let count = self.choice.track_count(channels);
        if self.layout.is_some() && count != self.tracks.len() {
            let sentence = "the number of channels changes within the audio; send it in parts";
            return Err(AudioError::new(AudioErrorKind::Layout, sentence));
        }
        self.tracks.resize_with(count, Vec::new);
        self.resamplers = (0..count).map(|_| TrackResampler::new(rate_hz)).collect::<Result<_, _>>()?;
        self.layout = Some((rate_hz, channels));
        Ok(())
    }

    fn lasted(&self) -> Duration {
        let rate_hz = self.layout.map_or(1, |(rate_hz, _)| rate_hz);
        self.lasted + Duration::from_secs_f64(self.frames as f64 / f64::from(rate_hz))
    }
}
