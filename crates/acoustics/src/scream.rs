//! The band of cries and screams: the energy from 1 to 4 kHz of voice at a high pitch. The ear is keenest there, and screams of fear put
//! their energy there (after Arnal and others, 2015); so do opera, children at play and sirens.

use crate::frames::FrameFigures;

/// The share, 0 to 1, of all the frames' energy that lies from 1 to 4 kHz of voiced frames at a high pitch; none where nothing is voiced.
pub(crate) fn scream_share(frames: &[FrameFigures]) -> Option<f64> {
    let all: f64 = frames.iter().map(|frame| frame.power).sum();
    let is_high = |frame: &&FrameFigures| frame.pitch_hz.is_some_and(|hz| hz >= HIGH_HZ);
    let band = |frame: &FrameFigures| frame.spectrum.map_or(0.0, |spectrum| spectrum.bands[1] * frame.power);
    let screamed: f64 = frames.iter().filter(is_high).map(band).sum();
    (all > 0.0 && frames.iter().any(FrameFigures::is_voiced)).then(|| screamed / all)
}

/// From here a voice is high: above what speech of women and children reaches on the whole.
const HIGH_HZ: f64 = 350.0;
