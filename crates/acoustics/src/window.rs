//! The window: the last few seconds of a voice, and the figures that they give together.

use crate::figures;
use crate::frames::{FrameFigures, HOP_S};
use crate::loudness::{loudness_dbfs, percentile};
use crate::pauses::Pauses;
use crate::perturbation::Perturbation;
use crate::scream::scream_share;
use crate::second::Second;
use crate::spectrum::SpectrumFigures;
use crate::syllables::speech_rate_hz;
use std::collections::{BTreeMap, VecDeque};

/// The longest window: a minute, some 0.7 MB.
pub(crate) const WINDOW_SECONDS_MAX: usize = 60;

/// The last seconds, no more than a given number.
pub(crate) struct Window {
    seconds: VecDeque<Second>,
    length: usize,
}

impl Window {
    /// A window of so many seconds.
    pub(crate) fn new(length: usize) -> Self {
        Self { seconds: VecDeque::with_capacity(length), length }
    }

    /// Takes in the newest second; the oldest leaves.
    pub(crate) fn push(&mut self, second: Second) {
        if self.seconds.len() == self.length {
            self.seconds.pop_front();
        }
        self.seconds.push_back(second);
    }

    /// All frames, the oldest first.
    pub(crate) fn frames(&self) -> Vec<FrameFigures> {
        self.seconds.iter().flat_map(|second| &second.frames).copied().collect()
    }

    /// How long the sound is that the figures are of, in seconds.
    pub(crate) fn duration_s(&self) -> f64 {
        self.seconds.iter().map(|second| second.frames.len()).sum::<usize>() as f64 * HOP_S
    }

    /// The figures that can be told.
    pub(crate) fn figures(&self, frames: &[FrameFigures]) -> BTreeMap<&'static str, f64> {
        let told = self.of_voice(frames).into_iter().chain(self.of_sound(frames));
        told.filter_map(|(name, value)| Some((name, value.filter(|value| value.is_finite())?))).collect()
    }

    fn of_voice(&self, frames: &[FrameFigures]) -> [(&'static str, Option<f64>); 9] {
        let pitches: Vec<f64> = frames.iter().filter_map(|frame| frame.pitch_hz).collect();
        let voiced = (!frames.is_empty()).then(|| pitches.len() as f64 / frames.len() as f64);
        let roughness = self.seconds.iter().flat_map(|second| &second.roughness).copied();
        [
            (figures::VOICED_SHARE, voiced),
            (figures::PITCH_SPREAD, spread_semitones(&pitches)),
            (figures::PITCH_HZ, percentile(pitches, 0.5)),
            (figures::JITTER, Perturbation::local(self.seconds.iter().map(|second| &second.jitter))),
            (figures::SHIMMER, Perturbation::local(self.seconds.iter().map(|second| &second.shimmer))),
            (figures::HNR_DB, mean(frames.iter().filter_map(|frame| frame.hnr_db))),
            (figures::SPEECH_RATE_HZ, speech_rate_hz(frames)),
            (figures::ROUGHNESS, mean(roughness)),
            (figures::SCREAM_SHARE, scream_share(frames)),
        ]
    }

    fn of_sound(&self, frames: &[FrameFigures]) -> [(&'static str, Option<f64>); 9] {
        let heard = || frames.iter().filter_map(|frame| frame.spectrum);
        let bands = band_shares(frames);
        let pauses = Pauses::of(frames);
        [
            (figures::LOUDNESS_DBFS, loudness_dbfs(frames)),
            (figures::CLIPPED_SHARE, self.clipped_share()),
            (figures::PAUSE_SHARE, pauses.map(|pauses| pauses.share)),
            (figures::LONGEST_PAUSE_S, pauses.map(|pauses| pauses.longest_s)),
            (figures::CENTROID_HZ, mean(heard().map(|spectrum| spectrum.centroid_hz))),
            (figures::FLUX, mean(heard().filter_map(|spectrum| spectrum.flux))),
            (figures::LOW_BAND_SHARE, bands.map(|bands| bands[0])),
            (figures::MID_BAND_SHARE, bands.map(|bands| bands[1])),
            (figures::HIGH_BAND_SHARE, bands.map(|bands| bands[2])),
        ]
    }

    fn clipped_share(&self) -> Option<f64> {
        let samples: usize = self.seconds.iter().map(|second| second.samples).sum();
        let clipped: usize = self.seconds.iter().map(|second| second.clipped).sum();
        (samples > 0).then(|| clipped as f64 / samples as f64)
    }
}

/// From the 0.1 to the 0.9 quantile.
fn spread_semitones(pitches: &[f64]) -> Option<f64> {
    let [low, high] = [0.1, 0.9].map(|share| percentile(pitches.to_vec(), share));
    Some(12.0 * (high? / low?).log2())
}

/// The bands' shares of the energy of all frames that can be heard.
fn band_shares(frames: &[FrameFigures]) -> Option<[f64; 3]> {
    let heard = |frame: &FrameFigures| frame.spectrum.map(|spectrum: SpectrumFigures| (spectrum.bands, frame.power));
    let mut energies = [0.0; 3];
    for (bands, power) in frames.iter().filter_map(heard) {
        for (energy, band) in energies.iter_mut().zip(bands) {
            *energy += band * power;
        }
    }
    let all: f64 = energies.iter().sum();
    (all > 0.0).then(|| energies.map(|energy| energy / all))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
