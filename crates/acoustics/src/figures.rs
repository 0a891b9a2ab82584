//! Every figure that is told of a voice, with its unit and its source.

/// A figure's entry in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// The name under which [`crate::VoiceFigures::values`] has it.
    pub name: &'static str,
    /// Its unit; `1` for shares and ratios.
    pub unit: &'static str,
    /// What it is, of which part of the window.
    pub meaning: &'static str,
    /// The paper or program whose definition it follows.
    pub source: &'static str,
}

/// All figures, in the order in which a person reads them.
pub const FIGURES: &[Figure] = &[
    figure(PITCH_HZ, "Hz", "median pitch of the voiced frames, 60 to 800", YIN),
    figure(PITCH_SPREAD, "semitones", "from the 0.1 to the 0.9 quantile of the voiced frames' pitch", YIN),
    figure(VOICED_SHARE, "1", "share of frames that hold voice", YIN),
    figure(JITTER, "1", "mean change of the period from cycle to cycle, by the mean period", "Praat: jitter (local)"),
    figure(SHIMMER, "1", "mean change of the amplitude from cycle to cycle, by the mean one", "Praat: shimmer (local)"),
    figure(HNR_DB, "dB", "mean harmonics-to-noise ratio of the voiced frames", "Boersma 1993; Praat: harmonicity (ac)"),
    figure(LOUDNESS_DBFS, "dBFS", "root of the mean square; a full square wave has 0", "librosa: rms"),
    figure(CLIPPED_SHARE, "1", "share of samples at full scale", OWN),
    figure(
        SPEECH_RATE_HZ,
        "syllables/s",
        "peaks of intensity in voiced parts, pauses included",
        "de Jong and Wempe 2009",
    ),
    figure(PAUSE_SHARE, "1", "share of time in pauses of 0.25 s and more", "Goldman-Eisler's bound of 0.25 s"),
    figure(LONGEST_PAUSE_S, "s", "the longest pause", "Goldman-Eisler's bound of 0.25 s"),
    figure(CENTROID_HZ, "Hz", "mean centre of gravity of the magnitudes", "librosa: spectral_centroid"),
    figure(FLUX, "1", "mean distance of the magnitudes, scaled to sum 1, from those 10 ms before", OWN),
    figure(LOW_BAND_SHARE, "1", "share of the energy below 1 kHz", OWN),
    figure(MID_BAND_SHARE, "1", "share of the energy from 1 to 4 kHz", OWN),
    figure(HIGH_BAND_SHARE, "1", "share of the energy above 4 kHz", OWN),
    figure(BREATHS_PER_MINUTE, "1/min", "audible breaths of the last 30 s; a heuristic", OWN),
    figure(
        ROUGHNESS,
        "1",
        "depth of amplitude modulation at 30 to 150 Hz, below 0.7 of the pitch",
        "Arnal and others 2015",
    ),
    figure(SCREAM_SHARE, "1", "share of the energy at 1 to 4 kHz of voice above 350 Hz", "after Arnal and others 2015"),
    figure(DISTRESS, "1", "weighted sum of the parts that are told with it; no medical or emotional truth", OWN),
];

pub(crate) const PITCH_HZ: &str = "pitch_hz";
pub(crate) const PITCH_SPREAD: &str = "pitch_spread_semitones";
pub(crate) const VOICED_SHARE: &str = "voiced_share";
pub(crate) const JITTER: &str = "jitter";
pub(crate) const SHIMMER: &str = "shimmer";
pub(crate) const HNR_DB: &str = "hnr_db";
pub(crate) const LOUDNESS_DBFS: &str = "loudness_dbfs";
pub(crate) const CLIPPED_SHARE: &str = "clipped_share";
pub(crate) const SPEECH_RATE_HZ: &str = "speech_rate_hz";
pub(crate) const PAUSE_SHARE: &str = "pause_share";
pub(crate) const LONGEST_PAUSE_S: &str = "longest_pause_s";
pub(crate) const CENTROID_HZ: &str = "centroid_hz";
pub(crate) const FLUX: &str = "flux";
pub(crate) const LOW_BAND_SHARE: &str = "low_band_share";
pub(crate) const MID_BAND_SHARE: &str = "mid_band_share";
pub(crate) const HIGH_BAND_SHARE: &str = "high_band_share";
pub(crate) const BREATHS_PER_MINUTE: &str = "breaths_per_minute";
pub(crate) const ROUGHNESS: &str = "roughness";
pub(crate) const SCREAM_SHARE: &str = "scream_share";
pub(crate) const DISTRESS: &str = "distress";

const YIN: &str = "YIN, de Cheveigné and Kawahara 2002";
const OWN: &str = "Samovar's own definition";

const fn figure(name: &'static str, unit: &'static str, meaning: &'static str, source: &'static str) -> Figure {
    Figure { name, unit, meaning, source }
}
