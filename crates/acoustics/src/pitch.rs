//! Pitch by YIN (de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and music", 2002): the lag at which the
//! sound differs least from itself, 60 to 800 Hz, refined by a parabola.

use crate::fft::Fft;
use crate::frames::FRAME;
use crate::intake::SAMPLE_RATE;
use crate::loudness::percentile;
use realfft::num_complex::Complex;

/// Tells the pitch of frames.
pub(crate) struct PitchTracker {
    fft: Fft,
    /// The spectrum of the still half, while the other is transformed.
    still: Vec<Complex<f64>>,
    /// d(τ) of the paper: how much the sound differs from itself τ later.
    difference: Vec<f64>,
    /// d′(τ): the same, by its mean up to τ.
    normalised: Vec<f64>,
}

impl PitchTracker {
    pub(crate) fn new() -> Self {
        let fft = Fft::new(FRAME);
        let still = fft.bins.clone();
        Self { fft, still, difference: vec![0.0; LAG_MAX + 2], normalised: vec![1.0; LAG_MAX + 2] }
    }

    /// The pitch of a frame in hertz; none where nothing repeats well enough to be a voice.
    pub(crate) fn pitch_hz(&mut self, frame: &[f32]) -> Option<f64> {
        self.compare(&frame[START..START + SPAN]);
        self.normalise();
        let lag = self.first_dip()?;
        let lag = lag as f64 + vertex(&self.difference[lag - 1..=lag + 1]);
        Some(SAMPLE_RATE as f64 / lag)
    }

    /// Steps 1 and 2 of the paper, with the product of the sound and its later self by way of the spectrum.
    fn compare(&mut self, sound: &[f32]) {
        let mean = sound.iter().map(|&sample| f64::from(sample)).sum::<f64>() / sound.len() as f64;
        let centred = |&sample: &f32| f64::from(sample) - mean;
        self.fft.load(sound[..STILL].iter().map(centred));
        self.fft.forward();
        self.still.copy_from_slice(&self.fft.bins);
        self.fft.load(sound.iter().map(centred));
        let mut energy: f64 = self.fft.time[..STILL].iter().map(|sample| sample * sample).sum();
        let first = energy;
        for lag in 0..self.difference.len() {
            self.difference[lag] = first + energy;
            energy += self.fft.time[lag + STILL].powi(2) - self.fft.time[lag].powi(2);
        }
        self.fft.forward();
        for (bin, still) in self.fft.bins.iter_mut().zip(&self.still) {
            *bin *= still.conj();
        }
        self.fft.inverse();
        for (difference, product) in self.difference.iter_mut().zip(&self.fft.time) {
            *difference = (*difference - 2.0 * product / FRAME as f64).max(0.0);
        }
    }

    /// Step 3.
    fn normalise(&mut self) {
        let mut sum = 0.0;
        for lag in 1..self.difference.len() {
            sum += self.difference[lag];
            self.normalised[lag] = if sum > 0.0 { self.difference[lag] * lag as f64 / sum } else { 1.0 };
        }
    }

    /// Step 4: the bottom of the first dip that is nearly as deep as the deepest, where that is deep enough for a voice. The paper's fixed
    /// threshold alone gives twice the period, or thrice, where noise leaves no dip below it.
    fn first_dip(&self) -> Option<usize> {
        let depth = |lag: usize| self.normalised[lag];
        let deepest = (LAG_MIN..=LAG_MAX).map(depth).fold(f64::INFINITY, f64::min);
        if deepest >= VOICED {
            return None;
        }
        let threshold = DIP.max(deepest + NEARLY);
        let first = (LAG_MIN..=LAG_MAX).find(|&lag| depth(lag) < threshold)?;
        (first..=LAG_MAX).find(|&lag| depth(lag + 1) >= depth(lag)).or(Some(LAG_MAX))
    }
}

