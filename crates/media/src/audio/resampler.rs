//! One track of any rate to 16 kHz, by `rubato`.
//!
//! Rates that stand in a simple ratio to 16 kHz (all that recorders and telephones have) go through its FFT resampler, in
//! blocks of at least [`BLOCK_FRAMES_MIN`] frames of the lower rate: flat to 0.94 of the lower Nyquist frequency, below
//! −120 dB from it on. Others go through its windowed sinc. What comes out does not depend on how the input was cut, begins
//! with the first sample of the input, and lasts as long, rounded up to a sample.

use super::{AUDIO_RATE_HZ, AudioError};
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction,
    calculate_cutoff,
};

/// Frames of the lower rate in a block of the FFT: the more, the steeper the filter and the longer the wait.
const BLOCK_FRAMES_MIN: usize = 512;
/// Largest block; a rate that takes a larger one is in no simple ratio.
const BLOCK_FRAMES_MAX: usize = 16_384;
/// Length of the windowed sinc in samples of the lower rate.
const SINC_LEN: usize = 512;
/// Input frames that the windowed sinc takes at a time.
const SINC_CHUNK_FRAMES: usize = 1_024;

/// A resampler of one track.
pub(super) struct TrackResampler {
    rate_hz: u32,
    /// None where the rate is right already.
    converter: Option<Converter>,
    input_count: u64,
    output_count: u64,
}

struct Converter {
    resampler: Box<dyn Resampler<f32>>,
    /// Input that does not fill a block yet.
    pending: Vec<f32>,
    output: Vec<f32>,
    /// Output samples still to leave out: the filter's delay.
    skip: usize,
}

impl TrackResampler {
    pub(super) fn new(rate_hz: u32) -> Result<Self, AudioError> {
        let converter = if rate_hz == AUDIO_RATE_HZ { None } else { Some(Converter::new(rate_hz)?) };
        Ok(Self { rate_hz, converter, input_count: 0, output_count: 0 })
    }

    /// Appends what `samples` make complete.
    pub(super) fn push(&mut self, samples: &[f32], into: &mut Vec<f32>) -> Result<(), AudioError> {
        let before = into.len();
        self.input_count += samples.len() as u64;
        match &mut self.converter {
            None => into.extend_from_slice(samples),
            Some(converter) => converter.push(samples, into)?,
        }
        self.output_count += (into.len() - before) as u64;
        Ok(())
    }

    /// Appends the rest: all has come.
    pub(super) fn finish(&mut self, into: &mut Vec<f32>) -> Result<(), AudioError> {
        let wanted = (self.input_count * u64::from(AUDIO_RATE_HZ)).div_ceil(u64::from(self.rate_hz));
        let Some(converter) = &mut self.converter else { return Ok(()) };
        while self.output_count < wanted {
            let before = into.len();
            converter.push_silence(into)?;
            self.output_count += (into.len() - before) as u64;
        }
        let surplus = usize::try_from(self.output_count - wanted).unwrap_or(0);
        into.truncate(into.len().saturating_sub(surplus));
        self.output_count = wanted;
        Ok(())
    }
}

impl Converter {
    fn new(rate_hz: u32) -> Result<Self, AudioError> {
        if let Some(frames) = fft_block(rate_hz) {
            let resampler = fft(rate_hz, frames)?;
            let skip = resampler.output_delay();
            return Ok(Self::of(Box::new(resampler), 0, skip));
        }
        let (lead, skip) = sinc_delay(rate_hz);
        Ok(Self::of(Box::new(sinc(rate_hz)?), lead, skip))
    }

    /// A resampler whose filter's delay is `skip` samples of output, with `lead` samples of silence before the input.
    fn of(resampler: Box<dyn Resampler<f32>>, lead: usize, skip: usize) -> Self {
        let mut pending = Vec::with_capacity(resampler.input_frames_max().max(lead));
        pending.resize(lead, 0.0);
        Self { pending, output: vec![0.0; resampler.output_frames_max()], resampler, skip }
    }