/// Mends jumps by octaves (and twelfths) in the pitches of hops that follow each other: a frame that tells half, twice, a third or three
/// times what its neighbours tell repeats as theirs do.
pub(crate) fn mend_octaves(pitches: &mut [Option<f64>]) {
    let told = pitches.to_vec();
    for (hop, pitch) in pitches.iter_mut().enumerate() {
        let around = &told[hop.saturating_sub(NEIGHBOURS)..(hop + NEIGHBOURS + 1).min(told.len())];
        let usual = percentile(around.iter().copied().flatten().collect(), 0.5);
        let Some((hz, usual)) = pitch.as_mut().zip(usual) else { continue };
        if let Some(factor) = OCTAVES.iter().find(|&factor| (*hz * factor / usual - 1.0).abs() < SAME) {
            *hz = (*hz * factor).clamp(HZ_MIN, HZ_MAX);
        }
    }
}

/// Where, −1 to 1 from the middle, a parabola through three values that follow each other turns; 0 for a line.
pub(crate) fn vertex(values: &[f64]) -> f64 {
    let bend = values[0] - 2.0 * values[1] + values[2];
    let place = if bend == 0.0 { 0.0 } else { 0.5 * (values[0] - values[2]) / bend };
    place.clamp(-1.0, 1.0)
}

/// The lags of 800 and of 60 Hz, in samples.
const LAG_MIN: usize = SAMPLE_RATE / 800;
const LAG_MAX: usize = SAMPLE_RATE.div_ceil(60);

/// Samples that are compared with as many later ones: 32 ms, two periods of the lowest voice.
const STILL: usize = 512;

/// What is looked at of a frame, from the middle to both sides.
const SPAN: usize = STILL + LAG_MAX + 2;
const START: usize = (FRAME - SPAN) / 2;

/// The first dip below this is the period: the paper's absolute threshold.
const DIP: f64 = 0.1;

/// Where the deepest dip is no deeper, the first that is within this of it.
const NEARLY: f64 = 0.1;

/// From this depth of the deepest dip nothing is voice. White noise stays above 0.8; hoarse voices and the ends of words come near.
const VOICED: f64 = 0.4;

/// Hops to either side that a jump is told by, and by what a jump multiplies.
const NEIGHBOURS: usize = 15;
const OCTAVES: [f64; 4] = [2.0, 0.5, 3.0, 1.0 / 3.0];

/// How near, as a share, a mended pitch must be to its neighbours'.
const SAME: f64 = 0.15;

/// The pitches that are told.
const HZ_MIN: f64 = 60.0;
const HZ_MAX: f64 = 800.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_has_its_pitch() {
        let mut tracker = PitchTracker::new();
        for hz in [61.0, 83.7, 150.0, 333.3, 512.0, 790.0] {
            let frame: Vec<f32> =
                (0..FRAME).map(|n| (std::f64::consts::TAU * hz * n as f64 / 16_000.0).sin() as f32).collect();
            let found = tracker.pitch_hz(&frame).unwrap();
            assert!((found / hz - 1.0).abs() < 0.005, "{hz} Hz was told as {found}");
        }
    }

    #[test]
    fn jumps_by_octaves_are_mended_and_melodies_are_not() {
        let mut pitches: Vec<Option<f64>> = (0..40).map(|hop| (hop != 7).then_some(110.0 + f64::from(hop))).collect();
        let melody = pitches.clone();
        (pitches[12], pitches[20], pitches[30]) = (Some(61.0), Some(260.0), Some(420.0));
        mend_octaves(&mut pitches);
        assert_eq!((pitches[12], pitches[20], pitches[30]), (Some(122.0), Some(130.0), Some(140.0)));
        let mut untouched = melody.clone();
        mend_octaves(&mut untouched);
        assert_eq!(untouched, melody);
    }

    #[test]
    fn silence_has_none() {
        assert_eq!(PitchTracker::new().pitch_hz(&[0.0; FRAME]), None);
    }
}