    fn push(&mut self, mut samples: &[f32], into: &mut Vec<f32>) -> Result<(), AudioError> {
        loop {
            let missing = self.resampler.input_frames_next().saturating_sub(self.pending.len());
            let (now, later) = samples.split_at(missing.min(samples.len()));
            self.pending.extend_from_slice(now);
            if now.len() < missing {
                return Ok(());
            }
            samples = later;
            self.convert(into)?;
        }
    }

    /// Fills the begun block with silence.
    fn push_silence(&mut self, into: &mut Vec<f32>) -> Result<(), AudioError> {
        self.pending.resize(self.resampler.input_frames_next(), 0.0);
        self.convert(into)
    }

    /// One block, which is whole.
    fn convert(&mut self, into: &mut Vec<f32>) -> Result<(), AudioError> {
        let input = SequentialSlice::new(&self.pending, 1, self.pending.len()).map_err(|_| AudioError::died())?;
        let frames = self.output.len();
        let mut output = SequentialSlice::new_mut(&mut self.output, 1, frames).map_err(|_| AudioError::died())?;
        let converted = self.resampler.process_into_buffer(&input, &mut output, None);
        let (read, written) = converted.map_err(|error| {
            tracing::error!(%error, "a resampler failed");
            AudioError::died()
        })?;
        self.pending.drain(..read);
        let skipped = self.skip.min(written);
        self.skip -= skipped;
        into.extend_from_slice(&self.output[skipped..written]);
        Ok(())
    }
}

/// Input frames of a block; none where the ratio is not simple.
fn fft_block(rate_hz: u32) -> Option<usize> {
    let divisor = greatest_common_divisor(rate_hz, AUDIO_RATE_HZ);
    let (input, output) = ((rate_hz / divisor) as usize, (AUDIO_RATE_HZ / divisor) as usize);
    // An even number of parts, so that the middle of the filter lies on a frame.
    let parts = BLOCK_FRAMES_MIN.div_ceil(input.min(output)).next_multiple_of(2);
    (parts * input.max(output) <= BLOCK_FRAMES_MAX).then_some(parts * input)
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

fn fft(rate_hz: u32, block_frames: usize) -> Result<Fft<f32>, AudioError> {
    let (from, to) = (rate_hz as usize, AUDIO_RATE_HZ as usize);
    Fft::new_custom(from, to, block_frames, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Both)
        .map_err(|_| AudioError::died())
}

fn sinc(rate_hz: u32) -> Result<Async<f32>, AudioError> {
    let ratio = f64::from(AUDIO_RATE_HZ) / f64::from(rate_hz);
    let window = WindowFunction::BlackmanHarris2;
    // The cutoff is that of the length in samples of the lower rate.
    let parameters = SincInterpolationParameters::new(sinc_len(rate_hz), window)
        .f_cutoff(calculate_cutoff(SINC_LEN, window))
        .interpolation(SincInterpolationType::Cubic);
    Async::new_sinc(ratio, 1.0, &parameters, SINC_CHUNK_FRAMES, 1, FixedAsync::Input).map_err(|_| AudioError::died())
}

/// Input samples of the windowed sinc: it is as long in time whatever the input's rate.
fn sinc_len(rate_hz: u32) -> usize {
    SINC_LEN * (rate_hz.div_ceil(AUDIO_RATE_HZ) as usize)
}

/// Silence to put before the input of the windowed sinc, and output to leave out then. Its delay is half its length less one
/// sample of output, which is no whole number of them; with that silence it nearly is.
fn sinc_delay(rate_hz: u32) -> (usize, usize) {
    let delay = |lead: usize| {
        let frames = (sinc_len(rate_hz) / 2 + lead) as f64;
        frames * f64::from(AUDIO_RATE_HZ) / f64::from(rate_hz) - 1.0
    };
    let off = |lead: &usize| (delay(*lead) - delay(*lead).round()).abs();
    let lead = (0..SINC_CHUNK_FRAMES).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0);
    (lead, delay(lead).round() as usize)
}
